import type { Context } from '../context.js'
import { formatHex } from './bytes.js'

/** SHA-256 of some bytes, 64 lower-case hex digits. */
export async function sha256(bytes: Uint8Array, { crypto }: Pick<Context, 'crypto'>): Promise<string> {
  return formatHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))))
}
