import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatKubeconfig, parseKubeconfig } from '../../lib/access/kubeconfig.js'
import { StoreError } from '../../lib/errors.js'
import {
  type ExpirationEntry,
  type ExpirationReport,
  endingWithin,
  readExpiration,
} from '../../lib/inspect/expiration.js'
import { formatExpirationTable } from '../../lib/inspect/expiration-table.js'
import { KUBECONFIG_IDS } from '../../lib/kubernetes/rows.js'
import { MemoryStore, type Store } from '../../lib/tree/store.js'
import { formatCertificate } from '../../lib/x509/certificate.js'
import { certificateIn, context, describe, keyIn, put, read, reissue, wellTree } from '../audit/tree.js'
import { NOW, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const DAY = 86_400
const at = (moment: string | Date) => testContext({ clock: () => new Date(moment) })
const names = (entries: readonly ExpirationEntry[]) => entries.map(({ name }) => name)
const entry = ({ certificates, certificateAuthorities }: ExpirationReport, name: string): ExpirationEntry => {
  const found = [...certificates, ...certificateAuthorities].find(each => each.name === name)
  if (!found) throw new Error(`no ${name} in ${names([...certificates, ...certificateAuthorities]).join(', ')}`)
  return found
}
/** What kubeadm lists, in its order: kubernetes/kubernetes v1.20.2, renewal/manager.go; super-admin.conf since v1.29. */
const KUBEADM_LEAVES = [
  ...['admin.conf', 'apiserver', 'apiserver-etcd-client', 'apiserver-kubelet-client', 'controller-manager.conf'],
  ...[
    'etcd-healthcheck-client',
    'etcd-peer',
    'etcd-server',
    'front-proxy-client',
    'scheduler.conf',
    'super-admin.conf',
  ],
]
const CAS = ['ca', 'etcd-ca', 'front-proxy-ca']

/** The first certificate of a file, or of a kubeconfig's user, as node:crypto reads it. */
function certificateOf(store: MemoryStore, path: string): X509Certificate {
  const text = read(store, path)
  const data = /client-certificate-data: (\S+)/.exec(text)?.[1]
  return new X509Certificate(data === undefined ? text : Buffer.from(data, 'base64'))
}

test("every row of kubeadm's in kubeadm's order, then kubelet.conf; dates as node:crypto reads them", async () => {
  const store = wellTree()
  const report = await readExpiration(store, context)
  assert.equal(names(report.certificates), [...KUBEADM_LEAVES, 'kubelet.conf'])
  assert.equal(names(report.certificateAuthorities), CAS)
  assert.is(report.node, 'cp-1')
  for (const { name, path, expirationDate, residualTime, state, missing, externallyManaged, found } of [
    ...report.certificates,
    ...report.certificateAuthorities,
  ]) {
    const expected = certificateOf(store, path)
    assert.is(expirationDate?.getTime(), Date.parse(expected.validTo), name)
    assert.is(residualTime, (Date.parse(expected.validTo) - +NOW) / 1000, name)
    assert.is(found?.fingerprint, expected.fingerprint256.replaceAll(':', '').toLowerCase(), name)
    assert.equal([state, missing, externallyManaged], ['valid', false, false], name)
  }
  const signers = Object.fromEntries(report.certificates.map(({ name, caName }) => [name, caName]))
  assert.is(signers['etcd-peer'], 'etcd-ca')
  assert.is(signers['front-proxy-client'], 'front-proxy-ca')
  for (const id of KUBECONFIG_IDS) assert.is(signers[id], 'ca')
  assert.equal(
    report.certificateAuthorities.map(({ caName }) => caName),
    [undefined, undefined, undefined],
  )
})

/** kubeadm's tree of test/vectors, without some files. */
function kubeadmTree(without: readonly string[] = []): MemoryStore {
  const root = new URL('../vectors/kubeadm/v1.20.2/', import.meta.url).pathname
  const store = new MemoryStore()
  for (const file of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = `${file.parentPath}/${file.name}`.replaceAll('//', '/')
    const name = path.slice(root.length)
    if (file.isFile() && !without.includes(name))
      store.files.set(name, { bytes: new Uint8Array(readFileSync(path)), mode: 0o600 })
  }
  return store
}
for (const [name, without] of [
  ['whole', []],
  ['missing', ['pki/apiserver.crt', 'pki/etcd/peer.crt', 'scheduler.conf']],
] as const)
  test(`the tables that kubeadm v1.20.2 prints of its own tree, ${name}, with kubelet.conf beside`, async () => {
    const [moment = '', ...lines] = vector(`kubeadm/expiration/${name}.txt`).split('\n')
    const table = formatExpirationTable(await readExpiration(kubeadmTree(without), at(moment)))
    const ours = table.split('\n').filter(line => !line.startsWith('kubelet.conf'))
    // kubeadm did not name the CA of kubeconfigs before v1.22.
    const theirs = lines.map(line => (/^\w\S*\.conf /.test(line) ? `${line.slice(0, 68)}ca${line.slice(70)}` : line))
    assert.equal(ours, theirs)
  })

test('what is missing is told where it belongs: not on workers, nor of an etcd that is elsewhere', async () => {
  const missing = async (change: (store: MemoryStore) => void) => {
    const store = wellTree()
    change(store)
    const { certificates, certificateAuthorities } = await readExpiration(store, context)
    return names([...certificates, ...certificateAuthorities].filter(each => each.missing))
  }
  const drop = (store: MemoryStore, pattern: RegExp) => {
    for (const path of [...store.files.keys()]) if (pattern.test(path)) store.files.delete(path)
  }
  assert.equal(await missing(store => drop(store, /apiserver\.crt|super-admin|front-proxy-ca\.crt/)), [
    'apiserver',
    'super-admin.conf',
    'front-proxy-ca',
  ])
  assert.equal(await missing(store => drop(store, /etcd/)), [])
  assert.equal(await missing(store => drop(store, /etcd\/(server|peer|healthcheck|ca\.key)/)), [])
  assert.equal(
    await missing(store => {
      drop(store, /etcd/)
      put(store, 'manifests/etcd.yaml', 'kind: Pod')
    }),
    ['apiserver-etcd-client', 'etcd-healthcheck-client', 'etcd-peer', 'etcd-server', 'etcd-ca'],
  )
  assert.equal(await missing(store => drop(store, /^(?!kubelet\.conf|pki\/ca\.crt)/)), [])
  // kubeadm of before 1.29 has no super-admin.conf.
  assert.equal(names((await readExpiration(kubeadmTree(), context)).certificates).includes('super-admin.conf'), false)
  const [none] = (await readExpiration(kubeadmTree(['pki/apiserver.crt']), context)).certificates.filter(e => e.missing)
  assert.equal(
    [none?.expirationDate, none?.residualTime, none?.externallyManaged, none?.caName, none?.state],
    [undefined, 0, false, undefined, 'missing'],
  )
})

test('what a CA signed whose key is elsewhere is managed elsewhere, and so is the CA', async () => {
  const store = wellTree()
  store.files.delete('pki/ca.key')
  const { certificates, certificateAuthorities } = await readExpiration(store, context)
  const external = names([...certificates, ...certificateAuthorities].filter(each => each.externallyManaged))
  assert.equal(external, [
    ...['admin.conf', 'apiserver', 'apiserver-kubelet-client', 'controller-manager.conf', 'scheduler.conf'],
    ...['super-admin.conf', 'kubelet.conf', 'ca'],
  ])
})

test('a CA key that cannot be read is here all the same', async () => {
  const store = failing(wellTree(), 'pki/ca.key')
  const report = await readExpiration(store, context)
  assert.is(entry(report, 'ca').externallyManaged, false)
  assert.is(
    report.certificates.some(({ state }) => state === 'unreadable'),
    false,
  )
})

/** A store of which one file cannot be read. */
function failing(store: MemoryStore, broken: string): Store {
  return Object.assign(Object.create(store) as MemoryStore, {
    list: () => store.list(),
    read: async (path: string) => {
      if (path !== broken) return store.read(path)
      throw new StoreError('KPKI_FILE_UNREADABLE', `${path} cannot be read (EACCES)`, {
        details: { path, errno: 'EACCES' },
      })
    },
  })
}

test("the kubelet's own certificates; those that it has replaced are of no concern", async () => {
  const store = wellTree()
  const client = read(store, 'pki/apiserver-kubelet-client.crt')
  const old = await reissue(
    store,
    'front-proxy-client',
    { notAfter: new Date(+NOW + 1000) },
    { ca: 'pki/front-proxy-ca' },
  )
  put(store, 'kubelet/pki/kubelet-client-current.pem', client + read(store, 'pki/apiserver-kubelet-client.key'))
  put(store, 'kubelet/pki/kubelet-client-2025-06-01-12-00-00.pem', formatCertificate(old))
  put(store, 'kubelet/pki/kubelet.crt', vector('kubeadm/v1.20.2/pki/etcd/peer.crt'))
  put(
    store,
    'kubelet.conf',
    `apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: 'https://10.0.0.10:6443'}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem, client-key: /var/lib/kubelet/pki/kubelet-client-current.pem}}]
`,
  )
  const report = await readExpiration(store, context)
  assert.equal(names(report.certificates).slice(-3), ['kubelet.conf', 'kubelet-client', 'kubelet-server'])
  const expected = new X509Certificate(client).validTo
  for (const name of ['kubelet.conf', 'kubelet-client'])
    assert.is(+(entry(report, name).expirationDate ?? 0), Date.parse(expected), name)
  // Whoever signed the serving certificate has left nothing here.
  assert.equal(
    [entry(report, 'kubelet-server').externallyManaged, entry(report, 'kubelet-server').caName],
    [true, undefined],
  )

  // By the name that it has where the tree is.
  const moved: Store = Object.assign(Object.create(store) as MemoryStore, {
    locate: (path: string) => `/srv/cp-1/${path}`,
  })
  for (const named of ['/srv/cp-1/pki/apiserver-kubelet-client.crt', 'pki/apiserver-kubelet-client.crt']) {
    put(
      store,
      'other.conf',
      read(store, 'kubelet.conf').replaceAll(/(client-(?:certificate|key)): [^,}]+/g, `$1: ${named}`),
    )
    assert.is(
      +(entry(await readExpiration(moved, context), 'other.conf').expirationDate ?? 0),
      Date.parse(expected),
      named,
    )
  }
  store.files.delete('other.conf')

  store.files.delete('kubelet/pki/kubelet-client-current.pem')
  const without = entry(await readExpiration(store, context), 'kubelet.conf')
  assert.equal([without.state, without.missing, without.expirationDate], ['elsewhere', false, undefined])
  assert.match(without.problem ?? '', '/var/lib/kubelet/pki/kubelet-client-current.pem')
})

