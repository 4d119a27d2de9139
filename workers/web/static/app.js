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
let title = "copydesk", unseen = 0, level = "good", shown = "";

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

export async function show(isNavigation = true) {
  current.abort();
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
    await view.render(main, { id: match[1], query: new URLSearchParams(location.search), signal });
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    main.replaceChildren(make("h1", { textContent: error.status === 404 ? "Not found" : "Page not available" }), make("p", {}, sentence(error.message)), make("p", {}, make("a", { href: "/", textContent: "All articles" })));
    $("view").replaceChildren(main);
  }
}

// Show *path* without loading the page again. *replace*: change the address only, as for a filter.
export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  if (replace) shown = path; else show();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.origin !== location.origin || link.hash || !VIEWS.some(([path]) => path.test(link.pathname))) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
addEventListener("popstate", () => { if (location.pathname + location.search !== shown) show(); });

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
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  if (event.key === "/") $("search")?.focus();
  else if (event.key === "j" || event.key === "k") {
    const row = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + (event.key === "j" ? 1 : -1)))];
    const target = row?.matches("details") ? row.firstElementChild : row?.querySelector("summary, a, button");
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
show(false);
repeat(refreshState, SUMMARY_S, new AbortController().signal);
