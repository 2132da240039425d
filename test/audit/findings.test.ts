import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatKubeconfig, parseKubeconfig } from '../../lib/access/kubeconfig.js'
import type { PlanOptions } from '../../lib/audit/plan.js'
import { RULES, type RuleId } from '../../lib/audit/rules.js'
import { formatPrivateKey, formatPublicKey, parsePrivateKey } from '../../lib/crypto/key-files.js'
import { generateKey } from '../../lib/crypto/keys.js'
import type { ClusterFacts } from '../../lib/kubernetes/cluster.js'
import { issuerOf, ROW_IDS } from '../../lib/kubernetes/rows.js'
import type { MemoryStore, Store } from '../../lib/tree/store.js'
import { parseCertificates } from '../../lib/x509/certificate.js'
import { NOW } from '../support/context.js'
import { vector } from '../vectors/read.js'
import { certificateIn, codes, context, keyIn, plan, put, read, reissue, wellTree } from './tree.js'

test('a well tree has no findings, and nothing to do', async () => {
  const { rows, findings } = await plan(wellTree())
  assert.equal(findings, [])
  for (const row of rows) assert.equal([row.id, row.action, row.writes], [row.id, 'reuse', []])
})

type Spoil = (store: MemoryStore) => unknown
interface Case {
  readonly about: string
  readonly spoil: Spoil
  /** All findings, as `row code`. */
  readonly findings: readonly string[]
  readonly facts?: Partial<ClusterFacts>
  readonly options?: PlanOptions & { now?: string }
  /** Another store in place of the tree. */
  readonly wrap?: (store: MemoryStore) => Store
}
const nothing = () => {}
const year = (count: number) => new Date(NOW.getTime() + count * 365 * 86_400_000)

/** Writes admin.conf anew with some things different. */
async function changeAdmin(
  store: MemoryStore,
  changes: Partial<Parameters<typeof formatKubeconfig>[0]>,
): Promise<void> {
  const { certificates, key, ...rest } = await parseKubeconfig(read(store, 'admin.conf'), context)
  const [certificate] = certificates
  if (!certificate || !key) throw new Error('admin.conf has no certificate')
  put(store, 'admin.conf', formatKubeconfig({ ...rest, certificate, key, ...changes }))
}
const drop =
  (field: string): Spoil =>
  store =>
    put(store, 'admin.conf', read(store, 'admin.conf').replace(new RegExp(`^ *${field}: .*\n`, 'm'), ''))
const other = wellTree()
await reissue(other, 'ca')

const otherProxy = wellTree()
await reissue(otherProxy, 'front-proxy-ca')

