"""More of everything: workers, client keys, origins, connections, slow readers; each is a part of its own."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from harness.design import KEPT_HEAP, Setting
from harness.measure import SMALL, in_turns, prove

KEYS = [10, 1000, 100_000]
ORIGINS = 500
CONNECTIONS = 10_000
SLOW_READERS = 1000
# What a slow reader reads: more than socket buffers take.
SLOW_OBJECT = 16 << 20
# Requests a second at the fixed rate.
RATE = 2000
GET = ["--size", SMALL]


def full(bench, *options):
    """As fast as answers come."""

    def run(design, counts):
        return bench.load.run(design.port, "get-header", *GET, *options, "--keys", design.setting.keys,
                              "--connections", 32, "--seconds", bench.window(counts))

    return run


def paced(bench, design, seconds, *options):
    """At the fixed rate, with the CPU that it took, and the memory."""
    before = design.cpu()
    result = bench.load.run(design.port, "get-header", *GET, "--rate", RATE, "--seconds", seconds,
                            "--keys", design.setting.keys, *options)
    result["cpu_us"] = (design.cpu() - before) * 1e6 / result["requests"]
    return {key: result[key] for key in ("requests", "cpu_us", "p50_us", "p99_us", "max_us")}


def workers(bench):
    """One worker with a core of its own, and two, of which one shares it with load and origin; with counters in memory that
    workers share."""
    results = {}
    for count in (1, 2):
        if count > (os.cpu_count() or 1):
            continue
        setting = Setting(workers=count, status_zone=True)
        with bench.designs("plain", "module", setting=setting, environment=KEPT_HEAP) as designs:
            prove(bench, designs, ["get-header"])
            results[count] = in_turns(bench, designs, bench.rounds(3, 1), full(bench))
        bench.say_cpu("scale, 1 worker" if count == 1 else f"scale, {count} workers", results[count])
    return results


def keys(bench):
    """Keys in a clients file: time to start, memory, CPU a request of keys that are spread over the file, and how long requests
    wait while each worker reads a file that has changed."""
    wanted = [("plain", "plain", Setting())]
    wanted += [(f"{count} keys", "module", Setting(keys=count, keys_file=True)) for count in KEYS]
    with bench.designs(*wanted, environment=KEPT_HEAP) as designs:
        prove(bench, designs, ["get-header"])
        started = {design.name: (design.start_seconds, design.memory()[0]) for design in designs}
        results = in_turns(bench, designs, bench.rounds(3, 1), full(bench, "--prepared", 8192))
        for design in designs:
            numbers = results[design.name]
            numbers["start_seconds"], numbers["started_kib"] = started[design.name]
            if design.kind == "module":
                numbers["reread_max_us"] = reread(bench, design)
    bench.say_cpu("scale, keys", results)
    return results


def reread(bench, design):
    """The longest that a request waited while a clients file was written anew."""
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(paced, bench, design, 4, "--prepared", 8192)
        # The generator signs before it sends.
        time.sleep(1.5)
        design.write_clients()
        return run.result()["max_us"]


def origins(bench):
    """One upstream with so many servers, each an s3_origin of its own, asked in the background or not."""
    wanted = [("one origin", "module", Setting())]
    wanted += [(f"{ORIGINS} origins, plain", "plain", Setting(origins=ORIGINS))]
    wanted += [(f"{ORIGINS} origins", "module", Setting(origins=ORIGINS))]
    wanted += [(f"{ORIGINS} origins, probes", "module", Setting(origins=ORIGINS, probes=True))]
    with bench.origin(ORIGINS), bench.designs(*wanted, environment=KEPT_HEAP) as designs:
        prove(bench, designs, ["get-header"])
        results = in_turns(bench, designs, bench.rounds(3, 1), full(bench))
        for design in designs:
            before, began = design.cpu(), time.monotonic()
            time.sleep(1 if bench.quick else 2)
            at_rest = (design.cpu() - before) / (time.monotonic() - began)
            results[design.name] |= {
                "start_seconds": design.start_seconds,
                "resident_kib": design.memory()[0],
                "core_at_rest": at_rest,
            }
    bench.say_cpu("scale, origins", results)
    return results


def each_alone(bench, seconds):
    """Plain nginx and the module, one after the other, with their numbers over few connections and their memory after that."""
    for kind in ("plain", "module"):
        with bench.designs(kind, environment=KEPT_HEAP) as (design,):
            prove(bench, [design], ["get-header"])
            yield design, paced(bench, design, seconds, "--connections", 16), design.memory()[0]


def connections(bench):
    """A request of each of so many connections in turn, against the same rate over few."""
    results = {}
    seconds = 2 if bench.quick else CONNECTIONS / RATE
    for design, few, rest in each_alone(bench, seconds):
        held = bench.load.held("idle", design.port, "--connections", CONNECTIONS // 2)
        each = (design.memory()[0] - rest) * 1024 / (CONNECTIONS // 2)
        many = paced(bench, design, seconds, "--connections", CONNECTIONS // 2, "--in-turn")
        bench.load.release(held)
        results[design.name] = {"few": few, "many": many, "bytes_each": each}
        bench.say(f"{CONNECTIONS} connections, {design.name}: {each:.0f} B each, {many['cpu_us']:.1f} us a request, "
                  f"{few['cpu_us']:.1f} with 16")
    return results


def slow_readers(bench):
    """What others wait while so many read large objects slowly, and what these make the worker keep."""
    results = {}
    seconds = 1 if bench.quick else 3
    for design, alone, rest in each_alone(bench, seconds):
        held = bench.load.held("slow", design.port, "--size", SLOW_OBJECT, "--connections", SLOW_READERS)
        settled(design)
        each = (design.memory()[0] - rest) / SLOW_READERS
        beside = paced(bench, design, seconds, "--connections", 16)
        bench.load.release(held)
        results[design.name] = {"alone": alone, "beside": beside, "kib_each": each}
        bench.say(f"{SLOW_READERS} slow readers, {design.name}: {each:.0f} KiB each, p99 {beside['p99_us']:.0f} us, "
                  f"{alone['p99_us']:.0f} alone")
    return results


def settled(design):
    """Returns once the worker's memory has not grown for two seconds, or after a minute."""
    last, since = 0, time.monotonic()
    deadline = since + 60
    while time.monotonic() < min(since + 2, deadline):
        now = design.memory()[0]
        if now > last + 512:
            last, since = now, time.monotonic()
        time.sleep(0.2)
