#!/usr/bin/env node
// Verifies a person:
//
//     node verify.mjs ADDRESS KEY_FILE DOCUMENT SELFIE [CA_FILE]
import { readFile } from "node:fs/promises";
import { argv, exit } from "node:process";

import {
  BonafideClient,
  ImagePurpose,
  VerificationErrorCode,
  VerificationSessionStatus,
  VerificationType,
} from "bonafide-client";

const [address, keyFile, document, selfie, caFile] = argv.slice(2);
if (!address || !keyFile || !document || !selfie) {
  console.error("usage: verify.mjs ADDRESS KEY_FILE DOCUMENT SELFIE [CA_FILE]");
  exit(2);
}
const client = new BonafideClient({
  address,
  apiKey: (await readFile(keyFile, "utf8")).trim(),
  ca: caFile && (await readFile(caFile)),
});
try {
  // The backend opens a session ...
  const opened = await client.sessions.create({
    type: VerificationType.DOCUMENT,
    options: { document: { requireMatchingSelfie: true } },
    clientReferenceId: "order 1007",
  });

  // ... the person's device uploads and submits with the session's client secret ...
  const person = client.person(opened);
  await person.upload(ImagePurpose.DOCUMENT_FRONT, await readFile(document));
  await person.upload(ImagePurpose.SELFIE, await readFile(selfie));
  await person.submit();

  // ... and the backend waits for the outcome and reads the report.
  const session = await client.sessions.wait(opened.id);
  console.log(VerificationSessionStatus[session.status] ?? session.status);
  if (session.lastError) {
    console.log(`${VerificationErrorCode[session.lastError.code] ?? session.lastError.code} - ${session.lastError.reason}`);
  }
  if (session.lastVerificationReport) {
    const report = await client.reports.get(session.lastVerificationReport);
    console.log(report.document?.firstName ?? "", report.document?.lastName ?? "");
    console.log(`similarity ${report.insights?.selfie?.similarity?.toFixed(3) ?? "unknown"}`);
  }
} finally {
  await client.close();
}
