"""Tables of the parts that compare the module with plain nginx alone, or with others."""

from harness.table import header, number, row


def cold(data):
    text = header("request", "plain, CPU us", "module, CPU us", "added, us: median", "quartiles", "plain again, us: median",
                  "quartiles", "module / plain", "windows")
    for kind, n in data.items():
        cpu, added, control, over = n["cpu_us"], n["added"], n["control"], n["over_plain"]
        text += row(
            kind, f"{cpu['plain']:.1f}", f"{cpu['module']:.1f}", f"{added['median']:+.1f}", quartiles(added),
            f"{control['median']:+.1f}", quartiles(control), f"{over['median']:.2f}", len(n["windows"]["plain"]),
        )
    return text


def quartiles(spread):
    return f"{spread['low']:+.1f} to {spread['high']:+.1f}"


def tls(data):
    text = header("scenario", "plain, CPU us", "module, CPU us", "CPU / plain", "plain, requests/s", "module, requests/s",
                  "handshakes a request with the origin: full", "resumed")
    for name, n in data["rows"].items():
        module = n["module"]
        text += row(
            name, f"{n['plain']['cpu_us']:.1f}", f"{module['cpu_us']:.1f}", f"{module['cpu_us_over_plain']:.3f}",
            f"{n['plain']['per_second']:,.0f}", f"{module['per_second']:,.0f}",
            number(module.get("origin_full"), ".2f"), number(module.get("origin_resumed"), ".2f"),
        )
    text += f"\nkTLS: {data['ktls']}.\n"
    return text + "".join(f"Failed: {name}: {why}\n" for name, why in data["failed"].items())


def workers(data):
    text = header("workers", "design", "requests/s", "CPU us", "CPU / plain")
    for count, designs in data.items():
        for design, n in designs.items():
            text += row(count, design, f"{n['per_second']:,.0f}", f"{n['cpu_us']:.1f}",
                        number(n.get("cpu_us_over_plain"), ".3f"))
    return text


def keys(data):
    text = header("clients file", "start, s", "worker at start, MiB", "CPU us", "CPU / plain",
                  "longest wait while the file is read anew, ms")
    for name, n in data.items():
        waited = n.get("reread_max_us")
        text += row(name, f"{n['start_seconds']:.2f}", f"{n['started_kib'] / 1024:.1f}", f"{n['cpu_us']:.1f}",
                    number(n.get("cpu_us_over_plain"), ".3f"), number(waited and waited / 1000, ".1f"))
    return text


def origins(data):
    text = header("origins", "start, s", "worker, MiB", "CPU us, asking included", "CPU at rest, % of a core")
    for name, n in data.items():
        text += row(name, f"{n['start_seconds']:.2f}", f"{n['resident_kib'] / 1024:.1f}", f"{n['cpu_us']:.1f}",
                    f"{n['core_at_rest'] * 100:.1f}")
    return text


def connections(data):
    text = header("10,000 connections, 2,000 requests/s", "bytes each", "CPU us", "with 16", "p50 us", "with 16", "p99 us", "with 16")
    for design, n in data.items():
        text += row(design, f"{n['bytes_each']:,.0f}", *beside(n["many"], n["few"]))
    return text


def slow_readers(data):
    text = header("1,000 slow readers, 2,000 requests/s of others", "KiB each", "CPU us", "alone", "p50 us", "alone", "p99 us", "alone")
    for design, n in data.items():
        text += row(design, f"{n['kib_each']:,.0f}", *beside(n["beside"], n["alone"]))
    return text


def beside(one, other):
    """Cells of the same numbers in two runs."""
    for key, form in (("cpu_us", ".1f"), ("p50_us", ".0f"), ("p99_us", ".0f")):
        yield format(one[key], form)
        yield format(other[key], form)


def peers(data):
    text = header("proxy", "request", "verifies", "signs for the origin", "CPU us", "plain", "module", "requests/s", "plain", "module")
    for name, kinds in data["rows"].items():
        facts = data["facts"][name]
        for kind, n in kinds.items():
            text += row(
                name, kind, "yes" if facts["verifies"] else "no", "yes" if facts["resigns"] else "no",
                *(f"{n[who]['cpu_us']:.1f}" for who in ("peer", "plain", "module")),
                *(f"{n[who]['per_second']:,.0f}" for who in ("peer", "plain", "module")),
            )
    text += f"\nNot installed: {', '.join(data['absent']) or 'none'}.\n"
    return text + "".join(f"Failed: {name}: {why}\n" for name, why in data["failed"].items())
