/** The version of this package, which servers see in `user-agent`. */
export const VERSION = "0.1.0";
