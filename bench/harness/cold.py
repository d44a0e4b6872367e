"""A request that finds its caches cold: a proxy that has as little to do as most have.

A processor that has nothing to do halts, and on a virtual machine its caches are somebody else's meanwhile. That is the machine's and
not the design's, so the proxy's core is kept from halting. A difference of a few microseconds is less than what two windows of one
and the same design differ by: windows of a second alternate, differences are taken within a round, and a second instance of plain nginx says
how much of it is nothing."""

from statistics import median, quantiles

from harness.design import KEPT_HEAP, Setting
from harness.machine import awake
from harness.measure import SMALL, prove

RATE = 2000
KINDS = ["get-header", "get-presigned"]
CONTROL = "plain again"


def cold(bench):
    """For each kind of request, CPU a request in each window of each design, in us."""
    results = {}
    wanted = [("plain", "plain", Setting()), ("module", "module", Setting()), (CONTROL, "plain", Setting())]
    with bench.designs(*wanted, environment=KEPT_HEAP) as designs:
        prove(bench, designs, KINDS)
        spinner = awake(bench.binary)
        try:
            for kind in KINDS:
                windows = {design.name: [] for design in designs}
                for turn in range(-1, bench.rounds(12, 4)):
                    # Another one begins each time, so that nothing is always behind the same neighbour.
                    for number in range(len(designs)):
                        design = designs[(turn + number) % len(designs)]
                        before = design.cpu()
                        run = bench.load.run(design.port, kind, "--size", SMALL, "--connections", 16, "--rate", RATE,
                                             "--seconds", 0.5 if turn < 0 or bench.quick else 1.0)
                        if turn >= 0:
                            windows[design.name].append((design.cpu() - before) * 1e6 / run["requests"])
                results[kind] = compared(windows)
                added, nothing = results[kind]["added"], results[kind]["control"]
                bench.say(f"cold, {kind}: {added['median']:+.1f} us, control {nothing['median']:+.1f} us")
        finally:
            spinner.kill()
            spinner.wait()
    return results


def compared(windows):
    plain = windows["plain"]
    return {
        "windows": windows,
        "cpu_us": {name: median(values) for name, values in windows.items()},
        "added": spread([a - b for a, b in zip(windows["module"], plain)]),
        "control": spread([a - b for a, b in zip(windows[CONTROL], plain)]),
        "over_plain": spread([a / b for a, b in zip(windows["module"], plain)]),
    }


def spread(values):
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return {"low": low, "median": middle, "high": high}
