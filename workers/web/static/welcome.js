// The first run: add a feed with discovery, import OPML, or watch the demo.
import { addFeeds } from "./add.js";
import { onSummary } from "./app.js";
import { button, confirmed, count, get, hasToken, make, post, say } from "./dom.js";

const DISMISSED = "welcome-dismissed";

// Show the first steps in *place* while there are no feeds, or only those of the demo newsroom.
export function welcome(place, signal) {
  let shown = "";
  onSummary((summary) => {
    const wanted = summary.feeds === 0 ? "empty" : summary.is_demo ? "demo" : "";
    if (wanted === shown) return;
    shown = wanted;
    place.replaceChildren(...(wanted === "empty" ? [firstSteps(false)] : wanted === "demo" ? [demo(place)] : []));
  }, signal);
}

function firstSteps(isDemo) {
  const box = make("section", { class: "welcome", "aria-labelledby": "welcome-title" });
  box.append(make("h2", { id: "welcome-title", textContent: isDemo ? "Read real feeds" : "Add the first feed" }));
  if (!hasToken()) box.append(make("p", {}, "This page is read-only. Open it at the URL that ", make("code", { textContent: "copydesk up" }), " prints."));
  else box.append(addFeeds(() => { location.href = "/feeds"; }));
  if (!isDemo) box.append(make("p", { class: "meta" }, "To watch invented articles first, stop copydesk and start ", make("code", { textContent: "copydesk up --demo on" }), "."));
  return box;
}

function demo(place) {
  if (sessionStorage.getItem(DISMISSED)) return make("p", { class: "meta", textContent: "These articles are invented by the demo newsroom." });
  const box = make("div", { class: "demo" });
  const start = button("Add real feeds", () => box.replaceChildren(firstSteps(true), ...(hasToken() ? [stopDemo(place)] : [])));
  const watch = button("Watch the demo", () => { sessionStorage.setItem(DISMISSED, "1"); place.replaceChildren(demo(place)); });
  box.append(make("p", { textContent: "copydesk runs its demo newsroom: every article here is invented." }), make("div", { class: "actions" }, watch, start));
  return box;
}

const stopDemo = (place) => button("Remove the demo feeds", async () => {
  const { feeds } = await get("/feeds?folder=demo&limit=500"), demos = feeds.filter((feed) => feed.demo);
  if (!await confirmed(`Stop polling ${count(demos.length, "demo feed")}? Their articles stay until they expire.`, "Remove")) return;
  for (const { url } of demos) await post("/feeds", { action: "remove", url });
  say("demo feeds removed");
  place.replaceChildren();
});
