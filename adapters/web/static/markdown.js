// Markdown as DOM nodes. Model text cannot become markup: every node is made by createElement and every
// word arrives through textContent or append(string). Pictures are never loaded, they become links.
//
//   paint(container, text, open)   renders text; what is unchanged since the last call is left alone
//                                  open: more is coming, so a half-written **word is shown as it will be

const FENCE = /^( {0,3})(`{3,}|~{3,})[ \t]*([^`\n]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}>/;
const ITEM = /^([ \t]*)([-*+]|\d{1,9}[.)])(?:[ \t]+|$)/;
const DELIMITER_ROW = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const THOUGHTS = "💭";
const DEEPEST = 12; // levels of quotes and lists; what nests deeper is read as prose
const painted = new WeakMap(); // container → its blocks, as they are on the screen

/** An element with properties, e.g. el("p", { className: "note" }, "text", node). */
export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

export function paint(container, text, open = false) {
  const before = painted.get(container) ?? [];
  const blocks = split(text.split("\n"));
  blocks.forEach((block, i) => (block.open = open && i === blocks.length - 1));
  let same = 0;
  while (same < before.length && same < blocks.length && isSame(before[same], blocks[same])) {
    blocks[same].node = before[same++].node;
  }
  for (let i = same; i < blocks.length; i++) {
    const old = before[i];
    if (old?.kind === "code" && blocks[i].kind === "code" && old.lines[0] === blocks[i].lines[0]) {
      blocks[i].node = old.node; // keeps its place, its selection bar and its Copy button
      old.node.querySelector("code").textContent = codeOf(blocks[i].lines);
    } else {
      blocks[i].node = BUILD[blocks[i].kind](blocks[i].lines, 0, blocks[i].open);
      if (old) old.node.replaceWith(blocks[i].node);
      else container.append(blocks[i].node);
    }
  }
  before.slice(blocks.length).forEach((block) => block.node.remove());
  painted.set(container, blocks);
}

function isSame(a, b) {
  return a.kind === b.kind && a.open === b.open && a.lines.length === b.lines.length
    && a.lines.every((line, i) => line === b.lines[i]);
}

// ── Blocks ──────────────────────────────────────────────────────────────────────────────────────

/** Lines as blocks: {kind, lines}. Always makes progress, whatever the text. */
function split(lines, depth = 0) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const kind = kindAt(lines, at, depth);
    const end = END[kind](lines, at, depth);
    blocks.push({ kind, lines: lines.slice(at, end) });
    at = end;
  }
  return blocks;
}

function kindAt(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (depth < DEEPEST && QUOTE.test(line)) return "quote";
  if (depth < DEEPEST && ITEM.test(line)) return "list";
  return isTable(lines, at) ? "table" : "prose";
}

function isTable(lines, at) {
  const next = lines[at + 1];
  return lines[at].includes("|") && next?.includes("-") && DELIMITER_ROW.test(next)
    && cells(lines[at]).length === cells(next).length;
}

const END = {
  code(lines, at) {
    const mark = FENCE.exec(lines[at])[2];
    let end = at + 1;
    while (end < lines.length && !closes(lines[end], mark)) end++;
    return Math.min(end + 1, lines.length);
  },
  heading: (lines, at) => at + 1,
  rule: (lines, at) => at + 1,
  quote: (lines, at, depth) =>
    until(lines, at, (i) => !QUOTE.test(lines[i]) && kindAt(lines, i, depth) !== "prose"),
  table: (lines, at, depth) =>
    until(lines, at + 1, (i) => !lines[i].includes("|") || kindAt(lines, i, depth) !== "prose"),
  prose: (lines, at, depth) =>
    until(lines, at, (i) => {
      const kind = kindAt(lines, i, depth);
      // A line that happens to begin with a number and a dot is no list, unless it begins one.
      return kind !== "prose" && !(kind === "list" && /^\s*(?!1[.)])\d/.test(lines[i]));
    }),
  list(lines, at) {
    const base = ITEM.exec(lines[at])[1].length;
    const ordered = isOrdered(lines[at]);
    let end = at + 1;
    for (let i = at + 1; i < lines.length; i++) {
      const line = lines[i];
      if (!line.trim()) continue;
      const item = !RULE.test(line) && ITEM.exec(line);
      const afterGap = !lines[i - 1].trim();
      if (item && item[1].length < base + 2) {
        if (isOrdered(line) !== ordered) break;
      } else if (indent(line) < base + 2 && (afterGap || kindAt(lines, i, 0) !== "prose")) {
        break;
      }
      end = i + 1;
    }
    return end;
  },
};

