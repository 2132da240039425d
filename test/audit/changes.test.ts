import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatKubeconfig, parseKubeconfig } from '../../lib/access/kubeconfig.js'
import type { ChangeOptions } from '../../lib/audit/planning.js'
import type { Asked } from '../../lib/audit/types.js'
import { formatPrivateKey, formatPublicKey } from '../../lib/crypto/key-files.js'
import { generateKey } from '../../lib/crypto/keys.js'
import type { ClusterFacts } from '../../lib/kubernetes/cluster.js'
import { certificatePath } from '../../lib/tree/layout.js'
import type { MemoryStore } from '../../lib/tree/store.js'
import { changeTree, planStore } from '../../lib/workflow/change-tree.js'
import { formatCertificate } from '../../lib/x509/certificate.js'
import { issueCertificate } from '../../lib/x509/issue.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { certificateIn, context, keyIn, put, read, reissue, wellTree } from './tree.js'

const LEAVES = [
  'apiserver',
  'apiserver-kubelet-client',
  'front-proxy-client',
  'etcd-server',
  'etcd-peer',
  'etcd-healthcheck-client',
  'apiserver-etcd-client',
]
const KUBECONFIGS = ['admin.conf', 'super-admin.conf', 'kubelet.conf', 'controller-manager.conf', 'scheduler.conf']
const DAY = 86_400_000
const at = (moment: number | string) => testContext({ clock: () => new Date(moment) })

/** Changes as `id action key`, in order. */
async function deeds(store: MemoryStore, asked: Asked = {}, options: ChangeOptions = {}, when = context) {
  const { plan } = await planStore(store, asked, when, options)
  return plan.changes.map(({ id, action, key }) => `${id} ${action}${key === undefined ? '' : ` ${key}`}`)
}

const all = (rows: readonly string[], deed: string) => rows.map(id => `${id} ${deed}`)

/** What somebody states that was not so, and exactly what changes. */
const DESCRIPTIONS: readonly (readonly [what: string, facts: Partial<ClusterFacts>, changes: readonly string[]])[] = [
  ['nothing', {}, []],
  ['one more name', { apiServerCertSans: ['10.0.0.20'] }, ['apiserver reissue keep']],
  ['one more name of etcd', { etcdServerCertSans: ['etcd.example.org'] }, ['etcd-server reissue keep']],
  ['one more name of a peer', { etcdPeerCertSans: ['192.0.2.9'] }, ['etcd-peer reissue keep']],
  [
    'another endpoint',
    { controlPlaneEndpoint: 'lb.example.org:8443' },
    ['apiserver reissue keep', 'admin.conf edit', 'super-admin.conf edit'],
  ],
  [
    'the endpoint at another port',
    { controlPlaneEndpoint: 'api.example.org:8443' },
    ['admin.conf edit', 'super-admin.conf edit'],
  ],
  ['another service subnet', { serviceSubnet: '10.0.0.0/16' }, ['apiserver reissue keep']],
  ['another cluster domain', { dnsDomain: 'example.org' }, ['apiserver reissue keep']],
  ['another algorithm', { encryptionAlgorithm: 'ECDSA-P384' }, all([...LEAVES, ...KUBECONFIGS], 'reissue new')],
  ['another period', { certificateValidityPeriod: '100h' }, all([...LEAVES, ...KUBECONFIGS], 'reissue keep')],
  ['another period of CAs', { caCertificateValidityPeriod: '1000h' }, []],
  [
    'another address',
    { advertiseAddress: '10.0.0.99' },
    [
      ...all(['apiserver', 'etcd-server', 'etcd-peer'], 'reissue keep'),
      ...all(['kubelet.conf', 'controller-manager.conf', 'scheduler.conf'], 'edit'),
    ],
  ],
  [
    'another node name',
    { nodeName: 'cp-9' },
    all(['apiserver', 'etcd-server', 'etcd-peer', 'kubelet.conf'], 'reissue keep'),
  ],
  [
    'two at once',
    {
      controlPlaneEndpoint: 'lb.example.org',
      certificateValidityPeriod: '8760h',
      apiServerCertSans: ['x.example.org'],
    },
    ['apiserver reissue keep', 'admin.conf edit', 'super-admin.conf edit'],
  ],
  [
    'what it is',
    {
      nodeName: 'cp-1',
      kubernetesVersion: 'v1.36.0',
      encryptionAlgorithm: 'ECDSA-P256',
      serviceSubnet: '10.96.0.0/12',
    },
    [],
  ],
]
for (const [what, facts, changes] of DESCRIPTIONS)
  test(`stated: ${what}; what is affected changes, and nothing the second time`, async () => {
    const store = wellTree()
    assert.equal(await deeds(store, { facts }), changes)
    const before = new Map(store.files)
    const { plan } = await changeTree('apply', store, { facts }, context)
    const paths = plan.changes.flatMap(change => change.paths)
    for (const [path, { bytes }] of before)
      if (path !== 'pki/issued.jsonl')
        assert.is(
          !Buffer.from(bytes).equals(store.files.get(path)?.bytes ?? Buffer.alloc(0)),
          paths.includes(path),
          path,
        )
    assert.equal(await deeds(store, { facts }), [])
  })

