// The articles of a story in a table, and the word diff between two of them.
import { chips } from "./body.js";
import { chip, make, span, when } from "./dom.js";

const timeOf = (row) => Date.parse(row.fetched_at) || row.time_s * 1000;

// Return the table of *rows*, by the time of their polls. *first*: id of the first article; *here*: id to mark.
export function members(rows, story, first, here = "") {
  const start = rows.find((row) => row.id === first) || rows[0];
  const table = make("table", { class: "members" }, make("thead", {}, make("tr", {},
    ["Publisher", "Headline", "Received", "Same text"].map((text) => make("th", { scope: "col", textContent: text })))));
  const body = make("tbody");
  for (const row of rows) {
    const delay = (timeOf(row) - timeOf(start)) / 1000;
    const title = row.id === here ? make("strong", { dir: "auto", textContent: row.title || "(no title)" })
      : make("a", { href: `/articles/${row.id}`, dir: "auto", textContent: row.title || "(no title)" });
    const from = here || start.id, compare = row.id !== from && make("a", { href: `/stories/${story}?from=${from}&to=${row.id}`, textContent: "compare" });
    const same = row === start ? chip("first", "good") : row.duplicate_kind === "title" ? "title only" : row.duplicate_of ? `${Math.round(100 * (row.similarity || 0))} %` : "";
    body.append(make("tr", { "data-row": "" },
      make("td", { textContent: row.publisher || "unknown" }),
      make("td", {}, title, " ", chips({ ...row, duplicate_of: "" })),
      make("td", {}, when(row.fetched_at || row.time_s), row !== start && Math.abs(delay) >= 1 ? make("span", { class: "meta", textContent: ` ${delay < 0 ? "−" : "+"}${span(Math.abs(delay))}` }) : ""),
      make("td", {}, same, " ", compare)));
  }
  table.append(body);
  return make("div", { class: "scroll" }, table);
}
