"""What an origin answers: kinds of answers, each with what a client may get of it.

An answer is a list of steps: bytes to send, seconds to wait, or "close", "garbage", "reset" or "keep" of the connection. `relay` is
"whole" where a client gets it as it is, "cut" where it must see that something is missing, "broken" where it must see that and may get
what nginx has made of the rest, "none" where nothing of it may come through, and "any" where nginx may read it in more than one way.
"""

import broken
from asked import SIZES, WEIGHTS, cached_object, pattern

# What must never come to a client: 32 bytes, as a piece of a pattern has.
POISON = b"POISON--POISON--POISON--POISON-\n"
KEY_FAULTS = ["ExpiredToken", "InvalidAccessKeyId", "RequestTimeTooSkewed", "SignatureDoesNotMatch"]


class Attempt:
    """A request as it came to an origin, and what was answered."""

    def __init__(self, origin, index, method, payload, chain):
        self.origin, self.index, self.method, self.payload, self.chain = origin, index, method, payload, chain
        self.data, self.partial, self.received, self.complete = bytearray(), b"", 0, False
        self.token = self.kind = self.relay = self.status = self.body = self.reads = None
        self.code, self.xml = "", False

    def is_withheld(self, next_upstream):
        """Whether a client may get something else in its place."""
        if self.code in KEY_FAULTS or self.kind == "gzip-error" or self.status in (400, 401, 403):
            return True
        return self.code == "SlowDown" or f"http_{self.status}" in next_upstream

    def describe(self):
        come = f"{self.received} bytes{', whole' if self.complete else ''}"
        answered = f"answers {self.kind} {self.status}, relay {self.relay}"
        return f"attempt {self.index} at {self.origin.name}: {come}; reads {self.reads}, {answered}"


def document(case, attempt, rng):
    """XML as S3 has it for this operation, with the attempt's token in it; none for objects."""
    token, bucket = attempt.token, attempt.origin.bucket
    key = f"{'tenants/a/' if case.key.name == 'AKIDTENANT' else ''}k{case.number}"
    place = f"<Bucket>{bucket}</Bucket><Key>{key}</Key>"
    entry = f"<Contents><Key>{key}-1</Key><ETag>{token}</ETag><Size>1</Size></Contents>"
    owner = f"<Owner><ID>{token}</ID></Owner>"
    texts = {
        "buckets": f"<ListAllMyBucketsResult>{owner}<Buckets><Bucket><Name>{bucket}</Name></Bucket></Buckets></ListAllMyBucketsResult>",
        "complete": f"<CompleteMultipartUploadResult><Location>http://127.0.0.1/{bucket}/{key}</Location>{place}<ETag>{token}</ETag>"
        "</CompleteMultipartUploadResult>",
        "copy": f"<CopyObjectResult><ETag>{token}</ETag></CopyObjectResult>",
        "delete-objects": f"<DeleteResult><Deleted><Key>{key}</Key></Deleted><Note>{token}</Note></DeleteResult>",
        "initiate": f"<InitiateMultipartUploadResult>{place}<UploadId>{token}</UploadId></InitiateMultipartUploadResult>",
        "list": f"<ListBucketResult><Name>{bucket}</Name><Prefix>{key}</Prefix>{entry * rng.choice([1, 1000])}</ListBucketResult>",
        "location": "<LocationConstraint>eu-west-1</LocationConstraint>",
    }
    text = texts.get(case.operation)
    return text and f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


