// Addresses of deployments, and which of them may be called without TLS.
import { BlockList, isIP, isIPv6 } from "node:net";

/** The port of a deployment that names none. */
const PORT = 50051;

/** `scheme://host:port`, of which scheme and port may be missing; an IPv6 address stands in brackets. */
const FORM = /^(?:(https?):\/\/)?(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?\/?$/i;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Where a deployment is. */
export interface Address {
  readonly tls: boolean;
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly loopback: boolean;
}

/**
 * Reads `https://host:port`, `http://host:port` or `host:port`.
 *
 * @throws TypeError when it is no address, or the key would cross the network readable.
 */
export function parseAddress(address: string, allowPlaintext: boolean): Address {
  // Not by `URL`, which drops the ports 80 and 443.
  const [, scheme, bracketed, plain, digits] = (typeof address === "string" && FORM.exec(address)) || [];
  const host = (bracketed ?? plain)?.toLowerCase();
  const port = Number(digits ?? PORT);
  if (host === undefined || port < 1 || port > 65535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    // What was given is not repeated: it may hold a password.
    throw new TypeError("the address must be one such as https://bonafide.example:50051 or http://127.0.0.1:50051");
  }
  const loopback = isLoopback(host);
  const tls = scheme === undefined ? !loopback : scheme.toLowerCase() === "https";
  if (!tls && !loopback && !allowPlaintext) {
    throw new TypeError(
      `no key is sent to ${host} without TLS: call it at https://, or, where a mesh protects the network, set allowPlaintext`,
    );
  }
  return { tls, host, port, loopback };
}

/** `host:port`, with the brackets of an IPv6 address. */
export function authority({ host, port }: Address): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function isLoopback(host: string): boolean {
  switch (isIP(host)) {
    case 4:
      return LOOPBACK.check(host, "ipv4");
    case 6:
      return LOOPBACK.check(host, "ipv6");
    default:
      return host === "localhost" || host === "localhost.";
  }
}
