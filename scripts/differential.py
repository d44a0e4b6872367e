"""Random S3 requests that botocore signs, half of them changed afterwards, held against the verifier: differential.py BINARY COUNT SEED.

What botocore signed must verify, in any spelling of the same request; what was changed must not.
"""

import json
import random
import subprocess
import sys
import threading
import urllib.parse

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

binary, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)

CREDENTIALS = [
    Credentials("AKIDCLIENT", "cLiEnT+Secret/Key=0123456789abcdefEXAMPLE"),
    Credentials(
        "ASIACLIENT", "tEmP+Secret/Key=0123456789abcdefEXAMPLE0", "FwoGZXIvYXdzEXAMPLE//token+with/specials=="
    ),
]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
STREAMING = [
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
]
# Blanks within are collapsed by both; what Python alone calls a blank, and controls, no client sends.
VALUE = [chr(byte) for byte in range(0x21, 0x7F)] + [" ", " ", "  ", "\t"]
# The last two are names whose hash is 0 to nginx, or that are made of symbols.
NAMES = ["x-amz-meta-", "X-Amz-Meta-", "cache-control-", "x-custom_", "!#$%&'*+-.^_`|~", "x-amz-meta-7zcm10vylp8iyd01d"]
SUBRESOURCES = ["acl", "uploads", "versionId", "prefix", "list-type", "partNumber", "response-content-type", "select"]


def quote(data, safe=""):
    return urllib.parse.quote(data, safe=safe + "-_.~")


def random_bytes(most, lowest=0):
    return bytes(rng.randint(lowest, 255) for _ in range(rng.randint(0, most)))


class Header(S3SigV4Auth):
    """Signs whatever payload line it is told."""

    def __init__(self, line, *arguments):
        super().__init__(*arguments)
        self.line = line

    def payload(self, request):
        return self.line


def value():
    text = "".join(rng.choice(VALUE) for _ in range(rng.randint(0, 30)))
    return text if rng.random() < 0.9 else ""


def signed():
    """Method, path, query pairs and headers of a request that botocore signed, and whether it is presigned."""
    method = rng.choice(["GET", "GET", "PUT", "PUT", "HEAD", "DELETE", "POST"])
    # No NUL: no key may have one. A slash is never escaped.
    path = "/bucket" + ("/" + quote(random_bytes(24, 1), "/") if rng.random() < 0.95 else "")
    pairs = {}
    for _ in range(rng.choice([0, 0, 1, 2, 5, 12])):
        name = rng.choice(SUBRESOURCES) if rng.random() < 0.5 else "q" + quote(random_bytes(6))
        pairs[name] = quote(random_bytes(10)) if rng.random() < 0.8 else ""
    headers = {}
    for _ in range(rng.choice([0, 1, 3, 8])):
        name = rng.choice(NAMES)
        name += rng.choice("abcxyz019") + rng.choice("abc") if name[-1] in "-_" else ""
        if name.lower() not in map(str.lower, headers):
            headers[name] = value()
    host = rng.choice(["s3.example.com", "s3.example.com:8443", "127.0.0.1:9000", "[::1]:80"])
    line = rng.choice(["UNSIGNED-PAYLOAD", EMPTY])
    presigned = rng.random() < 0.3
    if method in ("PUT", "POST"):
        headers["Content-Length"] = str(rng.randint(0, 1 << 30))
    if method == "PUT" and not presigned and path.count("/") > 1 and len(path) > 9 and rng.random() < 0.3:
        # Sub-resources are not uploaded to in chunks.
        pairs, line = {}, rng.choice(STREAMING)
        headers |= {"x-amz-decoded-content-length": "5", "Content-Encoding": "aws-chunked"}
        if line.endswith("TRAILER"):
            headers["x-amz-trailer"] = "x-amz-checksum-crc32"
    query = "&".join(f"{name}={text}" for name, text in pairs.items())
    url = f"https://{host}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, headers=headers)
    credentials = rng.choice(CREDENTIALS)
    region = rng.choice(["us-east-1", "eu-central-1", "auto", "x"])
    if presigned:
        S3SigV4QueryAuth(credentials, "s3", region, expires=rng.choice([1, 900, 604800])).add_auth(request)
    else:
        Header(line, credentials, "s3", region).add_auth(request)
    parts = urllib.parse.urlsplit(request.url)
    pairs = [pair.split("=", 1) for pair in parts.query.split("&") if pair]
    headers = [[name, text] for name, text in request.headers.items() if name.lower() != "host"]
    return method, parts.path, pairs, [["Host", host]] + headers, presigned


def respelled(text):
    """Another spelling of the same bytes."""
    out = []
    rest = text
    while rest:
        if rest[0] == "%" and rng.random() < 0.5:
            out.append(rest[:3].lower())
            rest = rest[3:]
        elif rest[0] == "%":
            out.append("+" if rest[:3] == "%20" and rng.random() < 0.5 else rest[:3])
            rest = rest[3:]
        else:
            plain = rest[0] != "/" and rng.random() < 0.1
            out.append(f"%{ord(rest[0]):02X}" if plain else rest[0])
            rest = rest[1:]
    return "".join(out)


