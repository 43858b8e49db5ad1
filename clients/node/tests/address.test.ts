import assert from "node:assert/strict";
import { test } from "node:test";

import { BonafideClient } from "bonafide-client";

import { KEY, Played } from "./server.js";

async function addressOf(address: string, allowPlaintext?: boolean): Promise<string> {
  await using client = new BonafideClient({ address, apiKey: KEY, allowPlaintext });
  return client.address;
}

for (const [address, where] of [
  ["https://bonafide.example:50051", "https://bonafide.example:50051"],
  ["https://bonafide.example", "https://bonafide.example:50051"],
  ["https://bonafide.example:443/", "https://bonafide.example:443"],
  ["HTTPS://Bonafide.example", "https://bonafide.example:50051"],
  ["bonafide.example:8443", "https://bonafide.example:8443"],
  ["bonafide.example", "https://bonafide.example:50051"],
  ["10.1.2.3", "https://10.1.2.3:50051"],
  ["[2001:db8::1]:7000", "https://[2001:db8::1]:7000"],
  ["localhost", "http://localhost:50051"],
  ["localhost:7000", "http://localhost:7000"],
  ["https://localhost", "https://localhost:50051"],
  ["127.0.0.1:80", "http://127.0.0.1:80"],
  ["127.1.2.3", "http://127.1.2.3:50051"],
  ["http://127.0.0.1:80", "http://127.0.0.1:80"],
  ["[::1]", "http://[::1]:50051"],
  ["http://[::1]:7000", "http://[::1]:7000"],
] as const) {
  test(`${address} is ${where}`, async () => {
    assert.equal(await addressOf(address), where);
  });
}

for (const address of [
  "http://bonafide.example",
  "http://10.1.2.3:50051",
  "http://[2001:db8::1]",
  "http://localhost.example",
  "http://0.0.0.0",
]) {
  test(`${address} is refused without TLS unless plaintext is allowed`, async () => {
    await assert.rejects(addressOf(address), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /allowPlaintext/);
      return true;
    });
    assert.match(await addressOf(address, true), /^http:/);
  });
}

for (const address of [
  "",
  "https://",
  "ftp://bonafide.example",
  "https://user:password@bonafide.example",
  "https://bonafide.example:0",
  "https://bonafide.example:65536",
  "https://bonafide.example:port",
  "https://bonafide.example/path",
  "https://bonafide.example?query",
  "https://bonafide example",
  "https://[1.2.3.4]",
  "https://[::g]",
  "::1",
  "https://one.example,https://two.example",
  "dns:///bonafide.example",
  undefined,
]) {
  test(`${address} is no address`, async () => {
    await assert.rejects(addressOf(address as string), (error) => {
      assert.ok(error instanceof TypeError);
      assert.doesNotMatch(error.message, /password/);
      return true;
    });
  });
}

test("CAs that are none are refused at once", () => {
  for (const ca of ["/etc/ssl/ca.pem", Buffer.alloc(0)]) {
    assert.throws(() => new BonafideClient({ address: "bonafide.example", apiKey: KEY, ca }), TypeError);
  }
});

test("what stays on this machine goes through no proxy", async () => {
  await using server = await Played.start({});
  process.env["http_proxy"] = "http://127.0.0.1:1";
  try {
    await using client = server.client();
    await assert.rejects(client.sessions.get("vs_1"), { code: "UNIMPLEMENTED" });
  } finally {
    delete process.env["http_proxy"];
  }
});
