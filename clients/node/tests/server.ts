// A server played in the test, behind a relay that can cut its connections.
import { once } from "node:events";
import { type AddressInfo, createServer, connect, type Server as Listener, type Socket } from "node:net";

import * as grpc from "@grpc/grpc-js";
import { BonafideClient, type ClientOptions } from "bonafide-client";
import { CaptureServiceService } from "#dist/gen/bonafide/identity/v1/capture.js";
import { FileServiceService } from "#dist/gen/bonafide/identity/v1/file.js";
import { VerificationReportServiceService } from "#dist/gen/bonafide/identity/v1/report.js";
import {
  VerificationSession,
  VerificationSessionServiceService,
  type VerificationSessionStatus,
} from "#dist/gen/bonafide/identity/v1/session.js";
import { TestHelperServiceService } from "#dist/gen/bonafide/identity/v1/test_helper.js";
import { BadRequest, ErrorInfo, RetryInfo } from "#dist/gen/google/rpc/error_details.js";
import { Status } from "#dist/gen/google/rpc/status.js";

export const KEY = "sk_live_notForAnybodysEyes";

const SERVICES = [
  CaptureServiceService,
  FileServiceService,
  TestHelperServiceService,
  VerificationReportServiceService,
  VerificationSessionServiceService,
];

/** A call that arrived. */
export interface Arrived {
  method: string;
  request: any;
  authorization: unknown;
  userAgent: unknown;
  deadline: number;
  /** How many of its method came before it. */
  before: number;
  /** Aborts when the caller is gone. */
  gone: AbortSignal;
}

/** What a method answers: a message, its bytes, or, of a stream, several of either. */
export type Handlers = Record<string, (call: Arrived) => unknown>;

/** The server. */
export class Played implements AsyncDisposable {
  readonly calls: Arrived[] = [];
  readonly #handlers: Handlers;
  readonly #server = new grpc.Server();
  readonly #relay: Listener;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(handlers: Handlers) {
    this.#handlers = handlers;
    for (const service of SERVICES) {
      this.#add(service);
    }
    this.#relay = createServer();
  }

  static async start(handlers: Handlers): Promise<Played> {
    const played = new Played(handlers);
    const port = await new Promise<number>((resolve, reject) =>
      played.#server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    played.#relay.on("connection", (near) => {
      const far = connect(port, "127.0.0.1");
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        played.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => other.destroy());
        socket.pipe(other);
      }
    });
    played.#relay.listen(0, "127.0.0.1");
    await once(played.#relay, "listening");
    return played;
  }

  get address(): string {
    return `http://127.0.0.1:${this.#relayPort()}`;
  }

  client(options: Partial<ClientOptions> = {}): BonafideClient {
    return new BonafideClient({ address: this.address, apiKey: KEY, ...options });
  }

  /** Takes no more connections, and cuts those that there are. */
  async leave(): Promise<void> {
    const closed = once(this.#relay, "close");
    this.#port = this.#relayPort();
    this.#relay.close();
    this.cut();
    await closed;
  }

  /** Takes connections again. */
  async comeBack(): Promise<void> {
    this.#relay.listen(this.#port, "127.0.0.1");
    await once(this.#relay, "listening");
  }

  #relayPort(): number {
    return (this.#relay.address() as AddressInfo).port;
  }

  /** Cuts all connections, so that what was not answered yet never is. */
  cut(how: "reset" | "end" = "reset"): void {
    for (const socket of this.#sockets) {
      if (how === "reset") {
        socket.resetAndDestroy();
      } else {
        socket.destroy();
      }
    }
    this.#sockets.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#relay.close();
    this.cut();
    this.#server.forceShutdown();
  }

  #add(service: grpc.ServiceDefinition): void {
    const bytes: Record<string, grpc.MethodDefinition<any, any>> = {};
    const implementation: Record<string, any> = {};
    for (const [name, method] of Object.entries(service)) {
      const serialize = method.responseSerialize;
      bytes[name] = { ...method, responseSerialize: (value) => (Buffer.isBuffer(value) ? value : serialize(value)) };
      implementation[name] = method.responseStream
        ? (call: grpc.ServerWritableStream<any, any>) => this.#many(name, call)
        : (call: grpc.ServerUnaryCall<any, any>, callback: grpc.sendUnaryData<any>) => this.#one(name, call, callback);
    }
    this.#server.addService(bytes, implementation);
  }

  #arrive(method: string, call: grpc.ServerUnaryCall<any, any> | grpc.ServerWritableStream<any, any>): Arrived {
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    const arrived = {
      method,
      request: call.request,
      authorization: call.metadata.get("authorization")[0],
      userAgent: call.metadata.get("user-agent")[0],
      deadline: Number(call.getDeadline()),
      before: this.calls.filter((other) => other.method === method).length,
      gone: gone.signal,
    };
    this.calls.push(arrived);
    return arrived;
  }

  #handle(call: Arrived): any {
    const handler = this.#handlers[call.method];
    if (handler === undefined) {
      throw refusal(grpc.status.UNIMPLEMENTED);
    }
    return handler(call);
  }

  async #one(method: string, call: grpc.ServerUnaryCall<any, any>, callback: grpc.sendUnaryData<any>): Promise<void> {
    try {
      callback(null, await this.#handle(this.#arrive(method, call)));
    } catch (error) {
      callback(error as grpc.ServiceError);
    }
  }

  async #many(method: string, call: grpc.ServerWritableStream<any, any>): Promise<void> {
    call.on("error", () => {});
    try {
      for await (const message of this.#handle(this.#arrive(method, call))) {
        call.write(message);
      }
      call.end();
    } catch (error) {
      call.emit("error", error);
    }
  }
}

