// The status page: articles (/topics/articles), health (/status.json), and administration of feeds and dead letters.
// Text is only inserted as textContent, so markup in articles cannot run.
"use strict";
const $ = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
};
const MAX_ARTICLES = 200, SAMPLES = 90;
const token = location.hash.slice(1) || sessionStorage.getItem("token") || "";
if (location.hash) { sessionStorage.setItem("token", token); history.replaceState(null, "", location.pathname); }

// -- articles ---------------------------------------------------------------------------------------------------
const queued = [];
let frame = 0;

function articleItem(article) {
  const item = make("li"), details = make("details"), summary = make("summary");
  const removed = article.removed || [], text = article.paragraphs || [];
  const facts = [article.publisher, (article.tags || [])[0], `${article.word_count || 0} words`];
  if (article.published) facts.push(new Date(article.published).toLocaleString());
  if (article.withdrawn) facts.push(`withdrawn: ${article.withdrawn}`);
  if (article.revision > 1) facts.push(`revision ${article.revision}`);
  if (article.duplicate_of) facts.push(`near-duplicate (${Math.round(100 * (article.similarity || 0))} % similar)`);
  if (removed.length) facts.push(`${removed.length} blocks removed`);
  summary.append(make("h3", article.title || "(no title)"), make("div", facts.filter(Boolean).join(" · "), "meta"));
  if (text.length) summary.append(make("p", text[0], "lede"));
  details.append(summary);
  details.addEventListener("toggle", () => { if (details.open && !details.dataset.drawn) draw(details, article); });
  item.append(details);
  item.dataset.words = `${article.title} ${article.publisher} ${text.join(" ")}`.toLowerCase();
  item.dataset.id = article.id;
  return item;
}

function draw(details, article) {
  details.dataset.drawn = "1";
  const sides = make("div", undefined, "sides"), content = make("div"), removed = make("div", undefined, "removed");
  if (article.dek) content.append(make("p", article.dek, "meta"));
  for (const paragraph of article.paragraphs || []) content.append(make("p", paragraph));
  if (/^https?:/.test(article.url || "")) {
    const link = make("a", "Original article", "meta");
    Object.assign(link, { href: article.url, rel: "noreferrer noopener", target: "_blank" });
    content.append(link);
  }
  removed.append(make("div", (article.removed || []).length ? "Removed blocks" : "No blocks removed", "meta"));
  for (const block of article.removed || []) {
    const line = make("div");
    line.append(make("del", [block.label, block.text].filter(Boolean).join(": ").slice(0, 500) || `(${block.kind})`), make("div", block.reason, "meta"));
    removed.append(line);
  }
  sides.append(content, removed);
  details.append(sides);
  if (article.revision > 1) drawChanges(details, article);
}

// Fetch the diff of a revision only when its article is opened.
async function drawChanges(details, article) {
  const answer = await fetch(`/articles/${article.id}`);
  const change = answer.ok && (await answer.json()).changes.find((candidate) => candidate.revision === article.revision);
  if (!change) return;
  const box = make("div", undefined, "changes");
  box.append(make("div", `Changes in revision ${article.revision}`, "meta"));
  for (const diff of [change.title, change.text]) {
    const line = make("p");
    for (const [operation, text] of diff) {
      const excerpt = operation === "=" && text.length > 160 ? `${text.slice(0, 80)} … ${text.slice(-80)}` : text;
      line.append(make({ "=": "span", "-": "del", "+": "ins" }[operation], excerpt), " ");
    }
    box.append(line);
  }
  details.append(box);
}

// Draw all queued articles once per frame: a burst costs one update.
function drawQueued() {
  frame = 0;
  const newest = queued.splice(0).slice(-MAX_ARTICLES), batch = document.createDocumentFragment();
  for (const article of newest.reverse()) {
    $("articles").querySelector(`[data-id="${CSS.escape(article.id)}"]`)?.remove();
    batch.append(articleItem(article));
  }
  $("articles").prepend(batch);
  while ($("articles").children.length > MAX_ARTICLES) $("articles").lastChild.remove();
  $("empty").hidden = $("articles").children.length > 0;
  search();
}

function search() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of $("articles").children) item.hidden = !words.every((word) => item.dataset.words.includes(word));
}
$("search").addEventListener("input", search);

function follow(position) {
  const events = new EventSource(`/topics/articles?from=${encodeURIComponent(position)}`);
  events.onmessage = (event) => {
    queued.push(JSON.parse(event.data));
    frame ||= requestAnimationFrame(drawQueued);
  };
  events.onopen = () => { $("live").textContent = "live"; };
  events.onerror = () => {
    $("live").textContent = "reconnecting…";
    if (events.readyState === EventSource.CLOSED) setTimeout(start, 2000);
  };
}

// -- health -----------------------------------------------------------------------------------------------------
const samples = { rate: [], lag: [] };
let last = null;

