"""TLS on either side, HTTP/2, handshakes, and answers from nginx's cache, with kTLS where the machine has it."""

import re
import shutil
import socket
import subprocess
from functools import partial
from pathlib import Path

from harness.design import KEPT_HEAP, Setting
from harness.machine import LOAD_CORE, BenchError, on_core
from harness.measure import SMALL, UPLOAD, in_turns, prove

MIB = 1 << 20
CONNECTIONS = 32
HTTPS = Setting(listen="ssl")
BOTH = Setting(listen="ssl", origin_tls=True)
EACH_FULL = ["--reconnect"]
EACH_RESUMED = ["--reconnect", "--resume"]

# What stands in the table, the setting, kind of request, size, options of the generator.
SCENARIOS = [
    ("https from clients, GET", HTTPS, "get-header", SMALL, []),
    ("https from clients, presigned", HTTPS, "get-presigned", SMALL, []),
    ("https from clients, PUT 64 KiB", HTTPS, "put-unsigned", UPLOAD, []),
    ("https to the origin, GET", Setting(origin_tls=True), "get-header", SMALL, []),
    ("https on both sides, GET", BOTH, "get-header", SMALL, []),
    ("https on both sides, PUT 64 KiB", BOTH, "put-unsigned", UPLOAD, []),
    ("https to the origin, a connection each, sessions resumed", Setting(origin_tls=True, keepalive=False), "get-header",
     SMALL, []),
    ("https to the origin, a connection each, full handshakes",
     Setting(origin_tls=True, keepalive=False, session_reuse=False), "get-header", SMALL, []),
    ("https from clients, a connection each, sessions resumed", HTTPS, "get-header", SMALL, EACH_RESUMED),
    ("https from clients, a connection each, full handshakes", HTTPS, "get-header", SMALL, EACH_FULL),
]
HTTP2 = "HTTP/2 from clients, presigned"
# Answers from the cache: the setting behind what is said of it, and the object's size.
CACHED = [
    ("cache hit, http", Setting(cache=True), SMALL),
    ("cache hit, http, sendfile", Setting(cache=True, sendfile=True), SMALL),
    ("cache hit, http, 1 MiB", Setting(cache=True), MIB),
    ("cache hit, http, sendfile, 1 MiB", Setting(cache=True, sendfile=True), MIB),
    ("cache hit, https, 1 MiB", Setting(listen="ssl", cache=True, sendfile=True), MIB),
]
KTLS = ("cache hit, https, kTLS and sendfile, 1 MiB", Setting(listen="ssl", cache=True, sendfile=True, ktls=True), MIB)


def tls(bench):
    """Rows of plain and module, and what was found of kTLS."""
    missing = why_no_ktls()
    if missing:
        bench.say(f"kTLS: left out: {missing}")
    wanted = {name: partial(row, bench, name, *rest) for name, *rest in SCENARIOS}
    wanted[HTTP2] = partial(http2, bench)
    for name, setting, size in CACHED + ([] if missing else [KTLS]):
        # Few objects, so that all of them are in the cache before anything counts.
        wanted[name] = partial(row, bench, name, setting, "get-header", size, ["--prepared", 64], is_cached=True)
    rows, failed = {}, {}
    for name, measure in wanted.items():
        try:
            rows[name] = measure()
        except Exception as error:  # noqa: BLE001
            failed[name] = str(error)
            bench.say(f"{name}: FAILED: {error}")
    if not rows:
        raise BenchError("none of the rows could be measured")
    return {"rows": rows, "ktls": missing or "used", "failed": failed}


def row(bench, name, setting, kind, size, options, is_cached=False):
    is_each = "--reconnect" in options
    prepared = [] if "--prepared" in options else ["--prepared", 4096 if size == SMALL else 1024]
    with bench.designs("plain", "module", setting=setting, environment=KEPT_HEAP) as designs:
        if not is_cached:
            prove(bench, designs, [kind], tls=setting.client_tls)

        def run(design, counts):
            before = bench.load.handshakes()
            result = bench.load.run(design.port, kind, "--size", size, *prepared, *options, "--connections", CONNECTIONS,
                                    "--seconds", bench.window(counts), tls=setting.client_tls)
            after = bench.load.handshakes()
            # Each connection's first handshake has nothing to resume.
            wanted = result["requests"] - CONNECTIONS if "--resume" in options else result["requests"]
            if is_each and result["resumed" if "--resume" in options else "handshakes"] < wanted * 0.9:
                raise BenchError(f"{name}: {result['handshakes']} full and {result['resumed']} resumed handshakes in "
                                 f"{result['requests']} requests")
            result["origin_full"] = (after["full"] - before["full"]) / result["requests"]
            result["origin_resumed"] = (after["resumed"] - before["resumed"]) / result["requests"]
            return result

        result = in_turns(bench, designs, bench.rounds(3, 1), run)
        if is_cached:
            for design in designs:
                if not any(path.is_file() for path in (design.dir / "cache").rglob("*")):
                    raise BenchError(f"{name}: nothing is in the cache of {design.name}")
    bench.say_cpu(name, result)
    return result


def http2(bench):
    """h2load cannot sign, so it asks for presigned URLs; it has its own loop and sleeps, so only the ratio compares with other rows."""
    with bench.designs("plain", "module", setting=Setting(listen="ssl http2"), environment=KEPT_HEAP) as designs:
        files = {}
        for design in designs:
            files[design.name] = design.dir / "urls"
            proof = ["--check"] if design.kind == "module" else []
            bench.load.urls(files[design.name], design.port, "https", *proof, "--prepared", 200)
            h2load(files[design.name], 200)
            bench.load.urls(files[design.name], design.port, "https", "--size", SMALL, "--prepared", 4096)
        requests = 5000 if bench.quick else 20000
        result = in_turns(bench, designs, bench.rounds(3, 1),
                          lambda design, counts: h2load(files[design.name], requests if counts else 2000))
    bench.say_cpu(HTTP2, result)
    return result


def h2load(urls, requests):
    """8 connections with 8 streams each."""
    if not shutil.which("h2load"):
        raise BenchError("h2load (Debian's nghttp2-client) is not installed")
    command = ["h2load", "-i", str(urls), "-n", str(requests), "-c", "8", "-m", "8", "-t", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, preexec_fn=on_core(LOAD_CORE))
    good = re.search(r"status codes: (\d+) 2xx", done.stdout)
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", done.stdout)
    if done.returncode != 0 or not good or not rate or int(good[1]) != requests or "h2" not in done.stdout:
        raise BenchError(f"{' '.join(command)}: {done.stdout[-600:]}{done.stderr[-300:]}")
    return {"requests": requests, "per_second": float(rate[1])}


def why_no_ktls():
    """What is missing for kTLS, or nothing. nginx hands TLS to the kernel from 1.21.4 on, where OpenSSL 3 was built for that."""
    version = subprocess.run(["nginx", "-V"], capture_output=True, text=True).stderr
    number = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", version)
    if not number or tuple(map(int, number.groups())) < (1, 21, 4):
        return "nginx is older than 1.21.4"
    if not re.search(r"built with OpenSSL [3-9]", version):
        return "nginx was not built with OpenSSL 3"
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        try:
            client.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
        except OSError as error:
            available = Path("/proc/sys/net/ipv4/tcp_available_ulp")
            known = available.read_text().split() if available.exists() else []
            return f"the kernel has no TLS ({error.strerror}; tcp_available_ulp: {' '.join(known) or 'none'})"
    return None


# linux/tcp.h
TCP_ULP = 31
