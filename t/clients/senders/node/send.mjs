// Uploads, downloads and presigned URLs with the clients of npm, for ../run.py and ../presigned.py.
//
//     node send.mjs client-s3|minio-js put KEY=FILE ...
//     node send.mjs client-s3|minio-js get KEY=FILE ...
//     node send.mjs client-s3|minio-js stream KEY        from standard input, whose length is not known
//     node send.mjs client-s3|minio-js presign-put|presign-get|presign-head KEY      prints the URL
//     node send.mjs client-s3|minio-js presign-part KEY=UPLOAD_ID                    for part 1
//     node send.mjs minio-js presign-post KEY                            prints {"url": URL, "fields": {NAME: VALUE ...}}
//
// The endpoint and the key stand in ENDPOINT, REGION, BUCKET, ACCESS_KEY, SECRET_KEY; NODE_EXTRA_CA_CERTS names the authority.

import { createReadStream, createWriteStream, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";

const { ENDPOINT, REGION, BUCKET, ACCESS_KEY, SECRET_KEY } = process.env;
const PART = 5 << 20;

// A file is given as a stream, as programs do that do not want it in memory.
async function clientS3() {
  const { S3Client, GetObjectCommand, HeadObjectCommand, PutObjectCommand, UploadPartCommand } = await import("@aws-sdk/client-s3");
  const { getSignedUrl } = await import("@aws-sdk/s3-request-presigner");
  const { Upload } = await import("@aws-sdk/lib-storage");
  const s3 = new S3Client({
    endpoint: ENDPOINT,
    region: REGION,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
    forcePathStyle: true,
    maxAttempts: 1,
  });
  const upload = (key, body) =>
    new Upload({ client: s3, params: { Bucket: BUCKET, Key: key, Body: body }, partSize: PART, queueSize: 2 }).done();
  return {
    put: (key, file) => {
      const size = statSync(file).size;
      if (size > PART) return upload(key, createReadStream(file));
      const body = createReadStream(file);
      return s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body, ContentLength: size }));
    },
    get: async (key, file) => {
      const answer = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      await pipeline(answer.Body, createWriteStream(file));
    },
    stream: (key) => upload(key, process.stdin),
    "presign-put": async (key) => console.log(await getSignedUrl(s3, new PutObjectCommand({ Bucket: BUCKET, Key: key }))),
    "presign-get": async (key) => console.log(await getSignedUrl(s3, new GetObjectCommand({ Bucket: BUCKET, Key: key }))),
    "presign-head": async (key) => console.log(await getSignedUrl(s3, new HeadObjectCommand({ Bucket: BUCKET, Key: key }))),
    "presign-part": async (key, id) => {
      const part = new UploadPartCommand({ Bucket: BUCKET, Key: key, UploadId: id, PartNumber: 1 });
      console.log(await getSignedUrl(s3, part));
    },
  };
}

async function minioJs() {
  const { Client } = await import("minio");
  const url = new URL(ENDPOINT);
  const s3 = new Client({
    endPoint: url.hostname,
    port: Number(url.port),
    useSSL: url.protocol === "https:",
    accessKey: ACCESS_KEY,
    secretKey: SECRET_KEY,
    region: REGION,
    pathStyle: true,
    partSize: PART,
  });
  return {
    put: (key, file) => s3.fPutObject(BUCKET, key, file),
    get: (key, file) => s3.fGetObject(BUCKET, key, file),
    stream: (key) => s3.putObject(BUCKET, key, process.stdin),
    "presign-put": async (key) => console.log(await s3.presignedPutObject(BUCKET, key)),
    "presign-get": async (key) => console.log(await s3.presignedGetObject(BUCKET, key)),
    "presign-head": async (key) => console.log(await s3.presignedUrl("HEAD", BUCKET, key)),
    "presign-part": async (key, id) => {
      console.log(await s3.presignedUrl("PUT", BUCKET, key, 600, { partNumber: "1", uploadId: id }));
    },
    "presign-post": async (key) => {
      const policy = s3.newPostPolicy();
      policy.setBucket(BUCKET);
      policy.setKey(key);
      policy.setExpires(new Date(Date.now() + 600000));
      const { postURL, formData } = await s3.presignedPostPolicy(policy);
      console.log(JSON.stringify({ url: postURL, fields: formData }));
    },
  };
}

const [client, operation, ...pairs] = process.argv.slice(2);
const { [operation]: action } = await { "client-s3": clientS3, "minio-js": minioJs }[client]();
for (const pair of pairs) {
  const [key, file] = pair.split("=");
  await action(key, file);
}
// Idle connections would keep the process for their own time.
process.exit(0);
