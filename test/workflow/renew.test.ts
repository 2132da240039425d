import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseKubeconfig } from '../../lib/access/kubeconfig.js'
import type { TreeItemId } from '../../lib/audit/rules.js'
import { savePlan } from '../../lib/audit/saved-plan.js'
import type { Asked } from '../../lib/audit/types.js'
import { parseHex } from '../../lib/crypto/bytes.js'
import { formatPrivateKey } from '../../lib/crypto/key-files.js'
import { StoreError } from '../../lib/errors.js'
import { checkTree } from '../../lib/inspect/check-tree.js'
import { CERTIFICATE_IDS, type CertificateId, issuerOf, KUBECONFIG_IDS } from '../../lib/kubernetes/rows.js'
import { certificatePath } from '../../lib/tree/layout.js'
import { LEDGER_PATH, parseLedger } from '../../lib/tree/ledger.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { applyPlan } from '../../lib/workflow/apply.js'
import { changeTree, planStore } from '../../lib/workflow/change-tree.js'
import { type RenewOptions, renew } from '../../lib/workflow/renew.js'
import { undoLast } from '../../lib/workflow/undo.js'
import { type Certificate, formatCertificate, parseCertificates } from '../../lib/x509/certificate.js'
import { issueCertificate } from '../../lib/x509/issue.js'
import { certificateIn, context, keyIn, put, read, reissue, snapshot, wellTree } from '../audit/tree.js'
import { scratch } from '../second-opinion/openssl.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { hasTool, testWith } from '../support/skip.js'
import { vector } from '../vectors/read.js'

const DAY = 86_400_000
const at = (moment: string | number) => testContext({ clock: () => new Date(moment) })
/** Making RSA keys takes seconds, and they are not what is tested here: one is enough. */
const made = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsa = {
  pkcs8: made.privateKey.export({ type: 'pkcs8', format: 'der' }),
  spki: made.publicKey.export({ type: 'spki', format: 'der' }),
}
const quick = (moment: string) => testContext({ clock: () => new Date(moment), generateKeyPair: async () => rsa })
const LEAVES = CERTIFICATE_IDS.filter(id => issuerOf(id) !== undefined)

/** The tree that kubeadm v1.20.2 has made: RSA-2048, valid from 2026-11-21 on. */
function kubeadmTree(): MemoryStore {
  const base = new URL('../vectors/kubeadm/v1.20.2/', import.meta.url)
  const names = readdirSync(base, { recursive: true }) as string[]
  const files = names.filter(name => /\.(crt|key|pub|conf)$/.test(name))
  return new MemoryStore(Object.fromEntries(files.map(name => [name, vector(`kubeadm/v1.20.2/${name}`)])))
}

/** What node:crypto reads in a certificate that must stay. */
function identity(pem: string) {
  const { subject, issuer, subjectAltName, keyUsage, ca } = new X509Certificate(pem)
  return { subject, issuer, subjectAltName, keyUsage, ca }
}

async function clientOf(store: MemoryStore, path: string) {
  const { certificates, key, server, caCertificates, contextName, userName } = await parseKubeconfig(
    read(store, path),
    context,
    path,
  )
  const [certificate] = certificates
  if (!certificate) throw new Error(`${path} has no certificate`)
  return { certificate, key, stays: { server, contextName, userName, cas: caCertificates.map(({ der }) => der) } }
}

