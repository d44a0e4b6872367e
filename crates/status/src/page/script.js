
"use strict";
// Names come from clients and origins: everything is put in as text, nothing as HTML.

const INTERVAL = 2000; // milliseconds between two readings
const KEPT = 300; // seconds that the charts and the columns of late look back
const LOOK_BACK = 10; // seconds that one point of the latency chart covers
const ROWS = 10; // of a table of the busiest

const byId = (id) => document.getElementById(id);
let samples = []; // readings, the oldest first
let paused = false;
let lostSince = null;
let timer = null;

// ---- Numbers and times as people read them

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function count(n) {
  return n < 10 ? plain.format(n) : whole.format(n);
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit += 1;
  }
  return `${count(n)} ${units[unit]}`;
}

function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days`;
}

function latency(seconds) {
  if (seconds === null) return "–";
  if (seconds === Infinity) return "more";
  return seconds < 1 ? `${count(seconds * 1000)} ms` : `${plain.format(seconds)} s`;
}

// ---- Sums over a reading

// { name: { count, received, sent } } of the requests, by one of their members.
function sums(reading, member) {
  const found = new Map();
  for (const request of reading.requests) {
    const sum = found.get(request[member]) || { count: 0, received: 0, sent: 0 };
    sum.count += request.count;
    sum.received += request.received_bytes;
    sum.sent += request.sent_bytes;
    found.set(request[member], sum);
  }
  return found;
}

function totals(reading) {
  const total = { count: 0, received: 0, sent: 0, failed: 0 };
  for (const request of reading.requests) {
    total.count += request.count;
    total.received += request.received_bytes;
    total.sent += request.sent_bytes;
    if (request.status >= 400) total.failed += request.count;
  }
  return total;
}

// The value below which `share` of what a histogram has counted since `before` lies, by linear interpolation within a bucket; null where
// nothing was counted, Infinity where it lies above the last boundary.
function quantile(share, now, before) {
  const since = (i) => now.counts[i] - (before ? before.counts[i] : 0);
  const all = now.count - (before ? before.count : 0);
  if (all <= 0) return null;
  const rank = share * all;
  for (let i = 0; i < now.le.length; i += 1) {
    if (since(i) < rank) continue;
    const below = i > 0 ? since(i - 1) : 0;
    const from = i > 0 ? now.le[i - 1] : 0;
    return from + ((now.le[i] - from) * (rank - below)) / Math.max(since(i) - below, 1);
  }
  return Infinity;
}

// The latest reading that is at least `seconds` older than `reading`, or else the oldest.
function before(reading, seconds) {
  let found = samples[0];
  for (const sample of samples) {
    if (reading.time - sample.time < seconds) break;
    found = sample;
  }
  return found;
}

// ---- Elements

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function drawing(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function time(seconds) {
  const at = new Date(seconds * 1000);
  return element("time", { datetime: at.toISOString() }, moment.format(at));
}

// Replaces the content of a place, unless it is what stands there already: a screen reader, a selection and the focus stay.
function put(place, ...content) {
  const made = element("div", {}, ...content);
  if (made.innerHTML !== place.innerHTML) place.replaceChildren(...made.childNodes);
}

// A table; `columns` are [title, "number" or "word", which do not wrap], a cell is text, an element, or { node, share, mark }.
function table(id, caption, columns, rows, empty) {
  const place = byId(id);
  if (rows.length === 0) {
    put(place, element("p", { class: "quiet" }, empty));
    return;
  }
  const head = columns.map(([title, kind]) => element("th", { scope: "col", class: kind }, title));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell, i) => {
    const [title, kind] = columns[i];
    const { node, share } = cell !== null && typeof cell === "object" && "node" in cell ? cell : { node: cell };
    const classes = [kind || "", share === undefined ? "" : "share"].join(" ").trim();
    const made = element(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: classes || null, "data-column": title });
    made.append(element("span", {}, node === null || node === undefined ? "–" : node));
    if (share !== undefined) made.style.setProperty("--share", `${Math.round(share * 100)}%`);
    return made;
  })));
  let region = place.querySelector(".scroll");
  if (region === null) {
    // What scrolls sideways must be reachable by keyboard; it stays, so that it keeps the focus.
    region = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption });
    place.replaceChildren(region);
  }
  put(region, element("table", { class: "cards" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)));
}

// ---- Charts

// A line chart of the last minutes. A series is { name, letter, values }, a value a number, or null where there is none.
function chart(id, title, series, format, unit = 1) {
  const place = byId(id);
  const [width, height, left] = [360, 128, 4];
  const end = samples.length > 0 ? samples[samples.length - 1].time : 0;
  const finite = series.flatMap((one) => one.values).filter((value) => value !== null && Number.isFinite(value));
  const top = ceiling(Math.max(0, ...finite), unit);
  const x = (at) => left + ((width - left) * (KEPT - (end - at))) / KEPT;
  const y = (value) => height - 18 - ((height - 34) * Math.min(value, top)) / top;
  const lines = series.map((one) => {
    const runs = [[]];
    one.values.forEach((value, i) => {
      if (value === null) runs.push([]);
      else runs[runs.length - 1].push(`${x(samples[i].time).toFixed(1)},${y(value).toFixed(1)}`);
    });
    const drawn = runs.filter((run) => run.length > 0).map((run) => {
      const [cx, cy] = run[0].split(",");
      return run.length > 1 ? drawing("polyline", { points: run.join(" ") }) : drawing("circle", { cx, cy, r: 2 });
    });
    return drawing("g", { class: one.letter }, ...drawn);
  });
  const latest = series.map((one) => [one, one.values.length > 0 ? one.values[one.values.length - 1] : null]);
  const words = latest.map(([one, value]) => `${one.name} ${value === null ? "none" : format(value)}`).join(", ");
  const grid = [0, 0.5, 1].map((part) => drawing("line", { class: "grid", x1: left, x2: width, y1: y(top * part), y2: y(top * part) }));
  const text = (content, attributes) => drawing("text", attributes, content);
  const picture = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}, now: ${words}` },
    ...grid, ...lines, text(format(top), { x: left, y: y(top) - 4 }), text("5 min ago", { x: left, y: height - 4 }),
    text("now", { x: width, y: height - 4, "text-anchor": "end" }));
  const legend = element("ul", { class: "legend" }, ...latest.map(([one, value]) => element("li", { class: one.letter },
    element("i", { "aria-hidden": "true" }), `${one.name} `, element("b", {}, value === null ? "–" : format(value)))));
  put(place, element("figcaption", {}, title), legend, picture);
}

