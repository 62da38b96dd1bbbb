// The conversation on the screen: entries by id, painted at most once for each frame of the display,
// and a scroll position that follows the newest words unless somebody reads back.

import { controlsNode, editorNode } from "./controls.js";
import { el, paint } from "./markdown.js";
import { icon, isPicture, mediaNode, saidNode } from "./nodes.js";

const NEAR = 4; // pixels from the end that count as the end
const CAPTION = 400; // characters that a picture's text may have to stand under it as a caption
const COMMAND = /^\/(?!(?:ask|image)\b)/i; // what no model is asked
const PICTURE = /^\/image\b/i; // what is no part of the memory, so that nothing there could be replaced

export class Transcript {
  #entries = new Map(); // id → {kind, node, …}
  #unpainted = new Set();
  #pinned = true;
  #top = 0;
  #you = "";
  #pencil = el("button", { type: "button", className: "round pencil", ariaLabel: "Change your question", title: "Change" }, icon("pencil"));

  /** `press(line, label)` when a button is pressed, `edit(entry, text)` when one's own words were
   *  changed, `home()` when the focus has nowhere to be, `view(media)` to see a picture whole. */
  constructor({ scroller, log, latest, announcer, press, edit, home, view, changed }) {
    Object.assign(this, { scroller, log, latest, announcer, press, edit, home, view, changed });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    latest.addEventListener("click", () => this.toLatest(true));
    const follow = new ResizeObserver(() => this.#pinned && this.toLatest());
    follow.observe(scroller);
    follow.observe(log);
    log.addEventListener("click", (event) => this.#clicked(event));
  }

  get isEmpty() {
    return this.#entries.size === 0;
  }

  /** Whether an answer is on its way. */
  get isBusy() {
    return [...this.#entries.values()].some((entry) => entry.kind === "reply" && !entry.done);
  }

  has(id) {
    return this.#entries.has(id);
  }

  clear() {
    this.#entries.clear();
    this.#unpainted.clear();
    this.log.replaceChildren();
    this.#pinned = true;
    this.changed();
  }

  /** Show an entry, or show it anew. `you` is the id of who looks at it. */
  put(entry, you) {
    this.#you = you;
    const old = this.#entries.get(entry.id);
    const node = entry.kind === "said" ? saidNode(entry, you) : el("article", { className: `reply${entry.done ? "" : " writing"}`, ariaLabel: "Reply" });
    const next = { ...entry, node };
    if (entry.kind === "reply") {
      next.pages = [];
      next.foot = footNode();
      node.append(next.foot);
      for (const page of entry.pages) this.#takePage(next, page);
    }
    this.#entries.set(entry.id, next);
    if (old && !old.unplaced) old.node.replaceWith(node);
    else {
      old?.node.remove(); // what was sent takes its place in the order of the server
      this.log.append(node);
    }
    this.#touch(next);
  }

  page(id, page) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#takePage(entry, page);
    this.#touch(entry);
  }

  done(id) {
    const entry = this.#entries.get(id);
    if (!entry || entry.done) return;
    entry.done = true;
    this.#touch(entry);
    this.announcer.textContent = entry.pages.map((page) => page.text).join("\n").slice(0, 2000);
  }

  /** Let the newest own question be changed, in its place. False where there is none. */
  editNewest() {
    const entry = this.#editable;
    const words = entry?.node.querySelector(".words");
    if (!words) return false;
    const leave = () => {
      editor.replaceWith(words);
      this.home();
    };
    const editor = editorNode(entry.text, (text) => {
      leave();
      this.edit(entry, text);
    }, leave);
    words.replaceWith(editor);
    const area = editor.querySelector("textarea");
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
    return true;
  }

  /** The message was not taken. */
  refuse(id, reason) {
    const entry = this.#entries.get(id);
    entry?.node.classList.remove("pending");
    entry?.node.append(el("p", { className: "trouble", role: "alert", textContent: reason }));
  }

  toLatest(smoothly = false) {
    this.#pinned = true;
    this.latest.hidden = true;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smoothly && !calm ? "smooth" : "instant" });
    this.#top = this.scroller.scrollTop; // its own event comes later, perhaps together with a person's
  }