// What is renewed long after everything has ended is what a cluster that slept needs.
for (const [what, moment] of [
  ['while everything is good', '2027-01-01T00:00:00Z'],
  ['a year after every leaf has ended', '2028-12-01T00:00:00Z'],
] as const)
  test(`kubeadm's tree, ${what}: every name, group, usage and endpoint stays; keys and ends are new`, async () => {
    const [before, store] = [kubeadmTree(), kubeadmTree()]
    const now = quick(moment)
    const { plan } = await renew(store, ['all'], {}, now)
    assert.equal(
      plan.changes.map(({ id, action, key }) => `${id} ${action} ${key}`),
      [...LEAVES, ...KUBECONFIG_IDS.filter(id => id !== 'super-admin.conf')].map(id => `${id} reissue new`),
    )
    assert.equal(plan.untouched, [])
    for (const id of LEAVES) {
      const [old, made] = [before, store].map(tree => read(tree, certificatePath(id)))
      assert.equal(identity(made ?? ''), identity(old ?? ''), id)
      const [was, is] = [before, store].map(tree => certificateIn(tree, certificatePath(id)))
      assert.equal(is?.subject.der, was?.subject.der, id)
      assert.equal(is?.extKeyUsages, was?.extKeyUsages, id)
      assert.not.equal(is?.spki, was?.spki, id)
      // kubeadm before 1.31 begins a leaf with its CA; the period is the one from then on: a year.
      assert.is(+(is?.notAfter ?? 0), +new Date(moment) + 365 * DAY, id)
    }
    for (const path of KUBECONFIG_IDS.filter(id => before.files.has(id))) {
      const [was, is] = [await clientOf(before, path), await clientOf(store, path)]
      assert.equal(is.stays, was.stays)
      assert.equal(is.certificate.subject.der, was.certificate.subject.der)
      assert.equal(is.certificate.extKeyUsages, was.certificate.extKeyUsages)
      assert.ok(is.key?.isKeyOf(is.certificate.spki))
      // Everything that is not the credential is there byte for byte.
      const rest = (tree: MemoryStore) => read(tree, path).replace(/client-(certificate|key)-data: .*/g, '')
      assert.is(rest(store), rest(before))
    }
    for (const path of [
      'pki/ca.crt',
      'pki/ca.key',
      'pki/etcd/ca.key',
      'pki/front-proxy-ca.crt',
      'pki/sa.key',
      'pki/sa.pub',
    ])
      assert.is(read(store, path), read(before, path))
    const { entries } = parseLedger(read(store, LEDGER_PATH))
    assert.equal(
      entries.map(({ purpose }) => purpose),
      plan.changes.map(({ id }) => id),
    )
    assert.equal((await planStore(store, {}, now)).plan.changes, [])
    // Undone, it is the tree that it was.
    await undoLast(store, now)
    for (const path of before.files.keys()) assert.is(read(store, path), read(before, path))
  })

testWith('openssl', test, "kubeadm's tree: OpenSSL verifies what was renewed, strictly", async () => {
  const store = kubeadmTree()
  await renew(store, ['all'], {}, quick('2027-01-01'))
  const dir = scratch()
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  for (const id of LEAVES) {
    const issuer = issuerOf(id) as CertificateId
    const ca = file('ca.pem', read(store, certificatePath(issuer)))
    const leaf = file('leaf.pem', read(store, certificatePath(id)))
    const { status, stderr } = spawnSync('openssl', [
      'verify',
      '-x509_strict',
      '-attime',
      '1800000000',
      '-CAfile',
      ca,
      leaf,
    ])
    assert.is(status, 0, `${id}: ${stderr}`)
  }
})

test('the client certificate that the kubelet keeps is renewed in its one file, and kubelet.conf that only names it stays', async () => {
  const store = wellTree()
  const pem = 'kubelet/pki/kubelet-client-current.pem'
  const path = '/var/lib/kubelet/pki/kubelet-client-current.pem'
  const { certificate, key } = await clientOf(store, 'kubelet.conf')
  put(store, pem, `${formatCertificate(certificate)}${key ? formatPrivateKey(key) : ''}`)
  const text = read(store, 'kubelet.conf')
    .replace(/client-certificate-data: .*/, `client-certificate: ${path}`)
    .replace(/client-key-data: .*/, `client-key: ${path}`)
  put(store, 'kubelet.conf', text)
  for (const items of [['all'], ['kubelet-client'], ['kubelet.conf']] as const) {
    const before = certificateIn(store, pem)
    const { plan } = await renew(store, items, {}, context)
    const [change] = plan.changes.slice(-1)
    assert.equal([change?.id, change?.paths], ['kubelet-client', [pem]])
    assert.is(
      plan.changes.some(({ id }) => id === 'kubelet.conf'),
      false,
    )
    const after = certificateIn(store, pem)
    assert.equal(after.subject.der, before.subject.der)
    assert.not.equal(after.spki, before.spki)
    assert.ok((await keyIn(store, pem)).isKeyOf(after.spki))
    assert.is(store.files.get(pem)?.mode, 0o600)
    assert.is(read(store, 'kubelet.conf'), text)
    // As the kubelet's certificate store writes it: certificates, then the key.
    assert.equal(
      [...read(store, pem).matchAll(/BEGIN ([A-Z ]+)-/g)].map(([, label]) => label),
      ['CERTIFICATE', 'EC PRIVATE KEY'],
    )
    assert.is(plan.restarts.at(-1)?.component, 'kubelet')
  }
  store.files.delete(pem)
  const { plan } = await renew(store, ['all'], {}, context)
  assert.match(
    plan.untouched.find(({ id }) => id === 'kubelet.conf')?.message ?? '',
    `has its client certificate in ${path}`,
  )
  assert.is((await rejects(renew(store, ['kubelet.conf'], {}, context))).code, 'KPKI_PLAN_BLOCKED')
})