/** What has gone wrong, and exactly what mends it. */
const FAULTS: readonly (readonly [what: string, spoil: (store: MemoryStore) => unknown, changes: readonly string[]])[] =
  [
    [
      'a key of another certificate',
      async s => put(s, 'pki/apiserver.key', read(s, 'pki/front-proxy-client.key')),
      ['apiserver reissue new'],
    ],
    ['no key', s => s.files.delete('pki/etcd/peer.key'), ['etcd-peer reissue new']],
    ['no certificate', s => s.files.delete('pki/front-proxy-client.crt'), ['front-proxy-client create keep']],
    [
      'another CA in a kubeconfig',
      s =>
        put(
          s,
          'admin.conf',
          read(s, 'admin.conf').replace(
            /(authority-data: ).*/,
            `$1${Buffer.from(read(s, 'pki/etcd/ca.crt')).toString('base64')}`,
          ),
        ),
      ['admin.conf edit'],
    ],
    [
      'another user in a kubeconfig',
      async s => put(s, 'scheduler.conf', read(s, 'controller-manager.conf')),
      ['scheduler.conf reissue keep'],
    ],
    [
      'another half of the service-account key',
      async s => put(s, 'pki/sa.pub', formatPublicKey((await generateKey('ECDSA-P256', context)).spki)),
      ['sa derive'],
    ],
    ['no sa.pub', s => s.files.delete('pki/sa.pub'), ['sa derive']],
    [
      'a certificate of another CA',
      s => reissue(s, 'apiserver', {}, { ca: 'pki/front-proxy-ca' }),
      ['apiserver reissue keep'],
    ],
    [
      'an etcd server that is no client',
      s => reissue(s, 'etcd-server', { extKeyUsages: ['serverAuth'] }, { ca: 'pki/etcd/ca', base: 'pki/etcd/server' }),
      ['etcd-server reissue keep'],
    ],
    [
      'one that ended',
      s =>
        reissue(
          s,
          'front-proxy-client',
          { notBefore: new Date(+NOW - 9 * DAY), notAfter: new Date(+NOW - DAY) },
          { ca: 'pki/front-proxy-ca' },
        ),
      ['front-proxy-client reissue keep'],
    ],
    [
      'one that ends soon',
      s => reissue(s, 'apiserver', { notBefore: new Date(+NOW - 300 * DAY), notAfter: new Date(+NOW + 5 * DAY) }),
      ['apiserver reissue keep'],
    ],
    [
      'a CA certificate that is no CA',
      s => reissue(s, 'front-proxy-ca', { isCa: false, extKeyUsages: ['clientAuth'], keyUsages: ['digitalSignature'] }),
      [],
    ],
  ]
