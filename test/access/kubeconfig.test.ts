import { X509Certificate } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse as parseYaml } from 'yaml'
import { formatKubeconfig, parseKubeconfig } from '../../lib/access/kubeconfig.js'
import { encodeUtf8, formatBase64 } from '../../lib/crypto/bytes.js'
import { formatPrivateKey, parsePrivateKey } from '../../lib/crypto/key-files.js'
import { formatCertificate, parseCertificates } from '../../lib/x509/certificate.js'
import { rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const context = testContext()
const parse = (text: string) => parseKubeconfig(text, context, 'x.conf')

// Made by kubeadm v1.20.2.
for (const [file, userName, server] of [
  ['admin.conf', 'kubernetes-admin', 'https://api.example.org:6443'],
  ['kubelet.conf', 'system:node:cp-1', 'https://api.example.org:6443'],
  ['controller-manager.conf', 'system:kube-controller-manager', 'https://10.0.0.10:6443'],
  ['scheduler.conf', 'system:kube-scheduler', 'https://10.0.0.10:6443'],
] as const) {
  test(`${file} of kubeadm is read`, async () => {
    const config = await parse(vector(`kubeadm/v1.20.2/${file}`))
    assert.is(config.clusterName, 'kubernetes')
    assert.is(config.userName, userName)
    assert.is(config.contextName, `${userName}@kubernetes`)
    assert.is(config.server, server)
    assert.is(config.caCertificates.map(formatCertificate).join(''), vector('kubeadm/v1.20.2/pki/ca.crt'))
    assert.is(config.caFile, undefined)
    assert.is(config.certificateFile, undefined)
    assert.is(config.certificates.length, 1)
    const [leaf] = config.certificates
    assert.is(leaf?.subject.commonName, userName)
    assert.ok(leaf && config.key?.isKeyOf(leaf.spki))
    assert.ok(
      leaf &&
        new X509Certificate(formatCertificate(leaf)).checkIssued(
          new X509Certificate(vector('kubeadm/v1.20.2/pki/ca.crt')),
        ),
    )
  })

  test(`${file} is written again byte for byte as kubeadm wrote it`, async () => {
    const text = vector(`kubeadm/v1.20.2/${file}`)
    const { certificates, key, ...config } = await parse(text)
    const [certificate] = certificates
    assert.ok(certificate && key)
    assert.is(formatKubeconfig({ ...config, certificate, key, withPreferences: true }), text)
    // client-go writes no preferences since v1.34.
    assert.is(formatKubeconfig({ ...config, certificate, key }), text.replace('preferences: {}\n', ''))
  })
}

const root = parseCertificates(vector('x509/root.crt'))
const leaf = parseCertificates(vector('x509/leaf.crt'))
const key = await parsePrivateKey(vector('x509/leaf.key'), context)

test('any names and servers come back, and another YAML reader sees the same', () =>
  fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(text => !/[\p{Cc}\p{Cs}]/u.test(text)),
      fc.oneof(
        fc.constantFrom('null', 'true', '1', '~', '- a', 'a: b', '"', "'", '#', ' a ', '1e3', '0x1f', 'y', '{}'),
        fc.string({ minLength: 1 }),
      ),
      fc.webUrl(),
      fc.boolean(),
      async (clusterName, userName, server, withPreferences) => {
        const text = formatKubeconfig({
          clusterName,
          userName,
          server,
          caCertificates: [...root, ...leaf],
          certificate: leaf[0],
          key,
          withPreferences,
        })
        const back = await parse(text)
        assert.equal(
          [back.clusterName, back.userName, back.server, back.contextName],
          [clusterName, userName, server, `${userName}@${clusterName}`],
        )
        assert.is(back.caCertificates.length, 2)
        assert.is(back.key && formatPrivateKey(back.key), formatPrivateKey(key))
        const others = parseYaml(text) as Record<string, unknown>
        assert.is(others['current-context'], `${userName}@${clusterName}`)
        assert.equal('preferences' in others, withPreferences)
      },
    ),
    { numRuns: 12 },
  ))

const base64 = (text: string) => formatBase64(encodeUtf8(text))
const config = (changes: { cluster?: object; user?: object; context?: object; root?: object } = {}) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'u@c',
    clusters: [
      { name: 'other', cluster: { server: 'https://other' } },
      {
        name: 'c',
        cluster: {
          server: 'https://a:6443',
          'certificate-authority-data': base64(vector('x509/root.crt')),
          ...changes.cluster,
        },
      },
    ],
    contexts: [{ name: 'u@c', context: { cluster: 'c', user: 'u', ...changes.context } }],
    users: [
      {
        name: 'u',
        user: {
          'client-certificate-data': base64(vector('x509/leaf.crt')),
          'client-key-data': base64(vector('x509/leaf.key')),
          ...changes.user,
        },
      },
    ],
    ...changes.root,
  })

test('JSON is read, and the current context counts', async () => {
  const read = await parse(config())
  assert.is(read.server, 'https://a:6443')
  assert.ok(read.key?.isKeyOf(leaf[0].spki))
})

test('files that it refers to are named', async () => {
  const read = await parse(
    config({
      cluster: { 'certificate-authority-data': undefined, 'certificate-authority': '/etc/kubernetes/pki/ca.crt' },
      user: {
        'client-certificate-data': undefined,
        'client-key-data': undefined,
        'client-certificate': '/var/lib/kubelet/pki/kubelet-client-current.pem',
        'client-key': '/var/lib/kubelet/pki/kubelet-client-current.pem',
      },
    }),
  )
  assert.is(read.caFile, '/etc/kubernetes/pki/ca.crt')
  assert.is(read.certificateFile, '/var/lib/kubelet/pki/kubelet-client-current.pem')
  assert.equal([read.caCertificates, read.certificates, read.key], [[], [], undefined])
})