test('a CA keeps key, name and identifier, gets a later end, and all that it has signed stays good', async () => {
  const late = at(+NOW + 3000 * DAY)
  for (const id of ['ca', 'front-proxy-ca', 'etcd-ca'] as const) {
    const [before, store] = [wellTree(), wellTree()]
    const { plan } = await renew(store, [id], {}, late)
    assert.is(plan.changes[0]?.action, 'renew-ca')
    const [was, is] = [before, store].map(tree => certificateIn(tree, certificatePath(id))) as [
      Certificate,
      Certificate,
    ]
    assert.equal(is.subject.der, was.subject.der)
    assert.equal(is.issuer.der, was.issuer.der)
    assert.equal(is.spki, was.spki)
    assert.is(is.subjectKeyIdentifier, was.subjectKeyIdentifier)
    assert.not.equal(is.serialNumber, was.serialNumber)
    assert.is(+is.notAfter, +NOW + 6650 * DAY)
    assert.ok(is.isCa && is.criticalExtensions.includes('2.5.29.19') && is.criticalExtensions.includes('2.5.29.15'))
    const ca = new X509Certificate(is.der)
    for (const leaf of LEAVES.filter(row => issuerOf(row) === id)) {
      assert.is(read(store, certificatePath(leaf)), read(before, certificatePath(leaf)))
      const certificate = new X509Certificate(read(store, certificatePath(leaf)))
      assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey), leaf)
    }
    const isCluster = id === 'ca'
    for (const path of KUBECONFIG_IDS) {
      assert.is(read(store, path) !== read(before, path), isCluster)
      const { stays, certificate } = await clientOf(store, path)
      if (isCluster) assert.equal(stays.cas, [is.der])
      assert.equal(certificate.der, (await clientOf(before, path)).certificate.der)
    }
    assert.equal((await planStore(store, {}, at(+NOW + 100 * DAY))).plan.changes, [])
  }
})

test("a CA of kubeadm's keeps the identifier that its leaves have, though another one would be made today", async () => {
  const store = kubeadmTree()
  const was = certificateIn(store, 'pki/ca.crt')
  await renew(store, ['ca'], {}, quick('2030-01-01'))
  const is = certificateIn(store, 'pki/ca.crt')
  assert.is(is.subjectKeyIdentifier, was.subjectKeyIdentifier)
  assert.is(certificateIn(store, 'pki/apiserver.crt').authorityKeyIdentifier, is.subjectKeyIdentifier)
  assert.not.equal(is.serialNumber, was.serialNumber)
})

test('a CA among others in its file is renewed in its place; one that would end earlier, or that another signs, is not', async () => {
  const store = wellTree()
  const [other, own] = [certificateIn(store, 'pki/etcd/ca.crt'), certificateIn(store, 'pki/ca.crt')]
  put(store, 'pki/ca.crt', formatCertificate(other) + formatCertificate(own))
  await renew(store, ['ca'], {}, at(+NOW + DAY))
  const bundle = parseCertificates(read(store, 'pki/ca.crt'))
  assert.equal([bundle.length, bundle[0].der, bundle[1]?.spki], [2, other.der, own.spki])
  assert.ok(+(bundle[1]?.notAfter ?? 0) > +own.notAfter)
  assert.equal(
    (await clientOf(store, 'admin.conf')).stays.cas,
    bundle.map(({ der }) => der),
  )
  const short = await rejects(renew(store, ['ca'], { facts: { caCertificateValidityPeriod: '100h' } }, at(+NOW + DAY)))
  assert.equal([short.code, short.details], ['KPKI_PLAN_BLOCKED', { item: 'ca' }])
  const below = wellTree()
  await issuedBelow(below)
  assert.is((await rejects(renew(below, ['front-proxy-ca'], {}, context))).code, 'KPKI_PLAN_BLOCKED')
})

