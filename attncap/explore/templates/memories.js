"use strict";
// What takes a server: a table chosen, memorized with progress, asked, changed; begins where explore.js ends.
const token = new URLSearchParams(location.search).get("token") ?? "";
async function call(method, path, body, type = "application/json") {
  let answer, said;
  try {
    answer = await fetch(path, { method, body, headers: { Authorization: `Bearer ${token}`, "Content-Type": type } });
    said = await answer.json();
  } catch {
    throw new Error("the server does not answer; was it stopped?");
  }
  if (!answer.ok) throw new Error(said.error);
  return said;
}
const post = (path, given) => call("POST", path, JSON.stringify(given));
function say(id, text, wrong = false) {
  $(id).textContent = text;
  $(id).classList.toggle("wrong", wrong);
}
// Do something, and say where it fails.
const attempt = (id, action) => async (event) => {
  event?.preventDefault();
  try {
    await action(event);
  } catch (error) {
    say(id, error.message, true);
  }
};
const optional = (id) => $(id).value.trim() || undefined;
const isText = () => $("source").value.endsWith(".txt");
const reading = () => {
  if (isText()) return { context: $("words-before").valueAsNumber || undefined };
  return { subject: optional("subject"), relation: optional("relation"), object: optional("object"), on_conflict: $("on_conflict").value };
};

async function chooseTask() {
  const source = $("source").value;
  $("reading").hidden = !source;
  $("of-table").hidden = isText();
  $("of-text").hidden = !isText();
  table = null;
  say("task-said", source ? "reading it ..." : "");
  update();
  if (!source) return;
  const found = await post("/task", { source, ...reading() });
  if ($("source").value !== source) return; // another was chosen meanwhile
  table = found;
  $("column-names").replaceChildren(...table.columns.map((name) => make("option", { value: name })));
  for (const name of TASK) sizes[name] = table[name];
  const example = table.examples[0];
  say("task-said", [`${several(table.associations, "association")}, ${inBits(table.bits)} bits; such as ${example.slice(0, -1).join(" ")} → ${example.at(-1)}`, ...table.notes].join(". "));
  update();
}
async function upload() {
  const [file] = $("upload").files;
  if (!file) return;
  say("task-said", `uploading ${file.name} ...`);
  const { source } = await call("PUT", `/uploads/${encodeURIComponent(file.name)}`, file, "application/octet-stream");
  for (const id of ["subject", "relation", "object"]) $(id).value = "";
  $("uploaded").append(make("option", {}, source));
  $("source").value = source;
  await chooseTask();
}

async function memorize() {
  const method = $("method").value, source = $("source").value;
  const shape = { method, embedding_dim: sizes.embedding_dim, head_dim: sizes.head_dim, heads: $("heads-of").value ? sizes.heads : undefined };
  await begin("/run", {
    source: source || named(),
    ...(source ? reading() : {}),
    ...(method ? shape : {}),
    dtype: $("dtype").value,
    seed: $("seed").valueAsNumber || 0,
  });
}
async function begin(path, given) {
  const run = await post(path, given);
  say("run-said", "");
  await follow(run);
}
// Follow a run to its end, whoever began it.
async function follow(run) {
  busy(true);
  try {
    while (run.state === "running") {
      showProgress(run);
      await new Promise((done) => setTimeout(done, 300));
      run = await call("GET", "/run");
    }
  } finally {
    busy(false);
  }
  const id = run.kind === "memorize" ? "run-said" : "change-said";
  if (run.state !== "done") return say(id, run.error, run.state === "failed");
  await ended(run);
}
function busy(running) {
  $("cancel").hidden = $("progress").hidden = !running;
  for (const button of document.querySelectorAll("form button[type=submit], #undo, #remove, #facts button")) button.disabled = running;
}
function showProgress(run) {
  const bars = run.progress.bars.map(({ description, done, total }) => {
    const told = total ? `${description}: ${whole(done)} of ${whole(total)}` : `${description}: ${whole(done)}`;
    const bar = make("progress", total ? { value: done, max: total } : {});
    return make("label", { class: "bar" }, told, bar);
  });
  $("bars").replaceChildren(...(bars.length ? bars : [make("label", { class: "bar" }, "working", make("progress"))]));
  say("run-said", [`${run.kind}: ${run.seconds.toFixed(0)} s`, run.progress.note].filter(Boolean).join("; "));
}
async function ended({ kind, result, seconds }) {
  const took = `in ${seconds.toFixed(1)} s`, bits = result.bits && `${inBits(result.bits.before)} bits before, ${inBits(result.bits.after)} now`;
  await showMemory(result.memory);
  if (kind === "memorize") {
    const { correct } = result.memory.recall;
    say("run-said", `memorized ${took}: ${whole(correct)} of ${several(result.memory.associations, "association")} recalled, ${inBits(result.memory.bits)} bits`);
    note(`memorized: ${inBits(result.memory.bits)} bits`);
    await listMemories(result.memory.number);
    $("memory").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    return;
  }
  say("run-said", "");
  const told = {
    edit: ({ edited }) => `${edited.changed} changed, ${edited.added} added, ${edited.kept} of ${edited.others} others kept, by ${edited.method}`,
    forget: ({ forgotten }) => `${several(forgotten.facts, "fact")} forgotten (${forgotten.way}): ${fine(forgotten.before)} bits of evidence before, ${fine(forgotten.evidence)} now, where ${fine(forgotten.threshold)} count as knowing`,
    undo: () => "the last change is taken back",
  }[kind](result);
  say("change-said", `${told}; ${took}`);
  note(`${told}: ${bits}`);
}
const note = (text) => $("history").append(make("li", {}, text));

