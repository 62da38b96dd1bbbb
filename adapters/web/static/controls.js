// What can be done in the conversation: a reply's buttons and menus, the field in which one of them
// asks something first, and the field in which one's own words are changed.

import { el } from "./markdown.js";
import { icon } from "./nodes.js";

const LONGEST_ANSWER = 4000; // characters
const LONGEST_MESSAGE = 32000;

/** A label without the dots that say that more is coming. */
const plain = (label) => label.replace(/[ .…]+$/, "");

/** Make a text field as high as what is written in it. */
export function fit(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

/** Buttons and menus in a row. `press(line, label)` is called once everything is known. */
export function controlsNode(actions, menus, press) {
  const row = el("div", { className: "controls" });
  const use = (opener, { line, ask }, label) => (ask ? askFirst(row, opener, { line, ask, label }, press) : press(line, label));
  for (const action of actions) {
    const button = el("button", { type: "button", className: "button", textContent: action.label });
    if (action.ask) button.ariaExpanded = "false";
    button.addEventListener("click", () => use(button, action, action.label));
    row.append(button);
  }
  for (const menu of menus) row.append(...menuNodes(menu, use));
  return row;
}

// ── Menus ───────────────────────────────────────────────────────────────────────────────────────

function menuNodes({ label, options }, use) {
  const list = el("div", { className: "menu", popover: "auto", role: "menu", ariaLabel: label });
  const button = el("button", { type: "button", className: "button opens", ariaHasPopup: "menu", ariaExpanded: "false", popoverTargetElement: list }, plain(label), icon("chevron"));
  list.append(...options.map((option) => {
    const item = el("button", { type: "button", role: "menuitem", tabIndex: -1, textContent: option.label });
    item.addEventListener("click", () => {
      list.hidePopover();
      use(button, option, `${plain(label)}: ${option.label}`);
    });
    item.addEventListener("pointermove", () => item.focus({ preventScroll: true }));
    return item;
  }));
  button.addEventListener("keydown", (event) => {
    if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    list.showPopover({ source: button });
  });
  list.addEventListener("toggle", ({ newState }) => {
    button.ariaExpanded = String(newState === "open");
    if (newState === "open") list.firstElementChild?.focus();
  });
  list.addEventListener("keydown", (event) => walk(event, list));
  return [button, list];
}

/** Arrows, Home, End and first letters move through a menu; Escape is the browser's own. */
function walk(event, list) {
  if (event.key === "Tab") return list.hidePopover();
  const items = [...list.children];
  const at = items.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  let to = steps[event.key];
  if (to === undefined && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
    const around = [...items.slice(at + 1), ...items.slice(0, at + 1)];
    to = items.indexOf(around.find((item) => item.textContent.toLowerCase().startsWith(event.key.toLowerCase())) ?? items[at]);
  }
  if (to === undefined) return;
  event.preventDefault();
  items.at(to % items.length)?.focus();
}

// ── Fields ──────────────────────────────────────────────────────────────────────────────────────

/** Put a question under the reply; its answer follows the line. The same button takes it back. */
function askFirst(row, opener, { line, ask, label }, press) {
  const reply = row.closest("article");
  const before = reply.querySelector(".ask");
  before?.close();
  if (before?.line === line) return;
  const answer = el("textarea", { rows: 1, maxLength: LONGEST_ANSWER, enterKeyHint: "send" });
  const send = el("button", { className: "round send", ariaLabel: "Send", title: "Send" }, icon("send"));
  const cancel = el("button", { type: "button", className: "round", ariaLabel: "Cancel", title: "Cancel" }, icon("close"));
  const form = el("form", { className: "ask", line }, el("label", {}, ask, answer), cancel, send);
  form.close = (focus = true) => {
    form.remove();
    opener.ariaExpanded = "false";
    if (focus) opener.focus();
  };
  wire(form, answer, form.close, (words) => {
    form.close(false);
    press(`${line.trimEnd()} ${words}`, `${plain(label)}: ${words}`);
  });
  cancel.addEventListener("click", form.close);
  opener.ariaExpanded = "true";
  reply.append(form);
  answer.focus();
  form.scrollIntoView({ block: "nearest" });
}

/** One's own words, to be changed. `save(words)` where they were, `leave()` where they were not. */
export function editorNode(words, save, leave) {
  const area = el("textarea", { rows: 1, value: words, maxLength: LONGEST_MESSAGE, ariaLabel: "Change your message", enterKeyHint: "send" });
  const cancel = el("button", { type: "button", className: "button", textContent: "Cancel" });
  const form = el("form", { className: "editor" }, area, el("div", { className: "bar" }, cancel, el("button", { className: "button main", textContent: "Save" })));
  wire(form, area, leave, (changed) => (changed === words.trim() ? leave() : save(changed)));
  cancel.addEventListener("click", () => leave());
  return form;
}

/** Enter sends, Shift + Enter is a new line, Escape leaves. Nothing is sent that is empty. */
function wire(form, area, leave, done) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (area.value.trim()) done(area.value.trim());
  });
  area.addEventListener("input", () => fit(area));
  area.addEventListener("focus", () => fit(area));
  form.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && !event.shiftKey && event.target === area) form.requestSubmit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
