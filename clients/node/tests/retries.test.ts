import assert from "node:assert/strict";
import { test } from "node:test";

import { status } from "@grpc/grpc-js";
import * as bonafide from "bonafide-client";

import { Played, refusal, session } from "./server.js";

const { VerificationSessionStatus: Is } = bonafide;

/** A server that refuses `times` creations before it answers one. */
function refusing(times: number, how: () => Error): Promise<Played> {
  return Played.start({
    createVerificationSession: ({ before }) => {
      if (before < times) {
        throw how();
      }
      return session(Is.REQUIRES_INPUT);
    },
  });
}

function keys(server: Played): unknown[] {
  return server.calls.map((call) => call.request.idempotencyKey);
}

for (const [what, how] of [
  ["UNAVAILABLE of a service", () => refusal(status.UNAVAILABLE, { reason: "UNAVAILABLE", retryAfterMs: 1 })],
  ["UNAVAILABLE of nobody in particular", () => refusal(status.UNAVAILABLE)],
  ["CONTENDED", () => refusal(status.ABORTED, { reason: "CONTENDED", retryAfterMs: 1 })],
  [
    "a connection that broke while the request was written",
    () => refusal(status.INTERNAL, {}, "Received RST_STREAM with code 2 triggered by internal client error: write EPIPE"),
  ],
  ["OVERLOADED", () => refusal(status.RESOURCE_EXHAUSTED, { reason: "OVERLOADED" })],
] as const) {
  test(`after ${what} a call is sent again under the same key`, async () => {
    await using server = await refusing(2, how);
    await using client = server.client();
    const created = await client.sessions.create({ type: bonafide.VerificationType.DOCUMENT });
    assert.equal(created.id, "vs_1");
    assert.equal(server.calls.length, 3);
    assert.equal(new Set(keys(server)).size, 1);
    assert.match(String(keys(server)[0]), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
}

test("each call has a key of its own, or the one that it is given", async () => {
  await using server = await refusing(0, () => refusal(status.UNAVAILABLE));
  await using client = server.client();
  await client.sessions.create({});
  await client.sessions.create({});
  await client.sessions.create({}, { idempotencyKey: "of the options" });
  await client.sessions.create({ idempotencyKey: "of the request" });
  const [first, second, ...given] = keys(server);
  assert.notEqual(first, second);
  assert.deepEqual(given, ["of the options", "of the request"]);
});

test("as long as RetryInfo asks for is waited", async () => {
  await using server = await refusing(1, () => refusal(status.RESOURCE_EXHAUSTED, { reason: "OVERLOADED", retryAfterMs: 400 }));
  await using client = server.client();
  const began = performance.now();
  await client.sessions.create({});
  // Timers may be a moment early.
  assert.ok(performance.now() - began >= 395);
  assert.equal(server.calls.length, 2);
});

for (const [code, details] of [
  ["INVALID_ARGUMENT", { reason: "INVALID_FIELDS" }],
  ["RESOURCE_EXHAUSTED", {}],
  ["RESOURCE_EXHAUSTED", { reason: "MESSAGE_TOO_LARGE" }],
  ["RESOURCE_EXHAUSTED", { reason: "OVERLOADED", domain: "proxy.example" }],
  ["ABORTED", {}],
  ["INTERNAL", { reason: "INTERNAL" }],
  ["INTERNAL", {}],
  ["UNKNOWN", {}],
] as const) {
  test(`after ${code} ${JSON.stringify(details)} nothing is sent again`, async () => {
    await using server = await refusing(1, () => refusal(status[code], { ...details, retryAfterMs: 1 }));
    await using client = server.client();
    await assert.rejects(client.sessions.create({}), { code });
    assert.equal(server.calls.length, 1);
  });
}

test("a call is tried five times at most", async () => {
  await using server = await refusing(Infinity, () => refusal(status.UNAVAILABLE, { retryAfterMs: 0 }));
  await using client = server.client();
  await assert.rejects(client.sessions.create({}), bonafide.UnavailableError);
  assert.equal(server.calls.length, 5);
});

test("a wait that would outlast the deadline is not begun", async () => {
  await using server = await refusing(1, () => refusal(status.UNAVAILABLE, { retryAfterMs: 3_600_000 }));
  await using client = server.client();
  await assert.rejects(client.sessions.create({}), { code: "UNAVAILABLE", retryAfterMs: 3_600_000 });
  assert.equal(server.calls.length, 1);
});

test("all tries of a call have one deadline", async () => {
  await using server = await refusing(2, () => refusal(status.UNAVAILABLE));
  await using client = server.client();
  const latest = Date.now() + 60_000;
  await client.sessions.create({}, { timeoutMs: 60_000 });
  for (const { deadline } of server.calls) {
    // Servers learn of it in what is left; each rounds a little.
    assert.ok(Math.abs(deadline - latest) < 30_000);
  }
});

for (const how of ["reset", "end"] as const) {
  test(`an answer that was lost by a connection's ${how} is asked for again under the same key`, async () => {
    const acted = new Set<string>();
    await using server = await Played.start({
      createVerificationSession: ({ before, request }) => {
        acted.add(request.idempotencyKey);
        if (before === 0) {
          server.cut(how);
        }
        return session(Is.REQUIRES_INPUT);
      },
    });
    await using client = server.client();
    assert.equal((await client.sessions.create({})).id, "vs_1");
    assert.equal(server.calls.length, 2);
    assert.equal(acted.size, 1);
  });
}

test("where nothing answers, the error says so and has no reason", async () => {
  const server = await Played.start({});
  const client = server.client();
  await server[Symbol.asyncDispose]();
  await assert.rejects(client.sessions.get("vs_1"), (error) => {
    assert.ok(error instanceof bonafide.UnavailableError);
    assert.match(error.message, /ECONNREFUSED/);
    assert.equal(error.reason, undefined);
    return true;
  });
  await client.close();
});

test("a call succeeds as soon as the server is back, however long it was away", async () => {
  await using server = await refusing(0, () => refusal(status.UNAVAILABLE));
  await using client = server.client();
  await client.sessions.create({});
  await server.leave();
  for (let call = 0; call < 5; call += 1) {
    await assert.rejects(client.sessions.create({}), bonafide.UnavailableError);
  }
  await server.comeBack();
  await client.sessions.create({});
  assert.equal(server.calls.length, 2);
});
