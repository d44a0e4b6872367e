// Numbers as `s3_status` gives them, of a proxy that is busy, has an origin down, and clients with hostile names.

const LE = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Numbers {
  // `hostile`: whether names are such that a page might take for HTML.
  constructor(hostile = true) {
    this.hostile = hostile;
    this.reset();
  }

  // Begins anew, `seconds` ago.
  reset(seconds = 0) {
    this.time = Date.now() / 1000;
    this.since = this.time - seconds;
    this.requests = new Map();
    this.refusals = new Map();
    this.errors = new Map();
    this.latency = { le: LE, counts: LE.map(() => 0), sum: 0, count: 0 };
    this.seed = 1;
    this.isEmpty = false;
    for (let i = 0; i < seconds; i += 2) this.pass();
  }

  empty() {
    this.reset();
    this.isEmpty = true;
  }

  random() {
    this.seed = (this.seed * 16807) % 2147483647;
    return this.seed / 2147483647;
  }

  request(client, operation, status, received, sent, seconds) {
    const key = JSON.stringify([client, operation, status]);
    const one = this.requests.get(key) || { client, operation, status, count: 0, received_bytes: 0, sent_bytes: 0 };
    one.count += 1;
    one.received_bytes += received;
    one.sent_bytes += sent;
    this.requests.set(key, one);
    LE.forEach((le, i) => { if (seconds <= le) this.latency.counts[i] += 1; });
    this.latency.count += 1;
    this.latency.sum += seconds;
  }

  add(map, key) {
    map.set(key, (map.get(key) || 0) + 1);
  }

  // Two seconds of traffic.
  pass() {
    this.time += 2;
    if (this.isEmpty) return;
    const busy = 120 + 60 * Math.sin(this.time / 20) + 40 * this.random();
    for (let i = 0; i < busy; i += 1) {
      const seconds = 0.002 + 0.03 * this.random() ** 3 + (this.random() < 0.03 ? 0.3 * this.random() : 0);
      const r = this.random();
      if (r < 0.6) this.request("AKIDWEB", "GetObject", 200, 400, 60000 * this.random(), seconds);
      else if (r < 0.75) this.request("AKIDBACKUP", "PutObject", 200, 90000 * this.random(), 300, seconds * 2);
      else if (r < 0.82) this.request("AKIDBACKUP", "UploadPart", 200, 200000, 300, seconds * 2);
      else if (r < 0.9) this.request("AKIDWEB", "ListObjectsV2", 200, 400, 4000, seconds);
      else if (r < 0.95) {
        this.request("AKIDWEB", "GetObject", 404, 400, 500, seconds);
        this.add(this.errors, "NoSuchKey origin");
      } else if (r < 0.97) this.request(this.hostile ? '"><img src=x onerror=alert(1)></span>' : "AKIDREPORTS", "GetObject", 200, 400, 9000, seconds);
      else {
        this.request("", "GetObject", 403, 400, 700, 0.0005);
        this.add(this.refusals, r < 0.99 ? "SignatureDoesNotMatch" : this.hostile ? "<script>alert(2)</script>" : "Unsigned");
        this.add(this.errors, "SignatureDoesNotMatch proxy");
      }
    }
  }

  next() {
    this.pass();
    const [time, old] = [this.time, this.since - 90000];
    const answers = (share) => ({ 200: Math.round(this.latency.count * share), 404: Math.round(this.latency.count * share * 0.05) });
    const origins = this.isEmpty ? [] : [
      { upstream: "s3", origin: "b", address: "192.0.2.20:443", backup: false, state: "down", since: time - 95, reason: "connect() failed (111: Connection refused)",
        attempts: 90, failures: 30, responses: { 200: 60 } },
      { upstream: "s3", origin: "a", address: "192.0.2.10:443", backup: true, state: "up", since: old, reason: null, attempts: this.latency.count, failures: 1,
        responses: answers(0.9) },
      { upstream: "archive", origin: this.hostile ? "<b>c</b>" : "c", address: "[2001:db8::1]:9000", backup: false, state: "unknown", since: null, reason: null, attempts: 0, failures: 0, responses: {} },
    ];
    const latency = { first_byte: this.latency, total: this.latency, verify: this.latency, sign: this.latency };
    const list = (map) => [...map].map(([cause, count]) => ({ cause, count }));
    return {
      version: "0.2.0", time, since: this.since, workers: 2, failovers: this.isEmpty ? 0 : 31,
      zone: { name: "s3", size: 1048576, series: 120, capacity: 4000, other: 0 },
      requests: [...this.requests.values()].map((one) => ({ ...one, received_bytes: Math.round(one.received_bytes), sent_bytes: Math.round(one.sent_bytes) })),
      buckets: [],
      errors: [...this.errors].map(([key, count]) => ({ code: key.split(" ")[0], source: key.split(" ")[1], count })),
      refusals: list(this.refusals), origins, latency: structuredClone(latency),
      keys: this.isEmpty ? [] : [
        { kind: "origin", name: "b", access_key: "ASIAORIGINB", expires: time + 40000, age: 3000 },
        { kind: "client", name: "AKIDGUEST", access_key: "AKIDGUEST", expires: time + 8 * 86400, age: 900000 },
        { kind: "client", name: "AKIDWEB", access_key: "AKIDWEB", expires: null, age: 900000 }],
      files: this.isEmpty ? [] : [
        { file: "/etc/nginx/s3/clients.json", read: time - 900, fault: "line 3, column 7: expected a list of clients" },
        { file: "/etc/nginx/s3/secrets/a", read: old, fault: null }],
      uploads: { active: this.isEmpty ? 0 : 3, chunk_memory_bytes: this.isEmpty ? 0 : 196608 },
    };
  }
}
