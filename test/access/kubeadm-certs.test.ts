import { createDecipheriv, createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rbacObjects } from '../../lib/access/bootstrap-rbac.js'
import { CertificateKey, generateCertificateKey } from '../../lib/access/certificate-key.js'
import {
  decryptKubeadmCerts,
  encryptKubeadmCerts,
  hasExternalEtcd,
  KUBEADM_CERTS_RBAC,
  sharedFiles,
} from '../../lib/access/kubeadm-certs.js'
import { verifyClusterCa, verifySharedContents } from '../../lib/access/shared-contents.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { certificateIn, keyIn, read, reissue, wellTree } from '../audit/tree.js'
import { rejects, testContext } from '../support/context.js'

const context = testContext()
const KEY = new CertificateKey(new Uint8Array(32).fill(1))
const EXTERNAL = {
  externalEtcd: {
    endpoints: ['https://10.0.0.20:2379'],
    caFile: '/etc/kubernetes/pki/etcd/ca.crt',
    certFile: '/etc/ssl/etcd/client.crt',
    keyFile: '/etc/ssl/etcd/client.key',
  },
}
const FILES = sharedFiles()
const filled = (text = 'x') => new Map(FILES.map(({ name }) => [name, new TextEncoder().encode(`${text} ${name}`)]))
const dataOf = (secret: KubernetesObject) => secret['data'] as Record<string, string>
const withData = (secret: KubernetesObject, data: Record<string, string | undefined | null | number>) => {
  const all = Object.entries({ ...dataOf(secret), ...data }).filter(([, value]) => value !== undefined)
  return { ...secret, data: Object.fromEntries(all) } as KubernetesObject
}

// kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (certsToTransfer), constants.go.
const STACKED = [
  ['ca.key', 'pki/ca.key', 0o600],
  ['ca.crt', 'pki/ca.crt', 0o644],
  ['front-proxy-ca.key', 'pki/front-proxy-ca.key', 0o600],
  ['front-proxy-ca.crt', 'pki/front-proxy-ca.crt', 0o644],
  ['sa.key', 'pki/sa.key', 0o600],
  ['sa.pub', 'pki/sa.pub', 0o644],
] as const

test('the files that control planes share, with stacked etcd', () => {
  assert.equal(
    FILES.map(({ name, path, mode }) => [name, path, mode]),
    [...STACKED, ['etcd-ca.key', 'pki/etcd/ca.key', 0o600], ['etcd-ca.crt', 'pki/etcd/ca.crt', 0o644]],
  )
})

test('with external etcd its client files, below the certificates directory or elsewhere', () => {
  assert.equal(
    sharedFiles(EXTERNAL).map(({ name, path, mode }) => [name, path, mode]),
    [
      ...STACKED,
      ['external-etcd-ca.crt', 'pki/etcd/ca.crt', 0o644],
      ['external-etcd.key', '/etc/ssl/etcd/client.key', 0o600],
      ['external-etcd.crt', '/etc/ssl/etcd/client.crt', 0o644],
    ],
  )
  const elsewhere = sharedFiles({ ...EXTERNAL, certificatesDir: '/etc/ssl/' })
  assert.equal(
    elsewhere.slice(6).map(({ path }) => path),
    ['/etc/kubernetes/pki/etcd/ca.crt', 'pki/etcd/client.key', 'pki/etcd/client.crt'],
  )
  const climbing = { ...EXTERNAL.externalEtcd, caFile: '/etc/kubernetes/pki/../../ssl/ca.crt' }
  assert.is(sharedFiles({ externalEtcd: climbing })[6]?.path, '/etc/kubernetes/pki/../../ssl/ca.crt')
  const plain = sharedFiles({ externalEtcd: { endpoints: ['http://10.0.0.20:2379'] } })
  assert.equal(
    plain.slice(6).map(({ name, path }) => [name, path]),
    [
      ['external-etcd-ca.crt', undefined],
      ['external-etcd.key', undefined],
      ['external-etcd.crt', undefined],
    ],
  )
})

