// Whom a connection trusts.
import { X509Certificate } from "node:crypto";
import * as tls from "node:tls";

import { ChannelCredentials } from "@grpc/grpc-js";

/** From Node.js 22.15 on. */
type GetCaCertificates = (store: "default" | "system") => string[];

/** Credentials of a channel over TLS to a server that these CAs vouch for, or those of the system when none are given. */
export function tlsCredentials(ca: string | Uint8Array | undefined): ChannelCredentials {
  return ChannelCredentials.createSsl(ca === undefined ? systemCas() : checkCas(Buffer.from(ca)));
}

/** Refuses what has no certificate, the path of a file for one: TLS would trust nobody, and say only that. */
function checkCas(ca: Buffer): Buffer {
  try {
    new X509Certificate(ca);
  } catch {
    throw new TypeError("ca must be certificates in PEM");
  }
  return ca;
}

/**
 * Node.js comes with CAs of its own, to which NODE_EXTRA_CA_CERTS adds. Where it can tell those of the system, they count as well;
 * null leaves the choice to it.
 */
function systemCas(): Buffer | null {
  const { getCACertificates } = tls as { getCACertificates?: GetCaCertificates };
  if (getCACertificates === undefined) {
    return null;
  }
  return Buffer.from([...new Set([...getCACertificates("default"), ...getCACertificates("system")])].join("\n"));
}
