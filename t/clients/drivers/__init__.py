"""What t/clients/run.py asks of every client, and what a client may answer.

A driver has the operations below as methods. One that its client has no command for stays out of the class and stands in
`cannot`, with the reason, so that it shows up as a skipped test instead of as silence.
"""

import os
import subprocess
from dataclasses import dataclass, replace

VENV_BIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../.work/clients/venv/bin")

# For a machine that has more to do than this; it multiplies all waiting, as for S3Proxy::Test.
PATIENCE = float(os.environ.get("TEST_NGINX_PATIENCE") or 1)

# Longer than any single operation takes on two busy cores, so that a hang is a failed test and not a hung run.
TIMEOUT = 60 * PATIENCE


class Failure(Exception):
    """An operation failed; the text is what the client said."""


@dataclass(frozen=True)
class Target:
    """Where to send requests, and with which key."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    bucket: str
    # PEM file of the authority that signed the endpoint's certificate, or None for http.
    ca: str | None
    # An empty directory of the driver's own.
    work: str
    # The HTTP proxy that stands for all names below the endpoint's, whose requests then have the bucket in the host name.
    proxy: str | None = None

    @property
    def virtual(self):
        return self.proxy is not None

    @property
    def secure(self):
        return self.endpoint.startswith("https://")

    @property
    def authority(self):
        return self.endpoint.split("://", 1)[1].rstrip("/")

    def with_secret(self, secret, work):
        return replace(self, secret_key=secret, work=work)


class Driver:
    """Base of all drivers.

    put(key, data)                 get(key) -> bytes
    head(key) -> size              get_range(key, first, last) -> bytes     both positions included
    list(prefix) -> [key]          multipart(key, data, part_size)
    list_buckets() -> [bucket]
    copy(source, target)           delete(key), delete_many([key])
    presign_get(key) -> URL        presign_put(key) -> URL
    put_metadata(key, data, name, value)           get_metadata(key, name) -> value
    put_tag(key, name, value)      get_tag(key, name) -> value
    """

    # operation -> why this client has none.
    cannot: dict[str, str] = {}

    def __init__(self, target):
        self.target = target
        # The last command or call, for the report of a failure.
        self.last = ""

    def file(self, name, data=None):
        """Path of a scratch file, holding `data` or absent."""
        path = os.path.join(self.target.work, name)
        if data is not None:
            with open(path, "wb") as out:
                out.write(data)
        elif os.path.exists(path):
            os.remove(path)
        return path


class CommandDriver(Driver):
    """A client that is a command: runs it without the caller's environment and home directory."""

    def environment(self):
        return {}

    def run(self, *command, stdin=None):
        """Standard output of a command that must succeed."""
        self.last = " ".join(command)
        environment = {
            "HOME": self.target.work,
            "LC_ALL": "C.UTF-8",
            "PATH": VENV_BIN + ":" + os.environ.get("PATH", "/usr/bin:/bin"),
            # Clients differ in which of them they look at.
            **({"http_proxy": self.target.proxy, "HTTP_PROXY": self.target.proxy} if self.target.proxy else {}),
            **self.environment(),
        }
        try:
            done = subprocess.run(
                command, input=stdin, capture_output=True, env=environment, cwd=self.target.work, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"no end after {TIMEOUT} s") from None
        if done.returncode != 0:
            output = (done.stderr + b"\n" + done.stdout[:4096]).decode(errors="replace").strip()
            raise Failure(f"exit status {done.returncode}: {output}")
        return done.stdout


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise Failure(f"the client succeeded without writing {os.path.basename(path)}") from None
