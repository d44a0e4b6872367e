"""Counts the cache lines and pages of code that a request runs through.

A worker that does not have its hands full finds its caches cold at each request, and then each line of code costs, however many of
its instructions run. Counted are the lines with instructions that ran once or more in each request, so that what is
deterministic stays so: nginx's start and timers do not count."""

from collections import Counter
from pathlib import Path

from harness.callgrind import COMPRESSION, FEW, MANY, run_of_design

LINE, PAGE = 64, 4096
# An instruction that runs in nine of ten requests is one that runs in each: connections end now and then.
OFTEN = 0.9


def executed(path):
    """How often each instruction ran, by object, function and address."""
    counts = Counter()
    object_name, name, skip = "", "", False
    with open(path) as lines:
        for line in lines:
            if line.startswith("ob="):
                object_name = line[3:].strip()
            elif line.startswith("fn="):
                name = line[3:].strip()
            elif line.startswith("calls="):
                # The next line is what the call cost.
                skip = True
            elif line.startswith("0x"):
                if not skip:
                    address, _, count = line.split()
                    counts[object_name, name, int(address, 16)] += int(count)
                skip = False
    return counts


def of_design(design, scenario):
    """Lines and pages that a request runs through, of each object, and the lines of each function of each object; without
    compression. From what `callgrind.of_design` has left."""
    many, few = (executed(run_of_design(design, scenario, requests)) for requests in (MANY, FEW))
    lines, pages, functions = {}, {}, {}
    for place, count in many.items():
        object_name, name, address = place
        if count - few.get(place, 0) < OFTEN * (MANY - FEW) or COMPRESSION.search(name):
            continue
        file = Path(object_name).name
        lines.setdefault(file, set()).add(address // LINE)
        pages.setdefault(file, set()).add(address // PAGE)
        functions.setdefault((file, name), set()).add(address // LINE)
    objects = {file: {"lines": len(lines[file]), "pages": len(pages[file])} for file in lines}
    by_function = Counter({place: len(found) for place, found in functions.items()})
    return objects, by_function.most_common()
