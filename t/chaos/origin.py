"""Origins: sockets that read a request, judge it, and answer as answers.py says."""

import os
import random
import re
import socket
import ssl
import struct
import threading
import time

import answers
import judge
import signature

READS = {"all": 86, "none": 4, "half": 4, "never": 1, "half-then-close": 3, "early-keep": 2}
CONNECTS = {"": 960, "close": 8, "reset": 8, "early": 4, "garbage": 4, "alert": 4, "handshake-close": 4, "slow": 3}

# What comes in the place of a ServerHello.
HANDSHAKES = {
    "alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "garbage": b"\x16\x03\x03\x00\x10" + b"g" * 16 + b"HTTP/1.1 200 OK\r\n\r\n",
    "handshake-close": b"\x16\x03\x03\x00\x7a\x02",
}


class Gone(Exception):
    pass


class Origin:
    def __init__(self, run, name, host, key, tls=None, frames_off=False, bucket="bucket", virtual=None):
        self.host, self.virtual = host, virtual
        self.run, self.name, self.key, self.tls, self.frames_off, self.bucket = run, name, key, tls, frames_off, bucket
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        self.connections, self.open, self.requests, self.probes = 0, set(), 0, 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock, self.connections), daemon=True).start()

    def serve(self, sock, number):
        rng = random.Random(f"{self.run.seed}:{self.name}:{number}")
        raw = sock
        self.open.add(number)
        try:
            sock.settimeout(30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            how = rng.choices(list(CONNECTS), list(CONNECTS.values()))[0]
            if how == "slow":
                time.sleep(0.2)
            if how in ("close", "reset"):
                return reset(sock) if how == "reset" else None
            if how == "early" and not self.tls:
                return sock.sendall(b"HTTP/1.1 418 Early\r\nx-early: 1\r\nContent-Length: 5\r\n\r\nearly")
            if how in HANDSHAKES and self.tls:
                sock.recv(200)
                return sock.sendall(HANDSHAKES[how])
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            Connection(self, sock, rng).run()
        except (OSError, Gone, ssl.SSLError, ValueError):
            pass
        finally:
            self.open.discard(number)
            sock.close()
            raw.close()

    def misdirected(self, host, target):
        """What in a request is not meant for this origin, or None."""
        if self.virtual:
            if host not in (self.virtual, f"{self.bucket}.{self.virtual}") or not target.startswith("/base/"):
                return f"asked for {host} {target}"
        elif host != f"{self.host}:{self.port}":
            return f"asked for {host}"
        return None


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Connection:
    def __init__(self, origin, sock, rng):
        self.origin, self.sock, self.rng, self.buffer = origin, sock, rng, b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self.buffer += data

    def run(self):
        first = True
        while True:
            while b"\r\n\r\n" not in self.buffer:
                if not first and not self.buffer:
                    self.idle()
                self.more()
            first = False
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            if not self.request(head.decode("latin-1")):
                return

    def idle(self):
        """A kept connection, which may end at any time, or in the moment in which a request comes."""
        chance = self.rng.random()
        if chance < 0.05:
            self.sock.settimeout(self.rng.choice([0.001, 0.01, 0.05]))
            try:
                self.more()
            except TimeoutError:
                raise Gone from None
            finally:
                self.sock.settimeout(30)
            if self.rng.random() < 0.5:
                raise Gone
        elif chance < 0.08:
            self.more()
            if chance < 0.07:
                reset(self.sock)
            raise Gone

    def body(self, attempt, values, limit=None):
        """Reads a body to its end, or about as much as `limit`; gives it in pieces, and sets `complete` at its end."""
        got, chunked = attempt.data, "chunked" in values.get("transfer-encoding", "")
        length = int(values.get("content-length", "0"))
        while True:
            if chunked:
                line, found, rest = self.buffer.partition(b"\r\n")
                if not found:
                    self.more()
                    continue
                size = int(line, 16)
                while len(rest) < size + 2:
                    if limit is not None and len(got) + len(rest) >= limit:
                        return
                    attempt.received = len(got) + len(rest)
                    attempt.partial = rest[:size]
                    self.more()
                    rest = self.buffer.partition(b"\r\n")[2]
                if rest[size : size + 2] != b"\r\n":
                    raise AssertionError("broken chunked coding from nginx")
                got += rest[:size]
                attempt.partial = b""
                self.buffer = rest[size + 2 :]
                attempt.received = len(got)
                if size == 0:
                    attempt.complete = True
                    return
            else:
                take = self.buffer[: length - len(got)]
                got += take
                self.buffer = self.buffer[len(take) :]
                attempt.received = len(got)
                if len(got) == length:
                    attempt.complete = True
                    return
            if limit is not None and len(got) >= limit:
                return
            if not self.buffer or not chunked:
                self.more()

    def request(self, head):
        """Judges a request and answers it; whether the connection is kept."""
        run, origin = self.origin.run, self.origin
        line, *rest = head.split("\r\n")
        headers = [tuple(part.strip() for part in text.split(":", 1)) for text in rest]
        values = {name.lower(): value for name, value in headers}
        try:
            method, target, _ = line.split(" ")
        except ValueError:
            run.violation(None, f"request line {line[:200]!r} at {origin.name}")
            raise Gone from None
        mirror, number = re.fullmatch(r"(mirror )?chaos/(\d+)|.*", values.get("user-agent", "")).groups()
        case = run.cases.get(int(number)) if number else None
        fault, chain = signature.fault_of(origin.key, method, target, headers)
        fault = fault or origin.misdirected(values.get("host", ""), target)
        if fault and not run.plain:
            run.violation(case, f"{origin.name}: {fault}")
        if values.get("user-agent") == "auth":
            self.sock.sendall(b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n")
            return True
        if case is None:
            return self.probe(method, target, values)
        payload = values.get("x-amz-content-sha256", "")
        if mirror:
            return self.mirrored(case, answers.Attempt(origin, -1, method, payload, chain), values)
        origin.requests += 1
        with case.lock:
            attempt = answers.Attempt(origin, len(case.attempts), method, payload, chain)
            case.attempts.append(attempt)
        if case.upload_origin not in (None, origin.name) and not run.plain:
            run.violation(case, f"an upload of {case.upload_origin} is asked for at {origin.name}")
        return self.answer(case, attempt, values)

    def answer(self, case, attempt, values):
        run = self.origin.run
        rng = random.Random(f"{run.seed}:{case.number}:{attempt.index}")
        steps = answers.answer(case, attempt, rng)
        has_body = values.get("content-length", "0") != "0" or "transfer-encoding" in values
        reads = attempt.reads = rng.choices(list(READS), list(READS.values()))[0] if has_body else "all"
        try:
            if reads == "all":
                self.body(attempt, values)
            elif reads in ("half", "half-then-close"):
                self.body(attempt, values, limit=rng.choice([1, 1000, 60_000]))
            elif reads == "never":
                time.sleep(1.6)
            if reads in ("never", "half-then-close"):
                raise Gone
            for step in steps:
                self.step(step, rng)
            if reads == "early-keep":
                self.body(attempt, values)
            return reads in ("all", "early-keep")
        finally:
            judge.attempt(run, case, attempt)

    def step(self, step, rng):
        if isinstance(step, bytes):
            self.sock.sendall(step)
        elif isinstance(step, float):
            time.sleep(step)
        elif step == "reset":
            reset(self.sock)
            raise Gone
        elif step == "garbage":
            # No record of TLS, or one that it ends with for a fault; without TLS it would be of the body.
            if self.origin.tls:
                with socket.socket(fileno=os.dup(self.sock.fileno())) as beneath:
                    beneath.sendall(
                        rng.choice([b"HTTP/1.1 200 OK\r\n\r\n", HANDSHAKES["alert"], b"\x17\x03\x03\x00\x20" + b"g" * 32])
                    )
            raise Gone
        elif step == "close":
            # Over TLS with or without a close_notify.
            if self.origin.tls and rng.random() < 0.5:
                self.sock.settimeout(0.2)
                self.sock.unwrap()
            raise Gone

    def mirrored(self, case, attempt, values):
        """The copy of a request that a mirror gets: as right as the request itself, and its answer is for nobody."""
        attempt.kind = "mirror"
        try:
            self.body(attempt, values)
            poison = b"" if attempt.method == "HEAD" else answers.POISON
            self.sock.sendall(b"HTTP/1.1 200 Fine\r\nx-poison: 1\r\nContent-Length: 32\r\n\r\n" + poison)
        finally:
            judge.attempt(self.origin.run, case, attempt)
        return True

    def probe(self, method, target, values):
        origin = self.origin
        origin.probes += 1
        if (method, target) != ("GET", "/base/" if origin.virtual else "/") or "content-length" in values:
            origin.run.violation(None, f"a request of nobody at {origin.name}: {method} {target} {values}")
        chance = self.rng.random()
        if chance < 0.15:
            raise Gone
        status, text = "200 Fine", b"<ListAllMyBucketsResult></ListAllMyBucketsResult>"
        if chance < 0.2:
            status, text = "403 Forbidden", b"<Error><Code>InvalidAccessKeyId</Code></Error>"
        head = f"HTTP/1.1 {status}\r\nx-amz-request-id: p\r\nContent-Type: application/xml\r\nContent-Length: {len(text)}\r\n\r\n"
        self.sock.sendall(head.encode() + text)
        return True
