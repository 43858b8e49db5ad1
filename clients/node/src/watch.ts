// The changes of one session, over as many streams as it takes.
import { isDeepStrictEqual } from "node:util";

import { CALL_MS, type Caller } from "./caller.js";
import { type BonafideError, CancelledError, DeadlineExceededError, UnavailableError } from "./errors.js";
import {
  Redaction_Status,
  type VerificationSession,
  VerificationSessionServiceService,
  VerificationSessionStatus,
} from "./gen/bonafide/identity/v1/session.js";
import type { CallOptions } from "./options.js";
import { Backoff, isCutOff } from "./retry.js";
import type { Scope } from "./scope.js";

/** How long one stream of a watch may last, so that none hangs. */
const STREAM_MS = 600_000;

/** A stream that lasted for so long is none of a row of streams that bring nothing. */
const LASTING_MS = 10_000;

/** How long a server can have a watch wait. */
const LONGEST_WAIT_MS = 30_000;

/** A session as it is, and after each change. */
export class Watch implements AsyncIterableIterator<VerificationSession> {
  readonly #caller: Caller;
  readonly #session: string;
  readonly #sessions: AsyncGenerator<VerificationSession, void, undefined>;
  #scope: Scope | undefined;
  #stopped = false;

  constructor(caller: Caller, session: string, options: CallOptions) {
    this.#caller = caller;
    this.#session = session;
    this.#sessions = this.#watch(options);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The session after its next change. */
  next(): Promise<IteratorResult<VerificationSession, void>> {
    return this.#sessions.next();
  }

  /** Stops watching, also while somebody waits for a change. */
  async return(): Promise<IteratorResult<VerificationSession, void>> {
    this.#stopped = true;
    this.#scope?.cancel(new CancelledError("nobody watches any more"));
    return this.#sessions.return();
  }

  /** The same. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async *#watch(options: CallOptions): AsyncGenerator<VerificationSession, void, undefined> {
    const scope = this.#caller.begin(options, Infinity);
    this.#scope = scope;
    try {
      yield* this.#changes(scope);
    } catch (error) {
      if (!this.#stopped) {
        throw error;
      }
    } finally {
      scope.end();
    }
  }

  async *#changes(scope: Scope): AsyncGenerator<VerificationSession, void, undefined> {
    let seen: VerificationSession | undefined;
    let backoff = new Backoff();
    let silentSince = performance.now();
    for (;;) {
      const began = performance.now();
      let answered = false;
      let error: BonafideError | undefined;
      try {
        for await (const session of this.#stream(scope)) {
          answered = true;
          const state = stateOf(session);
          if (!isDeepStrictEqual(state, seen)) {
            seen = state;
            backoff = new Backoff();
            yield session;
          }
          if (isLast(state)) {
            return;
          }
        }
      } catch (caught) {
        scope.signal.throwIfAborted();
        if (!isCutOff(caught)) {
          throw caught;
        }
        error = caught;
      }
      const now = performance.now();
      if (answered) {
        silentSince = now;
      }
      if (now - began >= LASTING_MS) {
        backoff = new Backoff();
      }
      // It is a call as others until it is answered.
      const patience = seen === undefined ? this.#caller.timeoutOr(CALL_MS) : this.#caller.reconnectTimeoutMs;
      const left = patience - (now - silentSince);
      if (left <= 0) {
        throw error ?? new UnavailableError("the server ended the watch without an answer");
      }
      const asked = Math.min(error?.retryAfterMs ?? 0, LONGEST_WAIT_MS);
      // Not at once where that is asked for: it may be each time.
      const pause = Math.min(Math.max(backoff.next(), asked), left);
      await scope.pause(Math.ceil(pause), error ?? new DeadlineExceededError("the deadline passed"));
    }
  }

  #stream(scope: Scope): AsyncGenerator<VerificationSession> {
    const deadline = Math.min(scope.deadline, Date.now() + STREAM_MS);
    const request = { verificationSession: this.#session };
    return this.#caller.stream(VerificationSessionServiceService.watchVerificationSession, request, scope, deadline);
  }
}

/** What changes are of. Each answer has a client secret of its own; the caller may alter what it got. */
function stateOf(session: VerificationSession): VerificationSession {
  return structuredClone({ ...session, clientSecret: undefined });
}

/** Whether nothing but a redaction can change the session, or nothing at all. */
function isLast({ status, redaction }: VerificationSession): boolean {
  return redaction === undefined
    ? status === VerificationSessionStatus.CANCELED
    : redaction.status !== Redaction_Status.PROCESSING;
}
