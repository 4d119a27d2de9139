// The live list: filters, search, pages, and the newest article open beside its removed blocks.
import { byline, changes, chips, sides } from "./body.js";
import { countUnseen, go } from "./app.js";
import { $, button, count, fillWhenOpened, get, make, number, query, select } from "./dom.js";
import { welcome } from "./welcome.js";

const MAX_ROWS = 200, PAGE_ROWS = 50, SEARCH_DELAY_MS = 250, RELOAD_DELAY_MS = 1500, RECONNECT_DELAY_MS = 2000;
const NAMES = ["q", "route", "publisher", "language", "feed", "copies", "revised"];

export async function render(main, { query: address, signal, place }) {
  const state = { filters: Object.fromEntries(NAMES.map((name) => [name, address.get(name) || ""])), before: address.get("before") || "" };
  const list = new List(state, signal);
  main.append(
    make("h1", { class: "visually-hidden", textContent: "Articles" }),
    make("div", { id: "welcome" }),
    toolbar(state, list, signal),
    list.live, list.pending, list.note, list.element, list.pages,
  );
  welcome($("welcome"), signal);
  await list.load(place?.rows);
  if (place) await list.reopen(place);
  if (!state.before) list.follow();
}

// -- filters ----------------------------------------------------------------------------------------------------

function toolbar(state, list, signal) {
  const { filters } = state;
  const search = make("input", { id: "search", type: "search", value: filters.q, placeholder: "Search all articles", "aria-label": "Search all articles", maxLength: 300 });
  const bar = make("form", { class: "toolbar", role: "search" }, search);
  const apply = (name, value) => {
    filters[name] = value;
    state.before = "";
    go("/" + query(filters), { replace: true });
    list.change();
  };
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => apply("q", search.value.trim()), SEARCH_DELAY_MS); });
  bar.addEventListener("submit", (event) => event.preventDefault());
  const one = (name) => filters[name] ? [[filters[name], filters[name]]] : [];
  const route = select("Route", [["", "All routes"], ...one("route")], filters.route, (value) => apply("route", value));
  const publisher = select("Publisher", [["", "All publishers"], ...one("publisher")], filters.publisher, (value) => apply("publisher", value));
  const language = select("Language", [["", "All languages"], ...one("language")], filters.language, (value) => apply("language", value));
  route.hidden = !filters.route;
  bar.append(route, publisher, language,
    select("Copies", [["", "With copies"], ["hide", "Without copies"], ["only", "Copies only"]], filters.copies, (value) => apply("copies", value)),
    select("Revisions", [["", "All revisions"], ["1", "Revised only"]], filters.revised, (value) => apply("revised", value)),
  );
  // The options come later than the articles, and again when the reader looks at them.
  const refresh = async () => {
    const facets = await get("/facets.json", signal);
    route.hidden = !facets.routes.length;
    offer(route, facets.routes.map((name) => ({ name })));
    offer(publisher, facets.publishers);
    offer(language, facets.languages);
  };
  refresh().catch(() => {});
  for (const element of [route, publisher, language]) element.addEventListener("focus", () => refresh().catch(() => {}));
  if (filters.feed) bar.append(make("span", { class: "chip", textContent: `Feed: ${filters.feed}` }), make("a", { href: "/", textContent: "All feeds" }));
  return bar;
}

// Offer *rows* beside the first option, which means all, and the current value.
function offer(element, rows) {
  const value = element.value, [all] = element.options;
  const names = rows.some((row) => row.name === value) || !value ? rows : [...rows, { name: value }];
  element.replaceChildren(all, ...names.map(({ name, count: n }) => make("option", { value: name, textContent: n ? `${name} (${number(n)})` : name })));
  element.value = value;
}

// -- list -------------------------------------------------------------------------------------------------------

class List {
  constructor(state, signal) {
    Object.assign(this, { state, signal, waiting: new Map(), position: "", frame: 0, reloading: 0, reconnecting: 0, isRead: false, isStale: false, isCut: false });
    this.element = make("ol", { id: "articles" });
    this.live = make("p", { id: "live", class: "meta" });
    this.note = make("p", { id: "empty", class: "meta", role: "status", textContent: "Loading…" });
    this.pages = make("nav", { class: "pages", "aria-label": "Pages" });
    this.pending = button("", () => this.showNew(), { id: "pending", hidden: true });
    // A reader who opened, chose or scrolled to an article keeps the list as it is: new articles wait behind a button.
    for (const type of ["click", "keydown"]) this.element.addEventListener(type, (event) => { if (event.isTrusted) this.isRead = true; });
    signal.addEventListener("abort", () => { this.events?.close(); cancelAnimationFrame(this.frame); clearTimeout(this.reloading); clearTimeout(this.reconnecting); });
  }

