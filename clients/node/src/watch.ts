// The changes of one session, over as many streams as it takes.
import { isDeepStrictEqual } from "node:util";

import type { Caller } from "./caller.js";
import { BonafideError, CancelledError, type Code, DeadlineExceededError } from "./errors.js";
import {
  Redaction_Status,
  type VerificationSession,
  VerificationSessionServiceService,
  VerificationSessionStatus,
} from "./gen/bonafide/identity/v1/session.js";
import type { CallOptions } from "./options.js";
import { Backoff, isTransient, RETRIES } from "./retry.js";
import type { Scope } from "./scope.js";

/** How long one stream of a watch may last: no call is without a deadline. */
const STREAM_MS = 600_000;

/**
 * How a stream ends that something between us and the service cut off: where a service ends it, it says why. Gateways end streams that
 * are too old for them with DEADLINE_EXCEEDED.
 */
const CUT_OFF = new Set<Code>(["CANCELLED", "UNKNOWN", "INTERNAL", "DEADLINE_EXCEEDED"]);

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
    for (let lost = 0; ; ) {
      let error: BonafideError | undefined;
      try {
        for await (const session of this.#stream(scope)) {
          backoff = new Backoff();
          const state = stateOf(session);
          if (!isDeepStrictEqual(state, seen)) {
            seen = state;
            yield session;
          }
          if (isLast(state)) {
            return;
          }
        }
      } catch (caught) {
        lost += 1;
        // Until it has begun it is a call like others. Then it goes on for as long as the caller wants it to.
        if (!(seen === undefined ? isTransient(caught) && lost <= RETRIES : isLost(caught, scope))) {
          throw caught;
        }
        error = caught as BonafideError;
      }
      // Also after an orderly end: streams may be ended as fast as we open them.
      await scope.pause(backoff.next(error), error ?? new DeadlineExceededError("the deadline passed"));
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

/** Whether a stream ended by what happened to the connection or the replica rather than to the session. */
function isLost(error: unknown, scope: Scope): boolean {
  if (scope.signal.aborted || Date.now() >= scope.deadline) {
    return false;
  }
  return (
    isTransient(error) || (error instanceof BonafideError && error.reason === undefined && CUT_OFF.has(error.code))
  );
}
