// Which errors a call is sent again after, and when.
import { BonafideError, type Code, DeadlineExceededError, UnavailableError } from "./errors.js";
import type { Scope } from "./scope.js";

/** Tries after the first one. */
const RETRIES = 4;

/** The longest first pause. Each is up to twice as long as the one before. */
const FIRST_MS = 100;

const LONGEST_MS = 2000;

/** Reasons after which the same call may succeed, and has had no effect. */
const AGAIN = new Set(["CONTENDED", "OVERLOADED"]);

/** Whether the same call may be answered otherwise. */
export function isTransient(error: unknown): error is BonafideError {
  return error instanceof UnavailableError || (error instanceof BonafideError && AGAIN.has(error.reason ?? ""));
}

/**
 * How a stream ends that was cut off, by what happened to the connection or the replica and not to the session: where a service ends it,
 * it gives a reason.
 */
const CUT_OFF = new Set<Code>(["CANCELLED", "UNKNOWN", "INTERNAL"]);

/** Whether a stream that ended so may be opened again. Gateways end those that are too old for them with DEADLINE_EXCEEDED. */
export function isCutOff(error: unknown): error is BonafideError {
  return (
    isTransient(error) ||
    error instanceof DeadlineExceededError ||
    (error instanceof BonafideError && error.reason === undefined && CUT_OFF.has(error.code))
  );
}

/** The pauses between tries. */
export class Backoff {
  #longest = FIRST_MS;

  /** The next pause: what the server asked for, else a random time, so that callers who failed together come back apart. */
  next(error?: BonafideError): number {
    const random = Math.random() * this.#longest;
    this.#longest = Math.min(2 * this.#longest, LONGEST_MS);
    return error?.retryAfterMs ?? random;
  }
}

/** Answers what `attempt` does, tried again as long as its error is transient, the tries last and the deadline allows. */
export async function retrying<A>(scope: Scope, attempt: () => Promise<A>): Promise<A> {
  const backoff = new Backoff();
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error) || retries === RETRIES) {
        throw error;
      }
      await scope.pause(backoff.next(error), error);
    }
  }
}
