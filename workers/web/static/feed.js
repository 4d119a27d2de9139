// One feed: its state in plain words, changes, items by hour, and its latest polls.
import { go, setTitle } from "./app.js";
import { bars } from "./chart.js";
import { button, chip, confirmed, count, facts, get, hasToken, make, number, outside, post, repeat, say, select, span, when } from "./dom.js";
import { WORDS } from "./feeds.js";

const REFRESH_S = 5;

export async function render(main, { id, signal }) {
  const error = make("p", { class: "bad", role: "status" }), state = make("div"), actions = make("div", { class: "actions" }), polls = make("div");
  let edit = null;
  const load = async () => {
    const answer = await get(`/feeds/${id}`, signal), { feed } = answer, title = feed.title || feed.url;
    setTitle(title);
    heading.textContent = title;
    heading.className = feed.title ? "" : "address";
    state.replaceChildren(...stateOf(feed));
    if (hasToken() && !edit) main.insertBefore(edit = editForm(feed, load), polls);
    showActions(actions, feed, load);
    polls.replaceChildren(...history(answer));
  };
  const heading = make("h1", { dir: "auto" });
  main.append(make("p", { class: "crumbs" }, make("a", { href: "/feeds", textContent: "Feeds" })), heading, error, state, actions, polls);
  await load();
  repeat(load, REFRESH_S, signal, error);
}

function stateOf(feed) {
  const parts = [];
  if (feed.health === "failing") {
    const next = feed.due_in_s > 1 ? `The next attempt is in ${span(feed.due_in_s)}.` : "The next attempt is due now.";
    parts.push(make("p", { class: "notice bad" }, `${feed.explanation || "The last poll failed."} ${count(feed.failures, "failure")} in a row. ${next}`));
    parts.push(make("p", { class: "meta", textContent: feed.error }));
  }
  parts.push(facts([
    ["State", make("span", { class: `health ${feed.health}`, textContent: WORDS[feed.health] })],
    ["URL", outside(feed.url)],
    ["Moved to", feed.moved_to && outside(feed.moved_to)],
    ["Folder", feed.folder],
    ["Interval", feed.interval_s ? `${span(feed.interval_s)}${feed.set_interval_s ? " (set)" : ""}` : ""],
    ["Items a day", feed.items_per_day === null ? "" : number(feed.items_per_day)],
    ["Last poll", feed.polled_s ? when(feed.polled_s) : "never"],
    ["Next poll", feed.paused ? "" : feed.due_in_s > 1 ? `in ${span(feed.due_in_s)}` : "due now"],
    ["Polls", number(feed.polls)],
    ["New or changed items", make("a", { href: `/?feed=${encodeURIComponent(feed.url)}`, textContent: number(feed.items_published) })],
    ["Items in the document", feed.document_items || ""],
    ["Over the daily budget", feed.items_deferred || ""],
    ["Full text", feed.full_text === "default" ? "as the settings say" : feed.full_text],
    ["Type", feed.type === "page" ? "section page" : ""],
    ["Pushes", feed.websub_hub && outside(feed.websub_hub)],
    ["Items are identified by", feed.identity_basis],
  ]));
  return parts;
}

function showActions(place, feed, load) {
  if (!hasToken() || place.dataset.paused === String(feed.paused)) return;
  place.dataset.paused = String(feed.paused);
  const act = async (action, text) => {
    const { changed } = await post("/feeds", { action, url: feed.url });
    say(changed ? text : "The feed is paused or no longer registered.", !changed);
    await load();
  };
  place.replaceChildren(
    ...(feed.paused ? [] : [button("Poll now", () => act("poll-now", "poll requested"))]),
    feed.paused ? button("Resume", () => act("resume", "polling resumed")) : button("Pause", () => act("pause", "polling paused")),
    button("Remove", async () => {
      if (!await confirmed(`Stop polling ${feed.title || feed.url}? Its articles stay until they expire.`, "Remove")) return;
      await post("/feeds", { action: "remove", url: feed.url });
      say("feed removed");
      go("/feeds");
    }, { class: "danger" }),
  );
}

function editForm(feed, load) {
  const title = make("input", { id: "edit-title", value: feed.name, placeholder: feed.own_title || "title of the feed" });
  const folder = make("input", { id: "edit-folder", value: feed.folder, placeholder: "none" });
  const interval = make("input", { id: "edit-interval", type: "number", min: "0", step: "any", value: feed.set_interval_s ? String(feed.set_interval_s / 60) : "", placeholder: "by the settings" });
  const full = select("Full text", [["default", "As the settings say"], ["yes", "Fetch pages"], ["no", "Do not fetch pages"]], feed.full_text, () => {});
  full.id = "edit-full";
  const form = make("form", {},
    make("label", { for: "edit-title", textContent: "Title" }), title,
    make("label", { for: "edit-folder", textContent: "Folder" }), folder,
    make("label", { for: "edit-interval", textContent: "Minutes between polls" }), interval,
    make("label", { for: "edit-full", textContent: "Full text" }), full,
    make("button", { class: "primary", textContent: "Save" }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post("/feeds", { action: "edit", url: feed.url, title: title.value.trim(), folder: folder.value.trim(), interval_s: 60 * (Number(interval.value) || 0), full_text: full.value });
      say("saved; the feed is polled now");
      await load();
    } catch (error) { say(error.message, true); }
  });
  return make("details", { class: "panel" }, make("summary", { textContent: "Edit" }), form);
}

function history({ feed, polls }) {
  const parts = [];
  if (feed.hours.some((n) => n > 0)) {
    const points = feed.hours.map((n, hour) => ({ label: `${String(hour).padStart(2, "0")}:00 UTC`, value: n }));
    parts.push(make("h2", { textContent: "New or changed items by hour of the day" }), bars("Hours in UTC", "items", points));
  }
  const body = make("tbody");
  for (const poll of polls) {
    const failed = poll.outcome === "failed", result = failed ? poll.explanation || poll.error : poll.outcome === "unchanged" ? "unchanged" : `${number(poll.items_new)} new or changed of ${number(poll.items_total)}`;
    const marks = [poll.items_failed ? chip(`${count(poll.items_failed, "dead letter")}`, "bad") : "", poll.items_deferred ? chip(`${number(poll.items_deferred)} deferred`, "warn") : ""];
    body.append(make("tr", {},
      make("td", {}, when(poll.started_at)),
      make("td", { class: failed ? "bad" : "" }, result, " ", marks, poll.error && poll.error !== `HTTP ${poll.status}` && make("div", { class: "meta", textContent: poll.error })),
      make("td", { class: "number", textContent: poll.status || "" }),
      make("td", { class: "number", textContent: poll.body_bytes ? `${number(Math.ceil(poll.body_bytes / 1024))} KiB` : "" }),
      make("td", { class: "number", textContent: poll.elapsed_ms ? `${number(poll.elapsed_ms)} ms` : "" })));
  }
  parts.push(make("h2", { textContent: "Latest polls" }), polls.length ? make("div", { class: "scroll" }, make("table", { class: "polls" }, make("thead", {}, make("tr", {},
    ["Time", "Result", "HTTP", "Size", "Duration"].map((text) => make("th", { scope: "col", textContent: text })))), body)) : make("p", { class: "meta", textContent: "No polls yet." }));
  return parts;
}
