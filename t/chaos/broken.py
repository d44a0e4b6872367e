"""Answers that are errors, or are no answers: what origins do on a bad day. Steps and `relay` are those of answers.py."""

import gzip

import answers

ERRORS = [
    (400, "InvalidArgument"),
    (403, "AccessDenied"),
    (404, "NoSuchKey"),
    (405, "MethodNotAllowed"),
    (409, "OperationAborted"),
    (412, "PreconditionFailed"),
    (416, "InvalidRange"),
    (429, "TooManyRequests"),
    (500, "InternalError"),
    (501, "NotImplemented"),
    (502, "BadGateway"),
]
STATUS_LINES = [
    "HTTP/1.1 200",
    "HTTP/1.1 200 ",
    "HTTP/1.1  200 Fine",
    "HTTP/1.1 200Fine",
    "HTTP/1.1 20 Fine",
    "HTTP/1.1 099 Fine",
    "HTTP/1.1 299 Fine",
    "HTTP/1.1 600 Fine",
    "HTTP/2.0 200 Fine",
    "HTTP/9.9 200 Fine",
    "http/1.1 200 Fine",
    "ICY 200 OK",
]
HEADER_LINES = [
    b"x-nul: a\0b\r\n",
    b"no colon\r\n",
    b"x space: 1\r\n",
    b": nameless\r\n",
    b" folded\r\n",
    b"x-cr: a\rb\r\n",
    b"x-high: \xff\xfe\r\n",
    b"x-lf: 1\n",
    b"x_under: 1\r\n",
    b"\x01: 1\r\n",
]
LENGTHS = ["-1", "9223372036854775807", "99999999999999999999999", "1e3", "0x10", "", "5, 5", "+5"]
CODINGS = ["gzip, chunked", "identity", "chunked, chunked", "Chunked", "xchunked"]
CHUNK_ENDS = [
    b"zz\r\nhello\r\n0\r\n\r\n",
    b"5\r\nPOISO!\r\n0\r\n\r\n",
    b"ffffffffffffffffff\r\nx",
    b"-1\r\nx\r\n0\r\n\r\n",
    b"7fffffffffffffff\r\nPOISON",
    b"\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
]
XML = "Content-Type: application/xml"
CODED = "Transfer-Encoding: chunked"


def some(a, data):
    """A beginning of it that is not all."""
    return data[: a.rng.randrange(len(data))] if data else data


def said_error(a, status, code):
    """An error in one of the forms in which they come."""
    rng, text = a.rng, a.error(code)
    form = rng.random()
    if form < 0.1:
        text = b"<html>" + text + b"</html>"
    elif form < 0.2:
        text = b""
    return framed_error(a, status, text, XML)


def framed_error(a, status, text, *lines):
    form = a.rng.choice(["length", "length", "chunked", "closing", "half"])
    if a.attempt.method == "HEAD" or form == "length":
        return a.other(status, text, *lines)
    if form == "chunked":
        return a.says("whole", a.head(*lines, CODED, status=status) + a.chunks(text), "keep", status=status, body=text)
    if form == "closing":
        return a.says("whole", a.head(*lines, "Connection: close", status=status) + text, "close", status=status, body=text)
    head = a.head(*lines, f"Content-Length: {len(text) + 10}", status=status)
    return a.says("cut", head + text, "close", status=status, body=text)


def gzip_error(a):
    text = gzip.compress(a.error(a.rng.choice(["AccessDenied", "InvalidAccessKeyId", "NoSuchKey"])))
    return framed_error(a, a.rng.choice([403, 400, 404, 500]), text, XML, "Content-Encoding: gzip")


def held_error(a, large=False, breaks=False):
    """An error of which nginx has to wait for the code: in small pieces, large, or one that breaks off."""
    rng = a.rng
    status = rng.choice([400, 401, 403, 403, 404, 500, 503])
    text = a.error(rng.choice([*answers.KEY_FAULTS, "AccessDenied", "InvalidArgument", "SlowDown"]))
    if large:
        text = text.replace(b"<Message>", b"<Message>" + b"long " * rng.choice([900, 3500, 13_200, 40_000]))
    coded = rng.random() < 0.4 and a.attempt.method != "HEAD"
    sent = b"" if a.attempt.method == "HEAD" else a.chunks(text) if coded else text
    steps = [a.head(XML, CODED if coded else f"Content-Length: {len(text)}", status=status)]
    if breaks and sent:
        end = rng.choice([["close"], ["reset"], [1.6, "close"]])
        return a.says("cut", *steps, rng.choice([0.0, 0.05]), some(a, sent), *end, status=status, body=text)
    at = 0
    while at < len(sent):
        size = rng.choice([1, 20, 200]) if len(sent) < 2000 else 8000
        steps += [sent[at : at + size], rng.choice([0.0, 0.0, 0.005])]
        at += size
    return a.says("whole", *steps, "keep", status=status, body=text)


def half_head(a):
    text = a.head(a.length)
    return a.says("none", text[: a.rng.randrange(1, len(text) - 3)], a.rng.choice(["close", "garbage", "reset"]), status=0)


def half_body(a, *end):
    if not a.sent():
        return a.good()
    return a.says("cut", a.head(a.length), some(a, a.body), *end)


def half_chunked(a, end):
    if a.is_empty:
        return a.good()
    text = a.chunks(a.body)
    return a.says("cut", a.head(CODED), text[: a.rng.randrange(len(text) - 2)], end)


def after_chunks(a):
    if a.is_empty:
        return a.good()
    extra = a.rng.choice([answers.POISON, b"\r\n", answers.POISON * 1000])
    return a.says("whole", a.head(CODED) + a.chunks(a.body) + extra, a.rng.choice(["keep", "close"]))


