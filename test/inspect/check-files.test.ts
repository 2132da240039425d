import { createPrivateKey } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatKubeconfig } from '../../lib/access/kubeconfig.js'
import type { Finding } from '../../lib/audit/rules.js'
import { formatPrivateKey, formatPublicKey } from '../../lib/crypto/key-files.js'
import { generateKey, type PrivateKey } from '../../lib/crypto/keys.js'
import { type CheckedFiles, type CheckFilesOptions, checkFiles } from '../../lib/inspect/check-files.js'
import { storeInputs } from '../../lib/inspect/store-inputs.js'
import type { InspectInput } from '../../lib/inspect/types.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { type Certificate, formatCertificate } from '../../lib/x509/certificate.js'
import { type CertificateSpec, issueCertificate } from '../../lib/x509/issue.js'
import { NOW, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'
import { certificate as derCertificate, dnsNames, nameOf, pem } from './der.js'

const context = testContext()
const bytesOf = (text: string) => new TextEncoder().encode(text)
const [caKey, otherKey, leafKey] = await Promise.all([0, 1, 2].map(() => generateKey('ECDSA-P256', context)))
if (!caKey || !otherKey || !leafKey) throw new Error('no keys')

const YEAR = 365 * 86_400_000

function issue(spec: Partial<CertificateSpec>, issuer?: { certificate: Certificate; key: PrivateKey }) {
  const key = issuer?.key ?? caKey
  if (!key || !leafKey) throw new Error('no key')
  const whole: CertificateSpec = {
    commonName: 'someone',
    spki: leafKey.spki,
    isCa: false,
    keyUsages: ['digitalSignature'],
    extKeyUsages: ['clientAuth'],
    notBefore: NOW,
    notAfter: new Date(+NOW + YEAR),
    ...spec,
  }
  return issueCertificate(whole, issuer ?? { key }, context)
}

const CA = { isCa: true, keyUsages: ['digitalSignature', 'keyCertSign'], notAfter: new Date(+NOW + 9 * YEAR) } as const
const asCa = (commonName: string, key: PrivateKey) =>
  issueCertificate({ commonName, spki: key.spki, notBefore: NOW, ...CA }, { key }, context)

const ca = { certificate: await asCa('kubernetes', caKey), key: caKey }
const other = { certificate: await asCa('kubernetes', otherKey), key: otherKey }
const oldCa = await issueCertificate(
  {
    commonName: 'old',
    spki: caKey.spki,
    ...CA,
    notBefore: new Date(+NOW - 2 * YEAR),
    notAfter: new Date(+NOW - YEAR),
  },
  { key: caKey },
  context,
)
const client = await issue({ commonName: 'alice' }, ca)
const caPem = formatCertificate(ca.certificate)
const clientPem = formatCertificate(client)
const keyPem = formatPrivateKey(leafKey)
const kubeconfig = (trusted: Certificate) =>
  formatKubeconfig({
    clusterName: 'kubernetes',
    userName: 'alice',
    server: 'https://api.example.org:6443',
    caCertificates: [trusted],
    certificate: client,
    key: leafKey,
  })

const encrypted = createPrivateKey(keyPem)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  .toString()
const block = (label: string) => `-----BEGIN ${label}-----\nMAMCAQA=\n-----END ${label}-----\n`
const derOf = (text: string) => new Uint8Array(Buffer.from(text.replace(/-----.*-----/g, ''), 'base64'))

type Content = string | Uint8Array | Omit<InspectInput, 'name' | 'bytes'>

function inputs(files: Readonly<Record<string, Content>>): InspectInput[] {
  return Object.entries(files).map(([name, content]) =>
    typeof content === 'string' || content instanceof Uint8Array
      ? { name, bytes: typeof content === 'string' ? bytesOf(content) : content, mode: 0o600 }
      : { name, bytes: new Uint8Array(), ...content },
  )
}

async function check(
  files: Iterable<InspectInput> | AsyncIterable<InspectInput>,
  options: CheckFilesOptions = {},
): Promise<{ readonly findings: readonly Finding[]; readonly counts: CheckedFiles }> {
  const findings: Finding[] = []
  const running = checkFiles(files, context, options)
  for (;;) {
    const next = await running.next()
    if (next.done) return { findings, counts: next.value }
    findings.push(next.value)
  }
}

const said = (findings: readonly Finding[]) =>
  findings.map(({ code, path, part }) => [code, path, ...(part === undefined ? [] : [part])].join(' '))

/** What is found in files of any names, in the order in which it is said. */
const CASES: readonly (readonly [
  about: string,
  files: Readonly<Record<string, Content>>,
  findings: readonly string[],
])[] = [
  ['nothing', {}, []],
  [
    'a tree that is well, in the order of kubeadm',
    { 'pki/ca.crt': caPem, 'pki/a.crt': clientPem, 'pki/a.key': keyPem },
    [],
  ],
  ['the same in the names of cfssl', { 'a-key.pem': keyPem, 'a.pem': clientPem, 'ca.pem': caPem }, []],
  ['a leaf before its CA', { 'a.crt': clientPem, 'z/ca.crt': caPem }, []],
  ['a leaf whose CA never comes', { 'a.crt': clientPem }, []],
  ['a kubeconfig by any name', { 'alice.kubeconfig': kubeconfig(ca.certificate) }, []],
  [
    'a kubeconfig that trusts a CA of the same name, made anew',
    { 'alice.kubeconfig': kubeconfig(other.certificate) },
    ['ca-data alice.kubeconfig clusters[kubernetes].certificate-authority-data'],
  ],
  ['DER', { 'ca.der': new Uint8Array(ca.certificate.der) }, []],
  ['a key of another certificate', { 'ca.crt': caPem, 'ca.key': keyPem }, ['key-mismatch ca.key']],
  ['a key of another certificate, before it', { 'ca-key.pem': keyPem, 'ca.pem': caPem }, ['key-mismatch ca-key.pem']],
  ['like names in other directories', { 'a/ca.crt': caPem, 'b/ca.key': keyPem }, []],
  [
    'sa.pub of another key',
    { 'sa.key': keyPem, 'sa.pub': formatPublicKey(caKey.spki) },
    ['public-key-mismatch sa.pub'],
  ],
  [
    'a CA of the same name that has not signed it, beside it',
    { 'a.crt': formatCertificate(await issue({ commonName: 'a' }, other)), 'ca.crt': caPem },
    ['chain a.crt'],
  ],
  ['the CA behind its certificate in a file', { 'a.crt': caPem + clientPem }, ['chain-order a.crt 1st certificate']],
  [
    'a leaf that outlives its CA, which comes later',
    { 'a.crt': formatCertificate(await issue({ notAfter: new Date(+NOW + 10 * YEAR) }, ca)), 'ca.crt': caPem },
    ['long-life a.crt', 'outlives-ca a.crt'],
  ],
  [
    'what is wrong with a certificate is said once',
    {
      'a.crt': vector('x509/odd-negative-serial.crt'),
      'b.crt': vector('x509/odd-negative-serial.crt'),
    },
    ['version a.crt', 'serial-negative a.crt', 'not-yet-valid a.crt'],
  ],
  [
    'a CA of kubeconfigs is told of in its own file',
    {
      'a.conf': kubeconfig(oldCa),
      'ca.crt': formatCertificate(oldCa),
    },
    ['expired ca.crt'],
  ],
  [
    'a node that is in no group',
    { 'n.crt': formatCertificate(await issue({ commonName: 'system:node:n' }, ca)) },
    ['groups-missing n.crt'],
  ],
  [
    'somebody in the group of nodes',
    { 'n.crt': formatCertificate(await issue({ organizations: ['system:nodes'] }, ca)) },
    ['common-name n.crt'],
  ],
  [
    'a scheduler that is no client',
    {
      's.crt': formatCertificate(
        await issue({ commonName: 'system:kube-scheduler', extKeyUsages: ['serverAuth'], dnsNames: ['x'] }, ca),
      ),
    },
    ['usage-missing s.crt'],
  ],
  [
    'an API server without an address',
    {
      's.crt': formatCertificate(
        await issue({ extKeyUsages: ['serverAuth'], dnsNames: ['kubernetes', 'kubernetes.default'] }, ca),
      ),
    },
    ['names-missing s.crt'],
  ],
  [
    'links out of a directory, each of them',
    {
      'certs/a.pem': { problem: 'is a link out of the directory, to /a', problemKind: 'outside' },
      'certs/b.pem': { problem: 'is a link out of the directory, to /b', problemKind: 'outside' },
      'other/c.pem': { problem: 'is a link out of the directory, to /c', problemKind: 'outside' },
    },
    ['link-outside certs/a.pem', 'link-outside certs/b.pem', 'link-outside other/c.pem'],
  ],
  [
    'what cannot be read',
    {
      'a.crt': { problem: 'cannot be read (EACCES)', problemKind: 'forbidden' },
      'b.crt': { problem: 'is a pipe, not a regular file', problemKind: 'not-regular' },
      'c.crt': { problem: 'is larger than 1 MiB', problemKind: 'too-large' },
      d: { problem: 'lies deeper than 32 levels', problemKind: 'too-deep' },
    },
    ['unreadable a.crt', 'not-regular b.crt', 'unreadable c.crt', 'too-many d'],
  ],
  [
    'noise, and other files',
    {
      'a.crt': new Uint8Array(3000).fill(0xff),
      'b.crt': clientPem.slice(0, 200),
      'c.txt': 'hello',
      'd.bin': new Uint8Array(3000),
      'e.yaml': 'kind: Deployment\n',
    },
    ['unreadable a.crt', 'unreadable b.crt'],
  ],
  ['an empty file that is called a certificate', { 'a.crt': '' }, ['unreadable a.crt']],
]

for (const [about, files, expected] of CASES)
  test(about, async () => {
    const { findings, counts } = await check(inputs(files))
    const loud = findings.filter(({ severity, code }) => severity !== 'info' || code === 'long-life')
    assert.equal(said(loud), expected)
    assert.is(counts.files, Object.keys(files).length)
  })

/** Files that say nothing of themselves, beside what is said of them when they are named. */
const SILENT: readonly (readonly [about: string, content: Uint8Array | string, message: string])[] = [
  ['nothing', '', 'is empty'],
  ['noise', new Uint8Array(3000).fill(7), 'holds no certificate, key or kubeconfig'],
  ['a text', 'hello', 'holds no certificate, key or kubeconfig'],
  ['gzip', gzipSync('hello'), 'is a gzip archive, which is not opened'],
  // POSIX.1-2008, pax: what stands at octet 257 of a header. A certificate in it does not make it a bundle.
  ['tar', `${'a'.padEnd(257, '\0')}ustar\0${'00'.padEnd(249, '\0')}${caPem}`, 'is a tar archive, which is not opened'],
  ['zip', 'PK\u0003\u0004 and so on', 'is a zip archive, which is not opened'],
  ['an encrypted key', encrypted, 'is an encrypted private key, which is not opened'],
  ['an encrypted key in DER', derOf(encrypted), 'is an encrypted private key, which is not opened'],
  ['a key of OpenSSH', block('OPENSSH PRIVATE KEY'), 'is a key in the form of OpenSSH, which is not opened'],
  ['PKCS #7', block('PKCS7'), 'is a PKCS #7 bundle, which is not opened'],
]

for (const [about, content, message] of SILENT)
  test(`named, and nothing that can be checked: ${about}`, async () => {
    const bytes = typeof content === 'string' ? bytesOf(content) : content
    const file = { name: 'a', bytes, mode: 0o600 }
    const { findings } = await check([{ ...file, named: 'a' }])
    assert.equal([said(findings), findings[0]?.message], [['nothing-found a'], message])
    const beside = await check([{ ...file, named: 'dir' }, ...inputs({ b: caPem }).map(b => ({ ...b, named: 'dir' }))])
    const isClosed = message.includes('not opened')
    assert.equal(said(beside.findings), isClosed ? ['not-opened a'] : [])
    const alone = await check([{ ...file, named: 'dir' }])
    assert.equal(said(alone.findings), [...(isClosed ? ['not-opened a'] : []), 'nothing-found dir'])
  })

test('each thing that is named is looked at for itself', async () => {
  const files = [...inputs({ 'a/x': 'hello', 'a/ca.crt': caPem, 'b/x': 'hello', 'c.crt': caPem })]
  const named = ['a', 'a', 'b', 'c.crt']
  const { findings } = await check(files.map((file, index) => ({ ...file, named: named[index] ?? '' })))
  assert.equal(said(findings), ['nothing-found b'])
})

test('very many links out of a directory are counted from some point on', async () => {
  const link = { problem: 'is a link out of the directory, to /a', problemKind: 'outside' } as const
  const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`certs/${n}.pem`, link]))
  for (const [count, last] of [
    [101, 'to /a'],
    [102, 'so is 1 more beside it'],
    [9000, 'so are 8899 more beside it'],
  ] as const) {
    const { findings, counts } = await check(inputs(named(count)))
    assert.equal([findings.length, counts.unread], [101, count])
    assert.match(findings.at(-1)?.message ?? '', new RegExp(`${last}$`))
  }
})

