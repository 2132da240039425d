import type { Context } from '../context.js'
import { decodeUtf8, equalBytes } from '../crypto/bytes.js'
import { parsePrivateKey } from '../crypto/key-files.js'
import { describePublicKey, type PrivateKey } from '../crypto/keys.js'
import { describeLabels, parsePem } from '../crypto/pem.js'
import { EncodingError, VerifyError } from '../errors.js'
import { CATALOGUE, type CertificateId } from '../kubernetes/rows.js'
import type { FileKind } from '../tree/layout.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import { canSign } from '../x509/verify.js'
import type { SharedContents, SharedFile } from './kubeadm-certs.js'
import { caPin } from './pins.js'

/** CAs of which a control plane makes certificates of its own. */
const CAS = ['ca', 'front-proxy-ca', 'etcd-ca'] as const satisfies readonly CertificateId[]

/** What a whole set of shared files says. */
export interface SharedFacts {
  /** The cluster's CAs; empty when the host had none. */
  readonly caCertificates: readonly Certificate[]
  /** What is odd and works, one sentence each, e.g. that two of the CAs are one. */
  readonly remarks: readonly string[]
}

/** Options of {@link verifySharedContents}. */
export interface VerifySharedOptions {
  /** How errors call a file. Default: its name in the Secret */
  readonly nameOf?: (file: SharedFile) => string
  /** A CA with the usual name of another one is a remark, and no error: for a tree that is known to work. Default: false */
  readonly allowOtherCaNames?: boolean
}

/**
 * Makes sure that shared files are what their names say and belong together: each key to its certificate (one of a bundle is
 * enough), `sa.pub` to `sa.key`, CAs are CAs, none has the usual name of another one unless they are the same, no private key in
 * a public file. Empty ones are passed over.
 *
 * Stricter than kubeadm, which looks at each alone and takes a key or a certificate under any name: whoever may write to the
 * Secret could swap its values without knowing the key.
 *
 * @throws {@link VerifyError} `KPKI_CERTS_MISMATCH`; {@link EncodingError} of what cannot be read
 */
export async function verifySharedContents(
  contents: SharedContents,
  files: readonly SharedFile[],
  context: Context,
  { nameOf = ({ name }) => name, allowOtherCaNames = false }: VerifySharedOptions = {},
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
  const remarks: string[] = []
  for (const base of CAS) {
    const own = certificates.get(base)
    if (!own) continue
    if (!own.some(canSign)) throw mismatch(`${base}.crt`, 'is no CA')
    const key = keys.get(base)
    // Beside its own CA, a bundle may have any that are trusted, too.
    const signers = key ? own.filter(({ spki }) => key.isKeyOf(spki)) : own
    for (const other of CAS.slice(0, CAS.indexOf(base)))
      if (signers.some(({ spki }) => certificates.get(other)?.some(each => equalBytes(each.spki, spki))))
        remarks.push(`${other}.crt and ${base}.crt are one CA: what the one lets in, the other does, too`)
    const confused = otherName(base, signers, certificates)
    if (confused === undefined) continue
    const problem = `is named ${JSON.stringify(CATALOGUE[confused].commonName)}, as ${confused}.crt should be`
    if (!allowOtherCaNames) throw mismatch(`${base}.crt`, `${problem}: they may have been swapped`)
    remarks.push(
      `${places.get(`${base}.crt`)} ${problem}; certs download refuses that, since they may have been swapped`,
    )
  }
  return { caCertificates: certificates.get('ca') ?? [], remarks }
}

/** The CA whose usual name all of these have, unless they are that CA. */
function otherName(
  base: (typeof CAS)[number],
  own: readonly Certificate[],
  certificates: ReadonlyMap<string, readonly Certificate[]>,
): (typeof CAS)[number] | undefined {
  return CAS.find(
    other =>
      other !== base &&
      own.every(
        ({ subject, spki }) =>
          subject.commonName === CATALOGUE[other].commonName &&
          !certificates.get(other)?.some(each => equalBytes(each.spki, spki)),
      ),
  )
}

/**
 * Makes sure that the CA of a tree, or of a Secret, is the one that a cluster is known by.
 *
 * @param own - what stands in `ca.crt`
 * @param trusted - the CA of the kubeconfig
 * @throws {@link VerifyError} `KPKI_CERTS_MISMATCH` when they have no public key in common
 */
export async function verifyClusterCa(
  own: readonly Certificate[],
  trusted: readonly Certificate[],
  context: Context,
): Promise<void> {
  if (own.some(({ spki }) => trusted.some(each => equalBytes(each.spki, spki)))) return
  const show = async (certificates: readonly Certificate[]) =>
    (await Promise.all(certificates.map(async each => `${each.subject.text} (${await caPin(each, context)})`))).join(
      ', ',
    )
  const [mine, theirs] = await Promise.all([show(own), show(trusted)])
  throw new VerifyError(
    'KPKI_CERTS_MISMATCH',
    `ca.crt is not the CA that the kubeconfig knows the cluster by: ${mine || 'none'}, and ${theirs || 'none'}`,
    {
      details: {
        own: await Promise.all(own.map(each => caPin(each, context))),
        trusted: await Promise.all(trusted.map(each => caPin(each, context))),
      },
      hint: 'name the kubeconfig of the right cluster; where its API servers have certificates of another CA on purpose: --allow-other-ca',
    },
  )
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
