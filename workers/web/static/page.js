// Articles as they come (/topics/articles), how copydesk is (/status.json), and what may be done about it.
// Text only ever goes in as textContent.
"use strict";
const $ = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
};
const SHOWN = 200, SAMPLES = 90;
const token = location.hash.slice(1) || sessionStorage.getItem("token") || "";
if (location.hash) { sessionStorage.setItem("token", token); history.replaceState(null, "", location.pathname); }

// -- articles ---------------------------------------------------------------------------------------------------
const waiting = [];
let drawing = 0;

function articleItem(article) {
  const item = make("li"), details = make("details"), summary = make("summary");
  const removed = article.removed || [], text = article.paragraphs || [];
  const facts = [article.publisher, (article.tags || [])[0], `${article.word_count || 0} words`];
  if (article.published) facts.push(new Date(article.published).toLocaleString());
  if (article.revision > 1) facts.push(`revision ${article.revision}`);
  if (article.duplicate_of) facts.push(`a copy (${Math.round(100 * (article.similarity || 0))} % alike)`);
  if (removed.length) facts.push(`${removed.length} blocks taken out`);
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
  const sides = make("div", undefined, "sides"), copy = make("div"), cut = make("div", undefined, "cut");
  if (article.dek) copy.append(make("p", article.dek, "meta"));
  for (const paragraph of article.paragraphs || []) copy.append(make("p", paragraph));
  if (/^https?:/.test(article.url || "")) {
    const link = make("a", "The original", "meta");
    Object.assign(link, { href: article.url, rel: "noreferrer noopener", target: "_blank" });
    copy.append(link);
  }
  cut.append(make("div", (article.removed || []).length ? "Taken out" : "Nothing was taken out.", "meta"));
  for (const block of article.removed || []) {
    const line = make("div");
    line.append(make("del", [block.label, block.text].filter(Boolean).join(": ").slice(0, 500) || `(${block.kind})`), make("div", block.reason, "meta"));
    cut.append(line);
  }
  sides.append(copy, cut);
  details.append(sides);
  if (article.revision > 1) drawChanges(details, article);
}

// What a revision changed: asked for when somebody looks.
async function drawChanges(details, article) {
  const answer = await fetch(`/articles/${article.id}`);
  const change = answer.ok && (await answer.json()).changes.find((one) => one.revision === article.revision);
  if (!change) return;
  const box = make("div", undefined, "changes");
  box.append(make("div", `What revision ${article.revision} changed`, "meta"));
  for (const runs of [change.title, change.text]) {
    const line = make("p");
    for (const [mark, text] of runs) {
      const shown = mark === "=" && text.length > 160 ? `${text.slice(0, 80)} … ${text.slice(-80)}` : text;
      line.append(make({ "=": "span", "-": "del", "+": "ins" }[mark], shown), " ");
    }
    box.append(line);
  }
  details.append(box);
}

// What comes is drawn once a frame, however much it is.
function drawWaiting() {
  drawing = 0;
  const newest = waiting.splice(0).slice(-SHOWN), batch = document.createDocumentFragment();
  for (const article of newest.reverse()) {
    $("articles").querySelector(`[data-id="${CSS.escape(article.id)}"]`)?.remove();
    batch.append(articleItem(article));
  }
  $("articles").prepend(batch);
  while ($("articles").children.length > SHOWN) $("articles").lastChild.remove();
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
    waiting.push(JSON.parse(event.data));
    drawing ||= requestAnimationFrame(drawWaiting);
  };
  events.onopen = () => { $("live").textContent = "live"; };
  events.onerror = () => {
    $("live").textContent = "reconnecting…";
    if (events.readyState === EventSource.CLOSED) setTimeout(begin, 2000);
  };
}

// -- how it is --------------------------------------------------------------------------------------------------
const samples = { rate: [], lag: [] };
let last = null;

