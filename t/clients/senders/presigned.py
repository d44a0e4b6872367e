#!/usr/bin/env python3
"""Has one real S3 client presign URLs with its default settings, and uses them with a client that knows nothing of S3.

    presigned.py --access-key K --secret-key env:NAME --region R --bucket B --ca FILE --root DIR [--v2 NAME] CLIENT NAME=URL ...

TAP: for each endpoint a PUT, a GET, a HEAD and a part of a multipart upload, as far as the client presigns them, and a form
for POST, which is to be refused and leave no object. What a PUT or a part brought is compared with the file below the
origin's root (--root), past the proxy. A client that presigns with Signature V2 is to be refused by every endpoint but
--v2's. Objects are CLIENT/NAME/FORM.
"""

import argparse
import http.client
import json
import os
import random
import ssl
import sys
import tempfile
import urllib.parse
from datetime import datetime, timedelta, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = os.path.join(HERE, "../../../.work/clients")
VENV = os.path.join(CLIENTS, "venv")
if os.path.realpath(sys.prefix) != os.path.realpath(VENV) and os.path.exists(VENV + "/bin/python"):
    os.execv(VENV + "/bin/python", [VENV + "/bin/python"] + sys.argv)
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from drivers import CommandDriver, Failure, Target, aws_cli, boto3_sdk, minio_py, rclone, s3cmd  # noqa: E402
from minio.datatypes import PostPolicy  # noqa: E402

SIZE = 100000


class AwsCli(aws_cli.Driver):
    """As it comes, unlike the driver."""

    signature = ""
    presigns_v2 = True


class AwsCli2(AwsCli):
    presigns_v2 = False

    def aws(self, *words):
        return self.run("/usr/bin/aws", "--endpoint-url", self.target.endpoint, *words)


class Boto3(boto3_sdk.Driver):
    def presign_head(self, key):
        return self.presign("head_object", key)

    def presign_part(self, key, upload):
        params = {"Bucket": self.target.bucket, "Key": key, "UploadId": upload, "PartNumber": 1}
        return self.s3.generate_presigned_url("upload_part", Params=params, ExpiresIn=600)

    def presign_post(self, key):
        form = self.s3.generate_presigned_post(self.target.bucket, key, ExpiresIn=600)
        return form["url"], form["fields"]


class Boto3Default(Boto3):
    """As it comes, unlike the driver."""

    signature_version = None
    presigns_v2 = True


class MinioPy(minio_py.Driver):
    def presign_head(self, key):
        return self.minio.get_presigned_url("HEAD", self.target.bucket, key)

    def presign_part(self, key, upload):
        query = {"partNumber": "1", "uploadId": upload}
        return self.minio.get_presigned_url("PUT", self.target.bucket, key, extra_query_params=query)

    def presign_post(self, key):
        policy = PostPolicy(self.target.bucket, datetime.now(timezone.utc) + timedelta(minutes=10))
        policy.add_equals_condition("key", key)
        fields = self.minio.presigned_post_policy(policy)
        return f"{self.target.endpoint}/{self.target.bucket}", {"key": key, **fields}


class Own(CommandDriver):
    """A program of ours around a library; prints the URL."""

    def environment(self):
        return {
            "ENDPOINT": self.target.endpoint,
            "REGION": self.target.region,
            "BUCKET": self.target.bucket,
            "ACCESS_KEY": self.target.access_key,
            "SECRET_KEY": self.target.secret_key,
            **({"CA": self.target.ca, "NODE_EXTRA_CA_CERTS": self.target.ca} if self.target.ca else {}),
        }

    def own(self, form, key, value=""):
        return self.run(*self.program, f"presign-{form}", f"{key}={value}").decode().strip()

    def presign_put(self, key):
        return self.own("put", key)

    def presign_get(self, key):
        return self.own("get", key)

    def presign_head(self, key):
        return self.own("head", key)

    def presign_part(self, key, upload):
        return self.own("part", key, upload)


class OwnWithForms(Own):
    def presign_post(self, key):
        form = json.loads(self.own("post", key))
        return form["url"], form["fields"]


class ClientS3(Own):
    program = ["node", os.path.join(CLIENTS, "node/send.mjs"), "client-s3"]


class MinioJs(OwnWithForms):
    program = ["node", os.path.join(CLIENTS, "node/send.mjs"), "minio-js"]


class MinioGo(OwnWithForms):
    program = [os.path.join(CLIENTS, "go/minio-sender"), "minio-go"]


class AwsSdkRust(Own):
    program = [os.path.join(CLIENTS, "rust/debug/sdk-sender")]


PRESIGNERS = {
    "client-s3": ClientS3,
    "boto3": Boto3,
    "boto3-default": Boto3Default,
    "aws-cli": AwsCli,
    "aws-cli-2": AwsCli2,
    "minio-go": MinioGo,
    "minio-js": MinioJs,
    "minio-py": MinioPy,
    "aws-sdk-rust": AwsSdkRust,
    "rclone": rclone.Driver,
    "s3cmd": s3cmd.Driver,
}