test('the Secret: names sorted, every value decrypted by Node, what is empty stays empty', async () => {
  const contents = filled()
  contents.set('ca.key', new Uint8Array())
  const secret = await encryptKubeadmCerts(contents, KEY, context)
  assert.equal(
    { ...secret, data: Object.keys(dataOf(secret)) },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'kube-system', name: 'kubeadm-certs' },
      type: 'Opaque',
      data: [
        'ca.crt',
        'ca.key',
        'etcd-ca.crt',
        'etcd-ca.key',
        'front-proxy-ca.crt',
        'front-proxy-ca.key',
        'sa.key',
        'sa.pub',
      ],
    },
  )
  for (const [name, value] of Object.entries(dataOf(secret))) {
    if (name === 'ca.key') assert.is(value, '')
    else {
      const bytes = Buffer.from(value, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', KEY.exportBytes(), bytes.subarray(0, 12))
      decipher.setAuthTag(bytes.subarray(-16))
      assert.is(decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8'), `x ${name}`)
    }
  }
  assert.equal(new Map(await decryptKubeadmCerts(secret, FILES, KEY, context)), contents)
})

test('with a token it belongs to the token: as metav1.NewControllerRef has it', async () => {
  const owner = { name: 'bootstrap-token-abcdef', uid: '5a2e8f9c-0000-4000-8000-000000000001' }
  const { metadata } = await encryptKubeadmCerts(filled(), KEY, context, { owner })
  assert.equal(metadata['ownerReferences'], [
    { apiVersion: 'v1', kind: 'Secret', ...owner, controller: true, blockOwnerDeletion: true },
  ])
})

test('the role that lets joining hosts read it', () => {
  const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['kubeadm-certs'] }]
  const metadata = { name: 'kubeadm:kubeadm-certs', namespace: 'kube-system' }
  const apiGroup = 'rbac.authorization.k8s.io'
  assert.equal(rbacObjects(KUBEADM_CERTS_RBAC), [
    { apiVersion: `${apiGroup}/v1`, kind: 'Role', metadata, rules },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'Role', name: 'kubeadm:kubeadm-certs' },
      subjects: [{ apiGroup, kind: 'Group', name: 'system:bootstrappers:kubeadm:default-node-token' }],
    },
  ])
})

test('all or nothing: one wrong value, also of a name that nobody wants, and nothing comes of it', async () => {
  const secret = await encryptKubeadmCerts(filled(), KEY, context)
  const wrong = dataOf(await encryptKubeadmCerts(filled(), generateCertificateKey(context), context))['ca.crt']
  for (const [name, data, code] of [
    ['another key for one', { 'sa.pub': wrong }, 'KPKI_DECRYPT_FAILED'],
    ['another key for what nobody wants', { other: wrong }, 'KPKI_DECRYPT_FAILED'],
    ['shorter than a nonce', { 'ca.crt': 'AAAA' }, 'KPKI_CERTS_INVALID'],
    ['no base64', { 'ca.crt': '%' }, 'KPKI_CERTS_INVALID'],
    ['no text', { 'ca.crt': 5 }, 'KPKI_CERTS_INVALID'],
    ['missing', { 'ca.crt': undefined, 'sa.key': undefined }, 'KPKI_CERTS_INVALID'],
  ] as const) {
    const error = await rejects(decryptKubeadmCerts(withData(secret, data), FILES, KEY, context))
    assert.is(error.code, code, name)
    if (name === 'missing') assert.match(error.message, 'Secret kube-system/kubeadm-certs has no ca.crt')
  }
  assert.is(
    (await rejects(decryptKubeadmCerts({ ...secret, data: [] }, FILES, KEY, context))).code,
    'KPKI_CERTS_INVALID',
  )
  assert.is(
    (await rejects(decryptKubeadmCerts({ ...secret, data: null }, FILES, KEY, context))).code,
    'KPKI_CERTS_INVALID',
  )
})

test('an entry that is null is empty, as Go reads it; one that nobody wants is left out', async () => {
  const secret = await encryptKubeadmCerts(filled(), KEY, context)
  const contents = await decryptKubeadmCerts(withData(secret, { 'ca.key': null, other: '' }), FILES, KEY, context)
  assert.is(contents.get('ca.key')?.length, 0)
  assert.not.ok(contents.has('other'))
})

test('a Secret says by its names whether etcd is external; a file without a place is refused', async () => {
  const contents = new Map(sharedFiles(EXTERNAL).map(({ name }) => [name, new Uint8Array([1])]))
  const secret = await encryptKubeadmCerts(contents, KEY, context)
  assert.equal(
    [hasExternalEtcd(secret), hasExternalEtcd(await encryptKubeadmCerts(filled(), KEY, context))],
    [true, false],
  )
  const nowhere = sharedFiles({ externalEtcd: { endpoints: ['http://10.0.0.20:2379'] } })
  const error = await rejects(decryptKubeadmCerts(secret, nowhere, KEY, context))
  assert.is(error.code, 'KPKI_CERTS_INVALID')
  assert.match(error.message, 'etcd.external of the configuration names no file')
  assert.is((await rejects(decryptKubeadmCerts(secret, FILES, KEY, context))).code, 'KPKI_CERTS_INVALID')
})

