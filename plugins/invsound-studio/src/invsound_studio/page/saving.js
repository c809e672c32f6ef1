// what is kept: the sound, its parameters, and how to come back
import { post, send } from "./server.js";
import { at, doing, said } from "./words.js";
import { keep, wav } from "./wave.js";
import { now, showMatch } from "./studio.js";

const stem = () => (now.found?.name ?? "sound").replace(/\.\w+$/, "").replace(/[^\w-]+/g, "-") || "sound";

// a match.json as invsound match writes it, with the options, and with the values that are on the knobs
function match() {
  const { setting, found, command } = now;
  const kept = { synth: setting.synth, feature: setting.feature, solver: setting.solver, options: setting.lines, parameters: now.knobs.values() };
  const turned = found && Object.entries(kept.parameters).some(([name, value]) => value !== found.parameters[name]);
  return { name: stem(), ...(turned ? {} : found), ...kept, ...(command ? { command } : {}) };
}

// JSON texts are YAML
const yaml = value => Object.entries(value).map(([key, one]) => `${key}: ${JSON.stringify(one)}\n`).join("");

export function saving() {
  at("save-wav").addEventListener("click", () => doing(async () => keep(wav(now.sound.x, now.sound.rate), `${stem()}.wav`)));
  at("save-json").addEventListener("click", () => doing(async () => keep(new Blob([JSON.stringify(match(), null, 1)], { type: "application/json" }), `${stem()}.json`)));
  at("save-yaml").addEventListener("click", () => doing(async () => keep(new Blob([yaml(now.knobs.values())], { type: "application/yaml" }), `${stem()}.yaml`)));
  at("save-preset").addEventListener("click", () => doing(async () => {
    const file = await (await send("preset", JSON.stringify({ setting: now.setting, values: now.knobs.values(), name: stem() }))).blob();
    keep(file, stem() + now.bench.preset);
  }));
  at("open").addEventListener("change", () => doing(async () => {
    const [file] = at("open").files;
    const text = await file.text();
    at("open").value = "";
    let saved;
    try { saved = JSON.parse(text); } catch { throw new Error(`${file.name} is no JSON. Open a match.json of invsound match, or one saved here.`); }
    const opened = await post("open", saved);
    await showMatch({ ...saved, determined: saved.determined ?? Object.fromEntries(opened.bench.space.map(p => [p.name, true])) }, opened.setting, opened.bench, null, saved.command);
    said(`Opened ${file.name}.`);
  }));
}
