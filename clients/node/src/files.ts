// The pictures that were collected.
import { type Caller, PICTURE_MS } from "./caller.js";
import { fromMilliseconds } from "./duration.js";
import { DataLossError } from "./errors.js";
import { type FileLink, FileServiceService as Service } from "./gen/bonafide/identity/v1/file.js";
import type { File } from "./gen/bonafide/identity/v1/session.js";
import type { CallOptions } from "./options.js";
import type { Scope } from "./scope.js";

/** How a link to a picture is made. */
export interface CreateLinkOptions extends CallOptions {
  /** How long it answers, in milliseconds: 30 seconds at most, and when not given. */
  lifetimeMs?: number | undefined;
}

/** Calls about pictures; they need a restricted key. */
export class Files {
  readonly #caller: Caller;

  /** @internal */
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Reads what is known of a picture. */
  async get(file: string, options?: CallOptions): Promise<File> {
    return this.#caller.unary(Service.getFile, { file }, options);
  }

  /** All pictures of a session, in the order in which they were uploaded or made. */
  async list(session: string, options?: CallOptions): Promise<File[]> {
    const { data } = await this.#caller.unary(Service.listFiles, { verificationSession: session }, options);
    return data;
  }

  /** A whole picture, as it was uploaded. */
  async download(file: string, options?: CallOptions): Promise<Buffer> {
    return this.#caller.retrying((scope) => this.#download(file, scope), options, PICTURE_MS);
  }

  /** Makes an address at which a picture can be read without a key, for 30 seconds at most, by whoever has it. */
  async createLink(file: string, options?: CreateLinkOptions): Promise<FileLink> {
    const message = { file, lifetime: fromMilliseconds(options?.lifetimeMs) };
    return this.#caller.unary(Service.createFileLink, message, options);
  }

  async #download(file: string, scope: Scope): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let size: number | undefined;
    let length = 0;
    for await (const part of this.#caller.stream(Service.downloadFile, { file }, scope)) {
      size ??= part.file?.size;
      length += part.data.length;
      // Not read on: nothing else bounds what is kept.
      if (length > (size ?? 0)) {
        break;
      }
      parts.push(part.data);
    }
    if (length !== size) {
      throw new DataLossError("the picture did not arrive whole: try again");
    }
    return Buffer.concat(parts, length);
  }
}
