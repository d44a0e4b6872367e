"""What is compared: one nginx for each design, with the same settings."""

import os
import shutil
import signal
import string
import subprocess
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from harness.machine import CORES, KEYS, ORIGIN_NAME, PROXY_CORE, ROOT, BenchError, free_port, on_core, secret, wait_for

MODULES = Path("/usr/lib/nginx/modules")
# No design gives memory back to the kernel between requests. The module's worker never does (src/worker.rs); the others do,
# more or less, as it happens.
KEPT_HEAP = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28)}


@dataclass(frozen=True)
class Setting:
    """What a measurement wants to be otherwise than nginx alone on its core, kept-alive connections without TLS."""

    # Parameters of `listen`: "ssl", "ssl http2".
    listen: str = ""
    origin_tls: bool = False
    keepalive: bool = True
    session_reuse: bool = True
    # Answers come from nginx's cache.
    cache: bool = False
    sendfile: bool = False
    ktls: bool = False
    workers: int = 1
    keys: int = KEYS
    # The keys stand in a clients file instead of the configuration.
    keys_file: bool = False
    origins: int = 1
    probes: bool = False
    status_zone: bool = False
    # The module's, as nginx-conf has it.
    access_log: bool = False

    @property
    def client_tls(self):
        return "ssl" in self.listen.split()


