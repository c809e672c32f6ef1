// sounds that were dropped, chosen or recorded; the part of one that is compared
import { decoded, post, send } from "./server.js";
import { waveform } from "./chart.js";
import { at, doing, said, wrong } from "./words.js";
import { aim, hearRecording, now, show } from "./studio.js";
import { record } from "./wave.js";
import { begin as search } from "./searches.js";

const sounds = new Map(), trims = new Map();
let recording = null, limit = Infinity;

export const current = () => sounds.get(at("sounds").value);
const trim = () => trims.get(current()?.id) ?? { begin: 0, end: 1 };

// what the server is told of it: the part that is left of it, in seconds
export function target(sound = current()) {
  const { begin, end } = trims.get(sound.id) ?? { begin: 0, end: 1 }, whole = begin <= 0 && end >= 1;
  return { sound: sound.id, begin: whole ? 0 : begin * sound.seconds, end: whole ? null : end * sound.seconds };
}

function add(sound) {
  sounds.set(sound.id, sound);
  at("sounds").append(Object.assign(document.createElement("option"), { value: sound.id, textContent: sound.name }));
  at("sounds").value = sound.id;
  at("trim").hidden = false;
}

async function take(file, name = file.name) {
  if (file.size > limit) throw new Error(`${name} is more than ${limit / 2 ** 20} MiB, which is what the studio takes. Give a shorter sound.`);
  add(await (await send(`sounds?name=${encodeURIComponent(name)}`, file)).json());
  await changed();
}

async function several(files) {
  for (const file of files) await doing(() => take(file), `Sending ${file.name} …`);
}

function drawn() {
  const sound = current();
  if (!sound) return;
  const { begin, end } = trim();
  at("begin").value = begin;
  at("end").value = end;
  for (const name of ["begin", "end"]) at(name).setAttribute("aria-valuetext", `${(at(name).value * sound.seconds).toFixed(3)} s`);
  waveform(at("wave"), sound.peaks, begin, end);
}

// hear what will be compared, and say what was done to it
async function changed() {
  drawn();
  if (!current()) return;
  at("notes").textContent = "";
  const given = target(), heard = await post("hear", { setting: now.setting, target: given });
  at("notes").textContent = heard.notes.length ? `${heard.notes.join("; ")}.` : "It is compared as it is.";
  await aim(given, decoded(heard.x));
}

// those of a run that was opened; the first is chosen
export async function arrived(kept) {
  kept.forEach(add);
  if (kept.length) at("sounds").value = kept[0].id;
  await changed();
}

export function recordings({ sounds: known, limit: most }) {
  limit = most;
  known.forEach(add);
  const cut = () => {
    const begin = Math.min(at("begin").valueAsNumber, 0.999), end = Math.max(at("end").valueAsNumber, begin + 0.001);
    trims.set(current().id, { begin, end });
    drawn();
  };
  for (const name of ["begin", "end"]) {
    at(name).addEventListener("input", cut);
    at(name).addEventListener("change", () => doing(changed));
  }
  at("sounds").addEventListener("change", () => doing(changed));
  at("files").addEventListener("change", async () => { const files = [...at("files").files]; at("files").value = ""; await several(files); });
  at("hear").addEventListener("click", () => doing(async () => { await changed(); hearRecording(); }));
  at("match").addEventListener("click", () => doing(() => search(target())));
  at("match-all").addEventListener("click", () => doing(async () => { for (const sound of sounds.values()) await search(target(sound)); }));
  at("onward").addEventListener("click", () => doing(async () => {
    const values = now.knobs.values(), locked = now.knobs.locked();
    if (!current()) throw new Error("Match what? Drop the recording first.");
    const fix = Object.fromEntries(locked.map(name => [name, values[name]]));
    await search(target(), fix, Object.fromEntries(Object.entries(values).filter(([name]) => !locked.includes(name))));
  }));
  at("guess").addEventListener("click", () => doing(async () => {
    const { answers } = await post("guess", { setting: now.setting, target: target(), encoder: at("run").value });
    if (!answers.length) throw new Error("Nobody answers at once: this synthesizer does not listen. Match, or start the studio with --run RUN, and choose that run.");
    await show(answers[0].parameters, null);
    await changed();
    said(`${answers[0].who} says this at once.`);
  }, "Listening …"));
  at("record").addEventListener("click", () => doing(async () => {
    if (recording) {
      const end = recording;
      recording = null;
      at("record").textContent = "record";
      at("record").setAttribute("aria-pressed", "false");
      await take(await end(), `recording ${sounds.size + 1}.wav`);
      return;
    }
    recording = await record().catch(error => { throw new Error(`The microphone cannot be used: ${error.message}`); });
    at("record").textContent = "stop recording";
    at("record").setAttribute("aria-pressed", "true");
  }));
  const drop = at("drop");
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    document.addEventListener(name, event => { event.preventDefault(); drop.classList.toggle("over", over); });
  }
  document.addEventListener("drop", event => {
    if (!event.dataTransfer.files.length) return wrong("That was no file. Drop WAV, FLAC, OGG, AIFF or MP3 files.");
    several([...event.dataTransfer.files]);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawn);
  return changed;
}
