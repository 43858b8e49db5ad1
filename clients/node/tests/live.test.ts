// Against the deployment that BONAFIDE_ADDRESS names.
import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import * as bonafide from "bonafide-client";

const { BonafideClient, ImagePurpose, VerificationErrorCode: Code, VerificationSessionStatus: Is } = bonafide;
const { env } = process;

const ADDRESS = env["BONAFIDE_ADDRESS"];
const skip = ADDRESS === undefined && "BONAFIDE_ADDRESS is not set";
/** The command, to start a deployment that may be killed. */
const COMMAND = join(env["PROGRAMS"] ?? "", "bonafide");
const DOCUMENT = { type: bonafide.VerificationType.DOCUMENT };

function given(name: string): string {
  const value = env[`BONAFIDE_${name}`];
  assert.ok(value !== undefined, `BONAFIDE_${name} is not set`);
  return value;
}

async function clientOf(key: string, options: Partial<bonafide.ClientOptions> = {}): Promise<bonafide.BonafideClient> {
  const apiKey = (await readFile(given(`${key}_FILE`), "utf8")).trim();
  return new BonafideClient({ address: given("ADDRESS"), apiKey, ca: await readFile(given("CA")), ...options });
}

test("the example verifies a person, any number of times", { skip }, async () => {
  const example = fileURLToPath(new URL("../../example/verify.mjs", import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), "bonafide-"));
  const names = ["ADDRESS", "API_KEY_FILE", "DOCUMENT", "SELFIE", "CA"].map(given);
  for (const _ of [1, 2]) {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [example, ...names], { cwd: folder });
    assert.match(stdout, /^VERIFIED\nANNA MARIA ERIKSSON\nsimilarity 0\.\d{3}\n$/);
    assert.equal(stderr, "");
  }
  await rm(folder, { recursive: true });
});

test("in test mode sessions end as is asked", { skip }, async () => {
  await using client = await clientOf("TEST_API_KEY");
  for (const error of [Code.DOCUMENT_EXPIRED, Code.SELFIE_FACE_MISMATCH, Code.UNDER_SUPPORTED_AGE, undefined]) {
    const { id, livemode } = await client.sessions.create(DOCUMENT);
    assert.equal(livemode, false);
    const waiting = client.sessions.wait(id);
    await client.testHelpers.simulate(id, { error, delayMs: 200 });
    const session = await waiting;
    assert.equal(session.status, error === undefined ? Is.VERIFIED : Is.REQUIRES_INPUT);
    assert.equal(session.lastError?.code, error);
    const report = await client.reports.get(session.lastVerificationReport as string);
    assert.equal(report.verificationSession, id);
    assert.ok(report.created instanceof Date);
  }
});

test("a watch tells each change, to the redaction", { skip }, async () => {
  await using client = await clientOf("TEST_API_KEY");
  const { id } = await client.sessions.create(DOCUMENT);
  const seen: string[] = [];
  for await (const { status, redaction } of client.sessions.watch(id, { timeoutMs: 60_000 })) {
    const state = redaction === undefined ? String(Is[status]) : "redaction";
    if (seen.includes(state)) {
      continue;
    }
    seen.push(state);
    if (status === Is.REQUIRES_INPUT) {
      await client.testHelpers.simulate(id, { delayMs: 200 });
    } else if (status === Is.VERIFIED && redaction === undefined) {
      await client.sessions.redact(id);
    }
  }
  assert.deepEqual(seen, ["REQUIRES_INPUT", "PROCESSING", "VERIFIED", "redaction"]);
});

test("a session is found, changed, canceled and redacted", { skip }, async () => {
  await using client = await clientOf("TEST_API_KEY");
  const clientReferenceId = `order ${process.pid} ${Date.now()}`;
  const ids = [];
  for (const order of ["1", "2", "3"]) {
    ids.unshift((await client.sessions.create({ ...DOCUMENT, clientReferenceId, metadata: { order } })).id);
  }
  const listed = [];
  for await (const session of client.sessions.listAll({ clientReferenceId, limit: 2 })) {
    listed.push(session.id);
  }
  assert.deepEqual(listed, ids);

  const id = ids[0] as string;
  const updated = await client.sessions.update(id, { metadata: { order: "", shop: "north" } });
  assert.deepEqual(updated.metadata, { shop: "north" });
  const idempotencyKey = `cancel ${clientReferenceId}`;
  assert.equal((await client.sessions.cancel(id, { idempotencyKey })).status, Is.CANCELED);
  assert.equal((await client.sessions.cancel(id, { idempotencyKey })).status, Is.CANCELED);
  await assert.rejects(client.sessions.cancel(id), (error) => {
    assert.ok(error instanceof bonafide.FailedPreconditionError);
    assert.equal(error.reason, "SESSION_STATUS");
    assert.equal(error.metadata["status"], "canceled");
    return true;
  });
  assert.notEqual((await client.sessions.redact(id)).redaction, undefined);
});

test("a person leaves", { skip }, async () => {
  await using client = await clientOf("TEST_API_KEY");
  const session = await client.sessions.create(DOCUMENT);
  const left = await client.person(session).leave(Code.CONSENT_DECLINED);
  assert.equal(left.status, Is.REQUIRES_INPUT);
  assert.equal((await client.sessions.get(session.id)).lastError?.code, Code.CONSENT_DECLINED);
});