test('a name is not enough: what the CA has not signed is none of its, before it and behind it', async () => {
  const named = derCertificate({
    spki: new Uint8Array(ca.certificate.spki),
    subject: nameOf('forged'),
    issuer: nameOf('kubernetes', 19),
  })
  for (const name of ['a.crt', 'z.crt']) {
    const files = { [name]: pem(named), 'ca.crt': caPem }
    const { findings } = await check(inputs(name < 'ca' ? files : { 'ca.crt': caPem, [name]: pem(named) }))
    assert.ok(said(findings).includes(`chain ${name}`), said(findings).join())
  }
})

test('what was looked at is counted, each certificate once', async () => {
  const { counts } = await check(
    inputs({
      'ca.crt': caPem,
      'copy.crt': caPem,
      'a.conf': kubeconfig(ca.certificate),
      'a.key': keyPem,
      README: 'hello',
      'b.crt': { problem: 'cannot be read (EACCES)', problemKind: 'forbidden' },
    }),
  )
  assert.equal(counts, { files: 6, certificates: 2, keys: 2, kubeconfigs: 1, others: 1, unread: 1 })
})

test('certificates that were judged elsewhere are issuers, and are not judged again', async () => {
  const files = {
    'a.crt': formatCertificate(await issue({ notAfter: new Date(+NOW + 10 * YEAR) }, ca)),
    'ca.crt': caPem,
  }
  const known = [{ certificate: ca.certificate, path: 'pki/ca.crt' }]
  const { findings, counts } = await check(inputs(files), { known })
  assert.ok(findings.some(({ code }) => code === 'outlives-ca'))
  assert.is(counts.certificates, 1)
})

