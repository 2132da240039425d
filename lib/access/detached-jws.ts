import type { Context } from '../context.js'
import { encodeUtf8, formatBase64Url } from '../crypto/bytes.js'
import { VerifyError } from '../errors.js'
import type { BootstrapToken } from './bootstrap-token.js'

/**
 * The signature of a bootstrap token over a text, as the controller manager's bootstrapsigner puts it into `cluster-info`:
 * a JWS in compact form whose payload is left out (RFC 7515 appendix F), HS256 with the token's secret.
 *
 * @param payload - the `kubeconfig` of `cluster-info`, to the byte
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/cluster-bootstrap/token/jws/jws.go (ComputeDetachedSignature)
 */
export async function signDetached(payload: string, token: BootstrapToken, context: Context): Promise<string> {
  // The very bytes that go-jose writes: a verifier compares the whole text.
  const header = formatBase64Url(encodeUtf8(`{"alg":"HS256","kid":"${token.id}"}`))
  const { subtle } = context.crypto
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await subtle.importKey('raw', encodeUtf8(token.secret), algorithm, false, ['sign'])
  const input = encodeUtf8(`${header}.${formatBase64Url(encodeUtf8(payload))}`)
  const signature = await subtle.sign(algorithm, key, input)
  return `${header}..${formatBase64Url(new Uint8Array(signature))}`
}

/**
 * Makes sure that a text was signed with a bootstrap token.
 *
 * @param jws - `jws-kubeconfig-<token id>` of `cluster-info`
 * @throws {@link VerifyError} `KPKI_JWS_MISMATCH`
 */
export async function verifyDetached(
  jws: string,
  payload: string,
  token: BootstrapToken,
  context: Context,
): Promise<void> {
  const expected = encodeUtf8(await signDetached(payload, token, context))
  const actual = encodeUtf8(jws)
  let difference = expected.length ^ actual.length
  for (const [index, byte] of expected.entries()) difference |= byte ^ (actual[index] ?? 0)
  if (difference === 0) return
  throw new VerifyError('KPKI_JWS_MISMATCH', `cluster-info is not signed with the secret of token ${token.id}`, {
    details: { tokenId: token.id },
    hint: 'do not join: either the secret of the token is mistyped, or somebody in between changed cluster-info',
  })
}
