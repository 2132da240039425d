import { formatKubeconfig, type Kubeconfig, parseKubeconfig } from '../access/kubeconfig.js'
import { checkUserIdentity } from '../access/user-identity.js'
import { type ActualRow, readRow } from '../audit/actual.js'
import { isRefusal } from '../audit/refusal.js'
import { signerOf } from '../audit/signer.js'
import type { Context } from '../context.js'
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../crypto/algorithms.js'
import { decodeUtf8, equalBytes } from '../crypto/bytes.js'
import { generateKey } from '../crypto/keys.js'
import { KpkiError, PolicyError, StoreError, UsageError } from '../errors.js'
import { keyUsages } from '../kubernetes/catalogue.js'
import { quote } from '../kubernetes/cluster-fields.js'
import { KUBECONFIG_IDS, type KubeconfigId, PROFILES } from '../kubernetes/rows.js'
import { type KubernetesVersion, writesPreferences } from '../kubernetes/versions.js'
import { certificatePath, type FileKind, keyPath } from '../tree/layout.js'
import { appendToLedger } from '../tree/ledger.js'
import type { Store } from '../tree/store.js'
import type { Certificate } from '../x509/certificate.js'
import { type Issuer, issueCertificate } from '../x509/issue.js'
import { outsideValidity } from '../x509/verify.js'
import { lifetimeOf } from './lifetime.js'

/** A long working day: a client certificate cannot be revoked, it can only end. kubeadm's is a year. */
export const USER_VALIDITY_SECONDS = 12 * 3600
/** kubeadm's own, beyond which it warns as well. */
const LONG_VALIDITY_SECONDS = 365 * 86_400

/** A user who is to get a kubeconfig. Holds a secret where `token` is given. */
export interface UserKubeconfigSpec {
  /** The user: common name of the certificate, and the name in the kubeconfig. */
  readonly name: string
  /** Groups: organisations of the certificate. Default: none. */
  readonly groups?: readonly string[]
  /** A bearer token that the API server knows. Default: none, and a client certificate is issued. */
  readonly token?: string
  /** Default: 12 hours. */
  readonly validitySeconds?: number
  /** e.g. `https://10.0.0.10:6443`. Default: that of the tree's `admin.conf`. */
  readonly server?: string
  /** Default: that of the tree's `admin.conf`; `kubernetes` where there is none. */
  readonly clusterName?: string
  /** Default: that of the tree's `admin.conf`, else of its CA. */
  readonly keyAlgorithm?: KeyAlgorithm
  /** Where commands look that name no namespace. Default: not said, and so `default`. */
  readonly namespace?: string
  /** The file is written as its kubeadm does. Default: as the newest. */
  readonly kubernetesVersion?: KubernetesVersion
}

/** Options of {@link issueUserKubeconfig}. */
export interface UserKubeconfigOptions {
  /** Say what would be issued, make nothing. Default: false. */
  readonly dryRun?: boolean
  /** Write down in the tree's ledger what is signed. Default: true. */
  readonly ledger?: boolean
}

/** A user's kubeconfig, and what is in it. */
export interface UserKubeconfig {
  /** YAML; a secret. `undefined` in a dry run. */
  readonly kubeconfig: string | undefined
  /** `undefined` for token users, and in a dry run. */
  readonly certificate: Certificate | undefined
  readonly name: string
  readonly groups: readonly string[]
  readonly clusterName: string
  readonly server: string
  readonly contextName: string
  readonly namespace: string | undefined
  /** When the certificate ends; `undefined` for token users. */
  readonly notAfter: Date | undefined
  /** It ends with its CA, before its own period is over. */
  readonly isClamped: boolean
  /** Of its key; `undefined` for token users. */
  readonly keyAlgorithm: KeyAlgorithm | undefined
}

/**
 * Makes a kubeconfig for a person or a program: a new key and a client certificate of the tree's CA, or a token.
 *
 * What is not said is taken from the tree, never from a default. Names that mean something to Kubernetes, much power and long
 * lives are warned of in the context's log. A token user needs no CA key, which kubeadm asks for.
 *
 * @throws {@link UsageError} `KPKI_FIELD_VALUE`: name, group, period or token cannot be; or nothing says where the API server
 *   is. {@link PolicyError} `KPKI_ISSUER_MISSING`: no CA, or its key is elsewhere; and as `issueCertificate`.
 *   {@link StoreError} as the store, `KPKI_TREE_MISMATCH` for a CA that cannot be read
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/alpha/kubeconfig.go; cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go
 *   (WriteKubeConfigWithClientCert, WriteKubeConfigWithToken)
 * @example const { kubeconfig } = await issueUserKubeconfig({ name: 'jane', groups: ['dev'] }, store, context)
 */
