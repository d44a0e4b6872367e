#!/usr/bin/env python3
"""Uploads bodies of critical sizes with one real S3 client to several endpoints, reads them back and compares.

    run.py --access-key K --secret-key S|env:NAME [--region R] [--bucket B] [--ca FILE] [--stream NAME] [--root DIR]
        CLIENT NAME=URL ...

TAP: for each endpoint one line for each size (0, 1, 8191, 8192, 8193, 100000 bytes), one for three parts of 5 MiB and
less, for the endpoint that --stream names one for 100 MiB whose length the client does not know beforehand, and one for
each of what else the client does. The names of objects are CLIENT/NAME/CONTENT, which leads from a line of a log back to
here. With --root, the directory of the origin's buckets, objects are compared there too, past the proxy.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, "../../../.work/clients/venv")
if os.path.realpath(sys.prefix) != os.path.realpath(VENV) and os.path.exists(VENV + "/bin/python"):
    os.execv(VENV + "/bin/python", [VENV + "/bin/python"] + sys.argv)
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from drivers import Failure, Target  # noqa: E402

PART = 5 << 20
# 100000: longer than most chunks, shorter than a part.
SIZES = {"0": 0, "1": 1, "8191": 8191, "8192": 8192, "8193": 8193, "100000": 100000, "parts": 2 * PART + 1}
BLOCK = 1 << 20
BLOCKS = 100


class Run:
    def __init__(self, args, scratch):
        self.args = args
        self.scratch = scratch
        self.number = 0
        self.failed = 0
        self.up = os.path.join(scratch, "up")
        os.mkdir(self.up)
        source = random.Random(args.client)
        self.sums = {}
        for name, size in SIZES.items():
            data = source.randbytes(size)
            self.sums[name] = hashlib.sha256(data).hexdigest()
            with open(os.path.join(self.up, name), "wb") as file:
                file.write(data)
        self.block = source.randbytes(BLOCK)

    def endpoint(self, name, url):
        target = Target(
            endpoint=url,
            access_key=self.args.access_key,
            secret_key=self.args.secret_key,
            region=self.args.region,
            bucket=self.args.bucket,
            ca=self.args.ca if url.startswith("https:") else None,
            work=self.directory(f"{name}-own"),
        )
        sender = senders()[self.args.client](target, f"{self.args.client}/{name}")
        down = self.directory(f"{name}-down")
        names = [size for size in SIZES if size not in sender.cannot]
        problem = attempt(lambda: sender.put(self.up, names)) or attempt(lambda: sender.get(names, down))
        for size, wanted in self.sums.items():
            label = "2 * 5 MiB + 1 in parts" if size == "parts" else f"{size} bytes"
            if size in sender.cannot:
                self.line(True, f"{name}: {label} # SKIP {sender.cannot[size]}")
                continue
            self.report(f"{name}: {label}", self.differs(sender, down, size, wanted, problem), sender)
            # The reason once, not for each size.
            problem = problem and "see above"
        if name == self.args.stream:
            self.stream(name, sender, down)
        for operation in sender.operations:
            self.report(f"{name}: {operation}", attempt(lambda: sender.operate(operation)), sender)

    def differs(self, sender, down, name, wanted, problem):
        """What is wrong with an object of that checksum, as it came back and as the origin has it; or nothing."""
        found = checksum(os.path.join(down, name))
        if found != wanted:
            return problem or f"{found} came back, {wanted} was sent"
        if not self.args.root or sender.objects_are_own:
            return ""
        found = checksum(os.path.join(self.args.root, self.args.bucket, sender.prefix, name))
        return "" if found == wanted else f"the origin has {found}, {wanted} was sent"

    def stream(self, name, sender, down):
        label = f"{name}: {BLOCKS} MiB of unknown length"
        if "stream" in sender.cannot:
            return self.line(True, f"{label} # SKIP {sender.cannot['stream']}")
        pipe = Pipe(self.block)
        problem = attempt(lambda: sender.stream(pipe.reader))
        wanted = pipe.end()
        problem = problem or attempt(lambda: sender.get(["stream"], down))
        return self.report(label, self.differs(sender, down, "stream", wanted, problem), sender)

    def directory(self, name):
        path = os.path.join(self.scratch, name)
        os.mkdir(path)
        return path

    def report(self, label, problem, sender):
        self.line(not problem, label)
        if problem:
            for text in [f"last command: {sender.last}", *problem[:4000].splitlines()]:
                print(f"# {text[:600]}", flush=True)

    def line(self, good, label):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {self.args.client}, {label}", flush=True)


class Pipe:
    """The reading end of a pipe: no length, no seeking. A thread writes blocks, each with its number in front."""

    def __init__(self, block):
        self.sum = hashlib.sha256()
        reader, writer = os.pipe()
        self.reader = os.fdopen(reader, "rb")
        self.thread = threading.Thread(target=self.write, args=(block, writer), daemon=True)
        self.thread.start()

    def write(self, block, writer):
        with os.fdopen(writer, "wb") as out:
            for number in range(BLOCKS):
                data = number.to_bytes(8) + block[8:]
                self.sum.update(data)
                try:
                    out.write(data)
                except BrokenPipeError:
                    return

    def end(self):
        self.reader.close()
        self.thread.join()
        return self.sum.hexdigest()


def attempt(action):
    """What went wrong, or nothing."""
    try:
        action()
    except Failure as failure:
        return str(failure) or "failed"
    return ""


def checksum(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "no file"


def senders():
    import commands
    import sdks

    return {**commands.SENDERS, **sdks.SENDERS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("client")
    parser.add_argument("endpoints", nargs="+")
    parser.add_argument("--ca")
    parser.add_argument("--access-key", required=True)
    parser.add_argument("--secret-key", required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--bucket", default="demo")
    parser.add_argument("--stream", default="")
    parser.add_argument("--root", type=os.path.abspath)
    args = parser.parse_args()
    if args.secret_key.startswith("env:"):
        args.secret_key = os.environ[args.secret_key[4:]]
    if args.ca:
        args.ca = os.path.abspath(args.ca)

    sys.stdout.reconfigure(encoding="utf-8")
    # A signal, too, has to remove the scratch directory.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scratch = tempfile.mkdtemp(prefix="s3-sender-")
    try:
        run = Run(args, scratch)
        for endpoint in args.endpoints:
            run.endpoint(*endpoint.split("=", 1))
        print(f"1..{run.number}", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
