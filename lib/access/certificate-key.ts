import type { Context } from '../context.js'
import { type Bytes, formatHex, parseHex, toBytes } from '../crypto/bytes.js'
import { EncodingError, VerifyError } from '../errors.js'

/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (CertificateKeySize). */
const KEY_BYTES = 32
/** What Go's cipher.NewGCM has (NIST SP 800-38D section 8.2.1). */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * The key that the files in the Secret `kubeadm-certs` are encrypted with. The secret bytes sit in a private field: neither
 * `JSON.stringify` nor an inspector nor an error message shows them.
 */
export class CertificateKey {
  readonly #bytes: Bytes

  /**
   * @param bytes - 32 of them
   * @throws {@link EncodingError} `KPKI_CERTIFICATE_KEY_INVALID`
   */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw invalid('the certificate key', `has ${bytes.length} bytes`)
    this.#bytes = toBytes(bytes)
  }

  /** The secret itself: 32 bytes. Never log it. */
  exportBytes(): Bytes {
    return toBytes(this.#bytes)
  }

  /** Nothing of it is public. */
  toJSON(): Readonly<Record<string, never>> {
    return {}
  }
}

/**
 * A new certificate key, from the context's randomness.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (CreateCertificateKey)
 */
export function generateCertificateKey({ crypto }: Context): CertificateKey {
  return new CertificateKey(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))
}

/** Writes a certificate key as kubeadm prints it: 64 lower-case hex digits. The text is a secret. */
export function formatCertificateKey(key: CertificateKey): string {
  return formatHex(key.exportBytes())
}

/**
 * Reads a certificate key: 64 hex digits, upper case too, as Go's `hex.DecodeString` has it.
 *
 * @param what - named in errors, which never quote the text
 * @throws {@link EncodingError} `KPKI_CERTIFICATE_KEY_INVALID`
 */
export function parseCertificateKey(text: string, what = 'the certificate key'): CertificateKey {
  const problem = /\s/.test(text)
    ? 'has white space in or around it'
    : /[^0-9a-fA-F]/.test(text)
      ? 'has characters that are no hex digits'
      : text.length !== 2 * KEY_BYTES
        ? `has ${text.length} hex digits`
        : undefined
  if (problem !== undefined) throw invalid(what, problem)
  return new CertificateKey(parseHex(text))
}

function invalid(what: string, problem: string): EncodingError {
  return new EncodingError('KPKI_CERTIFICATE_KEY_INVALID', `${what} ${problem}: it must be 64 hex digits (32 bytes)`, {
    details: { what },
    hint: 'give the one that the upload printed, whole; kpki certs key makes a new one',
  })
}

/**
 * Encrypts one value: a nonce of 12 random bytes, then AES-256-GCM's ciphertext, then its tag of 16 bytes; no additional data.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/crypto/crypto.go (EncryptBytes); NIST SP 800-38D
 */
export async function encryptValue(value: Uint8Array, key: CertificateKey, { crypto }: Context): Promise<Bytes> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const secret = await crypto.subtle.importKey('raw', key.exportBytes(), 'AES-GCM', false, ['encrypt'])
  const encrypted = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, secret, toBytes(value))
  const whole = new Uint8Array(NONCE_BYTES + encrypted.byteLength)
  whole.set(iv)
  whole.set(new Uint8Array(encrypted), NONCE_BYTES)
  return whole
}

/**
 * Decrypts what {@link encryptValue} or kubeadm encrypted.
 *
 * @param what - named in errors
 * @throws {@link EncodingError} `KPKI_CERTS_INVALID` when it is too short to be one; {@link VerifyError} `KPKI_DECRYPT_FAILED`
 */
export async function decryptValue(
  encrypted: Uint8Array,
  key: CertificateKey,
  { crypto }: Context,
  what = 'the value',
): Promise<Bytes> {
  if (encrypted.length < NONCE_BYTES + TAG_BYTES) {
    throw new EncodingError('KPKI_CERTS_INVALID', `${what} is cut off: it has ${encrypted.length} bytes`, {
      details: { what },
      hint: 'upload the certificates again: kpki certs upload',
    })
  }
  const secret = await crypto.subtle.importKey('raw', key.exportBytes(), 'AES-GCM', false, ['decrypt'])
  const iv = toBytes(encrypted.subarray(0, NONCE_BYTES))
  const ciphertext = toBytes(encrypted.subarray(NONCE_BYTES))
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, secret, ciphertext))
  } catch (cause) {
    // GCM does not say which of the two it is.
    throw new VerifyError(
      'KPKI_DECRYPT_FAILED',
      `${what} cannot be decrypted: the certificate key is not the one it was encrypted with, or the value was changed`,
      {
        details: { what },
        hint: 'every upload has a key of its own: give the one of the last upload, or upload again with kpki certs upload',
        cause,
      },
    )
  }
}
