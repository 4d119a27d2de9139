// Elements, requests, times and dialogues that all views share.
// Text is only inserted as textContent, so markup in articles cannot run.

export const $ = (id) => document.getElementById(id);

// Return an element. Properties are set as properties, `data-*`, `aria-*`, `role` and `for` as attributes.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (/^(data-|aria-|role$|for$|datetime$|list$|colspan$|scope$)/.test(name)) element.setAttribute(name, value);
    else if (name === "class") element.className = value;
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  return element;
}

// -- token ------------------------------------------------------------------------------------------------------
// It is in the URL that `copydesk up` prints, and then in this tab only. Other tabs of this server may ask for it.
const hash = location.hash.slice(1);
const isToken = /^[\w-]{20,}$/.test(hash);
const channel = new BroadcastChannel("copydesk");
let token = isToken ? hash : sessionStorage.getItem("token") || "";
if (isToken) {
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname + location.search);
}
export const hasToken = () => token !== "";
export const tokenReady = new Promise((resolve) => {
  channel.onmessage = ({ data }) => {
    if (data === "token?" && token) channel.postMessage({ token });
    else if (data.token && !token) sessionStorage.setItem("token", token = data.token);
    if (token) resolve();
  };
  if (token) resolve();
  else {
    channel.postMessage("token?");
    setTimeout(resolve, 150);
  }
});

// -- requests ---------------------------------------------------------------------------------------------------

// Return the JSON of a GET. Throws an Error with the message of the server.
export async function get(path, signal) {
  return read(await fetch(path, { signal, headers: headers() }));
}

export async function post(path, body) {
  const isFile = body instanceof Blob;
  return read(await fetch(path, { method: "POST", headers: headers(), body: isFile ? body : JSON.stringify(body) }));
}

const headers = () => ({ Accept: "application/json", ...(token && { "X-Copydesk-Token": token }) });

async function read(answer) {
  const text = await answer.text();
  let value;
  try { value = JSON.parse(text); } catch { value = { message: text }; }
  if (!answer.ok) throw Object.assign(new Error(value.message || `HTTP ${answer.status}`), { status: answer.status });
  return value;
}

export const query = (parameters) => {
  const entries = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined && value !== null && value !== false);
  return entries.length ? `?${new URLSearchParams(entries)}` : "";
};

// -- messages ---------------------------------------------------------------------------------------------------

let messageTimer = 0;
export function say(text, isError = false) {
  $("message").textContent = text;
  $("message").className = isError ? "bad shown" : "shown";
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => { $("message").className = ""; }, isError ? 15_000 : 6_000);
}

// Ask before a change that cannot be undone. Resolves to whether the user agrees.
export function confirmed(text, verb) {
  const dialog = $("confirm");
  $("confirm-text").textContent = text;
  dialog.querySelector("[value=yes]").textContent = verb;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

// Return a button whose work runs once at a time; failures are shown.
export function button(text, work, properties = {}) {
  const element = make("button", { type: "button", textContent: text, ...properties });
  element.addEventListener("click", async () => {
    if (element.getAttribute("aria-busy")) return;
    element.setAttribute("aria-busy", "true");
    try { await work(element); } catch (error) { if (error.name !== "AbortError") say(error.message, true); }
    element.removeAttribute("aria-busy");
  });
  return element;
}

// -- times and numbers ------------------------------------------------------------------------------------------

const UNITS = [[60, "s"], [60, "min"], [24, "h"], [7, "day"], [1e9, "week"]];

// Return a duration in its largest fitting unit: 45 s, 30 min, 5 h, 3 days.
export function span(seconds) {
  let value = Math.max(0, seconds);
  for (const [size, unit] of UNITS) {
    const rounded = Math.round(value);
    if (rounded < size || unit === "week") return `${rounded} ${unit}${/day|week/.test(unit) && rounded !== 1 ? "s" : ""}`;
    value /= size;
  }
}

export const ago = (ms) => {
  const seconds = (Date.now() - ms) / 1000;
  return seconds < -60 ? `in ${span(-seconds)}` : seconds < 10 ? "just now" : `${span(seconds)} ago`;
};

// Return a relative time that is updated; its title is the local time. *time*: ISO text or Unix seconds.
export function when(time) {
  const ms = typeof time === "number" ? time * 1000 : Date.parse(time);
  if (!ms) return make("span", { textContent: "never" });
  return make("time", { datetime: new Date(ms).toISOString(), title: clock(ms), textContent: ago(ms) });
}

export const clock = (ms) => new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

setInterval(() => {
  for (const time of document.querySelectorAll("time")) time.textContent = ago(Date.parse(time.dateTime));
}, 15_000);

export const number = (n) => n.toLocaleString("en", { maximumFractionDigits: 1 });
export const count = (n, noun, plural = `${noun}s`) => `${number(n)} ${n === 1 ? noun : plural}`;

export const capitalised = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

// -- parts ------------------------------------------------------------------------------------------------------

export const chip = (text, kind = "", title = "") => make("span", { class: `chip ${kind}`, textContent: text, title });

// Return a text of a feed as part of a line: one that is written from right to left leaves the order of the line.
export const isolated = (text) => text && make("bdi", { textContent: text });

// Return a link to another site, or its text if it is no web URL.
export function outside(url, text = url) {
  if (!/^https?:/.test(url)) return make("span", { textContent: text });
  return make("a", { href: url, rel: "noreferrer noopener", target: "_blank", textContent: text });
}

// Add a body to *details* when it is first opened, and again after a failure. *draw* fills it.
export function fillWhenOpened(details, draw) {
  let filling = null;
  const fill = async (box) => {
    try { await draw(box); } catch (error) {
      filling = null;
      box.prepend(make("p", { class: "bad", textContent: error.message }));
    }
  };
  details.fill = () => {
    if (filling) return filling;
    const box = make("div", { class: "body" });
    details.querySelector(":scope > .body")?.remove();
    details.append(box);
    return filling = fill(box);
  };
  details.addEventListener("toggle", () => { if (details.open) details.fill(); });
}

// Return a message of the server as a sentence; text between backticks is code.
export const sentence = (text) => capitalised(text).split("`").map((part, n) => n % 2 ? make("code", { textContent: part }) : part);

export function facts(rows) {
  const list = make("dl", { class: "facts" });
  for (const [name, ...value] of rows) {
    if (value.some((part) => part !== undefined && part !== null && part !== "" && part !== false)) {
      list.append(make("div", {}, make("dt", { textContent: name }), make("dd", {}, value)));
    }
  }
  return list;
}

export function select(label, options, value, onChange) {
  const element = make("select", { "aria-label": label });
  for (const [name, text] of options) element.append(make("option", { value: name, textContent: text, selected: name === value }));
  element.addEventListener("change", () => onChange(element.value));
  return element;
}

// Call *work* now and every *seconds* until the signal; a failure is shown in *place*, and the next turn comes later.
export async function repeat(work, seconds, signal, place) {
  while (!signal.aborted) {
    try {
      if (!document.hidden) {
        await work();
        if (place) place.textContent = "";
      }
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      if (place) place.textContent = `No response from the server: ${error.message}`;
      if (error.status === 404 || error.status === 403) return;
    }
    await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); signal.addEventListener("abort", resolve, { once: true }); });
  }
}
