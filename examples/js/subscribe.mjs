// Append new articles to a file of JSON lines over Server-Sent Events. Needs Node.js 18 or later, and no packages.
//
//     node subscribe.mjs articles.jsonl [http://127.0.0.1:8411/topics/articles]
//
// The position of the last written article is in articles.jsonl.position: after a restart, none is missing.
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";

const [file = "articles.jsonl", url = "http://127.0.0.1:8411/topics/articles"] = process.argv.slice(2);
const seen = new Set(); // a crash between the two files repeats the last article
let position = await readFile(`${file}.position`, "utf8").catch(() => "");
for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n").filter(Boolean)) seen.add(key(JSON.parse(line)));

for (;;) {
  try {
    await readEvents(await fetch(position ? url : `${url}?from=start`, { headers: position ? { "Last-Event-ID": position } : {} }));
  } catch (error) {
    console.error(`connection lost: ${url} (${error.message}); retrying in 1 s`);
  }
  await new Promise((done) => setTimeout(done, 1000));
}

async function readEvents(response) {
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) await store(parse(event));
  }
}

function parse(event) {
  const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: (.*)/s, 2)));
  return { id: fields.id, data: fields.data };
}

async function store({ id, data }) {
  if (!data) return; // a heartbeat
  const article = JSON.parse(data);
  if (!seen.has(key(article))) await appendFile(file, JSON.stringify(article) + "\n");
  seen.add(key(article));
  await writeFile(`${file}.position.new`, id);
  await rename(`${file}.position.new`, `${file}.position`);
  position = id;
}

function key(article) {
  return `${article.id}.${article.revision}`;
}
