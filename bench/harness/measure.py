"""The parts that compare all designs. Designs take turns within each round, so that whatever else the machine does hits all of
them."""

import json
import subprocess
from statistics import median

from harness import callgrind, lines
from harness.design import KEPT_HEAP

SMALL = 4096
UPLOAD = 65536
GIB = 1 << 30
# What Lua cannot do: rewrite the signatures within a body that proxy_pass streams.
NOT_LUA = {"put-signed", "put-signed-trailer", "put-signed-1g"}

# Name, kind of request, size, requests a second at the fixed rate.
SMALL_SCENARIOS = [
    ("get-header", "get-header", SMALL, 2000),
    ("get-presigned", "get-presigned", SMALL, 2000),
    ("reject", "reject", SMALL, 2000),
    ("put-hex", "put-hex", UPLOAD, 500),
    ("put-unsigned", "put-unsigned", UPLOAD, 500),
    ("put-unsigned-trailer", "put-unsigned-trailer", UPLOAD, 500),
    ("put-signed", "put-signed", UPLOAD, 500),
    ("put-signed-trailer", "put-signed-trailer", UPLOAD, 500),
]
# Behind the names of scenarios in which workers keep their heap.
HEAP_KEPT = ", heap kept"
LARGE_SCENARIOS = [
    ("get-1g", "get-header", GIB),
    ("put-1g", "put-unsigned", GIB),
    ("put-signed-1g", "put-signed", GIB),
]
UPLOADS = ["put-hex", "put-unsigned", "put-unsigned-trailer", "put-signed", "put-signed-trailer"]


def prove(bench, designs, kinds=None, tls=False):
    """Before anything is measured: what the designs send is what the origin accepts, in each kind of request. Plain nginx,
    which signs nothing, gets the same requests, so that all workers have the same past."""
    for design in designs:
        proof = "--any-status" if design.kind == "plain" else "--check"
        for name, kind, size, _ in SMALL_SCENARIOS:
            if (name in NOT_LUA and design.kind == "lua") or (kinds and kind not in kinds):
                continue
            bench.load.run(design.port, kind, "--size", size, "--requests", 200, "--prepared", 200,
                           "--connections", 4, "--keys", design.setting.keys, proof, tls=tls)


def small(bench):
    """Small objects; then downloads alone, where no design gives memory back to the kernel between requests: what a design
    costs by itself."""
    floor = json.loads(subprocess.run([bench.binary, "floor"], capture_output=True, check=True).stdout)
    with bench.designs(*bench.compared()) as designs:
        prove(bench, designs)
        timed = small_in_turns(bench, designs, SMALL_SCENARIOS)
    gets = [(f"{name}{HEAP_KEPT}", *rest) for name, *rest in SMALL_SCENARIOS if name.startswith("get")]
    with bench.designs(*bench.compared(), environment=KEPT_HEAP) as designs:
        prove(bench, designs, ["get-header", "get-presigned"])
        timed |= small_in_turns(bench, designs, gets)
    return {"floor": floor, "timed": timed}


def small_in_turns(bench, designs, scenarios):
    """Requests per second, CPU of the worker a request, and latency at a fixed rate."""
    load, seconds = bench.load, 0.5 if bench.quick else 1.0
    results = {}
    for name, kind, size, rate in scenarios:
        takers = [d for d in designs if not (d.kind == "lua" and name in NOT_LUA)]
        common = ["--size", size, "--prepared", 4096 if size == SMALL else 1024]
        samples = {design.name: [] for design in takers}
        for turn in range(-1, bench.rounds(5, 3)):
            for design in takers:
                loose = ["--any-status"] if name == "reject" and design.kind == "plain" else []
                before, faults = design.cpu(), design.page_faults()
                full = load.run(design.port, kind, *common, *loose, "--connections", 32,
                                "--seconds", seconds if turn >= 0 else 0.3)
                used = (design.cpu() - before) * 1e6 / full["requests"]
                faults = (design.page_faults() - faults) / full["requests"]
                if turn < 0:
                    continue
                before = design.cpu()
                paced = load.run(design.port, kind, *common, *loose, "--connections", 16,
                                 "--seconds", seconds, "--rate", rate)
                samples[design.name].append({
                    "per_second": full["per_second"],
                    "cpu_us": used,
                    "page_faults": faults,
                    "paced_cpu_us": (design.cpu() - before) * 1e6 / paced["requests"],
                    "p50_us": paced["p50_us"],
                    "p99_us": paced["p99_us"],
                    "sign_us": full["sign_ns"] / 1000,
                    "load_cpu_us": full["load_cpu_us"],
                    "resident_kib": design.memory()[0],
                })
        results[name] = summary(samples)
        bench.say_cpu(name, results[name])
    return results


