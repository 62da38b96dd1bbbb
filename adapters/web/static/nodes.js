// What was said, and the files on either side, as DOM nodes.

import { el } from "./markdown.js";

export const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
};

/** Bytes as people say them: "812 B", "14 kB", "2.4 MB". */
export function sizeOf(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1000 * 2 ** 10) return `${Math.round(bytes / 2 ** 10)} kB`;
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

/** Whether a browser shows it as it is. A drawing in SVG is not shown: it can carry scripts. */
export const isPicture = ({ type }) => type.startsWith("image/") && type !== "image/svg+xml";

/** What a file is called, how large it is, and a tile with the ending of its name. */
export function fileParts({ name, size }) {
  const ending = /\.(\w{1,4})$/.exec(name)?.[1] ?? "";
  const tile = el("span", { className: "tile", ariaHidden: "true" }, ending ? ending.toUpperCase() : icon("file"));
  return [tile, el("span", { className: "name", textContent: name }), el("small", { textContent: sizeOf(size) })];
}

export function mediaNode(media) {
  return el("div", { className: "media" }, ...media.map((one) => {
    const source = `/media/${one.id}`;
    if (isPicture(one)) return pictureNode({ ...one, source: one.url ?? source });
    if (one.type.startsWith("audio/")) {
      const player = el("audio", { src: source, controls: true, preload: "metadata", ariaLabel: one.name });
      return el("figure", { className: "sound" }, el("figcaption", { textContent: one.name }), player);
    }
    return el("a", { className: "file", href: source, download: one.name, title: `Download ${one.name}` }, ...fileParts(one));
  }));
}

function pictureNode(one) {
  const picture = el("img", { src: one.source, alt: one.name, loading: "lazy", decoding: "async" });
  const button = el("button", { type: "button", className: "picture", ariaLabel: `Open ${one.name}`, media: one }, picture);
  picture.onerror = () => button.replaceWith(el("p", { className: "lost", textContent: `${one.name} is no longer kept.` }));
  return button;
}

export function saidNode({ user, text, media, pressed, edits, pending }, you) {
  const mine = user.id === you;
  const name = user.name || (mine ? "You" : "Guest");
  const who = el("p", { className: mine ? "unseen" : "who", textContent: name });
  const node = el("article", { className: "said", ariaLabel: `${name} said` }, who);
  node.classList.toggle("mine", mine);
  node.classList.toggle("pressed", pressed);
  node.classList.toggle("pending", Boolean(pending));
  if (media.length) node.append(mediaNode(media));
  if (text) node.append(wordsNode(text));
  if (edits) node.append(el("p", { className: "edited", textContent: "edited" }));
  return node;
}

function wordsNode(text) {
  const command = /^\/\w+/.exec(text)?.[0] ?? "";
  const words = el("p", { className: "words" }, text.slice(command.length));
  if (command) words.prepend(el("b", { textContent: command }));
  return words;
}
