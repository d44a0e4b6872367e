"""aws-cli 1.x: botocore like boto3, with its own upload code and its own defaults."""

import json

from . import CommandDriver, Failure, read


class Driver(CommandDriver):
    cannot = {"presign_put": "`aws s3 presign` makes GET only"}
    # For `presign`, which is SigV2 without it.
    signature = "signature_version = s3v4"

    def __init__(self, target):
        super().__init__(target)
        style = "virtual" if target.virtual else "path"
        # A part is 5 MiB, the threshold the same.
        config = (
            "[default]\n"
            f"region = {target.region}\n"
            f"s3 =\n  addressing_style = {style}\n  {self.signature}\n"
            "  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n"
        )
        self.config = self.file("config", config.encode())

    def environment(self):
        return {
            "AWS_ACCESS_KEY_ID": self.target.access_key,
            "AWS_SECRET_ACCESS_KEY": self.target.secret_key,
            "AWS_CONFIG_FILE": self.config,
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            **({"AWS_CA_BUNDLE": self.target.ca} if self.target.ca else {}),
        }

    def aws(self, *words):
        return self.run("aws", "--endpoint-url", self.target.endpoint, *words)

    def api(self, name, *words):
        return self.aws("s3api", name, "--bucket", self.target.bucket, *words)

    def url(self, key):
        return f"s3://{self.target.bucket}/{key}"

    def put(self, key, data):
        self.aws("s3", "cp", "--no-progress", self.file("up", data), self.url(key))

    def multipart(self, key, data, part_size):
        assert part_size == 5 << 20, "the configuration above says so"
        self.put(key, data)

    def get(self, key):
        path = self.file("down")
        self.aws("s3", "cp", "--no-progress", self.url(key), path)
        return read(path)

    def get_range(self, key, first, last):
        path = self.file("down")
        self.api("get-object", "--key", key, "--range", f"bytes={first}-{last}", path)
        return read(path)

    def head(self, key):
        return json.loads(self.api("head-object", "--key", key))["ContentLength"]

    def list(self, prefix):
        # Pages of two, see boto3_sdk.py.
        answer = self.api("list-objects-v2", "--prefix", prefix, "--page-size", "2", "--output", "json")
        return [entry["Key"] for entry in json.loads(answer or "{}").get("Contents", [])]

    def list_buckets(self):
        return [entry["Name"] for entry in json.loads(self.aws("s3api", "list-buckets", "--output", "json"))["Buckets"]]

    def copy(self, source, target):
        self.aws("s3", "cp", "--no-progress", self.url(source), self.url(target))

    def delete(self, key):
        self.aws("s3", "rm", self.url(key))

    def delete_many(self, keys):
        request = json.dumps({"Objects": [{"Key": key} for key in keys]})
        answer = self.api("delete-objects", "--delete", request)
        if answer and json.loads(answer).get("Errors"):
            raise Failure(answer.decode())

    def put_metadata(self, key, data, name, value):
        metadata = json.dumps({name: value})
        self.aws("s3", "cp", "--no-progress", "--metadata", metadata, self.file("up", data), self.url(key))

    def get_metadata(self, key, name):
        return json.loads(self.api("head-object", "--key", key))["Metadata"].get(name)

    def put_tag(self, key, name, value):
        tags = json.dumps({"TagSet": [{"Key": name, "Value": value}]})
        self.api("put-object-tagging", "--key", key, "--tagging", tags)

    def get_tag(self, key, name):
        tags = json.loads(self.api("get-object-tagging", "--key", key))["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in tags}.get(name)

    def presign_get(self, key):
        return self.aws("s3", "presign", self.url(key), "--expires-in", "600").decode().strip()
