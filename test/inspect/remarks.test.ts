import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RULES } from '../../lib/audit/rules.js'
import { inspectFiles } from '../../lib/inspect/inspect.js'
import type { InspectInput } from '../../lib/inspect/types.js'
import { testContext } from '../support/context.js'
import { vector, vectorDer } from '../vectors/read.js'
import { base64, input, LATER } from './support.js'

const [root, leaf, leafKey, rootKey] = ['root.crt', 'leaf.crt', 'leaf.key', 'root.key'].map(file =>
  vector(`x509/${file}`),
) as [string, string, string, string]

const kubeconfig = (ca: string, certificate = leaf, key = leafKey) =>
  JSON.stringify({
    kind: 'Config',
    'current-context': 'x',
    clusters: [{ name: 'c', cluster: { server: 'https://a', 'certificate-authority-data': base64(ca) } }],
    users: [{ name: 'u', user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  })
const tokenConfig = JSON.stringify({
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'https://a' } }],
  users: [{ name: 'u', user: { token: 'x' } }],
})
const clustersOf = (...servers: readonly string[]) =>
  JSON.stringify({ kind: 'Config', clusters: servers.map(server => ({ name: 'c', cluster: { server } })) })
const secret = (kind: string, data: Readonly<Record<string, string>>) => {
  const encode = (text: string) => (kind === 'Secret' ? base64(text) : text)
  return JSON.stringify({
    kind,
    metadata: { name: 's' },
    data: Object.fromEntries(Object.entries(data).map(([name, text]) => [name, encode(text)])),
  })
}
/** Text with a letter changed near its end: the signature of a certificate, or the last part of a key. */
const spoilt = (pem: string) => {
  const at = pem.indexOf('\n-----END') - 8
  return `${pem.slice(0, at)}${pem[at] === 'A' ? 'B' : 'A'}${pem.slice(at + 1)}`
}
const x = (file: string) => vector(`x509/${file}`)

