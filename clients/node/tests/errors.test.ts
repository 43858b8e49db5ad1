import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { Metadata, status } from "@grpc/grpc-js";
import * as bonafide from "bonafide-client";

import { KEY, Played, refusal } from "./server.js";

/** The error that a call ends with that is refused so. */
async function errorOf(refused: Error): Promise<bonafide.BonafideError> {
  await using server = await Played.start({
    getVerificationSession: () => {
      throw refused;
    },
  });
  await using client = server.client();
  try {
    await client.sessions.get("vs_1");
  } catch (error) {
    assert.ok(error instanceof bonafide.BonafideError);
    return error;
  }
  throw new Error("the call was answered");
}

test("an error has its reason, all violations, metadata and when to try again", async () => {
  const violations = [
    { field: "metadata.a", description: "at most 500 characters" },
    { field: "type", description: "must be `document`" },
  ];
  const details = { reason: "INVALID_FIELDS", metadata: { status: "verified" }, violations, retryAfterMs: 1500 };
  const error = await errorOf(refusal(status.INVALID_ARGUMENT, details, "invalid fields: metadata.a, type"));
  assert.ok(error instanceof bonafide.InvalidArgumentError);
  assert.equal(error.name, "InvalidArgumentError");
  assert.equal(error.code, "INVALID_ARGUMENT");
  assert.equal(error.reason, "INVALID_FIELDS");
  assert.equal(error.message, "invalid fields: metadata.a, type");
  assert.deepEqual(error.violations, violations);
  assert.deepEqual(error.metadata, { status: "verified" });
  assert.equal(error.retryAfterMs, 1500);
  assert.match(String(error.stack), /^InvalidArgumentError: invalid fields.*errors\.test\.js/s, "the stack leads to the caller");
});

const CODES = Object.keys(status).filter((name) => Number.isNaN(Number(name)) && name !== "OK") as bonafide.Code[];

test("each status code has a class", async () => {
  assert.equal(CODES.length, 16);
  const classes = new Set();
  for (const code of CODES) {
    const error = await errorOf(refusal(status[code]));
    const name = `${code.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}Error`;
    assert.equal(error.code, code);
    assert.equal(error.name, name);
    assert.equal(error.constructor, bonafide[name as keyof typeof bonafide]);
    classes.add(error.constructor);
  }
  assert.equal(classes.size, CODES.length);
});

test("without ErrorInfo, or with that of others, there is no reason", async () => {
  for (const details of [{}, { reason: "RATE_LIMITED", domain: "proxy.example", metadata: { a: "b" } }]) {
    const error = await errorOf(refusal(status.PERMISSION_DENIED, details));
    assert.equal(error.reason, undefined);
    assert.deepEqual(error.metadata, {});
    assert.deepEqual(error.violations, []);
    assert.equal(error.retryAfterMs, undefined);
  }
});

test("details that were damaged on the way take nothing from the error", async () => {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from("ff00ff00", "hex"));
  const error = await errorOf(Object.assign(new Error("not found"), { code: status.NOT_FOUND, details: "not found", metadata }));
  assert.ok(error instanceof bonafide.NotFoundError);
  assert.equal(error.message, "not found");
  assert.equal(error.reason, undefined);
});

test("a code that is not known is UNKNOWN, and an error without a message has its code", async () => {
  const metadata = new Metadata();
  assert.equal((await errorOf(Object.assign(new Error("new"), { code: 42, details: "new", metadata }))).code, "UNKNOWN");
  const error = await errorOf(Object.assign(new Error(""), { code: status.ABORTED, details: "", metadata }));
  assert.equal(error.message, "ABORTED");
});

test("nothing that is printed holds a key, a client secret or a picture", async () => {
  const secrets = [KEY, "vs_1_secret_ofThePerson", "the bytes of a picture"] as const;
  const holdsNone = (what: unknown) => {
    const printed = [
      inspect(what, { depth: Infinity, showHidden: true, getters: true }),
      String(what),
      JSON.stringify(what),
      what instanceof Error ? what.stack : "",
    ].join();
    for (const secret of [...secrets, Buffer.from(secrets[2]).toString("hex").slice(0, 20)]) {
      assert.ok(!printed.includes(secret), printed);
    }
  };
  await using server = await Played.start({});
  await using client = server.client();
  const person = client.person({ id: "vs_1", clientSecret: secrets[1] });
  holdsNone(client);
  holdsNone(person);
  holdsNone(client.sessions.watch("vs_1"));
  const picture = Buffer.from(secrets[2]);
  const failures = [
    () => client.sessions.get("vs_1"),
    () => client.sessions.watch("vs_1").next(),
    () => client.sessions.get(7 as never),
    () => person.upload(bonafide.ImagePurpose.SELFIE, picture),
    () => person.upload(bonafide.ImagePurpose.SELFIE, picture, { timeoutMs: 0 }),
    () => person.upload("selfie" as never, picture),
    () => person.upload(bonafide.ImagePurpose.SELFIE, secrets[2] as never),
  ];
  for (const failure of failures) {
    await assert.rejects(failure, (error) => {
      holdsNone(error);
      return true;
    });
  }
  for (const apiKey of [`${KEY}\n`, ` ${KEY}`, "", "ключ"]) {
    assert.throws(() => server.client({ apiKey }), (error) => {
      assert.ok(error instanceof TypeError);
      holdsNone(error);
      return true;
    });
  }
  assert.throws(() => client.person({ id: "vs_1", clientSecret: `${secrets[1]} ` }), (error) => {
    holdsNone(error);
    return true;
  });
});

test("a credential that the server repeats is hidden", async () => {
  const header = `Bearer ${KEY}`;
  const details = { reason: "CREDENTIAL_INVALID", metadata: { header }, violations: [{ field: "header", description: header }] };
  const error = await errorOf(refusal(status.UNAUTHENTICATED, details, header));
  assert.equal(error.message, "Bearer ***");
  assert.deepEqual(error.metadata, { header: "Bearer ***" });
  assert.deepEqual(error.violations, [{ field: "header", description: "Bearer ***" }]);
  assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(KEY));
});

for (const [retryAfterMs, heard] of [[null, undefined], [-3_600_000, 0]] as const) {
  test(`a RetryInfo of ${retryAfterMs} ms asks for ${heard}`, async () => {
    assert.equal((await errorOf(refusal(status.ABORTED, { retryAfterMs }))).retryAfterMs, heard);
  });
}

test("a session without a client secret has no person", async () => {
  await using server = await Played.start({});
  await using client = server.client();
  assert.throws(() => client.person({ id: "vs_1" }), TypeError);
});
