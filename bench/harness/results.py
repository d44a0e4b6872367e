"""Results that last: a part that is run replaces its own last results, and no others."""

import json
import os
import time

from harness.machine import facts


def read(path):
    return json.loads(path.read_text())["parts"] if path.exists() else {}


def write(path, parts):
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"parts": parts}, indent=2) + "\n")
    new.rename(path)


def measured(bench, measure):
    """What a part has measured, with what is to be known of it."""
    machine, began = facts(), time.monotonic()
    with bench.origin():
        data = measure(bench)
    machine["load_average_after"] = os.getloadavg()[0]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "quick": bench.quick,
        "machine": machine,
        "seconds": time.monotonic() - began,
        "data": data,
    }
