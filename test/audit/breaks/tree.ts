/** Trees that break one rule of pairs, roles, kubeconfigs, lifetimes or drift. */
import { formatKubeconfig, parseKubeconfig } from '../../../lib/access/kubeconfig.js'
import { formatPrivateKey, formatPublicKey } from '../../../lib/crypto/key-files.js'
import { generateKey } from '../../../lib/crypto/keys.js'
import { ROW_IDS, type RowId } from '../../../lib/kubernetes/rows.js'
import type { MemoryStore } from '../../../lib/tree/store.js'
import { formatCertificate, parseCertificates } from '../../../lib/x509/certificate.js'
import { type CertificateSpec, issueCertificate } from '../../../lib/x509/issue.js'
import { NOW } from '../../support/context.js'
import { vector } from '../../vectors/read.js'
import { certificateIn, context, keyIn, podManifest, put, read, reissue } from '../tree.js'
import type { Break } from './break.js'

const DAY = 86_400_000
const after = (days: number) => new Date(+NOW + days * DAY)
const remove =
  (...paths: readonly string[]): Break['spoil'] =>
  store =>
    paths.map(path => store.files.delete(path))
/** Text of a file, with something else in place of what matches. */
const replace =
  (path: string, from: string | RegExp, to: string): Break['spoil'] =>
  store => {
    const before = read(store, path)
    const changed = before.replace(from, to)
    if (changed === before) throw new Error(`${path} has no ${from}`)
    put(store, path, changed)
  }

type Leaf = Exclude<RowId, 'sa' | `${string}.conf`>
const reissued =
  (id: Leaf, changes: Partial<CertificateSpec>, ca = 'pki/ca', base = `pki/${id}`): Break['spoil'] =>
  store =>
    reissue(store, id, changes, { ca, base })

/** Issues the client certificate of a kubeconfig anew, with some things different. */
export async function reissueUser(store: MemoryStore, id: RowId, changes: Partial<CertificateSpec>): Promise<void> {
  const { certificates, key: _, ...rest } = await parseKubeconfig(read(store, id), context)
  const [old] = certificates
  if (!old) throw new Error(`${id} has no certificate`)
  const key = await generateKey('ECDSA-P256', context)
  const spec: CertificateSpec = {
    commonName: old.subject.commonName,
    organizations: old.subject.organizations,
    spki: key.spki,
    isCa: false,
    keyUsages: ['digitalSignature'],
    extKeyUsages: ['clientAuth'],
    notBefore: NOW,
    notAfter: after(365),
    ...changes,
  }
  const issuer = { certificate: certificateIn(store, 'pki/ca.crt'), key: await keyIn(store, 'pki/ca.key') }
  const certificate = await issueCertificate(spec, issuer, context)
  put(store, id, formatKubeconfig({ ...rest, certificate, key }))
}
const user =
  (id: RowId, changes: Partial<CertificateSpec>): Break['spoil'] =>
  store =>
    reissueUser(store, id, changes)

/** A CA with the key that it has and something else different; what it has signed stays. */
async function recertify(store: MemoryStore, base: string, changes: Partial<CertificateSpec>): Promise<void> {
  const old = certificateIn(store, `${base}.crt`)
  const key = await keyIn(store, `${base}.key`)
  const spec: CertificateSpec = {
    commonName: old.subject.commonName,
    spki: key.spki,
    isCa: true,
    keyUsages: ['digitalSignature', 'keyCertSign'],
    notBefore: old.notBefore,
    notAfter: old.notAfter,
    ...changes,
  }
  put(store, `${base}.crt`, formatCertificate(await issueCertificate(spec, { key }, context)))
}
const pod =
  (component: string, ...flags: readonly string[]): Break['spoil'] =>
  store =>
    put(store, `manifests/${component}.yaml`, podManifest(component, flags))
const both =
  (...spoils: readonly Break['spoil'][]): Break['spoil'] =>
  async store => {
    for (const spoil of spoils) await spoil(store)
  }
const leaves = ROW_IDS.filter(id => id !== 'sa' && !id.endsWith('ca'))