/** What `gen` finds; every rule of a check is in rules.test.ts. */
const CASES: Partial<Record<RuleId, readonly Case[]>> = {
  unreadable: [
    {
      about: 'a certificate that is none',
      spoil: store => put(store, 'pki/apiserver.crt', 'x'),
      findings: ['apiserver unreadable'],
    },
    { about: 'an empty key', spoil: store => put(store, 'pki/apiserver.key', ''), findings: ['apiserver unreadable'] },
    {
      about: 'a key that is cut off',
      spoil: store => put(store, 'pki/etcd/peer.key', read(store, 'pki/etcd/peer.key').slice(0, 90)),
      findings: ['etcd-peer unreadable'],
    },
    {
      about: 'a kubeconfig that is none',
      spoil: store => put(store, 'admin.conf', 'a: ['),
      findings: ['admin.conf unreadable'],
    },
    {
      about: 'octets that are no text',
      spoil: store => store.files.set('pki/sa.pub', { bytes: new Uint8Array([0xff]), mode: 0o644 }),
      findings: ['sa unreadable'],
    },
    {
      about: 'sa.pub that is a private key',
      spoil: store => put(store, 'pki/sa.pub', read(store, 'pki/sa.key')),
      findings: ['sa secret-exposed', 'sa unreadable'],
    },
    {
      about: 'a CA key that is encrypted',
      spoil: store => put(store, 'pki/ca.key', vector('keys/encrypted.sec1.pem')),
      findings: ['ca unreadable'],
    },
    {
      about: 'a CA certificate that is a key',
      spoil: store => put(store, 'pki/ca.crt', read(store, 'pki/ca.key')),
      findings: ['ca secret-exposed', 'ca unreadable'],
    },
  ],
  'key-missing': [
    {
      about: 'of a leaf',
      spoil: store => store.files.delete('pki/apiserver.key'),
      findings: ['apiserver key-missing'],
    },
    {
      about: 'of the service accounts',
      spoil: store => store.files.delete('pki/sa.key'),
      findings: ['sa key-missing'],
    },
  ],
  'key-mismatch': [
    {
      about: 'of a leaf',
      spoil: store => put(store, 'pki/apiserver.key', read(store, 'pki/sa.key')),
      findings: ['apiserver key-mismatch'],
    },
    {
      about: 'of a CA',
      spoil: store => put(store, 'pki/front-proxy-ca.key', read(store, 'pki/sa.key')),
      findings: ['front-proxy-ca key-mismatch'],
    },
    {
      about: 'of a kubeconfig',
      spoil: async store => changeAdmin(store, { key: await keyIn(store, 'pki/sa.key') }),
      findings: ['admin.conf key-mismatch'],
    },
  ],
  'key-weak': [
    {
      about: 'a key that waits for its certificate',
      spoil: store => {
        store.files.delete('pki/apiserver.crt')
        put(store, 'pki/apiserver.key', vector('keys/rsa-1024.pkcs1.pem'))
      },
      findings: ['apiserver key-algorithm', 'apiserver key-weak'],
    },
    {
      about: 'RSA-1024',
      spoil: async store =>
        reissue(store, 'apiserver', {}, { key: await parsePrivateKey(vector('keys/rsa-1024.pkcs1.pem'), context) }),
      findings: ['apiserver key-weak', 'apiserver key-algorithm'],
    },
  ],
  'key-algorithm': [
    {
      about: 'RSA was asked for',
      spoil: nothing,
      facts: { encryptionAlgorithm: 'RSA-2048' },
      findings: ROW_IDS.filter(id => id !== 'sa').map(id => `${id} key-algorithm`),
    },
    {
      about: 'P-384 among P-256',
      spoil: async store => reissue(store, 'apiserver', {}, { key: await generateKey('ECDSA-P384', context) }),
      findings: ['apiserver key-algorithm'],
    },
  ],
  'missing-external': [
    {
      about: 'a leaf whose CA key is elsewhere',
      spoil: store => ['pki/ca.key', 'pki/apiserver.crt', 'pki/apiserver.key'].map(path => store.files.delete(path)),
      findings: ['apiserver missing-external', 'apiserver missing-external'],
    },
    {
      about: 'a leaf with its key, whose CA key is elsewhere',
      spoil: store => ['pki/etcd/ca.key', 'pki/etcd/peer.crt'].map(path => store.files.delete(path)),
      findings: ['etcd-peer missing-external'],
    },
    {
      about: 'a kubeconfig',
      spoil: store => ['pki/ca.key', 'scheduler.conf'].map(path => store.files.delete(path)),
      findings: ['scheduler.conf missing-external'],
    },
    {
      about: 'the service-account keys',
      spoil: store => ['pki/ca.key', 'pki/sa.key', 'pki/sa.pub'].map(path => store.files.delete(path)),
      findings: ['sa missing-external'],
    },
  ],
  'ca-restricted': [
    {
      about: 'made for servers, where it signs a client',
      spoil: async store =>
        void (await reissue(
          store,
          'front-proxy-ca',
          { extKeyUsages: ['serverAuth'] },
          { key: await keyIn(store, 'pki/front-proxy-ca.key') },
        )),
      findings: ['front-proxy-ca ca-restricted'],
    },
    {
      about: 'a critical extension that nobody knows',
      spoil: store => {
        put(store, 'pki/front-proxy-ca.crt', vector('x509/inter-critical.crt'))
        store.files.delete('pki/front-proxy-ca.key')
      },
      findings: ['front-proxy-ca ca-restricted'],
    },
    {
      about: 'name constraints',
      spoil: store => {
        put(store, 'pki/front-proxy-ca.crt', vector('x509/inter-names.crt'))
        store.files.delete('pki/front-proxy-ca.key')
      },
      findings: ['front-proxy-ca ca-restricted'],
    },
  ],
  'ca-profile': [
    {
      about: 'no key usage',
      spoil: store => {
        put(store, 'pki/front-proxy-ca.crt', vector('x509/no-usage.crt'))
        store.files.delete('pki/front-proxy-ca.key')
      },
      findings: ['front-proxy-ca ca-profile', 'front-proxy-client chain'],
    },
  ],
  'not-a-ca': [
    {
      about: 'a leaf in its place',
      spoil: async store => {
        const key = await keyIn(store, 'pki/front-proxy-ca.key')
        await reissue(
          store,
          'front-proxy-ca',
          { isCa: false, keyUsages: ['digitalSignature'], extKeyUsages: ['clientAuth'] },
          { key },
        )
      },
      findings: ['front-proxy-ca not-a-ca'],
    },
    {
      about: 'a CA without keyCertSign',
      spoil: async store =>
        reissue(
          store,
          'front-proxy-ca',
          { keyUsages: ['digitalSignature', 'cRLSign'] },
          { key: await keyIn(store, 'pki/front-proxy-ca.key') },
        ),
      findings: ['front-proxy-ca not-a-ca'],
    },
  ],
  'not-yet-valid': [
    {
      about: 'all of it',
      spoil: nothing,
      options: { now: '2026-06-01T11:54:59Z' },
      findings: ROW_IDS.filter(id => id !== 'sa').map(id => `${id} not-yet-valid`),
    },
  ],
  expired: [
    {
      about: 'the leaves, after a year and a second',
      spoil: nothing,
      options: { now: '2027-06-01T12:00:01Z' },
      findings: ROW_IDS.filter(id => id !== 'sa' && !id.endsWith('ca')).map(id => `${id} expired`),
    },
    { about: 'none of it in the last second', spoil: nothing, options: { now: '2027-06-01T12:00:00Z' }, findings: [] },
  ],
  chain: [
    {
      about: 'signed by another CA of the same name',
      spoil: store =>
        ['crt', 'key'].map(end => put(store, `pki/apiserver.${end}`, read(signedByOther, `pki/apiserver.${end}`))),
      findings: ['apiserver chain'],
    },
    {
      about: 'signed by another CA of the tree',
      spoil: store => reissue(store, 'apiserver', {}, { ca: 'pki/etcd/ca' }),
      findings: ['apiserver chain'],
    },
    {
      about: 'the CA is gone, what it signed is not',
      spoil: store => ['pki/front-proxy-ca.crt', 'pki/front-proxy-ca.key'].map(path => store.files.delete(path)),
      findings: ['front-proxy-client chain'],
    },
  ],
  'common-name': [
    {
      about: 'somebody else',
      spoil: store => reissue(store, 'front-proxy-client', { commonName: 'mallory' }, { ca: 'pki/front-proxy-ca' }),
      findings: ['front-proxy-client common-name'],
    },
    {
      about: 'another node',
      spoil: nothing,
      facts: { nodeName: 'cp-2' },
      findings: [
        'apiserver names-missing',
        ...['etcd-server', 'etcd-peer'].flatMap(id => [`${id} common-name`, `${id} names-missing`]),
        'kubelet.conf common-name',
      ],
    },
  ],
  'groups-missing': [
    {
      about: 'of the kubelet client',
      spoil: store => reissue(store, 'apiserver-kubelet-client', { organizations: [] }),
      findings: ['apiserver-kubelet-client groups-missing'],
    },
    {
      about: 'another in its place',
      spoil: store => reissue(store, 'apiserver-kubelet-client', { organizations: ['system:nodes'] }),
      findings: ['apiserver-kubelet-client groups-missing'],
    },
  ],
  'groups-extra': [
    {
      about: 'a superuser where a bound group is wanted, as before 1.29',
      spoil: store => reissue(store, 'apiserver-kubelet-client', { organizations: ['system:masters'] }),
      findings: ['apiserver-kubelet-client groups-extra'],
    },
    {
      about: 'one more',
      spoil: store => reissue(store, 'apiserver-kubelet-client', { organizations: ['kubeadm:cluster-admins', 'x'] }),
      findings: ['apiserver-kubelet-client groups-extra'],
    },
  ],
  'names-missing': [
    {
      about: 'one name',
      spoil: nothing,
      facts: { apiServerCertSans: ['new.example.org'] },
      findings: ['apiserver names-missing'],
    },
    {
      about: 'one address',
      spoil: nothing,
      facts: { apiServerCertSans: ['192.0.2.1'] },
      findings: ['apiserver names-missing'],
    },
    {
      about: 'an address of etcd',
      spoil: nothing,
      facts: { etcdPeerCertSans: ['192.0.2.1'] },
      findings: ['etcd-peer names-missing'],
    },
    // RFC 6125 section 6.4.3: one label, the first.
    {
      about: 'a wildcard covers one label',
      spoil: store => withNames(store, ['*.example.org']),
      facts: { apiServerCertSans: ['new.example.org'] },
      findings: [],
    },
    {
      about: 'a wildcard does not cover two',
      spoil: store => withNames(store, ['*.example.org']),
      facts: { apiServerCertSans: ['a.b.example.org'] },
      findings: ['apiserver names-missing'],
    },
    {
      about: 'a wildcard does not cover its own domain',
      spoil: store => withNames(store, ['*.example.org']),
      facts: { apiServerCertSans: ['example.org'] },
      findings: ['apiserver names-missing'],
    },
    {
      about: 'a wildcard is asked for as it is',
      spoil: store => withNames(store, ['x.example.org']),
      facts: { apiServerCertSans: ['*.example.org'] },
      findings: ['apiserver names-missing'],
    },
    // RFC 4343: names are compared without regard to case; Go lower-cases both.
    {
      about: 'capitals',
      spoil: store => withNames(store, ['NEW.Example.org']),
      facts: { apiServerCertSans: ['new.example.org'] },
      findings: [],
    },
  ],
  'usage-missing': [
    {
      about: 'a server that is made for clients',
      spoil: store => reissue(store, 'apiserver', { extKeyUsages: ['clientAuth'] }),
      findings: ['apiserver usage-missing'],
    },
    {
      about: 'a peer that is made for servers alone',
      spoil: store =>
        reissue(store, 'etcd-peer', { extKeyUsages: ['serverAuth'] }, { ca: 'pki/etcd/ca', base: 'pki/etcd/peer' }),
      findings: ['etcd-peer usage-missing'],
    },
    {
      about: 'any usage will do',
      spoil: store => reissue(store, 'apiserver', { extKeyUsages: ['anyExtendedKeyUsage'] }),
      findings: ['apiserver usages-extra', 'apiserver ext-usage-any'],
    },
    {
      about: 'no digitalSignature',
      spoil: store => reissue(store, 'apiserver', { keyUsages: ['keyAgreement'] }),
      findings: ['apiserver usage-missing'],
    },
  ],
  'signature-weak': [
    {
      about: 'SHA-1',
      spoil: store => {
        put(store, 'pki/front-proxy-ca.crt', vector('x509/root.crt'))
        put(store, 'pki/front-proxy-ca.key', vector('x509/root.key'))
        put(store, 'pki/front-proxy-client.crt', vector('x509/leaf-sha1.crt'))
        put(store, 'pki/front-proxy-client.key', vector('x509/leaf.key'))
      },
      findings: [
        'front-proxy-client usage-missing',
        'front-proxy-client signature-weak',
        'front-proxy-client common-name',
      ],
    },
  ],
  'outlives-ca': [
    {
      about: 'by a second',
      spoil: store =>
        reissue(store, 'apiserver', {
          notAfter: new Date(certificateIn(store, 'pki/ca.crt').notAfter.getTime() + 1000),
        }),
      findings: ['apiserver outlives-ca'],
    },
    {
      about: 'not when it ends with it',
      spoil: store => reissue(store, 'apiserver', { notAfter: certificateIn(store, 'pki/ca.crt').notAfter }),
      findings: [],
    },
  ],
  'serial-zero': [
    {
      about: 'serial number 0 of a CA of kubeadm before 1.31',
      spoil: store => {
        put(store, 'pki/front-proxy-ca.crt', vector('kubeadm/v1.20.2/pki/front-proxy-ca.crt'))
        put(store, 'pki/front-proxy-ca.key', vector('kubeadm/v1.20.2/pki/front-proxy-ca.key'))
        store.files.delete('pki/front-proxy-client.crt')
        store.files.delete('pki/front-proxy-client.key')
      },
      options: { now: '2027-01-01T00:00:00Z' },
      findings: ['front-proxy-ca serial-zero', 'front-proxy-ca key-algorithm'],
    },
  ],
  'no-key-identifier': [
    {
      about: 'a leaf of kubeadm',
      spoil: store => {
        for (const name of ['front-proxy-ca', 'front-proxy-client'])
          for (const end of ['crt', 'key'])
            put(store, `pki/${name}.${end}`, vector(`kubeadm/v1.20.2/pki/${name}.${end}`))
      },
      options: { now: '2027-01-01T00:00:00Z' },
      findings: [
        'front-proxy-ca serial-zero',
        'front-proxy-ca key-algorithm',
        'front-proxy-client no-key-identifier',
        'front-proxy-client serial-short',
        'front-proxy-client key-algorithm',
      ],
    },
  ],
  'ec-key-encipherment': [
    {
      about: 'as kubeadm sets it',
      spoil: store => reissue(store, 'apiserver', { keyUsages: ['digitalSignature', 'keyEncipherment'] }),
      findings: ['apiserver ec-key-encipherment'],
    },
  ],
  'ca-data': [
    {
      about: 'another CA',
      spoil: store => changeAdmin(store, { caCertificates: parseCertificates(vector('x509/root.crt')) }),
      findings: ['admin.conf ca-data'],
    },
    { about: 'no CA', spoil: drop('certificate-authority-data'), findings: ['admin.conf ca-data'] },
    {
      about: 'the CA and another one is fine',
      spoil: store =>
        changeAdmin(store, {
          caCertificates: [...parseCertificates(vector('x509/root.crt')), certificateIn(store, 'pki/ca.crt')],
        }),
      findings: [],
    },
  ],
  'ca-data-partial': [
    {
      about: 'a CA was added to the bundle',
      spoil: store => put(store, 'pki/ca.crt', read(store, 'pki/ca.crt') + vector('x509/root.crt')),
      findings: ROW_IDS.filter(id => id.endsWith('.conf')).map(id => `${id} ca-data-partial`),
    },
  ],
  server: [
    {
      about: 'another endpoint',
      spoil: nothing,
      facts: { controlPlaneEndpoint: 'new.example.org:6443' },
      findings: ['apiserver names-missing', 'admin.conf server', 'super-admin.conf server'],
    },
    {
      about: 'another port',
      spoil: store => put(store, 'scheduler.conf', read(store, 'scheduler.conf').replace(':6443', ':16443')),
      findings: ['scheduler.conf server'],
    },
  ],
  'no-credentials': [
    { about: 'no certificate', spoil: drop('client-certificate-data'), findings: ['admin.conf no-credentials'] },
    { about: 'no key', spoil: drop('client-key-data'), findings: ['admin.conf no-credentials'] },
    {
      about: 'neither',
      spoil: store => {
        drop('client-key-data')(store)
        drop('client-certificate-data')(store)
        put(store, 'admin.conf', read(store, 'admin.conf').replace(/user:\s*$/, 'user: {token: x}\n'))
      },
      findings: ['admin.conf kubeconfig-extra', 'admin.conf no-credentials'],
    },
  ],
  'public-key-mismatch': [
    {
      about: 'another key',
      spoil: async store => put(store, 'pki/sa.pub', formatPublicKey((await generateKey('ECDSA-P256', context)).spki)),
      findings: ['sa public-key-mismatch'],
    },
  ],
  wider: [
    {
      about: 'a leaf that is a CA',
      spoil: async store =>
        void (await reissue(store, 'apiserver', { isCa: true, keyUsages: ['digitalSignature', 'keyCertSign'] })),
      findings: ['apiserver wider'],
    },
    {
      about: 'a client that is a server',
      spoil: async store =>
        void (await reissue(store, 'apiserver-kubelet-client', { extKeyUsages: ['serverAuth', 'clientAuth'] })),
      findings: ['apiserver-kubelet-client usages-extra'],
    },
    {
      about: 'more names than are asked for are fine',
      spoil: async store => void (await withNames(store, ['more.example.org'])),
      findings: [],
    },
  ],
  'kubeconfig-extra': [
    {
      about: 'a token beside the certificate, and a proxy',
      spoil: store => {
        const text = read(store, 'admin.conf')
        put(
          store,
          'admin.conf',
          `${text.replace('    server:', '    proxy-url: http://10.0.0.1\n    server:')}    token: x\n`,
        )
      },
      findings: ['admin.conf kubeconfig-extra'],
    },
  ],
  'secret-exposed': [
    {
      about: 'a CA certificate with its key behind it',
      spoil: store => put(store, 'pki/ca.crt', read(store, 'pki/ca.crt') + read(store, 'pki/ca.key')),
      findings: ['ca secret-exposed'],
    },
  ],
  'mode-writable': [
    {
      about: 'a trust anchor that all can replace',
      spoil: store => chmod(store, 'pki/ca.crt', 0o666),
      findings: ['ca mode-writable'],
    },
    {
      about: 'a key that the group can replace',
      spoil: store => chmod(store, 'pki/ca.key', 0o620),
      findings: ['ca mode-open', 'ca mode-writable'],
    },
  ],
  'mode-open': [
    {
      about: 'a key that all can read',
      spoil: store => chmod(store, 'pki/apiserver.key', 0o644),
      findings: ['apiserver mode-open'],
    },
    {
      about: 'a key that the group can read',
      spoil: store => chmod(store, 'pki/ca.key', 0o640),
      findings: ['ca mode-open'],
    },
    { about: 'a kubeconfig', spoil: store => chmod(store, 'admin.conf', 0o604), findings: ['admin.conf mode-open'] },
    { about: 'certificates are for all', spoil: store => chmod(store, 'pki/ca.crt', 0o444), findings: [] },
    {
      about: 'a key that only its owner can read is fine',
      spoil: store => chmod(store, 'pki/ca.key', 0o400),
      findings: [],
    },
  ],
  'owner-foreign': [
    {
      about: 'somebody else',
      spoil: nothing,
      wrap: store => ({
        ...wrap(store),
        read: async path => {
          const file = await store.read(path)
          return file && path === 'pki/ca.key' ? { ...file, owner: 'foreign' } : file
        },
      }),
      findings: ['ca owner-foreign'],
    },
  ],
  'source-differs': [
    {
      about: 'half of it, so that the other half is not taken over',
      spoil: store => store.files.delete('pki/front-proxy-ca.key'),
      options: { role: 'control-plane', source: otherProxy },
      findings: ['front-proxy-ca source-differs'],
    },
    {
      about: 'another CA',
      spoil: nothing,
      options: { role: 'control-plane', source: other },
      findings: [
        ...['ca', 'ca'].map(id => `${id} source-differs`),
        ...['admin.conf', 'kubelet.conf', 'controller-manager.conf', 'scheduler.conf'].map(id => `${id} ca-data`),
      ],
    },
  ],
}