function until(lines, at, isOver) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !isOver(end)) end++;
  return end;
}

function closes(line, mark) {
  const fence = FENCE.exec(line);
  return fence && fence[2][0] === mark[0] && fence[2].length >= mark.length && !fence[3].trim();
}

const isOrdered = (line) => /^\s*\d/.test(line);
const indent = (line) => line.match(/^[ \t]*/)[0].replaceAll("\t", "    ").length;

/** Block builders: (lines, depth, open) → element. */
const BUILD = {
  code(lines) {
    const language = FENCE.exec(lines[0])[3].trim().split(/\s/)[0].slice(0, 24);
    const code = el("code", { textContent: codeOf(lines) });
    const copy = el("button", { type: "button", className: "copy", textContent: "Copy" });
    const bar = el("div", { className: "bar" }, el("span", {}, language || "text"), copy);
    return el("figure", { className: "code" }, bar, el("pre", { tabIndex: 0 }, code));
  },
  heading([line], _, open) {
    const [, marks, text = ""] = HEADING.exec(line);
    // The page's own heading is the first level.
    return el(`h${Math.min(marks.length + 1, 6)}`, {}, ...inline(text, open));
  },
  rule: () => el("hr"),
  quote(lines, depth, open) {
    const inside = lines.map((line) => line.replace(/^ {0,3}> ?/, ""));
    // What a model said to itself: see bot/thoughts.py. Open only while there is no answer yet.
    if (inside[0].startsWith(THOUGHTS)) {
      const title = el("summary", {}, ...inline(inside[0], open));
      const thoughts = build(inside.slice(1), depth + 1, open);
      return el("details", { className: "thoughts", open }, title, ...thoughts);
    }
    return el("blockquote", {}, ...build(inside, depth + 1, open));
  },
  list(lines, depth, open) {
    const items = itemsOf(lines);
    const list = el(isOrdered(lines[0]) ? "ol" : "ul");
    const start = parseInt(lines[0], 10);
    if (start > 1) list.start = start;
    if (lines.some((line) => !line.trim())) list.className = "loose";
    items.forEach((item, i) => {
      const task = /^\[([ xX])\][ \t]+/.exec(item[0]);
      if (task) item[0] = item[0].slice(task[0].length);
      const node = el("li", {}, ...build(item, depth + 1, open && i === items.length - 1));
      if (task) {
        node.className = "task";
        node.prepend(el("input", { type: "checkbox", disabled: true, checked: task[1] !== " " }));
      }
      list.append(node);
    });
    return list;
  },
  table(lines, _, open) {
    const sides = cells(lines[1]).map((cell) =>
      cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "",
    );
    const row = (line, tag) => {
      const found = cells(line);
      return el("tr", {}, ...sides.map((className, i) => el(tag, { className }, ...inline(found[i] ?? "", open))));
    };
    const head = el("thead", {}, row(lines[0], "th"));
    const body = el("tbody", {}, ...lines.slice(2).map((line) => row(line, "td")));
    return el("div", { className: "table", tabIndex: 0 }, el("table", {}, head, body));
  },
  prose: (lines, _, open) => el("p", {}, ...inline(lines.map((line) => line.trimStart()).join("\n"), open)),
};