test('bundles and chains: every certificate once, under the name of its file', async () => {
  const store = wellTree()
  const before = read(store, 'pki/ca.crt')
  put(store, 'pki/ca.crt', vector('kubeadm/v1.20.2/pki/ca.crt') + before)
  put(
    store,
    'pki/apiserver.crt',
    read(store, 'pki/apiserver.crt') + before + vector('kubeadm/v1.20.2/pki/etcd/peer.crt'),
  )
  const report = await readExpiration(store, context)
  // The one that the key belongs to signs, whichever is first.
  assert.equal(names(report.certificateAuthorities), [...CAS, 'ca[1]'])
  assert.is(+(entry(report, 'ca').expirationDate ?? 0), Date.parse(new X509Certificate(before).validTo))
  assert.is(entry(report, 'ca[1]').part, '1st certificate')
  assert.equal(names(report.certificates).slice(-2), ['kubelet.conf', 'apiserver[3]'])
  assert.is(entry(report, 'apiserver').caName, 'ca')
})

test('a CA that only kubeconfigs know, and further kubeconfigs with all of their users', async () => {
  const store = wellTree()
  const admin = await parseKubeconfig(read(store, 'admin.conf'), context)
  const [certificate] = admin.certificates
  if (!certificate || !admin.key) throw new Error('admin.conf')
  const stale = certificateIn(kubeadmTree(), 'pki/ca.crt')
  const spec = { clusterName: 'prod', userName: 'jane', server: admin.server, caCertificates: [stale] }
  put(store, 'users/jane.conf', formatKubeconfig({ ...spec, certificate, key: admin.key }))
  const two = read(store, 'admin.conf').replace('users:', 'users:\n- name: robot\n  user:\n    token: abc')
  put(store, 'both.conf', two)
  const report = await readExpiration(store, context)
  assert.equal(names(report.certificates).slice(-2), ['both.conf[kubernetes-admin]', 'users/jane.conf'])
  assert.is(entry(report, 'users/jane.conf').caName, 'ca')
  assert.equal(names(report.certificateAuthorities).slice(3), ['users/jane.conf[prod]'])
  assert.is(entry(report, 'users/jane.conf[prod]').part, 'clusters[prod].certificate-authority-data')
})

