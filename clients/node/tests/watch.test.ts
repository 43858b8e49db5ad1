import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { status } from "@grpc/grpc-js";
import { CancelledError, DeadlineExceededError, UnavailableError, type VerificationSession } from "bonafide-client";
import { Redaction_Status, VerificationSessionStatus as Is } from "bonafide-client";

import { type Arrived, Played, refusal, session, untilGone } from "./server.js";

type Stream = (call: Arrived) => AsyncGenerator<VerificationSession>;

/** A server whose streams are these, one after the other; the last one again and again. */
function streaming(...streams: Stream[]): Promise<Played> {
  return Played.start({
    watchVerificationSession: (call) => (streams[call.before] ?? (streams.at(-1) as Stream))(call),
  });
}

const OPEN = session(Is.REQUIRES_INPUT, { metadata: { a: "1", b: "2" }, created: new Date(1_700_000_000_123) });
const PROCESSING = session(Is.PROCESSING);
const VERIFIED = session(Is.VERIFIED);
const CANCELED = session(Is.CANCELED);

async function statuses(watch: AsyncIterable<VerificationSession>): Promise<number[]> {
  const seen = [];
  for await (const { status } of watch) {
    seen.push(status);
  }
  return seen;
}

test("a watch goes on when the server ends its stream, and tells no state twice", async () => {
  await using server = await streaming(
    async function* () {
      yield { ...OPEN, clientSecret: "one" };
    },
    async function* () {
      // The same state: secrets are fresh in every answer, and maps have no order.
      yield { ...OPEN, clientSecret: "another", metadata: { b: "2", a: "1" } };
    },
    async function* () {
      yield OPEN;
      yield PROCESSING;
      yield PROCESSING;
      yield VERIFIED;
    },
    async function* () {
      yield VERIFIED;
      yield CANCELED;
      yield VERIFIED;
    },
  );
  await using client = server.client();
  assert.deepEqual(await statuses(client.sessions.watch("vs_1")), [Is.REQUIRES_INPUT, Is.PROCESSING, Is.VERIFIED, Is.CANCELED]);
  assert.equal(server.calls.length, 4);
  assert.ok(server.calls.every(({ request }) => request.verificationSession === "vs_1"));
});

for (const how of ["reset", "end"] as const) {
  test(`a watch goes on after its connection's ${how}`, async () => {
    await using server = await streaming(
      async function* (call) {
        yield OPEN;
        await untilGone(call);
      },
      async function* () {
        yield OPEN;
        yield CANCELED;
      },
    );
    await using client = server.client();
    const seen = [];
    for await (const { status } of client.sessions.watch("vs_1")) {
      seen.push(status);
      if (status === Is.REQUIRES_INPUT) {
        server.cut(how);
      }
    }
    assert.deepEqual(seen, [Is.REQUIRES_INPUT, Is.CANCELED]);
    assert.equal(server.calls.length, 2);
  });
}

/** A stream that is answered, and ends so. */
function lost(how: () => Error): Stream {
  return async function* () {
    yield PROCESSING;
    throw how();
  };
}

test("a watch outlives an outage", async () => {
  await using server = await streaming(
    async function* (call) {
      yield PROCESSING;
      await untilGone(call);
    },
    async function* () {
      yield CANCELED;
    },
  );
  await using client = server.client();
  const watch = client.sessions.watch("vs_1");
  await watch.next();
  await server.leave();
  const rest = statuses(watch);
  // Longer than a call is tried: four pauses are 1.5 seconds at most.
  await delay(2000);
  assert.equal(server.calls.length, 1);
  await server.comeBack();
  assert.deepEqual(await rest, [Is.CANCELED]);
  assert.equal(server.calls.length, 2);
});

test("a watch ends with an outage that is too long", async () => {
  await using server = await streaming(async function* (call) {
    yield PROCESSING;
    await untilGone(call);
  });
  await using client = server.client({ reconnectTimeoutMs: 1000 });
  const watch = client.sessions.watch("vs_1");
  await watch.next();
  const left = performance.now();
  await server.leave();
  await assert.rejects(watch.next(), { code: "UNAVAILABLE", reason: undefined });
  // Timers may be a moment early.
  assert.ok(performance.now() - left >= 995);
  assert.deepEqual(await watch.next(), { done: true, value: undefined });
});