test('a bundle of CAs and a chain of the leaf are read whole', async () => {
  const read = await parse(
    config({
      cluster: { 'certificate-authority-data': base64(vector('x509/root.crt') + vector('x509/root2.crt')) },
      user: { 'client-certificate-data': base64(vector('x509/leaf-under-inter.crt') + vector('x509/inter.crt')) },
    }),
  )
  assert.equal(
    read.caCertificates.map(({ subject }) => subject.commonName),
    ['root', 'root2'],
  )
  assert.equal(
    read.certificates.map(({ subject }) => subject.commonName),
    ['leaf', 'inter'],
  )
})

for (const [name, text, code] of [
  ['nothing', '', 'KPKI_KUBECONFIG_INVALID'],
  ['a number', '1', 'KPKI_KUBECONFIG_INVALID'],
  ['a list', '[]', 'KPKI_KUBECONFIG_INVALID'],
  ['another kind', 'kind: Pod\n', 'KPKI_KUBECONFIG_INVALID'],
  ['no current-context', config({ root: { 'current-context': undefined } }), 'KPKI_KUBECONFIG_INVALID'],
  ['an empty current-context', config({ root: { 'current-context': '' } }), 'KPKI_KUBECONFIG_INVALID'],
  [
    'an empty current-context, and a context without a name',
    config({ root: { 'current-context': '', contexts: [{ name: '', context: { cluster: 'c', user: 'u' } }] } }),
    'KPKI_KUBECONFIG_INVALID',
  ],
  ['a current-context that is a number', config({ root: { 'current-context': 1 } }), 'KPKI_KUBECONFIG_INVALID'],
  ['a dangling current-context', config({ root: { 'current-context': 'x' } }), 'KPKI_KUBECONFIG_INVALID'],
  ['no contexts', config({ root: { contexts: undefined } }), 'KPKI_KUBECONFIG_INVALID'],
  ['contexts that are null', config({ root: { contexts: null } }), 'KPKI_KUBECONFIG_INVALID'],
  ['contexts that are an object', config({ root: { contexts: {} } }), 'KPKI_KUBECONFIG_INVALID'],
  ['contexts of nulls', config({ root: { contexts: [null] } }), 'KPKI_KUBECONFIG_INVALID'],
  ['a dangling cluster', config({ context: { cluster: 'x' } }), 'KPKI_KUBECONFIG_INVALID'],
  ['a dangling user', config({ context: { user: 'x' } }), 'KPKI_KUBECONFIG_INVALID'],
  ['no user', config({ context: { user: undefined } }), 'KPKI_KUBECONFIG_INVALID'],
  ['no clusters', config({ root: { clusters: [] } }), 'KPKI_KUBECONFIG_INVALID'],
  ['a CA that is no base64', config({ cluster: { 'certificate-authority-data': '!' } }), 'KPKI_KUBECONFIG_INVALID'],
  [
    'a CA that is no text',
    config({ cluster: { 'certificate-authority-data': formatBase64(new Uint8Array([255])) } }),
    'KPKI_KUBECONFIG_INVALID',
  ],
  [
    'a CA that is DER',
    config({ cluster: { 'certificate-authority-data': formatBase64(root[0].der) } }),
    'KPKI_KUBECONFIG_INVALID',
  ],
  ['a CA that is no PEM', config({ cluster: { 'certificate-authority-data': base64('hello') } }), 'KPKI_PEM_LABEL'],
  [
    'a CA that is a key',
    config({ cluster: { 'certificate-authority-data': base64(vector('x509/leaf.key')) } }),
    'KPKI_PEM_LABEL',
  ],
  [
    'a certificate that is cut off',
    config({ user: { 'client-certificate-data': base64(vector('x509/leaf.crt').slice(0, 300)) } }),
    'KPKI_PEM_INVALID',
  ],
  ['a key that is no base64', config({ user: { 'client-key-data': 'a' } }), 'KPKI_KUBECONFIG_INVALID'],
  [
    'a key that is a certificate',
    config({ user: { 'client-key-data': base64(vector('x509/leaf.crt')) } }),
    'KPKI_PEM_LABEL',
  ],
  [
    'an encrypted key',
    config({ user: { 'client-key-data': base64(vector('keys/encrypted.sec1.pem')) } }),
    'KPKI_KEY_ENCRYPTED',
  ],
  [
    'an Ed25519 key',
    config({ user: { 'client-key-data': base64(vector('keys/ed25519.pkcs8.pem')) } }),
    'KPKI_KEY_TYPE',
  ],
  ['broken YAML', 'a: [', 'KPKI_YAML_INVALID'],
  ['more than a megabyte', ' '.repeat(1024 * 1024 + 1), 'KPKI_INPUT_TOO_LARGE'],
  ['fields that are numbers', config({ cluster: { 'certificate-authority-data': 1 } }), 'KPKI_KUBECONFIG_INVALID'],
] as const) {
  test(`refused: ${name}`, async () => {
    const error = await rejects(parse(text))
    assert.is(error.code, code)
    assert.match(error.message, 'x.conf')
    // Not even a part of the key that was in it.
    const secret = vector('x509/leaf.key').split('\n')[1] ?? ''
    assert.not.ok(inspect(error, { depth: null }).includes(secret.slice(0, 20)))
    assert.not.ok(inspect(error, { depth: null }).includes(base64(vector('x509/leaf.key')).slice(100, 130)))
  })
}

test.run()
