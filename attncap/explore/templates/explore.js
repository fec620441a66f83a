"use strict";
// Sliders, numbers and figure, from the formulas of the catalogue (attncap); needs no server.
const settings = JSON.parse(document.getElementById("settings").textContent);
const $ = (id) => document.getElementById(id);
const LABELS = {
  vocabulary: ["N", "tokens in the vocabulary"],
  context: ["S", "tokens in a sequence"],
  associations: ["T", "associations to memorize"],
  embedding_dim: ["d", "embedding dimension"],
  head_dim: ["dₕ", "dimension of a head"],
  heads: ["H", "heads"],
};
const TASK = ["vocabulary", "context", "associations"], SHAPE = ["embedding_dim", "head_dim", "heads"];
const sizes = Object.fromEntries(Object.entries(settings.sliders).map(([name, ends]) => [name, ends.start]));
let table = null; // the numbers of a table; null for random sequences
let memory = null; // the memory that is asked

// ---- elements and numbers ----
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
function draw(tag, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}
const whole = (x) => {
  if (x === null) return "–";
  if (x === Infinity) return "any";
  if (x < 1e7) return Math.round(x).toLocaleString("en");
  return x < 1e15 ? x.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 }) : x.toExponential(2);
};
const inBits = (x) => (x === null || x >= 1000 ? whole(x) : x.toLocaleString("en", { maximumSignificantDigits: 4 }));
const fine = (x) => (x === null ? "–" : x === 0 ? "0" : x.toLocaleString("en", { maximumSignificantDigits: 3 }));
const several = (x, noun) => `${whole(x)} ${noun}${x === 1 ? "" : "s"}`;

// ---- sliders: equal steps are equal factors ----
const STEPS = 1000;
const ends = (name) => {
  const { least, most } = settings.sliders[name];
  if (name !== "associations") return [least, most];
  return [least, Math.max(1, Math.min(most, Math.floor(sizes.vocabulary ** sizes.context)))];
};
function placed(name, value) {
  const [least, most] = ends(name);
  return most > least ? (STEPS * Math.log(Math.min(value, most) / least)) / Math.log(most / least) : STEPS;
}
function read(name, place) {
  const [least, most] = ends(name);
  return Math.round(least * (most / least) ** (place / STEPS));
}
function set(name, value) {
  const [least, most] = ends(name);
  sizes[name] = Math.min(most, Math.max(least, Math.round(value) || least));
  sizes.associations = Math.min(sizes.associations, ends("associations")[1]);
  update();
}
let typing = null; // the field whose number is not whole yet
function slider(name) {
  const [letter, words] = LABELS[name], { least, most } = settings.sliders[name];
  const range = make("input", { type: "range", id: name, min: 0, max: STEPS, step: "any" });
  const exact = make("input", { type: "number", id: `${name}-exact`, min: least, max: most, step: 1, "aria-label": words });
  range.addEventListener("input", () => set(name, read(name, range.valueAsNumber)));
  range.addEventListener("keydown", (event) => {
    const up = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const far = { PageUp: 2, PageDown: 0.5 }[event.key];
    const edge = { Home: 0, End: 1 }[event.key];
    if (up) set(name, sizes[name] + up * Math.max(1, Math.round(sizes[name] / 20)));
    else if (far) set(name, sizes[name] * far);
    else if (edge !== undefined) set(name, ends(name)[edge]);
    else return;
    event.preventDefault();
  });
  exact.addEventListener("input", () => (typing = exact));
  for (const kind of ["change", "blur"])
    exact.addEventListener(kind, () => {
      if (typing !== exact) return;
      typing = null;
      set(name, exact.valueAsNumber);
    });
  const label = make("label", { for: name }, make("b", {}, letter), ` ${words}`);
  return make("div", { class: "slider" }, label, range, exact);
}
function showSliders() {
  for (const name of [...TASK, ...SHAPE]) {
    const range = $(name), exact = $(`${name}-exact`), fixed = table !== null && TASK.includes(name);
    range.value = placed(name, sizes[name]);
    range.setAttribute("aria-valuetext", sizes[name].toLocaleString("en"));
    if (exact !== typing) exact.value = sizes[name];
    range.disabled = exact.disabled = fixed;
  }
}

