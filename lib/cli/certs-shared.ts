import {
  type Certificate,
  type CertificateKey,
  type ClusterApi,
  type ClusterConnection,
  type Configuration,
  type Context,
  KpkiError,
  parseCertificateKey,
  parseCertificates,
  parseDescription,
  type SharedFilesOptions,
  verifyClusterCa,
} from '../index.js'
import { DiskStore } from '../node.js'
import type { Invocation } from './command.js'
import { type FlagValues, text } from './flags.js'
import { readInput, readSecret } from './input.js'
import type { Io } from './io.js'

/** Where a tree is whose directory is not named. */
export const DEFAULT_DIR = '/etc/kubernetes'

/** The tree that the command line names. */
export function openTree(flags: FlagValues): DiskStore {
  const [certDir, kubeconfigDir] = [text(flags, 'cert-dir'), text(flags, 'kubeconfig-dir')]
  return new DiskStore(text(flags, 'dir') ?? DEFAULT_DIR, {
    ...(certDir === undefined ? {} : { certDir }),
    ...(kubeconfigDir === undefined ? {} : { kubeconfigDir }),
  })
}

/** What a configuration says about shared files. */
export interface SharedDescription extends SharedFilesOptions {
  /** Certificate key of an InitConfiguration or JoinConfiguration. */
  readonly certificateKey?: string | undefined
}

/** Reads `--config` for where etcd is and where its files are; nothing of the host is looked at. */
export async function readSharedDescription(
  { flags }: Invocation,
  io: Io,
  context: Context,
): Promise<SharedDescription | undefined> {
  const config = text(flags, 'config')
  return config === undefined ? undefined : describe(await readInput(config, io, true), context)
}

/**
 * What the cluster keeps of its own configuration, in kubeadm's ConfigMap.
 *
 * @returns `undefined` when kubeadm did not make the cluster, or we may not read it
 */
export async function fetchSharedDescription(
  api: ClusterApi,
  context: Context,
): Promise<SharedDescription | undefined> {
  const name = { kind: 'ConfigMap', namespace: 'kube-system', name: 'kubeadm-config' } as const
  const map = await api.get(name).catch(error => {
    if (error instanceof KpkiError && error.code === 'KPKI_API_FORBIDDEN') return undefined
    throw error
  })
  const data = map?.['data']
  const configuration =
    typeof data === 'object' && data !== null && 'ClusterConfiguration' in data
      ? data['ClusterConfiguration']
      : undefined
  if (typeof configuration !== 'string') return undefined
  return describe({ text: configuration, name: 'ConfigMap kube-system/kubeadm-config' }, context)
}

async function describe(file: { readonly text: string; readonly name: string }, context: Context) {
  // Names and addresses of a host have nothing to do with it; without any the description would not be complete.
  const host = { hostname: 'localhost', defaultAddress: { address: '127.0.0.1', interface: 'lo' } }
  const { cluster, configuration } = await parseDescription({ file, host }, { ...context, log: () => {} })
  const { externalEtcd, certificatesDir } = cluster
  return { externalEtcd, certificatesDir, certificateKey: keyOf(configuration) }
}

function keyOf({ InitConfiguration: init, JoinConfiguration: join }: Configuration): string | undefined {
  return init?.certificateKey || join?.controlPlane?.certificateKey || undefined
}

/**
 * Makes sure that CAs are those of the cluster that the command line names, as far as its kubeconfig knows it by a CA: the
 * kubeconfig of another cluster is named by mistake easily, and what one has of the other cannot be told from its own later.
 *
 * @throws {@link VerifyError} `KPKI_CERTS_MISMATCH` unless `--allow-other-ca`
 */
export async function verifySameCluster(
  caCertificates: readonly Certificate[],
  { caPem }: ClusterConnection,
  flags: FlagValues,
  context: Context,
): Promise<void> {
  if (flags['allow-other-ca'] === true || caPem === undefined) return
  await verifyClusterCa(caCertificates, parseCertificates(caPem, 'certificate-authority of the kubeconfig'), context)
}

/** The key that the command line or the configuration names; `undefined` when neither does. */
export async function readCertificateKey(
  invocation: Invocation,
  io: Io,
  description: SharedDescription | undefined,
): Promise<CertificateKey | undefined> {
  const { flags } = invocation
  const given = await readSecret(invocation, 'certificate-key', io)
  const file = text(flags, 'certificate-key-file')
  if (given !== undefined)
    return parseCertificateKey(given, file === undefined ? '--certificate-key' : file === '-' ? 'standard input' : file)
  const configured = description?.certificateKey
  return configured === undefined ? undefined : parseCertificateKey(configured, 'certificateKey of the configuration')
}