for (const [what, spoil, changes] of FAULTS)
  test(`found: ${what}; it is mended, and nothing is found the second time`, async () => {
    const store = wellTree()
    await spoil(store)
    assert.equal(await deeds(store), changes)
    await changeTree('apply', store, {}, context)
    assert.equal(await deeds(store), [])
  })

test('older style alone changes nothing', async () => {
  const store = wellTree()
  await reissue(store, 'apiserver-kubelet-client', { organizations: ['system:masters'] })
  await reissue(store, 'apiserver', { keyUsages: ['digitalSignature', 'keyEncipherment'] })
  assert.equal(await deeds(store), [])
})

test('keys: those that are fine stay, all stay, or none', async () => {
  const facts = { apiServerCertSans: ['10.0.0.20'] }
  assert.equal(await deeds(wellTree(), { facts }, { keys: 'new' }), ['apiserver reissue new'])
  const weak = { facts: { encryptionAlgorithm: 'ECDSA-P384' } }
  const { plan } = await planStore(wellTree(), weak, context, { keys: 'keep' })
  assert.equal(plan.changes, [])
  assert.equal(
    plan.untouched.map(({ id }) => id),
    [...LEAVES, ...KUBECONFIGS],
  )
  const store = wellTree()
  const spki = (await keyIn(store, 'pki/apiserver.key')).spki
  await changeTree('apply', store, { facts }, context)
  assert.equal(certificateIn(store, 'pki/apiserver.crt').spki, spki)
  await changeTree('apply', store, { facts: { apiServerCertSans: ['10.0.0.21'] } }, context, { keys: 'new' })
  assert.not.equal(certificateIn(store, 'pki/apiserver.crt').spki, spki)
  assert.ok((await keyIn(store, 'pki/apiserver.key')).isKeyOf(certificateIn(store, 'pki/apiserver.crt').spki))
})

test('what is named is reissued, and nothing else', async () => {
  const facts = { apiServerCertSans: ['10.0.0.20'], controlPlaneEndpoint: 'lb.example.org' }
  assert.equal(await deeds(wellTree(), { facts }, { only: ['etcd-peer'] }), ['etcd-peer reissue keep'])
  assert.equal(
    await deeds(wellTree(), {}, { only: ['all'], keys: 'new' }),
    all([...LEAVES, ...KUBECONFIGS], 'reissue new'),
  )
  assert.equal(await deeds(wellTree(), {}, { only: ['all'], ifWithinSeconds: 30 * 86_400 }), [])
  const ending = await deeds(wellTree(), {}, { only: ['all'], ifWithinSeconds: 366 * 86_400 })
  assert.is(ending.length, LEAVES.length + KUBECONFIGS.length)
})

test('as found: what is stated beyond that is left alone', async () => {
  const store = wellTree()
  const facts = { apiServerCertSans: ['10.0.0.20'], controlPlaneEndpoint: 'lb.example.org' }
  await changeTree('renew', store, { facts }, context, { only: ['all'], asFound: true })
  assert.equal(
    certificateIn(store, 'pki/apiserver.crt').dnsNames,
    certificateIn(wellTree(), 'pki/apiserver.crt').dnsNames,
  )
  assert.match(read(store, 'admin.conf'), 'server: https://api.example.org:6443')
  await changeTree('renew', store, { facts }, context, { only: ['all'] })
  assert.ok(certificateIn(store, 'pki/apiserver.crt').ipAddresses.includes('10.0.0.20'))
  assert.match(read(store, 'admin.conf'), 'server: https://lb.example.org:6443')
})

