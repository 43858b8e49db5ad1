// Keys under which a call that is sent again has no further effect.
import { randomUUID } from "node:crypto";

import type { ChangeOptions } from "./options.js";

/** The key of a call: that of its options, else that of its request, else a new one. */
export function idempotencyKey(options?: ChangeOptions, request?: { idempotencyKey?: string | undefined }): string {
  return options?.idempotencyKey ?? request?.idempotencyKey ?? randomUUID();
}