def bad_chunk(a):
    if a.is_empty:
        return a.good()
    text = a.chunks(a.body, b"") + a.rng.choice(CHUNK_ENDS)
    return a.says("broken", a.head(CODED), text, a.rng.choice(["close", "keep"]))


def short_length(a):
    extra = answers.POISON * a.rng.choice([1, 100, 3000])
    return a.says("whole", a.head_with_length() + a.sent() + extra, a.rng.choice(["keep", "close"]))


def twice(a):
    second = b"HTTP/1.1 200 Poison\r\nx-poison: 1\r\nContent-Length: %d\r\n\r\n" % len(answers.POISON)
    return a.says("whole", a.head_with_length() + a.sent() + second + answers.POISON, "keep")


def body_of_none(a):
    status = a.rng.choice([204, 304])
    text = a.head(a.length, status=status) + answers.POISON * a.rng.choice([1, 400])
    return a.says("whole", text, a.rng.choice(["keep", "close"]), status=status, body=b"")


def length_and_chunked(a):
    head = a.head(f"Content-Length: {a.rng.choice([5, len(a.body)])}", CODED)
    return a.says("any", head + (b"" if a.is_empty else a.chunks(a.body)), "keep")


def odd_encoding(a):
    head = a.head(f"Transfer-Encoding: {a.rng.choice(CODINGS)}")
    return a.says("any", head + (b"" if a.is_empty else a.chunks(a.body)), "close")


def odd_head(a):
    return a.says("any", a.head_with_length()[:-2] + a.rng.choice(HEADER_LINES) + b"\r\n" + a.sent(), "close")


def odd_status(a):
    head = "\r\n".join([a.rng.choice(STATUS_LINES), *a.lines, a.length, "", ""]).encode()
    return a.says("any", head + a.sent(), a.rng.choice(["keep", "close"]))


def many_interim(a):
    first = b"HTTP/1.1 103 Early Hints\r\nLink: </xxxxxxxxxxxxxxxxxxxxxxxxxx>\r\n\r\n" * a.rng.choice([20, 500])
    return a.says("any", first + a.head_with_length() + a.sent(), "keep")


def huge_head(a):
    return a.says("none", a.head(f"x-large: {'x' * a.rng.choice([20_000, 70_000])}", a.length) + a.sent(), "keep", status=0)


def error_in_200(a):
    """As CopyObject and CompleteMultipartUpload have it."""
    return a.other(200, a.error("InternalError")) if a.attempt.xml else a.good()


def half_document(a):
    """Whole to HTTP, and half to XML: where it is put into the client's words it is cut, else it passes."""
    return a.other(200, a.body[: len(a.body) // 2], relay="any") if a.attempt.xml else a.good()


def corrupt_document(a):
    if not a.attempt.xml:
        return a.good()
    rng, body = a.rng, a.body
    at = rng.randrange(len(body))
    changes = [
        body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :],
        body[:at] + body[at + 1 :],
        body[:at] + body[rng.randrange(len(body)) :],
        body + body[:at],
    ]
    return a.other(200, rng.choice(changes), relay="any")


def differ(a):
    other = f"Content-Length: {len(a.body) + a.rng.choice([1, 5])}"
    return a.says("any", a.head(a.length, other) + a.sent(), "close")


KINDS = {
    "after-chunks": (8, after_chunks),
    "bad-chunk": (14, bad_chunk),
    "body-of-none": (10, body_of_none),
    "broken-error": (14, lambda a: held_error(a, breaks=True)),
    "close": (12, lambda a: a.says("none", "close", status=0)),
    "corrupt-xml": (12, corrupt_document),
    "error": (60, lambda a: said_error(a, *a.rng.choice(ERRORS))),
    "gzip-error": (8, gzip_error),
    "half-body": (20, lambda a: half_body(a, "close")),
    "half-body-garbage": (6, lambda a: half_body(a, "garbage")),
    "half-body-reset": (12, lambda a: half_body(a, "reset")),
    "half-chunked": (16, lambda a: half_chunked(a, "close")),
    "half-chunked-garbage": (4, lambda a: half_chunked(a, "garbage")),
    "half-chunked-reset": (6, lambda a: half_chunked(a, "reset")),
    "half-head": (8, half_head),
    "hang": (3, lambda a: a.says("none", 1.6, "close", status=0)),
    "head-only": (10, lambda a: a.says("cut" if a.sent() else "whole", a.head_with_length(), "close")),
    "huge-head": (6, huge_head),
    "large-error": (4, lambda a: held_error(a, large=True)),
    "length-and-chunked": (6, length_and_chunked),
    "many-interim": (4, many_interim),
    "odd-encoding": (6, odd_encoding),
    "odd-head": (10, odd_head),
    "odd-length": (8, lambda a: a.says("any", a.head(f"Content-Length: {a.rng.choice(LENGTHS)}") + a.sent(), "close")),
    "odd-status": (10, odd_status),
    "refused-key": (12, lambda a: said_error(a, a.rng.choice([400, 403]), a.rng.choice(answers.KEY_FAULTS))),
    "reset": (10, lambda a: a.says("none", "reset", status=0)),
    "short-length": (12, short_length),
    "slow-down": (10, lambda a: said_error(a, 503, "SlowDown")),
    "slow-error": (14, held_error),
    "stall": (4, lambda a: half_body(a, 1.6, "close")),
    "truncated-xml": (6, half_document),
    "twice": (12, twice),
    "two-lengths": (6, lambda a: a.says("any", a.head(a.length, a.length) + a.sent(), "keep")),
    "two-lengths-differ": (6, differ),
    "unavailable": (25, lambda a: said_error(a, 503, "ServiceUnavailable")),
    "xml-error-200": (6, error_in_200),
}
