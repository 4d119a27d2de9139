// Status: state in plain words, rates of the last hour and day, latency, workers, sinks and counters.
import { chart } from "./chart.js";
import { facts, get, make, number, repeat, sentence, span } from "./dom.js";

const REFRESH_S = 5, CHARTS_S = 30;
const OUTCOMES = ["new", "revised", "duplicate", "filtered", "failed"];
const MEANINGS = {
  "poll: received": "entries that feeds offered", "poll: new": "new or changed entries", "poll: unchanged": "entries that were offered before", "poll: failed": "unreadable entries, each a dead letter",
  "intake: received": "items of files and pushes", "intake: new": "items that were sent to the desk", "intake: failed": "unreadable records, each a dead letter", "desk: received": "items that the desk handled", "desk: new": "new articles", "desk: revised": "new revisions of articles",
  "desk: duplicate": "items without a visible change", "desk: filtered": "near-duplicates and items that rules dropped", "desk: failed": "items that became dead letters",
};

export async function render(main, { signal }) {
  const state = { range: "hour", chartsAt: 0 };
  const error = make("p", { class: "bad", role: "status" }), words = make("div"), charts = make("div", { class: "charts" }), tables = make("div", { class: "tables" });
  const load = async () => {
    const status = await get("/status", signal);
    words.replaceChildren(...inWords(status));
    tables.replaceChildren(...tablesOf(status));
    if (performance.now() - state.chartsAt > CHARTS_S * 1000 || !charts.childElementCount) {
      state.chartsAt = performance.now();
      charts.replaceChildren(...chartsOf(status[state.range], state.range));
    }
  };
  const ranges = make("div", { class: "tabs", role: "group", "aria-label": "Range of the charts" });
  for (const [name, text] of [["hour", "Last hour"], ["day", "Last day"]]) {
    const tab = make("button", { type: "button", textContent: text, "aria-pressed": String(name === state.range) });
    tab.addEventListener("click", async () => {
      Object.assign(state, { range: name, chartsAt: 0 });
      for (const other of ranges.children) other.setAttribute("aria-pressed", String(other === tab));
      await load();
    });
    ranges.append(tab);
  }
  main.append(make("h1", { textContent: "Status" }), error, words, ranges, charts, tables);
  await load();
  repeat(load, REFRESH_S, signal, error);
}

function inWords({ summary, lag, archive_lag: archive, latency_ms: latency, memory_usage: memory, memory_short_in_s: short }) {
  const list = make("ul", { class: "sentences" }, summary.sentences.map((text) => make("li", {}, linked(text))));
  const waiting = lag + archive ? `${number(lag)} in the desk's queue${archive ? `, ${number(archive)} of archives` : ""}` : "none";
  const delay = latency.p50 === undefined ? "" : `half of the articles within ${ms(latency.p50)}, 90 % within ${ms(latency.p90)}, 99 % within ${ms(latency.p99)}`;
  return [
    make("p", { class: `headline ${summary.level}`, role: "status", textContent: summary.headline }),
    summary.sentences.length > 0 && list,
    facts([
      ["Items waiting", waiting],
      ["From poll to article", delay],
      ["Broker memory", memory ? `${Math.round(100 * memory)} % used${short ? `, full in ${span(short)} at the current growth` : ""}` : ""],
    ]),
  ].filter(Boolean);
}

const VIEWS = [["see the feeds", "/feeds?health=failing"], ["see `copydesk dead-letters list`", "/dead-letters"]];

// Return a sentence of the server, whose reference to a view of the page is a link.
function linked(text) {
  const [words, href] = VIEWS.find(([end]) => text.endsWith(end)) || [];
  if (!href) return sentence(text);
  return [...sentence(text.slice(0, -words.length)), make("a", { href, textContent: href === "/dead-letters" ? "see the dead letters" : words })];
}

const ms = (value) => value < 1000 ? `${Math.round(value)} ms` : span(value / 1000);

function chartsOf(points, range) {
  const time = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const at = (pick) => points.map((point) => {
    const minutes = new Date(point.time_s * 1000).getMinutes(), hours = new Date(point.time_s * 1000).getHours();
    const isTick = range === "hour" ? minutes % 10 === 0 : minutes === 0 && hours % 3 === 0;
    return { label: time(point.time_s), tick: isTick ? time(point.time_s) : "", values: pick(point) };
  });
  const seen = OUTCOMES.filter((name) => ["new", "revised", "duplicate"].includes(name) || points.some(({ per_minute: counts }) => counts?.[name]));
  return [
    chart({ title: "Items", unit: "per minute", series: seen, points: at(({ per_minute: counts }) => seen.map((name) => counts ? counts[name] ?? 0 : null)) }),
    chart({ title: "Entries in polled feeds", unit: "per minute", series: ["entries"], points: at(({ per_minute: counts }) => [counts ? counts.polled ?? 0 : null]) }),
    chart({ title: "Latency from poll to article", unit: "s", series: ["p50", "p90", "p99"], points: at(({ latency_ms: latency }) => ["p50", "p90", "p99"].map((name) => latency?.[name] === undefined ? null : latency[name] / 1000)) }),
    chart({ title: "Items waiting for the desk", unit: "items", series: ["items"], points: at(({ lag }) => [lag]) }),
  ];
}

function table(title, names, rows) {
  if (!rows.length) return "";
  return make("section", {}, make("h2", { textContent: title }), make("div", { class: "scroll" }, make("table", {},
    make("thead", {}, make("tr", {}, names.map((name) => make("th", { scope: "col", textContent: name })))),
    make("tbody", {}, rows.map((cells) => make("tr", {}, cells.map((cell) => make("td", { class: typeof cell === "number" ? "number" : "" }, typeof cell === "number" ? number(cell) : cell))))))));
}

const health = (isGood, good, bad) => make("span", { class: `health ${isGood ? "ok" : "failing"}`, textContent: isGood ? good : bad });

function tablesOf(status) {
  const counters = Object.entries(status.counters).flatMap(([stage, counts]) => Object.entries(counts).map(([name, n]) => [`${stage}: ${name}`, MEANINGS[`${stage}: ${name}`] || "", n]));
  const feeds = Object.entries(status.health).map(([name, n]) => [make("a", { href: `/feeds?health=${name}`, textContent: { ok: "working", new: "not polled yet" }[name] || name }), n]);
  return [
    table("Workers", ["Worker", "Role", "State"], status.workers.map(({ name, role, heartbeat_age_s: age }) => [name, role, health(age <= 12, "running", `no heartbeat for ${span(age)}`)])),
    table("Sinks", ["Sink", "State", "Waiting", "Failed attempts", "Rejected"], status.sinks.map((sink) => [sink.name, health(!sink.failing_s, "working", `failing for ${span(sink.failing_s)}: ${sink.error}`), sink.lag, sink.failures, sink.rejected])),
    table("Watched folders", ["Source", "State", "Files", "Items", "Failed", "Waiting"], status.sources.map((source) => [source.name, health(!source.error, "working", source.error), source.files, source.items, source.failed, source.waiting])),
    table("Subscribers", ["Consumer group", "Unread messages"], status.groups.map(({ group, lag }) => [group, lag])),
    table("Feeds", ["State", "Feeds"], feeds),
    table("Since the first start", ["Counter", "Meaning", "Count"], counters),
  ].filter(Boolean);
}
