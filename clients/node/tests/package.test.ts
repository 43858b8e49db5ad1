// The package as others get it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import * as bonafide from "bonafide-client";

import { Played } from "./server.js";

const ROOT = new URL("../../", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as { version: string };

test("servers see the package's version", async () => {
  await using server = await Played.start({});
  await using client = server.client();
  await assert.rejects(client.sessions.get("vs_1"));
  assert.ok(String(server.calls[0]?.userAgent).startsWith(`bonafide-client-node/${version} `));
});

test("CommonJS requires the same", { skip: !process.features.require_module && "this Node.js requires no ESM" }, () => {
  const required = createRequire(import.meta.url)("bonafide-client") as typeof bonafide;
  assert.equal(required.BonafideClient, bonafide.BonafideClient);
});

test("what is packed is all that it needs", async () => {
  // Below the folder with its dependencies, as if it was installed there.
  const folder = new URL("build/packed/", ROOT);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { cwd: ROOT, encoding: "utf8" });
  // What is built already is not built again.
  run("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", "build/packed");
  run("tar", "-xzf", `build/packed/bonafide-client-${version}.tgz`, "-C", "build/packed");
  const packed = (await import(new URL("package/dist/index.js", folder).href)) as typeof bonafide;
  assert.notEqual(packed.BonafideClient, bonafide.BonafideClient);
  assert.deepEqual(Object.keys(packed), Object.keys(bonafide));
  for (const file of ["README.md", "package.json", "dist/index.d.ts", "dist/gen/bonafide/identity/v1/session.d.ts", "example/verify.mjs"]) {
    assert.ok(readFileSync(new URL(`package/${file}`, folder)).length > 0);
  }
});