function plot(name, label, values) {
  const maximum = Math.max(1, ...values), figure = make("figure"), namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg"), line = document.createElementNS(namespace, "polyline");
  svg.setAttribute("viewBox", `0 0 ${SAMPLES} 20`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${label}, now ${values.at(-1) ?? 0}`);
  line.setAttribute("points", values.map((v, n) => `${SAMPLES - values.length + n},${19 - 18 * v / maximum}`).join(" "));
  svg.append(line);
  figure.append(svg, make("figcaption", `${label}: ${values.at(-1) ?? 0}`));
  return figure;
}

function showStatus(status) {
  const now = performance.now(), received = status.counters.desk.received;
  if (last) samples.rate.push(Math.round(60_000 * (received - last.received) / (now - last.now)));
  samples.lag.push(status.lag);
  for (const values of Object.values(samples)) while (values.length > SAMPLES) values.shift();
  last = { now, received };
  $("plots").replaceChildren(plot("rate", "items per minute", samples.rate), plot("lag", "desk lag", samples.lag));
  $("flow").replaceChildren(...Object.entries(status.counters).flatMap(([stage, counts]) => Object.entries(counts).map(([name, count]) => {
    const row = make("tr");
    row.append(make("td", `${stage}: ${name}`), make("td", count.toLocaleString("en")));
    return row;
  })));
  const focused = document.activeElement?.dataset?.action;
  $("feeds").replaceChildren(...status.feeds.map(feedItem));
  if (focused) document.querySelector(`[data-action="${CSS.escape(focused)}"]`)?.focus();
  const { p50, p99 } = status.latency_ms || {};
  $("latency").textContent = p50 === undefined ? "" : `Latency from poll to article: p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`;
  const messages = [...status.problems, ...status.warnings];
  const health = status.problems.length ? "unhealthy" : status.warnings.length ? "needs attention" : "healthy";
  $("state").textContent = `${status.counters_consistent ? health : "counters inconsistent"} · desk lag ${status.lag}`;
  $("problems").replaceChildren(...messages.map((message) => make("li", message)));
  $("state").className = status.counters_consistent && !messages.length ? "good" : "bad";
}

function feedItem(feed) {
  const item = make("li", feed.title || feed.url);
  const health = feed.paused ? "paused" : feed.error || `${feed.items_published} items in ${feed.polls} polls`;
  const next = feed.paused ? "" : feed.due_in_s > 0 ? ` · next poll in ${span(feed.due_in_s)}` : " · due";
  const status = feed.status ? ` · HTTP ${feed.status}` : "";
  const pace = feed.interval_s ? ` · every ${span(feed.interval_s)}, ${feed.items_per_day} items per day` : "";
  item.append(make("div", health, feed.error ? "meta bad" : "meta good"), make("div", `${feed.url}${status}${pace}${next}`, "meta"));
  if (token) item.append(buttonRow(feed.title || feed.url, [
    ["Poll now", () => post("/feeds", { action: "poll-now", url: feed.url })],
    [feed.paused ? "Resume" : "Pause", () => post("/feeds", { action: feed.paused ? "resume" : "pause", url: feed.url })],
    ["Remove", () => confirm(`Stop polling ${feed.url}?`) && post("/feeds", { action: "remove", url: feed.url })],
  ]));
  return item;
}

const span = (s) => s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;

async function refresh() {
  try {
    const answer = await fetch("/status.json"), status = await answer.json();
    if (!answer.ok) throw new Error(status.error);
    showStatus(status);
    if (token) await showLetters();
  } catch (error) {
    $("state").textContent = `no response: ${error.message}`;
    $("state").className = "bad";
  }
  setTimeout(refresh, 2000);
}

// -- administration ---------------------------------------------------------------------------------------------
const request = (path, body) => fetch(path, {
  method: body ? "POST" : "GET", headers: { "X-Copydesk-Token": token, "Content-Type": "application/json" }, body: body && JSON.stringify(body),
});

async function post(path, body) {
  const answer = await request(path, body);
  $("message").textContent = (await answer.json()).message;
  $("message").className = answer.ok ? "meta good" : "meta bad";
}

function buttonRow(subject, buttons) {
  const row = make("div", undefined, "actions");
  for (const [name, onClick] of buttons) {
    const button = make("button", name);
    button.type = "button";
    button.dataset.action = `${name} ${subject}`;
    button.setAttribute("aria-label", `${name}: ${subject}`);
    button.addEventListener("click", onClick);
    row.append(button);
  }
  return row;
}

async function showLetters() {
  const answer = await request("/dead-letters");
  if (!answer.ok) return;
  const { pending: count, letters } = await answer.json();
  $("letters-section").hidden = !count;
  $("h-letters").textContent = `Dead letters: ${count}`;
  $("letters").replaceChildren(...letters.reverse().map((letter) => {
    const item = make("li", letter.error);
    item.append(make("div", `${letter.letter} · ${letter.error_kind} · ${letter.source} · ${letter.key}`, "meta"), buttonRow(letter.letter, [
      ["Replay", () => post("/dead-letters", { action: "replay", letter: letter.letter })],
      ["Discard", () => post("/dead-letters", { action: "discard", letter: letter.letter })],
    ]));
    return item;
  }));
}

$("add").hidden = !token;
$("locked").hidden = Boolean(token);
$("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  await post("/feeds", { action: "add", url: $("url").value });
  $("url").value = "";
});

// Load the latest articles, then follow events from the position after them: no article is missed.
async function start() {
  try {
    const { position, articles } = await (await fetch("/recent.json")).json();
    queued.push(...articles.reverse());
    drawQueued();
    follow(position);
  } catch { setTimeout(start, 2000); }
}
start();
refresh();
