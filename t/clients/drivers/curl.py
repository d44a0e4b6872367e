"""curl --aws-sigv4: no S3 client, just a signer. It signs no payload, hence UNSIGNED-PAYLOAD, and (as of 7.88) signs the
query as it stands, hence names in order and an `=` after each."""

import base64
import hashlib
import re
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from . import CommandDriver, Failure


class Driver(CommandDriver):
    cannot = {
        "presign_get": "curl does not presign",
        "presign_put": "curl does not presign",
    }

    def curl(self, method, key, *options, query=None, bucket=None):
        bucket = self.target.bucket if bucket is None else bucket
        if not bucket:
            host, target = self.target.authority, "/"
        elif self.target.virtual:
            host, target = f"{bucket}.{self.target.authority}", "/" + quote(key, safe="/~")
        else:
            host, target = self.target.authority, f"/{bucket}/" + quote(key, safe="/~") if key else f"/{bucket}"
        if query:
            target += "?" + "&".join(f"{n}={quote(v, safe='~')}" for n, v in sorted(query.items()))
        # In the URL, percent-encoded, a key id may hold the colon at which --user would split.
        user = f"{quote(self.target.access_key, safe='')}:{quote(self.target.secret_key, safe='')}"
        scheme = "https" if self.target.secure else "http"
        # A HEAD has no body to wait for; `-X HEAD` would wait for one.
        verb = ["--head"] if method == "HEAD" else ["-X", method]
        return self.run(
            "curl", "-q", "--silent", "--show-error", "--fail-with-body", "--max-time", "50", "--path-as-is",
            "--aws-sigv4", f"aws:amz:{self.target.region}:s3",
            *(["--cacert", self.target.ca] if self.target.ca else []),
            "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
            *verb, *options, f"{scheme}://{user}@{host}{target}",
        )  # fmt: skip

    def put(self, key, data):
        self.curl("PUT", key, "--upload-file", self.file("up", data))

    def get(self, key):
        return self.curl("GET", key)

    def head(self, key):
        head = self.curl("HEAD", key).decode()
        length = re.search(r"(?im)^content-length: *(\d+)", head)
        if not length:
            raise Failure(f"no Content-Length in {head}")
        return int(length.group(1))

    def get_range(self, key, first, last):
        return self.curl("GET", key, "--range", f"{first}-{last}")

    def list(self, prefix):
        keys, query = [], {"list-type": "2", "max-keys": "2", "prefix": prefix}
        while True:
            page = self.curl("GET", "", query=query)
            keys += values(page, "Key")
            if values(page, "IsTruncated") != ["true"]:
                return keys
            query["continuation-token"] = values(page, "NextContinuationToken")[0]

    def list_buckets(self):
        return values(self.curl("GET", "", bucket=""), "Name")

    def multipart(self, key, data, part_size):
        # curl sends the empty POST without Content-Length, which some origins refuse; an empty --data gives it one.
        upload = values(self.curl("POST", key, "--data-binary", "", *XML, query={"uploads": ""}), "UploadId")[0]
        parts = []
        for number, start in enumerate(range(0, len(data), part_size), 1):
            head = self.curl(
                "PUT", key, "--include", "--upload-file", self.file("up", data[start : start + part_size]),
                query={"partNumber": str(number), "uploadId": upload},
            ).decode()  # fmt: skip
            tag = re.search(r'(?im)^etag: *(\S+)', head)
            if not tag:
                raise Failure(f"no ETag in {head}")
            parts.append(f"<Part><ETag>{escape(tag.group(1))}</ETag><PartNumber>{number}</PartNumber></Part>")
        document = f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>"
        answer = self.curl("POST", key, "--data-binary", document, *XML, query={"uploadId": upload})
        # S3 may answer 200 and tell of a failure in the document.
        if not values(answer, "ETag"):
            raise Failure(answer.decode())
        # The client's URL, never the origin's.
        if any(not place.startswith(self.target.endpoint + "/") for place in values(answer, "Location")):
            raise Failure(answer.decode())

    def copy(self, source, target):
        header = f"x-amz-copy-source: /{self.target.bucket}/{quote(source, safe='/~')}"
        # S3 wants a length with every PUT; from an empty file curl makes Content-Length: 0.
        if not values(self.curl("PUT", target, "-H", header, "--upload-file", self.file("up", b"")), "ETag"):
            raise Failure("the answer has no ETag")

    def delete(self, key):
        self.curl("DELETE", key)

    def delete_many(self, keys):
        objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        document = f"<Delete><Quiet>true</Quiet>{objects}</Delete>"
        answer = self.curl(
            "POST", "", "--data-binary", document, *XML, "-H", content_md5(document), query={"delete": ""}
        )  # fmt: skip
        if values(answer, "Error"):
            raise Failure(answer.decode())

    def put_metadata(self, key, data, name, value):
        self.curl("PUT", key, "-H", f"x-amz-meta-{name}: {value}", "--upload-file", self.file("up", data))

    def get_metadata(self, key, name):
        found = re.search(rf"(?im)^x-amz-meta-{name}: *(.*?)\r?$", self.curl("HEAD", key).decode())
        return found and found.group(1)

    def put_tag(self, key, name, value):
        tag = f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>"
        document = f"<Tagging><TagSet>{tag}</TagSet></Tagging>"
        self.curl("PUT", key, "--data-binary", document, *XML, "-H", content_md5(document), query={"tagging": ""})

    def get_tag(self, key, name):
        answer = self.curl("GET", key, query={"tagging": ""})
        return dict(zip(values(answer, "Key"), values(answer, "Value"))).get(name)


# Without it `--data` says application/x-www-form-urlencoded, which some servers read as a POST form.
XML = ("-H", "Content-Type: application/xml")


def content_md5(document):
    """The digest that S3 wants with some documents."""
    return "Content-MD5: " + base64.b64encode(hashlib.md5(document.encode()).digest()).decode()


def values(document, name):
    """The texts of all elements called `name`, in any name space."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise Failure(f"{error} in {document[:1000]!r}") from None
    return [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == name]
