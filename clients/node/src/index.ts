/**
 * Client of Bonafide, self-hosted identity verification.
 *
 * @module
 */
export { BonafideClient } from "./client.js";
export * from "./errors.js";
export type { CreateLinkOptions, Files } from "./files.js";
export * from "./messages.js";
export type { CallOptions, ChangeOptions, ClientOptions } from "./options.js";
export type { Person } from "./person.js";
export type { Reports } from "./reports.js";
export type { GetSessionOptions, Sessions } from "./sessions.js";
export type { Simulation, TestHelpers } from "./test-helpers.js";
export type { Watch } from "./watch.js";