// ---- numbers ----
function showNumbers() {
  const shape = completed(sizes, table), each = bitsEach(sizes, table), bits = sizes.associations * each;
  for (const { bound: id } of settings.series) {
    const bound = attncap.bounds[id], found = promised(bound, shape, each), heads = headsFor(bound, sizes, table);
    const row = document.querySelector(`[data-bound="${id}"]`);
    const put = (name, value, shown) => {
      const cell = row.querySelector(`[data-value="${name}"]`);
      cell.dataset.exact = value;
      cell.replaceChildren(shown);
    };
    const rate = found.bits === null ? null : found.bits / shape.parameters;
    put("associations", found.associations, whole(found.associations));
    put("bits", found.bits, inBits(found.bits));
    put("rate", rate, fine(rate));
    put("heads", heads, heads === null || heads > settings.sliders.heads.most ? whole(heads) : headsButton(heads));
    row.querySelector(".why").textContent = found.why ? `says nothing here: ${found.why}` : "";
    const holds = found.associations !== null && found.associations >= sizes.associations;
    row.querySelector("th").classList.toggle("holds", holds);
  }
  $("size").textContent = `${several(shape.parameters, "parameter")}: d\u00a0(S\u00a0+\u00a02\u00a0N\u00a0+\u00a04\u00a0dₕ\u00a0H)`;
  $("each").textContent = fine(each);
  $("headline").replaceChildren(
    "The task holds ", make("b", {}, inBits(bits)), ` bits in ${several(sizes.associations, "association")}: `,
    make("b", {}, fine(bits / shape.parameters)), " bits per parameter of this shape.",
  );
}
function headsButton(heads) {
  const made = make("button", { type: "button", class: "link", "aria-label": `Take ${whole(heads)} heads` }, whole(heads));
  made.addEventListener("click", () => set("heads", heads));
  return made;
}

