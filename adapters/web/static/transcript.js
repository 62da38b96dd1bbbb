// The conversation on the screen: entries by id, painted at most once for each frame of the display,
// and a scroll position that follows the newest words unless somebody reads back.

import { el, paint } from "./markdown.js";

const NEAR = 4; // pixels from the end that count as the end
const CAPTION = 400; // characters that a picture's text may have to stand under it as a caption

export const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
};

export class Transcript {
  #entries = new Map(); // id → {kind, node, …}
  #unpainted = new Set();
  #pinned = true;
  #top = 0;

  /** `press(line)` when a button is pressed, `view(media)` when a picture is to be seen whole. */
  constructor({ scroller, log, latest, announcer, press, view, changed }) {
    Object.assign(this, { scroller, log, latest, announcer, press, view, changed });
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
    return this.#entries.has(id) && !this.#entries.get(id).pending;
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
    if (old && !old.pending) old.node.replaceWith(node);
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
    const page = entry.pages[change.number] ?? { text: "", media: [], actions: [] };
    if (more !== undefined) change.text = page.text.slice(0, page.text.length - drop) + more;
    entry.pages[change.number] = { ...page, ...change };
  }

  #touch(entry) {
    if (!this.#unpainted.size) requestAnimationFrame(() => this.#paint());
    this.#unpainted.add(entry);
  }

  #paint() {
    for (const entry of this.#unpainted) if (entry.kind === "reply") paintReply(entry);
    this.#unpainted.clear();
    if (!this.#pinned) this.latest.classList.add("news");
    this.changed();
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
    if (button.dataset.line) {
      this.press(button.dataset.line);
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

function saidNode({ user, text, media, pressed, pending }, you) {
  const mine = user.id === you;
  const name = user.name || (mine ? "You" : "Guest");
  const who = el("p", { className: mine ? "unseen" : "who", textContent: name });
  const node = el("article", { className: "said", ariaLabel: `${name} said` }, who);
  node.classList.toggle("mine", mine);
  node.classList.toggle("pressed", pressed);
  node.classList.toggle("pending", Boolean(pending));
  if (media.length) node.append(mediaNode(media));
  if (text) {
    const command = /^\/\w+/.exec(text)?.[0] ?? "";
    const words = el("p", { className: "words" }, text.slice(command.length));
    if (command) words.prepend(el("b", { textContent: command }));
    node.append(words);
  }
  return node;
}

function footNode() {
  const copyAll = el("button", { type: "button", className: "copy whole", ariaLabel: "Copy the answer", title: "Copy" }, icon("copy"));
  return el("div", { className: "foot" }, el("span", { className: "dots", ariaLabel: "Writing", role: "img" }), copyAll);
}

function paintReply(entry) {
  const { node, foot, pages, done } = entry;
  const last = pages.length - 1;
  pages.forEach((page, i) => {
    if (!page.node) {
      page.body = el("div", { className: "markdown" });
      page.node = el("div", { className: "page" }, page.body);
      node.insertBefore(page.node, foot);
    }
    paint(page.body, page.text, !done && !page.final && i === last);
    const extras = JSON.stringify([page.media, page.actions]);
    if (page.extras !== extras) page.node.replaceChildren(page.body, ...extrasOf(page));
    page.extras = extras;
    page.node.classList.toggle("caption", isCaption(page));
  });
  const blank = !pages.some((page) => page.text || page.media.length);
  node.ariaBusy = String(!done);
  node.classList.toggle("writing", !done);
  node.hidden = done && blank;
  foot.querySelector(".whole").hidden = !done || pages.every((page) => !page.text || isCaption(page));
}

const isCaption = ({ media, text }) => media.length > 0 && text.length < CAPTION;

function extrasOf({ media, actions }) {
  const extras = media.length ? [mediaNode(media)] : [];
  if (actions.length) {
    const buttons = actions.map(({ label, line }) => {
      const button = el("button", { type: "button", className: "button", textContent: label });
      button.dataset.line = line;
      return button;
    });
    extras.push(el("div", { className: "actions" }, ...buttons));
  }
  return extras;
}

function mediaNode(media) {
  return el("div", { className: "media" }, ...media.map((one) => {
    const source = one.url ?? `/media/${one.id}`;
    if (one.type.startsWith("image/") && one.type !== "image/svg+xml") {
      const picture = el("img", { src: source, alt: one.name, loading: "lazy", decoding: "async" });
      const button = el("button", { type: "button", className: "picture", ariaLabel: `Open ${one.name}`, media: { ...one, source } }, picture);
      picture.onerror = () => button.replaceWith(el("p", { className: "lost", textContent: `${one.name} is no longer kept.` }));
      return button;
    }
    if (one.type.startsWith("audio/")) return el("audio", { src: source, controls: true, preload: "metadata", ariaLabel: one.name });
    return el("a", { className: "button", href: source, download: one.name, textContent: one.name });
  }));
}

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
