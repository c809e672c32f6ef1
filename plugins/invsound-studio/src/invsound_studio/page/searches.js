// the queue: what is searched, how near it is, and a way to hear it, to stop it, to turn its knobs
import { get, post } from "./server.js";
import { curve } from "./chart.js";
import { element } from "./knobs.js";
import { at, doing, said } from "./words.js";
import { now, show, showMatch, sounding } from "./studio.js";

const rows = new Map();
let awaited = null, timer = null;

export async function begin(target, fix = {}, start = {}) {
  const search = await post("searches", { setting: now.setting, target, fix, start, budget: at("budget").value, encoder: at("run").value });
  awaited = search.id;
  take(search);
  follow();
}

const WORDS = { waiting: "waits", searching: "searches", found: "ended", stopped: "stopped", failed: "failed" };

function take(search) {
  at("searches").hidden = false;
  const row = rows.get(search.id) ?? made(search);
  row.search = search;
  const near = search.nearest, over = !["waiting", "searching"].includes(search.state);
  const parts = [WORDS[search.state]];
  if (near) parts.push(`distance ${near.distance.toPrecision(4)}`, near.random_distance ? `a random sound is at ${near.random_distance.toPrecision(4)}` : "", `${near.evaluations} sounds in ${near.seconds.toFixed(0)} s`);
  else if (search.state === "searching") parts.push("makes candidates ready, once for these parts, and listens");
  row.state.textContent = `${parts.filter(Boolean).join(", ")}. ${search.state === "found" ? "" : search.said}`;
  row.stop.hidden = over;
  row.near.hidden = !near || over;
  row.open.hidden = search.state !== "found";
  row.picture.hidden = search.curve.length < 2;
  curve(row.picture, search.curve);
  row.picture.setAttribute("aria-label", `Distance over time of ${search.name}${near ? `, now ${near.distance.toPrecision(4)}` : ""}`);
}

function made(search) {
  const button = textContent => element("button", { type: "button", textContent });
  const row = {
    state: element("p", { className: "notes" }), stop: button("Stop"), near: button("Hear the nearest so far"), open: button("Turn its knobs"),
    picture: element("canvas", { width: 1200, height: 160 }),
  };
  row.picture.setAttribute("role", "img");
  for (const one of [row.stop, row.near, row.open]) one.setAttribute("aria-label", `${one.textContent}: ${search.name}`);
  row.stop.addEventListener("click", () => doing(() => post(`searches/${search.id}/stop`, {}), "It ends, and says how sure it is …"));
  row.near.addEventListener("click", () => doing(async () => {
    if (JSON.stringify(row.search.setting) !== JSON.stringify(now.setting)) throw new Error("This search is of another instrument: wait until it has ended.");
    await show(row.search.nearest.parameters, null);
    sounding(0);
  }));
  row.open.addEventListener("click", () => doing(() => opened(row.search)));
  at("queue").prepend(element("li", {}, element("h3", { textContent: search.name }), row.state, row.picture, element("div", { className: "row" }, row.near, row.stop, row.open)));
  rows.set(search.id, row);
  return row;
}

async function opened(search) {
  await showMatch(await get(`searches/${search.id}`), search.setting, null, { search: search.id }, search.command);
  at("result").scrollIntoView({ block: "start" });
}

// asks again and again while something is searched
export async function follow() {
  clearTimeout(timer);
  const all = await doingQuietly(() => get("searches"));
  if (!all) return;
  all.forEach(take);
  const ended = all.find(search => search.id === awaited && search.state === "found");
  if (ended) { awaited = null; await doing(() => opened(ended)); said(`Matched ${ended.name}.`); }
  if (all.some(search => ["waiting", "searching"].includes(search.state))) timer = setTimeout(follow, 400);
}

async function doingQuietly(work) {
  try { return await work(); } catch (error) { at("wrong").textContent = error.message; return null; }
}

export function searches() { follow(); }
