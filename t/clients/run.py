#!/usr/bin/env python3
"""Drives one real S3 client through every operation against one endpoint and says in TAP how it went.

    run.py --endpoint URL [--ca FILE] [--proxy URL] --access-key K --secret-key S|env:NAME [--region R] [--bucket B]
           [--prefix P] [--origin s3s|swift] [--signature-v2 on|off] CLIENT

CLIENT is one of boto3, aws-cli, rclone, s3cmd, curl, minio-py, and of client-s3 and aws-sdk-rust, which senders/setup installs. There is one line for each operation; what a client has
no command for is skipped with the reason, what the origin behind the endpoint is known not to do is a TODO with the
reason. Every content that is read is compared with what was written. Objects live below a prefix of their own, so that
several runs can share a bucket.
"""

import argparse
import importlib
import os
import random
import re
import shutil
import signal
import ssl
import sys
import tempfile
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, "../../.work/clients/venv")
if os.path.realpath(sys.prefix) != os.path.realpath(VENV) and os.path.exists(VENV + "/bin/python"):
    os.execv(VENV + "/bin/python", [VENV + "/bin/python"] + sys.argv)
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)

from drivers import Failure, Target  # noqa: E402

CLIENTS = {
    "boto3": "boto3_sdk",
    "aws-cli": "aws_cli",
    "rclone": "rclone",
    "s3cmd": "s3cmd",
    "curl": "curl",
    "minio-py": "minio_py",
    "client-s3": "client_s3",
    "aws-sdk-rust": "aws_sdk_rust",
}

# (origin, operation) -> why it fails without any proxy, and how: any other failure counts.
LIMITS = {
    ("s3s", "tag"): ("s3s-fs has no tags", re.compile(r"NotImplemented|501")),
    ("swift", "tag"): ("Swift's s3api has no tags", re.compile(r"NotImplemented|501")),
}

PART = 5 << 20
MISSING = re.compile(r"NoSuchKey|NotFound|404|[Nn]ot [Ff]ound|does not exist")
REFUSED = re.compile(r"SignatureDoesNotMatch|403|Forbidden|AccessDenied")


