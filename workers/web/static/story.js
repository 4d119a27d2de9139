// All versions of a story: the first publisher, and how much of the text the others share.
import { setTitle } from "./app.js";
import { sides } from "./body.js";
import { count, get, make, when } from "./dom.js";
import { members } from "./members.js";

export async function render(main, { id, signal }) {
  const { members: rows, first, complete } = await get(`/stories/${id}`, signal);
  const start = rows.find((row) => row.id === first), publishers = new Set(rows.map((row) => row.publisher));
  setTitle(start.title || "Story");
  main.append(
    make("p", { class: "crumbs" }, make("a", { href: "/", textContent: "Articles" })),
    make("h1", { dir: "auto", textContent: start.title || "(no title)" }),
    make("p", {}, "First received from ", make("strong", { textContent: start.publisher || "an unknown publisher" }), " ",
      when(start.fetched_at || start.time_s), `. ${count(rows.length, "version")} by ${count(publishers.size, "publisher")}.`),
  );
  if (!complete) main.append(make("p", { class: "meta", textContent: "The search index is being built; further versions may follow." }));
  main.append(members(rows, first), make("h2", { textContent: "First version" }));
  const { revisions } = await get(`/articles/${first}`, signal);
  main.append(sides(revisions.at(-1)));
}
