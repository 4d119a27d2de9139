// The frame of all views: routes, navigation, state in plain words, title and keys.
import { $, get, hasToken, make, number, repeat, sentence, tokenReady } from "./dom.js";

const VIEWS = [
  [/^\/$/, "articles", "Articles"],
  [/^\/articles\/([0-9a-f]{20})$/, "article", "Article"],
  [/^\/stories\/([0-9a-f]{20})$/, "story", "Story"],
  [/^\/feeds$/, "feeds", "Feeds"],
  [/^\/feeds\/([0-9a-f]{16})$/, "feed", "Feed"],
  [/^\/dead-letters$/, "letters", "Dead letters"],
  [/^\/status$/, "status", "Status"],
];
let current = new AbortController();
let title = "copydesk", unseen = 0, level = "good", shown = "", isDrawn = false;

// -- title ------------------------------------------------------------------------------------------------------

// Return the title with the number of articles that came while the page was hidden, and a sign unless the state is good.
function showTitle() {
  const counts = unseen ? `(${number(unseen)}) ` : "";
  document.title = `${counts}${level === "good" ? "" : "⚠ "}${title} · copydesk`;
}

export function setTitle(text) {
  title = text;
  showTitle();
}

export function countUnseen(articles) {
  if (!document.hidden) return;
  unseen += articles;
  showTitle();
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) unseen = 0;
  showTitle();
});

// -- routes -----------------------------------------------------------------------------------------------------

// Draw the view of the address. *place*: where the reader was in it before.
async function show({ isNavigation = true, place = null } = {}) {
  current.abort();
  isDrawn = false;
  const { signal } = current = new AbortController();
  shown = location.pathname + location.search;
  const [match, name, text] = VIEWS.map(([path, ...rest]) => [path.exec(location.pathname), ...rest]).find(([found]) => found) || [];
  for (const link of document.querySelectorAll("nav a")) {
    const path = link.getAttribute("href"), isHere = path === "/" ? /^\/$|^\/(articles|stories)\//.test(location.pathname) : location.pathname.startsWith(path);
    if (isHere) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  const main = make("div", { class: `view ${name || ""}` });
  $("keys").hidden = name !== "articles";
  setTitle(text || "Not found");
  try {
    if (!match) throw Object.assign(new Error(`There is no page at ${location.pathname}.`), { status: 404 });
    const view = await import(`./${name}.js`);
    if (signal.aborted) return;
    $("view").replaceChildren(main);
    if (isNavigation) { scrollTo(0, 0); $("view").focus({ preventScroll: true }); }
    await view.render(main, { id: match[1], query: new URLSearchParams(location.search), signal, place });
    if (signal.aborted) return;
    if (place) restore(place);
    isDrawn = true;
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    main.replaceChildren(make("h1", { textContent: error.status === 404 ? "Not found" : "Page not available" }), make("p", {}, sentence(error.message)), make("p", {}, make("a", { href: "/", textContent: "All articles" })));
    $("view").replaceChildren(main);
  }
}

// Show *path* without loading the page again. *replace*: change the address only, as for a filter.
export function go(path, { replace = false } = {}) {
  if (replace) {
    shown = path;
    history.replaceState(history.state, "", path);
    return;
  }
  leave();
  history.scrollRestoration = "manual"; // of this entry and the later ones: the browser restores before a view has its rows
  entry = String(Math.random());
  history.pushState({ entry }, "", path);
  show();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.origin !== location.origin || link.hash || !VIEWS.some(([path]) => path.test(link.pathname))) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
addEventListener("popstate", () => {
  const isOther = location.pathname + location.search !== shown;
  if (isOther) leave();
  entry = history.state?.entry ?? "";
  if (isOther) show({ place: places.get(entry) });
});
addEventListener("pagehide", () => { history.scrollRestoration = "auto"; }); // after a reload

// -- places -----------------------------------------------------------------------------------------------------

// Where the reader was in each entry of the history, by its key.
const places = new Map();
let entry = history.state?.entry ?? "";

const rowsShown = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
const keyOf = (row) => row?.dataset.letter || row?.closest("[data-id]")?.dataset.id || "";
const topOf = (row) => scrollY + row.getBoundingClientRect().top;

function leave() {
  if (!isDrawn) return; // the place of the last visit stays
  const rows = rowsShown(), read = document.activeElement?.closest("[data-row]");
  const anchor = read || rows.find((row) => row.getBoundingClientRect().bottom > 0);
  const open = rows.filter((row) => row.matches("[open]")).map(keyOf);
  places.set(entry, { y: scrollY, anchor: keyOf(anchor), top: anchor && topOf(anchor), isRead: Boolean(read), open, rows: rows.length });
}

// Scroll to *place*, beside its row if other rows have come above, and focus the row that the reader had chosen.
function restore({ y, anchor, top, isRead }) {
  const row = anchor && rowsShown().find((candidate) => keyOf(candidate) === anchor);
  if (row && isRead) targetOf(row)?.focus({ preventScroll: true });
  scrollTo(0, y + (row ? topOf(row) - top : 0));
}

const targetOf = (row) => row.matches("details") ? row.firstElementChild : row.querySelector("summary, a, button");

// -- state ------------------------------------------------------------------------------------------------------

const SUMMARY_S = 4, SUMMARY_DEADLINE_MS = 20_000;
let summaryNow = null, failedSince = "";

// Call *work* with each summary until the signal, and at once with the last one.
export function onSummary(work, signal) {
  if (summaryNow) work(summaryNow);
  document.addEventListener("summary", () => work(summaryNow), { signal });
}

function showSummary(summary) {
  summaryNow = summary;
  level = summary.level;
  showHeadline(summary.headline, summary.sentences.join("\n"));
  showCount("feeds-count", summary.health.failing, "failing");
  showCount("letters-count", summary.pending_letters, "pending");
  document.dispatchEvent(new Event("summary"));
}

function showHeadline(text, details) {
  const link = $("state").firstElementChild;
  if (link.textContent !== text) link.textContent = text;
  link.title = details;
  $("state").className = level;
  showTitle();
}

// Say since when the state is unknown, and whether the server answers.
function showFailure(error) {
  failedSince ||= new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  level = "bad";
  showHeadline(`${error.status ? "State unknown" : "No connection to the server"} since ${failedSince}`, error.message);
}

async function refreshState() {
  try {
    showSummary(await get("/summary.json", AbortSignal.timeout(SUMMARY_DEADLINE_MS)));
    failedSince = "";
  } catch (error) { showFailure(error); }
}

function showCount(id, n, word) {
  $(id).textContent = n ? number(n) : "";
  $(id).title = n ? `${number(n)} ${word}` : "";
}

// -- keys -------------------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("confirm").open) return;
  const isTyping = event.target.closest?.("input, textarea, select");
  if (event.key === "Escape" && isTyping) event.target.blur();
  if (isTyping) return;
  const rows = rowsShown();
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  if (event.key === "/") $("search")?.focus();
  else if (event.key === "j" || event.key === "k") {
    const row = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + (event.key === "j" ? 1 : -1)))];
    const target = row && targetOf(row);
    target?.focus();
    target?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "o" && at >= 0) {
    const details = rows[at].matches("details") ? rows[at] : rows[at].querySelector("details");
    if (details) details.open = !details.open; else rows[at].querySelector("a")?.click();
  } else return;
  event.preventDefault();
});

await tokenReady;
$("locked").hidden = hasToken();
show({ isNavigation: false });
repeat(refreshState, SUMMARY_S, new AbortController().signal);
