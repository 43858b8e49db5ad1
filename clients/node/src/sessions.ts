// Verification sessions.
import type { Caller } from "./caller.js";
import {
  CreateVerificationSessionRequest,
  type DeepPartial,
  ListVerificationSessionsRequest,
  type ListVerificationSessionsResponse,
  UpdateVerificationSessionRequest,
  type VerificationSession,
  VerificationSessionServiceService as Service,
  VerificationSessionStatus,
} from "./gen/bonafide/identity/v1/session.js";
import { idempotencyKey } from "./idempotency.js";
import type { CallOptions, ChangeOptions } from "./options.js";
import { all, PAGE } from "./pages.js";
import { Watch } from "./watch.js";

/** How long the checks may take when nothing else was said. */
const WAIT_MS = 120_000;

/** What retrieving a session may add. */
export interface GetSessionOptions extends CallOptions {
  /** `last_verification_report`, `verified_outputs`; with a restricted key `verified_outputs.dob`, `verified_outputs.id_number`. */
  expand?: readonly string[] | undefined;
}

/** Calls about verification sessions. */
export class Sessions {
  readonly #caller: Caller;

  /** @internal */
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Opens a session, whose `clientSecret` lets the person upload and submit. */
  async create(
    request: DeepPartial<CreateVerificationSessionRequest>,
    options?: ChangeOptions,
  ): Promise<VerificationSession> {
    const key = idempotencyKey(options, request);
    const message = CreateVerificationSessionRequest.fromPartial({ ...request, idempotencyKey: key });
    return this.#caller.unary(Service.createVerificationSession, message, options);
  }

  /** Reads a session. */
  async get(session: string, options?: GetSessionOptions): Promise<VerificationSession> {
    const message = { verificationSession: session, expand: [...(options?.expand ?? [])] };
    return this.#caller.unary(Service.getVerificationSession, message, options);
  }

  /** One page of the account's sessions, newest first. */
  async list(
    request: DeepPartial<ListVerificationSessionsRequest> = {},
    options?: CallOptions,
  ): Promise<ListVerificationSessionsResponse> {
    const message = ListVerificationSessionsRequest.fromPartial(request);
    return this.#caller.unary(Service.listVerificationSessions, message, options);
  }

  /**
   * The account's sessions, page after page: newest first, or oldest first where the request says `endingBefore`. Its `limit` is that of
   * a page, and the options' deadline that of reading one.
   */
  listAll(
    request: DeepPartial<ListVerificationSessionsRequest> = {},
    options?: CallOptions,
  ): AsyncGenerator<VerificationSession, void, undefined> {
    return all(request, (cursor) =>
      this.list({ limit: PAGE, ...request, startingAfter: undefined, endingBefore: undefined, ...cursor }, options),
    );
  }

  /** Sets parts of a session; what is not given stays as it is. */
  async update(
    session: string,
    changes: Omit<DeepPartial<UpdateVerificationSessionRequest>, "verificationSession">,
    options?: ChangeOptions,
  ): Promise<VerificationSession> {
    const message = UpdateVerificationSessionRequest.fromPartial({
      ...changes,
      verificationSession: session,
      idempotencyKey: idempotencyKey(options, changes),
    });
    return this.#caller.unary(Service.updateVerificationSession, message, options);
  }

  /** Cancels a session that requires input, for good. */
  async cancel(session: string, options?: ChangeOptions): Promise<VerificationSession> {
    const message = { verificationSession: session, idempotencyKey: idempotencyKey(options) };
    return this.#caller.unary(Service.cancelVerificationSession, message, options);
  }

  /** Removes for good what is personal of a session that is not processing: `redaction` says how far that is. */
  async redact(session: string, options?: ChangeOptions): Promise<VerificationSession> {
    const message = { verificationSession: session, idempotencyKey: idempotencyKey(options) };
    return this.#caller.unary(Service.redactVerificationSession, message, options);
  }

  /**
   * The session as it is, and again after each change, until it is canceled or redacted, the deadline passes (a
   * `DeadlineExceededError`; there is none unless it is given), or the caller stops. It goes on by itself when the server ends the stream
   * or the connection breaks, until nothing was answered for the client's `reconnectTimeoutMs`. The call is made when the first value is
   * asked for.
   */
  watch(session: string, options: CallOptions = {}): Watch {
    return new Watch(this.#caller, session, options);
  }

  /**
   * The session when its checks have ended: when it is neither processing nor waiting for a first submission. Waits for 120 seconds
   * unless the options say otherwise.
   */
  async wait(session: string, options: CallOptions = {}): Promise<VerificationSession> {
    let last: VerificationSession | undefined;
    for await (last of this.watch(session, { ...options, timeoutMs: options.timeoutMs ?? WAIT_MS })) {
      if (hasEnded(last)) {
        break;
      }
    }
    // A watch begins with a session, and ends only with one that has ended.
    return last as VerificationSession;
  }
}

function hasEnded({ status, insights }: VerificationSession): boolean {
  switch (status) {
    case VerificationSessionStatus.PROCESSING:
      return false;
    case VerificationSessionStatus.REQUIRES_INPUT:
      return (insights?.attempts ?? 0) > 0;
    default:
      return true;
  }
}
