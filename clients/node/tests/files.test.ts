import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { status } from "@grpc/grpc-js";
import { DataLossError, ImagePurpose, ResourceExhaustedError } from "bonafide-client";
import { DownloadFileResponse } from "#dist/gen/bonafide/identity/v1/file.js";

import { Played, refusal } from "./server.js";

const PICTURE = randomBytes(150_000);
const KNOWN = DownloadFileResponse.fromPartial({ file: { id: "file_1", size: PICTURE.length } });

function part(from: number, to?: number): DownloadFileResponse {
  return { file: undefined, data: PICTURE.subarray(from, to) };
}

test("a download is the picture", async () => {
  await using server = await Played.start({
    downloadFile: async function* () {
      yield* [KNOWN, part(0, 65_536), part(65_536, 131_072), part(131_072)];
    },
  });
  await using client = server.client();
  const picture = await client.files.download("file_1");
  assert.ok(Buffer.isBuffer(picture));
  assert.ok(picture.equals(PICTURE));
});

for (const [what, parts] of [
  ["too early", [KNOWN, part(0, 65_536)]],
  ["at once", []],
  ["without saying how long it is", [part(0)]],
  ["too late", [KNOWN, part(0), part(0, 1)]],
] as const) {
  test(`a download that ends ${what} is an error, and not tried again`, async () => {
    await using server = await Played.start({
      downloadFile: async function* () {
        yield* parts;
      },
    });
    await using client = server.client();
    await assert.rejects(client.files.download("file_1"), (error) => {
      assert.ok(error instanceof DataLossError);
      assert.equal(error.reason, undefined);
      return true;
    });
    assert.equal(server.calls.length, 1);
  });
}

test("a download that breaks begins again", async () => {
  await using server = await Played.start({
    downloadFile: async function* ({ before }) {
      yield* [KNOWN, part(0, 65_536)];
      if (before === 0) {
        throw refusal(status.UNAVAILABLE);
      }
      yield part(65_536);
    },
  });
  await using client = server.client();
  assert.ok((await client.files.download("file_1")).equals(PICTURE));
  assert.equal(server.calls.length, 2);
});

test("pictures are uploaded from Buffers and Uint8Arrays, and from nothing else", async () => {
  await using server = await Played.start({ uploadImage: () => KNOWN.file });
  await using client = server.client();
  const person = client.person({ id: "vs_1", clientSecret: "secret" });
  const uploaded = await person.upload(ImagePurpose.SELFIE, PICTURE);
  assert.equal(uploaded.size, PICTURE.length);
  await person.upload(ImagePurpose.DOCUMENT_FRONT, new Uint8Array(PICTURE));
  for (const { request } of server.calls) {
    assert.ok(PICTURE.equals(request.data));
  }
  await assert.rejects(person.upload(ImagePurpose.SELFIE, "picture.jpg" as never), TypeError);
  assert.equal(server.calls.length, 2);
});

test("a picture that is too large for the server is refused once", async () => {
  await using server = await Played.start({});
  await using client = server.client();
  const person = client.person({ id: "vs_1", clientSecret: "secret" });
  // The limit of 4 MiB is that of grpc-js.
  await assert.rejects(person.upload(ImagePurpose.SELFIE, Buffer.alloc(5 << 20)), ResourceExhaustedError);
  assert.equal(server.calls.length, 0);
});

test("a link lives as long as is asked", async () => {
  const link = { url: "https://bonafide.example/x", file: "file_1", created: new Date(1000), expiresAt: new Date(2500) };
  await using server = await Played.start({ createFileLink: () => link });
  await using client = server.client();
  assert.deepEqual(await client.files.createLink("file_1", { lifetimeMs: 1500 }), link);
  await client.files.createLink("file_1");
  assert.deepEqual(server.calls.map(({ request }) => request.lifetime), [{ seconds: 1, nanos: 500_000_000 }, undefined]);
});
