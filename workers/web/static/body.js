// The text of an article beside the blocks that were removed from it, and the word diffs of its revisions.
import { capitalised, chip, count, isolated, make, when } from "./dom.js";

const MAX_LINES = 30, EXCERPT_CHARS = 160;

// Return the headlines of a removed block, one each: its links, or the lines of its text.
function headlines(block) {
  const links = (block.links || []).map((link) => link.text || link.url).filter(Boolean);
  const text = [block.label, block.text].filter(Boolean).join(": ");
  return links.length ? links : text.split(/\n+/).filter((line) => line.trim());
}

export function removedBlocks(article) {
  const blocks = article.removed || [];
  const box = make("div", { class: "removed", role: "group", "aria-label": "Removed blocks" });
  box.append(make("p", { class: "head", textContent: blocks.length ? `Removed: ${count(blocks.length, "block")}` : "Nothing removed" }));
  for (const block of blocks) {
    const lines = headlines(block), list = make("ul");
    for (const line of lines.slice(0, MAX_LINES)) list.append(make("li", {}, make("del", { dir: "auto", textContent: line.slice(0, 500) })));
    if (!lines.length) list.append(make("li", {}, make("del", { textContent: `(${block.kind})` })));
    if (lines.length > MAX_LINES) list.append(make("li", { textContent: `and ${count(lines.length - MAX_LINES, "more line")}` }));
    const label = block.label && lines.length && (block.links || []).length ? [" “", isolated(block.label), "”"] : "";
    box.append(make("div", { class: "block" }, make("p", { class: "reason" }, block.kind, label, `: ${block.reason}`), list));
  }
  return box;
}

// Return the note of a correction after its kind, unless it begins with a label: "Korrektur: …".
const labelled = ({ kind, note }) => [/^[^:.]{3,24}:/.test(note) ? "" : `${capitalised(kind)}: `, isolated(note)];

export function text(article) {
  const box = make("div", { class: "text", role: "group", "aria-label": "Text after cleaning", lang: article.language || "" });
  if (article.withdrawn) box.append(make("p", { class: "notice bad", textContent: "Withdrawn by the publisher: " }, isolated(article.withdrawn)));
  if (article.correction) box.append(make("p", { class: "notice" }, labelled(article.correction)));
  if (article.dek) box.append(make("p", { class: "dek", dir: "auto", textContent: article.dek }));
  for (const paragraph of article.paragraphs || []) box.append(make("p", { dir: "auto", textContent: paragraph }));
  if (!article.dek && !(article.paragraphs || []).length && !article.withdrawn) box.append(make("p", { class: "meta", textContent: "The feed delivers no text." }));
  return box;
}

// Return the text and the removed blocks, side by side.
export function sides(article) {
  const hasRemoved = (article.removed || []).length > 0 || !article.withdrawn;
  return make("div", { class: "sides" }, text(article), hasRemoved && removedBlocks(article));
}

const ELEMENTS = { "=": "span", "-": "del", "+": "ins" };

// Return the words of a diff. Long unchanged passages are cut in the middle.
export function diffWords(operations) {
  const parts = [];
  for (const [operation, words] of operations) {
    const isLong = operation === "=" && words.length > EXCERPT_CHARS;
    const excerpt = isLong ? `${words.slice(0, EXCERPT_CHARS / 2)} … ${words.slice(-EXCERPT_CHARS / 2)}` : words;
    parts.push(make(ELEMENTS[operation], { textContent: excerpt }), " ");
  }
  return parts;
}

// Return what a revision changed: title and text, paragraph by paragraph. Unchanged paragraphs are counted.
export function changes(change) {
  const box = make("div", { class: "changes" });
  if (change.title.some(([operation]) => operation !== "=")) box.append(make("p", { class: "title", dir: "auto" }, diffWords(change.title)));
  let same = 0;
  const showSame = () => {
    if (same) box.append(make("p", { class: "meta", textContent: `… ${count(same, "unchanged paragraph")} …` }));
    same = 0;
  };
  for (const paragraph of change.paragraphs) {
    if (paragraph.every(([operation]) => operation === "=")) { same += 1; continue; }
    showSame();
    box.append(make("p", { dir: "auto" }, diffWords(paragraph)));
  }
  showSame();
  return box;
}

// Return the marks of an article: revision, copy, correction, withdrawal, removed blocks.
export function chips(row) {
  const removed = Array.isArray(row.removed) ? row.removed.length : row.removed || 0;
  const correction = row.correction?.kind || row.correction;
  return [
    row.withdrawn && chip("withdrawn", "bad", row.withdrawn),
    correction && chip(correction, "warn"),
    row.revision > 1 && chip(`revision ${row.revision}`, "warn"),
    row.duplicate_of && chip(row.duplicate_kind === "title" ? "same title" : `copy, ${Math.round(100 * (row.similarity || 0))} %`, "copy"),
    removed > 0 && chip(`${count(removed, "block")} removed`, "cut"),
  ].filter(Boolean);
}

// Return the publisher, time and size of an article on one line.
export function byline(row) {
  const line = make("span", { class: "meta" });
  const time = row.published || row.fetched_at || row.time_s;
  const parts = [isolated(row.publisher), time && when(time), isolated(row.tag || (row.tags || [])[0]), row.word_count ? count(row.word_count, "word") : ""];
  for (const part of parts.filter(Boolean)) line.append(...(line.childNodes.length ? [" · "] : []), part);
  return line;
}

