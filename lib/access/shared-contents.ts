import type { Context } from '../context.js'
import { decodeUtf8 } from '../crypto/bytes.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import { describePublicKey, type PrivateKey } from '../crypto/keys.js'
import { describeLabels, parsePem } from '../crypto/pem.js'
import { EncodingError, VerifyError } from '../errors.js'
import type { FileKind } from '../tree/layout.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import { canSign } from '../x509/verify.js'
import type { SharedContents, SharedFile } from './kubeadm-certs.js'

/** CAs of which a control plane makes certificates of its own. */
const CAS: readonly string[] = ['ca', 'front-proxy-ca', 'etcd-ca']

/** What a whole set of shared files says. */
export interface SharedFacts {
  /** The cluster's CAs; empty when the host had none. */
  readonly caCertificates: readonly Certificate[]
}

/**
 * Makes sure that shared files are what their names say and belong together: each key to its certificate (one of a bundle is
 * enough), `sa.pub` to `sa.key`, CAs are CAs, no private key in a public file. Empty ones are passed over.
 *
 * Stricter than kubeadm, which looks at each alone and takes a key or a certificate under any name: whoever may write to the
 * Secret could swap its values without knowing the key.
 *
 * @param nameOf - how errors call a file. Default: its name in the Secret
 * @throws {@link VerifyError} `KPKI_CERTS_MISMATCH`; {@link EncodingError} of what cannot be read
 */
export async function verifySharedContents(
  contents: SharedContents,
  files: readonly SharedFile[],
  context: Context,
  nameOf: (file: SharedFile) => string = ({ name }) => name,
): Promise<SharedFacts> {
  const certificates = new Map<string, readonly Certificate[]>()
  const keys = new Map<string, PrivateKey>()
  const publicKeys = new Map<string, readonly Uint8Array[]>()
  const places = new Map<string, string>()
  for (const file of files) {
    const content = contents.get(file.name)
    if (!content || content.length === 0) continue
    const what = nameOf(file)
    const base = file.name.replace(/\.\w+$/, '')
    places.set(file.name, what)
    const text = readText(content, file.kind, what)
    if (file.kind === 'private-key') keys.set(base, await parsePrivateKey(text, context, what))
    else if (file.kind === 'public-key') publicKeys.set(base, parsePublicKeys(text, what))
    else certificates.set(base, parseCertificates(text, what))
  }
  const mismatch = (name: string, problem: string) =>
    new VerifyError('KPKI_CERTS_MISMATCH', `${places.get(name) ?? name} ${problem}`, {
      details: { what: name },
      hint: 'take all of them from one control plane that works; kpki inspect shows what belongs together',
    })
  for (const [base, key] of keys) {
    const spkis = certificates.get(base)?.map(({ spki }) => spki) ?? publicKeys.get(base)
    if (spkis && !spkis.some(spki => key.isKeyOf(spki))) {
      const other = `${base}.${base === 'sa' ? 'pub' : 'crt'}`
      throw mismatch(`${base}.key`, `is not the key of ${places.get(other) ?? other}`)
    }
  }
  for (const base of CAS) {
    const own = certificates.get(base)
    if (own && !own.some(canSign)) throw mismatch(`${base}.crt`, 'is no CA')
  }
  return { caCertificates: certificates.get('ca') ?? [] }
}

function readText(content: Uint8Array, kind: FileKind, what: string): string {
  const text = decodeUtf8(content)
  if (text === undefined) throw new EncodingError('KPKI_PEM_INVALID', `${what} is not text`, { details: { what } })
  if (kind !== 'private-key' && parsePem(text, what).some(({ label }) => label.endsWith('PRIVATE KEY'))) {
    throw new EncodingError('KPKI_PEM_LABEL', `${what} holds a private key, and is a public file`, {
      details: { what },
      hint: 'take the key out of it, and consider it known',
    })
  }
  return text
}

/** All of them: while service-account keys are rotated, `sa.pub` has the old one beside the new one. */
function parsePublicKeys(text: string, what: string): readonly Uint8Array[] {
  const blocks = parsePem(text, what)
  const spkis = blocks.filter(({ label }) => label === 'PUBLIC KEY').map(({ bytes }) => bytes)
  if (spkis.length === 0) {
    throw new EncodingError('KPKI_PEM_LABEL', `${what} ${describeLabels('public key', blocks)}`, { details: { what } })
  }
  for (const spki of spkis) describePublicKey(spki, what)
  return spkis
}
