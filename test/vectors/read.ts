/** Files of this directory: what others made, each with the command and the version in the make.sh beside it. */
import { readFileSync } from 'node:fs'

/** A file as text, e.g. `vector('keys/p256.sec1.pem')`. */
export function vector(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

/** The bytes of a file's first PEM block. */
export function vectorDer(path: string): Uint8Array {
  const body = /-----BEGIN [^-]+-----([^-]+)-----END/.exec(vector(path))?.[1] ?? ''
  return new Uint8Array(Buffer.from(body, 'base64'))
}
