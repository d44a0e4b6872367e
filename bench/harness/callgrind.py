"""Counts instructions: the same work gives the same count, whatever else the machine does.

valgrind's processor has no SHA instructions, so hashing runs in portable code there and is counted apart."""

import re
import signal
import socket
import subprocess
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from harness.machine import BenchError

# The compression function: of sha2, where it may stand by itself or in a function of `sigv4::canonical::sha256`, and of OpenSSL (for Lua).
COMPRESSION = re.compile(r"sha2::sha256::.*compress|sha2::sha256::soft|sha256::(compress|add)\b|sha256_block_data_order")


def options(out):
    return [
        "valgrind",
        "--tool=callgrind",
        f"--callgrind-out-file={out}",
        "--compress-strings=no",
        "--compress-pos=no",
        "--dump-instr=yes",
        "--quiet",
    ]


def functions(path):
    """Instructions of each function itself, without those it calls."""
    counts = Counter()
    name, skip = None, False
    with open(path) as lines:
        for line in lines:
            if line.startswith("fn="):
                name = line[3:].strip()
            elif line.startswith("calls="):
                # The next line is what the call cost, which the called function has already.
                skip = True
            elif line[:1].isdigit() or line[:1] in "+-*":
                if not skip:
                    counts[name] += int(line.split()[-1])
                skip = False
    return counts


def difference(many, few, calls):
    """Per call: instructions without compression, those of compression, and the functions."""
    each = {name: (many[name] - few.get(name, 0)) / calls for name in many}
    hashing = sum(count for name, count in each.items() if COMPRESSION.search(name))
    return sum(each.values()) - hashing, hashing, each


def of_program(command, few=200, many=600):
    """What one call of `command COUNT` costs."""
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (few, many):
            out = Path(folder) / str(count)
            subprocess.run([*options(out), *command, str(count)], check=True)
            counts.append(functions(out))
    return difference(counts[1], counts[0], many - few)


def finish(design):
    """Has nginx end by itself, so that callgrind writes what it counted. A signal that comes just before nginx waits for events
    is seen at the next one only, which is made here."""
    design.process.send_signal(signal.SIGQUIT)
    for _ in range(30):
        try:
            design.process.wait(timeout=2)
            break
        except subprocess.TimeoutExpired:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", design.port), timeout=1).close()
    else:
        raise BenchError(f"{design.name} does not end")
    design.process = None


FEW, MANY = 100, 400


def run_of_design(design, scenario, requests):
    """Where what callgrind has counted in a worker that served so many requests stands."""
    return design.dir / f"callgrind.{scenario}.{requests}"


def of_design(design, load, scenario, size):
    """What one request costs the worker. What it was counted from stays, for `lines`."""
    counts = []
    for requests in (FEW, MANY):
        out = run_of_design(design, scenario, requests)
        design.start(options(out), "master_process off;")
        load.run(
            design.port, scenario, "--size", size, "--requests", requests, "--connections", 1,
            "--prepared", requests, "--any-status",
        )
        finish(design)
        counts.append(functions(out))
    return difference(counts[1], counts[0], MANY - FEW)
