// The client of one deployment with one API key.
import { authority, parseAddress } from "./address.js";
import { Caller, type Timeouts } from "./caller.js";
import { Channel } from "./channel.js";
import { Files } from "./files.js";
import type { ClientOptions } from "./options.js";
import { Person } from "./person.js";
import { Reports } from "./reports.js";
import { checkTimeout } from "./scope.js";
import { Sessions } from "./sessions.js";
import { TestHelpers } from "./test-helpers.js";

/** Calls a deployment with one API key. Made once and shared; it connects with the first call. */
export class BonafideClient {
  /** Where the deployment is. */
  readonly address: string;
  /** Calls about verification sessions. */
  readonly sessions: Sessions;
  /** Calls about verification reports. */
  readonly reports: Reports;
  /** Calls about pictures; they need a restricted key. */
  readonly files: Files;
  /** Calls of test mode; they need a test key. */
  readonly testHelpers: TestHelpers;
  readonly #channel: Channel;
  readonly #timeouts: Timeouts;

  /** @throws TypeError or RangeError when an option cannot be one, or the key would cross the network readable. */
  constructor({ address, apiKey, ca, timeoutMs, reconnectTimeoutMs, allowPlaintext }: ClientOptions) {
    checkTimeout(timeoutMs);
    checkTimeout(reconnectTimeoutMs);
    const at = parseAddress(address, allowPlaintext ?? false);
    this.address = `${at.tls ? "https" : "http"}://${authority(at)}`;
    this.#channel = new Channel(at, ca);
    this.#timeouts = { timeoutMs, reconnectTimeoutMs };
    const caller = new Caller(this.#channel, "the API key", apiKey, this.#timeouts);
    this.sessions = new Sessions(caller);
    this.reports = new Reports(caller);
    this.files = new Files(caller);
    this.testHelpers = new TestHelpers(caller);
  }

  /** The person of a session that was just created or read: calls with its client secret. */
  person(session: { readonly id: string; readonly clientSecret?: string | undefined }): Person {
    if (session.clientSecret === undefined) {
      throw new TypeError("the session has no client secret: only one that requires input has, when it is created or read");
    }
    const caller = new Caller(this.#channel, "the client secret", session.clientSecret, this.#timeouts);
    return new Person(caller, session.id);
  }

  /** Ends all calls with a `CancelledError` and closes the connection. */
  async close(): Promise<void> {
    this.#channel.close();
  }

  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