test('findings come while files are read', async () => {
  let isDone = false
  const files = async function* (): AsyncGenerator<InspectInput> {
    yield* inputs({ 'a.crt': 'broken' })
    for (let number = 0; number < 100; number++) yield* inputs({ [`${number}.txt`]: 'hello' })
    isDone = true
  }
  const running = checkFiles(files(), context)
  const first = await running.next()
  assert.is(first.done, false)
  assert.not.ok(isDone)
  await running.return({ files: 0, certificates: 0, keys: 0, kubeconfigs: 0, others: 0, unread: 0 })
})

test('an end can be asked for in advance', async () => {
  const soon = { endsWithinSeconds: 400 * 86_400 }
  const { findings } = await check(inputs({ 'a.crt': clientPem, 'ca.crt': caPem }), soon)
  assert.equal(said(findings), ['ends-soon a.crt'])
})

test('whatever the bytes are, it is said and gone on from', async () => {
  const start = fc.constantFrom(
    '',
    '-----BEGIN CERTIFICATE-----\n',
    'apiVersion: v1\nkind: Config\n',
    '0\u0082',
    '{"kind":',
  )
  await fc.assert(
    fc.asyncProperty(
      start,
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('a.crt', 'a.conf', 'a'),
      async (text, noise, name) => {
        const bytes = new Uint8Array([...bytesOf(text), ...noise])
        const { counts } = await check([{ name, bytes }, ...inputs({ 'ca.crt': caPem })])
        assert.is(counts.files, 2)
        assert.is(counts.certificates, 1)
      },
    ),
    { numRuns: 200 },
  )
})

