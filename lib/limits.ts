/** Nothing that kpki reads is larger: `ca.crt` with a hundred roots is 200 KB. */
export const MAX_INPUT_BYTES = 1024 * 1024
