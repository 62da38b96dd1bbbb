// The page: channels, the conversation, the model picker, and who is speaking.
// The frames that go to and fro are described in adapters/web/adapter.py.

import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { el } from "./markdown.js";
import { icon } from "./nodes.js";
import { Transcript } from "./transcript.js";

const FIRST_CHANNEL = "general";
const EXAMPLES = [
  ["ask", "Ask", "Explain rainbows to a child, in three sentences"],
  ["image", "Draw", "/image a lighthouse in a storm, watercolour"],
  ["model", "See who answers", "/model"],
  ["help", "Learn", "/help"],
];
const MODELS = [["ask", "Answers"], ["image", "Pictures"]];

const $ = (id) => document.getElementById(id);
const unique = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const slug = (typed) => typed.normalize("NFKD").replace(/[^\x00-\x7f]/g, "").trim().toLowerCase().replace(/[^a-z0-9_-]+/g, "-").slice(0, 32).replace(/^-+|-+$/g, "");

const memory = remembered({ id: unique(), name: "", channels: [FIRST_CHANNEL] });
const outbox = new Map(); // source → frame that the server has not confirmed, and its channel
const questions = new Map(); // number → resolve, of completions that were asked for
const drafts = new Map(); // channel → text not sent yet
let channel = slug(location.hash.slice(1)) || memory.last || FIRST_CHANNEL;
let since = null; // what the page has of the channel; null while it waits for it
let you = "";
let asked = 0;

const transcript = new Transcript({
  scroller: $("scroll"),
  log: $("log"),
  latest: $("latest"),
  announcer: $("announcer"),
  press: (line, label) => post({ type: "press", line }, { text: label, pressed: true }),
  edit,
  home: () => composer.text.focus(),
  view,
  changed,
});

const composer = new Composer({
  form: $("composer"),
  send: (text, media) => post({ type: "say", text, files: media.map(({ id }) => id) }, { text, media }),
  stop: () => post({ type: "press", line: "/stop" }, { text: "/stop", pressed: true }),
  edit: () => transcript.editNewest(),
  complete,
  complain,
});

const connection = new Connection({
  hello: () => ({ type: "join", channel, user: { id: memory.id, name: memory.name }, since }),
  receive: (frame) => RECEIVE[frame.type]?.(frame),
  status(up) {
    clearTimeout(this.worry);
    if (up) return status("");
    this.worry = setTimeout(() => status("Reconnecting …"), 700); // a short break is nobody's concern
    questions.forEach((resolve) => resolve([]));
    questions.clear();
  },
});

const RECEIVE = {
  joined(frame) {
    if (frame.channel !== channel) return;
    you = frame.you;
    if (frame.fresh) transcript.clear();
    if (frame.commands) composer.commands = frame.commands;
    if (frame.limits) composer.limits = frame.limits;
    for (const entry of frame.entries) {
      confirm(entry);
      transcript.put(entry, you);
    }
    since = { epoch: frame.epoch, at: frame.at };
    nameModel(frame.model);
    for (const [source, waiting] of outbox) {
      if (waiting.channel !== channel) continue;
      if (waiting.frame.type !== "edit" || transcript.has(waiting.entry.id)) transcript.put(waiting.entry, you);
      connection.send(waiting.frame);
    }
    changed();
  },
  entry({ entry, at }) {
    if (!follow(at)) return;
    confirm(entry);
    transcript.put(entry, you);
  },
  page: ({ reply, page, at }) => follow(at) && transcript.page(reply, page),
  done: ({ reply, at }) => follow(at) && transcript.done(reply),
  model: ({ model, at }) => follow(at) && nameModel(model),
  completed({ id, values }) {
    questions.get(id)?.(values);
    questions.delete(id);
  },
  refused({ source, text }) {
    const before = outbox.get(source)?.before;
    outbox.delete(source);
    if (before) transcript.put(before, you);
    if (source) transcript.refuse(source.split(":")[0], text);
    else complain(text);
  },
};

/** Take note of a change; false where it belongs to the channel that was left just now. */
function follow(at) {
  if (since) since.at = at;
  return since !== null;
}

/** The server has the entry as it is here: neither it nor its changes need to be sent again. */
function confirm({ id, edits }) {
  outbox.delete(id);
  for (let number = 1; number <= edits; number++) outbox.delete(`${id}:edit${number}`);
}