/** The shared files of a tree, some of them replaced by text or by another file of it. */
function contentsOf(changes: Readonly<Record<string, string>> = {}, store = wellTree()) {
  const text = ({ name, path = '' }: (typeof FILES)[number]) => changes[name] ?? read(store, path)
  return new Map(FILES.map(file => [file.name, new TextEncoder().encode(text(file))]))
}
const verify = (changes: Readonly<Record<string, string>> = {}) =>
  verifySharedContents(contentsOf(changes), FILES, context)

test('files of one tree belong together, also when its CAs have no keys', async () => {
  const store = wellTree()
  const { caCertificates } = await verify()
  assert.is(caCertificates[0]?.subject.commonName, 'kubernetes')
  await verify({ 'ca.key': '', 'front-proxy-ca.key': '', 'etcd-ca.key': '' })
  assert.equal((await verify({ 'ca.key': '', 'ca.crt': '' })).caCertificates, [])
  await verify({ 'ca.crt': read(store, 'pki/etcd/ca.crt') + read(store, 'pki/ca.crt') })
  await verify({ 'sa.pub': `${read(store, 'pki/sa.pub')}${read(store, 'pki/sa.pub')}` })
})

test('what was swapped or is something else is told', async () => {
  const [store, other] = [wellTree(), wellTree()]
  await reissue(other, 'ca', {}, { base: 'pki/ca' })
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string, RegExp])[] = [
    [
      'the key of another CA',
      { 'ca.key': read(other, 'pki/ca.key') },
      'KPKI_CERTS_MISMATCH',
      /^ca.key is not the key of ca.crt$/,
    ],
    [
      'two CAs swapped by half',
      { 'ca.crt': read(store, 'pki/etcd/ca.crt'), 'etcd-ca.crt': read(store, 'pki/ca.crt') },
      'KPKI_CERTS_MISMATCH',
      /^ca.key is not the key of ca.crt$/,
    ],
    [
      'sa.pub of another',
      { 'sa.key': read(other, 'pki/ca.key') },
      'KPKI_CERTS_MISMATCH',
      /^sa.key is not the key of sa.pub$/,
    ],
    [
      'no CA',
      { 'ca.crt': read(store, 'pki/apiserver.crt'), 'ca.key': read(store, 'pki/apiserver.key') },
      'KPKI_CERTS_MISMATCH',
      /^ca.crt is no CA$/,
    ],
    ['a key for a certificate', { 'ca.crt': read(store, 'pki/ca.key') }, 'KPKI_PEM_LABEL', /holds a private key/],
    [
      'a key behind a certificate',
      { 'ca.crt': read(store, 'pki/ca.crt') + read(store, 'pki/ca.key') },
      'KPKI_PEM_LABEL',
      /holds a private key, and is a public file/,
    ],
    [
      'a certificate for a key',
      { 'ca.key': read(store, 'pki/ca.crt') },
      'KPKI_PEM_LABEL',
      /^ca.key holds no private key/,
    ],
    [
      'a certificate for sa.pub',
      { 'sa.pub': read(store, 'pki/ca.crt') },
      'KPKI_PEM_LABEL',
      /^sa.pub holds no public key/,
    ],
    ['neither', { 'etcd-ca.crt': 'hello' }, 'KPKI_PEM_LABEL', /^etcd-ca.crt holds no PEM block/],
  ]
  for (const [name, changes, code, message] of cases) {
    const error = await rejects(verify(changes))
    assert.is(error.code, code, name)
    assert.match(error.message, message, name)
  }
  const contents = contentsOf()
  contents.set('ca.crt', new Uint8Array([0xff, 0xfe]))
  assert.is((await rejects(verifySharedContents(contents, FILES, context))).code, 'KPKI_PEM_INVALID')
})

/** The pair of each CA under the name of another one. */
const asPairs = (names: Readonly<Record<string, string>>, store = wellTree()) =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, from]) =>
      ['crt', 'key'].map(ending => [
        `${name}.${ending}`,
        read(store, `pki/${from.replace('etcd-', 'etcd/')}.${ending}`),
      ]),
    ),
  )