export async function issueUserKubeconfig(
  spec: UserKubeconfigSpec,
  store: Store,
  context: Context,
  options: UserKubeconfigOptions = {},
): Promise<UserKubeconfig> {
  const { name, token, namespace } = spec
  const groups = [...new Set(spec.groups ?? [])]
  const validitySeconds = spec.validitySeconds ?? USER_VALIDITY_SECONDS
  checkSpec({ ...spec, groups, validitySeconds }, spec.validitySeconds !== undefined, context)

  // A token is not signed here, and the CA's key is none of its business.
  const ca = await readCa(store, context, token === undefined ? undefined : ['certificate'])
  const present = await readPresent(store, ca, context)
  const server = spec.server ?? present?.server
  if (server === undefined || server === '') {
    throw new UsageError(
      'KPKI_FIELD_VALUE',
      'nothing says where the API server is: there is no admin.conf beside the CA',
      {
        hint: 'name it with --server https://HOST:PORT or --control-plane-endpoint HOST:PORT, or describe the cluster with --config',
      },
    )
  }
  const clusterName = spec.clusterName ?? present?.clusterName ?? 'kubernetes'
  const common = {
    name,
    groups,
    clusterName,
    server,
    contextName: `${name}@${clusterName}`,
    namespace,
  }
  const format = {
    clusterName,
    userName: name,
    server,
    caCertificates: ca.certificates,
    ...(namespace === undefined ? {} : { namespace }),
    withPreferences: spec.kubernetesVersion !== undefined && writesPreferences(spec.kubernetesVersion),
  }
  if (token !== undefined) {
    const kubeconfig = options.dryRun ? undefined : formatKubeconfig({ ...format, token })
    const none = { certificate: undefined, notAfter: undefined, isClamped: false, keyAlgorithm: undefined }
    return { ...common, ...none, kubeconfig }
  }

  const issuer = signingCa(ca, store, context)
  const now = context.clock()
  const { isClamped, ...lifetime } = lifetimeOf(now, validitySeconds, issuer.certificate)
  if (isClamped) {
    const end = issuer.certificate.notAfter.toISOString()
    context.log({ level: 'warning', message: `the certificate ends with its CA on ${end}, before its period is over` })
  }
  const keyAlgorithm = spec.keyAlgorithm ?? likeThatOf(present, ca)
  const facts = { ...common, notAfter: lifetime.notAfter, isClamped, keyAlgorithm }
  if (options.dryRun) return { ...facts, kubeconfig: undefined, certificate: undefined }
  const key = await generateKey(keyAlgorithm, context)
  const certificate = await issueCertificate(
    {
      commonName: name,
      organizations: groups,
      spki: key.spki,
      isCa: false,
      keyUsages: keyUsages(PROFILES.client, key.type),
      extKeyUsages: PROFILES.client.extKeyUsages,
      ...lifetime,
    },
    issuer,
    context,
  )
  if (options.ledger !== false)
    await appendToLedger([{ purpose: 'user', certificate, issuer: issuer.certificate }], store, context)
  return { ...facts, certificate, kubeconfig: formatKubeconfig({ ...format, certificate, key }) }
}

function checkSpec(
  {
    name,
    groups,
    token,
    validitySeconds,
    server,
    namespace,
  }: UserKubeconfigSpec & Pick<Required<UserKubeconfigSpec>, 'groups' | 'validitySeconds'>,
  isPeriodGiven: boolean,
  context: Context,
): void {
  const refuse = (field: string, message: string, hint?: string) =>
    new UsageError('KPKI_FIELD_VALUE', message, { details: { field }, ...(hint === undefined ? {} : { hint }) })
  for (const { severity, field, message, hint } of checkUserIdentity(name, groups)) {
    if (severity === 'error') throw refuse(field, message, hint)
    // Whom a token is for, it says itself: the name is one in the file.
    if (token === undefined)
      context.log({ level: 'warning', message: hint === undefined ? message : `${message}; ${hint}` })
  }
  // A namespace is an RFC 1123 label.
  if (namespace !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    throw refuse(
      'namespace',
      `the namespace ${quote(namespace)} cannot be the name of one`,
      'lower-case letters, digits and hyphens, at most 63',
    )
  // RFC 6750 section 2.1; client-go puts it into a header as it is.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw refuse(
      'token',
      token === ''
        ? 'the token is empty'
        : 'the token has white space or other characters in it that cannot stand in a header',
    )
  if (token !== undefined && groups.length > 0)
    throw refuse('group', 'groups go into a client certificate: those of a token are what the API server knows of it')
  if (token !== undefined && isPeriodGiven)
    throw refuse(
      'validitySeconds',
      'the validity period is one of a client certificate: a token ends when it says, or when the API server forgets it',
    )
  if (!Number.isFinite(validitySeconds) || validitySeconds < 1)
    throw refuse(
      'validitySeconds',
      'the validity period must be at least a second',
      'write it as a Go duration, e.g. 12h',
    )
  if (token === undefined && validitySeconds > LONG_VALIDITY_SECONDS) {
    const days = Math.floor(validitySeconds / 86_400)
    context.log({
      level: 'warning',
      message: `${days} days are a long time: a client certificate cannot be taken back before it ends`,
    })
  }
  const problem = server === undefined ? undefined : serverProblem(server)
  if (problem !== undefined) throw refuse('server', `the server ${problem}`, 'write it as https://HOST:PORT')
}

