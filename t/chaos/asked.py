"""What is asked: random requests, valid or spoilt, each with a number that comes back in whatever an origin has of it."""

import random
import threading

import signature
from signature import quote

SIZES = [
    0,
    0,
    1,
    100,
    1000,
    4096,
    8191,
    8192,
    8193,
    16384,
    32767,
    32768,
    32769,
    65535,
    65536,
    65537,
    100_000,
    131_072,
    300_000,
    1 << 20,
    3 << 20,
]
WEIGHTS = [4, 4, 4, 6, 6, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 0.5]
CLIENT = signature.Key("AKIDCLIENT", "cLiEnT+Secret/Key=0123456789abcdefEXAMPLE", "us-east-1")
LIMITED = signature.Key("AKIDLIMITED", "lImItEd+Secret/Key=0123456789abcdefEXAMP", "us-east-1")
TENANT = signature.Key("AKIDTENANT", "tEnAnT+Secret/Key=0123456789abcdefEXAMPL", "us-east-1")
STRANGER = signature.Key("AKIDSTRANGER", "sTrAnGeR+Secret/Key=0123456789abcdefEXAM", "us-east-1")
ROOT = "tenants/a/"
MODES = [
    "hex",
    "unsigned",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
]
OPERATIONS = {
    "GET": 30,
    "HEAD": 8,
    "PUT": 34,
    "DELETE": 6,
    "initiate": 5,
    "complete": 5,
    "part": 8,
    "delete-objects": 5,
    "copy": 4,
    "list": 6,
    "location": 2,
    "buckets": 2,
    "cached": 10,
}
METHODS = {
    "complete": "POST",
    "copy": "PUT",
    "delete-objects": "POST",
    "DELETE": "DELETE",
    "HEAD": "HEAD",
    "initiate": "POST",
    "part": "PUT",
    "PUT": "PUT",
}
CHUNKS = [8192, 8193, 16384, 65536, 70_000, 131_072]
CACHED_OBJECTS = 40


