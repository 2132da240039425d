import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inspectFiles } from '../../lib/inspect/inspect.js'
import { wellTree } from '../audit/tree.js'
import { provider, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'
import { base64, bytesOf, factsOf, inspect, LATER } from './support.js'

const NOTHING = {
  certificates: 0,
  keys: 0,
  requests: 0,
  kubeconfigs: 0,
  manifests: 0,
  blocks: [],
  others: [],
  codes: [],
}

// What each kind of file holds, by its maker's word (the make.sh beside it).
for (const [name, path, expected] of [
  ['a certificate', 'x509/root.crt', { certificates: 1 }],
  ['a DER certificate', 'inspect/root.der', { certificates: 1 }],
  ['a certificate with openssl trust behind it', 'inspect/trusted.pem', { certificates: 1 }],
  ['X509 CERTIFICATE', 'inspect/x509-label.pem', { certificates: 1 }],
  ['a request', 'inspect/request.csr', { requests: 1 }],
  ['NEW CERTIFICATE REQUEST', 'inspect/request-new.csr', { requests: 1 }],
  ['a DER request', 'inspect/request.der', { requests: 1 }],
  ['a public key', 'inspect/leaf.pub', { keys: 1 }],
  ['RSA PUBLIC KEY', 'inspect/rsa-2048.pkcs1.pub', { keys: 1 }],
  ['a DER key', 'inspect/leaf-key.der', { keys: 1 }],
  ['PKCS #7', 'inspect/bundle.p7b', { blocks: ['PKCS7'] }],
  ['DER PKCS #7', 'inspect/bundle.p7.der', { blocks: ['PKCS7'] }],
  ['PKCS #12', 'inspect/store.p12', { blocks: ['PKCS12'] }],
  ['an OpenSSH key', 'keys/openssh.pem', { blocks: ['OPENSSH PRIVATE KEY'] }],
  ['a script', 'inspect/make.sh', { others: ['file'] }],
] as const) {
  test(`what is in ${name}`, async () => {
    const found = await inspect({ file: bytesOf(path) })
    assert.equal(factsOf(found), { ...NOTHING, ...expected })
  })
}

for (const file of readdirSync(new URL('../vectors/keys/', import.meta.url)).filter(file => file.endsWith('.pem'))) {
  if (file === 'openssh.pem') continue
  test(`the key ${file}`, async () => {
    const text = vector(`keys/${file}`)
    const { keys, certificates, remarks } = await inspect({ [file]: text })
    // A point that is not in the file has to be computed, which @peculiar/webcrypto does not.
    if (provider === 'peculiar' && /nopublic|compressed/.test(file)) {
      assert.equal([keys.length, remarks.map(({ code }) => code)], [0, ['unreadable']])
      return
    }
    assert.equal([keys.length, certificates.length], [1, 0])
    const [key] = keys
    const isPublic = file.includes('.pub.')
    assert.is(key?.kind, isPublic ? 'public' : 'private')
    assert.is(key?.isEncrypted, file.startsWith('encrypted'))
    if (key?.isEncrypted) {
      assert.equal([key.type, key.publicKeyHash], [undefined, undefined])
      return
    }
    // node:crypto is asked what it is.
    const known = createPublicKey(isPublic ? text : createPrivateKey(text))
    const details = known.asymmetricKeyDetails ?? {}
    const type = key?.type
    if (type?.kind === 'RSA') assert.equal([known.asymmetricKeyType, details.modulusLength], ['rsa', type.modulusBits])
    else if (type?.kind === 'ECDSA')
      assert.is({ prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[details.namedCurve ?? ''], type.curve)
    else assert.not.ok(['rsa'].includes(known.asymmetricKeyType ?? ''), type?.name)
    if (key?.publicKeyHash !== undefined) {
      // By way of JWK: a compressed point is written in full.
      const plain = createPublicKey({ key: known.export({ format: 'jwk' }), format: 'jwk' })
      const spki = plain.export({ type: 'spki', format: 'der' })
      const digest = Buffer.from(await globalThis.crypto.subtle.digest('SHA-256', new Uint8Array(spki))).toString('hex')
      assert.is(key.publicKeyHash, `sha256:${digest}`)
    }
    assert.equal(
      remarks.map(({ code }) => code),
      type?.kind === 'RSA' && type.modulusBits < 2048 && !isPublic ? ['key-weak'] : [],
    )
  })
}

test('an unreadable key is remarked on, and no secret is in the inspection', async () => {
  const text = vector('x509/leaf.key')
  const secret = text.split('\n')[1] ?? ''
  const found = await inspect({ 'a.key': text, 'b.key': text.replace(secret, secret.replace(/[a-z]/g, 'A')) })
  assert.equal(factsOf(found).codes, ['unreadable'])
  const said = JSON.stringify(found)
  for (let at = 0; at + 12 < secret.length; at++) assert.not.ok(said.includes(secret.slice(at, at + 12)))
})

const x509 = readdirSync(new URL('../vectors/x509/', import.meta.url)).filter(file => file.endsWith('.crt'))

test('issuers are those that node:crypto verifies, among all vectors', async () => {
  const found = await inspect(Object.fromEntries(x509.map(file => [file, vector(`x509/${file}`)])))
  assert.is(found.certificates.length, x509.length)
  const known = found.certificates.map(({ certificate }) => new X509Certificate(certificate.der))
  for (const [index, { issuer, uncheckedIssuer, places }] of found.certificates.entries()) {
    const own = known[index]
    const possible = known.flatMap((other, at) => {
      const [named] = [found.certificates[at]?.certificate.subject.der]
      const isNamed = Buffer.from(named ?? []).equals(
        Buffer.from(found.certificates[index]?.certificate.issuer.der ?? []),
      )
      return own && isNamed && own.verify(other.publicKey) ? [at] : []
    })
    const file = places[0]?.file ?? ''
    // WebCrypto has no MD5; OpenSSL does.
    if (file === 'rsa-leaf-md5.crt') assert.equal([issuer, possible.includes(uncheckedIssuer ?? -1)], [undefined, true])
    else if (possible.length === 0) assert.is(issuer, undefined, file)
    else assert.ok(possible.includes(issuer ?? -1), file)
  }
})

test('keys belong to the certificates that node:crypto says', async () => {
  const files = Object.fromEntries(
    [...x509, 'root.key', 'inter.key', 'leaf.key'].map(file => [file, vector(`x509/${file}`)]),
  )
  const found = await inspect(files)
  for (const name of ['root.key', 'inter.key', 'leaf.key']) {
    const key = found.keys.find(({ places }) => places.some(({ file }) => file === name))
    const owners = found.certificates.flatMap(({ certificate }, index) =>
      new X509Certificate(certificate.der).checkPrivateKey(createPrivateKey(vector(`x509/${name}`))) ? [index] : [],
    )
    assert.ok(owners.length > 0)
    assert.equal(key?.certificates, owners)
    for (const index of owners)
      assert.equal(
        found.certificates[index]?.keyPlaces.map(({ file }) => file),
        [name],
      )
  }
})

test('the fingerprint is what openssl prints', async () => {
  const found = await inspect({ 'root.crt': vector('x509/root.crt') })
  assert.is(found.certificates[0]?.fingerprint, vector('inspect/root.sha256').trim())
})

test('one certificate in many files is one, with all its places', async () => {
  const root = vector('x509/root.crt')
  const found = await inspect({
    'a.crt': root,
    'b.pem': `${vector('x509/leaf.crt')}${root}text\n${root}`,
    'c.der': bytesOf('inspect/root.der'),
  })
  assert.is(found.certificates.length, 2)
  assert.equal(found.certificates[0]?.places, [
    { file: 'a.crt', part: undefined },
    { file: 'b.pem', part: '2nd certificate' },
    { file: 'b.pem', part: '3rd certificate' },
    { file: 'c.der', part: undefined },
  ])
})

test('blocks of all kinds in one file are each named, and a broken one hides no other', async () => {
  const cutOff = vector('x509/leaf.crt').slice(0, 200)
  const text = `${vector('keys/p256.parameters.pem')}${vector('x509/leaf.crt')}-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n${cutOff}\n${vector('x509/root.crt')}`
  const found = await inspect({ 'mix.pem': text })
  assert.equal(factsOf(found), {
    ...NOTHING,
    certificates: 2,
    keys: 1,
    blocks: ['X509 CRL'],
    codes: ['unreadable', 'key-mismatch'],
  })
  assert.match(found.remarks[0]?.message ?? '', /^is broken: /)
  assert.is(found.remarks[0]?.error, 'KPKI_PEM_INVALID')
})

test('a request: what it asks for, its key, and what was made of it', async () => {
  const found = await inspect({
    'a.csr': vector('inspect/request.csr'),
    'a.key': vector('x509/leaf.key'),
    'leaf.crt': vector('x509/leaf.crt'),
  })
  const [request] = found.requests
  assert.equal(
    [
      request?.request.subject.text,
      request?.request.dnsNames,
      request?.request.ipAddresses,
      request?.request.otherNames,
    ],
    ['O=system:nodes, CN=system:node:w-1', ['node.example.org'], ['10.0.0.7'], ['email:a@example.org']],
  )
  assert.equal(
    [request?.isSignatureValid, request?.keyPlaces, request?.certificates],
    [true, [{ file: 'a.key', part: undefined }], [0]],
  )
  const bad = await inspect({ 'bad.csr': vector('inspect/request-bad.csr') })
  assert.is(bad.requests[0]?.isSignatureValid, false)
  assert.equal(factsOf(bad).codes, ['request-unproven'])
})

test('a tree that is well gives no remark', async () => {
  const store = wellTree()
  const inputs = [...store.files].map(([name, { bytes, mode }]) => ({ name, bytes, mode }))
  const found = await inspectFiles(inputs, testContext())
  assert.equal(found.remarks, [])
  assert.equal(
    found.certificates.filter(({ issuer }) => issuer === undefined),
    [],
  )
})

const config = (changes: { cluster?: object; user?: object; root?: object } = {}) =>
  JSON.stringify({
    kind: 'Config',
    'current-context': 'one',
    clusters: [
      {
        name: 'a',
        cluster: {
          server: 'https://a:6443',
          'certificate-authority-data': base64(vector('x509/root.crt')),
          ...changes.cluster,
        },
      },
      { name: 'b', cluster: { server: 'https://b', 'insecure-skip-tls-verify': true } },
    ],
    users: [
      {
        name: 'u',
        user: {
          'client-certificate-data': base64(vector('x509/leaf.crt')),
          'client-key-data': base64(vector('x509/leaf.key')),
          ...changes.user,
        },
      },
      { name: 'bot', user: { token: 'SECRET-TOKEN' } },
      { name: 'old', user: { username: 'x', password: 'SECRET-WORD', as: 'y' } },
      { name: 'cloud', user: { exec: { command: 'aws' } } },
    ],
    contexts: [
      { name: 'one', context: { cluster: 'a', user: 'u', namespace: 'shop' } },
      { name: 'two', context: { cluster: 'b', user: 'bot' } },
    ],
    ...changes.root,
  })

test('a kubeconfig: every cluster, user and context; secrets by name only', async () => {
  const found = await inspect({ 'x/config': config() })
  const [kubeconfig] = found.kubeconfigs
  assert.equal(kubeconfig, {
    place: { file: 'x/config', part: undefined },
    currentContext: 'one',
    contexts: [
      { name: 'one', cluster: 'a', user: 'u', namespace: 'shop' },
      { name: 'two', cluster: 'b', user: 'bot', namespace: undefined },
    ],
    clusters: [
      { name: 'a', server: 'https://a:6443', caCertificates: [0], caFile: undefined, isInsecure: false },
      { name: 'b', server: 'https://b', caCertificates: [], caFile: undefined, isInsecure: true },
    ],
    users: [
      { name: 'u', certificate: 1, certificateFile: undefined, keyFile: undefined, methods: ['certificate'] },
      { name: 'bot', certificate: undefined, certificateFile: undefined, keyFile: undefined, methods: ['token'] },
      {
        name: 'old',
        certificate: undefined,
        certificateFile: undefined,
        keyFile: undefined,
        methods: ['basic', 'impersonation'],
      },
      { name: 'cloud', certificate: undefined, certificateFile: undefined, keyFile: undefined, methods: ['exec'] },
    ],
  })
  assert.equal(
    found.certificates.map(({ places }) => places[0]?.part),
    ['clusters[a].certificate-authority-data', 'users[u].client-certificate-data'],
  )
  assert.equal(found.certificates[1]?.issuer, 0)
  assert.equal(factsOf(found).codes, ['kubeconfig-extra'])
  assert.not.match(JSON.stringify(found), 'SECRET')
})

test('files that a kubeconfig names are found where they are', async () => {
  const text = config({
    cluster: { 'certificate-authority-data': undefined, 'certificate-authority': 'pki/../pki/ca.crt' },
    user: {
      'client-certificate-data': undefined,
      'client-key-data': undefined,
      'client-certificate': '/var/me.crt',
      'client-key': '/var/me.key',
    },
  })
  const found = await inspect({
    'k/config': text,
    'k/pki/ca.crt': vector('x509/root.crt'),
    '/var/me.crt': vector('x509/leaf.crt'),
  })
  const [{ clusters, users } = { clusters: [], users: [] }] = found.kubeconfigs
  assert.equal([clusters[0]?.caCertificates, clusters[0]?.caFile], [[0], 'pki/../pki/ca.crt'])
  assert.equal([users[0]?.certificate, users[0]?.certificateFile, users[0]?.keyFile], [1, '/var/me.crt', '/var/me.key'])
  assert.is(found.certificates[1]?.places[0]?.file, '/var/me.crt')
})

test('broken entries of a kubeconfig are remarks, the rest is read', async () => {
  const text = config({
    user: { 'client-certificate-data': '!', 'client-key-data': base64(vector('x509/leaf.key').slice(0, 100)) },
    root: {
      'current-context': 'gone',
      contexts: [null, { name: 'one', context: { cluster: 'a', user: 'nobody' } }, { name: 'broken' }],
    },
  })
  const found = await inspect({ config: text })
  assert.is(found.kubeconfigs[0]?.clusters.length, 2)
  assert.equal(found.remarks.map(({ code, place }) => `${code} ${place.part}`).sort(), [
    'entry-missing contexts[broken]',
    'entry-missing contexts[one]',
    'entry-missing current-context',
    'kubeconfig-extra clusters[b]',
    'unreadable contexts',
    'unreadable users[u]',
    'unreadable users[u].client-key-data',
  ])
})

test('manifests: what is in Secrets and ConfigMaps, in one document or many', async () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { namespace: 'shop', name: 'web' },
    data: {
      'tls.crt': base64(vector('x509/leaf.crt')),
      'tls.key': base64(vector('x509/leaf.key')),
      password: base64('SECRET-WORD'),
    },
    stringData: { 'ca.crt': vector('x509/root.crt') },
  }
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cluster-info' },
    data: { kubeconfig: config(), note: 'x' },
    binaryData: { der: base64(bytesOf('inspect/root.der')) },
  }
  const one = await inspect({ 'secret.json': JSON.stringify(secret) })
  assert.equal(factsOf(one), { ...NOTHING, certificates: 2, keys: 1, manifests: 1 })
  assert.equal(one.manifests[0], {
    kind: 'Secret',
    place: { file: 'secret.json', part: undefined },
    namespace: 'shop',
    name: 'web',
    type: 'kubernetes.io/tls',
    entries: ['ca.crt', 'tls.crt', 'tls.key', 'password'],
  })
  assert.equal(one.certificates[1]?.keyPlaces, [{ file: 'secret.json', part: 'data[tls.key]' }])
  const many = [
    await inspect({ list: JSON.stringify({ kind: 'List', items: [secret, map] }) }),
    await inspect({ list: `${JSON.stringify(secret)}\n---\n${JSON.stringify(map)}\n` }),
  ]
  for (const found of many) {
    assert.equal(factsOf(found), {
      ...NOTHING,
      certificates: 2,
      keys: 1,
      kubeconfigs: 1,
      manifests: 2,
      codes: ['kubeconfig-extra'],
    })
    assert.equal(
      found.certificates[0]?.places.map(({ part }) => part),
      [
        'Secret shop/web: stringData[ca.crt]',
        'ConfigMap cluster-info: data[kubeconfig]: clusters[a].certificate-authority-data',
        'ConfigMap cluster-info: binaryData[der]',
      ],
    )
    assert.not.match(JSON.stringify(found), 'SECRET')
  }
})

test('a CertificateSigningRequest: what was asked for and what came of it', async () => {
  const text = JSON.stringify({
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr-1' },
    spec: { request: base64(vector('inspect/request.csr')) },
    status: { certificate: base64(vector('x509/leaf.crt')) },
  })
  const found = await inspect({ csr: text })
  assert.equal(factsOf(found), { ...NOTHING, certificates: 1, requests: 1 })
  assert.equal(found.requests[0]?.certificates, [0])
})

test('documents of other kinds are of no interest, and no YAML is parsed where there is none', async () => {
  const found = await inspect({
    'pod.yaml': 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n',
    'notes.txt': 'a: [\n'.repeat(1000),
    'script.sh': '#!/bin/sh\ncat <<E\nkind: [\nE\n',
    'list.json': '[1, 2]',
    'null.yaml': 'kind: ~\n',
  })
  assert.equal(factsOf(found), { ...NOTHING, others: ['pod.yaml', 'notes.txt', 'script.sh', 'list.json', 'null.yaml'] })
})

test('the moment is that of the context', async () => assert.is((await inspect({})).now, LATER))

test.run()
