// Checks the status page (crates/status/src/page) in headless Chromium, in both schemes, on a desk and on a phone: that it shows what the JSON
// says, takes hostile names for text, has no fault that axe knows, breaks no rule of its Content-Security-Policy, and what it does while
// nothing answers. Prints TAP. With a URL the page and its numbers are a running nginx's; without one they are made here.
//
//   node check.mjs [--url http://127.0.0.1:8080/s3_status] [--shots FOLDER]
//   node check.mjs --picture FILE      # no check: docs/status-page.png, for pngquant

import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import puppeteer from "puppeteer-core";
import { Numbers } from "./numbers.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { values: options } = parseArgs({ options: { url: { type: "string" }, shots: { type: "string" }, page: { type: "string" }, picture: { type: "string" } } });
const pages = options.page || join(dirname(fileURLToPath(import.meta.url)), "../../crates/status/src/page");
const shots = options.shots;
if (shots) mkdirSync(shots, { recursive: true });

let tests = 0;
let failures = 0;
function ok(good, name, why = "") {
  tests += 1;
  if (!good) failures += 1;
  console.log(`${good ? "ok" : "not ok"} ${tests} - ${name}`);
  if (!good && why) console.log(String(why).replace(/^/gm, "# "));
}
const is = (got, expected, name) => ok(got === expected, name, `got: ${got}\nexpected: ${expected}`);
const like = (got, expected, name) => ok(expected.test(got), name, `got: ${got}\nexpected: ${expected}`);

// The page as the module puts it together, and the policy it is sent with.
function assembled() {
  const [style, script] = ["style.css", "script.js"].map((name) => readFileSync(join(pages, name), "utf8"));
  const html = readFileSync(join(pages, "page.html"), "utf8").replace("{{style}}", () => style).replace("{{script}}", () => script);
  const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return { html, policy: `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'` };
}

const numbers = new Numbers(!options.picture);
let broken = null;
function serve() {
  const { html, policy } = assembled();
  const server = createServer((request, response) => {
    const wantsPage = /text\/html/.test(request.headers.accept || "");
    if (wantsPage) response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy }).end(html);
    else if (broken === "hangup") request.socket.destroy();
    else if (broken) response.writeHead(broken).end();
    else response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(numbers.next()));
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en-US"], env: { ...process.env, TZ: "Europe/Berlin" },
});
const server = options.url ? null : await serve();
const url = options.url || `http://127.0.0.1:${server.address().port}/s3_status`;

