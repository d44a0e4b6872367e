"""Senders that are Python's libraries; see commands.py for what a sender is."""

import os
import shutil

from drivers import Failure, Target

PART = 5 << 20


class Library:
    cannot: dict[str, str] = {}
    operations: tuple[str, ...] = ()
    objects_are_own = False

    def __init__(self, target: Target, prefix):
        self.target = target
        self.prefix = prefix
        self.last = ""
        self.open()

    def key(self, name):
        return f"{self.prefix}/{name}"

    def put(self, directory, names):
        for name in names:
            self.call(self.put_one, name, os.path.join(directory, name))

    def get(self, names, directory):
        for name in names:
            self.call(self.get_one, name, os.path.join(directory, name))

    def stream(self, reader):
        self.call(self.put_stream, "stream", reader)

    def call(self, action, name, argument):
        self.last = f"{action.__name__} {name}"
        try:
            action(self.key(name), argument)
        # Each library has exceptions of its own, and Arrow has OSError.
        except Exception as error:
            raise Failure(f"{type(error).__name__}: {error}") from None


class Boto3(Library):
    def open(self):
        from boto3.s3.transfer import TransferConfig
        from drivers.boto3_sdk import Driver

        self.s3 = Driver(self.target).s3
        self.config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)

    def put_one(self, key, path):
        self.s3.upload_file(path, self.target.bucket, key, Config=self.config)

    def get_one(self, key, path):
        self.s3.download_file(self.target.bucket, key, path)

    def put_stream(self, key, reader):
        self.s3.upload_fileobj(reader, self.target.bucket, key, Config=self.config)


class MinioPy(Library):
    def open(self):
        from drivers.minio_py import Driver

        self.minio = Driver(self.target).minio

    def put_one(self, key, path):
        self.minio.fput_object(self.target.bucket, key, path, part_size=PART)

    def get_one(self, key, path):
        self.minio.fget_object(self.target.bucket, key, path)

    def put_stream(self, key, reader):
        self.minio.put_object(self.target.bucket, key, reader, -1, part_size=PART)


class Pyarrow(Library):
    def open(self):
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

        self.s3 = S3FileSystem(
            access_key=self.target.access_key,
            secret_key=self.target.secret_key,
            region=self.target.region,
            scheme="https" if self.target.secure else "http",
            endpoint_override=self.target.authority,
            # It gives up an upload after three seconds without a byte, and tries again; a busy machine needs them.
            connect_timeout=10,
            request_timeout=60,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1),
            **({"tls_ca_file_path": self.target.ca} if self.target.ca else {}),
        )

    def put_one(self, key, path):
        with open(path, "rb") as file:
            self.put_stream(key, file)

    def get_one(self, key, path):
        with self.s3.open_input_file(f"{self.target.bucket}/{key}") as file, open(path, "wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)

    def put_stream(self, key, reader):
        with self.s3.open_output_stream(f"{self.target.bucket}/{key}") as out:
            shutil.copyfileobj(reader, out, 1 << 20)


SENDERS = {"boto3": Boto3, "minio-py": MinioPy, "pyarrow": Pyarrow}
