/** A whole tree of P-256 keys, made once, and what is needed to spoil it. */

import { type PlanOptions, planTree, type TreePlan } from '../../lib/audit/plan.js'
import { formatPrivateKey, parsePrivateKey } from '../../lib/crypto/key-files.js'
import { generateKey, type PrivateKey } from '../../lib/crypto/keys.js'
import { keyUsages, rowsOf, wantedCertificate } from '../../lib/kubernetes/catalogue.js'
import { type Cluster, type ClusterFacts, parseCluster } from '../../lib/kubernetes/cluster.js'
import type { RowId } from '../../lib/kubernetes/rows.js'
import type { Store } from '../../lib/tree/store.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { generateTree } from '../../lib/workflow/generate.js'
import { type Certificate, formatCertificate, parseCertificates } from '../../lib/x509/certificate.js'
import { type CertificateSpec, issueCertificate } from '../../lib/x509/issue.js'
import { NOW, testContext } from '../support/context.js'

export const context = testContext()

/** One control plane with an endpoint, ECDSA. */
export function describe(facts: Partial<ClusterFacts> = {}): Cluster {
  return parseCluster(
    {
      nodeName: 'cp-1',
      advertiseAddress: '10.0.0.10',
      controlPlaneEndpoint: 'api.example.org:6443',
      kubernetesVersion: 'v1.36.0',
      encryptionAlgorithm: 'ECDSA-P256',
      ...facts,
    },
    context,
  )
}

/** A copy of a store, files, bytes, modes and all. */
export function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore()
  for (const [path, { bytes, mode }] of store.files) copy.files.set(path, { bytes: new Uint8Array(bytes), mode })
  return copy
}

/** Everything in a store as text, for comparison. */
export function snapshot(store: MemoryStore): Record<string, string> {
  return Object.fromEntries(
    [...store.files].map(([path, { bytes, mode }]) => [
      path,
      `${mode.toString(8)}\n${new TextDecoder().decode(bytes)}`,
    ]),
  )
}

const made = new MemoryStore()
await generateTree(rowsOf(describe(), 'init'), describe(), made, context)

/** A tree that is as it should be, for the caller to spoil. */
export const wellTree = (): MemoryStore => copyOf(made)

export function read(store: MemoryStore, path: string): string {
  const file = store.files.get(path)
  if (!file) throw new Error(`no file ${path}`)
  return new TextDecoder().decode(file.bytes)
}

/** Writes over a file, keeping its mode. */
export function put(store: MemoryStore, path: string, text: string): void {
  store.files.set(path, { bytes: new TextEncoder().encode(text), mode: store.files.get(path)?.mode ?? 0o600 })
}

export const certificateIn = (store: MemoryStore, path: string): Certificate => parseCertificates(read(store, path))[0]
export const keyIn = (store: MemoryStore, path: string): Promise<PrivateKey> =>
  parsePrivateKey(read(store, path), context)

/** Issues the certificate of a row anew, with some things different, and puts it (and its key) into its place. */
export async function reissue(
  store: MemoryStore,
  id: Exclude<RowId, 'sa' | `${string}.conf`>,
  changes: Partial<CertificateSpec> = {},
  { ca = 'pki/ca', base = `pki/${id}`, key }: { ca?: string; base?: string; key?: PrivateKey } = {},
): Promise<Certificate> {
  const own = key ?? (await generateKey('ECDSA-P256', context))
  const wanted = wantedCertificate(id, describe())
  const spec: CertificateSpec = {
    commonName: wanted.commonName,
    organizations: wanted.organizations,
    spki: own.spki,
    isCa: wanted.profile.isCa,
    keyUsages: keyUsages(wanted.profile, own.type),
    extKeyUsages: wanted.profile.extKeyUsages,
    dnsNames: wanted.dnsNames,
    ipAddresses: wanted.ipAddresses,
    notBefore: NOW,
    notAfter: new Date(NOW.getTime() + 1000 * wanted.validitySeconds),
    ...changes,
  }
  const issuer = wanted.profile.isCa
    ? { key: own }
    : { certificate: certificateIn(store, `${ca}.crt`), key: await keyIn(store, `${ca}.key`) }
  const certificate = await issueCertificate(spec, issuer, context)
  put(store, `${base}.crt`, formatCertificate(certificate))
  put(store, `${base}.key`, formatPrivateKey(own))
  return certificate
}

export function plan(
  store: Store,
  facts: Partial<ClusterFacts> = {},
  options: PlanOptions & { now?: string; rows?: readonly RowId[] } = {},
): Promise<TreePlan> {
  const cluster = describe(facts)
  const { now, rows = rowsOf(cluster, options.role ?? 'init'), ...rest } = options
  return planTree(rows, cluster, store, now === undefined ? context : testContext({ clock: () => new Date(now) }), rest)
}

/** Findings as `row code`, in order. */
export const codes = ({ findings }: TreePlan): string[] => findings.map(({ row, code }) => `${row} ${code}`)

/** The manifest of a static Pod as kubeadm writes it, as far as it is read. */
export const podManifest = (component: string, flags: readonly string[]): string =>
  [
    'apiVersion: v1',
    'kind: Pod',
    `metadata: {name: ${component}, namespace: kube-system}`,
    'spec:',
    '  containers:',
    `  - name: ${component}`,
    `    image: registry.k8s.io/${component}:v1.36.0`,
    '    command:',
    ...[component, ...flags].map(word => `    - ${word}`),
    '  volumes:',
    '  - {name: pki, hostPath: {path: /etc/kubernetes/pki}}',
    '',
  ].join('\n')
