import assert from "node:assert/strict";
import { test } from "node:test";

import { DataLossError } from "bonafide-client";
import { ListVerificationReportsResponse } from "#dist/gen/bonafide/identity/v1/report.js";
import { ListVerificationSessionsResponse } from "#dist/gen/bonafide/identity/v1/session.js";

import { type Arrived, Played } from "./server.js";

/** The account has these, newest first. */
const IDS = Array.from({ length: 7 }, (_, index) => `vs_${7 - index}`);

/** A page of them, as the services cut it. */
function page({ request }: Arrived): { data: { id: string }[]; hasMore: boolean } {
  const { limit, startingAfter, endingBefore } = request;
  let rest = IDS;
  if (startingAfter !== undefined) {
    rest = IDS.slice(IDS.indexOf(startingAfter) + 1);
  } else if (endingBefore !== undefined) {
    rest = IDS.slice(0, IDS.indexOf(endingBefore));
  }
  const data = endingBefore === undefined ? rest.slice(0, limit) : rest.slice(-limit);
  return { data: data.map((id) => ({ id })), hasMore: data.length < rest.length };
}

const LISTS = {
  listVerificationSessions: (call: Arrived) => ListVerificationSessionsResponse.fromPartial(page(call)),
  listVerificationReports: (call: Arrived) => ListVerificationReportsResponse.fromPartial(page(call)),
};

async function ids(list: AsyncIterable<{ id: string }>): Promise<string[]> {
  const all = [];
  for await (const { id } of list) {
    all.push(id);
  }
  return all;
}

for (const kind of ["sessions", "reports"] as const) {
  test(`a page of ${kind}, and all pages`, async () => {
    await using server = await Played.start(LISTS);
    await using client = server.client();
    const first = await client[kind].list({ limit: 3 });
    assert.deepEqual(first.data.map(({ id }) => id), ["vs_7", "vs_6", "vs_5"]);
    assert.equal(first.hasMore, true);
    assert.deepEqual(await ids(client[kind].listAll({ limit: 3, clientReferenceId: "order 7" })), IDS);
    assert.equal(server.calls.length, 4);
    assert.ok(server.calls.slice(1).every(({ request }) => request.limit === 3 && request.clientReferenceId === "order 7"));
  });

  test(`all pages of ${kind} from one on, in both directions`, async () => {
    await using server = await Played.start(LISTS);
    await using client = server.client();
    assert.deepEqual(await ids(client[kind].listAll({ limit: 2, startingAfter: "vs_5" })), ["vs_4", "vs_3", "vs_2", "vs_1"]);
    assert.deepEqual(await ids(client[kind].listAll({ limit: 2, endingBefore: "vs_2" })), ["vs_3", "vs_4", "vs_5", "vs_6", "vs_7"]);
  });
}

test("pages are as large as can be unless the caller says otherwise", async () => {
  await using server = await Played.start(LISTS);
  await using client = server.client();
  await ids(client.sessions.listAll());
  await client.sessions.list();
  assert.deepEqual(server.calls.map(({ request }) => request.limit), [100, undefined]);
});

test("whoever leaves the loop reads no further page", async () => {
  await using server = await Played.start(LISTS);
  await using client = server.client();
  for await (const { id } of client.sessions.listAll({ limit: 2 })) {
    if (id === "vs_6") {
      break;
    }
  }
  assert.equal(server.calls.length, 1);
});

test("a list that cannot be read on is an error, not its end", async () => {
  await using server = await Played.start({ listVerificationSessions: () => ({ data: [], hasMore: true }) });
  await using client = server.client();
  await assert.rejects(ids(client.sessions.listAll()), DataLossError);
});

test("filters arrive as they were given", async () => {
  await using server = await Played.start(LISTS);
  await using client = server.client();
  const gte = new Date("2025-01-02T03:04:05.678Z");
  await client.sessions.list({ created: { gte }, expand: ["data.verified_outputs"] });
  assert.deepEqual(server.calls[0]?.request.created.gte, gte);
  assert.deepEqual(server.calls[0]?.request.expand, ["data.verified_outputs"]);
});
