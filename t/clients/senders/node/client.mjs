// What ../../drivers/own.py asks of a client, with @aws-sdk/client-s3:
//
//     node client.mjs put KEY FILE [NAME VALUE]         with that metadata
//     node client.mjs get KEY FILE [RANGE]              node client.mjs multipart KEY FILE
//     node client.mjs head KEY                          prints the size, then each NAME=VALUE
//     node client.mjs list PREFIX                       node client.mjs buckets           print one name a line
//     node client.mjs copy SOURCE KEY                   SOURCE is BUCKET/KEY, percent-encoded
//     node client.mjs delete KEY                        node client.mjs delete-many KEY ...
//     node client.mjs put-tag KEY NAME VALUE            node client.mjs tags KEY          prints each NAME=VALUE
//     node client.mjs presign-get|presign-put KEY       prints the URL
//
// ENDPOINT, REGION, BUCKET, ACCESS_KEY, SECRET_KEY and NODE_EXTRA_CA_CERTS as for send.mjs. With RESOLVE, an address that all
// names have, the client is as it comes, in virtual-host style.

import { createReadStream, createWriteStream, statSync } from "node:fs";
import { Agent } from "node:http";
import { pipeline } from "node:stream/promises";
import {
  CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand,
  ListBucketsCommand, PutObjectCommand, PutObjectTaggingCommand, S3Client, paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const { ENDPOINT, REGION, BUCKET: Bucket, ACCESS_KEY, SECRET_KEY, RESOLVE } = process.env;

function resolve(name, options, done) {
  return options.all ? done(null, [{ address: RESOLVE, family: 4 }]) : done(null, RESOLVE, 4);
}

const s3 = new S3Client({
  endpoint: ENDPOINT,
  region: REGION,
  credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  ...(RESOLVE ? { requestHandler: { httpAgent: new Agent({ lookup: resolve }) } } : { forcePathStyle: true }),
  // A retry would hide what a test is to find.
  maxAttempts: 1,
});

const send = (Command, input) => s3.send(new Command(input));
const lines = (items) => items.forEach((item) => console.log(item));
const pairs = (object) => lines(Object.entries(object ?? {}).map(([name, value]) => `${name}=${value}`));

const operations = {
  put: (Key, file, name, value) =>
    send(PutObjectCommand, {
      Bucket, Key, Body: createReadStream(file), ContentLength: statSync(file).size,
      ...(name ? { Metadata: { [name]: value } } : {}),
    }),
  get: async (Key, file, Range) => {
    const answer = await send(GetObjectCommand, { Bucket, Key, Range });
    await pipeline(answer.Body, createWriteStream(file));
  },
  multipart: async (Key, file) => {
    const answer = await new Upload({ client: s3, params: { Bucket, Key, Body: createReadStream(file) }, partSize: 5 << 20 }).done();
    if (answer.Bucket && answer.Bucket !== Bucket) throw new Error(`the answer is about ${answer.Bucket}`);
  },
  head: async (Key) => {
    const answer = await send(HeadObjectCommand, { Bucket, Key });
    console.log(answer.ContentLength);
    pairs(answer.Metadata);
  },
  list: async (Prefix) => {
    // Pages of two: the continuation token, with whatever bytes it has, becomes part of a signed query.
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket, Prefix })) {
      if (page.Name !== Bucket) throw new Error(`the list is of ${page.Name}`);
      lines((page.Contents ?? []).map(({ Key }) => Key));
    }
  },
  buckets: async () => lines((await send(ListBucketsCommand, {})).Buckets.map(({ Name }) => Name)),
  copy: (CopySource, Key) => send(CopyObjectCommand, { Bucket, Key, CopySource }),
  delete: (Key) => send(DeleteObjectCommand, { Bucket, Key }),
  "delete-many": async (...keys) => {
    const answer = await send(DeleteObjectsCommand, { Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } });
    if (answer.Errors?.length) throw new Error(JSON.stringify(answer.Errors));
  },
  "put-tag": (Key, name, value) => send(PutObjectTaggingCommand, { Bucket, Key, Tagging: { TagSet: [{ Key: name, Value: value }] } }),
  tags: async (Key) => {
    const { TagSet } = await send(GetObjectTaggingCommand, { Bucket, Key });
    pairs(Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value])));
  },
  "presign-get": async (Key) => console.log(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key }), { expiresIn: 600 })),
  "presign-put": async (Key) => console.log(await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key }), { expiresIn: 600 })),
};

const [operation, ...words] = process.argv.slice(2);
try {
  await operations[operation](...words);
} catch (error) {
  // The status is in no message of an answer without a body.
  console.error(`${error.name} ${error.$metadata?.httpStatusCode ?? ""}: ${error.message}`);
  process.exit(1);
}
// Idle connections would keep the process for their own time.
process.exit(0);