function post(frame, { text, media = [], pressed = false }) {
  const source = unique();
  const entry = { kind: "said", id: source, user: { id: you, name: memory.name }, text, media, pressed, edits: 0, pending: true, unplaced: true };
  send({ ...frame, source }, entry);
  transcript.toLatest();
}

function edit({ node, ...before }, text) {
  const edits = before.edits + 1;
  send({ type: "edit", source: `${before.id}:edit${edits}`, text }, { ...before, text, edits, pending: true }, before);
}

/** Show what was said at once, and keep it until the server has it; `before` is what to go back to. */
function send(frame, entry, before) {
  outbox.set(frame.source, { channel, frame, entry, before });
  transcript.put(entry, you);
  if (since) connection.send(frame); // else it goes out as soon as the channel is there
}

function complete(command, option, typed) {
  return new Promise((resolve) => {
    const id = ++asked;
    questions.set(id, resolve);
    if (!connection.send({ type: "complete", id, command, option, typed })) resolve([]);
  });
}

function changed() {
  const { isBusy, isEmpty } = transcript;
  $("empty").hidden = !isEmpty || !since;
  if (!$("empty").hidden) paintExamples();
  composer.busy = isBusy && composer.commands.some(({ name }) => name === "stop");
}

function paintExamples() {
  const known = EXAMPLES.filter(([name]) => composer.commands.some((command) => command.name === name)).slice(0, 3);
  $("examples").replaceChildren(...known.map(([, label, line]) => {
    const button = el("button", { type: "button" }, el("small", { textContent: label }), line);
    button.addEventListener("click", () => composer.write(line));
    return button;
  }));
}

// ── Channels ────────────────────────────────────────────────────────────────────────────────────

function enter(name) {
  drawer(false);
  if (name === channel) return composer.text.focus();
  drafts.set(channel, composer.value);
  channel = name;
  since = null;
  transcript.clear();
  composer.write(drafts.get(name) ?? "", !matchMedia("(pointer: coarse)").matches);
  paintChannels();
  connection.send(connection.hello());
}

function paintChannels() {
  if (!memory.channels.includes(channel)) memory.channels = [...memory.channels, channel];
  keep({ last: channel });
  if (location.hash !== `#${channel}`) history[location.hash ? "pushState" : "replaceState"](null, "", `#${channel}`);
  document.title = `#${channel} · Switchboard`;
  $("title").textContent = channel;
  composer.text.placeholder = `Message #${channel}`;
  $("channels").replaceChildren(...memory.channels.map((name) => {
    const link = el("a", { href: `#${name}`, textContent: name });
    if (name === channel) link.ariaCurrent = "page";
    link.addEventListener("click", (event) => {
      event.preventDefault();
      enter(name);
    });
    const row = el("li", {}, link);
    if (name !== channel) {
      const leave = el("button", { type: "button", ariaLabel: `Take ${name} off the list`, title: "Take off the list" }, icon("close"));
      leave.addEventListener("click", () => {
        keep({ channels: memory.channels.filter((other) => other !== name) });
        paintChannels();
      });
      row.append(leave);
    }
    return row;
  }));
}

function drawer(open) {
  if (document.body.classList.contains("drawer") === open) return;
  document.body.classList.toggle("drawer", open);
  $("scrim").hidden = !open;
  $("main").inert = open;
  $("menu").ariaExpanded = String(open);
  if (open) $("channels").querySelector("[aria-current]")?.focus();
  else $("menu").focus();
}

// ── Model picker ────────────────────────────────────────────────────────────────────────────────

let model = "";

function nameModel(name) {
  model = name;
  $("model-name").textContent = name || "Choose a model";
  $("model").hidden = !composer.commands.some((command) => command.name === "model");
}

async function paintModels() {
  const typed = $("picker-search").value.trim();
  const offered = MODELS.filter(([name]) => composer.commands.find((command) => command.name === name)?.options.some((option) => option.name === "model"));
  const found = await Promise.all(offered.map(([name]) => complete(name, "model", typed)));
  if (typed !== $("picker-search").value.trim()) return;
  const groups = offered.flatMap(([, title], i) => found[i].length
    ? [el("div", { role: "group", ariaLabel: title }, el("h3", { textContent: title }), ...found[i].map(modelNode))]
    : []);
  $("picker-list").replaceChildren(...groups.length ? groups : [el("p", { textContent: "No model has that in its name." })]);
  const options = modelOptions();
  chooseModel(options.find((option) => typed || option.textContent === model) ?? options[0]);
}

