// Shows what /status.json and /recent.json say. Text only ever goes in as textContent.
"use strict";
const $ = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
};
const shown = new Set();

function articleItem(article) {
  const item = make("li");
  item.append(make("h3", article.title || "(no title)"));
  const removed = article.removed || [];
  const facts = [article.publisher, (article.tags || [])[0], `${article.word_count || 0} words`];
  if (article.revision > 1) facts.push(`revision ${article.revision}`);
  const meta = make("div", facts.filter(Boolean).join(" · "), "meta");
  item.append(meta);
  if ((article.text || []).length) item.append(make("div", article.text[0]));
  if (removed.length) {
    const details = make("details", undefined, "meta");
    details.append(make("summary", `${removed.length} blocks taken out`));
    for (const block of removed) {
      const line = make("div");
      line.append(make("del", [block.label, block.text].filter(Boolean).join(": ").slice(0, 300)), make("span", ` ${block.reason}`));
      details.append(line);
    }
    item.append(details);
  }
  return item;
}

function showArticles(articles) {
  for (const article of articles.slice().reverse()) {
    const key = `${article.id}/${article.revision}`;
    if (shown.has(key)) continue;
    shown.add(key);
    $("articles").prepend(articleItem(article));
  }
  while ($("articles").children.length > 200) $("articles").lastChild.remove();
}

function showStatus(status) {
  const flow = make("tbody");
  for (const [stage, counts] of Object.entries(status.counters))
    for (const [name, count] of Object.entries(counts)) {
      const row = make("tr");
      row.append(make("td", `${stage}: ${name}`), make("td", count.toLocaleString("en")));
      flow.append(row);
    }
  $("flow").replaceChildren(flow);
  $("feeds").replaceChildren(...status.feeds.map((feed) => {
    const item = make("li", feed.title || feed.url);
    item.append(make("div", feed.error || `${feed.sent} items in ${feed.polls} polls`, feed.error ? "bad" : "good"));
    return item;
  }));
  $("state").textContent = `${status.balanced ? "nothing missing" : "counters don't add up"} · desk ${status.lag} behind`;
  $("state").className = status.balanced ? "good" : "bad";
}

async function refresh() {
  try {
    const [status, recent] = await Promise.all(["/status.json", "/recent.json"].map(async (url) => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error((await answer.json()).error);
      return answer.json();
    }));
    showStatus(status);
    showArticles(recent);
  } catch (error) {
    $("state").textContent = `no answer: ${error.message}`;
    $("state").className = "bad";
  }
  setTimeout(refresh, 2000);
}
refresh();