test('CAs and the service-account key are left alone unless they are named', async () => {
  const store = wellTree()
  const late = at(+NOW + 3640 * DAY)
  const { plan } = await planStore(store, {}, late)
  const cas = plan.untouched.filter(({ id }) => id.endsWith('ca'))
  assert.equal(
    cas.map(({ id, hint }) => [id, hint]),
    [
      ['ca', 'kpki renew ca keeps its key and its name'],
      ['front-proxy-ca', 'kpki renew front-proxy-ca keeps its key and its name'],
      ['etcd-ca', 'kpki renew etcd-ca keeps its key and its name'],
    ],
  )
  assert.is(
    plan.changes.some(({ id }) => id.endsWith('ca') || id === 'sa'),
    false,
  )
  const refused = await rejects(planStore(store, {}, context, { only: ['sa'] }))
  assert.is(refused.code, 'KPKI_PLAN_BLOCKED')
  assert.equal(await deeds(store, {}, { only: ['etcd-ca'] }), ['etcd-ca renew-ca keep'])
  assert.equal(await deeds(store, {}, { only: ['ca'] }), ['ca renew-ca keep', ...all(KUBECONFIGS, 'edit')])
  assert.equal(await deeds(store, {}, { only: ['ca', 'admin.conf'] }), [
    'ca renew-ca keep',
    'admin.conf reissue keep',
    ...all(KUBECONFIGS.slice(1), 'edit'),
  ])
})

test('a CA that has ended signs nothing until it is renewed in the same plan', async () => {
  const late = at(+NOW + 3660 * DAY)
  const { plan } = await planStore(wellTree(), {}, late)
  assert.equal(plan.changes, [])
  assert.match(plan.untouched.find(({ id }) => id === 'apiserver')?.message ?? '', 'its CA ca expired on')
  const named = await rejects(planStore(wellTree(), {}, late, { only: ['apiserver'] }))
  assert.is(named.code, 'KPKI_ISSUER_EXPIRED')
  assert.is(named.hint, 'renew it, too: kpki renew ca apiserver')
  const both = await deeds(wellTree(), {}, { only: ['ca', 'front-proxy-ca', 'etcd-ca', 'all'] }, late)
  assert.is(both.length, 3 + LEAVES.length + KUBECONFIGS.length)
})

test('a CA that ends before a new certificate would help is told of, not signed with again and again', async () => {
  const store = wellTree()
  const late = at(+NOW + 3640 * DAY)
  await changeTree('renew', store, {}, late, { only: ['all'] })
  const end = certificateIn(store, certificatePath('ca')).notAfter
  assert.equal(certificateIn(store, 'pki/apiserver.crt').notAfter, end)
  assert.equal(await deeds(store, {}, {}, at(+NOW + 3649 * DAY)), [])
  const { plan } = await planStore(store, {}, at(+NOW + 3649 * DAY))
  assert.ok(plan.untouched.some(({ id }) => id === 'ca'))
})

test('a CA whose key is elsewhere: a line, and an error for who names what it has signed', async () => {
  const store = wellTree()
  store.files.delete('pki/ca.key')
  const { plan } = await planStore(store, {}, context, { only: ['all'] })
  assert.equal(
    plan.changes.map(({ id }) => id),
    LEAVES.filter(id => id !== 'apiserver' && id !== 'apiserver-kubelet-client'),
  )
  assert.equal(
    plan.untouched.map(({ id, message }) => `${id} ${message}`),
    ['apiserver', 'apiserver-kubelet-client', ...KUBECONFIGS].map(
      id => `${id} cannot be made here: the CA key pki/ca.key is not here`,
    ),
  )
  for (const id of ['apiserver', 'admin.conf', 'ca'] as const)
    assert.is((await rejects(planStore(store, {}, context, { only: [id] }))).code, 'KPKI_ISSUER_MISSING')
})

