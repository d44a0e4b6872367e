"""The table that is printed and committed."""

from harness.goals import goals
from harness.machine import MODULE


def table(result):
    parts = [head(result)]
    if result["timed"]:
        parts.append(timed(result["timed"]))
    if result["instructions"]:
        parts.append(instructions(result["instructions"]))
        parts.append(lines(result["instructions"]))
    if result["memory"]["idle"]:
        parts.append(memory(result["memory"]))
    parts.append(goal_table(result))
    return "\n".join(parts)


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def header(*cells):
    return row(*cells) + row(*(["---"] + ["---:"] * (len(cells) - 1)))


def head(result):
    machine, floor = result["machine"], result["floor"]
    return (
        f"{machine['processor']}, SHA instructions: {'yes' if machine['sha_ni'] else 'no'}, {machine['nginx']}, "
        f"Linux {machine['kernel']}; worker on core {machine['proxy_core']}, load and origin on core "
        f"{machine['load_core']}; load average {machine['load_average']:.1f} at the beginning, "
        f"{machine['load_average_after']:.1f} at the end{', quick' if result['quick'] else ''}.\n\n"
        f"Floor (hashing alone): {floor['get_ns'] / 1000:.2f} us a GET, and {floor['signed_64k_ns'] / 1000:.1f} us for "
        "64 KiB in a signed chunk.\n"
    )


def number(value, form):
    return "" if value is None else format(value, form)


def timed(results):
    text = header("scenario", "design", "requests/s", "CPU us", "CPU / plain", "page faults", "CPU us at the fixed rate",
                  "/ plain", "requests/s / Lua", "p50 us", "p99 us", "RSS MiB", "signing us", "load CPU us")
    for scenario, designs in results.items():
        for design, n in designs.items():
            text += row(
                scenario, design, f"{n['per_second']:,.1f}", f"{n['cpu_us']:,.1f}",
                number(n.get("cpu_us_over_plain"), ".3f"), number(n.get("page_faults"), ".1f"),
                number(n.get("paced_cpu_us"), ".1f"), number(n.get("paced_cpu_us_over_plain"), ".3f"),
                number(n.get("per_second_over_lua"), ".2f"),
                number(n.get("p50_us"), ".1f"), number(n.get("p99_us"), ".0f"),
                f"{n['resident_kib'] / 1024:.1f}",
                number(n.get("sign_us"), ".1f"), number(n.get("load_cpu_us"), ".1f"),
            )
    return text


def instructions(results):
    text = header("scenario", "design", "user instructions", "added", "SHA-256 compression (portable code)")
    for scenario, designs in results.items():
        for design, n in designs.items():
            added = n["other"] - designs["plain"]["other"]
            # Debian's libcrypto has no symbols for its inner functions, so Lua's hashing cannot be told apart.
            hashing = "in the number before" if design == "lua" else f"{n['compression']:,.0f}"
            text += row(scenario, design, f"{n['other']:,.0f}", f"{added:,.0f}", hashing)
    return text


def lines(results):
    text = header("scenario", "design", "lines of code", "pages", "lines of its module", "pages of its module")
    for scenario, designs in results.items():
        for design, n in designs.items():
            # The Lua design's is all of LuaJIT and what it has compiled, which callgrind knows no file of.
            code = n.get("code", {})
            own = code.get(MODULE) if design == "module" else None
            text += row(
                scenario, design, *(f"{sum(found[what] for found in code.values()):,}" for what in ("lines", "pages")),
                *(f"{own[what]:,}" if own else "" for what in ("lines", "pages")),
            )
    return text


def memory(results):
    text = header("resident set, MiB", "plain", "module", "lua")

    def line(what, values):
        nonlocal text
        cells = (values.get(name) for name in ("plain", "module", "lua"))
        text += row(what, *("" if value is None else f"{value / 1024:.1f}" for value in cells))

    idle = results["idle"]
    line("fresh worker", {name: n["started"] for name, n in idle.items()})
    line("at rest after 2000 requests", {name: n["rest"] for name, n in idle.items()})
    count = next(iter(idle.values()))["connections"]
    line(f"{count} idle connections", {name: n["held"] for name, n in idle.items()})
    for key, what in (("uploads", "200 uploads of {}"), ("one_upload", "an upload of {}")):
        size = results.get(f"{key}_size", 0) >> 20
        kinds = {kind for design in results[key].values() for kind in design}
        for kind in sorted(kinds):
            values = {name: n[kind]["peak"] for name, n in results[key].items() if kind in n}
            line(f"{what.format(f'{size} MiB')}, {kind}: peak", values)
    return text


def goal_table(result):
    text = header("goal", "measured", "bound", "met")
    for what, value, bound, met in goals(result):
        text += row(what, value, bound, "yes" if met else "**no**")
    return text
