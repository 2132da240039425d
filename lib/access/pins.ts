import type { Context } from '../context.js'
import { sha256 } from '../crypto/digest.js'
import { EncodingError, VerifyError } from '../errors.js'
import type { Certificate } from '../x509/certificate.js'

/**
 * The pin of a CA for `--discovery-token-ca-cert-hash`: SHA-256 of its public key, so it survives a new certificate for the
 * same key.
 *
 * @returns `sha256:` and 64 lower-case hex digits
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/pubkeypin/pubkeypin.go; RFC 7469 section 2.4
 */
export async function caPin(certificate: Certificate, context: Context): Promise<string> {
  return `sha256:${await sha256(certificate.spki, context)}`
}

/**
 * Reads a pin; format name and hex digits in either case.
 *
 * @returns the pin in lower case
 * @throws {@link EncodingError} `KPKI_PIN_INVALID`
 */
export function parsePin(text: string): string {
  const [format = '', hex = '', ...rest] = text.split(':')
  const problem =
    rest.length > 0 || !text.includes(':')
      ? 'it must be format:hex-value'
      : format.toLowerCase() !== 'sha256'
        ? 'the only known format is sha256'
        : !/^[0-9a-fA-F]*$/.test(hex)
          ? 'its value is not hexadecimal'
          : hex.length !== 64
            ? `its value has ${hex.length} hex digits instead of 64`
            : undefined
  if (problem === undefined) return text.toLowerCase()
  throw new EncodingError('KPKI_PIN_INVALID', `not a CA pin: ${problem}`, {
    hint: 'a pin looks like sha256:0123…, 64 hex digits; kpki hash ca.crt prints it',
  })
}

/**
 * Makes sure that one of the certificates has one of the pins, as kubeadm does on join.
 *
 * @param pins - at least one
 * @returns the certificate that matched
 * @throws {@link EncodingError} `KPKI_PIN_INVALID`; {@link VerifyError} `KPKI_PIN_MISMATCH` with the pins that there are
 */
export async function verifyCaPin(
  pins: readonly string[],
  certificates: readonly Certificate[],
  context: Context,
): Promise<Certificate> {
  const wanted = pins.map(parsePin)
  const actual = await Promise.all(certificates.map(certificate => caPin(certificate, context)))
  const match = certificates.find((_, index) => wanted.includes(actual[index] ?? ''))
  if (match) return match
  throw new VerifyError(
    'KPKI_PIN_MISMATCH',
    `no CA certificate has the pin; there ${actual.length === 1 ? 'is' : 'are'} ${actual.join(', ') || 'none'}`,
    {
      details: { actual },
      hint: 'do not join: this is another CA than the one the pin was made of',
    },
  )
}
