"""The measurements. Designs take turns within each round, so that whatever else the machine does hits all of them."""

from statistics import median

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
KEPT_HEAP = ", heap kept"
LARGE_SCENARIOS = [
    ("get-1g", "get-header", GIB),
    ("put-1g", "put-unsigned", GIB),
    ("put-signed-1g", "put-signed", GIB),
]
UPLOADS = ["put-hex", "put-unsigned", "put-unsigned-trailer", "put-signed", "put-signed-trailer"]


def prove(designs, load):
    """Before anything is measured: what the designs send is what the origin accepts, in each kind of request. Plain nginx,
    which signs nothing, gets the same requests, so that all workers have the same past."""
    for design in designs:
        proof = "--any-status" if design.name == "plain" else "--check"
        for name, kind, size, _ in SMALL_SCENARIOS:
            if name in NOT_LUA and design.name == "lua":
                continue
            load.run(design.port, kind, "--size", size, "--requests", 200, "--prepared", 200,
                     "--connections", 4, proof)


def small(designs, load, rounds, seconds, say, scenarios=SMALL_SCENARIOS):
    """Requests per second, CPU of the worker a request, and latency at a fixed rate."""
    results = {}
    for name, kind, size, rate in scenarios:
        takers = [d for d in designs if not (d.name == "lua" and name in NOT_LUA)]
        common = ["--size", size, "--prepared", 4096 if size == SMALL else 1024]
        samples = {design.name: [] for design in takers}
        for turn in range(-1, rounds):
            for design in takers:
                loose = ["--any-status"] if name == "reject" and design.name == "plain" else []
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
        say(f"{name}: " + ", ".join(
            f"{design} {numbers['cpu_us']:.1f} us" for design, numbers in results[name].items()))
    return results


def small_with_kept_heap(designs, load, *options):
    """The same for downloads, where no design gives memory back to the kernel between requests: what a design costs by
    itself. The module's worker never does (src/worker.rs); the others do, more or less, as it happens."""
    for design in designs:
        design.restart({"MALLOC_TRIM_THRESHOLD_": str(1 << 28)})
    scenarios = [(f"{name}{KEPT_HEAP}", *rest) for name, *rest in SMALL_SCENARIOS if name.startswith("get")]
    results = small(designs, load, *options, scenarios)
    for design in designs:
        design.restart()
    return results


def large(designs, load, rounds, say):
    """Objects of 1 GiB, one at a time."""
    results = {}
    for name, kind, size in LARGE_SCENARIOS:
        takers = [d for d in designs if not (d.name == "lua" and name in NOT_LUA)]
        samples = {design.name: [] for design in takers}
        for _ in range(rounds):
            for design in takers:
                before = design.cpu()
                run = load.run(design.port, kind, "--size", size, "--requests", 1,
                               "--connections", 1, "--prepared", 1)
                samples[design.name].append({
                    "per_second": run["per_second"],
                    "mib_per_second": run["per_second"] * 1024,
                    "cpu_us": (design.cpu() - before) * 1e6,
                    "resident_kib": design.memory()[0],
                })
        results[name] = summary(samples)
        say(f"{name}: " + ", ".join(
            f"{design} {numbers['mib_per_second']:.0f} MiB/s" for design, numbers in results[name].items()))
    return results


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
        if name != "plain" and "p50_us" in rounds[0]:
            added = [a["p50_us"] - b["p50_us"] for a, b in zip(rounds, samples["plain"])]
            numbers["p50_added_us"] = median(added)
        numbers["rounds"] = rounds
        result[name] = numbers
    return result


def idle(designs, load, connections):
    """The resident set at rest, and with connections that were used once, in KiB."""
    results = {}
    for design in designs:
        design.restart()
        started = design.memory()[0]
        # The first requests bring in code and buffers that stay.
        load.run(design.port, "get-header", "--requests", 2000, "--connections", 4)
        rest = design.memory()[0]
        held = load.idle(design.port, connections)
        results[design.name] = {
            "started": started,
            "rest": rest,
            "held": design.memory()[0],
            "connections": connections,
        }
        held.stdin.close()
        held.wait()
    return results


def uploads(designs, load, count, size, say):
    """Uploads at once, in each mode: the worker's peak in KiB, and throughput."""
    results = {}
    for design in designs:
        if design.name == "lua":
            continue
        results[design.name] = {}
        for kind in UPLOADS if design.name == "module" else ["put-unsigned"]:
            design.restart()
            before = design.cpu()
            run = load.run(design.port, kind, "--size", size, "--requests", count,
                           "--connections", count, "--prepared", count)
            results[design.name][kind] = {
                "peak": design.memory()[1],
                "mib_per_second": run["per_second"] * size / (1 << 20),
                "cpu_us": (design.cpu() - before) * 1e6 / run["requests"],
            }
            say(f"{count} x {size >> 20} MiB, {design.name}, {kind}: peak {design.memory()[1]} KiB")
    return results
