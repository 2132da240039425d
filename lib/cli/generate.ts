import {
  CERTIFICATE_IDS,
  type Certificate,
  type Cluster,
  caPin,
  type Finding,
  type GenerateResult,
  generateTree,
  KUBECONFIG_IDS,
  placeOf,
  type Role,
  type RowId,
  type RowResult,
  rowsOf,
  UsageError,
  type WantedCertificate,
} from '../index.js'
import { DiskStore } from '../node.js'
import type { Invocation, Run } from './command.js'
import { describeCluster, listeningContext } from './description.js'
import { text } from './flags.js'
import { wantsColour } from './io.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { formatGenerated } from './summary.js'

const DEFAULT_DIR = '/etc/kubernetes'

/** `kpki gen …`: makes what is missing. */
export const runGenerate: Run = async (invocation, io) => {
  const { flags } = invocation
  const { context, warnings, notes } = listeningContext(invocation, io)
  const { cluster, role: describedRole } = await describeCluster(invocation, io, context)
  const from = text(flags, 'ca-from')
  const role = (text(flags, 'role') ??
    (from === undefined ? (describedRole ?? 'init') : (describedRole ?? 'control-plane'))) as Role
  if (role === 'worker' && !cluster.controlPlaneEndpoint) {
    throw new UsageError('KPKI_USAGE', 'a worker has no API server of its own and needs to know where to go', {
      hint: "name the control planes' address: --control-plane-endpoint HOST[:PORT]",
    })
  }
  const dir = text(flags, 'dir') ?? DEFAULT_DIR
  const store = new DiskStore(dir, {
    ...(text(flags, 'cert-dir') === undefined ? {} : { certDir: text(flags, 'cert-dir') ?? '' }),
    ...(text(flags, 'kubeconfig-dir') === undefined ? {} : { kubeconfigDir: text(flags, 'kubeconfig-dir') ?? '' }),
  })
  const isDryRun = flags['dry-run'] === true
  const result = await generateTree(wantedRows(invocation, rowsOf(cluster, role), cluster), cluster, store, context, {
    role,
    dryRun: isDryRun,
    ledger: flags['no-ledger'] !== true,
    signal: io.signal,
    ...(from === undefined ? {} : { source: await openSource(from) }),
  })
  const ca = result.rows.find(({ id }) => id === 'ca')?.certificate
  const pin = ca && (await caPin(ca, context))
  const isBlocked = result.plan.findings.some(({ severity }) => severity === 'error')
  const output = text(flags, 'output')
  if (isStructured(output)) {
    io.stdout(formatStructured({ ...toStructured(result, store, isDryRun, pin), warnings, notes }, output))
  } else if (flags['quiet'] !== true) {
    const colour = wantsColour(io.stdoutIsTerminal, io)
    const { columns } = io
    io.stdout(
      formatGenerated(result, {
        store,
        dir: text(flags, 'kubeconfig-dir') === undefined ? dir : undefined,
        isDryRun,
        pin,
        columns,
        colour,
      }),
    )
  }
  return isBlocked ? 1 : 0
}

function wantedRows({ path, args }: Invocation, all: readonly RowId[], cluster: Cluster): readonly RowId[] {
  const name = path.slice('gen '.length)
  if (name === 'all') return all
  const [file] = args
  const wanted = name !== 'kubeconfig' ? [name as RowId] : file === undefined ? KUBECONFIG_IDS : [file as RowId]
  const found = wanted.filter(id => all.includes(id))
  if (found.length > 0) return found
  const reason =
    cluster.externalEtcd && name.includes('etcd')
      ? 'etcd is external'
      : `Kubernetes ${cluster.kubernetesVersion.text} and this role have none`
  throw new UsageError('KPKI_USAGE', `${path}: there is nothing to make, ${reason}`, {
    hint: 'see what there is: kpki gen all --dry-run',
  })
}

/** A tree, or the `pki` directory of one: whichever holds `ca.crt`. */
async function openSource(dir: string): Promise<DiskStore> {
  const tree = new DiskStore(dir)
  if (await tree.read('pki/ca.crt')) return tree
  const pki = new DiskStore(dir, { certDir: dir })
  if (await pki.read('pki/ca.crt')) return pki
  throw new UsageError('KPKI_USAGE', `--ca-from ${dir}: neither pki/ca.crt nor ca.crt is in it`, {
    hint: "name a copy of the first control plane's /etc/kubernetes, or of its pki directory",
  })
}

function toStructured({ rows, plan }: GenerateResult, store: DiskStore, isDryRun: boolean, pin: string | undefined) {
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'GenerateResult',
    dryRun: isDryRun,
    ...(pin === undefined ? {} : { caPin: pin }),
    items: rows.map(row => ({
      name: row.id,
      action: row.action,
      written: row.written.map(path => store.locate(path)),
      ...(row.server === undefined ? {} : { server: row.server }),
      ...(row.wanted && !row.certificate ? { wanted: wantedFacts(row.wanted) } : {}),
      ...(row.certificate ? { certificate: certificateFacts(row) } : {}),
    })),
    findings: plan.findings.map((finding: Finding) => {
      const { place: _, ...rest } = finding
      return { ...rest, path: placeOf(finding, store) }
    }),
  }
}

function wantedFacts({
  profile,
  commonName,
  organizations,
  dnsNames,
  ipAddresses,
  validitySeconds,
}: WantedCertificate) {
  const { isCa, extKeyUsages } = profile
  return { isCA: isCa, subject: { commonName, organizations }, dnsNames, ipAddresses, extKeyUsages, validitySeconds }
}

function certificateFacts({ certificate, id }: RowResult) {
  const { subject, issuer, serialNumber, notBefore, notAfter, dnsNames, ipAddresses, publicKey, extKeyUsages, isCa } =
    certificate as Certificate
  return {
    isCA: isCa,
    subject: { commonName: subject.commonName, organizations: subject.organizations },
    issuer: issuer.commonName,
    serialNumber,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    dnsNames,
    ipAddresses,
    extKeyUsages: extKeyUsages ?? [],
    keyAlgorithm: publicKey.name,
    embedded: !CERTIFICATE_IDS.some(name => name === id),
  }
}
