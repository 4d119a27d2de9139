// Dead letters: groups of equal errors, each letter with its content; replay or discard one, a group, or all.
import { button, chip, confirmed, count, fillWhenOpened, get, hasToken, isolated, make, number, post, query, repeat, say, sentence, when } from "./dom.js";
import { go } from "./app.js";

const REFRESH_S = 10;
const CAUSES = {
  unreadable: "The message or entry is no valid record.", timeout: "Cleaning took too much CPU time.", bug: "An exception in copydesk; please report it.",
  crash: "The process ended while it handled the message.", sink: "The receiver rejected the article.",
};

export async function render(main, { query: address, signal }) {
  main.append(make("h1", { textContent: "Dead letters" }), make("p", { class: "meta", textContent: "Messages that copydesk could not process. Nothing is lost: correct the cause, then replay them." }));
  if (!hasToken()) { main.append(make("p", { class: "notice" }, sentence("Dead letters hold raw texts. To see them, open the page at the URL that `copydesk up` prints."))); return; }
  const state = { group: address.get("group") || "", offset: Number(address.get("offset")) || 0 };
  const error = make("p", { class: "bad", role: "status" }), groups = make("div"), list = make("ol", { id: "letters" }), pages = make("nav", { class: "pages", "aria-label": "Pages" });
  let shown = "";
  const load = async () => {
    const answer = await get("/dead-letters" + query(state), signal), text = JSON.stringify(answer);
    if (text === shown) return; // open letters and the focus stay
    shown = text;
    groups.replaceChildren(...groupTable(answer, state, load));
    showLetters(list, answer.letters, load);
    const link = (offset, label) => make("a", { href: "/dead-letters" + query({ ...state, offset }), textContent: label });
    pages.replaceChildren(...(state.offset ? [link(Math.max(0, state.offset - 100) || "", "Newer")] : []), ...(state.offset + answer.letters.length < answer.matching ? [link(state.offset + answer.letters.length, "Older")] : []));
  };
  main.append(error, groups, list, pages);
  await load();
  repeat(load, REFRESH_S, signal, error);
}

const resolving = (action, selection, text, load) => async () => {
  const verb = action === "replay" ? "Replay" : "Discard";
  const effect = action === "replay" ? "They are processed again." : "They are not processed, and their content is removed.";
  if (!await confirmed(`${verb} ${text}? ${effect}`, verb)) return;
  const { message, failures } = await post("/dead-letters", { action, ...selection });
  say(message, failures.length > 0);
  await load();
};

function groupTable({ pending, groups }, state, load) {
  if (!pending) return [make("p", { class: "good", textContent: "No dead letters wait for a decision." })];
  const all = count(pending, "dead letter");
  const parts = [make("div", { class: "actions" }, make("strong", { textContent: `${all} pending` }),
    groups.some((group) => group.replayable > 0) && button("Replay all", resolving("replay", { all: true }, `all ${all}`, load)),
    button("Discard all", resolving("discard", { all: true }, `all ${all}`, load), { class: "danger" }))];
  const body = make("tbody");
  for (const group of groups) {
    const text = `${count(group.count, "dead letter")} of ${group.source}`, isChosen = group.key === state.group;
    body.append(make("tr", { class: isChosen ? "chosen" : "" },
      make("td", { class: "number", textContent: number(group.count) }),
      make("td", {}, make("span", { class: "kind", textContent: group.error_kind }), make("div", { class: "error", textContent: group.error }), make("div", { class: "meta", textContent: CAUSES[group.error_kind] || "" })),
      make("td", { class: "source", textContent: group.source }),
      make("td", {}, when(group.newest)),
      make("td", { class: "actions" },
        button(isChosen ? "Show all" : "Show", () => go("/dead-letters" + query({ group: isChosen ? "" : group.key })), { "aria-label": isChosen ? "Show the letters of all groups" : `Show ${text}` }),
        group.replayable > 0 && button("Replay", resolving("replay", { group: group.key }, text, load), { "aria-label": `Replay ${text}` }),
        button("Discard", resolving("discard", { group: group.key }, text, load), { class: "danger", "aria-label": `Discard ${text}` }))));
  }
  parts.push(make("div", { class: "scroll" }, make("table", { class: "groups" }, make("thead", {}, make("tr", {},
    ["Letters", "Error", "Source", "Newest", "Actions"].map((name) => make("th", { scope: "col", textContent: name })))), body)));
  parts.push(make("h2", { textContent: state.group ? "Letters of the group" : "Letters" }));
  return parts;
}

function showLetters(list, letters, load) {
  const open = new Set([...list.querySelectorAll("details[open]")].map((details) => details.dataset.letter));
  list.replaceChildren(...letters.map((letter) => {
    const details = make("details", { "data-row": "", "data-letter": letter.letter }, make("summary", {},
      make("span", { class: "title", dir: "auto", textContent: letter.title || "(no content)" }),
      make("span", { class: "facts-line meta" }, when(letter.failed_at), ` · ${letter.error_kind} · `, isolated(letter.sink ? `sink ${letter.sink}` : letter.source), ` · letter ${letter.letter}`, letter.replayable ? "" : [" ", chip(letter.source.startsWith("source:") ? "push it again" : "next poll tries again")])));
    fillWhenOpened(details, (box) => draw(box, letter, load));
    if (open.has(letter.letter)) details.open = true;
    return make("li", {}, details);
  }));
}

async function draw(box, { letter, replayable }, load) {
  const full = await get(`/dead-letters/${letter}`);
  box.append(make("pre", { class: "error", tabIndex: 0, textContent: full.error }));
  const name = `dead letter ${letter}`;
  box.append(make("div", { class: "actions" },
    replayable && button("Replay", resolving("replay", { letter }, name, load), { "aria-label": `Replay ${name}` }),
    button("Discard", resolving("discard", { letter }, name, load), { class: "danger", "aria-label": `Discard ${name}` })));
  box.append(make("p", { class: "meta", textContent: `${count(full.attempts, "attempt")}, ${number(full.content_bytes)} bytes from ${full.source}${full.is_cut ? "; the beginning:" : ":"}` }));
  if (full.fields.length) {
    const list = make("dl", { class: "fields" });
    for (const [field, value] of full.fields.filter(([, value]) => value !== "")) list.append(make("div", {}, make("dt", { textContent: field }), make("dd", {}, make("pre", { tabIndex: 0, textContent: value }))));
    box.append(list);
  } else box.append(make("pre", { tabIndex: 0, textContent: full.content || "(empty)" }));
}
