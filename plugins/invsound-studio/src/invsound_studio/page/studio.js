// the page: an instrument, a recording, searches, and the knobs of what is heard
import { get, getSamples, post } from "./server.js";
import { draw, drawDifference, loudest, spectrogram } from "./spectrogram.js";
import { knobs } from "./knobs.js";
import { at, doing, said, typing } from "./words.js";
import { gains, loud, place, play, playing, stop } from "./sound.js";
import { follow, searches } from "./searches.js";
import { arrived, recordings } from "./recordings.js";
import { saving } from "./saving.js";

// setting: which parts; bench: what they are; found: the match whose errors are shown; target: what distances are to
export const now = { setting: null, bench: null, found: null, target: null, command: "", recording: null, sound: null, knobs: null };
let role = "sound", rendering = false, again = false, measured = 0, choosing = 0;

const chosen = () => ({
  synth: at("synth").value, feature: at("feature").value, solver: at("solver").value,
  lines: at("lines").value.split("\n").map(line => line.trim()).filter(Boolean),
});

// another instrument: its knobs at mid-range, and what it hears of the recording
async function choose() {
  const turn = ++choosing, setting = chosen(), bench = await post("bench", { setting });
  if (turn !== choosing) return; // chosen anew meanwhile
  install(setting, bench);
  await show(bench.middle, null);
  await heard();
}

function install(setting, bench) {
  Object.assign(now, { setting, bench, recording: null, target: null });
  at("save-preset").hidden = !bench.preset;
  at("save-preset").textContent = `Preset (${bench.preset})`;
  at("options").tBodies[0].replaceChildren(...bench.options.map(row => {
    const line = document.createElement("tr");
    line.append(...[row.key, row.value, row.help].map(text => Object.assign(document.createElement("td"), { textContent: text })));
    return line;
  }));
}

// values on the knobs, with what a match knows of them
export async function show(values, found, command = "") {
  Object.assign(now, { found, command });
  now.knobs = knobs(at("knobs"), now.bench.space, values, found, () => doing(turned));
  at("advice").textContent = found?.advice ?? "";
  at("random").textContent = found?.random_distance ? found.random_distance.toPrecision(4) : "–";
  at("command").textContent = command || "–";
  at("back").disabled = !found;
  await turned(false);
}

function instrument(setting, bench) {
  install(setting, bench);
  for (const kind of ["synth", "feature", "solver"]) at(kind).value = setting[kind];
  at("lines").value = setting.lines.join("\n");
}

// a run: what it has learned, and the sounds that it keeps
async function openRun() {
  const name = at("run").value;
  if (!name) return;
  const { setting, bench, sounds } = await post("runs", { name });
  instrument(setting, bench);
  await show(bench.middle, null);
  await arrived(sounds);
  said(`Opened ${name}: its encoder answers at once.`);
}

// a match of a search or a file: its setting first, if that is another
export async function showMatch(match, setting, bench, target, command) {
  if (bench || JSON.stringify(setting) !== JSON.stringify(now.setting)) instrument(setting, bench ?? await post("bench", { setting }));
  await show(match.parameters, match, command);
  if (target) await aim(target, await getSamples(`searches/${target.search}/target`));
}

// what distances are to, and what A/B compares with
export async function aim(target, x) {
  now.target = target;
  now.recording = x && { ...await loud(x, now.bench.sample_rate), levels: spectrogram(x, now.bench.sample_rate) };
  for (const name of ["ab", "difference"]) at(name).disabled = !now.recording;
  at("onward").disabled = !target?.sound && !now.found;
  pictures();
  await measure();
}

let heard = async () => {};

async function turned(aloud = at("aloud").checked && navigator.userActivation?.hasBeenActive) {
  if (rendering) { again = true; return; }
  rendering = true;
  try {
    do {
      again = false;
      await render();
    } while (again);
  } finally { rendering = false; }
  if (aloud) { role = "sound"; sounding(0); }
  await measure();
}

async function render() {
  const begun = performance.now(), { send, samples } = await import("./server.js");
  const x = await samples(await send("render", JSON.stringify({ setting: now.setting, values: now.knobs.values() })));
  now.sound = { ...await loud(x, now.bench.sample_rate), levels: spectrogram(x, now.bench.sample_rate) };
  pictures();
  document.body.dataset.latency = Math.round(performance.now() - begun);
}

async function measure() {
  const turn = ++measured;
  if (!now.target) { at("distance").textContent = "–"; return; }
  const { distance } = await post("measure", { setting: now.setting, values: now.knobs.values(), target: now.target });
  if (turn === measured) at("distance").textContent = distance.toPrecision(4);
}

function pictures() {
  const top = Math.max(...[now.recording, now.sound].filter(Boolean).map(s => loudest(s.levels)), -100);
  const blank = canvas => canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  now.recording ? draw(at("left"), now.recording.levels, top) : blank(at("left"));
  const differ = at("difference").checked && now.recording;
  at("right-title").textContent = differ ? "difference: red where the sound is louder, blue where the recording is" : "sound";
  if (now.sound) differ ? drawDifference(at("right"), now.recording.levels, now.sound.levels, top) : draw(at("right"), now.sound.levels, top);
}

export function sounding(from) {
  const other = role === "sound" ? now.sound : now.recording, both = now.recording ? gains(now.recording, now.sound) : [1, 1];
  if (!other) return;
  said(role === "sound" ? "Playing the sound." : "Playing the recording.");
  play(other, now.recording ? both[role === "sound" ? 1 : 0] : 1 / Math.max(1, other.peak), from, () => said(""));
}

export function hearRecording() { role = "recording"; sounding(0); }
const toggle = () => { if (playing()) { stop(); said(""); } else sounding(0); };
const swap = () => { if (now.recording) { role = role === "sound" ? "recording" : "sound"; sounding(playing() ? place() : 0); } };

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const key = event.key.toLowerCase(), button = event.target.closest("button, summary, input[type=checkbox]");
  if (key === " " && !button) { event.preventDefault(); toggle(); }
  if (key === "b") swap();
  if (key === "d" && now.recording) at("difference").click();
});

at("play").addEventListener("click", toggle);
at("ab").addEventListener("click", swap);
at("difference").addEventListener("change", pictures);
at("apply").addEventListener("click", () => doing(choose));
for (const name of ["synth", "feature", "solver"]) at(name).addEventListener("change", () => doing(choose));
at("synth").addEventListener("change", () => { at("run").value = ""; }); // which learned another
at("run").addEventListener("change", () => doing(openRun));
at("back").addEventListener("click", () => doing(async () => { now.knobs.set(now.found.parameters); await turned(); }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => follow());

await doing(async () => {
  const parts = await get("parts");
  for (const kind of ["synth", "feature", "solver"]) {
    const rows = parts[kind].map(part => Object.assign(document.createElement("option"), { value: part.name, textContent: `${part.name} · ${part.summary}` }));
    at(kind).replaceChildren(...(kind === "solver" ? [Object.assign(document.createElement("option"), { value: "", textContent: "as invsound chooses" })] : []), ...rows);
  }
  at("runs").hidden = !parts.runs.length;
  at("run").replaceChildren(...["", ...parts.runs].map(name => Object.assign(document.createElement("option"), { value: name, textContent: name || "none" })));
  heard = recordings(parts);
  searches();
  saving();
  await choose();
  document.body.dataset.ready = "yes";
});