/** What goes with a refusal. */
export interface Details {
  reason?: string | undefined;
  domain?: string;
  metadata?: Record<string, string>;
  violations?: { field: string; description: string }[];
  /** Null where there is a `RetryInfo` without a time. */
  retryAfterMs?: number | null;
}

/** An error for a handler to throw. */
export function refusal(code: grpc.status, details: Details = {}, message = "refused"): Error {
  const metadata = new grpc.Metadata();
  const anys: Status["details"] = [];
  const add = (name: string, value: Uint8Array) => anys.push({ typeUrl: `type.googleapis.com/google.rpc.${name}`, value });
  if (details.reason !== undefined) {
    const { reason, domain = "bonafide.identity", metadata = {} } = details;
    add("ErrorInfo", ErrorInfo.encode({ reason, domain, metadata }).finish());
  }
  if (details.violations !== undefined) {
    add("BadRequest", BadRequest.encode({ fieldViolations: details.violations }).finish());
  }
  if (details.retryAfterMs === null) {
    add("RetryInfo", RetryInfo.encode({ retryDelay: undefined }).finish());
  } else if (details.retryAfterMs !== undefined) {
    const seconds = Math.trunc(details.retryAfterMs / 1000);
    const nanos = (details.retryAfterMs % 1000) * 1e6;
    add("RetryInfo", RetryInfo.encode({ retryDelay: { seconds, nanos } }).finish());
  }
  if (anys.length > 0) {
    metadata.set("grpc-status-details-bin", Buffer.from(Status.encode({ code, message, details: anys }).finish()));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

/** A session that needs no more than these. */
export function session(status: VerificationSessionStatus, more: Partial<VerificationSession> = {}): VerificationSession {
  return VerificationSession.fromPartial({ id: "vs_1", status, ...more });
}

/** Waits until the caller of `call` is gone. */
export async function untilGone(call: Arrived): Promise<never> {
  if (!call.gone.aborted) {
    await once(call.gone, "abort");
  }
  throw refusal(grpc.status.CANCELLED);
}
