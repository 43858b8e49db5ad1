// What ends a call before it is answered: its deadline, the caller's signal, or the close of the client.
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { type BonafideError, CancelledError, DeadlineExceededError } from "./errors.js";
import type { CallOptions } from "./options.js";

/** The longest time that a timer of Node.js can wait: 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * The time and the signal of one call, all its tries together. Made when the call begins and ended with it: a signal that outlives its
 * calls must not keep them.
 */
export class Scope {
  /** When the call ends, in milliseconds since 1970; `Infinity` for a watch without a deadline. */
  readonly deadline: number;
  /** Aborts with the `BonafideError` that the call ends with. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #all: Set<Scope>;

  /** A call among `all` those of its client, which takes `usualMs` at the most unless its options say otherwise. */
  constructor({ signal, timeoutMs }: CallOptions, usualMs: number, all: Set<Scope>) {
    checkTimeout(timeoutMs);
    this.deadline = Date.now() + (timeoutMs ?? usualMs);
    this.signal = this.#controller.signal;
    this.#caller = signal;
    this.#all = all;
    all.add(this);
    if (signal?.aborted) {
      this.#abort();
    } else if (signal !== undefined) {
      // A signal may have as many calls as its caller makes at once: no leak to warn of, for each is taken away when it ends.
      setMaxListeners(0, signal);
      signal.addEventListener("abort", this.#abort, { once: true });
    }
  }

  /** Ends the call now. */
  cancel(error: BonafideError): void {
    this.#controller.abort(error);
  }

  /** The call is over. */
  end(): void {
    this.#caller?.removeEventListener("abort", this.#abort);
    this.#all.delete(this);
  }

  /** Throws what ended the call, if something did. */
  check(): void {
    this.signal.throwIfAborted();
    if (Date.now() >= this.deadline) {
      throw new DeadlineExceededError("the deadline passed");
    }
  }

  /** Waits. Throws `otherwise` at once when that would outlast the deadline, and what ended the call when something does. */
  async pause(milliseconds: number, otherwise: BonafideError): Promise<void> {
    if (Date.now() + milliseconds >= this.deadline) {
      throw otherwise;
    }
    await delay(Math.min(milliseconds, LONGEST_MS), undefined, { signal: this.signal }).catch(() => this.check());
  }

  readonly #abort = (): void => {
    this.cancel(new CancelledError("the caller ended the call", { cause: this.#caller?.reason }));
  };
}

/** Refuses what is no time: a call without a deadline might never end. */
export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined && !(timeoutMs <= LONGEST_MS)) {
    throw new RangeError(`timeoutMs must be a number up to ${LONGEST_MS}`);
  }
}