/** The kubelet's own client certificate, one file with both halves. */
async function kubeletClient(store: MemoryStore, changes: Partial<CertificateSpec> = {}): Promise<void> {
  const key = await generateKey('ECDSA-P256', context)
  const spec: CertificateSpec = {
    commonName: 'system:node:cp-1',
    organizations: ['system:nodes'],
    spki: key.spki,
    isCa: false,
    keyUsages: ['digitalSignature'],
    extKeyUsages: ['clientAuth'],
    notBefore: NOW,
    notAfter: after(365),
    ...changes,
  }
  const issuer = { certificate: certificateIn(store, 'pki/ca.crt'), key: await keyIn(store, 'pki/ca.key') }
  const certificate = await issueCertificate(spec, issuer, context)
  put(store, 'kubelet/pki/kubelet-client-current.pem', formatCertificate(certificate) + formatPrivateKey(key))
}

/** One and more for every rule of a tree. */
export const TREE_BREAKS: readonly Break[] = [
  { rule: 'key-missing', about: 'of a leaf', spoil: remove('pki/apiserver.key') },
  { rule: 'key-missing', about: 'of the service accounts', spoil: remove('pki/sa.key') },
  {
    rule: 'key-mismatch',
    about: 'of a leaf',
    spoil: store => put(store, 'pki/apiserver.key', read(store, 'pki/sa.key')),
  },
  {
    rule: 'key-mismatch',
    about: 'of a CA',
    spoil: store => put(store, 'pki/front-proxy-ca.key', read(store, 'pki/sa.key')),
  },
  {
    rule: 'missing-external',
    about: 'a certificate whose CA key is elsewhere',
    spoil: remove('pki/etcd/ca.key', 'pki/etcd/peer.crt'),
  },
  {
    rule: 'file-missing',
    about: 'a certificate whose key is there',
    spoil: remove('pki/apiserver.crt'),
  },
  { rule: 'file-missing', about: 'the public half of the service accounts', spoil: remove('pki/sa.pub') },
  {
    rule: 'file-missing',
    about: 'what a manifest names',
    spoil: both(
      remove('pki/apiserver-etcd-client.crt', 'pki/apiserver-etcd-client.key'),
      pod('kube-apiserver', '--etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt'),
    ),
  },
  {
    rule: 'file-missing',
    about: 'the key of a CA, with which a manifest has the controller manager sign',
    // kube-controller-manager v1.20.2 ends at once without it; kubeadm leaves the flag out where the key is elsewhere.
    spoil: both(
      remove('pki/ca.key'),
      pod('kube-controller-manager', '--cluster-signing-key-file=/etc/kubernetes/pki/ca.key'),
    ),
  },
  {
    rule: 'file-missing',
    about: 'what the description calls for',
    spoil: remove('scheduler.conf'),
    asked: { facts: { nodeName: 'cp-1' } },
  },
  {
    rule: 'public-key-mismatch',
    about: 'another key',
    spoil: async store => put(store, 'pki/sa.pub', formatPublicKey((await generateKey('ECDSA-P256', context)).spki)),
  },
  {
    rule: 'chain',
    about: 'signed by another CA of the tree',
    spoil: reissued('apiserver', {}, 'pki/etcd/ca'),
  },
  {
    rule: 'chain-order',
    about: 'the CA stands first',
    spoil: store => put(store, 'pki/apiserver.crt', read(store, 'pki/ca.crt') + read(store, 'pki/apiserver.crt')),
  },
  {
    rule: 'ca-shared',
    about: 'the front proxy has the CA of the cluster',
    spoil: async store => {
      for (const end of ['crt', 'key']) put(store, `pki/front-proxy-ca.${end}`, read(store, `pki/ca.${end}`))
      await reissue(store, 'front-proxy-client')
    },
  },
  {
    rule: 'not-a-ca',
    about: 'a CA that is none',
    spoil: store =>
      recertify(store, 'pki/front-proxy-ca', {
        isCa: false,
        keyUsages: ['digitalSignature'],
        extKeyUsages: ['clientAuth'],
      }),
  },
  {
    rule: 'common-name',
    about: 'of a component',
    spoil: user('scheduler.conf', { commonName: 'system:kube-shceduler' }),
  },
  {
    rule: 'common-name',
    about: 'a front proxy that the API server does not take for one',
    spoil: pod('kube-apiserver', '--requestheader-allowed-names=aggregator'),
  },
  {
    rule: 'common-name',
    about: 'a kubelet that is two nodes',
    spoil: store => kubeletClient(store, { commonName: 'system:node:cp-2' }),
  },
  {
    rule: 'node-differs',
    about: 'the kubelet of another host',
    spoil: user('kubelet.conf', { commonName: 'system:node:cp-9', organizations: ['system:nodes'] }),
  },
  {
    rule: 'groups-missing',
    about: 'a node that is in no group',
    spoil: user('kubelet.conf', { organizations: [] }),
  },
  {
    rule: 'groups-extra',
    about: 'a node that is in another group, too',
    spoil: user('kubelet.conf', { organizations: ['system:nodes', 'ops'] }),
  },
  {
    rule: 'superuser',
    about: 'an administrator that no authorizer can refuse',
    spoil: user('admin.conf', { organizations: ['system:masters'] }),
  },
  {
    rule: 'superuser',
    about: 'a scheduler, whatever the version',
    spoil: user('scheduler.conf', { organizations: ['system:masters'] }),
  },
  ...(['front-proxy-client', 'apiserver'] as const).map(
    (id): Break => ({
      rule: 'superuser',
      about: `${id}, which no kubeadm has made so, in a tree of before 1.29`,
      spoil: both(
        remove('super-admin.conf'),
        user('admin.conf', { organizations: ['system:masters'] }),
        reissued('apiserver-kubelet-client', { organizations: ['system:masters'] }),
        reissued(id, { organizations: ['system:masters'] }, id === 'apiserver' ? 'pki/ca' : 'pki/front-proxy-ca'),
      ),
      findings: [`superuser ${id}`, 'superuser-older apiserver-kubelet-client', 'superuser-older admin.conf'],
    }),
  ),
  {
    rule: 'superuser-older',
    about: 'an administrator of before 1.29',
    spoil: both(
      remove('super-admin.conf'),
      user('admin.conf', { organizations: ['system:masters'] }),
      reissued('apiserver-kubelet-client', { organizations: ['system:masters'] }),
    ),
    findings: ['superuser-older apiserver-kubelet-client', 'superuser-older admin.conf'],
  },
  {
    rule: 'names-missing',
    about: 'a server that a kubeconfig goes to',
    spoil: replace('scheduler.conf', '10.0.0.10:6443', '10.0.0.11:6443'),
    findings: ['names-missing apiserver'],
  },
  {
    rule: 'names-missing',
    about: 'the address of the service, which a manifest tells',
    spoil: pod('kube-apiserver', '--service-cluster-ip-range=10.97.0.0/16'),
  },
  {
    rule: 'names-missing',
    about: 'what the API server calls etcd by',
    spoil: pod('kube-apiserver', '--etcd-servers=https://etcd.example.org:2379'),
  },
  {
    rule: 'names-missing',
    about: 'a name that is stated',
    spoil: () => {},
    asked: { facts: { controlPlaneEndpoint: 'new.example.org:6443' } },
    findings: ['names-missing apiserver', 'server admin.conf', 'server super-admin.conf'],
  },
  {
    rule: 'usage-missing',
    about: 'a server that is made for clients',
    spoil: reissued('apiserver', { extKeyUsages: ['clientAuth'] }),
    findings: ['usage-missing apiserver', 'usages-extra apiserver'],
  },
  {
    rule: 'usage-missing',
    about: 'a peer that is made for servers alone',
    spoil: reissued('etcd-peer', { extKeyUsages: ['serverAuth'] }, 'pki/etcd/ca', 'pki/etcd/peer'),
  },
  {
    rule: 'wider',
    about: 'a leaf that is a CA',
    spoil: reissued('apiserver', { isCa: true, keyUsages: ['digitalSignature', 'keyCertSign'] }),
  },
  {
    rule: 'usages-extra',
    about: 'a client that is a server',
    spoil: reissued('apiserver-kubelet-client', { extKeyUsages: ['serverAuth', 'clientAuth'] }),
  },
  {
    rule: 'ca-data',
    about: 'another CA',
    spoil: async store => {
      const { certificates, key, ...rest } = await parseKubeconfig(read(store, 'admin.conf'), context)
      const [certificate] = certificates
      if (!certificate || !key) throw new Error('admin.conf has no certificate')
      const caCertificates = [certificateIn(store, 'pki/etcd/ca.crt')]
      put(store, 'admin.conf', formatKubeconfig({ ...rest, certificate, key, caCertificates }))
    },
  },
  {
    rule: 'ca-data-partial',
    about: 'a CA was added to the bundle',
    spoil: store => put(store, 'pki/ca.crt', read(store, 'pki/ca.crt') + read(store, 'pki/etcd/ca.crt')),
    findings: ['ca-shared etcd-ca', ...ROW_IDS.filter(id => id.endsWith('.conf')).map(id => `ca-data-partial ${id}`)],
  },
  {
    rule: 'kubeconfig-extra',
    about: 'a proxy',
    spoil: replace('admin.conf', '    server:', '    proxy-url: http://10.0.0.1\n    server:'),
  },
  {
    rule: 'entry-missing',
    about: 'a context of a kubeconfig of the tree that nobody has chosen',
    spoil: replace('admin.conf', 'contexts:\n', 'contexts:\n- context: {cluster: a, user: a}\n  name: other\n'),
  },
  {
    rule: 'current-context',
    about: 'another cluster was merged into it and chosen',
    spoil: store => {
      const ca = Buffer.from(read(store, 'pki/etcd/ca.crt')).toString('base64')
      const other = read(store, 'admin.conf')
        .replace(
          'clusters:\n',
          `$&- cluster: {server: 'https://other.example:6443', certificate-authority-data: ${ca}}\n  name: other\n`,
        )
        .replace('contexts:\n', '$&- context: {cluster: other, user: other}\n  name: other\n')
        .replace('users:\n', '$&- name: other\n  user: {token: theirs}\n')
        .replace(/current-context: .*/, 'current-context: other')
      put(store, 'admin.conf', other)
    },
  },
  {
    rule: 'insecure',
    about: 'nobody is verified',
    spoil: replace('admin.conf', /certificate-authority-data: .*/, 'insecure-skip-tls-verify: true'),
  },
  {
    rule: 'no-credentials',
    about: 'no key',
    spoil: replace('admin.conf', / *client-key-data: .*\n/, ''),
  },
  {
    rule: 'no-credentials',
    about: 'neither key nor certificate',
    spoil: replace('admin.conf', / *client-(key|certificate)-data: .*\n *client-(key|certificate)-data: .*\n/, ''),
  },
  {
    rule: 'expired',
    about: 'the leaves, after a year and a second',
    spoil: () => {},
    now: '2027-06-01T12:00:01Z',
    findings: leaves.map(id => `expired ${id}`),
  },
  {
    rule: 'not-yet-valid',
    about: 'a certificate of tomorrow',
    spoil: reissued('apiserver', { notBefore: after(1), notAfter: after(366) }),
  },
  {
    rule: 'ends-soon',
    about: 'of a year, in ten days',
    spoil: reissued('apiserver', { notBefore: after(-355), notAfter: after(10) }),
  },
  {
    rule: 'outlives-ca',
    about: 'by two days',
    spoil: async store => {
      const { notAfter } = certificateIn(store, 'pki/ca.crt')
      await reissue(store, 'apiserver', {
        notBefore: new Date(+notAfter - 300 * DAY),
        notAfter: new Date(+notAfter + 2 * DAY),
      })
    },
    findings: ['outlives-ca apiserver', 'not-yet-valid apiserver'],
  },
  {
    rule: 'ca-ends-early',
    about: 'in half a year',
    spoil: store => recertify(store, 'pki/front-proxy-ca', { notBefore: after(-3000), notAfter: after(180) }),
    findings: ['ca-ends-early front-proxy-ca', 'outlives-ca front-proxy-client'],
  },
  {
    rule: 'long-life',
    about: 'of nine years',
    spoil: reissued('apiserver', { notAfter: after(3300) }),
  },
  {
    rule: 'server',
    about: 'another endpoint than the description has',
    spoil: replace('admin.conf', 'api.example.org:6443', 'cp-1:6443'),
    asked: { facts: { controlPlaneEndpoint: 'api.example.org:6443' } },
  },
  {
    rule: 'key-algorithm',
    about: 'of one certificate',
    spoil: async store => reissue(store, 'apiserver', {}, { key: await generateKey('ECDSA-P384', context) }),
    asked: { facts: { encryptionAlgorithm: 'ECDSA-P256' } },
  },
  {
    rule: 'names-extra',
    about: 'a name that is not listed',
    spoil: async store => {
      const { dnsNames } = certificateIn(store, 'pki/apiserver.crt')
      await reissue(store, 'apiserver', { dnsNames: [...dnsNames, 'old.example.org'] })
    },
    asked: { facts: { apiServerCertSans: [] } },
  },
  {
    rule: 'validity',
    about: 'two years in place of one',
    spoil: reissued('apiserver', { notAfter: after(730) }),
    asked: { facts: { certificateValidityPeriod: '8760h' } },
  },
  {
    rule: 'ca-drift',
    about: 'a CA of five years',
    spoil: () => {},
    asked: { facts: { caCertificateValidityPeriod: '43800h' } },
    findings: ['ca', 'front-proxy-ca', 'etcd-ca'].map(id => `ca-drift ${id}`),
  },
]

