// The connection to a deployment, and single tries of calls over it.
import {
  ChannelCredentials,
  type ChannelOptions,
  Client,
  connectivityState,
  Metadata,
  type MethodDefinition,
} from "@grpc/grpc-js";

import { type Address, authority } from "./address.js";
import { CancelledError } from "./errors.js";
import type { CallOptions } from "./options.js";
import { Scope } from "./scope.js";
import { fromGrpc } from "./status.js";
import { tlsCredentials } from "./tls.js";
import { VERSION } from "./version.js";

const OPTIONS: ChannelOptions = {
  "grpc.primary_user_agent": `bonafide-client-node/${VERSION}`,
  // Calls are sent again by `retry.ts` alone.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // A connection is of one client alone, and closes with it.
  "grpc.use_local_subchannel_pool": 1,
  // Until the channel is made anew: see RECONNECT_MS.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
  // A watch is quiet for long: tells a connection that is gone from one on which nothing happens.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
};

/**
 * How soon a connection that could not be opened is tried again, when a call asks for it. A channel of gRPC fails all calls between two
 * tries of its own, which come ever more rarely, and also when there are no calls: calls would fail for a while when the server is back.
 */
const RECONNECT_MS = 100;

/** A connection that opens with the first call, and again after it was lost. */
export class Channel {
  readonly #connect: () => Client;
  readonly #scopes = new Set<Scope>();
  #client: Client;
  #made = performance.now();
  #closed = false;

  constructor(address: Address, ca: string | Uint8Array | undefined) {
    // The prefix, lest a host be taken for the name of a resolver.
    const target = `dns:${authority(address)}`;
    const credentials = address.tls ? tlsCredentials(ca) : ChannelCredentials.createInsecure();
    // What stays on this machine goes through no proxy, and one would see a key that is not protected.
    const options = address.loopback || !address.tls ? { ...OPTIONS, "grpc.enable_http_proxy": 0 } : OPTIONS;
    this.#connect = () => new Client(target, credentials, options);
    this.#client = this.#connect();
  }

  /** Begins a call, which takes `usualMs` at the most unless its options say otherwise. Its maker ends it. */
  begin(options: CallOptions, usualMs: number): Scope {
    if (this.#closed) {
      throw closed();
    }
    return new Scope(options, usualMs, this.#scopes);
  }

  /** One try of a call with one answer. */
  async unary<Q, A>(method: MethodDefinition<Q, A>, request: Q, credential: string, scope: Scope): Promise<A> {
    scope.check();
    const client = this.#client;
    let cancel = (): void => {};
    try {
      return await new Promise<A>((resolve, reject) => {
        const call = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          authorization(credential),
          { deadline: scope.deadline },
          // Without an error there is an answer.
          (error, answer) => (error === null ? resolve(answer as A) : reject(error)),
        );
        cancel = () => call.cancel();
        scope.signal.addEventListener("abort", cancel);
      });
    } catch (error) {
      this.#renew(client);
      scope.signal.throwIfAborted();
      throw fromGrpc(error, credential);
    } finally {
      scope.signal.removeEventListener("abort", cancel);
    }
  }

  /** One try of a call with many answers. Whoever stops reading ends it. */
  async *stream<Q, A>(
    method: MethodDefinition<Q, A>,
    request: Q,
    credential: string,
    scope: Scope,
    deadline = scope.deadline,
  ): AsyncGenerator<A, void, undefined> {
    scope.check();
    const client = this.#client;
    const call = client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      authorization(credential),
      { deadline },
    );
    const cancel = (): void => call.cancel();
    scope.signal.addEventListener("abort", cancel);
    // One that comes when nobody reads any more would end the process.
    call.on("error", () => {});
    try {
      yield* call as AsyncIterable<A>;
    } catch (error) {
      this.#renew(client);
      scope.signal.throwIfAborted();
      throw fromGrpc(error, credential);
    } finally {
      scope.signal.removeEventListener("abort", cancel);
      cancel();
    }
  }

  /** Ends all calls and closes the connection. */
  close(): void {
    this.#closed = true;
    for (const scope of this.#scopes) {
      scope.cancel(closed());
    }
    this.#client.close();
  }

  /** Replaces a client that cannot connect, so that the next call tries to at once. */
  #renew(client: Client): void {
    const broken = !this.#closed && client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE;
    if (broken && client === this.#client && performance.now() - this.#made >= RECONNECT_MS) {
      this.#client = this.#connect();
      this.#made = performance.now();
      client.close();
    }
  }
}

function closed(): CancelledError {
  return new CancelledError("the client is closed");
}

function authorization(credential: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${credential}`);
  return metadata;
}
