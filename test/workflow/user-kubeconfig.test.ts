import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseKubeconfig } from '../../lib/access/kubeconfig.js'
import { StoreError } from '../../lib/errors.js'
import { rowsOf } from '../../lib/kubernetes/catalogue.js'
import { parseCluster } from '../../lib/kubernetes/cluster.js'
import { parseVersion } from '../../lib/kubernetes/versions.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { generateTree } from '../../lib/workflow/generate.js'
import { issueUserKubeconfig, type UserKubeconfigSpec } from '../../lib/workflow/user-kubeconfig.js'
import { verifyCertificate } from '../../lib/x509/verify.js'
import { rejects, testContext } from '../support/context.js'

const warnings: string[] = []
const context = testContext({
  log: ({ level, message }) => {
    if (level === 'warning') warnings.push(message)
  },
})
const facts = {
  nodeName: 'cp-1',
  advertiseAddress: '10.0.0.10',
  clusterName: 'prod',
  encryptionAlgorithm: 'ECDSA-P384',
}
const cluster = parseCluster(facts, context)
const made = new MemoryStore()
await generateTree(rowsOf(cluster, 'init'), cluster, made, context)
/** The tree without some of its files, or with others. */
function tree(changes: Readonly<Record<string, string | undefined>> = {}): MemoryStore {
  const store = new MemoryStore()
  for (const [path, file] of made.files) if (!(path in changes)) store.files.set(path, file)
  for (const [path, text] of Object.entries(changes))
    if (text !== undefined) store.files.set(path, { bytes: new TextEncoder().encode(text), mode: 0o600 })
  return store
}
const issue = (spec: Partial<UserKubeconfigSpec> = {}, store = tree()) =>
  issueUserKubeconfig({ name: 'jane', ...spec }, store, context)

test('the certificate is for clients, of the CA, and what is in the file is what is returned', async () => {
  const { kubeconfig = '', certificate, notAfter, contextName } = await issue({ groups: ['b', 'a', 'b'] })
  const read = await parseKubeconfig(kubeconfig, context)
  assert.equal(read.certificates, [certificate])
  assert.ok(certificate && read.key?.isKeyOf(certificate.spki))
  assert.equal([read.clusterName, read.server, read.contextName], ['prod', 'https://10.0.0.10:6443', contextName])
  assert.equal(certificate.extKeyUsages, ['clientAuth'])
  assert.equal([...certificate.subject.organizations].sort(), ['a', 'b'])
  assert.is(certificate.publicKey.name, 'ECDSA-P384')
  assert.equal(certificate.notAfter, notAfter)
  await verifyCertificate(certificate, { roots: read.caCertificates, usages: ['clientAuth'] }, context)
})

test('no certificate of the same user has the key or the number of another', async () => {
  const [one, other] = [await issue(), await issue()]
  assert.not.equal(one.certificate?.spki, other.certificate?.spki)
  assert.is.not(one.certificate?.serialNumber, other.certificate?.serialNumber)
})

test('another cluster that somebody has merged into admin.conf and chosen is not where users are sent', async () => {
  const text = new TextDecoder().decode(made.files.get('admin.conf')?.bytes)
  const foreign = new TextDecoder().decode(made.files.get('pki/etcd/ca.crt')?.bytes)
  const moved = text
    .replace(/certificate-authority-data: .*/, `certificate-authority-data: ${btoa(foreign)}`)
    .replace(/server: .*/, 'server: https://other.example:6443')
  const { kubeconfig = '' } = await issue({}, tree({ 'admin.conf': moved }))
  assert.is((await parseKubeconfig(kubeconfig, context)).server, 'https://10.0.0.10:6443')
})

test('a dry run makes nothing', async () => {
  const store = tree()
  const files = [...store.files.keys()]
  const { kubeconfig, certificate, notAfter } = await issueUserKubeconfig({ name: 'jane' }, store, context, {
    dryRun: true,
  })
  assert.equal([kubeconfig, certificate], [undefined, undefined])
  assert.equal(notAfter, new Date('2026-06-02T00:00:00Z'))
  assert.equal([...store.files.keys()], files)
})