/** Trees with something unusual in them, of which nothing is to be said. */
export const QUIET: readonly Break[] = [
  { about: 'another CA in the bundle', spoil: (store: MemoryStore) => trustAll(store, vector('x509/root.crt')) },
  { about: 'the CA key is elsewhere', spoil: remove('pki/ca.key', 'pki/front-proxy-ca.key', 'pki/etcd/ca.key') },
  { about: 'super-admin.conf was taken away', spoil: remove('super-admin.conf') },
  {
    about: 'super-admin.conf was taken away, and the description does not know',
    spoil: remove('super-admin.conf'),
    asked: { facts: { nodeName: 'cp-1', kubernetesVersion: 'v1.36.0' } },
  },
  { about: 'the kubelet has a certificate of its own', spoil: (store: MemoryStore) => kubeletClient(store) },
  {
    about: 'an administrator of a team',
    spoil: user('admin.conf', { commonName: 'alice', organizations: ['kubeadm:cluster-admins', 'team-a'] }),
  },
  {
    about: "the Hard Way's groups",
    spoil: both(
      user('controller-manager.conf', { organizations: ['system:kube-controller-manager'] }),
      user('scheduler.conf', { organizations: ['system:kube-scheduler'] }),
    ),
  },
  { about: 'more names', spoil: withNames('more.example.org', '*.example.org') },
  {
    about: 'a name that a wildcard covers',
    spoil: withNames('*.example.org'),
    asked: { facts: { controlPlaneEndpoint: 'api.example.org:6443' } },
  },
  { about: 'a key that a group reads', spoil: (store: MemoryStore) => chmod(store, 'pki/apiserver.key', 0o640) },
  {
    about: 'etcd is elsewhere',
    spoil: (store: MemoryStore) =>
      [...store.files.keys()].filter(path => path.includes('etcd')).map(path => store.files.delete(path)),
  },
  {
    about: 'no kubeconfigs',
    spoil: (store: MemoryStore) =>
      [...store.files.keys()].filter(path => path.endsWith('.conf')).map(path => store.files.delete(path)),
    asked: { facts: { nodeName: 'cp-1' } },
  },
  {
    about: 'a worker',
    spoil: (store: MemoryStore) =>
      [...store.files.keys()]
        .filter(path => path !== 'pki/ca.crt' && path !== 'kubelet.conf')
        .map(path => store.files.delete(path)),
  },
].map(each => ({ rule: 'chain', findings: [], ...each }))

function withNames(...names: readonly string[]): Break['spoil'] {
  return store => {
    const { dnsNames } = certificateIn(store, 'pki/apiserver.crt')
    return reissue(store, 'apiserver', { dnsNames: [...dnsNames, ...names] })
  }
}

function chmod(store: MemoryStore, path: string, mode: number): void {
  const file = store.files.get(path)
  if (!file) throw new Error(`no file ${path}`)
  store.files.set(path, { ...file, mode })
}

/** Adds a CA to the bundle, and to every kubeconfig. */
async function trustAll(store: MemoryStore, pem: string): Promise<void> {
  put(store, 'pki/ca.crt', read(store, 'pki/ca.crt') + pem)
  for (const id of ROW_IDS.filter(row => row.endsWith('.conf'))) {
    const { certificates, key, ...rest } = await parseKubeconfig(read(store, id), context)
    const [certificate] = certificates
    if (!certificate || !key) throw new Error(`${id} has no certificate`)
    const caCertificates = [...rest.caCertificates, ...parseCertificates(pem)]
    put(store, id, formatKubeconfig({ ...rest, certificate, key, caCertificates }))
  }
}
