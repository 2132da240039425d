import type { Context } from '../context.js'
import { EncodingError } from '../errors.js'

/** A bootstrap token. Its `secret` is one. */
export interface BootstrapToken {
  /** 6 characters of a-z and 0-9; public. */
  readonly id: string
  /** 16 characters of a-z and 0-9. */
  readonly secret: string
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 6
const SECRET_LENGTH = 16
const ID = /^[a-z0-9]{6}$/

/**
 * A new bootstrap token, from the context's randomness. Bytes from 252 on are drawn again, so that every character is equally
 * likely.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/util/helpers.go (randBytes)
 */
export function generateBootstrapToken(context: Context): BootstrapToken {
  return { id: randomText(ID_LENGTH, context), secret: randomText(SECRET_LENGTH, context) }
}

function randomText(length: number, { crypto }: Context): string {
  const limit = 256 - (256 % ALPHABET.length)
  let text = ''
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < limit && text.length < length) text += ALPHABET[byte % ALPHABET.length]
    }
  }
  return text
}

/** Writes a token as people and kubeadm write it: `id.secret`. The text is a secret. */
export function formatBootstrapToken({ id, secret }: BootstrapToken): string {
  return `${id}.${secret}`
}

/**
 * Reads a bootstrap token.
 *
 * @param what - named in errors, which never quote the text
 * @throws {@link EncodingError} `KPKI_TOKEN_INVALID`
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/api/types.go (BootstrapTokenPattern)
 */
export function parseBootstrapToken(text: string, what = 'the token'): BootstrapToken {
  const [id = '', secret = '', ...rest] = text.split('.')
  const problem =
    text === ''
      ? 'is empty'
      : /\s/.test(text)
        ? 'has white space in or around it'
        : rest.length > 0
          ? 'has more than one dot'
          : !text.includes('.')
            ? 'has no dot'
            : /[A-Z]/.test(text)
              ? 'has upper-case letters'
              : /[^a-z0-9]/.test(id + secret)
                ? 'has other characters than a-z and 0-9'
                : id.length !== ID_LENGTH
                  ? `has ${id.length} characters instead of ${ID_LENGTH} before its dot`
                  : secret.length !== SECRET_LENGTH
                    ? `has ${secret.length} characters instead of ${SECRET_LENGTH} behind its dot`
                    : undefined
  if (problem === undefined) return { id, secret }
  throw new EncodingError('KPKI_TOKEN_INVALID', `${what} ${problem}`, {
    details: { what },
    hint: 'a bootstrap token looks like abcdef.0123456789abcdef; kpki token generate makes one',
  })
}

/** Whether a text is the public half of a token. */
export function isBootstrapTokenId(text: string): boolean {
  return ID.test(text)
}
