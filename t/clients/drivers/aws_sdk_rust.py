"""aws-sdk-s3 for Rust: signed chunks with a signed trailer over http."""

import os

from .own import OwnDriver

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../.work/clients/rust/debug/sdk-client")


class Driver(OwnDriver):
    program = (PROGRAM,)