test("a watch does not wait for hours", async () => {
  const retryAfterMs = 5 * 3_600_000;
  const hours = () => refusal(status.UNAVAILABLE, { reason: "UNAVAILABLE", retryAfterMs });
  await using server = await streaming(lost(hours), async function* () {
    throw hours();
  });
  await using client = server.client({ reconnectTimeoutMs: 1000 });
  const watch = client.sessions.watch("vs_1");
  await watch.next();
  await assert.rejects(watch.next(), { code: "UNAVAILABLE", retryAfterMs });
  // A last time when its own time is over, or a moment before.
  assert.ok([2, 3].includes(server.calls.length));
});

for (const [code, reason] of [
  ["UNAVAILABLE", undefined],
  ["CANCELLED", undefined],
  ["UNKNOWN", undefined],
  ["INTERNAL", undefined],
  ["DEADLINE_EXCEEDED", undefined],
  ["DEADLINE_EXCEEDED", "DEADLINE"],
  ["ABORTED", "CONTENDED"],
  ["RESOURCE_EXHAUSTED", "OVERLOADED"],
] as const) {
  test(`a watch goes on after ${code} with ${reason ?? "no reason"}`, async () => {
    await using server = await streaming(lost(() => refusal(status[code], { reason })), async function* () {
      yield CANCELED;
    });
    await using client = server.client();
    assert.deepEqual(await statuses(client.sessions.watch("vs_1")), [Is.PROCESSING, Is.CANCELED]);
  });
}

for (const [code, reason] of [
  ["NOT_FOUND", "SESSION_NOT_FOUND"],
  ["INTERNAL", "INTERNAL"],
  ["CANCELLED", "CANCELLED"],
  ["RESOURCE_EXHAUSTED", undefined],
  ["PERMISSION_DENIED", undefined],
] as const) {
  test(`a watch ends with ${code} with ${reason ?? "no reason"}`, async () => {
    await using server = await streaming(lost(() => refusal(status[code], { reason })));
    await using client = server.client();
    await assert.rejects(statuses(client.sessions.watch("vs_1")), { code, reason });
    assert.equal(server.calls.length, 1);
  });
}

for (const [what, end] of [
  ["UNAVAILABLE", () => { throw refusal(status.UNAVAILABLE); }],
  ["nothing", () => {}],
] as const) {
  test(`a watch that is answered ${what} has as long as a call`, async () => {
    await using server = await streaming(async function* () {
      end();
    });
    await using client = server.client({ timeoutMs: 1000 });
    const began = performance.now();
    await assert.rejects(statuses(client.sessions.watch("vs_1")), UnavailableError);
    // Timers may be a moment early.
    assert.ok(performance.now() - began >= 995);
    assert.ok(server.calls.length > 2);
  });
}

test("a watch whose streams end at once ends with its deadline", async () => {
  await using server = await streaming(async function* () {
    yield PROCESSING;
  });
  await using client = server.client();
  await assert.rejects(client.sessions.wait("vs_1", { timeoutMs: 1000 }), DeadlineExceededError);
  // With pauses, which double.
  assert.ok(server.calls.length >= 2 && server.calls.length < 100);
});

for (const last of [Redaction_Status.REDACTED, Redaction_Status.VALIDATED, 99]) {
  test(`a watch ends with a redaction that is ${Redaction_Status[last] ?? "not known"}`, async () => {
    await using server = await streaming(async function* (call) {
      yield session(Is.VERIFIED, { redaction: { status: Redaction_Status.PROCESSING } });
      yield session(Is.VERIFIED, { redaction: { status: last } });
      await untilGone(call);
    });
    await using client = server.client();
    assert.equal((await statuses(client.sessions.watch("vs_1"))).length, 2);
  });
}

