// Add feeds: discovery on a web page, and OPML files.
import { button, chip, count, make, number, post, say } from "./dom.js";

// Return the forms that add feeds; *onAdded* is called after a change.
export function addFeeds(onAdded) {
  const results = make("div", { class: "results", "aria-live": "polite" });
  return make("div", { class: "add" }, discoveryForm(results, onAdded), opmlForm(results, onAdded), results);
}

function discoveryForm(results, onAdded) {
  const input = make("input", { id: "add-url", type: "text", inputMode: "url", required: true, placeholder: "example.org or the URL of a feed", autocomplete: "off", spellcheck: false });
  const folder = make("input", { id: "add-folder", type: "text", placeholder: "none", autocomplete: "off" });
  const submit = make("button", { class: "primary", textContent: "Find feeds" });
  const form = make("form", {},
    make("label", { for: "add-url", textContent: "Website or feed" }), input,
    make("label", { for: "add-folder", textContent: "Folder" }), folder, submit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.getAttribute("aria-busy")) return;
    submit.setAttribute("aria-busy", "true");
    results.replaceChildren(make("p", { class: "meta", textContent: "Looking for feeds…" }));
    try {
      const { sources, message } = await post("/feeds/discover", { url: input.value });
      results.replaceChildren(...(sources.length ? [found(sources, folder, results, onAdded)] : [make("p", { class: "bad", textContent: message })]));
    } catch (error) { results.replaceChildren(make("p", { class: "bad", textContent: error.message })); }
    submit.removeAttribute("aria-busy");
  });
  return form;
}

const KINDS = { feed: "items", sitemap: "pages", "sitemap index": "sitemaps", page: "stories" };

function found(sources, folder, results, onAdded) {
  const boxes = sources.map((source, n) => {
    const box = make("input", { type: "checkbox", checked: n === 0 && !source.registered, disabled: source.registered, id: `source-${n}` });
    const facts = make("span", { class: "meta", textContent: `${source.url} · ${source.type} · ${number(source.items)} ${KINDS[source.type] || "items"}` });
    return [box, source, make("li", {}, box, make("label", { for: box.id }, make("span", { textContent: source.title || source.url }), " ", source.registered && chip("registered"), facts))];
  });
  const add = button("Add the selected feeds", async () => {
    const chosen = boxes.filter(([box]) => box.checked && !box.disabled);
    if (!chosen.length) return say("Select a feed first.", true);
    for (const [, { url, type }] of chosen) await post("/feeds", { action: "add", url, folder: folder.value.trim(), type });
    say(`${count(chosen.length, "feed")} added; the first poll starts now`);
    results.replaceChildren();
    onAdded();
  }, { class: "primary" });
  return make("fieldset", {}, make("legend", { textContent: `${count(sources.length, "feed")} found` }), make("ul", {}, boxes.map(([, , item]) => item)), add);
}

function opmlForm(results, onAdded) {
  const input = make("input", { id: "add-opml", type: "file", accept: ".opml,.xml,text/x-opml,application/xml,text/xml" });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    results.replaceChildren(make("p", { class: "meta", textContent: `Importing ${file.name}…` }));
    try {
      const { message, skipped, added } = await post("/feeds/import", file);
      results.replaceChildren(make("p", { textContent: message }), make("ul", { class: "meta" }, skipped.map(({ error }) => make("li", { textContent: error }))));
      if (added && !skipped.length) onAdded();
    } catch (error) { results.replaceChildren(make("p", { class: "bad", textContent: error.message })); }
    input.value = "";
  });
  return make("div", { class: "opml" }, make("label", { for: "add-opml", textContent: "Import a list of feeds (OPML)" }), input);
}