  get isKept() { return this.isRead || scrollY > 300; }

  get isFiltered() { return NAMES.some((name) => this.state.filters[name]); }

  async load(rows = 0) {
    const answer = await this.request(rows);
    if (answer) this.draw(answer);
  }

  // Return the newest rows that match: *rows*, if the reader has seen more than a page. Nothing after a later request.
  async request(rows = 0) {
    const { filters, before } = this.state, wanted = this.wanted = Symbol();
    const answer = await get("/articles" + query({ ...filters, before, limit: rows > PAGE_ROWS && rows }), this.signal);
    return this.wanted === wanted && answer;
  }

  draw(answer) {
    const { filters, before } = this.state;
    this.position = answer.position;
    this.isStale = this.isCut = false;
    this.waiting.clear();
    this.pending.hidden = true;
    const isOpen = [...this.element.querySelectorAll("details[open]")].map((details) => details.parentElement.dataset.id);
    this.drawRows(answer.articles);
    for (const id of isOpen) this.item(id)?.firstElementChild.setAttribute("open", "");
    if (!this.element.querySelector("details[open]")) this.openNewest();
    this.showNote(answer);
    this.pages.replaceChildren(...(before ? [make("a", { href: "/" + query(filters), textContent: "Newest articles" })] : []));
    if (answer.next) this.continueBelow(answer.next);
  }

  // Draw only the rows that differ, so that opened articles, the focus and the selection stay.
  drawRows(articles) {
    const kept = new Map(articles.filter((article) => this.has(article)).map(({ id }) => [id, this.item(id)]));
    for (const row of [...this.element.children]) if (!kept.has(row.dataset.id)) row.remove();
    let next = this.element.firstElementChild;
    for (const article of articles) {
      const row = kept.get(article.id) || articleItem(article);
      if (row === next) next = next.nextElementSibling; else this.element.insertBefore(row, next);
    }
  }

  has({ id, revision }) { return this.item(id)?.dataset.revision === String(revision); }

  // Load again after an arrival, which may match the filters. The reader keeps the rows until asked.
  async refresh() {
    const answer = await this.request();
    if (!answer) return;
    if (this.isStale || !this.isKept) return this.draw(answer);
    const { length } = answer.articles.filter((article) => !this.has(article));
    if (length) this.offer(length, length === answer.articles.length && answer.next);
  }

  // Load and follow after a change of the filters. Until then the rows are those of the former filters.
  async change() {
    this.isRead = false;
    this.isStale = true;
    const loading = this.load(), { wanted } = this;
    try { await loading; } catch (error) {
      if (error.name === "AbortError" || wanted !== this.wanted) return;
      this.note.className = "bad";
      this.note.textContent = `Search failed: the list is the former one (${error.message}); change the search to try again`;
      return;
    }
    this.follow();
  }

  // Open the articles that were open when the reader left the list, and wait for their texts.
  async reopen({ isRead, open }) {
    this.isRead = isRead;
    if (isRead) {
      this.opened?.removeAttribute("open");
      for (const id of open) this.item(id)?.firstElementChild.setAttribute("open", "");
    }
    await Promise.all([...this.element.querySelectorAll("details[open]")].map((details) => details.fill()));
  }

  showNote({ articles, complete }) {
    const texts = complete ? [] : ["The search index is being built; older articles follow."];
    if (!articles.length) texts.unshift(this.isFiltered ? "No article matches. Change the words or the filters." : "No articles yet. The first one appears here by itself.");
    this.note.className = "meta";
    this.note.textContent = texts.join(" ");
  }

  // Let "Older articles" lead to the rows below *before*: a number of the server, or the id of an article.
  continueBelow(before) {
    const link = this.pages.querySelector("[rel=next]") || make("a", { rel: "next", textContent: "Older articles" });
    link.href = "/" + query({ ...this.state.filters, before });
    if (!link.parentElement) this.pages.append(link);
  }

  item(id) { return this.element.querySelector(`[data-id="${CSS.escape(id)}"]`); }

  // Open the newest article, and close the one that was open because it was the newest.
  openNewest() {
    if (this.isRead) return;
    this.opened?.removeAttribute("open");
    this.opened = this.element.querySelector("details");
    this.opened?.setAttribute("open", "");
  }

