"""The goals, each a ratio or a difference within one run."""

from harness.machine import MODULE


def goals(parts):
    """Rows of (what, measured, bound, whether it is met)."""

    def data(part):
        return parts.get(part, {}).get("data", {})

    timed = data("small").get("timed", {}) | data("large").get("timed", {})
    counted, memory = data("instructions"), data("memory")
    rows = []

    def at_most(what, value, bound, unit=""):
        if value is not None:
            rows.append((what, f"{value:.3g}{unit}", f"<= {bound}{unit}", value <= bound))

    def at_least(what, value, bound, unit=""):
        if value is not None:
            rows.append((what, f"{value:.3g}{unit}", f">= {bound}{unit}", value >= bound))

    def ratio(scenario, metric, over="plain"):
        return timed.get(scenario, {}).get("module", {}).get(f"{metric}_over_{over}")

    def p50(scenario, design):
        return timed.get(scenario, {}).get(design, {}).get("p50_us")

    for scenario in ("get-header", "get-presigned"):
        # What the design costs by itself: as it is run, plain nginx pays for its heap anew in each request.
        at_most(f"{scenario}, heap kept: CPU a request, over plain", ratio(f"{scenario}, heap kept", "cpu_us"), 1.12)
        counts = counted.get(scenario, {})
        if {"plain", "module"} <= counts.keys():
            added = counts["module"]["other"] - counts["plain"]["other"]
            rows.append((f"{scenario}: user instructions added, without SHA-256 compression",
                         f"{added:,.0f}", "<= 7,000", added <= 7000))
        code = counts.get("module", {}).get("code", {}).get(MODULE)
        if code:
            for what, bound in (("lines", 500), ("pages", 15)):
                rows.append((f"{scenario}: {what} of the module's code", f"{code[what]:,}", f"<= {bound}", code[what] <= bound))
        at_least(f"{scenario}: requests/s, over Lua", ratio(scenario, "per_second", "lua"), 1.7)
        if p50(scenario, "plain") and p50(scenario, "module"):
            at_most(f"{scenario}: p50 added", timed[scenario]["module"]["p50_added_us"], 5, " us")
    at_most("reject: CPU a request, over a plain proxied one", ratio("reject", "cpu_us"), 1)
    at_least("get-1g: throughput, over plain", ratio("get-1g", "per_second"), 0.99)
    for scenario in ("put-hex", "put-unsigned", "put-unsigned-trailer"):
        at_most(f"{scenario}: CPU a request, over plain", ratio(scenario, "cpu_us"), 1.1)
    # Each byte is hashed once, which is more than all that plain does: the second row is about the rest.
    hashing = data("small").get("floor", {}).get("signed_64k_ns")
    for scenario in ("put-signed", "put-signed-trailer"):
        at_most(f"{scenario}: CPU a request, over plain", ratio(scenario, "cpu_us"), 1.5)
        designs = timed.get(scenario, {})
        if hashing and {"plain", "module"} <= designs.keys():
            floor = designs["plain"]["cpu_us"] + hashing / 1000
            at_most(f"{scenario}: CPU a request, over plain and the hashing", designs["module"]["cpu_us"] / floor, 1.15)
    if {"plain", "module"} <= memory.get("idle", {}).keys():
        plain, module = memory["idle"]["plain"], memory["idle"]["module"]
        at_most("worker at rest: resident set over plain", (module["rest"] - plain["rest"]) / 1024, 2, " MiB")
        each = (module["held"] - module["rest"] - plain["held"] + plain["rest"]) * 1024 / module["connections"]
        at_most("idle connection: resident set over plain", each, 1024, " B")
    # bench/README.md, "Memory", has the reason for these two.
    for kind, n in memory.get("uploads", {}).get("module", {}).items():
        at_most(f"200 uploads at once, {kind}: peak", n["peak"] / 1024, 40 if "signed" in kind.split("-") else 24, " MiB")
    for kind, n in memory.get("one_upload", {}).get("module", {}).items():
        at_most(f"one large upload, {kind}: peak", n["peak"] / 1024, 16, " MiB")
    return rows