// The next number of the form 1, 2 or 5 times a power of ten, in units that are each `unit` of the one below.
function ceiling(value, unit) {
  if (value <= 0) return 1;
  const scale = unit > 1 ? unit ** Math.max(0, Math.floor(Math.log(value) / Math.log(unit))) : 1;
  const power = scale * 10 ** Math.floor(Math.log10(value / scale));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

function charts() {
  // What happened between a reading and the one before it, for each second.
  const rate = (member) => samples.map((sample, i) => {
    if (i === 0) return null;
    const seconds = sample.time - samples[i - 1].time;
    return seconds > 0 ? Math.max(0, (sample.total[member] - samples[i - 1].total[member]) / seconds) : null;
  });
  const share = (q) => samples.map((sample, i) => (i === 0 ? null : quantile(q, sample.latency.first_byte, before(sample, LOOK_BACK).latency.first_byte)));
  chart("chart-requests", "Requests a second", [
    { name: "all", letter: "a", values: rate("count") }, { name: "failed", letter: "b", values: rate("failed") }], count);
  chart("chart-latency", "Time to first byte", [
    { name: "p50", letter: "a", values: share(0.5) }, { name: "p95", letter: "b", values: share(0.95) }, { name: "p99", letter: "c", values: share(0.99) }], latency);
  chart("chart-bytes", "Bytes a second", [
    { name: "in", letter: "a", values: rate("received") }, { name: "out", letter: "b", values: rate("sent") }], bytes, 1024);
}

// ---- Tables

const STATES = { up: ["good", "✓ up"], down: ["bad", "✗ down"], unknown: ["unsure", "? not probed"] };

function origins(now) {
  const rows = now.origins.map((one) => {
    const [kind, word] = STATES[one.state] || ["unsure", one.state];
    const since = one.since ? element("span", {}, time(one.since), ` (${duration(now.time - one.since)})`) : null;
    const answers = Object.entries(one.responses || {}).map(([status, n]) => `${status}: ${whole.format(n)}`).join(", ");
    return [one.origin || one.address, element("span", { class: `mark ${kind}` }, word), since, one.reason,
      `${one.upstream}${one.backup ? ", backup" : ""}`, one.address, whole.format(one.attempts), whole.format(one.failures), answers || null];
  });
  table("table-origins", "Origins", [["origin"], ["state"], ["since"], ["reason"], ["upstream", "word"], ["address", "word"], ["attempts", "number"], ["failures", "number"],
    ["answers by status"]], rows, "No upstream with s3_origin peers.");
}

// Since when "lately" is: the page knows of nothing before it was opened.
function lately(now, past) {
  return `last ${duration(Math.min(now.time - past.time, KEPT))}`;
}

// What was counted by name, with how much of it came lately: the most of that first.
function counted(now, past, list, name) {
  const old = new Map(past[list].map((one) => [name(one), one.count]));
  return now[list].map((one) => ({ one, recent: one.count - (old.get(name(one)) || 0) }))
    .sort((x, y) => y.recent - x.recent || y.one.count - x.one.count).slice(0, ROWS);
}

function faults(now, past) {
  const columns = (...first) => [...first.map((title) => [title]), [lately(now, past), "number"], ["in all", "number"]];
  const refusals = counted(now, past, "refusals", (one) => one.cause);
  table("table-refusals", "Refused here", columns("cause"),
    refusals.map(({ one, recent }) => [one.cause, whole.format(recent), whole.format(one.count)]), "Nothing was refused.");
  const errors = counted(now, past, "errors", (one) => `${one.source} ${one.code}`);
  table("table-errors", "Errors by code", columns("code", "from"),
    errors.map(({ one, recent }) => [one.code, one.source, whole.format(recent), whole.format(one.count)]), "No errors.");
}

function busiest(now, past, member, id, caption, title, nameless) {
  const old = sums(past, member);
  const rows = [...sums(now, member)].map(([name, sum]) => ({ name, sum, recent: sum.count - (old.has(name) ? old.get(name).count : 0) }));
  rows.sort((x, y) => y.recent - x.recent || y.sum.count - x.sum.count);
  const most = Math.max(1, ...rows.map((row) => row.recent));
  table(id, caption, [[title], [lately(now, past), "number"], ["requests", "number"], ["in", "number"], ["out", "number"]], rows.slice(0, ROWS).map((row) => [
    { node: row.name || element("span", { class: "quiet" }, nameless), share: row.recent / most },
    whole.format(row.recent), whole.format(row.sum.count), bytes(row.sum.received), bytes(row.sum.sent)]), "No requests yet.");
}

function keys(now) {
  const ending = now.keys.filter((key) => key.expires !== null && key.expires !== undefined).sort((x, y) => x.expires - y.expires);
  const rows = ending.slice(0, ROWS).map((key) => {
    const left = key.expires - now.time;
    const [kind, word] = left <= 0 ? ["bad", "✗ ended"] : left < 86400 ? ["unsure", `! in ${duration(left)}`] : ["good", `in ${duration(left)}`];
    return [key.name, key.kind, key.access_key, element("span", { class: `mark ${kind}` }, word), time(key.expires)];
  });
  const endless = now.keys.length - ending.length;
  table("table-keys", "Keys about to end", [["name"], ["of", "word"], ["access key", "word"], ["ends"], ["at"]], rows,
    endless > 0 ? `None of ${whole.format(endless)} keys has an end.` : "No keys.");
}

function files(now) {
  table("table-files", "Files with keys", [["file"], ["state"], ["read"]], now.files.map((file) => [file.file,
    file.fault ? element("span", { class: "bad" }, `✗ ${file.fault}`) : element("span", { class: "mark good" }, "✓ read"),
    file.read ? time(file.read) : null]), "No keys come from files.");
}

// ---- The page

function show() {
  const now = samples[samples.length - 1];
  const past = before(now, KEPT);
  put(byId("about"), `${now.version}, counting since `, time(now.since), `, ${whole.format(now.total.count)} requests`);
  charts();
  origins(now);
  faults(now, past);
  busiest(now, past, "client", "table-clients", "Busiest clients", "client", "not verified");
  busiest(now, past, "operation", "table-operations", "Busiest operations", "operation", "not known");
  keys(now);
  files(now);
  const zone = now.zone ? `Zone ${now.zone.name}: ${whole.format(now.zone.series)} of ${whole.format(now.zone.capacity)} series`
    + (now.zone.other > 0 ? `, ${whole.format(now.zone.other)} counted under "other"` : "") + ". " : "";
  put(byId("foot"), `${whole.format(now.workers)} workers. ${whole.format(now.failovers)} requests needed more than one attempt. `
    + `Uploads under way: ${whole.format(now.uploads.active)}, with ${bytes(now.uploads.chunk_memory_bytes)} of chunks. ${zone}`
    + `Times are in ${Intl.DateTimeFormat().resolvedOptions().timeZone || "your zone"}.`);
}

function state(kind, text) {
  document.body.className = kind;
  put(byId("state-text"), text);
}

async function read() {
  const answer = await fetch(location.pathname, { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`the proxy answers ${answer.status}`);
  const reading = await answer.json();
  reading.total = totals(reading);
  const last = samples[samples.length - 1];
  // Other counters than before: the zone was made anew.
  if (last && (reading.since !== last.since || reading.total.count < last.total.count)) samples = [];
  samples.push(reading);
  // One more is kept than is shown: what the first point is compared with.
  while (samples.length > 2 && reading.time - samples[1].time > KEPT) samples.shift();
}

async function tick() {
  clearTimeout(timer);
  try {
    await read();
    lostSince = null;
    byId("trouble").hidden = true;
    if (!paused) state("live", "Live");
    show();
  } catch (error) {
    lostSince = lostSince || new Date();
    state("lost stale", "No answer");
    const shown = samples.length > 0 ? " What is shown is from before." : "";
    put(byId("trouble"), `No numbers since ${clock.format(lostSince)} (${error.message}).${shown} Trying again.`);
    byId("trouble").hidden = false;
  }
  next();
}

// Nobody looks at a hidden page.
function next() {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(tick, INTERVAL);
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  if (paused) {
    clearTimeout(timer);
    state("", "Paused");
  } else {
    tick();
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !paused) tick();
});
tick();
