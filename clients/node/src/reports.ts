// Verification reports.
import type { Caller } from "./caller.js";
import {
  type DeepPartial,
  ListVerificationReportsRequest,
  type ListVerificationReportsResponse,
  type VerificationReport,
  VerificationReportServiceService as Service,
} from "./gen/bonafide/identity/v1/report.js";
import type { CallOptions } from "./options.js";
import { all, PAGE } from "./pages.js";

/** Calls about verification reports. */
export class Reports {
  readonly #caller: Caller;

  /** @internal */
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Reads the report of one attempt; its sensitive fields with a restricted key alone. */
  async get(report: string, options?: CallOptions): Promise<VerificationReport> {
    return this.#caller.unary(Service.getVerificationReport, { verificationReport: report }, options);
  }

  /** One page of the account's reports, newest first. */
  async list(
    request: DeepPartial<ListVerificationReportsRequest> = {},
    options?: CallOptions,
  ): Promise<ListVerificationReportsResponse> {
    return this.#caller.unary(Service.listVerificationReports, ListVerificationReportsRequest.fromPartial(request), options);
  }

  /**
   * The account's reports, page after page: newest first, or oldest first where the request says `endingBefore`. Its `limit` is that of a
   * page, and the options' deadline that of reading one.
   */
  listAll(
    request: DeepPartial<ListVerificationReportsRequest> = {},
    options?: CallOptions,
  ): AsyncGenerator<VerificationReport, void, undefined> {
    return all(request, (cursor) =>
      this.list({ limit: PAGE, ...request, startingAfter: undefined, endingBefore: undefined, ...cursor }, options),
    );
  }
}