class Answer:
    """The answer to an attempt, as a good origin would have it, and the parts of which others are made."""

    def __init__(self, case, attempt, rng):
        self.case, self.attempt, self.rng = case, attempt, rng
        token = attempt.token = f"{case.number}.{attempt.index}.{attempt.origin.name}"
        self.status = 204 if attempt.method == "DELETE" else 200
        self.body = document(case, attempt, rng)
        attempt.xml = self.body is not None
        self.lines = [f"x-chaos: {token}", f"x-amz-request-id: {token}", f'ETag: "{token}"']
        if case.operation == "cached":
            self.body = cached_object(case.object)
            self.lines[2] = f'ETag: "cached-{case.object}"'
        elif attempt.xml:
            self.lines.append("Content-Type: application/xml")
        elif attempt.method in ("GET", "HEAD"):
            self.body = pattern(token, rng.choices(SIZES, WEIGHTS)[0])
        self.body = self.body or b""
        self.is_empty = attempt.method == "HEAD" or self.status == 204
        self.length = f"Content-Length: {len(self.body)}"

    def says(self, relay, *steps, status=None, body=None):
        """Notes what comes of these steps."""
        attempt = self.attempt
        attempt.relay, attempt.status = relay, self.status if status is None else status
        attempt.body = self.body if body is None else body
        return list(steps)

    def head(self, *lines, status=None, version="HTTP/1.1"):
        return "\r\n".join([f"{version} {status or self.status} Fine", *self.lines, *lines, "", ""]).encode()

    def head_with_length(self, version="HTTP/1.1"):
        return self.head(*([] if self.status == 204 else [self.length]), version=version)

    def sent(self):
        """The body, where this answer has one."""
        return b"" if self.is_empty else self.body

    def good(self):
        return self.says("whole", self.head_with_length() + self.sent(), "keep")

    def other(self, status, body, *lines, relay="whole"):
        """Another status and body, with its length."""
        if status in (204, 304):
            return self.says(relay, self.head(*lines, status=status), "keep", status=status, body=b"")
        text = b"" if self.attempt.method == "HEAD" else body
        head = self.head(*lines, f"Content-Length: {len(body)}", status=status)
        return self.says(relay, head + text, "keep", status=status, body=body)

    def error(self, code):
        attempt = self.attempt
        attempt.code = code
        text = f"<Code>{code}</Code><Message>said at an origin</Message><RequestId>{attempt.token}</RequestId>"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{text}</Error>'.encode()

    def chunks(self, body, end=b"0\r\n\r\n"):
        out, at, rng = [], 0, self.rng
        while at < len(body):
            piece = body[at : at + rng.choice([1, 7, 1000, 8192, 30_000] if len(body) < 10_000 else [4096, 8192, 70_000])]
            out.append(b"%x%s\r\n%s\r\n" % (len(piece), rng.choice([b"", b"", b";a=b"]), piece))
            at += len(piece)
        return b"".join(out) + end


def chunked(a):
    if a.is_empty:
        return a.good()
    end = a.rng.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"0;x=y\r\n\r\n", b"0\r\nx-trailer: yes\r\n\r\n", b"000\r\n\r\n"])
    return a.says("whole", a.head("Transfer-Encoding: chunked") + a.chunks(a.body, end), a.rng.choice(["keep", "close"]))


def closing(a):
    return a.says("whole", a.head("Connection: close") + a.sent(), "close")


def dribble(a):
    text = a.head_with_length() + a.sent()
    return a.says("whole", *(text[at : at + 1] for at in range(min(len(text), 600))), text[600:], "keep")


def interim(a):
    first = [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ]
    return [a.rng.choice(first), *a.good()]


def empty(a):
    if not a.attempt.xml and a.case.operation != "cached":
        a.body, a.length = b"", "Content-Length: 0"
    return a.good()


def redirect(a):
    body = a.error(a.rng.choice(["PermanentRedirect", "TemporaryRedirect"]))
    place = f"Location: http://elsewhere.example.com/{a.attempt.token}"
    return a.other(a.rng.choice([301, 307]), body, place, "Content-Type: application/xml")


KINDS = {
    "length": (260, Answer.good),
    "chunked": (70, chunked),
    "closing": (25, closing),
    "delay": (20, lambda a: [a.rng.choice([0.01, 0.1, 0.3]), *a.good()]),
    "dribble": (10, dribble),
    "empty": (10, empty),
    "http10": (8, lambda a: a.says("whole", a.head_with_length("HTTP/1.0") + a.sent(), "close")),
    "interim": (20, interim),
    "not-modified": (6, lambda a: a.other(304, b"")),
    "redirect": (10, redirect),
    **broken.KINDS,
}


def answer(case, attempt, rng):
    """Chooses an answer, notes in `attempt` what may come of it, and returns its steps."""
    attempt.kind = rng.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    return KINDS[attempt.kind][1](Answer(case, attempt, rng))
