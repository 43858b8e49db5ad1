// Calls with one credential, each with a deadline and its retries.
import type { MethodDefinition } from "@grpc/grpc-js";

import type { Channel } from "./channel.js";
import type { CallOptions, ClientOptions } from "./options.js";
import { retrying } from "./retry.js";
import type { Scope } from "./scope.js";

/** How long a call may take when nothing else was said. */
export const CALL_MS = 10_000;

/** The same of a call that carries a picture. */
export const PICTURE_MS = 60_000;

/** How long a watch goes on without an answer when nothing else was said. */
const RECONNECT_MS = 300_000;

/** What one header can hold. Said here, for a header's own refusal would repeat the key. */
const CREDENTIAL = /^[\x21-\x7e]+$/;

/** How long calls take, as the client was given it. */
export type Timeouts = Pick<ClientOptions, "timeoutMs" | "reconnectTimeoutMs">;

/** Calls a deployment with one credential. */
export class Caller {
  readonly #channel: Channel;
  readonly #credential: string;
  readonly #timeouts: Timeouts;

  /** @throws TypeError when the credential, which `what` says is what, cannot be one. */
  constructor(channel: Channel, what: string, credential: string, timeouts: Timeouts) {
    if (typeof credential !== "string" || !CREDENTIAL.test(credential)) {
      throw new TypeError(`${what} must be visible ASCII characters, without spaces or line ends`);
    }
    this.#channel = channel;
    this.#credential = credential;
    this.#timeouts = timeouts;
  }

  /** How long a watch goes on without an answer. */
  get reconnectTimeoutMs(): number {
    return this.#timeouts.reconnectTimeoutMs ?? RECONNECT_MS;
  }

  /** What was given for the client, else what is usual for a call. */
  timeoutOr(usualMs: number): number {
    return this.#timeouts.timeoutMs ?? usualMs;
  }

  /** A call with one answer. */
  unary<Q, A>(method: MethodDefinition<Q, A>, request: Q, options?: CallOptions, usualMs?: number): Promise<A> {
    const attempt = (scope: Scope) => this.#channel.unary(method, request, this.#credential, scope);
    return this.retrying(attempt, options, usualMs);
  }

  /** A call each of whose tries is `attempt`. */
  async retrying<A>(attempt: (scope: Scope) => Promise<A>, options: CallOptions = {}, usualMs = CALL_MS): Promise<A> {
    const scope = this.begin(options, this.timeoutOr(usualMs));
    try {
      return await retrying(scope, () => attempt(scope));
    } finally {
      scope.end();
    }
  }

  /** Begins a call whose tries are made otherwise; its maker ends it. */
  begin(options: CallOptions, usualMs: number): Scope {
    return this.#channel.begin(options, usualMs);
  }

  /** One try of a call with many answers. */
  stream<Q, A>(method: MethodDefinition<Q, A>, request: Q, scope: Scope, deadline?: number): AsyncGenerator<A> {
    return this.#channel.stream(method, request, this.#credential, scope, deadline);
  }
}
