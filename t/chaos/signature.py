"""Signature V4 of a client and the judgement of an origin, by AWS's own description and none of the module's code."""

import base64
import hashlib
import hmac
import time
import urllib.parse
import zlib

EMPTY = hashlib.sha256(b"").hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def quote(text, safe="-_.~"):
    return urllib.parse.quote(text, safe=safe)


class Key:
    def __init__(self, name, secret, region):
        self.name, self.secret, self.region = name, secret, region

    def at(self, date):
        key = ("AWS4" + self.secret).encode()
        for part in (date[:8], self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key

    def scope(self, date):
        return f"{date[:8]}/{self.region}/s3/aws4_request"

    def sign(self, date, text):
        return hmac.new(self.at(date), text.encode(), hashlib.sha256).hexdigest()


class Chain:
    """Signatures of chunks, each upon the one before."""

    def __init__(self, key, date, seed):
        self.key, self.date, self.last, self.all = key, date, seed, []

    def next(self, kind, *hashes):
        lines = [f"AWS4-HMAC-SHA256-{kind}", self.date, self.key.scope(self.date), self.last, *hashes]
        self.last = self.key.sign(self.date, "\n".join(lines))
        self.all.append(self.last)
        return self.last

    def chunk(self, data):
        return self.next("PAYLOAD", EMPTY, sha256(data))

    def trailer(self, line):
        return self.next("TRAILER", sha256(line + b"\n"))


def now(offset=0):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + offset))


def canonical(method, target, headers, names, payload):
    """`headers` are pairs, in any case; `target` is encoded as S3 has it."""
    path, _, query = target.partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    pairs = sorted((name, value) for name, value in pairs if name != "X-Amz-Signature")
    values = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    lines = [method, path, "&".join(f"{name}={value}" for name, value in pairs)]
    lines += [f"{name}:{','.join(values.get(name, ['?']))}" for name in names] + ["", ";".join(names), payload]
    return "\n".join(lines)


def string_to_sign(key, date, request):
    return "\n".join(["AWS4-HMAC-SHA256", date, key.scope(date), sha256(request.encode())])


def sign_header(key, method, target, headers, payload, date):
    headers += [("x-amz-date", date), ("x-amz-content-sha256", payload)]
    names = sorted(
        {name.lower() for name, _ in headers if name.lower() in ("host", "content-md5") or name.lower().startswith("x-amz-")}
    )
    signature = key.sign(date, string_to_sign(key, date, canonical(method, target, headers, names, payload)))
    headers.append(
        (
            "Authorization",
            f"AWS4-HMAC-SHA256 Credential={key.name}/{key.scope(date)}, SignedHeaders={';'.join(names)}, Signature={signature}",
        )
    )
    return signature


def presign(key, method, target, headers, date, expires=300):
    names = sorted({name.lower() for name, _ in headers if name.lower() == "host" or name.lower().startswith("x-amz-")})
    pairs = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key.name}/{key.scope(date)}",
        "X-Amz-Date": date,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": ";".join(names),
    }
    target += ("&" if "?" in target else "?") + "&".join(f"{name}={quote(value)}" for name, value in pairs.items())
    signature = key.sign(date, string_to_sign(key, date, canonical(method, target, headers, names, "UNSIGNED-PAYLOAD")))
    return f"{target}&X-Amz-Signature={signature}", signature


def fault_of(key, method, target, headers):
    """What is wrong with a request that has come to an origin with this key, or None; and the chain of its chunks."""
    values = {name.lower(): value for name, value in headers}
    authorization = values.get("authorization", "")
    try:
        parts = dict(part.strip().split("=", 1) for part in authorization.removeprefix("AWS4-HMAC-SHA256 ").split(","))
        names, date, payload = parts["SignedHeaders"].split(";"), values["x-amz-date"], values["x-amz-content-sha256"]
    except (KeyError, ValueError):
        return f"no signature: {authorization!r} {list(values)}", None
    if parts["Credential"] != f"{key.name}/{key.scope(date)}":
        return f"signed by {parts['Credential']}", None
    for name in values:
        if (name == "host" or name.startswith("x-amz-")) and name not in names:
            return f"{name} is not signed", None
    if "X-Amz-" in target:
        return f"query authentication goes on: {target}", None
    request = canonical(method, target, headers, names, payload)
    if key.sign(date, string_to_sign(key, date, request)) != parts["Signature"]:
        return f"wrong signature of {request!r}", None
    return None, Chain(key, date, parts["Signature"])


def framed(body, payload, chain, size):
    """A body in aws-chunked framing, by chunks of `size`."""
    signed, out = "HMAC" in payload, []
    for at in [*range(0, len(body), size), len(body)]:
        chunk = body[at : at + size]
        extension = b";chunk-signature=" + chain.chunk(chunk).encode() if signed else b""
        out.append(b"%x%s\r\n" % (len(chunk), extension))
        out += [chunk, b"\r\n"] if chunk else []
    if payload.endswith("TRAILER"):
        line = b"x-amz-checksum-crc32:" + crc32(body).encode()
        out.append(line + b"\r\n")
        out += [b"x-amz-trailer-signature:" + chain.trailer(line).encode() + b"\r\n"] if signed else []
    return b"".join(out) + b"\r\n"


def frames(data, payload, chain):
    """The object in an aws-chunked body as far as it has come: (object, whether it is whole, fault)."""
    signed, trailing = "HMAC" in payload, payload.endswith("TRAILER")
    out, at = [], 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return b"".join(out), False, None
        size, _, extension = data[at:end].partition(b";")
        length = int(size, 16)
        chunk = data[end + 2 : end + 2 + length]
        if length and len(data) < end + 2 + length + 2:
            # What of a chunk has come is data like any other, whatever its signature.
            return b"".join(out) + chunk, False, None
        if signed:
            if extension != b"chunk-signature=" + chain.chunk(chunk).encode():
                return b"".join(out), False, f"chunk of {length} at {at} is signed wrong"
        elif extension:
            return b"".join(out), False, f"extension {extension!r}"
        if length == 0:
            rest = data[end + 2 :]
            break
        if data[end + 2 + length : end + 4 + length] != b"\r\n":
            return b"".join(out), False, "no line end behind a chunk"
        out.append(chunk)
        at = end + 2 + length + 2
    out = b"".join(out)
    if not rest.endswith(b"\r\n"):
        return out, False, None
    if not trailing:
        return out, rest == b"\r\n", None if rest == b"\r\n" else f"behind the end: {rest[:80]!r}"
    if not rest.endswith(b"\r\n\r\n"):
        return out, False, None
    lines = rest[:-4].split(b"\r\n")
    if signed:
        if len(lines) != 2 or lines[1] != b"x-amz-trailer-signature:" + chain.trailer(lines[0]).encode():
            return out, False, f"trailer is signed wrong: {lines}"
    elif len(lines) != 1:
        return out, False, f"trailer: {lines}"
    return out, True, None