function modelNode(name, i) {
  const option = el("div", { role: "option", id: `model-${i}-${name}`, textContent: name });
  option.classList.toggle("current", name === model);
  option.addEventListener("click", () => pickModel(option));
  return option;
}

const modelOptions = () => [...$("picker-list").querySelectorAll("[role=option]")];

function chooseModel(chosen) {
  modelOptions().forEach((option) => (option.ariaSelected = String(option === chosen)));
  chosen?.scrollIntoView({ block: "nearest" });
  $("picker-search").setAttribute("aria-activedescendant", chosen?.id ?? "");
}

function pickModel(option) {
  $("picker").hidePopover();
  composer.text.focus();
  if (option.textContent === model) return;
  const line = `/model ${option.textContent}`;
  post({ type: "press", line }, { text: line, pressed: true });
}

$("picker").addEventListener("toggle", ({ newState }) => {
  $("model").ariaExpanded = String(newState === "open");
  if (newState !== "open") return;
  $("picker-search").value = "";
  $("picker-search").focus();
  paintModels();
});
$("picker-search").addEventListener("input", paintModels);
$("picker-search").addEventListener("keydown", (event) => {
  const options = modelOptions();
  const at = options.findIndex((option) => option.ariaSelected === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length) chooseModel(options[(at + step + options.length) % options.length]);
  else if (event.key === "Enter" && options[at]) pickModel(options[at]);
  else return;
  event.preventDefault();
});

// ── The rest ────────────────────────────────────────────────────────────────────────────────────

function view({ source, name }) {
  $("viewer-picture").src = source;
  $("viewer-picture").alt = $("viewer-name").textContent = name;
  $("viewer-download").href = source;
  $("viewer-download").download = name;
  $("viewer").showModal();
}

function status(text) {
  $("status").textContent = text;
}

function complain(text) {
  status(text);
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => $("status").textContent === text && status(""), 6000);
}

/** What this browser remembers, with what is new filled in. A browser may forbid remembering. */
function remembered(initial) {
  try {
    return { ...initial, ...JSON.parse(localStorage.getItem("switchboard")) };
  } catch {
    return initial;
  }
}

function keep(change) {
  Object.assign(memory, change);
  try {
    localStorage.setItem("switchboard", JSON.stringify(memory));
  } catch {
    complain("This browser does not let the page remember your channels.");
  }
}

addEventListener("hashchange", () => enter(slug(location.hash.slice(1)) || FIRST_CHANNEL));
addEventListener("storage", ({ key }) => {
  if (key !== "switchboard") return;
  const { channels, name } = remembered(memory);
  Object.assign(memory, { channels, name });
  $("name").value = name;
  paintChannels();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") drawer(false);
});
// Where a keyboard on the screen covers the page instead of shrinking it (iOS), the page shrinks itself.
visualViewport?.addEventListener("resize", () => {
  document.body.style.height = visualViewport.scale > 1.01 ? "" : `${visualViewport.height}px`;
});
matchMedia("(max-width: 50rem)").addEventListener("change", () => drawer(false));
$("menu").addEventListener("click", () => drawer(true));
$("scrim").addEventListener("click", () => drawer(false));
$("create").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = slug($("create-name").value);
  if (!name) return complain("A channel's name needs letters from a to z or digits.");
  $("create-name").value = "";
  enter(name);
});
$("name").value = memory.name;
$("name").addEventListener("change", ({ target }) => {
  keep({ name: target.value.trim() });
  connection.send(connection.hello());
});
$("name").addEventListener("keydown", ({ key, target }) => key === "Enter" && target.blur());
$("viewer").addEventListener("click", ({ target, currentTarget }) => target === currentTarget && currentTarget.close());
$("viewer-close").addEventListener("click", () => $("viewer").close());

paintChannels();
if (!matchMedia("(pointer: coarse)").matches) composer.text.focus();