/** Makes the front-proxy CA an intermediate of the cluster CA, whose leaf has it in its file. */
async function issuedBelow(store: MemoryStore): Promise<Certificate> {
  const key = await keyIn(store, 'pki/front-proxy-ca.key')
  const ca = { certificate: certificateIn(store, 'pki/ca.crt'), key: await keyIn(store, 'pki/ca.key') }
  const [notBefore, notAfter] = [NOW, new Date(+NOW + 1000 * DAY)]
  const certificate = await issueCertificate(
    { commonName: 'front-proxy-ca', spki: key.spki, isCa: true, keyUsages: ['keyCertSign'], notBefore, notAfter },
    ca,
    context,
  )
  put(store, 'pki/front-proxy-ca.crt', formatCertificate(certificate))
  await reissue(store, 'front-proxy-client', {}, { ca: 'pki/front-proxy-ca' })
  put(store, 'pki/front-proxy-client.crt', read(store, 'pki/front-proxy-client.crt') + formatCertificate(certificate))
  return certificate
}

test('certificates behind a leaf stay where they lead on from it, and go where they do not', async () => {
  const store = wellTree()
  const intermediate = await issuedBelow(store)
  const stray = certificateIn(store, 'pki/etcd/ca.crt')
  put(store, 'pki/front-proxy-client.crt', read(store, 'pki/front-proxy-client.crt') + formatCertificate(stray))
  put(store, 'pki/apiserver.crt', read(store, 'pki/apiserver.crt') + formatCertificate(stray))
  await renew(store, ['front-proxy-client', 'apiserver'], {}, context)
  const chain = parseCertificates(read(store, 'pki/front-proxy-client.crt'))
  assert.equal(
    chain.slice(1).map(({ der }) => der),
    [intermediate.der],
  )
  assert.is(parseCertificates(read(store, 'pki/apiserver.crt')).length, 1)
})

testWith(
  'openssl',
  test,
  "what OpenSSL's users write into a certificate stays: subject, order, names of all kinds, usages",
  async () => {
    const store = wellTree()
    const dir = scratch()
    const file = (name: string, text = '') => {
      if (text !== '') writeFileSync(join(dir, name), text)
      return join(dir, name)
    }
    const config = `[req]
distinguished_name = dn
prompt = no
string_mask = utf8only
[dn]
C = DE
O = Example Corp
OU = Platform
CN = kube-apiserver
[v3]
basicConstraints = critical, CA:FALSE
keyUsage = digitalSignature, keyEncipherment, nonRepudiation
extendedKeyUsage = serverAuth, 1.3.6.1.4.1.311.20.2.2
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
nsComment = made by hand
certificatePolicies = 1.2.3.4
subjectAltName = IP:10.0.0.10, DNS:zeta.example.org, email:ops@example.org, URI:spiffe://example.org/api, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local, DNS:cp-1, DNS:api.example.org, IP:10.96.0.1
`
    const openssl = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
      assert.is(status, 0, stderr)
      return stdout
    }
    const cnf = file('x.cnf', config)
    openssl(
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      file('x.key'),
      '-out',
      file('x.csr'),
      '-config',
      cnf,
    )
    const ca = file('ca.crt', read(store, 'pki/ca.crt'))
    const caKey = file('ca.key', read(store, 'pki/ca.key'))
    openssl(
      'x509',
      '-req',
      '-in',
      file('x.csr'),
      '-CA',
      ca,
      '-CAkey',
      caKey,
      '-days',
      '900',
      '-out',
      file('x.crt'),
      '-extfile',
      cnf,
      '-extensions',
      'v3',
      '-set_serial',
      '77',
    )
    const lines = (pem: string) =>
      shown(pem)
        .replaceAll(' critical', '')
        .split('\n')
        .map(line => line.trim())
        .sort()
    const shown = (pem: string) =>
      openssl(
        'x509',
        '-noout',
        '-subject',
        '-ext',
        'subjectAltName,keyUsage,extendedKeyUsage,certificatePolicies',
        '-in',
        file('shown.pem', pem),
      )
    const { readFileSync } = await import('node:fs')
    put(store, 'pki/apiserver.crt', readFileSync(file('x.crt'), 'utf8'))
    put(store, 'pki/apiserver.key', readFileSync(file('x.key'), 'utf8'))
    const old = certificateIn(store, 'pki/apiserver.crt')
    const options: RenewOptions = { keys: 'keep' }
    await renew(store, ['apiserver'], {}, at(+old.notBefore + DAY), options)
    const made = read(store, 'pki/apiserver.crt')
    assert.equal(lines(made), lines(formatCertificate(old)))
    assert.equal(certificateIn(store, 'pki/apiserver.crt').subject.der, old.subject.der)
    assert.is(certificateIn(store, 'pki/apiserver.crt').extensions.includes('2.16.840.1.113730.1.13'), false)
    assert.is(certificateIn(store, 'pki/apiserver.crt').criticalExtensions.includes('2.5.29.15'), true)
    // With one more name, that comes last, and the others stay where they are.
    await renew(store, ['apiserver'], { facts: { controlPlaneEndpoint: 'lb.example.org' } }, at(+old.notBefore + DAY))
    const names = (pem: string) => new X509Certificate(pem).subjectAltName
    assert.is(names(read(store, 'pki/apiserver.crt')), `${names(made)}, DNS:lb.example.org`)
  },
)