type Row = readonly [about: string, files: readonly InspectInput[], remarks: readonly string[], now?: string]
const ROWS: readonly Row[] = [
  // What is well says nothing.
  ['a chain with its key', [input('ca.crt', root), input('a.crt', leaf), input('a.key', leafKey, 0o600)], []],
  ['a root signed with SHA-1 is as good as any', [input('a', x('rsa-root.crt'))], []],
  ['a serial number of zero is short, but works', [input('a', x('odd-zero-serial.crt'))], []],
  ['an issuer that is not here', [input('a.crt', leaf)], []],
  ['a namesake elsewhere is no fault of anybody', [input('a/ca.crt', x('root-other.crt')), input('b/a.crt', leaf)], []],
  ['a kubeconfig of its own CA', [input('a.conf', kubeconfig(root), 0o600)], []],
  [
    'a kubeconfig whose CA was renewed with its key',
    [input('a.conf', kubeconfig(x('root-renewed.crt'))), input('pki/ca.crt', root)],
    [],
  ],
  [
    'a kubeconfig with another CA than its client is of, which is not here',
    [input('a.conf', kubeconfig(x('root2.crt')))],
    [],
  ],
  ['an encrypted key that everybody reads', [input('a.key', vector('keys/encrypted.pkcs8.pem'), 0o644)], []],
  [
    'an encrypted key beside a certificate may be the right one',
    [input('a.crt', leaf), input('a.key', vector('keys/encrypted.sec1.pem'))],
    [],
  ],
  ['a public kubeconfig without credentials', [input('a.conf', tokenConfig.replace('"token"', '"x"'), 0o644)], []],
  ['sa.pub and sa.key', [input('sa.key', leafKey), input('sa.pub', vector('inspect/leaf.pub'))], []],
  ['both keys of one name, of cfssl', [input('a.pem', leaf), input('a-key.pem', leafKey)], []],
  // The clock.
  ['the last second', [input('a.crt', x('leaf-last-second.crt'))], ['ends-soon a.crt'], '2026-06-01T12:00:00Z'],
  ['a second later', [input('a.crt', x('leaf-last-second.crt'))], ['expired a.crt'], '2026-06-01T12:00:01Z'],
  // 30 days before its end, of ten years; and with more than a third of a short life left.
  ['a day before its last 30', [input('a.crt', leaf)], [], '2035-12-01T00:00:00Z'],
  ['in its last 30 days', [input('a.crt', leaf)], ['ends-soon a.crt'], '2035-12-03T00:00:00Z'],
  ['not yet', [input('a.crt', x('leaf-future.crt'))], ['not-yet-valid a.crt'], '2026-06-01T12:00:00Z'],
  // Certificates.
  ['a key of 1024 bits', [input('a.crt', vector('inspect/short.crt'))], ['key-weak a.crt']],
  ['a curve that Go does not read', [input('a.crt', vector('output/odd-curve.crt'))], ['key-unusable a.crt']],
  ['a lone key of 1024 bits', [input('a.key', vector('keys/rsa-1024.pkcs1.pem'))], ['key-weak a.key']],
  ['SHA-1', [input('a.crt', x('leaf-sha1.crt'))], ['signature-weak a.crt']],
  ['MD5', [input('ca.crt', x('rsa-root.crt')), input('a.crt', x('rsa-leaf-md5.crt'))], ['signature-weak a.crt']],
  ['a critical extension of nobody', [input('a.crt', x('leaf-unknown-critical.crt'))], ['extension-unknown a.crt']],
  ['the same one, not critical', [input('a.crt', x('leaf-unknown.crt'))], []],
  ['a negative serial number', [input('a.crt', x('odd-negative-serial.crt'))], ['serial-negative a.crt']],
  ['a server without names', [input('a.crt', vector('inspect/nameless-server.crt'))], ['names-missing a.crt']],
  ['longer than its CA', [input('ca.crt', root), input('a.crt', x('odd-year-2049.crt'))], ['outlives-ca a.crt']],
  [
    'signed by what is no CA',
    [input('b.crt', x('not-ca.crt')), input('a.crt', x('leaf-under-not-ca.crt'))],
    ['not-a-ca a.crt'],
  ],
  // Signatures.
  [
    'the CA beside it has another key',
    [input('pki/ca.crt', x('root-other.crt')), input('pki/a.crt', leaf)],
    ['chain pki/a.crt'],
  ],
  ['changed after it was signed', [input('ca.crt', root), input('b/a.crt', spoilt(leaf))], ['chain b/a.crt']],
  ['a root that was changed', [input('ca.crt', spoilt(root))], ['chain ca.crt']],
  // Keys.
  ['the key of another', [input('ca.crt', root), input('ca.key', leafKey)], ['key-mismatch ca.key']],
  ['of another, by cfssl', [input('ca.pem', root), input('ca-key.pem', leafKey)], ['key-mismatch ca-key.pem']],
  ['of another, in one file', [input('a.pem', root + leafKey)], ['key-mismatch a.pem']],
  ['of another, in a kubeconfig', [input('a.conf', kubeconfig(root, leaf, rootKey))], ['key-mismatch a.conf']],
  [
    'of another, in a Secret',
    [input('a', secret('Secret', { 'tls.crt': leaf, 'tls.key': rootKey }))],
    ['key-mismatch a'],
  ],
  [
    'sa.pub of another',
    [input('sa.key', rootKey), input('sa.pub', vector('inspect/leaf.pub'))],
    ['public-key-mismatch sa.pub'],
  ],
  ['a key that is broken', [input('a.key', spoilt(vector('keys/rsa-2048.pkcs1.pem')))], ['unreadable a.key']],
  [
    'a certificate without its key in a kubeconfig',
    [input('a', kubeconfig(root).replace('client-key-data', 'x'))],
    ['no-credentials a'],
  ],
  // Who can read.
  ['a key for everybody', [input('a.key', leafKey, 0o644)], ['mode-open a.key']],
  ['a key for the group', [input('a.key', leafKey, 0o640)], ['mode-open a.key']],
  ['a kubeconfig for everybody', [input('a.conf', kubeconfig(root), 0o644)], ['mode-open a.conf']],
  ['a token for everybody', [input('a.conf', tokenConfig, 0o604)], ['mode-open a.conf']],
  ['a key in a public file', [input('a.crt', leaf + leafKey, 0o644)], ['secret-exposed a.crt']],
  [
    'a key in a ConfigMap',
    [input('a', secret('ConfigMap', { 'tls.crt': leaf, 'tls.key': leafKey }))],
    ['secret-exposed a'],
  ],
  ['a certificate that everybody can change', [input('a.crt', leaf, 0o666)], ['mode-writable a.crt']],
  // Kubeconfigs.
  [
    'another CA than the tree',
    [input('k/a.conf', kubeconfig(root)), input('k/pki/ca.crt', x('root2.crt'))],
    ['ca-data k/a.conf'],
  ],
  [
    'another CA than its client is of',
    [input('a.conf', kubeconfig(x('root2.crt'))), input('other.crt', root)],
    ['ca-data a.conf'],
  ],
  ['a cluster twice', [input('a', clustersOf('https://a', 'https://b'))], ['unreadable a']],
  ['a password in a URL', [input('a', clustersOf('https://u:SECRET@h'))], ['kubeconfig-extra a']],
  [
    'a password in the URL of a proxy',
    [input('a', clustersOf('https://h').replace('"server"', '"proxy-url":"http://u:SECRET@p","server"'))],
    ['kubeconfig-extra a'],
  ],
  [
    'certificate and key swapped',
    [input('a.conf', kubeconfig(root, leafKey, leaf))],
    ['unreadable a.conf', 'unreadable a.conf'],
  ],
  ['a key in place of a CA', [input('a.conf', kubeconfig(rootKey))], ['unreadable a.conf']],
  [
    'a key in place of its path',
    [input('a.conf', JSON.stringify({ kind: 'Config', users: [{ name: 'u', user: { 'client-key': leafKey } }] }))],
    ['unreadable a.conf'],
  ],
  [
    'a context of which nothing is here',
    [input('a', JSON.stringify({ kind: 'Config', contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }] }))],
    ['entry-missing a'],
  ],
  // What cannot be read.
  ['an empty certificate file', [input('a.crt', '')], ['unreadable a.crt']],
  ['a text in place of a key', [input('a.key', 'see the vault\n')], ['unreadable a.key']],
  ['a kubeconfig that is cut off', [input('a.conf', 'kind: Config\nclusters: [')], ['unreadable a.conf']],
  ['a file that is too large', [input('a.crt', new Uint8Array(32 * 1024 * 1024 + 1))], ['unreadable a.crt']],
  [
    'YAML that is too large',
    [input('a.yaml', `kind: List\nitems: []\n${'#\n'.repeat(600_000)}`)],
    ['unreadable a.yaml'],
  ],
  ['JSON that is large', [input('a', `${' '.repeat(2e6)}${secret('Secret', { 'tls.crt': leaf })}`)], []],
  ['large JSON that is cut off', [input('a', `{"kind":"List","x":"${'SECRET'.repeat(300_000)}`)], ['unreadable a']],
  ['a large kubeconfig', [input('a', `${' '.repeat(2e6)}${tokenConfig}`)], ['unreadable a']],
  ['a field twice', [input('a', 'kind: Secret\nkind: Secret\nmetadata: {name: a}\n')], ['field-twice a']],
  [
    'a newline behind DER',
    [input('a.der', Buffer.concat([vectorDer('x509/root.crt'), Buffer.from('\n')]))],
    ['unreadable a.der'],
  ],
  ['a password for everybody', [input('a', secret('Secret', { password: 'SECRET' }), 0o644)], ['mode-open a']],
  ['a Secret of a certificate for everybody', [input('a', secret('Secret', { 'tls.crt': leaf }), 0o644)], []],
  ['a ConfigMap for everybody', [input('a', secret('ConfigMap', { password: 'x' }), 0o644)], []],
  [
    'a file that could not be opened',
    [{ ...input('a.key', ''), problem: 'cannot be read (EACCES)', problemKind: 'forbidden' }],
    ['unreadable a.key'],
  ],
]

