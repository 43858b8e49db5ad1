// What the person's device calls.
import { type Caller, PICTURE_MS } from "./caller.js";
import {
  CaptureServiceService as Service,
  type LeaveVerificationSessionResponse,
  type SubmitVerificationSessionResponse,
  UploadImageRequest,
} from "./gen/bonafide/identity/v1/capture.js";
import type { File } from "./gen/bonafide/identity/v1/session.js";
import type { ImagePurpose, VerificationErrorCode } from "./gen/bonafide/identity/v1/types.js";
import { idempotencyKey } from "./idempotency.js";
import type { ChangeOptions } from "./options.js";

/** As it is generated, but for a last copy of the message, and so of the picture. */
const uploadImage = {
  ...Service.uploadImage,
  requestSerialize: (request: UploadImageRequest) => {
    const { buffer, byteOffset, byteLength } = UploadImageRequest.encode(request).finish();
    return Buffer.from(buffer, byteOffset, byteLength);
  },
};

/** The person of one session: calls with nothing but its client secret, over the client's connection. */
export class Person {
  readonly #caller: Caller;
  readonly #session: string;

  /** @internal */
  constructor(caller: Caller, session: string) {
    this.#caller = caller;
    this.#session = session;
  }

  /** Stores a picture, a JPEG, PNG or WebP file as the camera wrote it, in place of the one of the same purpose. */
  async upload(purpose: ImagePurpose, picture: Uint8Array, options?: ChangeOptions): Promise<File> {
    if (!(picture instanceof Uint8Array)) {
      throw new TypeError("a picture must be a Buffer or another Uint8Array");
    }
    const message = {
      verificationSession: this.#session,
      purpose,
      data: picture,
      idempotencyKey: idempotencyKey(options),
    };
    return this.#caller.unary(uploadImage, message, options, PICTURE_MS);
  }

  /** Hands the session over to the checks. */
  async submit(options?: ChangeOptions): Promise<SubmitVerificationSessionResponse> {
    const message = { verificationSession: this.#session, idempotencyKey: idempotencyKey(options) };
    return this.#caller.unary(Service.submitVerificationSession, message, options);
  }

  /** Tells why the person leaves without submitting: `CONSENT_DECLINED` or `DEVICE_NOT_SUPPORTED`. They may come back. */
  async leave(error: VerificationErrorCode, options?: ChangeOptions): Promise<LeaveVerificationSessionResponse> {
    const message = { verificationSession: this.#session, error, idempotencyKey: idempotencyKey(options) };
    return this.#caller.unary(Service.leaveVerificationSession, message, options);
  }
}