test('a leaf that names its CA by its serial number is reissued with the CA', async () => {
  const store = wellTree()
  const leaf = certificateIn(store, 'pki/apiserver.crt')
  const ca = certificateIn(store, 'pki/ca.crt')
  // RFC 5280 section 4.2.1.1: [0] keyIdentifier, [1] authorityCertIssuer, [2] authorityCertSerialNumber.
  const serial = parseHex(ca.serialNumber)
  const identifier = parseHex(ca.subjectKeyIdentifier ?? '')
  const wrap = (tag: number, ...parts: Uint8Array[]) => {
    const content = Buffer.concat(parts)
    return Buffer.concat([
      Buffer.from(content.length < 128 ? [tag, content.length] : [tag, 0x81, content.length]),
      content,
    ])
  }
  const value = wrap(0x30, wrap(0x80, identifier), wrap(0xa1, wrap(0xa4, ca.subject.der)), wrap(0x82, serial))
  const extension = wrap(0x30, Buffer.from([6, 3, 0x55, 0x1d, 0x23]), wrap(4, value))
  const issuer = { certificate: { ...ca, subjectKeyIdentifier: undefined }, key: await keyIn(store, 'pki/ca.key') }
  const odd = await issueCertificate(
    {
      commonName: 'kube-apiserver',
      spki: leaf.spki,
      isCa: false,
      keyUsages: ['digitalSignature'],
      extKeyUsages: ['serverAuth'],
      dnsNames: leaf.dnsNames,
      ipAddresses: leaf.ipAddresses,
      furtherExtensions: [extension],
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
    },
    issuer,
    context,
  )
  put(store, 'pki/apiserver.crt', formatCertificate(odd))
  const { plan } = await renew(store, ['ca'], {}, at(+NOW + DAY))
  const found = plan.changes.find(({ id }) => id === 'apiserver')
  assert.equal([found?.action, found?.key], ['reissue', 'keep'])
  assert.is(certificateIn(store, 'pki/apiserver.crt').authorityKeyIdentifier, ca.subjectKeyIdentifier)
  if (hasTool('openssl')) assert.equal((await planStore(store, {}, at(+NOW + DAY))).plan.changes, [])
})

test('comments, further contexts and users of a kubeconfig stay; anchors are refused, and nothing is written', async () => {
  const store = wellTree()
  const more = `# mine\n${read(store, 'admin.conf').replace('users:\n', "users:\n- name: other # ours\n  user: {token: 'x'}\n")}`
  put(store, 'admin.conf', more)
  await renew(store, ['admin.conf'], {}, context)
  const hidden = (text: string) => text.replace(/client-(certificate|key)-data: .*/g, '')
  assert.is(hidden(read(store, 'admin.conf')), hidden(more))
  put(
    store,
    'admin.conf',
    more.replace('user: {token', 'user: &a {token').replace('  user: kubernetes-admin', '  user: kubernetes-admin'),
  )
  const aliased =
    read(store, 'admin.conf').replace(/client-certificate-data: (.*)/, 'client-certificate-data: &c $1') +
    'extensions:\n- {name: x, extension: {c: *c}}\n'
  put(store, 'admin.conf', aliased)
  const before = snapshot(store)
  const refused = await rejects(renew(store, ['all'], {}, context))
  assert.is(refused.code, 'KPKI_YAML_UNEDITABLE')
  assert.equal(snapshot(store), before)
})