  // Receive the articles after the position of the list: each one once.
  follow() {
    if (this.signal.aborted) return; // a caller may have waited for a request meanwhile
    clearTimeout(this.reconnecting);
    this.events?.close();
    this.events = new EventSource(`/topics/articles?from=${encodeURIComponent(this.position)}`);
    this.events.onmessage = ({ data, lastEventId }) => {
      this.position = lastEventId;
      this.receive(JSON.parse(data));
    };
    this.events.onopen = () => {
      this.live.textContent = "live";
      if (this.isStale) this.reloadLater();
    };
    this.events.onerror = () => {
      this.live.textContent = "reconnecting…";
      if (this.events.readyState === EventSource.CLOSED) this.reconnecting = setTimeout(() => this.follow(), RECONNECT_DELAY_MS);
    };
  }

  receive(article) {
    countUnseen(1);
    if (this.isFiltered || this.isStale) return this.reloadLater(); // only the server can tell whether it matches
    this.waiting.delete(article.id);
    this.waiting.set(article.id, article);
    if (this.waiting.size > MAX_ROWS) {
      this.waiting.delete(this.waiting.keys().next().value);
      this.isCut = true;
    }
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.showWaiting(); });
  }

  reloadLater() { this.reloading ||= setTimeout(() => { this.reloading = 0; this.refresh().catch(() => {}); }, RELOAD_DELAY_MS); }

  offer(articles, hasMore) {
    this.pending.hidden = false;
    this.pending.textContent = `Show ${hasMore ? `${number(articles)}+ new articles` : count(articles, "new article")}`;
  }

  async showNew() {
    this.isRead = false;
    if (this.isFiltered) await this.load(); else this.drawWaiting();
    scrollTo(0, 0);
    this.element.querySelector("summary")?.focus({ preventScroll: true });
  }

  // Draw all waiting articles once per frame: a burst costs one update.
  showWaiting() {
    if (this.isKept) this.offer(this.waiting.size, this.isCut); else this.drawWaiting();
  }

  drawWaiting() {
    const batch = [...this.waiting.values()].reverse();
    this.waiting.clear();
    this.pending.hidden = true;
    for (const { id } of batch) this.item(id)?.remove();
    this.element.prepend(...batch.map(articleItem));
    this.cut();
    this.note.textContent = "";
    this.openNewest();
  }

  // Keep the newest rows. The older ones and those that no row shows are on the next page.
  cut() {
    const { children } = this.element;
    if (!this.isCut && children.length <= MAX_ROWS) return;
    while (children.length > MAX_ROWS) this.element.lastChild.remove();
    this.isCut = false;
    this.continueBelow(this.element.lastChild.dataset.id);
  }
}

function articleItem(row) {
  const summary = make("summary", {},
    make("h2", { dir: "auto", lang: row.language || "", textContent: row.title || "(no title)" }),
    make("span", { class: "line" }, byline(row), " ", chips(row)),
    make("span", { class: "lede", dir: "auto", textContent: row.lede ?? row.dek ?? (row.paragraphs || [])[0] ?? "" }),
  );
  const details = make("details", { "data-row": "" }, summary);
  fillWhenOpened(details, (box) => draw(box, row));
  return make("li", { "data-id": row.id, "data-revision": row.revision }, details);
}

// Draw the body of an article when it is first opened. Rows of the list have no text, articles of the stream have.
async function draw(box, row) {
  try {
    let article = row, change = null;
    if ("lede" in row || row.revision > 1) {
      const { revisions, changes: all } = await get(`/articles/${row.id}`);
      article = revisions.at(-1);
      change = all.find((candidate) => candidate.revision === article.revision);
    }
    if (change) box.append(make("p", { class: "head", textContent: `Changed in revision ${article.revision}` }), changes(change));
    box.append(sides(article));
  } finally { box.append(links(row)); }
}

function links(row) {
  const parts = [make("a", { href: `/articles/${row.id}`, textContent: "Revisions and provenance" })];
  const story = row.story_id || row.id;
  if (row.duplicate_of || story !== row.id) parts.push(make("a", { href: `/stories/${story}`, textContent: "All articles of the story" }));
  if (/^https?:/.test(row.url || "")) parts.push(make("a", { href: row.url, rel: "noreferrer noopener", target: "_blank", textContent: "Original article" }));
  return make("p", { class: "links" }, parts);
}
