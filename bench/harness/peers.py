"""Other proxies, where they are installed: bench/peers.toml says how each is run."""

import os
import shutil
import signal
import string
import subprocess
import tomllib
from pathlib import Path

from harness.design import KEPT_HEAP
from harness.machine import KEYS, PROXY_CORE, BenchError, free_port, on_core, secret, wait_for
from harness.measure import SMALL, UPLOAD, in_turns, prove

# Kind of request, size. A peer that does not do one is left out of it.
KINDS = [("get-header", SMALL), ("get-presigned", SMALL), ("put-unsigned", UPLOAD)]
CLIENT = "AKIDBENCH0000"


class Peer:
    """A proxy of somebody else's. Its processes are counted together, with all of their threads."""

    def __init__(self, bench, entry):
        self.name, self.kind, self.entry = entry["name"], "peer", entry
        self.setting = None
        self.port = free_port()
        self.dir = bench.work / f"peer-{self.name.replace(' ', '-')}"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        values = {
            "port": self.port,
            "origin_port": bench.load.port,
            "origin": f"127.0.0.1:{bench.load.port}",
            "access_key": CLIENT,
            "secret_key": secret(CLIENT),
            "origin_access_key": "AKIDORIGIN",
            "origin_secret_key": secret("AKIDORIGIN"),
            "module": bench.module,
            "folder": self.dir,
            "config": self.dir / "config",
        }

        def fill(text):
            return string.Template(text).substitute(values)

        (self.dir / "config").write_text(fill(entry.get("config", "")))
        for name, text in entry.get("files", {}).items():
            (self.dir / name).write_text(fill(text))
        self.command = [fill(word) for word in entry["command"]]
        self.environment = {name: fill(value) for name, value in entry.get("environment", {}).items()}
        self.process = None

    def start(self):
        with open(self.dir / "output", "wb") as output:
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=output, cwd=self.dir, env=os.environ | self.environment,
                preexec_fn=on_core(PROXY_CORE), start_new_session=True,
            )
        wait_for(self.port, self.process, seconds=30)

    def processes(self):
        """It and its descendants."""
        found, left = [], [self.process.pid]
        while left:
            pid = left.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                left += [int(child) for child in children.read_text().split()]
        return found

    def cpu(self):
        """Seconds that all of its threads ran, those that have ended too where the kernel counts them for the process."""
        total = 0
        for pid in self.processes():
            for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    total += int(thread.read_text().split()[0])
                except (FileNotFoundError, ProcessLookupError):
                    pass
        return total / 1e9

    def stop(self):
        if self.process and self.process.poll() is None:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                # Its own session: nobody else is in that group.
                os.killpg(self.process.pid, sign)
                try:
                    self.process.wait(timeout=5)
                    break
                except subprocess.TimeoutExpired:
                    pass
        self.process = None


def peers(bench):
    """Rows of the peers that are installed, between plain nginx and the module; those that are not are told."""
    entries = tomllib.loads(bench.peers.read_text())["peer"]
    absent = [entry["name"] for entry in entries if not shutil.which(entry["command"][0])]
    for name in absent:
        bench.say(f"peers: {name} is not installed")
    results = {"rows": {}, "absent": absent, "failed": {}, "facts": {}}
    for entry in entries:
        if entry["name"] in absent:
            continue
        try:
            results["rows"][entry["name"]] = beside(bench, entry)
            results["facts"][entry["name"]] = {key: entry.get(key, False) for key in ("verifies", "resigns")}
        except Exception as error:  # noqa: BLE001
            results["failed"][entry["name"]] = str(error)
            bench.say(f"peers: {entry['name']}: {error}")
    if results["failed"] and not results["rows"]:
        raise BenchError("no peer could be measured")
    return results


def beside(bench, entry):
    """One peer in turns with plain nginx and the module, all of them on the same core."""
    rows = {}
    kinds = [(kind, size) for kind, size in KINDS if kind in entry.get("requests", ["get-header"])]
    with bench.designs("plain", "module", environment=KEPT_HEAP) as designs:
        prove(bench, designs, [kind for kind, _ in kinds])
        peer = Peer(bench, entry)
        try:
            peer.start()
            if entry.get("verifies"):
                # 403, or the run fails.
                bench.load.run(peer.port, "reject", "--requests", 20, "--prepared", 20, "--keys", 1, "--connections", 1)
            if entry.get("resigns"):
                for kind, size in kinds:
                    bench.load.run(peer.port, kind, "--size", size, "--requests", 200, "--prepared", 200, "--keys", 1,
                                   "--connections", 4, "--check")
            for kind, size in kinds:
                def run(design, counts):
                    keys = 1 if design is peer else KEYS
                    return bench.load.run(design.port, kind, "--size", size, "--keys", keys, "--connections", 32,
                                          "--prepared", 1024, "--seconds", bench.window(counts))

                rows[kind] = in_turns(bench, [*designs, peer], bench.rounds(3, 1), run)
                rows[kind]["peer"] = rows[kind].pop(peer.name)
                bench.say_cpu(f"peers: {entry['name']}, {kind}", rows[kind])
        finally:
            peer.stop()
    if not rows:
        raise BenchError(f"none of its requests is one of {', '.join(kind for kind, _ in KINDS)}")
    return rows