test('a dry run writes nothing, and says what the real one does', async () => {
  const store = wellTree()
  const before = snapshot(store)
  const dry = await renew(store, ['all', 'ca'], {}, at(+NOW + DAY), { dryRun: true })
  assert.equal(snapshot(store), before)
  assert.is(dry.backup, undefined)
  const real = await renew(store, ['all', 'ca'], {}, at(+NOW + DAY))
  assert.equal(real.plan, dry.plan)
  assert.equal([...real.certificates.keys()].sort(), real.plan.changes.map(({ id }): TreeItemId => id).sort())
})

test('without a ledger nothing is written down', async () => {
  const store = wellTree()
  store.files.delete(LEDGER_PATH)
  await renew(store, ['apiserver'], {}, context, { ledger: false })
  assert.is(store.files.has(LEDGER_PATH), false)
})

test('a tree that somebody else changes meanwhile is left as they have it', async () => {
  const store = wellTree()
  const create = store.create.bind(store)
  let isTouched = false
  store.create = async (path, bytes, mode) => {
    await create(path, bytes, mode)
    if (path.endsWith('manifest.json') && !isTouched) {
      isTouched = true
      put(store, 'scheduler.conf', read(store, 'controller-manager.conf'))
    }
  }
  const before = read(store, 'pki/apiserver.crt')
  assert.is((await rejects(renew(store, ['apiserver'], {}, context))).code, 'KPKI_PLAN_STALE')
  assert.is(read(store, 'pki/apiserver.crt'), before)
})

test('a file that gets its first key is closed to others, whatever it was; undo opens it again', async () => {
  const store = wellTree()
  const mode = (path: string) => store.files.get(path)?.mode
  const open = (path: string, text: string, mode: number) =>
    store.files.set(path, { bytes: new TextEncoder().encode(text), mode })
  const pem = 'kubelet/pki/kubelet-client-current.pem'
  const { certificate } = await clientOf(store, 'kubelet.conf')
  open(pem, formatCertificate(certificate), 0o644)
  open('pki/apiserver.key', 'garbage', 0o640)
  open('pki/etcd/peer.key', read(store, 'pki/etcd/peer.key'), 0o444)
  const messages: string[] = []
  const now = testContext({ log: ({ level, message }) => level === 'warning' && messages.push(message) })
  await renew(store, ['kubelet-client', 'apiserver', 'etcd-peer'], {}, now)
  assert.match(read(store, pem), /PRIVATE KEY/)
  assert.equal([mode(pem), mode('pki/apiserver.key')], [0o600, 0o600])
  // It had a key: who may read it is somebody's choice, and told of.
  assert.is(mode('pki/etcd/peer.key'), 0o444)
  assert.equal(messages, [
    'pki/etcd/peer.key can be read by everybody, and stays so with what it holds now: chmod 600 it',
  ])
  await undoLast(store, context)
  assert.equal([mode(pem), mode('pki/apiserver.key')], [0o644, 0o640])
})

test('a kubeconfig whose certificate or key is in a file beside it gets none into itself', async () => {
  for (const [data, field, message] of [
    ['client-key', 'key', /^admin\.conf has the key of its client certificate in \/x\.pem$/],
    ['client-certificate', 'certificate', /^admin\.conf has its client certificate in \/x\.pem$/],
  ] as const) {
    const store = wellTree()
    put(store, 'admin.conf', read(store, 'admin.conf').replace(new RegExp(`${data}-data: .*`), `${data}: /x.pem`))
    const before = snapshot(store)
    const refused = await rejects(renew(store, ['admin.conf'], {}, context))
    assert.is(refused.code, 'KPKI_PLAN_BLOCKED', field)
    assert.match(refused.message, message)
    const { plan } = await planStore(store, {}, context)
    assert.equal(plan.changes, [], field)
    assert.equal(snapshot(store), before)
  }
})

/** Somebody has merged another cluster into a kubeconfig, and chosen it. */
function withOther(store: MemoryStore, path: string): string {
  const ca = Buffer.from(read(store, 'pki/etcd/ca.crt')).toString('base64')
  const cluster = `{server: 'https://other.example:6443', certificate-authority-data: ${ca}}`
  const text = read(store, path)
    .replace('clusters:\n', `$&- cluster: ${cluster}\n  name: other\n`)
    .replace('contexts:\n', '$&- context: {cluster: other, user: other}\n  name: other\n')
    .replace('users:\n', '$&- name: other\n  user: {token: theirs}\n')
    .replace(/current-context: .*/, 'current-context: other')
  put(store, path, text)
  return text
}

