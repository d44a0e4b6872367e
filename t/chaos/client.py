"""Clients: sockets that send requests, whole or not, and read answers by the letter of RFC 9112."""

import re
import select
import socket
import subprocess
import time

from origin import reset


class Answer:
    def __init__(self, status, headers):
        self.status, self.headers, self.body, self.whole, self.framed = status, headers, b"", False, True
        self.values = {name.lower(): value for name, value in headers}


class Malformed(Exception):
    pass


class Reader:
    """Answers out of a stream of bytes."""

    def __init__(self):
        self.buffer, self.closed = b"", False

    def answer(self, method):
        """The next one, or None while it is not whole and more may come; interim ones come by themselves."""
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            if self.closed and self.buffer:
                raise Malformed(f"half a head: {self.buffer[:200]!r}")
            return None
        line, *lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 ([1-9]\d\d) ?[^\r\n]*", line)
        if not match:
            raise Malformed(f"status line {line[:200]!r}")
        headers = []
        for text in lines:
            name, colon, value = text.partition(":")
            if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                # An origin's odd header passes nginx as it is where nginx keeps it; framing must be right all the same.
                headers.append((f"odd {name}", value))
                continue
            headers.append((name, value.strip()))
        answer = Answer(int(match[1]), headers)
        if answer.status < 200:
            self.buffer = rest
            return answer
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        coded = [value for name, value in headers if name.lower() == "transfer-encoding"]
        if (
            len(lengths) + len(coded) > 1
            or (coded and coded != ["chunked"])
            or any(not re.fullmatch(r"\d{1,19}", length) for length in lengths)
        ):
            raise Malformed(f"framed in more than one way: {headers}")
        if method == "HEAD" or answer.status in (204, 304):
            answer.whole, self.buffer = True, rest
            return answer
        if lengths:
            length = int(lengths[0])
            answer.body, answer.whole = rest[:length], len(rest) >= length
            if answer.whole:
                self.buffer = rest[length:]
        elif coded:
            self.chunks(answer, rest)
        else:
            answer.body, answer.whole, answer.framed = rest, self.closed, False
            if self.closed:
                self.buffer = b""
        if answer.whole or self.closed:
            if not answer.whole:
                self.buffer = b""
            return answer
        return None

    def chunks(self, answer, rest):
        at, out = 0, []
        while True:
            end = rest.find(b"\r\n", at)
            if end < 0:
                break
            if not re.fullmatch(rb"[0-9a-f]+", rest[at:end]):
                raise Malformed(f"size of a chunk: {rest[at:end][:100]!r}")
            size = int(rest[at:end], 16)
            data = rest[end + 2 : end + 2 + size]
            if size == 0:
                if rest[end + 2 : end + 4] == b"\r\n":
                    answer.whole, self.buffer = True, rest[end + 4 :]
                break
            out.append(data)
            if len(data) < size:
                break
            tail = rest[end + 2 + size : end + 4 + size]
            if tail != b"\r\n"[: len(tail)]:
                raise Malformed("no line end behind a chunk")
            at = end + 4 + size
        answer.body = b"".join(out)