// A page that is open, and what it complained about.
async function open(scheme, width, height) {
  const page = await browser.newPage();
  page.complaints = [];
  page.on("console", (message) => page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("dialog", (dialog) => { page.complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.setViewport({ width, height, deviceScaleFactor: 1, isMobile: width < 500 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
  await page.goto(url, { waitUntil: "load" });
  return page;
}
const text = (page, selector) => page.$eval(selector, (node) => node.innerText);
const live = (page) => page.waitForFunction(() => document.body.className === "live", { timeout: 20000 });
async function faults(page) {
  // In the page's own world nothing but its own script may run; the browser's isolated world may.
  const client = await page.createCDPSession();
  const { frameTree } = await client.send("Page.getFrameTree");
  const { executionContextId } = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const { result, exceptionDetails } = await client.send("Runtime.evaluate", {
    contextId: executionContextId, awaitPromise: true, returnByValue: true,
    expression: `${axe}; axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) =>
      JSON.stringify({ passes: r.passes.length, violations: r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")) }))`,
  });
  if (exceptionDetails) throw new Error(exceptionDetails.text);
  return JSON.parse(result.value);
}

if (options.picture) {
  numbers.reset(600);
  const page = await open("light", 1200, 980);
  await live(page);
  for (let i = 0; i < 150; i += 1) await page.evaluate(() => tick());
  await page.screenshot({ path: options.picture });
  await browser.close();
  process.exit(0);
}

for (const [device, width, height] of [["desk", 1280, 900], ["phone", 360, 740]]) {
  for (const scheme of ["light", "dark"]) {
    const name = `${device}, ${scheme}`;
    if (!server) numbers.reset(); else numbers.reset(device === "phone" ? 40 : 120);
    const page = await open(scheme, width, height);
    await live(page);
    // As if it had been open for minutes: the clock of the numbers runs faster than ours.
    if (server) for (let i = 0; i < 40; i += 1) await page.evaluate(() => tick());
    const { passes, violations } = await faults(page);
    ok(passes > 15 && violations.length === 0, `${name}: nothing that axe objects to`, violations.join("\n"));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    is(overflow, 0, `${name}: nothing sticks out sideways`);
    if (shots) await page.screenshot({ path: join(shots, `${device}-${scheme}.png`), fullPage: device === "phone" });
    is(page.complaints.join("\n"), "", `${name}: no word on the console`);
    await page.close();
  }
}

if (server) {
  numbers.reset(60);
  const page = await open("light", 1280, 900);
  await live(page);
  for (let i = 0; i < 10; i += 1) await page.evaluate(() => tick());
  const origins = await text(page, "#table-origins");
  like(origins, /b\s+✗ down/, "an origin that is down");
  like(origins, /a\s+✓ up/, "one that is up");
  like(origins, /connect\(\) failed/, "... and why");
  like(await text(page, "#table-clients"), /AKIDWEB[\s\S]*AKIDBACKUP[\s\S]*not verified/, "clients, the busiest first");
  like(await text(page, "#table-operations"), /GetObject/, "operations");
  like(await text(page, "#table-refusals"), /SignatureDoesNotMatch/, "what was refused");
  like(await text(page, "#table-errors"), /NoSuchKey\s+origin/, "errors of origins");
  like(await text(page, "#table-keys"), /! in \d+ h/, "a key about to end");
  like(await text(page, "#table-files"), /✗ line 3/, "a file that cannot be read");
  like(await text(page, "#chart-latency"), /p50\s+\d.*ms/, "latency");
  like(await page.$eval("#chart-requests svg", (node) => node.getAttribute("aria-label")), /^Requests a second, now: all \d+/, "a chart in words");
  like(await text(page, "#foot"), /Europe\/Berlin/, "times are the reader's");
  const quantiles = await page.evaluate(() => [quantile(0.5, { le: [1, 2], counts: [10, 20], count: 20 }, null),
    quantile(0.95, { le: [1, 2], counts: [10, 20], count: 20 }, null), quantile(0.99, { le: [1, 2], counts: [10, 20], count: 40 }, null),
    quantile(0.5, { le: [1, 2], counts: [10, 20], count: 20 }, { counts: [10, 10], count: 10 }), quantile(0.5, { le: [1], counts: [3], count: 3 }, { counts: [3], count: 3 })].map(String));
  is(quantiles.join(" "), "1 1.9 Infinity 1.5 null", "quantiles, one of them above the last boundary");
  like(await text(page, "body"), /<img src=x onerror=alert\(1\)>/, "a hostile name is text");
  is(await page.$$eval("main img, main script", (nodes) => nodes.length), 0, "... and nothing else");

  // Keyboard: from the top, what can be reached.
  await page.evaluate(() => document.activeElement.blur());
  const reached = [];
  for (let i = 0; i < 4; i += 1) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.className));
  }
  is(reached.join(", "), "skip, pause, Origins, Refused here", "the order of the Tab key");
  const before = await page.evaluate(() => { window.focused = document.activeElement; return samples.length; });
  await page.waitForFunction((n) => samples.length > n, { timeout: 10000 }, before);
  ok(await page.evaluate(() => document.activeElement === window.focused), "a reading leaves the focus where it is");
  await page.click("#pause");
  is(await text(page, "#state"), "Paused", "it can be stopped");
  await page.click("#pause");
  await live(page);

  // Nothing answers.
  broken = "hangup";
  await page.waitForFunction(() => !document.getElementById("trouble").hidden, { timeout: 15000 });
  like(await text(page, "#trouble"), /^No numbers since .*What is shown is from before/, "while nothing answers");
  is((await faults(page)).violations.join("\n"), "", "... nothing that axe objects to");
  if (shots) await page.screenshot({ path: join(shots, "lost.png") });
  broken = 503;
  await page.waitForFunction(() => /answers 503/.test(document.getElementById("trouble").textContent), { timeout: 15000 });
  ok(true, "a status that is no answer");
  broken = null;
  await live(page);
  ok(await page.$eval("#trouble", (node) => node.hidden), "and it finds back");

  // A restart: counters from zero.
  numbers.reset();
  await page.waitForFunction(() => samples.length < 4, { timeout: 10000 });
  like(await text(page, "#chart-requests"), /all\s+(–|\d)/, "new counters are no negative rate");
  await page.close();

  numbers.empty();
  const fresh = await open("dark", 1280, 900);
  await live(fresh);
  await fresh.evaluate(() => tick());
  like(await text(fresh, "main"), /No requests yet\.[\s\S]*No requests yet\./, "before the first request");
  is((await faults(fresh)).violations.join("\n"), "", "... nothing that axe objects to");
  if (shots) await fresh.screenshot({ path: join(shots, "empty.png") });
  is(fresh.complaints.join("\n"), "", "... no word on the console");
  await fresh.close();
}

if (!server) {
  const page = await open("light", 1280, 900);
  await live(page);
  // What `make run` has proven.
  like(await text(page, "#table-operations"), /PutObject/, "the upload is there");
  like(await text(page, "#table-refusals"), /SignatureDoesNotMatch[\s\S]*Unsigned|Unsigned[\s\S]*SignatureDoesNotMatch/, "and what was refused");
  like(await text(page, "#table-origins"), /primary\s+✓ up[\s\S]*backup\s+✓ up/, "and both origins");
  await page.close();
}

await browser.close();
server?.close();
server?.closeAllConnections();
console.log(`1..${tests}`);
process.exitCode = failures > 0 ? 1 : 0;
