"""Processes of the benchmark: where they run, and what the kernel says that they used."""

import json
import os
import resource
import shutil
import signal
import socket
import string
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# The proxy's worker has a core of its own; load generator and origin share the other one.
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE = CORES[0]
LOAD_CORE = CORES[-1]
KEYS = 64
MODULE = "ngx_http_s3_signature_module.so"


def secret(access_key):
    """The secret of a key; bench/load has the same rule."""
    return f"wJalrXUtnFEMI/K7MDENG/{access_key}"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process):
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"bench: {process.args} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"bench: nothing listens at {port}")


def on_core(core):
    """Runs in the child: pins it, and lets it open many files."""

    def prepare():
        os.sched_setaffinity(0, {core})
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return prepare


class Load:
    """The load generator and its origin."""

    def __init__(self, binary):
        self.binary = str(binary)
        self.port = free_port()
        self.origin = subprocess.Popen(
            [self.binary, "origin", "--listen", f"127.0.0.1:{self.port}"],
            stdout=subprocess.DEVNULL,
            preexec_fn=on_core(LOAD_CORE),
        )
        wait_for(self.port, self.origin)

    def run(self, port, scenario, *options):
        """Result of one run, with what the generator itself used a request."""
        command = [self.binary, "run", "--to", f"127.0.0.1:{port}", "--scenario", scenario]
        command += [str(option) for option in options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=on_core(LOAD_CORE))
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"bench: {' '.join(command)} failed")
        result = json.loads(output)
        if result["unexpected"]:
            raise SystemExit(f"bench: {result['unexpected']} unexpected answers: {' '.join(command)}")
        result["load_cpu_us"] = (used.ru_utime + used.ru_stime) * 1e6 / max(1, result["requests"])
        return result

    def idle(self, port, connections):
        """Opens connections and holds them; end it with its `stdin.close()`."""
        process = subprocess.Popen(
            [self.binary, "idle", "--to", f"127.0.0.1:{port}", "--scenario", "get-header"]
            + ["--connections", str(connections)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=on_core(LOAD_CORE),
        )
        if process.stdout.readline() != b"ready\n":
            raise SystemExit("bench: idle connections could not be opened")
        return process

    def stop(self):
        self.origin.terminate()
        self.origin.wait()


class Design:
    """One nginx: plain, with the module, or with Lua."""

    def __init__(self, name, work, origin_port, module, nginx="nginx"):
        self.name = name
        self.nginx = nginx
        self.port = free_port()
        self.dir = work / name
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        ids = [f"AKIDBENCH{number:04}" for number in range(KEYS)]
        line = '            ["{}"] = "{}",' if name == "lua" else "        key {} {};"
        values = {
            "root": ROOT,
            "dir": self.dir,
            "listen": f"127.0.0.1:{self.port}",
            "origin": f"127.0.0.1:{origin_port}",
            "origin_secret": secret("AKIDORIGIN"),
            "client_keys": "\n".join(line.format(key, secret(key)) for key in ids),
            "module": module,
            "modules": "/usr/lib/nginx/modules",
        }
        for file in ("common.conf", "http.conf", f"{name}.conf"):
            text = (ROOT / "bench/conf" / file).read_text()
            (self.dir / file).write_text(string.Template(text).substitute(values))
        self.process = None

    def start(self, prefix=(), directives="", environment=None):
        command = [*prefix, self.nginx, "-p", str(self.dir), "-c", str(self.dir / f"{self.name}.conf")]
        if directives:
            command += ["-g", directives]
        environment = os.environ | (environment or {})
        self.process = subprocess.Popen(command, preexec_fn=on_core(PROXY_CORE), env=environment)
        wait_for(self.port, self.process)

    @property
    def worker(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])

    def cpu(self):
        """Seconds that the worker ran in user space and in the kernel. The same as utime + stime of /proc/PID/stat, in
        nanoseconds instead of hundredths of a second."""
        return int(Path(f"/proc/{self.worker}/schedstat").read_text().split()[0]) / 1e9

    def page_faults(self):
        """Pages that the worker touched and the kernel had to find."""
        return int(Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()[7])

    def memory(self):
        """Resident set and its peak, in KiB."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return int(fields["VmRSS"].split()[0]), int(fields["VmHWM"].split()[0])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        self.process = None

    def restart(self, environment=None):
        self.stop()
        self.start(environment=environment)
