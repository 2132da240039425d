import type { Context } from '../context.js'
import { KEY_OIDS } from '../crypto/algorithms.js'
import type { Bytes } from '../crypto/bytes.js'
import { parseDer } from '../crypto/der.js'
import { der } from '../crypto/der-write.js'
import { isPrivateKeyBlock, parsePrivateKeyBlock } from '../crypto/key-files.js'
import { describeLabels, parsePem } from '../crypto/pem.js'
import { EncodingError } from '../errors.js'
import { parseCertificate } from '../x509/certificate.js'
import { describeServiceAccountKey, type ServiceAccountKey, uniqueKeys } from './service-account-keys.js'

/** API servers that rotate their keys have two or three; a key set is fetched by everybody who verifies. */
const MAX_KEYS = 100

/**
 * Reads all keys of a PEM text as the API server reads `--service-account-key-file`: in the order in which they stand public
 * keys, certificates for the keys in them, and private keys for their public half; other blocks are passed over. One that
 * stands there twice is taken once.
 *
 * @param what - named in errors, e.g. a file name
 * @throws {@link EncodingError} `KPKI_PEM_LABEL` when there is none, and as {@link describeServiceAccountKey},
 *   `parseCertificate` and `parsePrivateKey`: what the API server passes over since it cannot read it, too
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/keyutil/key.go (ParsePublicKeysPEM)
 */
export async function parseServiceAccountKeys(
  pem: string,
  context: Context,
  what = 'the service-account keys',
): Promise<readonly ServiceAccountKey[]> {
  const blocks = parsePem(pem, what)
  const spkis: Uint8Array[] = []
  for (const block of blocks) {
    const { label, bytes } = block
    if (label === 'PUBLIC KEY') spkis.push(bytes)
    else if (label === 'RSA PUBLIC KEY') spkis.push(wrapRsa(bytes, what))
    else if (label === 'CERTIFICATE') spkis.push(parseCertificate(bytes, what).spki)
    else if (isPrivateKeyBlock(block)) spkis.push((await parsePrivateKeyBlock(block, context, what)).spki)
  }
  if (spkis.length === 0) {
    throw new EncodingError('KPKI_PEM_LABEL', `${what} ${describeLabels('public key', blocks)}`, { details: { what } })
  }
  if (spkis.length > MAX_KEYS)
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${what} has more than ${MAX_KEYS} keys`, { details: { what } })
  return uniqueKeys(await Promise.all(spkis.map(spki => describeServiceAccountKey(spki, context, what))))
}

/** SubjectPublicKeyInfo around a PKCS #1 public key (RFC 8017 appendix A.1.1, RFC 3279 section 2.3.1). */
function wrapRsa(pkcs1: Uint8Array, what: string): Bytes {
  parseDer(pkcs1, what)
  return der.sequence(der.sequence(der.oid(KEY_OIDS.rsa), der.null()), der.bitString(pkcs1))
}