test('what is not there: a line of all, an error for who names it, and made where the description calls for it', async () => {
  const store = wellTree()
  for (const path of ['scheduler.conf', 'pki/apiserver.crt', 'pki/apiserver.key']) store.files.delete(path)
  assert.is((await rejects(planStore(store, {}, context, { only: ['scheduler.conf'] }))).code, 'KPKI_PLAN_BLOCKED')
  const { plan } = await planStore(store, {}, context, { only: ['all'] })
  assert.is(plan.changes.length, LEAVES.length + KUBECONFIGS.length - 2)
  const facts = {
    nodeName: 'cp-1',
    advertiseAddress: '10.0.0.10',
    controlPlaneEndpoint: 'api.example.org:6443',
    encryptionAlgorithm: 'ECDSA-P256',
    serviceSubnet: '10.96.0.0/12',
  }
  assert.equal(await deeds(store, { facts }), ['apiserver create new', 'scheduler.conf create new'])
  await changeTree('apply', store, { facts }, context)
  assert.equal(await deeds(store, { facts }), [])
  assert.equal(
    certificateIn(store, 'pki/apiserver.crt').dnsNames,
    certificateIn(wellTree(), 'pki/apiserver.crt').dnsNames,
  )
  assert.match(read(store, 'scheduler.conf'), 'server: https://10.0.0.10:6443')
})

test('a kubelet that renews its certificate itself is left to it until it should have', async () => {
  const store = wellTree()
  const pem = 'kubelet/pki/kubelet-client-current.pem'
  const key = await keyIn(store, 'pki/apiserver-kubelet-client.key')
  const ca = { certificate: certificateIn(store, 'pki/ca.crt'), key: await keyIn(store, 'pki/ca.key') }
  const certificate = await issueCertificate(
    {
      commonName: 'system:node:cp-1',
      organizations: ['system:nodes'],
      spki: key.spki,
      isCa: false,
      keyUsages: ['digitalSignature'],
      extKeyUsages: ['clientAuth'],
      notBefore: NOW,
      notAfter: new Date(+NOW + 100 * DAY),
    },
    ca,
    context,
  )
  put(store, pem, formatCertificate(certificate) + formatPrivateKey(key))
  assert.equal(await deeds(store, {}, {}, at(+NOW + 85 * DAY)), [])
  assert.equal(await deeds(store, {}, {}, at(+NOW + 95 * DAY)), ['kubelet-client reissue keep'])
})

test('a kubeconfig that somebody has set to another cluster is left as it is', async () => {
  const store = wellTree()
  const caCertificates = [certificateIn(store, 'pki/etcd/ca.crt')]
  const { key: _, certificates: __, ...rest } = await parseKubeconfig(read(store, 'admin.conf'), context)
  const server = 'https://other.example:6443'
  const other = { ...rest, server, clusterName: 'other', userName: 'other', token: 'theirs', caCertificates }
  put(store, 'admin.conf', formatKubeconfig(other))
  const asked = { facts: { controlPlaneEndpoint: 'lb.example.org' } }
  for (const [what, options] of [
    [{}, {}],
    [asked, {}],
    [{}, { only: ['all'] }],
    [{}, { only: ['ca'] }],
  ] as const) {
    const { plan } = await planStore(store, what, context, options)
    assert.is(
      plan.changes.some(({ id }) => id === 'admin.conf'),
      false,
    )
    if (!('only' in options) || options.only[0] === 'all')
      assert.match(
        plan.untouched.find(({ id }) => id === 'admin.conf')?.message ?? '',
        /another cluster, https:\/\/other/,
      )
  }
  const error = await rejects(planStore(store, {}, context, { only: ['admin.conf'] }))
  assert.is(error.code, 'KPKI_PLAN_BLOCKED')
})

test('a CA that another one has signed is not told to be renewed here; who has read its certificate restarts everywhere', async () => {
  const store = wellTree()
  const ca = certificateIn(store, 'pki/front-proxy-ca.crt')
  const issuer = { certificate: certificateIn(store, 'pki/ca.crt'), key: await keyIn(store, 'pki/ca.key') }
  const spec = { commonName: ca.subject.commonName, spki: ca.spki, isCa: true, notBefore: NOW } as const
  const notAfter = new Date(+NOW + 10 * DAY)
  const below = await issueCertificate({ ...spec, keyUsages: ['keyCertSign'], notAfter }, issuer, context)
  put(store, 'pki/front-proxy-ca.crt', formatCertificate(below))
  const { plan } = await planStore(store, {}, at(+NOW + 2000 * DAY))
  const hints = plan.untouched.flatMap(({ id, hint }) => (id.startsWith('front-proxy') ? [hint] : []))
  const byIssuer = 'have its issuer sign a new certificate for it, and put that into its place'
  assert.equal(new Set(hints), new Set([byIssuer]))
  const { plan: etcd } = await planStore(wellTree(), {}, context, { only: ['etcd-ca'] })
  assert.match(etcd.followUps.join(' '), /restart etcd there, one at a time, and then kube-apiserver/)
})

