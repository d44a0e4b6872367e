"""Clients that are programs of ours around a library, from ../senders: node/client.mjs and rust/src/bin/sdk-client.rs, which say what
they can do. In virtual-host style they are as they come, but that their names all have the proxy's address."""

from urllib.parse import quote

from . import CommandDriver, read


class OwnDriver(CommandDriver):
    program: tuple[str, ...] = ()

    def environment(self):
        endpoint, resolve = self.target.endpoint, {}
        if self.target.virtual:
            address, port = self.target.proxy.removeprefix("http://").split(":")
            endpoint, resolve = f"{endpoint}:{port}", {"RESOLVE": address}
        return {
            "ENDPOINT": endpoint,
            "REGION": self.target.region,
            "BUCKET": self.target.bucket,
            "ACCESS_KEY": self.target.access_key,
            "SECRET_KEY": self.target.secret_key,
            # Names have an address of their own then.
            "http_proxy": "",
            "HTTP_PROXY": "",
            **resolve,
            **({"NODE_EXTRA_CA_CERTS": self.target.ca, "CA": self.target.ca} if self.target.ca else {}),
        }

    def own(self, *words):
        return self.run(*self.program, *words).decode()

    def put(self, key, data):
        self.own("put", key, self.file("up", data))

    def multipart(self, key, data, part_size):
        assert part_size == 5 << 20, "the programs say so"
        self.own("multipart", key, self.file("up", data))

    def get(self, key):
        path = self.file("down")
        self.own("get", key, path)
        return read(path)

    def get_range(self, key, first, last):
        path = self.file("down")
        self.own("get", key, path, f"bytes={first}-{last}")
        return read(path)

    def head(self, key):
        return int(self.own("head", key).splitlines()[0])

    def list(self, prefix):
        return self.own("list", prefix).splitlines()

    def list_buckets(self):
        return self.own("buckets").splitlines()

    def copy(self, source, target):
        self.own("copy", quote(f"{self.target.bucket}/{source}"), target)

    def delete(self, key):
        self.own("delete", key)

    def delete_many(self, keys):
        self.own("delete-many", *keys)

    def put_metadata(self, key, data, name, value):
        self.own("put", key, self.file("up", data), name, value)

    def get_metadata(self, key, name):
        return pairs(self.own("head", key).splitlines()[1:]).get(name)

    def put_tag(self, key, name, value):
        self.own("put-tag", key, name, value)

    def get_tag(self, key, name):
        return pairs(self.own("tags", key).splitlines()).get(name)

    def presign_get(self, key):
        return self.own("presign-get", key).strip()

    def presign_put(self, key):
        return self.own("presign-put", key).strip()


def pairs(lines):
    return dict(line.split("=", 1) for line in lines)