// ---- one memory ----
async function listMemories(chosen) {
  const { memories, uploads } = await call("GET", "/state");
  $("which").replaceChildren(...memories.map((number) => make("option", { value: number }, `memory ${number}`)));
  for (const name of uploads)
    if (![...$("uploaded").children].some((option) => option.value === name)) $("uploaded").append(make("option", {}, name));
  $("memory").hidden = memories.length === 0;
  if (memories.length) $("which").value = chosen ?? memories.at(-1);
}
async function showMemory(found) {
  const { embedding_dim, head_dim, heads, parameters } = found.shape, other = memory?.number !== found.number;
  memory = { ...found, embedding_dim, head_dim, heads, correct: found.recall.correct };
  Object.assign(sizes, { embedding_dim, head_dim, heads });
  const card = (value, words) => make("div", {}, make("dt", {}, value), make("dd", {}, words));
  $("cards").replaceChildren(
    card(inBits(found.bits), `bits memorized, of ${inBits(found.task_bits)}`),
    card(fine(found.bits_per_parameter), `bits per parameter, of ${whole(parameters)}`),
    card(`${whole(found.recall.correct)} of ${whole(found.associations)}`, `recalled in ${found.dtype}${found.recall.certified ? ", certified" : ""}`),
    card(several(heads, "head"), `of dimension ${head_dim}, d = ${embedding_dim}, by ${found.method}`),
  );
  $("memory-title").textContent = `The memory: ${found.name}`;
  $("report").href = `/memories/${found.number}/report?token=${encodeURIComponent(token)}`;
  $("undo").disabled = !found.undo;
  $("memory").hidden = false;
  if (other) {
    $("history").replaceChildren();
    for (const id of ["ask-said", "change-said"]) say(id, "");
    const asked = found.kind === "facts" ? ["subject", "relation"] : Array.from({ length: found.context }, (_, i) => `token ${i + 1}`);
    fields("ask", asked);
    fields("edit", [...asked, found.kind === "facts" ? "object" : "answer"]);
    fields("forget", asked);
  }
  update();
  await findFacts();
}
function fields(form, names) {
  const made = names.map((name, i) => {
    const id = `${form}-word-${i}`;
    return make("div", {}, make("label", { for: id }, name), make("input", { id, autocomplete: "off", spellcheck: "false" }));
  });
  $(`${form}-words`).replaceChildren(...made);
}
const words = (form) => [...$(`${form}-words`).querySelectorAll("input")].map((input) => input.value.trim());
function fill(form, given) {
  $(`${form}-words`).querySelectorAll("input").forEach((input, i) => (input.value = given[i] ?? ""));
}
const at = (path) => `/memories/${memory.number}/${path}`;
async function ask() {
  const found = await post(at("ask"), { words: words("ask") });
  const stored = found.stored === null ? "this was not memorized" : found.stored === found.answer ? "as stored" : `stored: ${found.stored}`;
  say("ask-said", `${found.answer} (leads by ${fine(found.margin)} logits; ${stored})`);
}
async function forget() {
  const given = words("forget");
  // The subject alone is all that is known of it.
  await begin(at("forget"), { words: memory.kind === "facts" && !given[1] ? given.slice(0, 1) : given });
}
let asking = 0;
async function findFacts() {
  const turn = ++asking;
  const { found, facts } = await call("GET", at(`facts?search=${encodeURIComponent($("search").value)}`));
  if (turn !== asking) return;
  say("facts-said", found > facts.length ? `${several(found, "fact")}, the first ${facts.length} shown` : several(found, "fact"));
  $("facts").tBodies[0].replaceChildren(...facts.map(factRow));
}
function factRow({ query, stored, answer, margin }) {
  const use = make("button", { type: "button", "aria-label": `Ask, change or forget ${query.join(" ")}` }, "fill in");
  use.addEventListener("click", () => {
    fill("ask", query);
    fill("forget", query);
    fill("edit", [...query, stored]);
    $("edit-words").querySelector("div:last-child input").select();
  });
  const cells = [make("td", {}, query.join(" ")), make("td", {}, stored), make("td", answer === stored ? {} : { class: "wrong" }, answer)];
  return make("tr", {}, ...cells, make("td", { class: "number" }, fine(margin)), make("td", {}, use));
}
async function remove() {
  await call("DELETE", `/memories/${memory.number}`);
  memory = null;
  await listMemories();
  if ($("which").value) await choose();
  update();
}
async function resume() {
  await listMemories();
  const { run } = await call("GET", "/state");
  if (run?.state === "running") await follow(run);
  else if ($("which").value) await choose();
}
const choose = async () => showMemory(await call("GET", `/memories/${$("which").value}`));
const on = (id, kind, where, action) => $(id).addEventListener(kind, attempt(where, action));
on("source", "change", "task-said", chooseTask);
for (const id of ["subject", "relation", "object", "on_conflict", "words-before"]) on(id, "change", "task-said", chooseTask);
on("upload", "change", "task-said", upload);
on("run", "submit", "run-said", memorize);
on("cancel", "click", "run-said", () => { say("run-said", "cancelling ..."); return call("DELETE", "/run"); });
on("which", "change", "change-said", choose);
on("ask", "submit", "ask-said", ask);
on("edit", "submit", "change-said", () => begin(at("edit"), { words: words("edit") }));
on("forget", "submit", "change-said", forget);
on("undo", "click", "change-said", () => begin(at("undo"), {}));
on("remove", "click", "change-said", remove);
on("search", "input", "facts-said", findFacts);
const shaped = () => { $("heads-of").disabled = !$("method").value; };
$("method").addEventListener("change", shaped);
shaped();
$("reading").hidden = true;
attempt("run-said", resume)();