test('what cannot be read has a line and a reason, and everything else is told', async () => {
  const store = wellTree()
  put(store, 'pki/apiserver.crt', 'garbage')
  put(store, 'pki/etcd/peer.crt', '')
  put(store, 'scheduler.conf', '{"apiVersion": "v1", "kind": "Config"')
  put(store, 'controller-manager.conf', 'kind: Config\napiVersion: v1\nusers: []\n')
  put(store, 'pki/extra.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  put(store, 'pki/extra.key', 'garbage')
  put(store, 'notes.txt', 'nothing of the kind')
  put(store, 'more/broken.kubeconfig', 'kind: Config\nusers: 7\n')
  put(store, 'tmp/kubeadm-backup/pki/apiserver.crt', vector('kubeadm/v1.20.2/pki/apiserver.crt'))
  const { certificates } = await readExpiration(failing(store, 'admin.conf'), context)
  const unread = certificates.filter(({ state }) => state === 'unreadable')
  assert.equal(names(unread), [
    ...[
      'admin.conf',
      'apiserver',
      'controller-manager.conf',
      'etcd-peer',
      'scheduler.conf',
      'more/broken.kubeconfig',
      'pki/extra.crt',
    ],
  ])
  for (const { name, problem, expirationDate, residualTime, missing } of unread) {
    assert.ok(problem, name)
    assert.equal([expirationDate, residualTime, missing], [undefined, 0, false])
  }
  assert.match(unread[0]?.problem ?? '', 'cannot be read (EACCES)')
  assert.is(certificates.length, 14)
})

test('residual time is in whole seconds, rounded towards zero as Go does, to the second before and after', async () => {
  const store = wellTree()
  await reissue(store, 'apiserver', { notAfter: new Date('2026-07-01T00:00:00Z') })
  for (const [moment, residual, state] of [
    ['2026-06-30T23:59:58.500Z', 1, 'soon'],
    ['2026-06-30T23:59:59.500Z', 0, 'soon'],
    ['2026-07-01T00:00:00.500Z', 0, 'expired'],
    ['2026-07-01T00:00:01.500Z', -1, 'expired'],
    ['2026-05-01T00:00:00Z', 61 * DAY, 'future'],
  ] as const) {
    const found = entry(await readExpiration(store, at(moment)), 'apiserver')
    assert.equal([found.residualTime, Object.is(found.residualTime, -0), found.state], [residual, false, state], moment)
  }
})

test('what ends within a time: what has ended, what ends at that very second, and what nobody knows of', async () => {
  const store = wellTree()
  await reissue(store, 'apiserver', { notAfter: new Date(+NOW + 30 * DAY * 1000) })
  await reissue(store, 'apiserver-kubelet-client', { notBefore: new Date(0), notAfter: new Date(+NOW - 1000) })
  put(store, 'scheduler.conf', 'garbage')
  store.files.delete('controller-manager.conf')
  const report = await readExpiration(store, context)
  const near = (seconds: number) => names(endingWithin(report, seconds).certificates)
  assert.equal(near(30 * DAY), ['apiserver', 'apiserver-kubelet-client', 'scheduler.conf'])
  assert.equal(near(30 * DAY - 1), ['apiserver-kubelet-client', 'scheduler.conf'])
  assert.equal(near(0), ['apiserver-kubelet-client', 'scheduler.conf'])
  assert.is(near(366 * DAY).length, 12 - 1)
  assert.is(endingWithin(report, 366 * DAY).certificateAuthorities.length, 0)
})

test('what stands in thousands of files has its own line all the same', async () => {
  const store = wellTree()
  for (let index = 0; index < 1200; index++) put(store, `a/${index}.crt`, read(store, 'pki/ca.crt'))
  const { certificateAuthorities } = await readExpiration(store, context)
  assert.equal(names(certificateAuthorities), CAS)
})

test('a store that lists nothing is asked for what a tree has', async () => {
  const store = wellTree()
  const plain: Store = Object.assign(Object.create(store) as MemoryStore, { list: undefined })
  assert.equal(names((await readExpiration(plain, context)).certificates), [...KUBEADM_LEAVES, 'kubelet.conf'])
})

test('an empty store has nothing, and says so by that', async () => {
  const { certificates, certificateAuthorities, node } = await readExpiration(new MemoryStore(), context)
  assert.equal([certificates, certificateAuthorities, node], [[], [], undefined])
})

test('the report holds no private key', async () => {
  const store = wellTree()
  const text = JSON.stringify(await readExpiration(store, context))
  assert.not.match(text, 'PRIVATE KEY')
  const key = await keyIn(store, 'pki/apiserver.key')
  assert.ok(key)
  const data = /client-key-data: (\S+)/.exec(read(store, 'admin.conf'))?.[1] ?? ''
  assert.ok(data.length > 100)
  assert.not.match(text, data.slice(0, 60))
  assert.ok(describe())
})

test.run()
