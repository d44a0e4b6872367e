"""s3cmd: hashes every body, signs content-length and content-type, writes no blank after the commas of Authorization."""

import re

from . import CommandDriver, Failure, read


class Driver(CommandDriver):
    cannot = {"presign_put": "`s3cmd signurl` makes GET only"}
    # It signs two blanks of a header as two; every server signs them as one and refuses.
    signs_blanks_as_one = False
    # `s3cmd signurl` knows SigV2 alone.
    presigns_v2 = True

    def __init__(self, target):
        super().__init__(target)
        settings = {
            "access_key": target.access_key,
            "secret_key": target.secret_key,
            "bucket_location": target.region,
            "host_base": target.authority,
            # Without %(bucket)s in it: path-style addresses.
            "host_bucket": "%(bucket)s." * target.virtual + target.authority,
            "use_https": target.secure,
            "ca_certs_file": target.ca or "",
            "signature_v2": False,
            "max_retries": 1,
            "multipart_chunk_size_mb": 5,
            "progress_meter": False,
            "socket_timeout": 30,
            # A guess from the file's bytes would need libmagic.
            "guess_mime_type": False,
        }
        if target.proxy:
            host, port = target.proxy.removeprefix("http://").split(":")
            settings |= {"proxy_host": host, "proxy_port": port}
        text = "[default]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
        self.config = self.file("s3cfg", text.encode())

    def s3cmd(self, *words):
        return self.run("s3cmd", "--config", self.config, *words)

    def url(self, key):
        return f"s3://{self.target.bucket}/{key}"

    def put(self, key, data):
        self.s3cmd("put", self.file("up", data), self.url(key))

    def multipart(self, key, data, part_size):
        assert part_size == 5 << 20, "the configuration above says so"
        self.put(key, data)

    def get(self, key):
        path = self.file("down")
        self.s3cmd("get", "--force", self.url(key), path)
        return read(path)

    def get_range(self, key, first, last):
        # The only range it asks for is the rest of a file of which the beginning is there.
        path = self.file("down", bytes(first))
        self.s3cmd("get", "--continue", self.url(key), path)
        return read(path)[first : last + 1]

    def head(self, key):
        answer = self.s3cmd("info", self.url(key)).decode()
        size = re.search(r"File size:\s+(\d+)", answer)
        if not size:
            raise Failure(f"no size in {answer}")
        return int(size.group(1))

    def list(self, prefix):
        lines = self.s3cmd("ls", "--recursive", self.url(prefix)).decode().splitlines()
        return [line.split(f"s3://{self.target.bucket}/", 1)[1] for line in lines]

    def list_buckets(self):
        return [line.split("s3://", 1)[1] for line in self.s3cmd("ls").decode().splitlines()]

    def copy(self, source, target):
        self.s3cmd("cp", self.url(source), self.url(target))

    def delete(self, key):
        self.s3cmd("del", self.url(key))

    def delete_many(self, keys):
        self.s3cmd("del", *map(self.url, keys))

    def put_metadata(self, key, data, name, value):
        self.s3cmd("put", f"--add-header=x-amz-meta-{name}: {value}", self.file("up", data), self.url(key))

    def get_metadata(self, key, name):
        found = re.search(rf"(?m)^ +x-amz-meta-{name}: +(.*?)$", self.s3cmd("info", self.url(key)).decode())
        return found and found.group(1)

    def put_tag(self, key, name, value):
        self.s3cmd("settagging", self.url(key), f"{name}={value}")

    def get_tag(self, key, name):
        found = re.search(rf"(?m)^{name}:\s*(.*?)\s*$", self.s3cmd("gettagging", self.url(key)).decode())
        return found and found.group(1)

    def presign_get(self, key):
        url = self.s3cmd("signurl", self.url(key), "+600").decode().strip()
        # It always says http:// unless the configuration has another name for it.
        return url.replace("http://", "https://", 1) if self.target.secure else url
