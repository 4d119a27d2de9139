// Receive webhooks, check their signature (standardwebhooks.com), and print one line per article. Node.js 18 or later.
//
//     WEBHOOK_SECRET="the secret of the [[sinks]] table" node webhook.mjs [PORT]
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.WEBHOOK_SECRET ?? "";
if (!secret) {
  console.error("no secret: WEBHOOK_SECRET is empty; set it to the secret of the sink");
  process.exit(2);
}
const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
const MAX_AGE_S = 300;
const seen = new Set(); // an event may come again; keep the ids in your database

function isSigned(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": signatures = "" } = headers;
  if (Math.abs(Date.now() / 1000 - Number(time)) > MAX_AGE_S) return false;
  const expected = Buffer.from(createHmac("sha256", key).update(`${id}.${time}.${body}`).digest("base64"));
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature.split(",")[1] ?? "");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  if (!isSigned(request.headers, body)) return response.writeHead(401).end("wrong signature");
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) console.log(`${request.headers["ce-type"]} ${JSON.parse(body).data.title}`);
  seen.add(id);
  response.writeHead(204).end();
});
server.listen(Number(process.argv[2] ?? 8420), "127.0.0.1", () => console.error(`listening on port ${server.address().port}`));