def changed(method, path, pairs, headers, presigned):
    """The request with one difference that matters; none where there was nothing to change that way."""
    kind = rng.randrange(9)
    names = {name.lower(): at for at, (name, _) in enumerate(headers)}
    if kind == 0:
        method = rng.choice([other for other in ["GET", "PUT", "HEAD", "DELETE", "POST"] if other != method])
    elif kind == 1:
        at = rng.randint(1, len(path))
        # Not within an escape, where it would be no request at all.
        if "%" in path[max(0, at - 2) : at]:
            return None
        path = path[:at] + rng.choice("az09~%") + ("41" if path[at - 1 : at] == "" else "") + path[at:]
        if path.count("%") and any(len(piece) < 2 for piece in path.split("%")[1:]):
            return None
    elif kind == 2:
        pairs = pairs + [["zz" + rng.choice("abc"), ""]]
    elif kind == 3 and pairs:
        at = rng.randrange(len(pairs))
        pairs = [list(pair) for pair in pairs]
        pairs[at][1] += rng.choice("a0")
    elif kind == 4 and pairs:
        pairs = list(pairs)
        pairs.pop(rng.randrange(len(pairs)))
    elif kind == 5:
        headers = [list(pair) for pair in headers]
        # Authorization's own faults are kind 7's.
        signed_ones = [at for name, at in names.items() if name.startswith(("x-amz-", "host", "x-custom", "cache-"))]
        headers[rng.choice(signed_ones)][1] += "a"
    elif kind == 6:
        signed_ones = [at for name, at in names.items() if name.startswith(("x-amz-meta", "host", "x-custom", "cache-"))]
        headers = list(headers)
        headers.pop(rng.choice(signed_ones))
    elif kind == 7:
        place = "authorization"
        flip = lambda digit: rng.choice([other for other in "0123456789abcdef" if other != digit])
        if presigned:
            pairs = [list(pair) for pair in pairs]
            pair = next(pair for pair in pairs if pair[0] == "X-Amz-Signature")
            at = rng.randrange(64)
            pair[1] = pair[1][:at] + flip(pair[1][at]) + pair[1][at + 1 :]
        else:
            headers = [list(pair) for pair in headers]
            pair = headers[names[place]]
            at = len(pair[1]) - rng.randint(1, 64)
            pair[1] = pair[1][:at] + flip(pair[1][at]) + pair[1][at + 1 :]
    elif kind == 8:
        name = rng.choice(["x-amz-acl", "x-amz-copy-source", "X-Amz-Meta-Zz", "x-amz-meta-7zcm10vylp8iyd01dzz", "x-amz-tagging"])
        headers = headers + [[name, "a"]]
    else:
        return None
    return method, path, pairs, headers


def cases():
    made = 0
    while made < count:
        method, path, pairs, headers, presigned = signed()
        dates = [text for name, text in headers if name.lower() == "x-amz-date"]
        dates += [text for name, text in pairs if name == "X-Amz-Date"]
        wanted = made % 2 == 0
        if not wanted:
            other = changed(method, path, pairs, headers, presigned)
            if other is None:
                continue
            method, path, pairs, headers = other
        elif rng.random() < 0.5:
            head, _, key = path[1:].partition("/")
            path = "/" + head + ("/" + respelled(key) if "/" in path[1:] else "")
            pairs = [[respelled(name) if not presigned else name, respelled(text)] for name, text in pairs]
            rng.shuffle(pairs)
            headers = [[name, f" {text.replace(' ', '  ')}"] if "meta" in name.lower() else [name, text] for name, text in headers]
            headers = [[name.swapcase(), text] for name, text in headers]
        query = "&".join(f"{name}={text}" if text or rng.random() < 0.5 else name for name, text in pairs)
        target = path + ("?" + query if query else "")
        made += 1
        yield wanted, {"method": method, "target": target, "headers": headers, "now": dates[0]}


process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii", errors="replace")
asked = []


def ask():
    with process.stdin as pipe:
        for case in cases():
            asked.append(case)
            pipe.write(json.dumps(case[1]) + "\n")


writer = threading.Thread(target=ask)
writer.start()
wrong, passed, answered = 0, 0, 0
for line in process.stdout:
    wanted, request = asked[answered]
    asked[answered] = None
    answered += 1
    verdict = line.strip()
    passed += verdict == "ok"
    if (verdict == "ok") != wanted:
        wrong += 1
        if wrong <= 10:
            print(f"{'refused' if wanted else 'PASSED'}: {verdict}\n  {json.dumps(request)}")
writer.join()
if process.wait() != 0 or answered != count or wrong:
    sys.exit(f"differential: {wrong} wrong verdicts of {answered} ({count} asked, seed {seed})")
print(f"differential: {count} requests, {passed} accepted, {count - passed} refused, no wrong verdict (seed {seed})")
