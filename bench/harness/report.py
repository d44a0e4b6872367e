"""The table that is printed and committed."""

from harness.goals import goals
from harness.machine import MODULE
from harness.report_more import cold, connections, keys, origins, peers, slow_readers, tls, workers
from harness.table import header, number, row


def table(parts):
    """All parts that were ever run, each with its date."""
    text = ""
    for name, (title, shown) in SHOWN.items():
        if name in parts:
            text += f"## {title}\n\n{head(parts[name])}\n{shown(parts[name]['data'])}\n"
    return text + "## Goals\n\n" + goal_table(parts)


def head(part):
    machine = part["machine"]
    return (
        f"{part['date']}{', quick' if part['quick'] else ''}: {machine['processor']}, SHA instructions: "
        f"{'yes' if machine['sha_ni'] else 'no'}, {machine['nginx']}, Linux {machine['kernel']}; worker on core "
        f"{machine['proxy_core']}, load and origin on core {machine['load_core']}; load average "
        f"{machine['load_average']:.1f} at the beginning, {machine['load_average_after']:.1f} at the end.\n"
    )


def small(data):
    floor = data["floor"]
    return (
        f"Floor (hashing alone): {floor['get_ns'] / 1000:.2f} us a GET, and {floor['signed_64k_ns'] / 1000:.1f} us for "
        "64 KiB in a signed chunk.\n\n" + timed(data)
    )


def timed(data):
    text = header("scenario", "design", "requests/s", "CPU us", "CPU / plain", "page faults", "CPU us at the fixed rate",
                  "/ plain", "requests/s / Lua", "p50 us", "p99 us", "RSS MiB", "signing us", "load CPU us")
    for scenario, designs in data["timed"].items():
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


def instructions(data):
    text = header("scenario", "design", "user instructions", "added", "SHA-256 compression (portable code)")
    for scenario, designs in data.items():
        for design, n in designs.items():
            added = n["other"] - designs["plain"]["other"]
            # Debian's libcrypto has no symbols for its inner functions, so Lua's hashing cannot be told apart.
            hashing = "in the number before" if design == "lua" else f"{n['compression']:,.0f}"
            text += row(scenario, design, f"{n['other']:,.0f}", f"{added:,.0f}", hashing)
    return f"{text}\n{lines(data)}"


def lines(data):
    text = header("scenario", "design", "lines of code", "pages", "lines of its module", "pages of its module")
    for scenario, designs in data.items():
        for design, n in designs.items():
            # The Lua design's is all of LuaJIT and what it has compiled, which callgrind knows no file of.
            code = n.get("code", {})
            own = code.get(MODULE) if design == "module" else None
            text += row(
                scenario, design, *(f"{sum(found[what] for found in code.values()):,}" for what in ("lines", "pages")),
                *(f"{own[what]:,}" if own else "" for what in ("lines", "pages")),
            )
    return text


def memory(data):
    text = header("resident set, MiB", "plain", "module", "lua")

    def line(what, values):
        nonlocal text
        cells = (values.get(name) for name in ("plain", "module", "lua"))
        text += row(what, *("" if value is None else f"{value / 1024:.1f}" for value in cells))

    idle = data["idle"]
    line("fresh worker", {name: n["started"] for name, n in idle.items()})
    line("at rest after 2000 requests", {name: n["rest"] for name, n in idle.items()})
    count = next(iter(idle.values()))["connections"]
    line(f"{count} idle connections", {name: n["held"] for name, n in idle.items()})
    for key, what in (("uploads", "200 uploads of {}"), ("one_upload", "an upload of {}")):
        size = data.get(f"{key}_size", 0) >> 20
        kinds = {kind for design in data[key].values() for kind in design}
        for kind in sorted(kinds):
            values = {name: n[kind]["peak"] for name, n in data[key].items() if kind in n}
            line(f"{what.format(f'{size} MiB')}, {kind}: peak", values)
    return text


def goal_table(parts):
    text = header("goal", "measured", "bound", "met")
    for what, value, bound, met in goals(parts):
        text += row(what, value, bound, "yes" if met else "**no**")
    return text


# In this order: title, and what shows the data.
SHOWN = {
    "small": ("Small requests", small),
    "cold": ("Cold: 2,000 requests/s", cold),
    "large": ("1 GiB", timed),
    "tls": ("TLS, HTTP/2 and the cache", tls),
    "scale-workers": ("Workers", workers),
    "scale-keys": ("Client keys", keys),
    "scale-origins": ("Origins", origins),
    "scale-connections": ("Connections", connections),
    "scale-slow-readers": ("Slow readers", slow_readers),
    "memory": ("Memory", memory),
    "peers": ("Beside others", peers),
    "instructions": ("Instructions", instructions),
}