def large(bench):
    """Objects of 1 GiB, one at a time."""
    results = {}
    with bench.designs(*bench.compared()) as designs:
        prove(bench, designs)
        for name, kind, size in LARGE_SCENARIOS:
            takers = [d for d in designs if not (d.kind == "lua" and name in NOT_LUA)]
            samples = {design.name: [] for design in takers}
            for _ in range(bench.rounds(3, 1)):
                for design in takers:
                    before = design.cpu()
                    run = bench.load.run(design.port, kind, "--size", size, "--requests", 1,
                                         "--connections", 1, "--prepared", 1)
                    samples[design.name].append({
                        "per_second": run["per_second"],
                        "mib_per_second": run["per_second"] * 1024,
                        "cpu_us": (design.cpu() - before) * 1e6,
                        "resident_kib": design.memory()[0],
                    })
            results[name] = summary(samples)
            bench.say(f"{name}: " + ", ".join(
                f"{design} {numbers['mib_per_second']:.0f} MiB/s" for design, numbers in results[name].items()))
    return {"timed": results}


def in_turns(bench, designs, rounds, run, warm_up=True):
    """Medians over the rounds of what `run(design)` gives, and of the CPU a request of the workers; the first run of each counts
    for nothing. Where `run` needs that, it is told whether it counts."""
    samples = {design.name: [] for design in designs}
    for turn in range(-1 if warm_up else 0, rounds):
        for design in designs:
            before = design.cpu()
            result = run(design, turn >= 0)
            used = (design.cpu() - before) * 1e6 / max(1, result["requests"])
            if turn >= 0:
                numbers = {key: value for key, value in result.items() if isinstance(value, (int, float))}
                samples[design.name].append(numbers | {"cpu_us": used})
    return summary(samples)


def summary(samples):
    """Medians of each design, and medians of the rounds' ratios."""
    result = {}
    for name, rounds in samples.items():
        numbers = {key: median(r[key] for r in rounds) for key in rounds[0]}
        for other in ("plain", "lua"):
            if other == name or other not in samples:
                continue
            for key in ("cpu_us", "paced_cpu_us", "per_second", "p50_us"):
                if key in rounds[0]:
                    ratios = [a[key] / b[key] for a, b in zip(rounds, samples[other])]
                    numbers[f"{key}_over_{other}"] = median(ratios)
        if name != "plain" and "plain" in samples and "p50_us" in rounds[0]:
            added = [a["p50_us"] - b["p50_us"] for a, b in zip(rounds, samples["plain"])]
            numbers["p50_added_us"] = median(added)
        numbers["rounds"] = rounds
        result[name] = numbers
    return result


def memory(bench):
    """Workers at rest, and what uploads make them keep."""
    with bench.designs(*bench.compared()) as designs:
        result = {"idle": idle(bench, designs, 5000)}
        size = (4 if bench.quick else 64) << 20
        result |= {"uploads": uploads(bench, designs, 200, size), "uploads_size": size}
        size = (512 if bench.quick else 6144) << 20
        result |= {"one_upload": uploads(bench, designs, 1, size), "one_upload_size": size}
    return result


def idle(bench, designs, connections):
    """The resident set at rest, and with connections that were used once, in KiB."""
    results = {}
    for design in designs:
        design.restart()
        started = design.memory()[0]
        # The first requests bring in code and buffers that stay.
        bench.load.run(design.port, "get-header", "--requests", 2000, "--connections", 4)
        rest = design.memory()[0]
        held = bench.load.held("idle", design.port, "--connections", connections)
        results[design.name] = {
            "started": started,
            "rest": rest,
            "held": design.memory()[0],
            "connections": connections,
        }
        bench.load.release(held)
    return results


def uploads(bench, designs, count, size):
    """Uploads at once, in each mode: the worker's peak in KiB, and throughput."""
    results = {}
    for design in designs:
        if design.kind == "lua":
            continue
        results[design.name] = {}
        for kind in UPLOADS if design.kind == "module" else ["put-unsigned"]:
            design.restart()
            before = design.cpu()
            run = bench.load.run(design.port, kind, "--size", size, "--requests", count,
                                 "--connections", count, "--prepared", count)
            results[design.name][kind] = {
                "peak": design.memory()[1],
                "mib_per_second": run["per_second"] * size / (1 << 20),
                "cpu_us": (design.cpu() - before) * 1e6 / run["requests"],
            }
            bench.say(f"{count} x {size >> 20} MiB, {design.name}, {kind}: peak {design.memory()[1]} KiB")
    return results


def instructions(bench):
    """User instructions of one request, in each kind."""
    results = {}
    with bench.designs(*bench.compared()) as designs:
        prove(bench, designs)
        for design in designs:
            design.stop()
        for name, kind, size, _ in SMALL_SCENARIOS:
            results[name] = {}
            for design in designs:
                if design.kind == "lua" and name in NOT_LUA:
                    continue
                other, compression, _ = callgrind.of_design(design, bench.load, kind, size)
                objects, _ = lines.of_design(design, kind)
                results[name][design.name] = {"other": other, "compression": compression, "code": objects}
            plain = results[name]["plain"]["other"]
            added = {design: count["other"] - plain for design, count in results[name].items()}
            bench.say(f"{name}: instructions added: " + ", ".join(f"{d} {n:,.0f}" for d, n in added.items()))
    return results