function build(lines, depth, open) {
  const blocks = split(lines, depth);
  return blocks.map((block, i) => BUILD[block.kind](block.lines, depth, open && i === blocks.length - 1));
}

function codeOf(lines) {
  const [, margin, mark] = FENCE.exec(lines[0]);
  const body = lines.slice(1);
  if (body.length && closes(body.at(-1), mark)) body.pop();
  return body.map((line) => line.slice(Math.min(indent(line), margin.length))).join("\n");
}

/** A list's lines as one array of lines for each item, without marker and indent. */
function itemsOf(lines) {
  const base = ITEM.exec(lines[0])[1].length;
  const items = [];
  let width = 2;
  for (const line of lines) {
    const item = !RULE.test(line) && ITEM.exec(line);
    if (item && item[1].length < base + 2) {
      width = Math.max(2, Math.min(item[0].length, base + 5));
      items.push([line.slice(item[0].length)]);
    } else {
      items.at(-1).push(line.replaceAll("\t", "    ").slice(Math.min(indent(line), width)));
    }
  }
  return items;
}

function cells(line) {
  return line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "")
    .split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

// ── Words ───────────────────────────────────────────────────────────────────────────────────────

const SPECIAL = /[\\`*_~[!<&\n]|https?:\/\//g;
const ESCAPED = /\\([!-/:-@[-`{-~])/y;
const LINK = /(!?)\[((?:\\.|[^[\]\\]|\[[^[\]]*\])*)\]\(\s*(<[^>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y;
const HALF_LINK = /!?\[([^[\]\n]*)(?:\]\([^()\s]*)?$/y; // being written at this moment
const ANGLE = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/y;
const BARE = /https?:\/\/[^\s<>"`]+/y;
const BREAK = /<br\s*\/?>/iy;
const ENTITY = /&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{1,7})|#[xX]([\da-fA-F]{1,6}));/y;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const TAGS = { "*": ["em", "strong"], _: ["em", "strong"], "~": ["del", "del"] };
const OPEN_LIMIT = 40; // emphasis that is open at a time

/** Text as nodes and strings. Unknown and unfinished marks stay text. */
function inline(text, open = false, links = true) {
  const stack = [{ mark: "", count: 0, nodes: [] }];
  const add = (...nodes) => stack.at(-1).nodes.push(...nodes);
  const match = (pattern, at) => ((pattern.lastIndex = at), pattern.exec(text));
  for (let at = 0; at < text.length; ) {
    const found = match(SPECIAL, at);
    const next = found ? found.index : text.length;
    if (next > at) add(text.slice(at, next));
    if (!found) break;
    at = next;
    const char = text[at];
    const token = TAGS[char] ? emphasis(text, at, stack, open) : read(char, at);
    if (token.nodes) add(...token.nodes);
    at = token.end;
  }
  while (stack.length > 1) fold(stack, open);
  return stack[0].nodes;

  function read(char, at) {
    let hit;
    if (char === "\n") return { nodes: [el("br")], end: at + 1 };
    if (char === "`") return codeSpan(text, at, open);
    if (char === "\\") {
      if (text[at + 1] === "\n") return { nodes: [], end: at + 1 };
      if ((hit = match(ESCAPED, at))) return { nodes: [hit[1]], end: at + 2 };
    } else if (char === "&" && (hit = match(ENTITY, at))) {
      return { nodes: [character(hit)], end: at + hit[0].length };
    } else if (char === "<") {
      if ((hit = match(BREAK, at))) return { nodes: [el("br")], end: at + hit[0].length };
      if (links && (hit = match(ANGLE, at))) return { nodes: [link(hit[1], [hit[1]])], end: at + hit[0].length };
    } else if (char === "[" || char === "!") {
      if (links && (hit = match(LINK, at))) {
        const url = hit[3].replace(/^<|>$/g, "");
        const words = hit[1] ? [hit[2] || url] : inline(hit[2] || url, false, false);
        return { nodes: [link(url, words) ?? hit[0]], end: at + hit[0].length };
      }
      if (open && (hit = match(HALF_LINK, at))) return { nodes: [hit[1]], end: text.length };
    } else if (links && (hit = match(BARE, at))) {
      const url = trimmed(hit[0]);
      return { nodes: [link(url, [url]) ?? url], end: at + url.length };
    }
    return { nodes: [char], end: at + 1 };
  }
}

function codeSpan(text, at, open) {
  const run = /`+/y;
  run.lastIndex = at;
  const mark = run.exec(text)[0];
  const start = at + mark.length;
  let end = text.indexOf(mark, start);
  while (end >= 0 && text[end + mark.length] === "`") {
    while (text[end] === "`") end++;
    end = text.indexOf(mark, end);
  }
  if (end < 0 && (!open || start === text.length)) return { nodes: open ? [] : [mark], end: start };
  const code = text.slice(start, end < 0 ? undefined : end).replaceAll("\n", " ");
  const inner = /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code;
  return { nodes: [el("code", { textContent: inner })], end: end < 0 ? text.length : end + mark.length };
}

/** A run of * _ or ~: closes what it can, opens what is left, or is text. */
function emphasis(text, at, stack, open) {
  const mark = text[at];
  let end = at;
  while (text[end] === mark) end++;
  let count = end - at;
  const before = text[at - 1] ?? " ";
  const after = text[end] ?? " ";
  const word = /[\p{L}\p{N}_]/u;
  const least = mark === "~" ? 2 : 1;
  if (!/\s/.test(before) && !(mark === "_" && word.test(after))) {
    while (count >= least) {
      const opener = stack.findLastIndex((entry) => entry.mark === mark && entry.count >= least);
      if (opener < 1 || (opener === stack.length - 1 && !stack[opener].nodes.length)) break;
      while (stack.length - 1 > opener) fold(stack, false);
      const entry = stack[opener];
      const used = Math.min(count, entry.count, 2);
      entry.nodes = [el(TAGS[mark][used - 1], {}, ...entry.nodes)];
      entry.count -= used;
      count -= used;
      if (!entry.count) stack.at(-2).nodes.push(...stack.pop().nodes);
    }
  }
  if (!count) return { end };
  const opens = !/\s/.test(after) && !(mark === "_" && word.test(before)) && count >= least;
  if (opens && stack.length < OPEN_LIMIT) {
    stack.push({ mark, count, nodes: [] });
    return { end };
  }
  // At the very end of a text that still grows, a mark is about to open or close something.
  const pending = open && end === text.length && count >= 2;
  return { nodes: pending ? [] : [mark.repeat(count)], end };
}

/** Give up on the innermost open mark: it was text, or is still being written. */
function fold(stack, open) {
  const { mark, count, nodes } = stack.pop();
  const outer = stack.at(-1).nodes;
  if (open && count >= 2 && nodes.length) outer.push(el(TAGS[mark][1], {}, ...nodes));
  else outer.push(mark.repeat(count), ...nodes);
}

function character([, name, decimal, hex]) {
  if (name) return NAMED[name];
  const code = decimal ? parseInt(decimal, 10) : parseInt(hex, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
}

/** A link to the web or to mail, opened elsewhere; null for any other address. */
function link(url, words) {
  if (!/^(?:https?:\/\/[^\s]|mailto:)/i.test(url) || !URL.canParse(url)) return null;
  return el("a", { href: url, title: url, target: "_blank", rel: "noopener noreferrer" }, ...words);
}

/** A bare address without the punctuation of the sentence around it. */
function trimmed(url) {
  for (;;) {
    const last = url.at(-1);
    const unbalanced = last === ")" && url.split(")").length > url.split("(").length;
    if (!unbalanced && !/[.,;:!?'*_~\]}|]/.test(last)) return url;
    url = url.slice(0, -1);
  }
}