function plot(name, label, values) {
  const most = Math.max(1, ...values), figure = make("figure"), space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"), line = document.createElementNS(space, "polyline");
  svg.setAttribute("viewBox", `0 0 ${SAMPLES} 20`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${label}, now ${values.at(-1) ?? 0}`);
  line.setAttribute("points", values.map((v, n) => `${SAMPLES - values.length + n},${19 - 18 * v / most}`).join(" "));
  svg.append(line);
  figure.append(svg, make("figcaption", `${label}: ${values.at(-1) ?? 0}`));
  return figure;
}

function showStatus(status) {
  const now = performance.now(), taken = status.counters.desk.in;
  if (last) samples.rate.push(Math.round(60_000 * (taken - last.taken) / (now - last.now)));
  samples.lag.push(status.lag);
  for (const values of Object.values(samples)) while (values.length > SAMPLES) values.shift();
  last = { now, taken };
  $("plots").replaceChildren(plot("rate", "items a minute", samples.rate), plot("lag", "items that wait", samples.lag));
  $("flow").replaceChildren(...Object.entries(status.counters).flatMap(([stage, counts]) => Object.entries(counts).map(([name, count]) => {
    const row = make("tr");
    row.append(make("td", `${stage}: ${name}`), make("td", count.toLocaleString("en")));
    return row;
  })));
  const focused = document.activeElement?.dataset?.act;
  $("feeds").replaceChildren(...status.feeds.map(feedItem));
  if (focused) document.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
  const { p50, p99 } = status.latency_ms || {};
  $("latency").textContent = p50 === undefined ? "" : `From poll to article: half within ${Math.round(p50)} ms, 99 of 100 within ${Math.round(p99)} ms.`;
  $("state").textContent = `${status.balanced ? "nothing missing" : "counters don't add up"} · desk ${status.lag} behind`;
  $("state").className = status.balanced ? "good" : "bad";
}

function feedItem(feed) {
  const item = make("li", feed.title || feed.url);
  const how = feed.paused ? "paused" : feed.error || `${feed.sent} items in ${feed.polls} polls`;
  const next = feed.paused ? "" : feed.due_in_s > 0 ? ` · next poll in ${span(feed.due_in_s)}` : " · due";
  const status = feed.status ? ` · HTTP ${feed.status}` : "";
  const pace = feed.every_s ? ` · every ${span(feed.every_s)}, ${feed.items_a_day} items a day` : "";
  item.append(make("div", how, feed.error ? "meta bad" : "meta good"), make("div", `${feed.url}${status}${pace}${next}`, "meta"));
  if (token) item.append(acts(feed.title || feed.url, [
    ["Poll now", () => act("/feeds", { action: "poll-now", url: feed.url })],
    [feed.paused ? "Resume" : "Pause", () => act("/feeds", { action: feed.paused ? "resume" : "pause", url: feed.url })],
    ["Remove", () => confirm(`Stop polling ${feed.url}?`) && act("/feeds", { action: "remove", url: feed.url })],
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
    $("state").textContent = `no answer: ${error.message}`;
    $("state").className = "bad";
  }
  setTimeout(refresh, 2000);
}

// -- what may be done -------------------------------------------------------------------------------------------
const asked = (path, body) => fetch(path, {
  method: body ? "POST" : "GET", headers: { "X-Copydesk-Token": token, "Content-Type": "application/json" }, body: body && JSON.stringify(body),
});

async function act(path, body) {
  const answer = await asked(path, body);
  $("said").textContent = (await answer.json()).said;
  $("said").className = answer.ok ? "meta good" : "meta bad";
}

function acts(about, buttons) {
  const row = make("div", undefined, "acts");
  for (const [name, does] of buttons) {
    const button = make("button", name);
    button.type = "button";
    button.dataset.act = `${name} ${about}`;
    button.setAttribute("aria-label", `${name}: ${about}`);
    button.addEventListener("click", does);
    row.append(button);
  }
  return row;
}

async function showLetters() {
  const answer = await asked("/dead-letters");
  if (!answer.ok) return;
  const { waiting: count, letters } = await answer.json();
  $("letters-section").hidden = !count;
  $("h-letters").textContent = `Dead letters: ${count}`;
  $("letters").replaceChildren(...letters.reverse().map((letter) => {
    const item = make("li", letter.reason);
    item.append(make("div", `${letter.letter} · ${letter.error} · ${letter.from} · ${letter.key}`, "meta"), acts(letter.letter, [
      ["Replay", () => act("/dead-letters", { action: "replay", letter: letter.letter })],
      ["Drop", () => act("/dead-letters", { action: "drop", letter: letter.letter })],
    ]));
    return item;
  }));
}

$("add").hidden = !token;
$("locked").hidden = Boolean(token);
$("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  await act("/feeds", { action: "add", url: $("url").value });
  $("url").value = "";
});

// First what is there, then what came since: nothing falls between.
async function begin() {
  try {
    const { position, articles } = await (await fetch("/recent.json")).json();
    waiting.push(...articles.reverse());
    drawWaiting();
    follow(position);
  } catch { setTimeout(begin, 2000); }
}
begin();
refresh();
