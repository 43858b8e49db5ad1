import assert from "node:assert/strict";
import { EventEmitter, getEventListeners } from "node:events";
import { test } from "node:test";

import { status } from "@grpc/grpc-js";
import { CancelledError, DeadlineExceededError, ImagePurpose, VerificationErrorCode, VerificationSessionStatus } from "bonafide-client";

import { type Arrived, Played, refusal, session, untilGone } from "./server.js";

/** Makes every call there is; each is refused. */
async function everyCall(server: Played, timeoutMs?: number): Promise<void> {
  await using client = server.client({ timeoutMs });
  const person = client.person({ id: "vs_1", clientSecret: "secret" });
  const picture = Buffer.from("a picture");
  for (const call of [
    () => client.sessions.create({}),
    () => client.sessions.get("vs_1"),
    () => client.sessions.list(),
    () => client.sessions.listAll().next(),
    () => client.sessions.update("vs_1", {}),
    () => client.sessions.cancel("vs_1"),
    () => client.sessions.redact("vs_1"),
    () => client.sessions.watch("vs_1").next(),
    () => client.sessions.wait("vs_1"),
    () => client.reports.get("vr_1"),
    () => client.reports.list(),
    () => client.reports.listAll().next(),
    () => client.files.get("file_1"),
    () => client.files.list("vs_1"),
    () => client.files.download("file_1"),
    () => client.files.createLink("file_1"),
    () => client.testHelpers.simulate("vs_1"),
    () => person.upload(ImagePurpose.SELFIE, picture),
    () => person.submit(),
    () => person.leave(VerificationErrorCode.CONSENT_DECLINED),
  ]) {
    await assert.rejects(call(), { code: "UNIMPLEMENTED" });
  }
}

const PICTURES = new Set(["downloadFile", "uploadImage"]);

test("no call is without a deadline", async () => {
  await using server = await Played.start({});
  const earliest = Date.now();
  await everyCall(server);
  const latest = Date.now();
  assert.equal(server.calls.length, 20);
  for (const { method, deadline } of server.calls) {
    assert.ok(Number.isFinite(deadline), method);
    const usual = PICTURES.has(method) ? 60_000 : 10_000;
    if (method !== "watchVerificationSession") {
      // Told to the server as what is left when the call is sent, rounded.
      assert.ok(deadline > earliest + usual / 2 && deadline <= latest + usual + 1000, method);
    }
  }
});

test("the client's deadline holds for every call but watches", async () => {
  await using server = await Played.start({});
  await everyCall(server, 1_000_000);
  const latest = Date.now() + 1_000_000;
  for (const { method, deadline } of server.calls) {
    assert.ok(method === "watchVerificationSession" || deadline > latest - 500_000, method);
  }
});

test("what changes something has an idempotency key", async () => {
  await using server = await Played.start({});
  await everyCall(server);
  const hasKey = (key: unknown) => typeof key === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(key);
  const keyed = server.calls.filter(({ request }) => hasKey(request.idempotencyKey)).map(({ method }) => method);
  assert.deepEqual(keyed, [
    "createVerificationSession",
    "updateVerificationSession",
    "cancelVerificationSession",
    "redactVerificationSession",
    "simulateVerification",
    "uploadImage",
    "submitVerificationSession",
    "leaveVerificationSession",
  ]);
});

test("backends call with the key, persons with the client secret", async () => {
  await using server = await Played.start({});
  await everyCall(server);
  const persons = new Set(["uploadImage", "submitVerificationSession", "leaveVerificationSession"]);
  for (const { method, authorization } of server.calls) {
    assert.equal(authorization, persons.has(method) ? "Bearer secret" : "Bearer sk_live_notForAnybodysEyes");
  }
});

for (const timeoutMs of [0, 1, 200]) {
  test(`a deadline of ${timeoutMs} ms`, async () => {
    await using server = await Played.start({ getVerificationSession: untilGone });
    await using client = server.client();
    await assert.rejects(client.sessions.get("vs_1", { timeoutMs }), (error) => {
      assert.ok(error instanceof DeadlineExceededError);
      assert.equal(error.code, "DEADLINE_EXCEEDED");
      assert.equal(error.reason, undefined);
      return true;
    });
    assert.ok(server.calls.length <= 1);
  });
}

test("what is no time is refused", async () => {
  await using server = await Played.start({});
  await using client = server.client();
  for (const timeoutMs of [Infinity, NaN, 2 ** 31]) {
    assert.throws(() => server.client({ timeoutMs }), RangeError);
    assert.throws(() => server.client({ reconnectTimeoutMs: timeoutMs }), RangeError);
    await assert.rejects(client.sessions.get("vs_1", { timeoutMs }), RangeError);
    await assert.rejects(client.sessions.watch("vs_1", { timeoutMs }).next(), RangeError);
  }
  await assert.rejects(client.testHelpers.simulate("vs_1", { delayMs: NaN }), RangeError);
  assert.equal(server.calls.length, 0);
});

test("a signal ends a call, and the server learns of it", async () => {
  const controller = new AbortController();
  let arrived: Arrived | undefined;
  await using server = await Played.start({
    getVerificationSession: (call) => {
      arrived = call;
      controller.abort("enough");
      return untilGone(call);
    },
  });
  await using client = server.client();
  await assert.rejects(client.sessions.get("vs_1", { signal: controller.signal }), (error) => {
    assert.ok(error instanceof CancelledError);
    assert.equal(error.cause, "enough");
    return true;
  });
  await assert.rejects(untilGone(arrived as Arrived));
});

test("a signal has as many calls as there are, and keeps nothing of those that it did not end", async (t) => {
  const warned = t.mock.method(process, "emitWarning", () => {});
  await using server = await Played.start({ getVerificationSession: () => session(VerificationSessionStatus.VERIFIED) });
  await using client = server.client();
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 20 }, () => client.sessions.get("vs_1", { signal })));
  await assert.rejects(client.sessions.watch("vs_1", { signal }).next());
  assert.deepEqual(getEventListeners(signal, "abort"), []);
  assert.deepEqual(warned.mock.calls, []);
});

test("a signal that aborted before lets nothing be sent", async () => {
  await using server = await Played.start({});
  await using client = server.client();
  const options = { signal: AbortSignal.abort() };
  await assert.rejects(client.sessions.get("vs_1", options), CancelledError);
  await assert.rejects(client.files.download("file_1", options), CancelledError);
  await assert.rejects(client.sessions.watch("vs_1", options).next(), CancelledError);
  assert.equal(server.calls.length, 0);
});

test("a signal ends the pause between two tries", async () => {
  const controller = new AbortController();
  await using server = await Played.start({
    getVerificationSession: () => {
      setImmediate(() => controller.abort());
      throw refusal(status.UNAVAILABLE, { retryAfterMs: 3_600_000 });
    },
  });
  await using client = server.client();
  const options = { signal: controller.signal, timeoutMs: 2 ** 31 - 1 };
  await assert.rejects(client.sessions.get("vs_1", options), CancelledError);
  assert.equal(server.calls.length, 1);
});

test("close ends calls that run, and lets none begin", async () => {
  const arrived = new EventEmitter();
  await using server = await Played.start({
    getVerificationSession: (call) => {
      arrived.emit("call");
      return untilGone(call);
    },
  });
  const client = server.client();
  const call = client.sessions.get("vs_1");
  arrived.once("call", () => client.close());
  await assert.rejects(call, { name: "CancelledError", message: "the client is closed" });
  await assert.rejects(client.sessions.get("vs_1"), CancelledError);
  await client.close();
});