class Run:
    def __init__(self, args, scratch):
        self.args, self.scratch = args, scratch
        self.number = self.failed = 0
        self.random = random.Random(args.client)

    def endpoint(self, name, url):
        ca = self.args.ca if url.startswith("https:") else None
        work = os.path.join(self.scratch, name)
        os.mkdir(work)
        key = os.environ[self.args.secret_key.removeprefix("env:")]
        target = Target(url, self.args.access_key, key, self.args.region, self.args.bucket, ca, work)
        presigner = PRESIGNERS[self.args.client](target)
        self.context = ssl.create_default_context(cafile=ca) if ca else None
        self.is_v2 = getattr(presigner, "presigns_v2", False)
        self.is_refused = self.is_v2 and name != self.args.v2
        for form in ("put", "get", "head", "part", "post"):
            if hasattr(presigner, f"presign_{form}"):
                action = getattr(self, form)
                self.report(f"{name}: presigned {form}", lambda: action(presigner, f"{self.args.client}/{name}/{form}"))

    def put(self, presigner, key):
        data = self.random.randbytes(SIZE)
        self.use("PUT", presigner.presign_put(key), data)
        self.at_origin(key, None if self.is_refused else data)

    def get(self, presigner, key):
        data = self.create(key)
        found = self.use("GET", presigner.presign_get(key))[1]
        if not self.is_refused and found != data:
            raise Failure("other bytes came back")

    def head(self, presigner, key):
        data = self.create(key)
        headers = self.use("HEAD", presigner.presign_head(key))[0]
        if not self.is_refused and headers["Content-Length"] != str(len(data)):
            raise Failure(f"Content-Length is {headers['Content-Length']}")

    def part(self, presigner, key):
        """The upload around the part is boto3's."""
        data = self.random.randbytes(SIZE)
        s3 = boto3_sdk.Driver(presigner.target).s3
        where = {"Bucket": self.args.bucket, "Key": key}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        etag = self.use("PUT", presigner.presign_part(key, upload), data)[0]["ETag"]
        if self.is_refused:
            return
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
        self.at_origin(key, data)

    def post(self, presigner, key):
        """A form is a request without authentication: what signs it stands in its body, which nobody looks at."""
        url, fields = presigner.presign_post(key)
        boundary = "form-boundary"
        lines = [
            line
            for name, value in [*fields.items(), ("file", self.random.randbytes(SIZE).hex())]
            for line in (
                f"--{boundary}",
                f'Content-Disposition: form-data; name="{name}"' + ('; filename="f"' if name == "file" else ""),
                "",
                value,
            )
        ]
        body = "\r\n".join([*lines, f"--{boundary}--", ""]).encode()
        status, _, text = self.send("POST", url, body, f"multipart/form-data; boundary={boundary}")
        if status != 403 or b"<Code>AccessDenied</Code>" not in text:
            raise Failure(f"the form is not refused as it ought to be: {status} {text[:2000].decode(errors='replace')}")
        self.at_origin(key, None)

    def create(self, key):
        """An object, past the proxy."""
        data = self.random.randbytes(SIZE)
        path = self.path(key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return data

    def use(self, method, url, data=None):
        """Headers and body of the answer to a request that has to succeed, or to be refused since it is V2's. No header but
        those that a browser adds by itself; none that V2 would sign."""
        status, headers, body = self.send(method, url, data, None if self.is_v2 or not data else "application/octet-stream")
        if self.is_refused:
            if status != 400 or method != "HEAD" and b"<Code>InvalidRequest</Code>" not in body:
                raise Failure(f"V2 is not refused as it ought to be: {status} {body[:2000].decode(errors='replace')}")
        elif status != 200:
            # Not the URL: a reader of this output should not learn to use it.
            raise Failure(f"{status} {body[:2000].decode(errors='replace')}")
        return headers, body

    def send(self, method, url, data, content_type):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.netloc, timeout=30, context=self.context)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, data, {"Content-Type": content_type} if content_type else {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def path(self, key):
        return os.path.join(self.args.root, self.args.bucket, key)

    def at_origin(self, key, data):
        """Of no data: nothing may be there."""
        try:
            with open(self.path(key), "rb") as file:
                found = file.read()
        except FileNotFoundError:
            found = None
        if found != data:
            raise Failure("no object at the origin" if found is None else f"{len(found)} other bytes at the origin")

    def report(self, label, action):
        problem = ""
        try:
            action()
        # Each library has exceptions of its own.
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        self.number += 1
        self.failed += bool(problem)
        print(f"{'not ok' if problem else 'ok'} {self.number} - {self.args.client}, {label}", flush=True)
        for line in problem[:4000].splitlines():
            print(f"# {line[:600]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("client", choices=PRESIGNERS)
    parser.add_argument("endpoints", nargs="+")
    for name in ("access-key", "secret-key", "region", "bucket", "ca", "root"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--v2", default="")
    args = parser.parse_args()
    args.ca, args.root = map(os.path.abspath, (args.ca, args.root))
    sys.stdout.reconfigure(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="s3-presigned-") as scratch:
        run = Run(args, scratch)
        for endpoint in args.endpoints:
            run.endpoint(*endpoint.split("=", 1))
        print(f"1..{run.number}", flush=True)
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
