"""Random clients and impolite origins around nginx, with an oracle: chaos.py --help, and t/README.md.

What a request is and how origins answer it comes from the seed and the request's number; what falls together is for the machine.
"""

import argparse
import collections
import os
import queue
import random
import re
import ssl
import subprocess
import sys
import threading
import time
import traceback

import client
import judge
import signature
from asked import Case
from origin import Origin
from proxy import Nginx
from servers import Group

REGIONS = {"b": "eu-west-1", "c": "auto", "a": "us-east-1"}
SHOWN = 3


class Run:
    def __init__(self, options):
        self.options, self.seed, self.plain = options, options.seed, options.plain
        self.cases, self.kinds, self.found = {}, collections.Counter(), collections.Counter()
        self.lock = threading.Lock()
        os.makedirs(options.root, exist_ok=True)
        tls = self.certificate(f"{options.root}/certificate.pem", f"{options.root}/key.pem")
        self.groups = [
            self.group("p", "http"),
            self.group("t", "https", tls=tls, host="localhost"),
            self.group("u", "http", frames_off=True, bucket="media-{}"),
            self.group("v", "http", bucket="media-{}", virtual="s3.{}.example.net"),
        ]
        self.origins = [origin for group in self.groups for origin in group.origins]
        self.nginx = Nginx(options.root, self.groups, options)

    def certificate(self, certificate, key):
        if not os.path.exists(certificate):
            command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout {key} -out {certificate}"
            names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
            subprocess.run([*command.split(), *names], check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        return tls

    def group(self, name, scheme, host="127.0.0.1", tls=None, frames_off=False, bucket="bucket", virtual=None):
        origins = []
        for letter, region in REGIONS.items():
            secret = f"oRiGiN-{name}-{letter}+/={'s' * 20}"
            key = signature.Key(f"AKIDORIGIN{name}{letter}".upper(), secret, region)
            address = virtual and virtual.format(letter)
            origins.append(Origin(self, name + letter, host, key, tls, frames_off, bucket.format(letter), address))
        return Group(scheme, origins)

    def violation(self, case, text):
        """What must not be; the first ones of each kind are shown with all that is known of the request."""
        kind = re.sub(r"\d+|\b[ptuv][abc]\b", "N", text)[:60]
        with self.lock:
            self.found[kind] += 1
            if self.found[kind] <= SHOWN:
                trace = f"\n{case.describe()}\n  server: {case.server.options}" if case else ""
                print(f"FOUND: {text}{trace}", flush=True)

    def count(self, kind):
        with self.lock:
            self.kinds[kind] += 1

    def attempt_of(self, token):
        number, index, _ = token.split(".")
        return self.cases[int(number)].attempts[int(index)]

    def session(self, numbers):
        """Some requests of one client, over one connection where they can be."""
        rng = random.Random(f"{self.seed}:session:{numbers[0]}")
        server = rng.choice(self.nginx.servers)
        cases = [Case(self.seed, number, server) for number in numbers]
        self.cases.update((case.number, case) for case in cases)
        while cases:
            group = [cases.pop(0)]
            while cases and not group[0].is_alone() and not cases[0].is_alone():
                group.append(cases.pop(0))
            self.converse(group, server, rng)

    def converse(self, group, server, rng):
        began, error, answers = time.monotonic(), None, []
        try:
            if group[0].http2:
                answer, error = client.over_http2(group[0], server)
                answers = [answer] if answer else []
            else:
                answers, error = client.converse(group, server, rng, pipelined=len(group) > 1 and rng.random() < 0.6)
        except client.Malformed as malformed:
            return self.violation(group[0], f"malformed: {malformed}")
        except OSError as fault:
            error = str(fault)
        elapsed = time.monotonic() - began
        for case, answer in zip(group, answers):
            judge.answer(self, case, answer, None, elapsed, alone=len(group) == 1)
        if not answers:
            judge.answer(self, group[0], None, error, elapsed, alone=True)
        # After an answer that ends the connection the others have none.
        for _ in group[max(len(answers), 1) :]:
            self.count("client: behind the last answer")
        return None

    def ask(self, first, count):
        """So many requests, from as many clients at once as were told."""
        rng = random.Random(f"{self.seed}:sessions:{first}")
        sessions = queue.SimpleQueue()
        last = first + count
        while first < last:
            numbers = list(range(first, min(first + rng.choice([1, 1, 1, 2, 3]), last)))
            first += len(numbers)
            if self.options.only is None or self.options.only in numbers:
                sessions.put(numbers)

        def work():
            while True:
                try:
                    numbers = sessions.get_nowait()
                except queue.Empty:
                    return
                try:
                    self.session(numbers)
                except Exception:  # A fault of this program is to be seen like any other.
                    self.violation(self.cases.get(numbers[0]), f"this program: {traceback.format_exc()}")

        threads = [threading.Thread(target=work) for _ in range(self.options.clients)]
        for thread in threads:
            thread.start()
        while self.options.reloads and any(thread.is_alive() for thread in threads):
            time.sleep(self.options.reloads)
            self.nginx.reload()
        for thread in threads:
            thread.join()

    def rest(self):
        """Waits until nothing is under way any more, and measures."""
        for _ in range(80):
            time.sleep(0.25)
            if not judge.under_way(self.nginx.measure()):
                break
        # Connections that clients have left open end after keepalive_timeout.
        time.sleep(6)
        measured = self.nginx.measure()
        for name, value in judge.under_way(measured).items():
            self.violation(None, f"left behind: {name} {value}")
        print(
            f"chaos: at rest {measured}, {sum(len(origin.open) for origin in self.origins)} connections at origins",
            flush=True,
        )
        return measured

    def main(self):
        self.nginx.start()
        began, first, rounds = time.monotonic(), 0, []
        try:
            for count in self.options.rounds:
                self.ask(first, count)
                first += count
                rounds.append(self.rest())
                for case in self.cases.values():
                    case.forget_bodies()
        finally:
            code = self.nginx.stop()
        if code:
            self.violation(None, f"nginx ended with {code}")
        judge.growth(self, rounds[0], rounds[-1])
        judge.logs(self, f"{self.options.root}/logs")
        for name, count in sorted(self.kinds.items()):
            print(f"{count:7} {name}")
        for name, count in self.found.most_common():
            print(f"FOUND {count} times: {name}")
        asked, probes = (sum(getattr(origin, name) for origin in self.origins) for name in ("requests", "probes"))
        print(
            f"chaos: seed {self.seed}, {first} requests in {time.monotonic() - began:.0f} s, {asked} at origins, "
            f"{probes} probes, {sum(self.found.values())} found"
        )
        return 1 if self.found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Random clients and impolite origins around nginx, with an oracle.")
    parser.add_argument("--seed", default=str(random.randrange(1 << 30)), help="of an earlier run")
    parser.add_argument("--only", type=int, help="number of a request: only that one, and those on its connection")
    parser.add_argument("--rounds", type=int, nargs="+", default=[1000, 4000], help="requests until nginx comes to rest")
    parser.add_argument("--clients", type=int, default=16, help="how many at once")
    parser.add_argument("--servers", type=int, default=20, help="how many there are in nginx.conf")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--reloads", type=float, default=0, help="seconds from one reload to the next")
    parser.add_argument("--log", default="info", help="level of the error log")
    parser.add_argument("--nginx", default="/usr/sbin/nginx")
    parser.add_argument("--module", default=f"{os.getcwd()}/build/ngx_http_s3_signature_module.so")
    parser.add_argument("--root", default=f"{os.getcwd()}/.work/chaos", help="folder for configuration and logs")
    parser.add_argument("--plain", action="store_true", help="without the module: what of it is nginx's own")
    sys.exit(Run(parser.parse_args()).main())