test('a bundle of like-named CAs, and leaves of none of them: bounded, and said', async () => {
  const spki = (number: number) => {
    const key = new Uint8Array(ca.certificate.spki)
    new DataView(key.buffer).setUint32(key.length - 4, number)
    return key
  }
  const cas = Array.from({ length: 2100 }, (_, number) =>
    pem(derCertificate({ spki: spki(number), subject: nameOf('ca') })),
  )
  const leaves = Array.from({ length: 300 }, (_, number) =>
    pem(derCertificate({ spki: spki(number), subject: nameOf(`leaf-${number}`), issuer: nameOf('ca') })),
  )
  const begun = performance.now()
  const { counts } = await check(inputs({ 'bundle.pem': cas.join(''), 'leaves.pem': leaves.join('') }))
  assert.is(counts.certificates, 2400)
  assert.ok(performance.now() - begun < 60_000)
})

test('ten thousand names in a certificate, and ten thousand certificates', async () => {
  const spki = new Uint8Array(ca.certificate.spki)
  const names = Array.from({ length: 10_000 }, (_, number) => `n${number}.example.org`)
  const large = pem(derCertificate({ spki, subject: nameOf('large'), extensions: [dnsNames(names)] }))
  const many = function* (): Generator<InspectInput> {
    yield* inputs({ 'large.crt': large })
    for (let number = 0; number < 10_000; number++)
      yield* inputs({
        [`${number}.crt`]: pem(derCertificate({ spki, subject: nameOf(`c${number}`), issuer: nameOf('x') })),
      })
  }
  const begun = performance.now()
  const { counts } = await check(many())
  assert.ok(performance.now() - begun < 120_000)
  assert.is(counts.certificates, 10_001)
})

