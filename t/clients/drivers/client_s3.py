"""@aws-sdk/client-s3 for JavaScript: checksums of every body, chunked with a trailer where the body is a stream; presigned PUTs have the
checksum of an empty body."""

import os

from .own import OwnDriver

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../.work/clients/node/client.mjs")


class Driver(OwnDriver):
    program = ("node", PROGRAM)