test('without an admin.conf another one of the tree says where the server is; without any it must be said', async () => {
  assert.is((await issue({}, tree({ 'admin.conf': undefined }))).server, 'https://10.0.0.10:6443')
  const none = Object.fromEntries(
    [...made.files.keys()].filter(path => path.endsWith('.conf')).map(path => [path, undefined]),
  )
  assert.is((await rejects(issue({}, tree(none)))).code, 'KPKI_FIELD_VALUE')
  const said = await issue({ server: 'https://x:1' }, tree(none))
  assert.equal([said.clusterName, said.keyAlgorithm], ['kubernetes', 'ECDSA-P384'])
  // One that cannot be read is warned of, and the next one asked.
  warnings.length = 0
  assert.is((await issue({}, tree({ 'admin.conf': 'secret: [' }))).server, 'https://10.0.0.10:6443')
  assert.match(warnings.join(), 'not asked where the API server is')
  assert.not.match(warnings.join(), 'secret')
})

test('a bundle of CAs is trusted whole, and signed with by the one that has the key', async () => {
  const text = (path: string) => new TextDecoder().decode(made.files.get(path)?.bytes)
  const bundle = tree({ 'pki/ca.crt': text('pki/front-proxy-ca.crt') + text('pki/ca.crt') })
  const { kubeconfig = '', certificate } = await issue({}, bundle)
  const { caCertificates } = await parseKubeconfig(kubeconfig, context)
  assert.is(caCertificates.length, 2)
  assert.is(certificate?.issuer.commonName, 'kubernetes')
})

for (const [what, store, expected] of [
  ['no CA', tree({ 'pki/ca.crt': undefined }), 'KPKI_ISSUER_MISSING'],
  ['no key of the CA', tree({ 'pki/ca.key': undefined }), 'KPKI_ISSUER_MISSING'],
  [
    'the key of another CA',
    tree({ 'pki/ca.key': new TextDecoder().decode(made.files.get('pki/etcd/ca.key')?.bytes) }),
    'KPKI_ISSUER_KEY_MISMATCH',
  ],
  ['a broken CA', tree({ 'pki/ca.crt': 'x' }), 'KPKI_TREE_MISMATCH'],
  ['a broken key', tree({ 'pki/ca.key': 'x' }), 'KPKI_TREE_MISMATCH'],
] as const)
  test(`refused: ${what}`, async () => assert.is((await rejects(issue({}, store))).code, expected))

test('a CA that has ended signs nothing', async () => {
  const late = testContext({ clock: () => new Date('2040-01-01T00:00:00Z') })
  assert.is((await rejects(issueUserKubeconfig({ name: 'jane' }, tree(), late))).code, 'KPKI_ISSUER_EXPIRED')
})

test('the file is written as the kubeadm of its version writes it', async () => {
  const kubernetesVersion = parseVersion('v1.33.0')
  assert.ok(kubernetesVersion)
  assert.match((await issue({ kubernetesVersion })).kubeconfig ?? '', 'preferences: {}')
  assert.not.match((await issue()).kubeconfig ?? '', 'preferences')
})

test('a token is all that stands in for a token user', async () => {
  const {
    kubeconfig = '',
    certificate,
    notAfter,
  } = await issue({ token: 'abc', namespace: 'shop' }, tree({ 'pki/ca.key': undefined }))
  assert.equal([certificate, notAfter], [undefined, undefined])
  assert.match(kubeconfig, 'users:\n- name: jane\n  user:\n    token: abc\n')
  assert.match(kubeconfig, '    namespace: shop\n')
  // Neither a key that is broken nor one that may not be read is looked at, nor what else is root's.
  assert.is((await issue({ token: 'abc' }, tree({ 'pki/ca.key': 'x' }))).notAfter, undefined)
  const store = tree()
  const read = store.read.bind(store)
  store.read = async path => {
    if (path === 'pki/ca.crt') return read(path)
    throw new StoreError('KPKI_FILE_UNREADABLE', `${path} cannot be read (EACCES)`)
  }
  warnings.length = 0
  const said = await issue({ token: 'abc', server: 'https://x:1' }, store)
  assert.equal([said.server, said.clusterName], ['https://x:1', 'kubernetes'])
  assert.is(warnings.length, 1)
  assert.is((await rejects(issue({ token: 'abc' }, store))).code, 'KPKI_FIELD_VALUE')
  assert.is((await rejects(issue({ token: 'abc', validitySeconds: 60 }))).code, 'KPKI_FIELD_VALUE')
  for (const token of ['', 'a b', 'a\n', 'ä']) assert.is((await rejects(issue({ token }))).code, 'KPKI_FIELD_VALUE')
})

test.run()