const signedByOther = wellTree()
await reissue(signedByOther, 'ca')
await reissue(signedByOther, 'apiserver')
const withNames = (store: MemoryStore, extra: readonly string[]) => {
  const { dnsNames } = certificateIn(store, 'pki/apiserver.crt')
  return reissue(store, 'apiserver', { dnsNames: [...dnsNames, ...extra] })
}
function chmod(store: MemoryStore, path: string, mode: number): void {
  const file = store.files.get(path)
  if (file) store.files.set(path, { ...file, mode })
}
function wrap(store: Store): Store {
  return {
    locate: path => store.locate(path),
    read: path => store.read(path),
    create: (path, bytes, mode) => store.create(path, bytes, mode),
    takeBack: path => store.takeBack(path),
    prepare: paths => store.prepare(paths),
    lock: () => store.lock(),
  }
}

// Everything in these trees but the row itself is well; so are all the leaves of a CA that has changed its certificate only.
for (const [code, cases] of Object.entries(CASES) as [RuleId, readonly Case[]][]) {
  for (const { about, spoil, facts, options, wrap: around, findings } of cases) {
    test(`${code}: ${about}`, async () => {
      const store = wellTree()
      await spoil(store)
      // The rows that are to be found fault with and their CAs; all rows where none is, to see that.
      const found = ROW_IDS.filter(id => findings.some(text => text.startsWith(`${id} `)))
      const rows = ROW_IDS.filter(
        id => found.includes(id) || found.some(row => issuerOf(row) === id || (row === 'sa' && id === 'ca')),
      )
      const given = found.length > 0 ? { ...options, rows } : options
      const result = await plan(around ? around(store) : store, facts, given)
      assert.equal([...codes(result)].sort(), [...findings].sort())
      for (const finding of result.findings) {
        assert.is(finding.severity, RULES[finding.code].severity)
        assert.not.match(finding.message, '-----')
        assert.not.match(finding.message, '\n')
      }
      // An error blocks its row, and only its row.
      for (const row of result.rows) {
        const hasError = row.findings.some(({ severity }) => severity === 'error')
        assert.is(row.action === 'blocked', hasError, `${row.id} is ${row.action}`)
        if (hasError) assert.equal(row.writes, [])
      }
    })
  }
}

