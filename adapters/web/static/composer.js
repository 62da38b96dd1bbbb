// Where people write: a text that grows, files that go with it, and suggestions after a slash.

import { fit } from "./controls.js";
import { el } from "./markdown.js";
import { fileParts, icon, isPicture } from "./nodes.js";

const SUGGESTED = 30;
const MEGABYTE = 2 ** 20; // bytes

export class Composer {
  commands = [];
  limits = null; // {files, total, picture, recording, file}, once the server has told them
  #files = [];
  #suggestions = [];
  #chosen = -1;
  #asked = 0;
  #busy = false;

  /** `send(text, media)`, `stop()`, `edit()` → whether there was anything to edit,
   *  `complete(command, option, typed)` → values, `complain(text)`. */
  constructor({ form, send, stop, edit, complete, complain }) {
    Object.assign(this, { form, onSend: send, onStop: stop, onEdit: edit, complete, complain });
    const part = (id) => document.getElementById(id);
    this.text = part("text");
    this.list = part("suggestions");
    this.chips = part("files");
    this.button = part("send");
    this.hint = part("hint");
    this.text.addEventListener("input", () => this.#changed());
    this.text.addEventListener("keydown", (event) => this.#key(event));
    this.text.addEventListener("blur", () => this.#suggest([]));
    this.text.addEventListener("focus", () => this.#changed());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    part("attach").addEventListener("click", () => part("file").click());
    part("file").addEventListener("change", ({ target }) => {
      this.attach(target.files);
      target.value = "";
    });
    this.text.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.attach(event.clipboardData.files);
    });
    addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || document.body.classList.remove("dropping"));
    addEventListener("drop", (event) => {
      document.body.classList.remove("dropping");
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      this.attach(event.dataTransfer.files);
    });
    this.#changed();
  }

  get value() {
    return this.text.value;
  }

  /** Put a text there, ready to be changed or sent. */
  write(text, focus = true) {
    this.text.value = text;
    if (focus) this.text.focus();
    this.text.setSelectionRange(text.length, text.length);
    this.#changed();
  }

  /** Whether an answer can be stopped right now. */
  set busy(busy) {
    if (this.#busy === busy) return;
    this.#busy = busy;
    this.#paintButton();
  }

  /** Take files along with the next message. They are on their way at once. */
  attach(files) {
    for (const file of files) {
      const refusal = this.#refusal(file);
      if (refusal) this.complain(refusal);
      else this.#upload(file);
    }
    this.text.focus();
  }

  /** Why the file cannot go with this message, "" where it can. The server says the same. */
  #refusal({ name, type, size }) {
    if (!size) return `${name} is empty.`;
    if (!this.limits) return "";
    const { files, total, ...sizes } = this.limits;
    const sort = isPicture({ type }) ? "picture" : type.startsWith("audio/") ? "recording" : "file";
    if (this.#files.length >= files) return `At most ${files} files go with one message.`;
    if (size > sizes[sort]) return `${name} is larger than ${sizes[sort] / MEGABYTE} MB, the most for a ${sort}.`;
    const together = this.#files.reduce((sum, file) => sum + file.size, size);
    return together > total ? `The files are larger than ${total / MEGABYTE} MB together.` : "";
  }

  async #upload(file) {
    const url = URL.createObjectURL(file);
    const { name, size, type } = file;
    const remove = el("button", { type: "button", ariaLabel: `Remove ${name}` }, icon("close"));
    const shown = isPicture({ type }) ? [el("img", { src: url, alt: name })] : fileParts({ name, size });
    const chip = el("li", { className: "uploading", title: name }, ...shown, remove);
    chip.classList.add(isPicture({ type }) ? "thumbnail" : "file");
    const attached = { chip, url, size, media: null };
    const forget = () => {
      this.#files = this.#files.filter((other) => other !== attached);
      this.#paintFiles();
    };
    remove.addEventListener("click", () => {
      forget();
      this.text.focus();
    });
    this.#files.push(attached);
    this.#paintFiles();
    attached.ready = this.#post(file, name).then((media) => {
      attached.media = { ...media, url };
      chip.classList.remove("uploading");
    }).catch((error) => {
      forget();
      this.complain(error.message);
    });
  }

  async #post(file, name) {
    let response;
    try {
      response = await fetch(`/media?name=${encodeURIComponent(name)}`, { method: "POST", body: file });
    } catch {
      throw new Error(`${name} could not be sent. Is there a connection?`);
    }
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  }

  #paintFiles() {
    this.chips.replaceChildren(...this.#files.map(({ chip }) => chip));
    this.chips.hidden = !this.#files.length;
    this.#paintButton();
  }

  #paintButton() {
    const empty = !this.value.trim() && !this.#files.length;
    const stops = empty && this.#busy;
    const label = stops ? "Stop" : "Send";
    this.button.disabled = empty && !stops;
    if (this.button.title === label && this.button.ariaLabel === label) return;
    this.button.title = this.button.ariaLabel = label;
    this.button.replaceChildren(icon(label.toLowerCase()));
  }

  async #submit() {
    const text = this.value.trim();
    const files = this.#files;
    if (!text && !files.length) return this.#busy ? this.onStop() : undefined;
    this.#files = [];
    this.#paintFiles();
    this.write("");
    await Promise.all(files.map(({ ready }) => ready));
    const media = files.filter((file) => file.media).map((file) => file.media);
    if (text || media.length) this.onSend(text, media);
  }

  #key(event) {
    if (event.isComposing) return; // Enter and arrows belong to the input method
    const open = this.#suggestions.length > 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && step) this.#choose(this.#chosen + step);
    else if (open && event.key === "Tab" && !event.shiftKey) this.#accept(Math.max(this.#chosen, 0));
    else if (open && event.key === "Escape") this.#suggest([]);
    else if (event.key === "ArrowUp" && !this.value && this.onEdit()) ; // its focus is there now
    else if (event.key === "Enter" && !event.shiftKey) {
      if (open && this.#chosen >= 0) this.#accept(this.#chosen);
      else this.#submit();
    } else return;
    event.preventDefault();
  }

  #changed() {
    fit(this.text);
    this.#paintButton();
    this.#look();
  }

  /** Find what could come next in the line so far. */
  async #look() {
    const asked = ++this.#asked;
    const line = this.value;
    const name = /^\/(\w*)$/.exec(line);
    const [, word, rest] = /^\/(\w+)\s+([^]*)$/.exec(line) ?? [];
    const command = this.commands.find((other) => other.name === word?.toLowerCase());
    this.hint.textContent = command ? usage(command) : "";
    if (this.text.selectionEnd !== line.length || !(name || command)) return this.#suggest([]);
    const found = name ? this.#commandsFor(name[1].toLowerCase()) : await this.#valuesFor(command, rest, line);
    if (asked === this.#asked) this.#suggest(found.filter(({ line: whole }) => whole.trim() !== line.trim()).slice(0, SUGGESTED), name || found.typed);
  }

  #commandsFor(typed) {
    return this.commands
      .filter((command) => command.name.startsWith(typed))
      .map((command) => ({
        label: `/${command.name}`,
        note: command.description,
        line: `/${command.name}${command.options.length ? " " : ""}`,
      }));
  }

  async #valuesFor(command, rest, line) {
    const named = /(?:^|\s)--(\w+)[ =](\S*)$/.exec(rest);
    const naming = /(?:^|\s)--(\w*)$/.exec(rest);
    if (naming) {
      const start = line.slice(0, line.length - naming[1].length);
      return command.options
        .filter((option) => !option.free && option.name.startsWith(naming[1]))
        .map((option) => ({ label: `--${option.name}`, note: option.description, line: `${start}${option.name} ` }));
    }
    const option = command.options.find((other) => (named ? other.name === named[1] : other.free));
    const typed = named ? named[2] : rest;
    if (!option || !(option.completes || option.choices.length) || typed.includes("\n")) return [];
    const values = option.completes
      ? await this.complete(command.name, option.name, typed)
      : option.choices.filter((choice) => choice.startsWith(typed));
    const start = line.slice(0, line.length - typed.length);
    return Object.assign(values.map((value) => ({ label: value, note: "", line: start + value })), { typed });
  }

  /** Offer these; the first one is chosen where something of it was typed. */
  #suggest(suggestions, typed = "") {
    this.#suggestions = suggestions;
    this.list.replaceChildren(...suggestions.map(({ label, note }, i) => {
      const item = el("div", { id: `suggestion-${i}`, role: "option" }, el("span", { textContent: label }), el("small", { textContent: note }));
      // The text keeps the focus, so the list is still there when the finger comes up.
      item.addEventListener("pointerdown", (event) => event.preventDefault());
      item.addEventListener("click", () => this.#accept(i));
      return item;
    }));
    this.list.hidden = !suggestions.length;
    this.text.ariaExpanded = String(suggestions.length > 0);
    this.#chosen = -1;
    this.#choose(typed && suggestions.length ? 0 : -1);
  }

  #choose(index) {
    const count = this.#suggestions.length;
    this.#chosen = index < 0 && this.#chosen < 0 ? -1 : count ? (index + count) % count : -1;
    [...this.list.children].forEach((item, i) => (item.ariaSelected = String(i === this.#chosen)));
    const item = this.list.children[this.#chosen];
    item?.scrollIntoView({ block: "nearest" });
    if (item) this.text.setAttribute("aria-activedescendant", item.id);
    else this.text.removeAttribute("aria-activedescendant");
  }

  #accept(index) {
    this.write(this.#suggestions[index].line);
  }
}

function usage({ options }) {
  return options.map(({ name, description, free }) => (free ? description : `--${name}`)).join("  ·  ");
}
