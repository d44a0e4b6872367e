"""rclone, Debian's 1.60 (AWS SDK for Go v1): GET signs accept-encoding; reads an object's head after each upload."""

import json
import os

from . import CommandDriver, Failure


class Driver(CommandDriver):
    cannot = {
        "presign_put": "`rclone link` makes GET only",
        "tag": "rclone 1.60 has no command for tags",
    }

    def environment(self):
        return {
            "RCLONE_CONFIG": self.file("no-such-config"),
            "RCLONE_CONFIG_S3_TYPE": "s3",
            "RCLONE_CONFIG_S3_PROVIDER": "Other",
            "RCLONE_CONFIG_S3_ACCESS_KEY_ID": self.target.access_key,
            "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": self.target.secret_key,
            "RCLONE_CONFIG_S3_ENDPOINT": self.target.endpoint,
            "RCLONE_CONFIG_S3_REGION": self.target.region,
            "RCLONE_CONFIG_S3_FORCE_PATH_STYLE": "false" if self.target.virtual else "true",
            # The bucket is there; rclone would try to create it before each upload.
            "RCLONE_CONFIG_S3_NO_CHECK_BUCKET": "true",
        }

    def rclone(self, command, *words):
        options = ["--retries", "1", "--low-level-retries", "1", "--timeout", "30s", "--contimeout", "10s"]
        if self.target.ca:
            options += ["--ca-cert", self.target.ca]
        return self.run("rclone", command, *options, *words)

    def path(self, key):
        return f"S3:{self.target.bucket}/{key}"

    def put(self, key, data):
        self.rclone("copyto", self.file("up", data), self.path(key))

    def multipart(self, key, data, part_size):
        size = f"{part_size}B"
        options = ["--s3-upload-cutoff", size, "--s3-chunk-size", size]
        self.rclone("copyto", *options, self.file("up", data), self.path(key))

    def get(self, key):
        # `rclone cat` of what is not there prints nothing and succeeds; copyto does not.
        path = self.file("down")
        self.rclone("copyto", self.path(key), path)
        if not os.path.exists(path):
            raise Failure("object not found: nothing was copied")
        with open(path, "rb") as file:
            return file.read()

    def get_range(self, key, first, last):
        return self.rclone("cat", "--offset", str(first), "--count", str(last - first + 1), self.path(key))

    def head(self, key):
        return json.loads(self.rclone("lsjson", "--stat", self.path(key)))["Size"]

    def list(self, prefix):
        directory = prefix.rstrip("/")
        names = self.rclone("lsf", "--recursive", "--files-only", self.path(directory)).decode().splitlines()
        return [f"{directory}/{name}" for name in names]

    def list_buckets(self):
        return [name.rstrip("/") for name in self.rclone("lsf", "S3:").decode().splitlines()]

    def copy(self, source, target):
        self.rclone("copyto", self.path(source), self.path(target))

    def delete(self, key):
        self.rclone("deletefile", self.path(key))

    def delete_many(self, keys):
        # One DELETE each, from several connections at once.
        self.rclone("delete", self.path(os.path.commonpath(keys)))

    def put_metadata(self, key, data, name, value):
        options = ["--metadata", "--metadata-set", f"{name}={value}"]
        self.rclone("copyto", *options, self.file("up", data), self.path(key))

    def get_metadata(self, key, name):
        return json.loads(self.rclone("lsjson", "--stat", "--metadata", self.path(key)))["Metadata"].get(name)

    def presign_get(self, key):
        return self.rclone("link", "--expire", "10m", self.path(key)).decode().strip()