for (const [about, files, expected, now] of ROWS) {
  test(`remarks: ${about}`, async () => {
    const clock = () => (now === undefined ? LATER : new Date(now))
    const { remarks } = await inspectFiles(files, testContext({ clock }))
    assert.equal(
      remarks.map(({ code, place }) => `${code} ${place.file}`),
      expected,
    )
    for (const { code, severity, message, hint } of remarks) {
      assert.is(severity, RULES[code].severity)
      assert.not.match(message + hint, 'SECRET')
      for (const text of [message, hint ?? '']) assert.match(text, /^[a-z][^\n]*[^.\n]$/)
    }
  })
}

test('whose key it is, is said', async () => {
  const files = [input('a.crt', leaf), input('a.key', rootKey), input('ca.crt', root)]
  const { remarks } = await inspectFiles(files, testContext({ clock: () => LATER }))
  assert.is(remarks[0]?.message, 'is not the key of a.crt, but of ca.crt')
})

test('a key is of what is in a kubeconfig, not of the kubeconfig', async () => {
  const files = [input('a.crt', root), input('a.key', leafKey), input('x.conf', kubeconfig(root))]
  const { remarks } = await inspectFiles(files, testContext({ clock: () => LATER }))
  assert.is(remarks[0]?.message, 'is not the key of a.crt, but of a certificate in x.conf')
})

test('what may be a credential is in no form of an inspection', async () => {
  const { kubeconfigs, ...rest } = await inspectFiles(
    [
      input('a', clustersOf('https://u:SECRET@h/?token=SECRET')),
      input('b', JSON.stringify({ kind: 'Config', users: [{ name: 'u', user: { 'client-key': leafKey } }] })),
    ],
    testContext({ clock: () => LATER }),
  )
  assert.is(kubeconfigs[0]?.clusters[0]?.server, 'https://***@h/?***')
  assert.not.match(JSON.stringify({ kubeconfigs, ...rest }), /SECRET|BEGIN/)
})

test.run()
