// One article: its text beside the removed blocks, all revisions with their diffs, provenance, and its story.
import { byline, changes, chips, sides } from "./body.js";
import { setTitle } from "./app.js";
import { chip, count, facts, get, make, outside, when } from "./dom.js";
import { members } from "./members.js";

export async function render(main, { id, signal }) {
  const answer = await get(`/articles/${id}`, signal), article = answer.revisions.at(-1);
  setTitle(article.title || "Article");
  const story = article.story_id || id;
  main.append(
    make("p", { class: "crumbs" }, make("a", { href: "/", textContent: "Articles" })),
    make("h1", { dir: "auto", lang: article.language || "", textContent: article.title || "(no title)" }),
    make("p", { class: "line" }, byline(article), " ", chips(article)),
    sides(article),
    revisions(answer),
    provenance(article, answer.feed_id),
  );
  const { members: rows } = await get(`/stories/${story}`, signal).catch(() => ({ members: [] }));
  if (rows.length < 2) return;
  main.append(make("section", { "aria-labelledby": "h-story" },
    make("h2", { id: "h-story", textContent: `Story: ${count(rows.length, "article")}` }),
    members(rows, story, story, id),
    make("p", { class: "links" }, make("a", { href: `/stories/${story}`, textContent: "All articles of the story" }))));
}

function revisions({ revisions: all, changes: diffs, complete }) {
  const section = make("section", { "aria-labelledby": "h-revisions" }, make("h2", { id: "h-revisions", textContent: count(all.length, "retained revision") }));
  if (!complete) section.append(make("p", { class: "meta", textContent: "The search for earlier revisions timed out; some may be missing." }));
  const list = make("ol", { class: "revisions" });
  for (const article of [...all].reverse()) {
    const change = diffs.find((diff) => diff.revision === article.revision), words = article.changes;
    const size = words ? ` · ${count(words.words_added || 0, "word")} added, ${words.words_removed || 0} removed` : "";
    const line = [make("strong", { textContent: `Revision ${article.revision}` }), " · ", article.fetched_at ? when(article.fetched_at) : "", size, " "];
    if (article.withdrawn) line.push(chip("withdrawn", "bad"), " ");
    if (article.correction) line.push(chip(article.correction.kind, "warn"), " ");
    const item = make("li");
    if (change) item.append(make("details", { open: article === all.at(-1) }, make("summary", {}, line), changes(change)));
    else item.append(make("p", {}, line, article.revision === 1 ? make("span", { class: "meta", textContent: "first revision" }) : make("span", { class: "meta", textContent: "the revision before is past its retention" })));
    list.append(item);
  }
  section.append(list);
  return section;
}

function provenance(article, feedId) {
  const source = article.source && `${article.source.topic}/${article.source.partition}@${article.source.offset}`;
  const fields = Object.entries(article.field_sources || {}).map(([field, from]) => `${field}: ${from}`).join(", ");
  return make("section", { "aria-labelledby": "h-provenance" }, make("h2", { id: "h-provenance", textContent: "Provenance" }), facts([
    ["Publisher", article.publisher],
    ["By", (article.byline || []).join(", ")],
    ["Original", article.url && outside(article.url)],
    ["Canonical URL", article.canonical_url !== article.url && article.canonical_url && outside(article.canonical_url)],
    ["Feed", article.feed && (feedId ? make("a", { href: `/feeds/${feedId}`, textContent: article.feed }) : article.feed)],
    ["Folder", article.folder],
    ["Published", article.published && when(article.published)],
    ["Updated", article.updated && when(article.updated)],
    ["Stated by the feed", article.stated_published && when(article.stated_published)],
    ["Polled", article.fetched_at && when(article.fetched_at)],
    ["Language", article.language],
    ["Tags", (article.tags || []).join(", ")],
    ["Agency", article.source_credit],
    ["Dateline", article.dateline],
    ["Slug", article.slug],
    ["Urgency", article.urgency],
    ["Fields from", fields],
    ["Item", source && make("code", { textContent: source })],
    ["Article", make("code", { textContent: `${article.id} revision ${article.revision}` })],
  ]));
}