def pattern(token, size):
    """`size` bytes of which each 32 say whose they are."""
    line = f"{token:->31}\n".encode()
    return (line * (size // 32 + 1))[:size]


def cached_object(number):
    """The same to each that asks."""
    return pattern(f"cached-{number}", 3000 + number * 2501)


def pick(rng, weights):
    return rng.choices(list(weights), list(weights.values()))[0]


class Case:
    """One request of a client, and what became of it."""

    def __init__(self, seed, number, server):
        self.seed, self.number, self.server = seed, number, server
        self.rng = rng = random.Random(f"{seed}:{number}")
        self.attempts, self.lock, self.signatures, self.upload_origin, self.spoilt_at = [], threading.Lock(), [], None, None
        self.operation = pick(rng, OPERATIONS)
        if self.operation == "cached" and not server.options["cache"]:
            self.operation = "GET"
        self.key = CLIENT if self.operation == "cached" else rng.choices([CLIENT, LIMITED, TENANT], [8, 2, 2])[0]
        self.method = METHODS.get(self.operation, "GET")
        path, query, self.body = self.ask()
        self.manners()
        self.wire_form(path + ("?" if query else "") + "&".join(f"{name}={quote(value)}" for name, value in query.items()))

    def ask(self):
        """Path, query and body."""
        rng, operation = self.rng, self.operation
        key = f"/bucket/k{self.number}" + rng.choice(["", "", "/sub", quote(" +é&"), "."])
        if operation in ("PUT", "part"):
            body = pattern(f"up-{self.number}", rng.choices(SIZES, WEIGHTS)[0])
            if operation == "PUT":
                return key, {}, body
            return key, {"partNumber": str(rng.randint(1, 9)), "uploadId": self.upload()}, body
        if operation == "complete":
            parts = (b"<Part><PartNumber>%d</PartNumber><ETag>x</ETag></Part>" % at for at in range(1, rng.choice([2, 500])))
            body = b"<CompleteMultipartUpload>%s</CompleteMultipartUpload>" % b"".join(parts)
            return key, {"uploadId": self.upload()}, body
        if operation == "delete-objects":
            keys = (b"<Object><Key>k%d-%d</Key></Object>" % (self.number, at) for at in range(rng.choice([1, 1000])))
            return "/bucket", {"delete": ""}, b"<Delete>%s</Delete>" % b"".join(keys)
        if operation == "cached":
            self.object = rng.randrange(CACHED_OBJECTS)
            return f"/bucket/cached-{self.object}", {}, None
        return {
            "buckets": ("/", {}, None),
            "initiate": (key, {"uploads": ""}, None),
            "list": ("/bucket", {"list-type": "2", "prefix": f"k{self.number}"}, None),
            "location": ("/bucket", {"location": ""}, None),
        }.get(operation, (key, {}, None))

    def upload(self):
        """An id that an origin has given out, as a client of this server got it, or one that nobody has."""
        known = [each for each in self.server.uploads if each[2] == self.key.name]
        if known and self.rng.random() < 0.7:
            name, self.upload_origin, _ = self.rng.choice(known)
            return name
        return f"upload{self.number}"

    def manners(self):
        """How it is sent, and what is wrong with it."""
        rng, has_body = self.rng, self.body is not None
        self.mode = rng.choice(MODES if self.operation in ("PUT", "part") else ["hex", "hex", "unsigned"])
        self.presigned = self.mode == "unsigned" and rng.random() < 0.4
        self.fault = rng.choice(["signature", "key", "old", "method"] + ["body"] * 6) if rng.random() < 0.18 else ""
        if self.fault == "body" and (not self.body or self.mode == "unsigned"):
            self.fault = "signature"
        self.version = "HTTP/1.0" if not has_body and rng.random() < 0.06 else "HTTP/1.1"
        self.chunked = has_body and rng.random() < 0.25
        self.aborts = rng.random() < 0.06
        self.slow_read = rng.random() < 0.05
        self.pieces = rng.choices(["large", "small", "medium"], [8, 1, 1])[0]
        self.expects = has_body and rng.random() < 0.15 and self.version == "HTTP/1.1"
        self.http2 = rng.random() < 0.04 and not self.aborts and not self.chunked

    def wire_form(self, target):
        """Signs it, spoils it where it has a fault, and writes it down."""
        rng, body = self.rng, self.body or b""
        key = STRANGER if self.fault == "key" else self.key
        date = signature.now(-100_000 if self.fault == "old" else 0)
        port = self.server.http2_port if self.http2 else self.server.port
        headers = [("Host", f"127.0.0.1:{port}"), ("User-Agent", f"chaos/{self.number}")]
        if self.operation == "copy":
            headers.append(("x-amz-copy-source", f"/bucket/source{self.number}"))
        if self.operation == "GET" and rng.random() < 0.1:
            headers.append(("Range", "bytes=0-99"))
        if rng.random() < 0.2:
            headers.append(("x-amz-meta-note", "a  b " + "x" * rng.choice([1, 2000])))
        wire = body
        if self.presigned:
            target, signed = signature.presign(key, self.method, target, headers, date)
        else:
            payload = {"hex": signature.sha256(body), "unsigned": "UNSIGNED-PAYLOAD"}.get(self.mode, self.mode)
            is_framed = payload.startswith("STREAMING")
            if is_framed:
                headers += [("x-amz-decoded-content-length", str(len(body))), ("Content-Encoding", "aws-chunked")]
                headers += [("x-amz-trailer", "x-amz-checksum-crc32")] if payload.endswith("TRAILER") else []
            elif self.operation == "delete-objects":
                headers.append(("x-amz-checksum-crc32", signature.crc32(body)))
            signed = signature.sign_header(key, self.method, target, headers, payload, date)
            if is_framed:
                chain = signature.Chain(key, date, signed)
                wire = signature.framed(body, payload, chain, rng.choice(CHUNKS))
                self.signatures += chain.all
        self.signatures.append(signed)
        if self.fault == "body":
            wire = self.spoil(wire)
        if self.fault == "signature":
            wrong = signed[:5] + ("0" if signed[5] != "0" else "1") + signed[6:]
            target = target.replace(signed, wrong)
            headers = [(name, value.replace(signed, wrong)) for name, value in headers]
        if self.fault == "method":
            self.method = {"GET": "HEAD", "HEAD": "GET", "PUT": "POST", "POST": "PUT", "DELETE": "GET"}[self.method]
        # As curl takes them, which frames by itself.
        self.target, self.headers, self.wire = target, list(headers), wire
        if self.body is not None:
            headers.append(("Transfer-Encoding", "chunked") if self.chunked else ("Content-Length", str(len(wire))))
        if self.expects:
            headers.append(("Expect", "100-continue"))
        rng.shuffle(headers)
        lines = [f"{self.method} {target} {self.version}", *(f"{name}: {value}" for name, value in headers), "", ""]
        self.head = "\r\n".join(lines).encode()
        self.tail = self.in_chunks(wire) if self.chunked else wire

    def in_chunks(self, wire):
        """In the chunked transfer coding."""
        out, at = [], 0
        while at < len(wire):
            piece = wire[at : at + self.rng.choice([1, 1000, 8192, 100_000] if len(wire) < 50_000 else [8192, 60_000])]
            out.append(b"%x\r\n%s\r\n" % (len(piece), piece))
            at += len(piece)
        return b"".join(out) + b"0\r\n\r\n"

    def spoil(self, wire):
        """The body with a byte changed, anywhere or at its end."""
        is_at_end = self.rng.random() < 0.3 and self.mode.startswith("STREAMING")
        lowest = max(0, len(wire) - 60) if is_at_end else 0
        self.spoilt_at = at = self.rng.randrange(lowest, len(wire) - (5 if is_at_end else 0))
        was = wire[at]
        # Another case of a letter is another byte of an object, but the same hexadecimal digit, and the same name.
        others = [other for other in (was ^ 1, was ^ 0x40, 0x0A, 0x30) if chr(other).lower() != chr(was).lower()]
        return wire[:at] + bytes([self.rng.choice(others)]) + wire[at + 1 :]

    def may_be_complete(self):
        """Whether an origin may get all of it."""
        if self.fault != "body":
            return self.fault == ""
        if self.server.options["verify_payload"]:
            return False
        if self.mode == "hex":
            # The origin is asked to check it, but where the module has made another body of it.
            return not (self.operation == "delete-objects" and self.key is TENANT)
        # What the trailer says is checked on demand, or where the frames are taken off; form and length always.
        return self.mode == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" and not self.server.group.frames_off

    def is_alone(self):
        """Whether nothing else goes over its connection."""
        return self.http2 or self.aborts or self.version == "HTTP/1.0"

    def forget_bodies(self):
        """Once all is judged, so that a long run remembers no more than it needs."""
        self.wire = self.head = self.tail = self.body = b""

    def describe(self):
        names = ("mode", "presigned", "fault", "spoilt_at", "chunked", "aborts", "expects", "pieces", "slow_read", "http2")
        said = ", ".join(f"{name} {getattr(self, name)}" for name in names if getattr(self, name) not in (None, False, ""))
        size = "no body" if self.body is None else f"{len(self.body)} bytes"
        line = f"  {self.number} {self.operation}: {self.method} {self.target[:200]} {self.version}, {self.key.name}, {size}, {said}"
        return "\n".join([line, *(f"    {attempt.describe()}" for attempt in self.attempts)])
