// Charts with axes, units and values under the pointer or the arrow keys. Drawn at the width of their container.
import { make, number } from "./dom.js";

const HEIGHT = 190, DIGIT_PX = 7, RIGHT = 8, TOP = 10, BOTTOM = 24, TICKS = 4, TICK_PX = 56;
const NAMESPACE = "http://www.w3.org/2000/svg";

function svg(tag, attributes, text) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Return a round step so that *maximum* has at most TICKS steps.
function niceStep(maximum) {
  const raw = Math.max(maximum, 1e-9) / TICKS, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}

// Return a figure. *points*: {label, tick, values}, a value of null is a gap. *series*: names, as many as values.
// *kind*: `line` or `bar`.
export function chart({ title, unit, series, points, kind = "line" }) {
  const key = make("span", { class: "key" }, series.length > 1 ? series.map((name, n) => make("span", { class: `s${n}`, textContent: name })) : []);
  const value = make("output", { class: "value" });
  const place = make("div", { class: "plot" });
  const figure = make("figure", {}, make("figcaption", {}, make("strong", { textContent: title }), make("span", { class: "meta", textContent: ` ${unit}` }), key, value), place);
  let at = -1;
  const describe = (n) => {
    const { label, values } = points[n];
    const texts = values.map((v, s) => `${series.length > 1 ? `${series[s]} ` : ""}${v === null ? "no data" : `${number(v)} ${unit}`}`);
    return `${label}: ${[...new Set(texts)].join(", ")}`;
  };
  const draw = () => {
    const width = place.clientWidth;
    if (width) place.replaceChildren(plot(width, figure, { title, unit, series, points, kind }, (n) => { at = n; value.textContent = n < 0 ? "" : describe(n); }, () => at));
  };
  new ResizeObserver(draw).observe(place);
  return figure;
}

export const bars = (title, unit, points) => chart({
  title, unit, series: [unit], kind: "bar", points: points.map(({ label, value }, n) => ({ label, tick: n % 6 === 0 ? label.slice(0, 5) : "", values: [value] })),
});

function plot(width, figure, { title, unit, series, points, kind }, choose, chosen) {
  const known = points.flatMap(({ values }) => values).filter((value) => value !== null);
  const highest = Math.max(0, ...known), step = niceStep(highest || TICKS), top = Math.max(step, Math.ceil(highest / step) * step);
  const left = 14 + DIGIT_PX * Math.max(2, number(top).length, number(step).length);
  const inner = width - left - RIGHT, slot = inner / points.length;
  const x = (n) => left + slot * (n + 0.5), y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const root = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", tabindex: 0, "aria-label": summary(title, unit, series, points) });
  for (let value = 0; value <= top * 1.0001; value += step) {
    root.append(svg("line", { class: "grid", x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }), svg("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)));
  }
  let last = -TICK_PX;
  points.forEach(({ tick }, n) => {
    if (!tick || x(n) - last < TICK_PX || x(n) > width - RIGHT - 12) return;
    last = x(n);
    root.append(svg("text", { class: "tick", x: x(n), y: HEIGHT - 7, "text-anchor": n ? "middle" : "start" }, tick));
  });
  series.forEach((_, s) => {
    if (kind === "bar") points.forEach(({ values }, n) => root.append(svg("rect", { class: "bar", x: x(n) - slot * 0.4, width: Math.max(1, slot * 0.8), y: y(values[s] || 0), height: y(0) - y(values[s] || 0) })));
    else root.append(svg("path", { class: `line s${s}`, d: path(points.map(({ values }) => values[s]), x, y) }));
  });
  if (isShort(points)) root.append(svg("text", { class: "tick", x: left + inner / 2, y: y(0) - 12, "text-anchor": "middle" }, "The first minutes are being recorded"));
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, x1: -9, x2: -9 });
  root.append(cursor);
  const point = (n) => {
    choose(n);
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, n < 0 ? -9 : x(n));
  };
  root.addEventListener("pointermove", (event) => point(Math.max(0, Math.min(points.length - 1, Math.floor((event.clientX - root.getBoundingClientRect().left - left) / slot)))));
  root.addEventListener("pointerleave", () => point(-1));
  root.addEventListener("blur", () => point(-1));
  root.addEventListener("keydown", ({ key }) => {
    if (key === "ArrowLeft" || key === "ArrowRight") point(Math.max(0, Math.min(points.length - 1, (chosen() < 0 ? points.length : chosen()) + (key === "ArrowLeft" ? -1 : 1))));
  });
  return root;
}

// Return whether there is no line yet: fewer than two points have values.
const isShort = (points) => points.filter(({ values }) => values.some((value) => value !== null)).length < 2;

// Return the path of a line; null begins a new piece, and a single value is a dot.
function path(values, x, y) {
  let out = "";
  values.forEach((value, n) => {
    if (value === null) return;
    const isStart = n === 0 || values[n - 1] === null;
    out += `${isStart ? "M" : "L"}${x(n).toFixed(1)},${y(value).toFixed(1)}`;
    if (isStart && (values[n + 1] ?? null) === null) out += "h.1";
  });
  return out;
}

function summary(title, unit, series, points) {
  const texts = series.map((name, s) => {
    const values = points.map((point) => point.values[s]).filter((value) => value !== null);
    return values.length ? `${name}: last ${number(values.at(-1))}, highest ${number(Math.max(...values))} ${unit}` : `${name}: no data`;
  });
  return `${title}. ${texts.join("; ")}. Arrow keys show single values.`;
}
