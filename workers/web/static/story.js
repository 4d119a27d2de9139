// All articles of a story: the first publisher, how much of the text the others share, and the words that differ.
import { go, setTitle } from "./app.js";
import { changes, sides } from "./body.js";
import { count, get, isolated, make, query, select, when } from "./dom.js";
import { members } from "./members.js";

export async function render(main, { id, query: address, signal }) {
  const { members: rows, first, complete } = await get(`/stories/${id}`, signal);
  const start = rows.find((row) => row.id === first), publishers = new Set(rows.map((row) => row.publisher));
  setTitle(start.title || "Story");
  main.append(
    make("p", { class: "crumbs" }, make("a", { href: "/", textContent: "Articles" })),
    make("h1", { dir: "auto", textContent: start.title || "(no title)" }),
    make("p", {}, "First received from ", make("strong", {}, isolated(start.publisher) || "an unknown publisher"), " ",
      when(start.fetched_at || start.time_s), `. ${count(rows.length, "article")} by ${count(publishers.size, "publisher")}.`),
  );
  if (!complete) main.append(make("p", { class: "meta", textContent: "The search index is being built; further articles may follow." }));
  main.append(members(rows, id, first));
  if (rows.length > 1) main.append(comparison(rows, id, start, address, signal));
  main.append(make("h2", { textContent: "First article" }));
  const { revisions } = await get(`/articles/${first}`, signal);
  main.append(sides(revisions.at(-1)));
}

// Return the word diff between two articles that the reader chooses.
function comparison(rows, story, start, address, signal) {
  const ids = { from: address.get("from") || start.id };
  ids.to = address.get("to") || rows.find((row) => row.id !== ids.from && !row.withdrawn)?.id || rows.find((row) => row.id !== ids.from).id;
  const place = make("div", { role: "status" });
  const name = (id) => isolated(rows.find((row) => row.id === id)?.publisher) || "unknown";
  const load = async () => {
    try {
      const diff = await get(`/stories/${story}/diff${query(ids)}`, signal);
      const isSame = [diff.title, ...diff.paragraphs].every((part) => part.every(([operation]) => operation === "="));
      place.replaceChildren(
        make("p", { class: "meta" }, make("del", { textContent: "Struck-through words" }), " are only in ", name(ids.from), ", ", make("ins", { textContent: "underlined words" }), " only in ", name(ids.to), "."),
        isSame ? make("p", { textContent: "Both texts have the same words." }) : changes(diff),
      );
    } catch (error) { if (error.name !== "AbortError") place.replaceChildren(make("p", { class: "bad", textContent: error.message })); }
  };
  const options = rows.map((row) => [row.id, `${row.publisher || "unknown"}: ${row.title || "(no title)"}`]);
  const choose = (end, label) => select(label, options, ids[end], (id) => {
    ids[end] = id;
    go(`/stories/${story}${query(ids)}`, { replace: true });
    load();
  });
  load();
  return make("section", { "aria-labelledby": "h-compare" },
    make("h2", { id: "h-compare", textContent: "Differences" }),
    make("div", { class: "toolbar compare" }, choose("from", "First article to compare"), choose("to", "Second article to compare")), place);
}
