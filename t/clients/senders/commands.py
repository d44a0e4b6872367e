"""Senders that are commands. One command moves all files of an endpoint, since most of its time is its start.

A sender has put(directory, names), get(names, directory) and stream(reader), and says in `cannot` which of the
contents it does not send, and why. Objects are named below `self.prefix`; where `objects_are_own`, they are no copies of
the contents. `operations` are what else it does by operate(name), comparing by itself.
"""

import os
import subprocess

from drivers import PATIENCE, Failure, Target, aws_cli, rclone, s3cmd

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = os.path.join(HERE, "../../../.work/clients")
# 100 MiB with parts of 5 MiB on two busy cores.
TIMEOUT = 120 * PATIENCE


class Command:
    """The part of a sender that runs a command, without the caller's environment and home directory."""

    cannot: dict[str, str] = {}
    operations: tuple[str, ...] = ()
    objects_are_own = False

    def __init__(self, target: Target, prefix):
        self.target = target
        self.prefix = prefix
        self.last = ""

    def execute(self, *command, environment, stdin=subprocess.DEVNULL):
        self.last = " ".join(command)
        environment = {"HOME": self.target.work, "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], **environment}
        try:
            done = subprocess.run(
                command, stdin=stdin, capture_output=True, env=environment, cwd=self.target.work, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"no end after {TIMEOUT} s") from None
        if done.returncode != 0:
            output = (done.stderr + b"\n" + done.stdout[:4096]).decode(errors="replace").strip()
            raise Failure(f"exit status {done.returncode}: {output}")


class AwsCli(Command):
    program = os.path.join(CLIENTS, "venv/bin/aws")

    def aws(self, *words, **more):
        environment = aws_cli.Driver(self.target).environment()
        self.execute(self.program, "--endpoint-url", self.target.endpoint, "s3", *words, environment=environment, **more)

    def url(self, name=""):
        return f"s3://{self.target.bucket}/{self.prefix}/{name}"

    def put(self, directory, names):
        self.aws("cp", "--no-progress", "--recursive", directory, self.url())

    def get(self, names, directory):
        if len(names) == 1:
            self.aws("cp", "--no-progress", self.url(names[0]), os.path.join(directory, names[0]))
        else:
            self.aws("cp", "--no-progress", "--recursive", self.url(), directory)

    def stream(self, reader):
        self.aws("cp", "-", self.url("stream"), stdin=reader)


class AwsCli2(AwsCli):
    """Debian's, from before the default checksums."""

    program = "/usr/bin/aws"


class Rclone(Command):
    def rclone(self, command, *words, **more):
        options = ["--retries", "1", "--low-level-retries", "1", "--s3-chunk-size", "5M", "--s3-upload-cutoff", "5M"]
        if self.target.ca:
            options += ["--ca-cert", self.target.ca]
        environment = rclone.Driver(self.target).environment()
        self.execute("rclone", command, *options, *words, environment=environment, **more)

    def path(self, name=""):
        return f"S3:{self.target.bucket}/{self.prefix}/{name}"

    def put(self, directory, names):
        self.rclone("copy", directory, self.path())

    def get(self, names, directory):
        includes = [word for name in names for word in ("--include", "/" + name)]
        self.rclone("copy", *includes, self.path(), directory)

    def stream(self, reader):
        self.rclone("rcat", self.path("stream"), stdin=reader)


class S3cmd(Command):
    def s3cmd(self, *words, **more):
        config = s3cmd.Driver(self.target).config
        program = os.path.join(CLIENTS, "venv/bin/s3cmd")
        self.execute(program, "--config", config, *words, environment={}, **more)

    def url(self, name=""):
        return f"s3://{self.target.bucket}/{self.prefix}/{name}"

    def put(self, directory, names):
        self.s3cmd("put", *[os.path.join(directory, name) for name in names], self.url())

    def get(self, names, directory):
        self.s3cmd("get", *map(self.url, names), directory + "/")

    def stream(self, reader):
        self.s3cmd("put", "-", self.url("stream"), stdin=reader)


class Restic(Command):
    """minio-go, which signs every chunk over http. Objects are restic's own; what is compared is what it restores."""

    objects_are_own = True

    def restic(self, *words, **more):
        environment = {
            "AWS_ACCESS_KEY_ID": self.target.access_key,
            "AWS_SECRET_ACCESS_KEY": self.target.secret_key,
            "AWS_DEFAULT_REGION": self.target.region,
            "RESTIC_PASSWORD": "test",
        }
        repository = f"s3:{self.target.endpoint}/{self.target.bucket}/{self.prefix}"
        options = ["-o", "s3.bucket-lookup=path", "--no-cache", "--quiet", "--repo", repository]
        if self.target.ca:
            options += ["--cacert", self.target.ca]
        self.execute("restic", *options, *words, environment=environment, **more)

    def put(self, directory, names):
        self.restic("init")
        self.restic("backup", "--host", "h", "--tag", "files", directory)
        self.source = directory

    def get(self, names, directory):
        if names == ["stream"]:
            self.restic("restore", "--tag", "stream", "--target", directory, "latest")
            return
        above = os.path.join(self.target.work, "restored")
        self.restic("restore", "--tag", "files", "--target", above, "latest")
        for name in names:
            os.rename(above + os.path.join(self.source, name), os.path.join(directory, name))

    def stream(self, reader):
        self.restic("backup", "--host", "h", "--tag", "stream", "--stdin", "--stdin-filename", "/stream", stdin=reader)


class Own(Command):
    """A program of ours around a library that is not Python's: `program put|get KEY=FILE ...`, `program stream KEY`."""

    program: list[str] = []

    def own(self, operation, *words, **more):
        environment = {
            "ENDPOINT": self.target.endpoint,
            "REGION": self.target.region,
            "BUCKET": self.target.bucket,
            "ACCESS_KEY": self.target.access_key,
            "SECRET_KEY": self.target.secret_key,
            **({"NODE_EXTRA_CA_CERTS": self.target.ca, "CA": self.target.ca} if self.target.ca else {}),
        }
        self.execute(*self.program, operation, *words, environment=environment, **more)

    def put(self, directory, names):
        self.own("put", *self.pairs(names, directory))

    def get(self, names, directory):
        self.own("get", *self.pairs(names, directory))

    def pairs(self, names, directory):
        return [f"{self.prefix}/{name}={os.path.join(directory, name)}" for name in names]

    def stream(self, reader):
        self.own("stream", f"{self.prefix}/stream", stdin=reader)


class ClientS3(Own):
    program = ["node", os.path.join(CLIENTS, "node/send.mjs"), "client-s3"]


class MinioJs(Own):
    program = ["node", os.path.join(CLIENTS, "node/send.mjs"), "minio-js"]
    # 8.0.7 lists uploads first, which s3s-fs cannot, and numbers parts from 2 on, which it refuses.
    cannot = dict.fromkeys(["parts", "stream"], "s3s-fs takes no multipart upload of minio-js")


class AwsSdkRust(Own):
    program = [os.path.join(CLIENTS, "rust/debug/sdk-sender")]
    cannot = {"stream": "it takes no body whose length is not known"}


class MinioGo(Own):
    operations = ("list", "remove", "copy", "compose", "abort", "lookup", "metadata", "range")

    @property
    def program(self):
        """The name of the sender, which leads its objects' names, is the mode too."""
        return [os.path.join(CLIENTS, "go/minio-sender"), self.prefix.partition("/")[0]]

    def operate(self, name):
        self.own("operate", f"{self.prefix}/{name}={name}")


class MinioGoUploads(MinioGo):
    """One of its modes that only uploads differ in."""

    operations = ()


SENDERS = {
    "aws-cli": AwsCli,
    "aws-cli-2": AwsCli2,
    "aws-sdk-rust": AwsSdkRust,
    "client-s3": ClientS3,
    "minio-go": MinioGo,
    "minio-go-md5": MinioGoUploads,
    "minio-go-parallel": MinioGoUploads,
    "minio-go-pipe": MinioGoUploads,
    "minio-go-trailers": MinioGo,
    "minio-go-unsigned": MinioGoUploads,
    "minio-js": MinioJs,
    "rclone": Rclone,
    "restic": Restic,
    "s3cmd": S3cmd,
}