test('findings stand in the order of the rows', async () => {
  const store = wellTree()
  for (const path of ['admin.conf', 'pki/sa.pub', 'pki/etcd/peer.crt', 'pki/apiserver.crt']) put(store, path, 'x')
  assert.equal(codes(await plan(store)), [
    'apiserver unreadable',
    'etcd-peer unreadable',
    'sa unreadable',
    'admin.conf unreadable',
  ])
})

// Go finds no block behind a byte order mark, so that the API server would not start with this file.
test('a certificate behind a byte order mark cannot be read', async () => {
  const store = wellTree()
  put(store, 'pki/front-proxy-client.crt', `\ufeff${read(store, 'pki/front-proxy-client.crt')}`)
  assert.equal(codes(await plan(store, {}, { rows: ['front-proxy-client'] })), ['front-proxy-client unreadable'])
})

test('a leaf is not judged against a CA that cannot be read', async () => {
  const store = wellTree()
  put(store, 'pki/front-proxy-ca.crt', 'x')
  assert.equal(codes(await plan(store)), ['front-proxy-ca unreadable'])
})

test('a bundle: the certificate of the key signs, all are trusted', async () => {
  const store = wellTree()
  put(store, 'pki/front-proxy-ca.crt', vector('x509/root.crt') + read(store, 'pki/front-proxy-ca.crt'))
  assert.equal(codes(await plan(store)), [])
  // A leaf of the other CA of the bundle is trusted as well.
  const bundled = wellTree()
  put(bundled, 'pki/front-proxy-ca.crt', read(bundled, 'pki/front-proxy-ca.crt') + read(bundled, 'pki/etcd/ca.crt'))
  await reissue(bundled, 'front-proxy-client', {}, { ca: 'pki/etcd/ca' })
  assert.equal(codes(await plan(bundled)), [])
})