// Names: kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/certs/certlist.go.
for (const [name, swapped, message] of [
  ['ca and etcd-ca', { ca: 'etcd-ca', 'etcd-ca': 'ca' }, 'ca.crt is named "etcd-ca", as etcd-ca.crt should be'],
  [
    'ca and front-proxy-ca',
    { ca: 'front-proxy-ca', 'front-proxy-ca': 'ca' },
    'ca.crt is named "front-proxy-ca", as front-proxy-ca.crt should be',
  ],
  [
    'all three in a circle',
    { ca: 'etcd-ca', 'etcd-ca': 'front-proxy-ca', 'front-proxy-ca': 'ca' },
    'ca.crt is named "etcd-ca"',
  ],
] as const) {
  test(`whole pairs that were swapped, which needs no key: ${name}`, async () => {
    const changes = asPairs(swapped)
    const error = await rejects(verify(changes))
    assert.equal([error.code, error.message.startsWith(message)], ['KPKI_CERTS_MISMATCH', true], error.message)
    // Without the keys, too, as where they are elsewhere.
    const bare = Object.fromEntries(
      Object.entries(changes).map(([key, text]) => [key, key.endsWith('key') ? '' : text]),
    )
    assert.is((await rejects(verify(bare))).code, 'KPKI_CERTS_MISMATCH')
    // A tree that works may have any names; that they are refused at the other end is said.
    const { remarks } = await verifySharedContents(contentsOf(changes), FILES, context, { allowOtherCaNames: true })
    assert.ok(remarks.some(remark => remark.includes('certs download refuses that')))
  })
}

test('one CA under two names is remarked on, and taken: there are such clusters', async () => {
  assert.equal((await verify()).remarks, [])
  const all = await verify(asPairs({ 'etcd-ca': 'ca', 'front-proxy-ca': 'ca' }))
  assert.equal(all.remarks, [
    'ca.crt and front-proxy-ca.crt are one CA: what the one lets in, the other does, too',
    'ca.crt and etcd-ca.crt are one CA: what the one lets in, the other does, too',
    'front-proxy-ca.crt and etcd-ca.crt are one CA: what the one lets in, the other does, too',
  ])
  assert.is((await verify(asPairs({ ca: 'etcd-ca' }))).remarks.length, 1)
})

test('the CA of a cluster is told by its public key, among several', async () => {
  const [store, other] = [wellTree(), wellTree()]
  await reissue(other, 'ca', {}, { base: 'pki/ca' })
  const key = await keyIn(store, 'pki/ca.key')
  const [own, foreign] = [certificateIn(store, 'pki/ca.crt'), certificateIn(other, 'pki/ca.crt')]
  const renewed = await reissue(store, 'ca', { notAfter: new Date('2050-01-01T00:00:00Z') }, { base: 'pki/ca', key })
  await verifyClusterCa([own], [own], context)
  await verifyClusterCa([own], [foreign, renewed], context)
  await verifyClusterCa([foreign, own], [renewed], context)
  const error = await rejects(verifyClusterCa([own], [foreign], context))
  assert.is(error.code, 'KPKI_CERTS_MISMATCH')
  const pins = [own, foreign].map(({ spki }) => `sha256:${createHash('sha256').update(spki).digest('hex')}`)
  assert.match(error.message, `CN=kubernetes (${pins[0]}), and CN=kubernetes (${pins[1]})`)
  assert.equal([error.details['own'], error.details['trusted']], [[pins[0]], [pins[1]]])
  assert.match(error.hint ?? '', '--allow-other-ca')
})

test('what is empty and should not be is refused, as it is at upload', async () => {
  const files = sharedFiles(EXTERNAL)
  for (const { name } of FILES.concat(files)) {
    const contents = new Map(files.concat(FILES).map(file => [file.name, new Uint8Array([1])]))
    contents.set(name, new Uint8Array())
    const secret = await encryptKubeadmCerts(contents, KEY, context)
    const own = files.some(file => file.name === name) ? files : FILES
    if (['ca.key', 'front-proxy-ca.key', 'etcd-ca.key'].includes(name)) {
      assert.is((await decryptKubeadmCerts(secret, own, KEY, context)).get(name)?.length, 0)
    } else {
      const error = await rejects(decryptKubeadmCerts(secret, own, KEY, context))
      assert.is(error.code, 'KPKI_CERTS_INVALID')
      assert.match(error.message, `has an empty ${name}:`)
    }
  }
})

test.run()