def converse(cases, server, rng, pipelined):
    """Sends them over one connection; gives what came for each, and an error or None."""
    results, reader = [], Reader()
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    slow = any(case.slow_read for case in cases)
    if slow:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    try:
        groups = [cases] if pipelined else [[case] for case in cases]
        for group in groups:
            out = b"".join(case.head + case.tail for case in group)
            first = group[0]
            stops = rng.randrange(len(out) + 1) if first.aborts and rng.random() < 0.7 else None
            waits = first.expects and not pipelined and rng.random() < 0.8
            sent, answered, began, limit = 0, 0, time.monotonic(), len(first.head) if waits else len(out)
            leaves = rng.choice([0.0, 0.05, 0.5]) if first.aborts else None
            broken, looked = None, 50_000
            while answered < len(group):
                if stops is not None:
                    limit = min(limit, stops)
                now = time.monotonic() - began
                if (stops is not None and sent >= stops and now > 0.02) or (
                    stops is None and leaves is not None and now > leaves
                ):
                    if rng.random() < 0.5:
                        reset(sock)
                    return results, "left"
                if waits and now > 1:
                    waits, limit = False, len(out)
                writes = [sock] if sent < limit and broken is None else []
                readable, writable, _ = select.select([sock], writes, [], 0.02 if leaves is not None or waits else 15)
                if not readable and not writable and leaves is None and not waits:
                    return results, "no answer in 15 s"
                if writable:
                    size = {"large": 200_000, "medium": 8192, "small": rng.choice([1, 100, 3000])}[
                        first.pieces if sent < 300_000 else "large"
                    ]
                    try:
                        sock.settimeout(0)
                        sent += sock.send(out[sent : min(limit, sent + size)])
                    except BlockingIOError:
                        pass
                    except OSError as error:
                        broken = error
                    if first.pieces != "large" and sent < 20_000:
                        time.sleep(0.0005)
                if readable:
                    try:
                        sock.settimeout(0)
                        data = sock.recv(1000 if slow and now < 2 else 262_144)
                    except BlockingIOError:
                        continue
                    except OSError as error:
                        data, broken = b"", error
                    if slow and now < 2:
                        time.sleep(0.003)
                    reader.buffer += data
                    reader.closed = not data
                    # What is long is looked at when nothing more is there: each look goes through all of it.
                    if (
                        data
                        and len(reader.buffer) > 50_000
                        and len(reader.buffer) < 2 * looked
                        and select.select([sock], [], [], 0.001)[0]
                    ):
                        continue
                    looked = len(reader.buffer)
                    while answered < len(group):
                        answer = reader.answer(group[answered].method)
                        if answer is None:
                            break
                        if answer.status < 200:
                            if answer.status != 100 or not group[answered].expects:
                                raise Malformed(f"interim response {answer.status} {answer.headers}")
                            waits, limit = False, len(out)
                            continue
                        if waits:
                            waits, limit = False, len(first.head) if rng.random() < 0.5 else len(out)
                        answer.late = sent < len(out)
                        results.append(answer)
                        answered += 1
                        if not answer.whole or answer.values.get("connection") == "close" or not answer.framed:
                            if answer.whole and answer.framed and reader.buffer:
                                raise Malformed(f"behind the last answer: {reader.buffer[:200]!r}")
                            return results, None
                    if reader.closed:
                        return results, f"closed ({broken})"
            if sent < len(out):
                # It was answered before all of it was sent: what follows would be taken for the rest of the body.
                return results, None
            if reader.buffer:
                raise Malformed(f"behind an answer: {reader.buffer[:200]!r}")
        return results, None
    finally:
        sock.close()


def over_http2(case, server):
    """The same by curl."""
    command = [
        "curl",
        "-sS",
        "--http2-prior-knowledge",
        "--globoff",
        "--path-as-is",
        "--max-time",
        "20",
        "-o",
        "-",
        "-D",
        "/dev/stderr",
        "-X",
        case.method,
    ]
    if case.method == "HEAD":
        command[-2:] = ["--head"]
    for name, value in case.headers:
        if name != "Host":
            command += ["-H", f"{name}: {value}"]
    if case.body is not None:
        command += ["--data-binary", "@-", "-H", "Content-Type:"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{server.http2_port}{case.target}"], input=case.wire, capture_output=True, check=False
    )
    heads = [block for block in done.stderr.decode("latin-1").split("\r\n\r\n") if block.startswith("HTTP/2")]
    if not heads:
        return None, f"curl {done.returncode}: {done.stderr[-300:]!r}"
    line, *lines = heads[-1].split("\r\n")
    answer = Answer(int(line.split()[1]), [tuple(part.strip() for part in text.partition(":")[::2]) for text in lines])
    answer.whole, answer.body = done.returncode == 0, b"" if case.method == "HEAD" else done.stdout
    answer.late = False
    return answer, None