test('files of a store: links to others of them and what the kubelet had before are left out', async () => {
  const store = new MemoryStore({
    'pki/ca.crt': caPem,
    'kubelet/pki/kubelet-client-2020-01-01-00-00-00.pem': 'old',
    'kubelet/pki/kubelet-server-2026-01-01-00-00-00.pem': clientPem + keyPem,
    '.kpki/backups/x/ca.crt': 'hidden',
  })
  store.list = async function* () {
    yield* MemoryStore.prototype.list.call(store)
    yield { path: 'pki/link.crt', target: 'pki/ca.crt' }
    yield {
      path: 'kubelet/pki/kubelet-server-current.pem',
      target: 'kubelet/pki/kubelet-server-2026-01-01-00-00-00.pem',
    }
    yield { path: 'pipe.crt', problem: 'is a pipe, not a regular file', problemKind: 'not-regular' }
  }
  store.files.set('kubelet/pki/kubelet-server-current.pem', { bytes: bytesOf(clientPem + keyPem), mode: 0o600 })
  const names: string[] = []
  for await (const { name, problem } of storeInputs(store))
    names.push(problem === undefined ? name : `${name} ${problem}`)
  assert.equal(
    [...new Set(names)],
    ['kubelet/pki/kubelet-server-current.pem', 'pki/ca.crt', 'pipe.crt is a pipe, not a regular file'],
  )
})

test.run()