test("all violations of a request come at once", { skip }, async () => {
  await using client = await clientOf("API_KEY");
  const long = "x".repeat(300);
  await assert.rejects(client.sessions.create({ ...DOCUMENT, clientReferenceId: long, relatedCustomer: long }), (error) => {
    assert.ok(error instanceof bonafide.InvalidArgumentError);
    assert.equal(error.reason, "INVALID_FIELDS");
    assert.deepEqual(error.violations.map(({ field }) => field).sort(), ["client_reference_id", "related_customer"]);
    return true;
  });
});

test("pictures are listed, downloaded as they were uploaded, and linked to", { skip }, async () => {
  await using client = await clientOf("RESTRICTED_API_KEY");
  const picture = await readFile(given("DOCUMENT"));
  const session = await client.sessions.create(DOCUMENT);
  await client.person(session).upload(ImagePurpose.DOCUMENT_FRONT, picture);
  const [file, ...others] = await client.files.list(session.id);
  assert.ok(file !== undefined && others.length === 0);
  assert.equal(file.size, picture.length);
  assert.deepEqual(await client.files.get(file.id), file);
  assert.ok((await client.files.download(file.id)).equals(picture));
  const link = await client.files.createLink(file.id, { lifetimeMs: 20_000 });
  assert.match(link.url, /^https:/);
  const { created, expiresAt } = link;
  assert.ok(created && expiresAt && Math.abs(Number(expiresAt) - Number(created) - 20_000) <= 1000);

  await using plain = await clientOf("API_KEY");
  await assert.rejects(plain.files.download(file.id), { name: "PermissionDeniedError", reason: "PERMISSION_MISSING" });
  await assert.rejects(client.files.download("file_unknown"), { name: "NotFoundError", reason: "FILE_NOT_FOUND" });
});

test("a picture of 30 MiB is refused", { skip }, async () => {
  await using client = await clientOf("API_KEY");
  const session = await client.sessions.create(DOCUMENT);
  const upload = client.person(session).upload(ImagePurpose.DOCUMENT_FRONT, Buffer.alloc(30 << 20));
  await assert.rejects(upload, (error) => {
    assert.ok(error instanceof bonafide.BonafideError);
    assert.deepEqual([error.code, error.reason], ["OUT_OF_RANGE", "MESSAGE_TOO_LARGE"]);
    return true;
  });
});

test("an unknown key is refused", { skip }, async () => {
  await using client = await clientOf("API_KEY", { apiKey: "sk_live_unknown" });
  await assert.rejects(client.sessions.list(), { name: "UnauthenticatedError", reason: "CREDENTIAL_INVALID" });
});

test("a deployment that another CA vouches for is not trusted", { skip }, async () => {
  // Of nobody, and of the system.
  const other = await readFile(new URL("../../tests/other-ca.pem", import.meta.url));
  for (const ca of [other, undefined]) {
    await using client = await clientOf("API_KEY", { ca });
    await assert.rejects(client.sessions.list(), (error) => {
      assert.ok(error instanceof bonafide.UnavailableError);
      assert.match(error.message, /certificate/);
      assert.equal(error.reason, undefined);
      return true;
    });
  }
});

test("a deadline of 1 ms passes", { skip }, async () => {
  await using client = await clientOf("API_KEY");
  await assert.rejects(client.sessions.list({}, { timeoutMs: 1 }), bonafide.DeadlineExceededError);
});

test("a deployment that is not there is not available", { skip }, async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as { port: number };
  closed.close();
  await using client = await clientOf("API_KEY", { address: `https://localhost:${port}` });
  await assert.rejects(client.sessions.list(), (error) => {
    assert.ok(error instanceof bonafide.UnavailableError);
    assert.match(error.message, /ECONNREFUSED/);
    return true;
  });
});

/** A deployment of the test's own. */
async function start(data: string, listen: string): Promise<{ deployment: ChildProcess; address: string }> {
  const deployment = spawn(COMMAND, ["up", "--listen", listen, "--data", data, "--workers", "1", "--lease", "1s"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines = createInterface({ input: deployment.stdout as NodeJS.ReadableStream });
  let address = "";
  for await (const line of lines) {
    address ||= /^listening on .*?([\d.]+:\d+)$/.exec(line)?.[1] ?? "";
    if (line.startsWith("ready")) {
      return { deployment, address };
    }
  }
  throw new Error("the deployment did not start");
}

async function kill(deployment: ChildProcess): Promise<void> {
  if (deployment.exitCode === null && deployment.signalCode === null) {
    const exit = once(deployment, "exit");
    deployment.kill("SIGKILL");
    await exit;
  }
}

const noCommand = !existsSync(COMMAND) && "PROGRAMS names no folder with the command";

test("a watch and later calls outlive a deployment that is killed", { skip: skip || noCommand }, async () => {
  const data = await mkdtemp(join(tmpdir(), "bonafide-"));
  let { deployment, address } = await start(data, "127.0.0.1:0");
  try {
    const apiKey = (await readFile(join(data, "keys", "test_api_key"), "utf8")).trim();
    await using client = new BonafideClient({ address, apiKey });
    const { id } = await client.sessions.create(DOCUMENT);
    const watch = client.sessions.watch(id, { timeoutMs: 120_000 });
    assert.equal((await watch.next()).value?.status, Is.REQUIRES_INPUT);
    const next = watch.next();
    // Where the test fails before it is waited for, that is what is to be told.
    next.catch(() => {});

    await kill(deployment);
    await assert.rejects(client.sessions.get(id), bonafide.UnavailableError);
    ({ deployment } = await start(data, address));
    await client.sessions.cancel(id);
    assert.equal((await next).value?.status, Is.CANCELED);
    assert.equal((await watch.next()).done, true);
  } finally {
    await kill(deployment);
    await rm(data, { recursive: true });
  }
});
