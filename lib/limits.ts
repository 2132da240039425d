/** Nothing that kpki reads is larger: `ca.crt` with a hundred roots is 200 KB. */
export const MAX_INPUT_BYTES = 1024 * 1024

/** What `inspect` reads of PEM and JSON, which are read in linear time: all Secrets of a cluster, or all certificates of a log. */
export const MAX_INSPECT_BYTES = 32 * MAX_INPUT_BYTES