test('a renewed CA with its key: old and new certificate in one file, in either order', async () => {
  for (const order of [0, 1]) {
    const store = wellTree()
    const key = await keyIn(store, 'pki/front-proxy-ca.key')
    const old = { notBefore: year(-11), notAfter: year(-1) }
    const current = read(store, 'pki/front-proxy-ca.crt')
    await reissue(store, 'front-proxy-ca', old, { key })
    const expired = read(store, 'pki/front-proxy-ca.crt')
    put(store, 'pki/front-proxy-ca.crt', order === 0 ? expired + current : current + expired)
    assert.equal(codes(await plan(store)), [], `order ${order}`)
  }
})

test('a leaf of the CA that was replaced stays good while the old CA is in the bundle', async () => {
  const store = wellTree()
  const old = read(store, 'pki/front-proxy-ca.crt')
  await reissue(store, 'front-proxy-ca')
  put(store, 'pki/front-proxy-ca.crt', read(store, 'pki/front-proxy-ca.crt') + old)
  assert.equal(codes(await plan(store)), [])
})

test('the key of a kubelet that rotates is in a file of its own', async () => {
  const store = wellTree()
  const text = read(store, 'kubelet.conf')
    .replace(/client-certificate-data: .*/, 'client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem')
    .replace(/client-key-data: .*/, 'client-key: /var/lib/kubelet/pki/kubelet-client-current.pem')
  put(store, 'kubelet.conf', text)
  assert.equal(codes(await plan(store)), [])
})

test('the key that a CA certificate lacks means that it is elsewhere', async () => {
  const store = wellTree()
  for (const path of ['pki/ca.key', 'pki/etcd/ca.key', 'pki/front-proxy-ca.key']) store.files.delete(path)
  const { rows, findings } = await plan(store)
  assert.equal(findings, [])
  assert.equal(
    rows.filter(({ action }) => action === 'external').map(({ id }) => id),
    ['ca', 'front-proxy-ca', 'etcd-ca'],
  )
})

test('private keys are written nowhere in a plan', async () => {
  const store = wellTree()
  const key = await keyIn(store, 'pki/ca.key')
  const secret = formatPrivateKey(key).split('\n')[1] ?? ''
  const result = await plan(store)
  assert.not.ok(JSON.stringify(result.findings).includes(secret))
})

test.run()
