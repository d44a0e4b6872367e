"""nginx with these servers, and what there is to measure of it."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

from asked import CLIENT, LIMITED, ROOT, TENANT
from servers import Server, free_port

GRANTS = [{"buckets": ["bucket"], "prefix": ["k", "source"], "allow": ["all"]}]
CLIENTS = {
    "clients": [
        {"access_key": LIMITED.name, "secret_key": LIMITED.secret, "grants": GRANTS},
        {"access_key": TENANT.name, "secret_key": TENANT.secret, "root": ROOT},
    ]
}


def origin_block(scheme, origin):
    lines = [
        f"endpoint {scheme}://{origin.host}:{origin.port}{'/base' if origin.virtual else ''};",
        f"style virtual; host {origin.virtual};" if origin.virtual else "",
        f"region {origin.key.region}; key {origin.key.name} {origin.key.secret};",
        "payload unsigned;" if origin.frames_off else "",
        f"bucket bucket {origin.bucket};" if origin.bucket != "bucket" else "",
    ]
    return f"    s3_origin {origin.name} {{ {' '.join(filter(None, lines))} }}\n"


class Nginx:
    def __init__(self, root, groups, options):
        self.root, self.binary, self.plain = root, options.nginx, options.plain
        rng = random.Random(f"{options.seed}:servers")
        self.servers = [Server(number, rng, groups[number % len(groups)]) for number in range(options.servers)]
        self.status_port = free_port()
        told = subprocess.run([self.binary, "-V"], capture_output=True, text=True, check=True).stderr
        version = tuple(int(part) for part in re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", told).groups())
        for server in self.servers:
            server.options["aio"] = server.options["aio"] and "--with-threads" in told
        for folder in ("logs", "cache", "body", "proxy"):
            shutil.rmtree(f"{root}/{folder}", ignore_errors=True)
            os.makedirs(f"{root}/{folder}")
        with open(f"{root}/clients.json", "w") as file:
            json.dump(CLIENTS, file)
        with open(f"{root}/nginx.conf", "w") as file:
            file.write(self.configuration(groups, options, old_http2=version < (1, 25, 1)))

    def configuration(self, groups, options, old_http2):
        root, plain = self.root, self.plain
        ours = f"""
    s3_clients apps {{ key {CLIENT.name} {CLIENT.secret}; file {root}/clients.json; }}
{''.join(origin_block(group.scheme, origin) for group in groups for origin in group.origins)}
    s3_status_zone status:1m;
    limit_conn_zone $s3_client zone=clients:1m;
    proxy_ssl_verify on;
    proxy_ssl_name $s3_origin_host;
    server {{ listen 127.0.0.1:{self.status_port}; location = /metrics {{ s3_status prometheus; }} }}
"""
        line = "$request" if plain else "$s3_request_line $s3_error_code $s3_refusal"
        return f"""
{'' if plain else f'load_module {options.module};'}
{'user root;' if os.geteuid() == 0 else ''}
daemon off;
worker_processes {options.workers};
worker_rlimit_nofile 4096;
pid {root}/nginx.pid;
error_log {root}/logs/error.log {options.log};
events {{ worker_connections 2000; }}
http {{
    log_format chaos '$remote_port $status $upstream_status $upstream_addr $request_time $http_user_agent {line}';
    access_log {root}/logs/access.log chaos;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    proxy_cache_path {root}/cache keys_zone=c:1m;
    underscores_in_headers on;
    ignore_invalid_headers off;
    client_max_body_size 0;
    large_client_header_buffers 8 16k;
    client_body_timeout 5s;
    send_timeout 5s;
    keepalive_timeout 5s;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 1s;
    proxy_send_timeout 1s;
    proxy_ssl_trusted_certificate {root}/certificate.pem;
    proxy_ssl_server_name on;
{'' if plain else ours}
{''.join(server.upstream(plain) for server in self.servers)}
{''.join(server.block(old_http2, plain) for server in self.servers)}
}}
"""

    def start(self):
        log = f"{self.root}/logs/stderr"
        with open(log, "wb") as file:
            command = [self.binary, "-p", self.root, "-c", f"{self.root}/nginx.conf"]
            self.process = subprocess.Popen(command, stdout=file, stderr=file)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.servers[-1].port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
            if self.process.poll() is not None:
                break
        with open(log) as file:
            raise SystemExit(f"chaos: nginx does not start: {file.read()}")

    def workers(self):
        out = []
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/cmdline", "rb") as command:
                    if b"worker process" in command.read():
                        out.append(pid)
        return out

    def measure(self):
        """Resident KiB and descriptors of the workers, files of bodies, and the gauges of what is under way."""
        out = {"rss": [], "fds": []}
        for pid in self.workers():
            with open(f"/proc/{pid}/status") as file:
                out["rss"].append(int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]))
            out["fds"].append(len(os.listdir(f"/proc/{pid}/fd")))
        for folder in ("body", "proxy"):
            out[folder] = sum(len(files) for _, _, files in os.walk(f"{self.root}/{folder}"))
        if not self.plain:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
            for name in ("s3_uploads_active", "s3_chunk_memory_bytes"):
                out[name] = float(re.search(rf"^{name} (\S+)", text, re.MULTILINE)[1])
        return out

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)
