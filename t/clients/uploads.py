#!/usr/bin/env python3
"""Does with boto3 what its standard input says about uploads in parts, one line each, and answers in one line.

    begin NAME          ID of the upload
    part NAME NUMBER    ok
    parts NAME          the numbers that ListParts has
    complete NAME       ok
    abort NAME          ok

What fails is answered with "error" and the code, after boto3 has tried again as it does. TEST_ENDPOINT, TEST_ATTEMPTS.
"""

import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BUCKET = "demo"
SIZE = 5 << 20


def main():
    s3 = boto3.client(
        "s3",
        endpoint_url=os.environ["TEST_ENDPOINT"],
        config=Config(
            signature_version="s3v4",
            retries={"mode": "standard", "total_max_attempts": int(os.environ["TEST_ATTEMPTS"])},
            s3={"addressing_style": "path"},
        ),
    )
    uploads = {}
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            answer = DO[verb](s3, uploads, *words)
        except ClientError as error:
            answer = "error " + error.response["Error"]["Code"]
        except BotoCoreError as error:
            answer = f"error {type(error).__name__}"
        print(answer, flush=True)


def begin(s3, uploads, name):
    uploads[name] = (s3.create_multipart_upload(Bucket=BUCKET, Key=name)["UploadId"], {})
    return uploads[name][0]


def part(s3, uploads, name, number):
    upload_id, tags = uploads[name]
    body = number.encode() * SIZE
    answer = s3.upload_part(Bucket=BUCKET, Key=name, UploadId=upload_id, PartNumber=int(number), Body=body)
    tags[int(number)] = answer["ETag"]
    return "ok"


def parts(s3, uploads, name):
    upload_id = uploads[name][0]
    answer = s3.list_parts(Bucket=BUCKET, Key=name, UploadId=upload_id)
    if answer["UploadId"] != upload_id:
        return f"another upload {answer['UploadId']}"
    return " ".join(sorted(str(found["PartNumber"]) for found in answer.get("Parts", [])))


def complete(s3, uploads, name):
    upload_id, tags = uploads[name]
    chosen = {"Parts": [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key=name, UploadId=upload_id, MultipartUpload=chosen)
    return "ok"


def abort(s3, uploads, name):
    s3.abort_multipart_upload(Bucket=BUCKET, Key=name, UploadId=uploads[name][0])
    return "ok"


DO = {"abort": abort, "begin": begin, "complete": complete, "part": part, "parts": parts}

if __name__ == "__main__":
    main()
