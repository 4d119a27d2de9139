// All feeds, one line each, the failing ones first. The server filters, sorts and pages, because a list may have 10,000 feeds.
import { addFeeds } from "./add.js";
import { go } from "./app.js";
import { get, hasToken, isolated, make, number, query, repeat, select, span } from "./dom.js";

const LIMIT = 100, REFRESH_S = 5, SEARCH_DELAY_MS = 250;
const SORTS = [["health", "Failing first"], ["title", "Title"], ["rate", "Most items"], ["due", "Next poll"], ["failures", "Most failures"]];
const HEALTHS = [["", "All"], ["failing", "Failing"], ["new", "Not polled"], ["ok", "Working"], ["paused", "Paused"]];

export async function render(main, { query: address, signal }) {
  const state = Object.fromEntries(["q", "health", "folder", "sort"].map((name) => [name, address.get(name) || ""]));
  state.offset = Number(address.get("offset")) || "";
  const body = make("tbody", { id: "feeds" }), pages = make("nav", { class: "pages", "aria-label": "Pages" });
  const error = make("p", { class: "bad", role: "status" }), tabs = make("div", { class: "tabs", role: "group", "aria-label": "Health" });
  const folders = make("span"), found = make("p", { class: "meta", role: "status" });
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const apply = (changes) => {
    Object.assign(state, { offset: "" }, changes);
    go("/feeds" + query(state), { replace: true });
    load().catch((failure) => { if (failure.name !== "AbortError") error.textContent = `Filter failed: the list is the former one (${failure.message}); the page tries again`; });
  };
  const load = async () => {
    const asked = query({ ...state, limit: LIMIT }), answer = await get(`/feeds${asked}`, signal);
    if (asked !== query({ ...state, limit: LIMIT })) return; // the user has changed a filter meanwhile
    showRows(body, answer.feeds);
    showTabs(tabs, answer, state, apply);
    showFolders(folders, answer.folders, state, apply);
    found.textContent = !answer.total ? "No feeds yet. Add one above." : answer.matching ? "" : "No feed matches. Change the words or the filters.";
    showPages(pages, answer, state);
  };
  const search = make("input", { id: "search", type: "search", value: state.q, placeholder: "Filter by title or URL", "aria-label": "Filter feeds by title, URL or folder" });
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => apply({ q: search.value.trim() }), SEARCH_DELAY_MS); });
  main.append(
    make("h1", { textContent: "Feeds" }),
    hasToken() && make("details", { class: "panel", id: "add-feeds", open: address.has("add") }, make("summary", { textContent: "Add feeds" }), addFeeds(load)),
    tabs,
    make("div", { class: "toolbar", role: "search" }, search, folders, select("Order", SORTS, state.sort || "health", (sort) => apply({ sort }))),
    error, found,
    make("div", { class: "scroll" }, make("table", { class: "feeds" }, make("thead", {}, make("tr", {},
      ["Feed", "State", "Items a day", "Interval", "Next poll"].map((text) => make("th", { scope: "col", textContent: text })))), body)),
    pages,
  );
  await load();
  repeat(load, REFRESH_S, signal, error);
}

function showTabs(tabs, { total, health }, state, apply) {
  const counts = { "": total, ...health };
  if (!tabs.childElementCount) {
    for (const [name, text] of HEALTHS) {
      const tab = make("button", { type: "button", "data-health": name });
      tab.dataset.text = text;
      tab.addEventListener("click", () => apply({ health: name }));
      tabs.append(tab);
    }
  }
  for (const tab of tabs.children) {
    tab.textContent = `${tab.dataset.text} ${number(counts[tab.dataset.health] || 0)}`;
    tab.setAttribute("aria-pressed", String(state.health === tab.dataset.health));
  }
}

function showFolders(place, folders, state, apply) {
  const names = folders.join("\n");
  if (place.dataset.names === names) return;
  place.dataset.names = names;
  place.replaceChildren(...(folders.length ? [select("Folder", [["", "All folders"], ...folders.map((name) => [name, name])], state.folder, (folder) => apply({ folder }))] : []));
}

function showPages(pages, { matching, feeds }, state) {
  const first = state.offset || 0;
  const link = (offset, text, rel) => make("a", { href: "/feeds" + query({ ...state, offset }), rel, textContent: text });
  const parts = [];
  if (first > 0) parts.push(link(Math.max(0, first - LIMIT) || "", "Previous", "prev"));
  if (matching > feeds.length) parts.push(make("span", { class: "meta", textContent: `${number(first + 1)}–${number(first + feeds.length)} of ${number(matching)}` }));
  if (first + feeds.length < matching) parts.push(link(first + LIMIT, "Next", "next"));
  const shown = parts.map((part) => part.textContent + (part.href || "")).join();
  if (pages.dataset.shown !== shown) {
    pages.dataset.shown = shown;
    pages.replaceChildren(...parts);
  }
}

// Draw only the rows that differ, so that the focus and the selection stay.
function showRows(body, feeds) {
  const rows = new Map([...body.children].map((row) => [row.dataset.id, row]));
  let next = body.firstElementChild;
  for (const feed of feeds) {
    const shown = JSON.stringify([feed.title, feed.health, feed.error, feed.folder, feed.items_per_day, feed.interval_s, feed.polls, Math.round(feed.due_in_s / 30)]);
    let row = rows.get(feed.id);
    rows.delete(feed.id);
    if (!row) row = make("tr", { "data-id": feed.id, "data-row": "" });
    if (row.dataset.shown !== shown) {
      row.dataset.shown = shown;
      const hadFocus = row.contains(document.activeElement);
      row.replaceChildren(...cells(feed));
      if (hadFocus) row.querySelector("a").focus();
    }
    if (row === next) next = next.nextElementSibling; else body.insertBefore(row, next);
  }
  for (const row of rows.values()) row.remove();
}

export const WORDS = { ok: "working", failing: "failing", paused: "paused", new: "not polled yet" };

function cells(feed) {
  const state = feed.health === "failing" ? feed.explanation || feed.error : feed.items_deferred ? `${number(feed.items_deferred)} entries over the daily budget` : "";
  const due = feed.paused ? "" : feed.due_in_s > 1 ? `in ${span(feed.due_in_s)}` : "now";
  return [
    make("td", {}, make("a", { href: `/feeds/${feed.id}`, dir: "auto", textContent: feed.title || feed.url, title: feed.url }), feed.folder && make("span", { class: "meta" }, " ", isolated(feed.folder))),
    make("td", {}, make("span", { class: `health ${feed.health}`, textContent: WORDS[feed.health] }), state && make("span", { class: "meta", textContent: ` ${state}`, title: feed.error })),
    make("td", { class: "number", textContent: feed.items_per_day === null ? "" : number(feed.items_per_day) }),
    make("td", { class: "number", textContent: feed.interval_s ? span(feed.interval_s) : "" }),
    make("td", { class: "number", textContent: due }),
  ];
}

