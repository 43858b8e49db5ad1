// What is given for a client, and for a call.

/** For a client. */
export interface ClientOptions {
  /**
   * Where the deployment is: `https://host:port`, or `http://host:port` on this machine. Without a scheme it is `http` on loopback and
   * `https` elsewhere, without a port 50051.
   */
  address: string;
  /** The API key. */
  apiKey: string;
  /** The CAs that vouch for the deployment, in PEM; those of the system when not given. */
  ca?: string | Uint8Array | undefined;
  /** The deadline of every call in milliseconds, all its tries together; 10 s, and 60 s for pictures, when not given. */
  timeoutMs?: number | undefined;
  /** How long a watch goes on without an answer while the deployment is away, in milliseconds; 5 minutes when not given. */
  reconnectTimeoutMs?: number | undefined;
  /** Lets the key and pictures cross the network readable: for an `http` address elsewhere, where a mesh protects the network. */
  allowPlaintext?: boolean | undefined;
}

/** For one call. */
export interface CallOptions {
  /** The deadline in milliseconds, all tries together; the client's when not given. */
  timeoutMs?: number | undefined;
  /** Ends the call with a `CancelledError`, whose `cause` is the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** For a call that changes something. */
export interface ChangeOptions extends CallOptions {
  /**
   * Up to 255 characters. What is sent again under it within 24 hours is answered as it was first, and has no further effect. A random
   * UUID when not given, the same for each try.
   */
  idempotencyKey?: string | undefined;
}