test("admin.conf with another cluster's context chosen: its own entry is judged and renewed, the other one stays", async () => {
  const store = wellTree()
  const text = withOther(store, 'admin.conf')
  assert.equal((await planStore(store, {}, context)).plan.changes, [])
  const moved = { facts: { controlPlaneEndpoint: 'lb.example.org:6443' } }
  const { plan } = await renew(store, ['admin.conf'], {}, context)
  assert.equal(
    plan.changes.map(({ id, action, key }) => `${id} ${action} ${key}`),
    ['admin.conf reissue new'],
  )
  const secret = /client-(certificate|key)-data: .*/g
  assert.is(read(store, 'admin.conf').replace(secret, ''), text.replace(secret, ''))
  const { certificates, key } = await parseKubeconfig(
    read(store, 'admin.conf'),
    context,
    'admin.conf',
    'kubernetes-admin@kubernetes',
  )
  assert.is(certificates[0]?.subject.commonName, 'kubernetes-admin')
  assert.ok(certificates[0] && key?.isKeyOf(certificates[0].spki))
  assert.is.not(read(store, 'admin.conf').match(secret)?.[0], text.match(secret)?.[0])
  // What goes somewhere else now is this cluster's entry alone.
  const asked = await planStore(store, moved, context)
  assert.equal(asked.plan.changes.find(({ id }) => id === 'admin.conf')?.edits, ['server'])
  assert.is(asked.plan.changes.find(({ id }) => id === 'apiserver')?.wanted?.dnsNames.includes('other.example'), false)
  await changeTree('apply', store, moved, context)
  const after = read(store, 'admin.conf')
  assert.is(after.match(/server: .*/g)?.length, 2)
  assert.match(after, "server: 'https://other.example:6443'")
  assert.match(after, 'server: https://lb.example.org:6443')
})

test("a component's kubeconfig counts as it is used: another cluster's context in it is told of, and nothing goes into it", async () => {
  const store = wellTree()
  const text = withOther(store, 'scheduler.conf')
  const { findings } = await checkTree(store, {}, context)
  assert.ok(findings.some(({ code, row }) => code === 'current-context' && row === 'scheduler.conf'))
  await changeTree('apply', store, {}, context)
  assert.is(read(store, 'scheduler.conf'), text)
  assert.is((await rejects(renew(store, ['scheduler.conf'], {}, context))).code, 'KPKI_PLAN_BLOCKED')
})

test("the kubelet's client certificate is lost: that is found, and the way out that is named is one", async () => {
  const store = wellTree()
  const path = '/var/lib/kubelet/pki/kubelet-client-current.pem'
  const text = read(store, 'kubelet.conf')
    .replace(/client-certificate-data: .*/, `client-certificate: ${path}`)
    .replace(/client-key-data: .*/, `client-key: ${path}`)
  put(store, 'kubelet.conf', text)
  // Without a directory of a kubelet nobody knows.
  assert.equal(
    (await checkTree(store, {}, context)).findings.filter(({ severity }) => severity === 'error'),
    [],
  )
  put(store, 'kubelet/config.yaml', 'kind: KubeletConfiguration\n')
  const { findings } = await checkTree(store, {}, context)
  const lost = findings.find(({ code, row }) => code === 'file-missing' && row === 'kubelet-client')
  assert.match(lost?.hint ?? '', 'kpki gen kubeconfig kubelet.conf')
  const { plan } = await planStore(store, {}, context)
  assert.equal(plan.changes, [])
  assert.equal(
    plan.untouched.map(({ id }) => id),
    ['kubelet-client'],
  )
  const error = await rejects(renew(store, ['kubelet-client'], {}, context))
  assert.is(error.code, 'KPKI_PLAN_BLOCKED')
  assert.match(error.hint ?? '', 'kpki gen kubeconfig kubelet.conf')
})

