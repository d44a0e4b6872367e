"""Processes of the benchmark: where they run, and what the kernel says that they used."""

import json
import os
import platform
import random
import resource
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# The proxy's worker has a core of its own; load generator and origin share the other one.
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE = CORES[0]
LOAD_CORE = CORES[-1]
KEYS = 64
MODULE = "ngx_http_s3_signature_module.so"
# Beyond this a run of the load generator hangs.
LONGEST_RUN = 600


class BenchError(Exception):
    """What cannot be measured, and why: the other parts go on."""


def secret(access_key):
    """The secret of a key; bench/load has the same rule."""
    return f"wJalrXUtnFEMI/K7MDENG/{access_key}"


def free_port():
    """Below those that the kernel gives to clients: one of ten thousand connections may otherwise have it when nginx starts anew."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10000, 30000), 100):
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port if port < lowest else 0))
            return s.getsockname()[1]
    raise BenchError("no port is free")


def wait_for(port, process, seconds=60):
    """Seconds until something listens there."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if process.poll() is not None:
            raise BenchError(f"{' '.join(map(str, process.args))} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return time.monotonic() - began
        except OSError:
            time.sleep(0.005)
    raise BenchError(f"nothing listens at {port}: {' '.join(map(str, process.args))}")


def load_binary():
    """The load generator's program."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "bench-load"], cwd=ROOT, check=True)
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release/bench-load"


def on_core(*cores):
    """Runs in the child: pins it, and lets it open many files."""

    def prepare():
        os.sched_setaffinity(0, cores)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return prepare


def awake(binary):
    """Keeps the proxy's core from halting, by a process that runs only when nothing else wants to."""

    def prepare():
        os.sched_setaffinity(0, {PROXY_CORE})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    return subprocess.Popen([binary, "spin"], preexec_fn=prepare)


def facts():
    """What the numbers depend on."""
    info = Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip()
    return {
        "processor": fields.get("model name", platform.machine()),
        "sha_ni": "sha_ni" in fields.get("flags", ""),
        "cores": os.cpu_count(),
        "proxy_core": PROXY_CORE,
        "load_core": LOAD_CORE,
        "kernel": platform.release(),
        "nginx": nginx.removeprefix("nginx version: "),
        "load_average": os.getloadavg()[0],
    }


def certificate(folder):
    """A certificate of this machine's own, for both ends, and its key: ECDSA P-256, as most have it now."""
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
         "-subj", "/CN=bench", "-addext", "basicConstraints=critical,CA:FALSE",
         "-addext", f"subjectAltName=IP:127.0.0.1,DNS:{ORIGIN_NAME}", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )
    return files


# What the origin goes by where it has TLS: nginx compares names, not addresses, with certificates.
ORIGIN_NAME = "origin.bench.test"


class Load:
    """The load generator and its origin."""

    def __init__(self, binary, certificates, addresses=1):
        self.binary = str(binary)
        self.certificate, self.key = certificates
        self.port, self.https = free_port(), free_port()
        self.origin = subprocess.Popen(
            [self.binary, "origin", "--listen", f"127.0.0.1:{self.port}", "--addresses", str(addresses),
             "--https", f"127.0.0.1:{self.https}", "--certificate", self.certificate, "--private-key", self.key],
            stdout=subprocess.DEVNULL,
            preexec_fn=on_core(LOAD_CORE),
        )
        wait_for(self.port, self.origin)

    def run(self, port, scenario, *options, tls=False):
        """Result of one run, with what the generator itself used a request."""
        command = [self.binary, "run", "--to", f"127.0.0.1:{port}", "--scenario", scenario]
        command += [str(option) for option in options]
        if tls:
            command += ["--ca", str(self.certificate)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, preexec_fn=on_core(LOAD_CORE), timeout=LONGEST_RUN)
        except subprocess.TimeoutExpired:
            raise BenchError(f"no end after {LONGEST_RUN} s: {' '.join(command)}") from None
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)} failed")
        result = json.loads(done.stdout)
        if result["unexpected"]:
            raise BenchError(f"{result['unexpected']} unexpected answers: {' '.join(command)}")
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        result["load_cpu_us"] = used * 1e6 / max(1, result["requests"])
        return result

    def urls(self, path, port, scheme, *options):
        """Writes presigned URLs, one a line."""
        command = [self.binary, "urls", "--to", f"127.0.0.1:{port}", "--scheme", scheme, "--scenario", "get-presigned"]
        with open(path, "w") as out:
            subprocess.run([*command, *map(str, options)], stdout=out, check=True)

    def handshakes(self):
        """How many TLS handshakes the origin has had, full and resumed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
            s.sendall(b"GET /handshakes HTTP/1.1\r\n\r\n")
            answer = b""
            while b"}" not in answer:
                more = s.recv(4096)
                if not more:
                    raise BenchError("the origin does not say how many handshakes it had")
                answer += more
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def held(self, command, port, *options):
        """Connections that the generator opens and holds, idle or slow; end them with `release`."""
        process = subprocess.Popen(
            [self.binary, command, "--to", f"127.0.0.1:{port}", "--scenario", "get-header", *map(str, options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=on_core(LOAD_CORE),
        )
        if process.stdout.readline() != b"ready\n":
            process.kill()
            process.wait()
            raise BenchError(f"connections could not be opened: {' '.join(process.args)}")
        return process

    def release(self, process):
        process.stdin.close()
        if process.wait(timeout=60) != 0:
            raise BenchError(f"a connection broke: {' '.join(process.args)}")

    def stop(self):
        self.origin.terminate()
        self.origin.wait()