/** What is wrong with a server's URL, as the end of a sentence that does not quote it. */
function serverProblem(server: string): string | undefined {
  let url: URL
  try {
    url = new URL(server)
  } catch {
    return 'is not a URL'
  }
  if (url.protocol !== 'https:') return 'is not reached by https, so that anybody in between could read the credentials'
  if (url.username !== '' || url.password !== '') return 'has a user name or password in its URL'
  return url.search !== '' || url.hash !== '' ? 'has a query or a fragment in its URL' : undefined
}

async function readCa(store: Store, context: Context, kinds?: readonly FileKind[]): Promise<ActualRow> {
  const ca = await readRow('ca', store, context, kinds ? { kinds } : {})
  const broken = ca.findings.find(isRefusal)
  if (broken) {
    throw new StoreError('KPKI_TREE_MISMATCH', `${store.locate(broken.path)} ${broken.message}`, {
      details: { findings: [broken.message], codes: [broken.code] },
      ...(broken.hint === undefined ? {} : { hint: broken.hint }),
    })
  }
  if (ca.certificates.length > 0) return ca
  throw new PolicyError(
    'KPKI_ISSUER_MISSING',
    `the cluster CA is not here: ${store.locate(certificatePath('ca'))} does not exist`,
    {
      details: { issuer: 'ca' },
      hint: 'run it where the tree is, or name the tree with --dir',
    },
  )
}

function signingCa(ca: ActualRow, store: Store, context: Context): Issuer {
  const { key } = ca
  const place = store.locate(keyPath('ca'))
  if (!key) {
    throw new PolicyError('KPKI_ISSUER_MISSING', `the key of the CA is elsewhere: ${place} does not exist`, {
      details: { issuer: 'ca' },
      hint: 'run it where the CA key is; a user with a token (--token-file) needs none',
    })
  }
  const certificate = signerOf(ca, context)
  // Here, since a certificate that ends with it would end before it begins.
  const problem = certificate && outsideValidity(certificate, context.clock())
  if (problem !== undefined) {
    throw new PolicyError('KPKI_ISSUER_EXPIRED', `the CA ${store.locate(certificatePath('ca'))} ${problem}`, {
      details: { issuer: 'ca' },
    })
  }
  if (certificate) return { certificate, key }
  const path = store.locate(certificatePath('ca'))
  throw new PolicyError('KPKI_ISSUER_KEY_MISMATCH', `${place} is the key of none of the certificates in ${path}`, {
    details: { issuer: 'ca' },
  })
}

/**
 * What the tree's own kubeconfigs say about the cluster: those that go to the control-plane endpoint first, and before all others
 * those that trust its CA, as somebody may have merged another cluster into one and chosen that.
 */
async function readPresent(store: Store, ca: ActualRow, context: Context): Promise<Kubeconfig | undefined> {
  const isOurs = ({ caCertificates }: Kubeconfig) =>
    caCertificates.some(({ spki }) => ca.certificates.some(own => equalBytes(own.spki, spki)))
  let other: Kubeconfig | undefined
  const order: readonly KubeconfigId[] = ['admin.conf', 'super-admin.conf', ...KUBECONFIG_IDS]
  let isWarned = false
  for (const id of new Set(order)) {
    try {
      const file = await store.read(id)
      const text = file && decodeUtf8(file.bytes)
      if (text === undefined) continue
      const found = await parseKubeconfig(text, context, store.locate(id))
      if (found.server === '' || serverProblem(found.server) !== undefined) continue
      if (isOurs(found)) return found
      other ??= found
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      // All of them are root's, and whoever may read one may read the others.
      const isUnreadable = error.code === 'KPKI_FILE_UNREADABLE'
      if (!isUnreadable || !isWarned)
        context.log({ level: 'warning', message: `${error.message}: not asked where the API server is` })
      isWarned ||= isUnreadable
    }
  }
  return other
}

function likeThatOf(present: Kubeconfig | undefined, ca: ActualRow): KeyAlgorithm {
  const names = [present?.certificates[0], ca.certificates[0]].map(certificate => certificate?.publicKey.name ?? '')
  return (names.find(name => Object.hasOwn(KEY_ALGORITHMS, name)) as KeyAlgorithm | undefined) ?? 'RSA-2048'
}