test('what is in the place of a file and is none is not called missing, and nothing is made there', async () => {
  for (const [id, path] of [
    ['kubelet-client', 'kubelet/pki/kubelet-client-current.pem'],
    ['admin.conf', 'admin.conf'],
  ] as const) {
    const store = wellTree()
    const lookup = store.read.bind(store)
    store.read = async name => {
      if (name === path) throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is a link that leads nowhere`)
      return lookup(name)
    }
    const { plan } = await planStore(store, {}, context)
    assert.equal(plan.changes, [], id)
    assert.match(plan.untouched.find(item => item.id === id)?.message ?? '', /^is a link that leads nowhere$/)
    const error = await rejects(renew(store, [id], {}, context))
    assert.is(error.message, `${id} is a link that leads nowhere`)
  }
})

/** A manifest as kubeadm writes them, with these flags. */
function withPod(store: MemoryStore, component: string, ...flags: readonly string[]): void {
  const container = { name: component, image: `registry.k8s.io/${component}:v1.36.0`, command: [component, ...flags] }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: component }, spec: { containers: [container] } }
  put(store, `manifests/${component}.yaml`, JSON.stringify(pod))
}

test('whoever is told to read ca.crt as a client is restarted after the CA is renewed', async () => {
  const restarted = async (store: MemoryStore) =>
    (await renew(store, ['ca'], {}, at('2026-09-01T00:00:00Z'))).plan.restarts
      .filter(({ how }) => how === 'restart')
      .map(({ component, because }) => `${component} ${because.filter(id => id === 'ca')}`)
  const usual = wellTree()
  const usually = await restarted(usual)
  assert.not.ok(usually.some(line => line.startsWith('kube-apiserver')))
  const store = wellTree()
  // CIS Kubernetes Benchmark 1.2.5
  withPod(store, 'kube-apiserver', '--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt')
  const text = read(store, 'scheduler.conf')
  const file = 'certificate-authority: /etc/kubernetes/pki/ca.crt'
  put(store, 'scheduler.conf', text.replace(/certificate-authority-data: .*/, file))
  const lines = await restarted(store)
  assert.ok(lines.includes('kube-apiserver ca'), lines.join('; '))
  assert.ok(lines.includes('kube-scheduler ca'), lines.join('; '))
})

test('what static Pods are told otherwise than what is asked for is said with the plan', async () => {
  const store = wellTree()
  withPod(
    store,
    'kube-apiserver',
    ...['--secure-port=6443', '--advertise-address=10.0.0.10', '--service-cluster-ip-range=10.96.0.0/12'],
  )
  withPod(store, 'etcd', '--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.10:2379')
  const told = async (facts: Asked['facts']) =>
    (await planStore(store, { facts: facts ?? {} }, context)).plan.followUps.filter(line => /manifests/.test(line))
  assert.equal(await told({ apiServerCertSans: ['lb.example.org'] }), [])
  assert.equal(await told({ bindPort: 7443 }), [
    'Change manifests/kube-apiserver.yaml, too: kube-apiserver is told there --secure-port=6443, which is to be 7443.',
  ])
  assert.match(
    (await told({ serviceSubnet: '10.100.0.0/16' })).join(),
    'range=10.96.0.0/12, which is to be 10.100.0.0/16',
  )
  const moved = (await told({ advertiseAddress: '10.0.0.99' })).join('\n')
  assert.match(moved, '--advertise-address=10.0.0.10, which is to be 10.0.0.99')
  assert.match(moved, 'which is to be https://127.0.0.1:2379,https://10.0.0.99:2379')
})

test('a saved plan is applied from the library, once, and only as what it is', async () => {
  const store = wellTree()
  const asked = { adds: { apiServerCertSans: ['lb.example.org'] } }
  const { plan } = await planStore(store, asked, context)
  const saved = savePlan(plan, { facts: {}, ...asked, options: {} })
  const before = snapshot(store)
  for (const odd of [null, undefined, {}, plan, { inputs: {} }])
    assert.is((await rejects(applyPlan(odd as never, store, context))).code, 'KPKI_PLAN_INVALID')
  assert.equal(snapshot(store), before)
  await applyPlan(saved, store, context)
  assert.ok(certificateIn(store, 'pki/apiserver.crt').dnsNames.includes('lb.example.org'))
  assert.is((await rejects(applyPlan(saved, store, context))).code, 'KPKI_PLAN_STALE')
})

test('who names nothing to renew is told so', async () => {
  for (const items of [[], undefined])
    assert.is((await rejects(renew(wellTree(), items as never, {}, context))).code, 'KPKI_USAGE')
})

test.run()