  #takePage(entry, { drop, more, ...change }) {
    const page = entry.pages[change.number] ?? { text: "", media: [], actions: [], menus: [] };
    if (more !== undefined) change.text = page.text.slice(0, page.text.length - drop) + more;
    entry.pages[change.number] = { ...page, ...change };
  }

  #touch(entry) {
    if (!this.#unpainted.size) requestAnimationFrame(() => this.#paint());
    this.#unpainted.add(entry);
  }

  #paint() {
    for (const entry of this.#unpainted) if (entry.kind === "reply") paintReply(entry, this.press);
    this.#unpainted.clear();
    if (!this.#pinned) this.latest.classList.add("news");
    this.#mark();
    this.changed();
  }

  /** The newest reply shows its buttons, the newest own question can be changed. */
  #mark() {
    const replies = [...this.#entries.values()].filter(({ kind }) => kind === "reply");
    const newest = replies.findLast(({ node }) => !node.hidden);
    for (const reply of replies) reply.node.classList.toggle("newest", reply === newest);
    const words = this.#editable?.node.querySelector(".words");
    if (!words) this.#pencil.remove();
    else if (this.#pencil.parentNode !== words) words.append(this.#pencil);
  }

  /** One's own newest question, unless something is being answered right now. */
  get #editable() {
    const mine = [...this.#entries.values()].filter(({ kind, user, pressed, text }) =>
      kind === "said" && user.id === this.#you && !pressed && !COMMAND.test(text));
    const newest = mine.at(-1);
    const stays = !newest || newest.pending || newest.media.length || PICTURE.test(newest.text);
    return this.isBusy || stays ? undefined : newest;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const atEnd = scrollHeight - clientHeight - scrollTop <= NEAR;
    if (atEnd) this.#pinned = true;
    else if (scrollTop < this.#top) this.#pinned = false;
    this.#top = scrollTop;
    this.latest.hidden = this.#pinned;
    if (this.#pinned) this.latest.classList.remove("news");
  }

  #clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button === this.#pencil) {
      this.editNewest();
    } else if (button.classList.contains("picture")) {
      this.view(button.media);
    } else if (button.classList.contains("copy")) {
      const article = button.closest("article");
      const code = button.closest("figure")?.querySelector("code");
      const entry = [...this.#entries.values()].find(({ node }) => node === article);
      copy(code ? code.textContent : entry.pages.map((page) => page.text).join("\n\n"), button);
    }
  }
}

function footNode() {
  const copyAll = el("button", { type: "button", className: "copy whole", ariaLabel: "Copy the answer", title: "Copy" }, icon("copy"));
  return el("div", { className: "foot" }, el("span", { className: "dots", ariaLabel: "Writing", role: "img" }), copyAll);
}

function paintReply(entry, press) {
  const { node, foot, pages, done } = entry;
  const last = pages.length - 1;
  pages.forEach((page, i) => {
    if (!page.node) {
      page.body = el("div", { className: "markdown" });
      page.node = el("div", { className: "page" }, page.body);
      node.insertBefore(page.node, foot);
    }
    paint(page.body, page.text, !done && !page.final && i === last);
    const files = JSON.stringify(page.media);
    if (page.files !== files) page.node.replaceChildren(page.body, ...page.media.length ? [mediaNode(page.media)] : []);
    page.files = files;
    page.node.classList.toggle("caption", isCaption(page));
  });
  const blank = !pages.some((page) => page.text || page.media.length);
  node.ariaBusy = String(!done);
  node.classList.toggle("writing", !done);
  node.hidden = done && blank;
  foot.querySelector(".whole").hidden = !done || pages.every((page) => !page.text || isCaption(page));
  paintControls(entry, press);
}

/** What can be done, at the end of the reply. A field that asks something stays while it is so. */
function paintControls(entry, press) {
  const { actions, menus } = entry.pages.findLast((page) => page.actions.length || page.menus.length) ?? { actions: [], menus: [] };
  const offered = JSON.stringify([actions, menus]);
  if (entry.offered === offered) return;
  entry.offered = offered;
  entry.node.querySelectorAll(".controls, .ask").forEach((node) => node.remove());
  if (actions.length || menus.length) entry.foot.append(controlsNode(actions, menus, press));
}

const isCaption = ({ media, text }) => media.some(isPicture) && text.length < CAPTION;

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https the clipboard is closed to pages; this old way still works there.
    const area = el("textarea", { className: "unseen", value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.classList.add("copied");
  const label = button.classList.contains("whole") ? null : button.textContent;
  if (label) button.textContent = "Copied";
  setTimeout(() => {
    button.classList.remove("copied");
    if (label) button.textContent = "Copy";
  }, 1500);
}