class Design:
    """One nginx: plain, with the module, or with Lua."""

    def __init__(self, bench, kind, setting=Setting(), name=None, environment=None):
        self.name = name or kind
        self.kind = kind
        self.setting = setting
        self.environment = environment or {}
        self.port = free_port()
        self.dir = bench.work / self.name.replace(" ", "-")
        self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        values = self.values(bench)
        for file in ("common.conf", "http.conf", f"{kind}.conf"):
            text = (ROOT / "bench/conf" / file).read_text()
            (self.dir / file).write_text(string.Template(text).substitute(values))

    def values(self, bench):
        """What stands for the names in braces in bench/conf."""
        setting, load = self.setting, bench.load
        port = load.https if setting.origin_tls else load.port
        scheme = "https" if setting.origin_tls else "http"
        first = int(IPv4Address("127.0.0.1"))
        servers = [f"{IPv4Address(first + number)}:{port}" for number in range(setting.origins)]
        return {
            "root": ROOT,
            "dir": self.dir,
            "workers": f"{setting.workers};\nworker_cpu_affinity auto" if setting.workers > 1 else 1,
            "listen": f"127.0.0.1:{self.port} {setting.listen}".strip(),
            "origin": servers[0],
            "origin_secret": secret("AKIDORIGIN"),
            "client_keys": self.client_keys(),
            "module": bench.module,
            "modules": MODULES,
            "scheme": scheme,
            "http": self.http(),
            "upstream": self.upstream(servers),
            "server": self.server(load),
            "location": self.location(load),
            "s3_http": "    s3_status_zone bench:1m;" if setting.status_zone else "",
            "origins": "\n".join(self.origin(number, server, scheme) for number, server in enumerate(servers)),
        }

    def client_keys(self):
        ids = [f"AKIDBENCH{number:04}" for number in range(self.setting.keys)]
        if self.setting.keys_file:
            self.write_clients()
            return f"        file {self.dir}/clients.json;"
        line = '            ["{}"] = "{}",' if self.kind == "lua" else "        key {} {};"
        return "\n".join(line.format(key, secret(key)) for key in ids)

    def write_clients(self):
        """The clients file, renamed into place, as whoever hands out keys does it."""
        ids = (f"AKIDBENCH{number:04}" for number in range(self.setting.keys))
        lines = ",\n".join(f'{{"access_key":"{key}","secret_key":"{secret(key)}"}}' for key in ids)
        (self.dir / "clients.new").write_text(f'{{"clients":[\n{lines}\n]}}\n')
        (self.dir / "clients.new").rename(self.dir / "clients.json")

    def http(self):
        lines = []
        if self.setting.sendfile:
            lines.append("sendfile on;")
        if self.setting.access_log:
            lines.append(f"include {ROOT}/nginx-conf/s3_log_format;")
        if self.setting.cache:
            lines.append(f"proxy_cache_path {self.dir}/cache levels=1:2 keys_zone=bench:16m max_size=2g inactive=1d "
                         "use_temp_path=off;")
        return "\n".join(lines)

    def upstream(self, servers):
        lines = [f"    server {server};" for server in servers]
        if self.setting.keepalive:
            lines.append("    keepalive 256;\n    keepalive_requests 1000000000;")
        if self.kind == "module" and self.setting.probes:
            lines.append("    s3_probe;")
        return "\n".join(lines)

    def server(self, load):
        lines = []
        if self.setting.client_tls:
            lines += [f"ssl_certificate {load.certificate};", f"ssl_certificate_key {load.key};",
                      "ssl_session_cache shared:bench_tls:4m;"]
        if self.setting.ktls:
            lines.append("ssl_conf_command Options KTLS;")
        return "\n".join(f"        {line}" for line in lines)

    def location(self, load):
        lines = []
        if self.setting.origin_tls:
            name = "$s3_origin_host" if self.kind == "module" else ORIGIN_NAME
            lines += [f"proxy_ssl_name {name};", "proxy_ssl_server_name on;", "proxy_ssl_verify on;",
                      "proxy_ssl_protocols TLSv1.2 TLSv1.3;", f"proxy_ssl_trusted_certificate {load.certificate};"]
            if not self.setting.session_reuse:
                lines.append("proxy_ssl_session_reuse off;")
        if self.setting.access_log:
            lines.append(f"access_log {self.dir}/access.log s3_json;")
        if self.setting.cache:
            key = "$s3_cache_key" if self.kind == "module" else "$request_uri"
            lines += ["proxy_cache bench;", f"proxy_cache_key {key};", "proxy_cache_valid 200 1h;"]
        return "\n".join(f"            {line}" for line in lines)

    def origin(self, number, server, scheme):
        name = f"\n        host {ORIGIN_NAME};" if self.setting.origin_tls else ""
        return (f"    s3_origin bench{number} {{\n        endpoint {scheme}://{server};{name}\n"
                f"        key AKIDORIGIN {secret('AKIDORIGIN')};\n        region us-east-1;\n    }}")

    def start(self, prefix=(), directives="", environment=None):
        """Seconds until it listens."""
        command = [*prefix, "nginx", "-p", str(self.dir), "-c", str(self.dir / f"{self.kind}.conf")]
        if directives:
            command += ["-g", directives]
        environment = os.environ | self.environment | (environment or {})
        cores = CORES[: self.setting.workers] if self.setting.workers > 1 else [PROXY_CORE]
        self.process = subprocess.Popen(command, preexec_fn=on_core(*cores), env=environment)
        seconds = wait_for(self.port, self.process)
        # nginx listens before its workers run, and a child has its title a moment later.
        deadline = time.monotonic() + 30
        while "master_process off" not in directives and len(self.workers) < self.setting.workers:
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} has no workers")
            time.sleep(0.005)
        return seconds

    @property
    def workers(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in children.split() if self.is_worker(child)]

    @staticmethod
    def is_worker(child):
        """The cache's manager and loader are none."""
        try:
            return b"worker process" in Path(f"/proc/{child}/cmdline").read_bytes()
        except FileNotFoundError:
            return False

    @property
    def worker(self):
        return self.workers[0]

    def cpu(self):
        """Seconds that the workers ran in user space and in the kernel. The same as utime + stime of /proc/PID/stat, in
        nanoseconds instead of hundredths of a second."""
        return sum(int(Path(f"/proc/{worker}/schedstat").read_text().split()[0]) for worker in self.workers) / 1e9

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
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def restart(self, environment=None):
        self.stop()
        self.start(environment=environment)
