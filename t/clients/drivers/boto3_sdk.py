"""boto3: over http it hashes the body, over https it sends STREAMING-UNSIGNED-PAYLOAD-TRAILER without a length."""

import io

import boto3
import botocore.exceptions
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from . import PATIENCE, Failure
from . import Driver as Base


class Driver(Base):
    # Presigned URLs are SigV2 without it.
    signature_version: str | None = "s3v4"

    def __init__(self, target):
        super().__init__(target)
        self.s3 = boto3.session.Session().client(
            "s3",
            endpoint_url=target.endpoint,
            aws_access_key_id=target.access_key,
            aws_secret_access_key=target.secret_key,
            region_name=target.region,
            verify=target.ca,
            # One attempt: a retry would hide what this test is to find.
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "virtual" if target.virtual else "path"},
                proxies={"http": target.proxy} if target.proxy else None,
                signature_version=self.signature_version,
                connect_timeout=10 * PATIENCE,
                read_timeout=30 * PATIENCE,
            ),
        )

    def call(self, name, **arguments):
        shown = {k: v if not isinstance(v, bytes) or len(v) < 64 else f"<{len(v)} bytes>" for k, v in arguments.items()}
        self.last = f"boto3 {name} {shown}"
        try:
            return getattr(self.s3, name)(Bucket=self.target.bucket, **arguments)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise Failure(f"{error} {getattr(error, 'response', '')}") from None

    def put(self, key, data):
        self.call("put_object", Key=key, Body=data)

    def get(self, key):
        return self.read("get_object", Key=key)

    def get_range(self, key, first, last):
        return self.read("get_object", Key=key, Range=f"bytes={first}-{last}")

    def read(self, name, **arguments):
        # The checksum, if the origin sent one, is verified by boto3 while this reads.
        try:
            return self.call(name, **arguments)["Body"].read()
        except botocore.exceptions.BotoCoreError as error:
            raise Failure(str(error)) from None

    def head(self, key):
        return self.call("head_object", Key=key)["ContentLength"]

    def list(self, prefix):
        keys, more = [], {}
        while True:
            # Pages of two: the continuation token, with whatever bytes it has, becomes part of a signed query.
            page = self.call("list_objects_v2", Prefix=prefix, MaxKeys=2, **more)
            keys += [entry["Key"] for entry in page.get("Contents", [])]
            if not page["IsTruncated"]:
                return keys
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def list_buckets(self):
        self.last = "boto3 list_buckets"
        try:
            return [entry["Name"] for entry in self.s3.list_buckets()["Buckets"]]
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise Failure(str(error)) from None

    def multipart(self, key, data, part_size):
        self.last = f"boto3 upload_fileobj {key} <{len(data)} bytes>"
        config = TransferConfig(multipart_threshold=part_size, multipart_chunksize=part_size)
        try:
            self.s3.upload_fileobj(io.BytesIO(data), self.target.bucket, key, Config=config)
        except (boto3.exceptions.Boto3Error, botocore.exceptions.BotoCoreError) as error:
            raise Failure(str(error)) from None

    def copy(self, source, target):
        self.call("copy_object", Key=target, CopySource={"Bucket": self.target.bucket, "Key": source})

    def delete(self, key):
        self.call("delete_object", Key=key)

    def delete_many(self, keys):
        answer = self.call("delete_objects", Delete={"Objects": [{"Key": key} for key in keys]})
        if answer.get("Errors"):
            raise Failure(str(answer["Errors"]))

    def put_metadata(self, key, data, name, value):
        self.call("put_object", Key=key, Body=data, Metadata={name: value})

    def get_metadata(self, key, name):
        return self.call("head_object", Key=key)["Metadata"].get(name)

    def put_tag(self, key, name, value):
        self.call("put_object_tagging", Key=key, Tagging={"TagSet": [{"Key": name, "Value": value}]})

    def get_tag(self, key, name):
        tags = self.call("get_object_tagging", Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in tags}.get(name)

    def presign_get(self, key):
        return self.presign("get_object", key)

    def presign_put(self, key):
        return self.presign("put_object", key)

    def presign(self, name, key):
        return self.s3.generate_presigned_url(name, Params={"Bucket": self.target.bucket, "Key": key}, ExpiresIn=600)