class Run:
    """The operations in order, and the lines that tell of them."""

    def __init__(self, module, args, scratch):
        self.module = module
        self.args = args
        self.number = 0
        self.failed = 0
        self.scratch = scratch
        self.random = random.Random(args.client)
        self.prefix = args.prefix or f"{args.client}-{os.getpid()}"
        self.target = Target(
            endpoint=args.endpoint,
            access_key=args.access_key,
            secret_key=args.secret_key,
            region=args.region,
            bucket=args.bucket,
            ca=args.ca,
            work=self.directory("own"),
            proxy=args.proxy,
        )
        self.driver = module.Driver(self.target)

    def directory(self, name):
        path = os.path.join(self.scratch, name)
        os.mkdir(path)
        return path

    def all(self):
        client = self.driver
        page = self.random.randbytes(65536)
        # Blanks, plus signs, percent signs, the characters that URI encoders disagree about, and letters of 2 to 4 bytes.
        odd = "blank and+plus/100%25 ~'(x)*!,;=&$@:/grün 漢字 🙂.txt"
        objects = {"empty": b"", "byte": b"\x00", "page": page, odd: b"odd name"}

        for name, data in objects.items():
            self.check(f"put {self.shown(name)}", "put", lambda n=name, d=data: client.put(self.key(n), d))
        for name, data in objects.items():
            self.check(f"get {self.shown(name)}", "get", lambda n=name, d=data: same(client.get(self.key(n)), d))
        self.check("head tells the size", "head", lambda: same(client.head(self.key("page")), len(page)))
        self.check(
            "range of 1000 bytes",
            "get_range",
            lambda: same(client.get_range(self.key("page"), 500, 1499), page[500:1500]),
        )
        self.check(
            "list has every name",
            "list",
            lambda: same(sorted(client.list(self.prefix + "/")), sorted(map(self.key, objects))),
        )
        self.check("the bucket is in the list of buckets", "list_buckets", self.listed)
        self.check("metadata comes back", "metadata", self.metadata)
        self.check("a tag comes back", "tag", self.tag)
        self.check("get of a missing key", "get", lambda: fails(lambda: client.get(self.key("none")), MISSING))
        self.check("wrong secret is refused", "get", lambda: fails(self.wrong_secret, REFUSED))

        self.check("copy", "copy", lambda: client.copy(self.key(odd), self.key("copy of " + odd)))
        self.check("get of the copy", "copy", lambda: same(client.get(self.key("copy of " + odd)), objects[odd]))

        parts = self.random.randbytes(3 * PART)
        self.check("multipart upload of 3 parts", "multipart", lambda: client.multipart(self.key("parts"), parts, PART))
        self.check("get of the 3 parts", "multipart", lambda: same(client.get(self.key("parts")), parts))

        self.check("presigned get", "presign_get", lambda: self.presigned_get(odd, objects[odd]))
        self.check("presigned put", "presign_put", lambda: self.presigned_put("presigned +", page))

        self.check("delete", "delete", lambda: client.delete(self.key("byte")))
        self.check("a deleted key is gone", "delete", lambda: fails(lambda: client.get(self.key("byte")), MISSING))
        self.check("delete of several keys", "delete_many", lambda: self.delete_many(["many/a", "many/b +", "many/ç"]))
        print(f"1..{self.number}", flush=True)

    def key(self, name):
        return f"{self.prefix}/{name}"

    def listed(self):
        names = self.driver.list_buckets()
        if self.args.bucket not in names:
            raise Failure(f"found {names}")

    @staticmethod
    def shown(name):
        return {"empty": "no byte", "byte": "one byte", "page": "64 KiB"}.get(name, "under an odd name")

    def wrong_secret(self):
        target = self.target.with_secret(self.target.secret_key + "x", self.directory("other"))
        self.module.Driver(target).get(self.key("page"))

    def metadata(self):
        # An underscore in a header's name is what nginx drops by default; blanks within a value are signed as one.
        blanks = "  " if getattr(self.driver, "signs_blanks_as_one", True) else " "
        name, value = "made_by", f"two{blanks}blanks, one comma"
        self.driver.put_metadata(self.key("metadata"), b"x", name, value)
        same(self.driver.get_metadata(self.key("metadata"), name), value)

    def tag(self):
        self.driver.put_tag(self.key("page"), "kind", "a page")
        same(self.driver.get_tag(self.key("page"), "kind"), "a page")

    def presigned_get(self, name, data):
        url = self.driver.presign_get(self.key(name))
        if getattr(self.driver, "presigns_v2", False) and self.args.signature_v2 == "off":
            # Where SigV2 is not wanted, the right answer is a refusal.
            return fails(lambda: self.fetch(url), re.compile(r"HTTP 40[03]"))
        return same(self.fetch(url), data)

    def presigned_put(self, name, data):
        self.fetch(self.driver.presign_put(self.key(name)), data)
        same(self.driver.get(self.key(name)), data)

    def delete_many(self, names):
        keys = [self.key(name) for name in names]
        for key in keys:
            self.driver.put(key, b"many")
        self.driver.delete_many(keys)
        for key in keys:
            fails(lambda k=key: self.driver.get(k), MISSING)

    def fetch(self, url, data=None):
        """What a browser would do with a presigned URL: no key, no headers of S3's."""
        self.driver.last = url
        request = urllib.request.Request(url, data=data, method="GET" if data is None else "PUT")
        if data is not None:
            # urllib would add a form's type.
            request.add_header("Content-Type", "application/octet-stream")
        context = ssl.create_default_context(cafile=self.target.ca) if self.target.ca else None
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise Failure(f"HTTP {error.code}: {error.read().decode(errors='replace')}") from None
        except OSError as error:
            raise Failure(str(error)) from None

    def check(self, label, operation, action):
        """One TAP line: `action` returns on success and raises Failure otherwise."""
        self.number += 1
        line = f"{self.number} - {self.args.client}: {label}"
        reason = self.driver.cannot.get(operation)
        if reason:
            print(f"ok {line} # SKIP {reason}", flush=True)
            return
        reason, pattern = LIMITS.get((self.args.origin, operation), ("", None))
        try:
            action()
        except Failure as failure:
            expected = pattern and pattern.search(str(failure))
            self.failed += not expected
            print(f"not ok {line}" + (f" # TODO {reason}" if expected else ""))
            # Swift's errors spell every byte of the canonical request in hex: cut such lines.
            for text in [f"last command: {self.driver.last}", *str(failure)[:6000].splitlines()]:
                print(f"# {text[:600]}")
        else:
            print(f"ok {line}" + (f" # TODO {reason}" if reason else ""))
        sys.stdout.flush()


def same(found, expected):
    if found != expected:
        raise Failure(f"found {brief(found)}, expected {brief(expected)}")


def brief(value):
    if isinstance(value, bytes) and len(value) > 200:
        return f"{len(value)} bytes {value[:40]!r}…"
    return repr(value)


def fails(action, pattern):
    """`action` has to fail, and for the reason that `pattern` tells."""
    try:
        action()
    except Failure as failure:
        if not pattern.search(str(failure)):
            raise Failure(f"failed as it should, but not with {pattern.pattern}: {failure}") from None
    else:
        raise Failure("succeeded, and should not have")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--ca")
    parser.add_argument("--proxy", help="asks below the endpoint's name, in virtual-host style, through this HTTP proxy")
    parser.add_argument("--access-key", required=True)
    parser.add_argument("--secret-key", required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--bucket", default="demo")
    parser.add_argument("--prefix")
    parser.add_argument("--origin", default="")
    parser.add_argument("--signature-v2", choices=["on", "off"], default="on")
    args = parser.parse_args()
    if args.secret_key.startswith("env:"):
        args.secret_key = os.environ[args.secret_key[4:]]
    if args.proxy:
        # For what opens presigned URLs; clients are told by themselves.
        os.environ["http_proxy"] = args.proxy
    if args.ca:
        args.ca = os.path.abspath(args.ca)

    sys.stdout.reconfigure(encoding="utf-8")
    # A signal, too, has to remove the scratch directory.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        module = importlib.import_module("drivers." + CLIENTS[args.client])
    except ImportError as error:
        sys.exit(f"run.py: {error}; run t/clients/setup first")
    scratch = tempfile.mkdtemp(prefix="s3-client-")
    try:
        run = Run(module, args, scratch)
        run.all()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