test('a key that cannot be read is made anew, sa.pub is derived; with keys kept, it is told of', async () => {
  const store = wellTree()
  put(store, 'pki/sa.pub', 'garbage')
  put(store, 'pki/apiserver.key', 'garbage')
  assert.equal(await deeds(store), ['apiserver reissue new', 'sa derive'])
  const { plan } = await planStore(store, {}, context, { keys: 'keep' })
  assert.equal(
    plan.changes.map(({ id }) => id),
    ['sa'],
  )
  assert.equal(
    plan.untouched.map(({ id, hint }) => [id, hint]),
    [['apiserver', 'a new key mends it: without --keep-keys']],
  )
  const options = { only: ['apiserver'], keys: 'keep' } as const
  assert.match((await rejects(planStore(store, {}, context, options))).message, /a key that cannot be read/)
  await changeTree('apply', store, {}, context)
  assert.equal(await deeds(store), [])
  put(store, 'pki/ca.key', 'garbage')
  const error = await rejects(planStore(store, {}, context, { only: ['apiserver'] }))
  assert.equal([error.code, /ca\.key cannot be read/.test(error.message)], ['KPKI_ISSUER_MISSING', true])
})

test('what cannot be read is told of, and left', async () => {
  const store = wellTree()
  put(store, 'pki/apiserver.crt', 'garbage')
  store.files.delete('pki/etcd/peer.crt')
  const { plan } = await planStore(store, {}, context)
  assert.equal(
    plan.changes.map(({ id }) => id),
    [],
  )
  assert.equal(
    await rejects(planStore(store, {}, context, { only: ['apiserver'] })).then(({ code }) => code),
    'KPKI_PLAN_BLOCKED',
  )
})

test('a plan says who restarts, in which order and what goes on until then', async () => {
  const { plan } = await planStore(wellTree(), {}, at('2028-01-01'), { only: ['all'] })
  assert.equal(
    plan.restarts.map(({ component, how, node }) => [component, how, node]),
    [
      ['etcd', 'reloads', 'cp-1'],
      ['kube-apiserver', 'reloads', 'cp-1'],
      ['kube-controller-manager', 'restart', 'cp-1'],
      ['kube-scheduler', 'restart', 'cp-1'],
      ['kubelet', 'restart', 'cp-1'],
    ],
  )
  assert.equal(plan.restarts.at(-1)?.until, ['The API server refuses the kubelet: its node is NotReady.'])
  const { plan: named } = await planStore(wellTree(), { facts: { apiServerCertSans: ['10.0.0.20'] } }, context)
  assert.equal(named.restarts, [
    {
      component: 'kube-apiserver',
      node: 'cp-1',
      how: 'reloads',
      because: ['apiserver'],
      until: ['kube-apiserver takes it up within a minute.', 'Clients that dial 10.0.0.20 refuse it until then.'],
    },
  ])
  const { plan: ca } = await planStore(wellTree(), {}, context, { only: ['ca'] })
  assert.equal(
    ca.restarts.map(({ component, how }) => [component, how]),
    [
      ['kube-apiserver', 'reloads'],
      ['kube-controller-manager', 'restart'],
      ['kube-scheduler', 'restart'],
      ['kubelet', 'restart'],
    ],
  )
  assert.is(ca.followUps.length, 4)
})

test('an empty tree is none', async () => {
  const store = wellTree()
  store.files.clear()
  assert.is((await rejects(planStore(store, {}, context))).code, 'KPKI_NOTHING_FOUND')
})

test.run()