const quiet: Stream = async function* (call) {
  yield OPEN;
  await untilGone(call);
};

test("a watch ends with its deadline", async () => {
  await using server = await streaming(quiet);
  await using client = server.client();
  await assert.rejects(statuses(client.sessions.watch("vs_1", { timeoutMs: 500 })), DeadlineExceededError);
});

test("a stream of a watch has a deadline where the watch has none", async () => {
  await using server = await streaming(quiet);
  await using client = server.client();
  await using watch = client.sessions.watch("vs_1");
  await watch.next();
  assert.ok(server.calls.every(({ deadline }) => Number.isFinite(deadline)));
});

test("whoever leaves the loop ends the call", async () => {
  await using server = await streaming(quiet);
  await using client = server.client();
  for await (const { id } of client.sessions.watch("vs_1")) {
    assert.equal(id, "vs_1");
    break;
  }
  await assert.rejects(untilGone(server.calls[0] as Arrived));
  assert.equal(server.calls.length, 1);
});

test("a watch is stopped while somebody waits for a change", async () => {
  await using server = await streaming(quiet);
  await using client = server.client();
  const watch = client.sessions.watch("vs_1");
  assert.equal((await watch.next()).done, false);
  const next = watch.next();
  assert.deepEqual(await watch.return(), { done: true, value: undefined });
  assert.deepEqual(await next, { done: true, value: undefined });
  assert.deepEqual(await watch.next(), { done: true, value: undefined });
  await assert.rejects(untilGone(server.calls[0] as Arrived));
});

test("a watch that was never read is stopped, too", async () => {
  await using server = await streaming(quiet);
  await using client = server.client();
  await client.sessions.watch("vs_1").return();
  assert.equal(server.calls.length, 0);
});

test("a signal ends a watch, and so does close", async () => {
  await using server = await streaming(quiet);
  await using client = server.client();
  const controller = new AbortController();
  const watch = client.sessions.watch("vs_1", { signal: controller.signal });
  await watch.next();
  controller.abort("enough");
  await assert.rejects(watch.next(), { name: "CancelledError", cause: "enough" });

  const another = client.sessions.watch("vs_1");
  await another.next();
  await client.close();
  await assert.rejects(another.next(), CancelledError);
});

test("what the caller does to a session changes nothing for the watch", async () => {
  await using server = await streaming(
    async function* () {
      yield OPEN;
    },
    async function* () {
      yield OPEN;
      yield CANCELED;
    },
  );
  await using client = server.client();
  let seen = 0;
  for await (const watched of client.sessions.watch("vs_1")) {
    seen += 1;
    watched.metadata["of"] = "the caller";
    watched.status = Is.VERIFIED;
  }
  assert.equal(seen, 2);
});

const submitted = { insights: { attempts: 1, files: [], redaction: undefined } };

for (const [what, states] of [
  ["verified", [OPEN, PROCESSING, VERIFIED]],
  ["not verified", [OPEN, PROCESSING, session(Is.REQUIRES_INPUT, submitted)]],
  ["canceled", [OPEN, CANCELED]],
  ["in a status of a newer server", [OPEN, session(99 as Is)]],
] as const) {
  test(`wait answers a session that is ${what}`, async () => {
    await using server = await streaming(async function* (call) {
      yield* states;
      await untilGone(call);
    });
    await using client = server.client();
    assert.deepEqual(await client.sessions.wait("vs_1"), states.at(-1));
    await assert.rejects(untilGone(server.calls[0] as Arrived));
  });
}

test("wait ends with its deadline, which is not the client's", async () => {
  await using server = await streaming(
    async function* () {
      yield OPEN;
      // Longer than the client's calls may take.
      await delay(100);
      yield VERIFIED;
    },
    async function* (call) {
      yield PROCESSING;
      await untilGone(call);
    },
  );
  await using client = server.client({ timeoutMs: 50 });
  assert.equal((await client.sessions.wait("vs_1")).status, Is.VERIFIED);
  await assert.rejects(client.sessions.wait("vs_1", { timeoutMs: 300 }), DeadlineExceededError);
});
