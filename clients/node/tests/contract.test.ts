// What a newer server sends.
import assert from "node:assert/strict";
import { test } from "node:test";

import { type VerificationErrorCode, VerificationSessionStatus as Is } from "bonafide-client";
import { VerificationSession } from "#dist/gen/bonafide/identity/v1/session.js";

import { Played, session } from "./server.js";

/** A session with fields 2,000 and 2,001, which nobody knows: a number and a text. */
function newer(known: VerificationSession): Buffer {
  const writer = VerificationSession.encode(known);
  writer.uint32((2000 << 3) | 0).uint32(7);
  writer.uint32((2001 << 3) | 2).string("new");
  return Buffer.from(writer.finish());
}

test("an unknown field is ignored", async () => {
  const known = session(Is.VERIFIED, { created: new Date(1_700_000_000_123), metadata: { order: "7" } });
  await using server = await Played.start({
    getVerificationSession: () => newer(known),
    watchVerificationSession: async function* () {
      yield newer(session(Is.CANCELED));
    },
  });
  await using client = server.client();
  assert.deepEqual(await client.sessions.get("vs_1"), known);
  assert.equal((await client.sessions.wait("vs_1")).status, Is.CANCELED);
});

test("an unknown value of an enum is the number that was sent", async () => {
  await using server = await Played.start({
    getVerificationSession: () => session(99 as Is, { lastError: { code: 1234 as VerificationErrorCode, reason: "new" } }),
  });
  await using client = server.client();
  const got = await client.sessions.get("vs_1");
  assert.equal(got.status, 99);
  assert.equal(Is[got.status], undefined);
  assert.equal(got.lastError?.code, 1234);
});

test("sizes are numbers, and one that no number holds is refused", async () => {
  const largest = Number.MAX_SAFE_INTEGER;
  await using server = await Played.start({
    // `size`, field 3: a varint of 64 bits.
    getFile: ({ before }) => Buffer.from(before === 0 ? "18ffffffffffffff0f" : "18ffffffffffffffffff01", "hex"),
  });
  await using client = server.client();
  assert.equal((await client.files.get("file_1")).size, largest);
  await assert.rejects(client.files.get("file_1"), { code: "INTERNAL" });
});

test("an answer can be made JSON", async () => {
  await using server = await Played.start({ getVerificationSession: () => session(Is.VERIFIED, { created: new Date(0) }) });
  await using client = server.client();
  const read = JSON.parse(JSON.stringify(await client.sessions.get("vs_1")));
  assert.equal(read.id, "vs_1");
  assert.equal(read.created, "1970-01-01T00:00:00.000Z");
});
