// Test mode: outcomes that are chosen.
import type { Caller } from "./caller.js";
import { fromMilliseconds } from "./duration.js";
import type { VerificationSession } from "./gen/bonafide/identity/v1/session.js";
import { TestHelperServiceService as Service } from "./gen/bonafide/identity/v1/test_helper.js";
import { VerificationErrorCode } from "./gen/bonafide/identity/v1/types.js";
import { idempotencyKey } from "./idempotency.js";
import type { ChangeOptions } from "./options.js";

/** How a session of test mode is to end. */
export interface Simulation {
  /** The session's `lastError`; it is verified when not given. */
  error?: VerificationErrorCode | undefined;
  /** How long it is processing, in milliseconds, up to an hour; not at all when not given. */
  delayMs?: number | undefined;
}

/** Calls of test mode; they need a test key. */
export class TestHelpers {
  readonly #caller: Caller;

  /** @internal */
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Chooses how a session that requires input ends, and submits it in the person's place. */
  async simulate(session: string, simulation: Simulation = {}, options?: ChangeOptions): Promise<VerificationSession> {
    const message = {
      verificationSession: session,
      error: simulation.error ?? VerificationErrorCode.UNSPECIFIED,
      delay: fromMilliseconds(simulation.delayMs),
      idempotencyKey: idempotencyKey(options),
    };
    return this.#caller.unary(Service.simulateVerification, message, options);
  }
}
