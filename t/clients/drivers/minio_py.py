"""minio-py: hashes the body over http, UNSIGNED-PAYLOAD over https; signs content-length, content-type and content-md5."""

import io
from datetime import timedelta

import urllib3
from minio import Minio
from minio.commonconfig import CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.error import MinioException

from . import Driver as Base
from . import Failure


class Driver(Base):
    def __init__(self, target):
        super().__init__(target)
        self.minio = Minio(
            target.authority,
            access_key=target.access_key,
            secret_key=target.secret_key,
            region=target.region,
            secure=target.secure,
            # Its own pool retries five times with pauses; one attempt shows what went wrong.
            http_client=(urllib3.ProxyManager if target.proxy else urllib3.PoolManager)(
                **({"proxy_url": target.proxy} if target.proxy else {}),
                timeout=urllib3.Timeout(connect=10, read=30),
                retries=urllib3.Retry(total=0),
                **({"cert_reqs": "CERT_REQUIRED", "ca_certs": target.ca} if target.ca else {}),
            ),
        )
        if target.virtual:
            self.minio.enable_virtual_style_endpoint()

    def call(self, name, *arguments, **more):
        self.last = f"minio {name} {[a for a in arguments if not isinstance(a, io.BytesIO)]} {more}"
        try:
            return getattr(self.minio, name)(self.target.bucket, *arguments, **more)
        except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise Failure(f"{type(error).__name__}: {error}") from None

    def put(self, key, data):
        self.call("put_object", key, io.BytesIO(data), len(data))

    def multipart(self, key, data, part_size):
        result = self.call("put_object", key, io.BytesIO(data), len(data), part_size=part_size)
        # Of an upload in parts; the client's URL, never the origin's.
        if result.location and not result.location.startswith(self.target.endpoint + "/"):
            raise Failure(f"Location {result.location}")

    def get(self, key):
        return self.read(key)

    def get_range(self, key, first, last):
        return self.read(key, offset=first, length=last - first + 1)

    def read(self, key, **more):
        response = self.call("get_object", key, **more)
        try:
            return response.read()
        except urllib3.exceptions.HTTPError as error:
            raise Failure(str(error)) from None
        finally:
            response.close()
            response.release_conn()

    def head(self, key):
        return self.call("stat_object", key).size

    def list(self, prefix):
        try:
            return [entry.object_name for entry in self.call("list_objects", prefix=prefix, recursive=True)]
        except MinioException as error:
            raise Failure(str(error)) from None

    def list_buckets(self):
        self.last = "minio list_buckets"
        try:
            return [bucket.name for bucket in self.minio.list_buckets()]
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise Failure(f"{type(error).__name__}: {error}") from None

    def copy(self, source, target):
        self.call("copy_object", target, CopySource(self.target.bucket, source))

    def delete(self, key):
        self.call("remove_object", key)

    def delete_many(self, keys):
        try:
            errors = list(self.call("remove_objects", [DeleteObject(key) for key in keys]))
        except MinioException as error:
            raise Failure(str(error)) from None
        if errors:
            raise Failure(str(errors[0]))

    def put_metadata(self, key, data, name, value):
        self.call("put_object", key, io.BytesIO(data), len(data), metadata={name: value})

    def get_metadata(self, key, name):
        return self.call("stat_object", key).metadata.get(f"x-amz-meta-{name}")

    def put_tag(self, key, name, value):
        tags = Tags.new_object_tags()
        tags[name] = value
        self.call("set_object_tags", key, tags)

    def get_tag(self, key, name):
        return (self.call("get_object_tags", key) or {}).get(name)

    def presign_get(self, key):
        return self.call("presigned_get_object", key, expires=timedelta(minutes=10))

    def presign_put(self, key):
        return self.call("presigned_put_object", key, expires=timedelta(minutes=10))