// ---- figure ----
function figure() {
  const box = $("figure"), width = Math.max(280, box.clientWidth), height = Math.round(Math.min(400, Math.max(260, width * 0.5)));
  const margin = { left: 46, right: 52, top: 24, bottom: 40 };
  const lines = settings.series.map((one) => ({ ...one, name: one.bound, bound: attncap.bounds[one.bound] }));
  const at = (heads) => completed({ ...sizes, heads }, table), each = bitsEach(sizes, table);
  const holding = (line, shape) => promised(line.bound, shape, each).associations;
  const needed = headsFor(attncap.bounds.dana2025, sizes, table) ?? 1;
  const far = 10 ** Math.ceil(Math.log10(Math.max(10, 1.2 * sizes.heads, Math.min(needed, 100 * sizes.heads))));
  const grid = [...new Set(Array.from({ length: 90 }, (_, i) => Math.round(far ** (i / 89))))];
  for (const line of lines) line.points = grid.map((heads) => [heads, holding(line, at(heads))]);
  const stored = here();
  const all = lines.flatMap((line) => line.points.map((point) => point[1])).filter((value) => value > 0 && value < Infinity);
  const values = [...all, sizes.associations, ...(stored ? [stored.associations] : [])];
  const low = Math.floor(Math.log10(Math.min(...values))), high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const x = (heads) => margin.left + (Math.log10(heads) / Math.log10(far)) * (width - margin.left - margin.right);
  const y = (value) => height - margin.bottom - ((Math.log10(value) - low) / (high - low)) * (height - margin.top - margin.bottom);
  const right = width - margin.right, bottom = height - margin.bottom;
  const label = `Associations over heads at d = ${sizes.embedding_dim} and dₕ = ${sizes.head_dim}; the table above has the numbers at H = ${sizes.heads}.`;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const text = (words, [tx, ty], anchor = "middle", name = "") => svg.append(draw("text", { x: tx, y: ty, "text-anchor": anchor, class: name }, words));
  const step = Math.ceil((high - low) / 6);
  for (let power = low; power <= high; power += step) {
    svg.append(draw("line", { class: "grid", x1: margin.left, x2: right, y1: y(10 ** power), y2: y(10 ** power) }));
    text(short(10 ** power), [margin.left - 6, y(10 ** power) + 4], "end");
  }
  for (let power = Math.ceil(Math.log10(each * 10 ** low)); each > 0 && power <= Math.log10(each * 10 ** high); power += step)
    text(short(10 ** power), [right + 6, y(10 ** power / each) + 4], "start");
  for (let power = 0; 10 ** power <= far; power++) text(short(10 ** power), [x(10 ** power), bottom + 17]);
  text("associations", [margin.left - 6, 12], "start");
  text("bits", [right + 6, 12], "start");
  text("heads H", [(margin.left + right) / 2, height - 4]);
  svg.append(draw("line", { class: "axis", x1: margin.left, x2: right, y1: bottom, y2: bottom }));
  svg.append(draw("line", { class: "here", x1: x(sizes.heads), x2: x(sizes.heads), y1: margin.top, y2: bottom }));
  svg.append(draw("line", { class: "task", x1: margin.left, x2: right, y1: y(sizes.associations), y2: y(sizes.associations) }));
  for (const line of lines) svg.append(draw("path", { class: `curve ${line.name}`, d: path(line.points, x, y) }));
  for (const line of lines) {
    const associations = holding(line, at(sizes.heads));
    if (associations > 0 && associations < Infinity)
      svg.append(draw("circle", { class: `dot ${line.name}`, cx: x(sizes.heads), cy: y(associations), r: 4.5 }));
  }
  // On the side that the heads leave free.
  const free = x(sizes.heads) > width / 2 ? [margin.left + 6, "start"] : [right - 6, "end"];
  text(`the task, ${whole(sizes.associations)}`, [free[0], y(sizes.associations) - 6], free[1], "task");
  if (stored) {
    const [cx, cy] = [x(stored.heads), y(stored.associations)];
    svg.append(draw("path", { class: "stored", d: `M${cx} ${cy - 8}L${cx + 8} ${cy}L${cx} ${cy + 8}L${cx - 8} ${cy}Z` }));
    text("memorized", [cx + (cx > width / 2 ? -12 : 12), cy + 16], cx > width / 2 ? "end" : "start", "task");
  }
  const tip = make("div", { class: "tip", hidden: "" });
  const headsAt = (event) => {
    const share = (((event.clientX - svg.getBoundingClientRect().left) / svg.clientWidth) * width - margin.left) / (right - margin.left);
    return Math.round(far ** Math.min(1, Math.max(0, share)));
  };
  svg.addEventListener("pointermove", (event) => {
    const heads = headsAt(event), shape = at(heads);
    const rows = lines.map((line) => make("div", {}, make("i", { class: line.name }), `${whole(holding(line, shape))} ${line.label}`));
    tip.replaceChildren(make("div", {}, `H = ${heads.toLocaleString("en")}`), ...rows);
    tip.hidden = false;
    const edge = box.getBoundingClientRect(), left = event.clientX - edge.left;
    tip.style.left = `${Math.max(0, Math.min(left + 14, edge.width - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, event.clientY - edge.top - tip.offsetHeight - 12)}px`;
  });
  svg.addEventListener("pointerleave", () => (tip.hidden = true));
  svg.addEventListener("click", (event) => set("heads", headsAt(event)));
  box.replaceChildren(svg, tip);
}
const short = (x) => (x >= 1 ? x.toLocaleString("en", { notation: "compact" }) : x.toLocaleString("en", { maximumSignificantDigits: 1 }));
function path(points, x, y) {
  let open = false;
  return points.map(([heads, value]) => {
    const drawn = value > 0 && value < Infinity, mark = open ? "L" : "M";
    open = drawn;
    return drawn ? `${mark}${x(heads).toFixed(1)} ${y(value).toFixed(1)}` : "";
  }).join("");
}
// What a memory of this very task and dimensions stores.
const named = () => table?.name ?? `random:${TASK.map((name) => sizes[name])}`;
function here() {
  if (!memory?.correct || memory.name !== named()) return null;
  if (memory.embedding_dim !== sizes.embedding_dim || memory.head_dim !== sizes.head_dim) return null;
  return { heads: memory.heads, associations: memory.correct };
}

// ---- all of it, once a frame; the shape stands in the address ----
let drawing = false;
function update() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    showSliders();
    showNumbers();
    figure();
    const told = Object.entries(sizes).map(([name, value]) => `${name}=${value}`).join("&");
    history.replaceState(null, "", `${location.search}#${told}`);
  });
}
function fromAddress() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (!(name in sizes) || !(Number(value) >= 1)) continue;
    const { least, most } = settings.sliders[name];
    sizes[name] = Math.min(most, Math.max(least, Math.round(Number(value))));
  }
  sizes.associations = Math.min(sizes.associations, ends("associations")[1]);
}
fromAddress();
$("task-sliders").append(...TASK.map(slider));
$("shape-sliders").append(...SHAPE.map(slider));
window.addEventListener("hashchange", () => { fromAddress(); update(); });
new ResizeObserver(update).observe($("figure"));
update();
