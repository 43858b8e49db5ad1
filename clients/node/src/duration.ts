// Durations of the contract, which are milliseconds here.
import type { Duration } from "./gen/google/protobuf/duration.js";

/** A duration in milliseconds. */
export function toMilliseconds(duration: Duration): number {
  return duration.seconds * 1000 + duration.nanos / 1e6;
}

/** Milliseconds as a duration; undefined stays undefined. */
export function fromMilliseconds(milliseconds: number | undefined): Duration | undefined {
  if (milliseconds === undefined) {
    return undefined;
  }
  if (!Number.isFinite(milliseconds)) {
    throw new RangeError("a duration is a finite number of milliseconds");
  }
  const seconds = Math.trunc(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}
