// parameters as sliders in their unit and scale, choices as menus; their standard errors, and locks
const STEPS = 2000;
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
export { element };

const share = (p, value) => (p.scale === "log" ? Math.log(value / p.low) / Math.log(p.high / p.low) : (value - p.low) / (p.high - p.low));
function valued(p, at) {
  const value = p.scale === "log" ? p.low * (p.high / p.low) ** at : p.low + at * (p.high - p.low);
  return Math.min(Math.max(p.step ? p.low + Math.round((value - p.low) / p.step) * p.step : value, p.low), p.high);
}
const number = v => (typeof v === "number" ? Number(v.toPrecision(5)).toString() : v);
export const told = (p, value) => `${number(value)}${p.unit ? ` ${p.unit}` : ""}${p.unit === "rad/s" ? ` (${number(value / 2 / Math.PI)} Hz)` : ""}`;

// what is known of each: its error, whether it is determined, at an end of its range, or held
function known(p, found) {
  if (!found) return {};
  if (found.at_bound?.[p.name]) return { said: "at the end of its range", unknown: true };
  const determined = found.determined?.[p.name], error = found.standard_errors?.[p.name] ?? null;
  if (determined === undefined) return { said: "held" };
  return { error, unknown: !determined, said: determined ? (error === null ? "" : `± ${Number(error.toPrecision(2))}${p.unit ? ` ${p.unit}` : ""}`) : "not determined" };
}

// rows of `space` into `place`; `turned` is called with every turn; gives values(), set(values), locked()
export function knobs(place, space, values, found, turned) {
  const rows = space.map((p, index) => {
    const { error, unknown, said } = known(p, found), id = `knob-${index}`;
    const output = element("output", { htmlFor: id });
    let input, value, show;
    const track = element("div", { className: "track" });
    if (p.options) {
      input = element("select", { id }, ...p.options.map(option => element("option", { textContent: option })));
      show = () => { input.value = value; };
      input.addEventListener("change", () => { value = input.value; turned(p.name); });
      track.append(input);
    } else {
      input = element("input", { id, type: "range", min: 0, max: STEPS, step: p.step ? Math.max(1, STEPS * p.step / (p.high - p.low)) : 1 });
      if (p.step) input.step = "any";
      show = () => {
        input.value = STEPS * share(p, value);
        output.textContent = told(p, value);
        input.setAttribute("aria-valuetext", told(p, value));
      };
      input.addEventListener("input", () => {
        value = valued(p, input.value / STEPS);
        if (p.step) value = Number.isInteger(p.step) && Number.isInteger(p.low) ? Math.round(value) : value;
        output.textContent = told(p, value);
        input.setAttribute("aria-valuetext", told(p, value));
        turned(p.name);
      });
      if (p.step) input.addEventListener("keydown", event => {
        const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
        if (!way) return;
        event.preventDefault();
        input.value = STEPS * share(p, Math.min(Math.max(value + way * p.step, p.low), p.high));
        input.dispatchEvent(new Event("input"));
      });
      if (error !== null && error !== undefined) {
        const band = element("div", { className: "error" }), at = found.parameters[p.name];
        const [a, b] = [Math.max(at - error, p.low), Math.min(at + error, p.high)].map(v => share(p, v));
        band.style.left = `${100 * a}%`;
        band.style.width = `${100 * Math.max(b - a, 0)}%`;
        track.append(element("div", { className: "inner" }, band));
      }
      track.append(input);
    }
    const lock = element("input", { type: "checkbox", id: `lock-${index}` });
    lock.setAttribute("aria-label", `hold ${p.name}`);
    if (found && found.determined?.[p.name] === undefined) lock.checked = true;
    const row = element("div", { className: `knob${unknown ? " unknown" : ""}` },
      element("div", { className: "head" }, element("label", { className: "name", htmlFor: id, textContent: p.name, title: p.doc ?? "" }), output),
      track,
      element("div", { className: "under" }, element("span", { textContent: [said, p.doc].filter(Boolean).join(" · ") }), element("label", {}, lock, " hold")));
    return { p, row, lock, get: () => value, set: v => { value = v; show(); } };
  });
  place.replaceChildren(...rows.map(r => r.row));
  const set = given => rows.forEach(r => r.set(given[r.p.name]));
  set(values);
  return {
    set,
    values: () => Object.fromEntries(rows.map(r => [r.p.name, r.get()])),
    locked: () => rows.filter(r => r.lock.checked).map(r => r.p.name),
  };
}
