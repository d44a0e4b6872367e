#!/usr/bin/env python3
"""Has one real S3 client presign URLs with its default settings, and uses them with a client that knows nothing of S3.

    presigned.py --access-key K --secret-key env:NAME --region R --bucket B --ca FILE --root DIR [--v2 NAME] CLIENT NAME=URL ...

TAP: for each endpoint a PUT, a GET and a part of a multipart upload, as far as the client presigns them. What a PUT or a
part brought is compared with the file below the origin's root (--root), past the proxy. A client that presigns with
Signature V2 alone is to be refused by every endpoint but --v2's. Objects are CLIENT/NAME/CONTENT.
"""

import argparse
import os
import random
import ssl
import sys
import tempfile
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = os.path.join(HERE, "../../../.work/clients")
VENV = os.path.join(CLIENTS, "venv")
if os.path.realpath(sys.prefix) != os.path.realpath(VENV) and os.path.exists(VENV + "/bin/python"):
    os.execv(VENV + "/bin/python", [VENV + "/bin/python"] + sys.argv)
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from drivers import CommandDriver, Failure, Target, boto3_sdk, minio_py, rclone, s3cmd  # noqa: E402

SIZE = 100000


class Boto3(boto3_sdk.Driver):
    def presign_part(self, key, upload):
        params = {"Bucket": self.target.bucket, "Key": key, "UploadId": upload, "PartNumber": 1}
        return self.s3.generate_presigned_url("upload_part", Params=params, ExpiresIn=600)


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

    def presign_put(self, key):
        return self.run(*self.program, "presign-put", f"{key}=").decode().strip()

    def presign_get(self, key):
        return self.run(*self.program, "presign-get", f"{key}=").decode().strip()


class OwnWithParts(Own):
    def presign_part(self, key, upload):
        return self.run(*self.program, "presign-part", f"{key}={upload}").decode().strip()


class ClientS3(OwnWithParts):
    program = ["node", os.path.join(CLIENTS, "node/send.mjs"), "client-s3"]


class MinioJs(Own):
    program = ["node", os.path.join(CLIENTS, "node/send.mjs"), "minio-js"]


class AwsSdkRust(OwnWithParts):
    program = [os.path.join(CLIENTS, "rust/debug/sdk-sender")]


PRESIGNERS = {
    "client-s3": ClientS3,
    "boto3": Boto3,
    "minio-js": MinioJs,
    "minio-py": minio_py.Driver,
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
        context = ssl.create_default_context(cafile=ca) if ca else None
        # No proxy of the environment's, and for https no authority but ours.
        handlers = [urllib.request.ProxyHandler({})] + ([urllib.request.HTTPSHandler(context=context)] if ca else [])
        self.http = urllib.request.build_opener(*handlers)
        for form in ("put", "get", "part"):
            if hasattr(presigner, f"presign_{form}"):
                action = getattr(self, form)
                self.report(f"{name}: presigned {form}", lambda: action(presigner, f"{self.args.client}/{name}/{form}", name))

    def put(self, presigner, key, _):
        data = self.random.randbytes(SIZE)
        self.use("PUT", presigner.presign_put(key), data)
        self.at_origin(key, data)

    def get(self, presigner, key, name):
        data = self.random.randbytes(SIZE)
        path = self.path(key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        url = presigner.presign_get(key)
        if getattr(presigner, "presigns_v2", False) and name != self.args.v2:
            refusal = ""
            try:
                self.use("GET", url)
            except Failure as failure:
                refusal = str(failure)
            if not refusal.startswith("400 ") or "<Code>InvalidRequest</Code>" not in refusal:
                raise Failure(f"V2 is not refused as it ought to be: {refusal or 200}")
        elif self.use("GET", url)[1] != data:
            raise Failure("other bytes came back")

    def part(self, presigner, key, _):
        """The upload around the part is boto3's."""
        data = self.random.randbytes(SIZE)
        s3 = boto3_sdk.Driver(presigner.target).s3
        where = {"Bucket": self.args.bucket, "Key": key}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        etag = self.use("PUT", presigner.presign_part(key, upload), data)[0]["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
        self.at_origin(key, data)

    def use(self, method, url, data=None):
        """Headers and body of the answer. No header but those that a browser adds by itself."""
        headers = {"Content-Type": "application/octet-stream"} if data else {}
        try:
            with self.http.open(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
                return answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            # Not the URL: a reader of this output should not learn to use it.
            raise Failure(f"{error.code} {error.read(2000).decode(errors='replace')}") from None

    def path(self, key):
        return os.path.join(self.args.root, self.args.bucket, key)

    def at_origin(self, key, data):
        try:
            with open(self.path(key), "rb") as file:
                found = file.read()
        except FileNotFoundError:
            raise Failure("no object at the origin") from None
        if found != data:
            raise Failure(f"other bytes at the origin: {len(found)} of them")

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
