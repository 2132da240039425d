/**
 * What `kpki check` and `kpki plan` say of trees that others made: each finding is listed here by hand, is true by what openssl
 * says of the same file, and there is no other. And what `kpki renew all` keeps of kubeadm's.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testWith } from '../support/skip.js'
import { addCfsslKubeconfig, addHardWayKubeconfigs, hardWayTree, makeCfssl, makeKubeadm } from './foreign.js'
import { Host, KPKI, must, run, type Said, Switch, scratch } from './host.js'
import { kube, missing, testWithAll } from './programs.js'
import { certificatesOf, fieldOf, shapeOf, snapshot } from './tree.js'

const test = suite('check')
const PROGRAMS = ['kubeadm', 'openssl']
const ADDRESSES = { 'cp-1': '10.77.8.11', 'cp-2': '10.77.8.12' } as const

interface Report {
  readonly inferred: Readonly<Record<string, unknown>>
  readonly findings: readonly {
    readonly code: string
    readonly severity: string
    readonly file: string
    readonly path?: string
  }[]
}

/** Files by rule, those of each severity for themselves. */
type Facts = Readonly<Record<string, readonly string[]>>

/** A report, and the findings in it as `severity rule` with the files that it is about: tree paths, or names below a directory. */
function factsOf(said: Said, root?: string): Facts {
  assert.ok([0, 3].includes(said.status), said.stderr)
  const facts: Record<string, string[]> = {}
  for (const { code, severity, file, path } of (JSON.parse(said.stdout) as Report).findings) {
    const name = root === undefined ? (path ?? file) : file.slice(root.length + 1)
    facts[`${severity} ${code}`] = [...(facts[`${severity} ${code}`] ?? []), name].sort()
  }
  return facts
}

const check = (...args: readonly string[]) => run(process.execPath, [KPKI, 'check', ...args, '-o', 'json'])

const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { encoding: 'utf8' })
const textOf = (file: string) => openssl('x509', '-in', file, '-noout', '-text')
const hasStrictChain = (ca: string, file: string, ...args: readonly string[]) =>
  spawnSync('openssl', ['verify', '-x509_strict', ...args, '-CAfile', ca, file]).status === 0
const countersigned = ['apiserver', 'apiserver-kubelet-client', 'apiserver-etcd-client', 'front-proxy-client']
const etcdLeaves = ['etcd/server', 'etcd/peer', 'etcd/healthcheck-client']
const LEAVES = [...countersigned, ...etcdLeaves].map(base => `pki/${base}.crt`)
const CAS = ['pki/ca.crt', 'pki/etcd/ca.crt', 'pki/front-proxy-ca.crt']
const CLIENTS = ['admin.conf', 'controller-manager.conf', 'scheduler.conf']
const KUBELET = 'kubelet/pki/kubelet-client-current.pem'
const MASTERS = [
  'admin.conf',
  ...['apiserver-etcd-client', 'apiserver-kubelet-client', 'etcd/healthcheck-client'].map(base => `pki/${base}.crt`),
]

/** What is to be said of a tree of kubeadm v1.20.2: CAs with the number 0, and the style of its days. */
const KUBEADM: Facts = {
  'warning serial-zero': CAS,
  'info serial-short': [...LEAVES, ...CLIENTS, KUBELET].sort(),
  'info no-key-identifier': [...LEAVES, ...CLIENTS, KUBELET].sort(),
  'info superuser-older': MASTERS,
}
/** With its gate for EC keys, which it gave usages of RSA keys; kubeconfigs stayed RSA. */
const KUBEADM_EC: Facts = { ...KUBEADM, 'info ec-key-encipherment': [...LEAVES, ...CAS].sort() }

/** Holds each fact about kubeadm's files to what openssl reads in them. */
function judgeKubeadm(host: Host, isEc: boolean): void {
  const dir = scratch('judge')
  const fileOf = (name: string): string => {
    if (name === KUBELET) return join(host.kubeletDir, 'pki/kubelet-client-2026-01-01-00-00-00.pem')
    if (name.endsWith('.crt')) return join(host.tree, name)
    const file = join(dir, name)
    writeFileSync(file, fieldOf(readFileSync(join(host.tree, name), 'utf8'), 'client-certificate-data'))
    return file
  }
  for (const name of CAS) assert.match(openssl('x509', '-in', fileOf(name), '-noout', '-serial'), /^serial=0+$/m)
  for (const name of [...LEAVES, ...CLIENTS, KUBELET]) {
    const text = textOf(fileOf(name))
    assert.not.match(text, /Subject Key Identifier/, name)
    assert.ok(
      /serial=([0-9A-F]*)/.exec(openssl('x509', '-in', fileOf(name), '-noout', '-serial'))?.[1]?.length ?? 99 <= 16,
    )
    assert.is(/Subject:.*O = system:masters/.test(text), MASTERS.includes(name), name)
    assert.is(text.includes('Public Key Algorithm: id-ecPublicKey'), isEc && name.startsWith('pki/'), name)
    assert.match(text, /Key Encipherment/)
    // No verifier of today refuses any of it.
    const ca = name.includes('etcd') ? 'etcd/ca' : name.includes('front-proxy') ? 'front-proxy-ca' : 'ca'
    assert.ok(hasStrictChain(join(host.tree, `pki/${ca}.crt`), fileOf(name)), name)
  }
}

async function factsOfHost(host: Host): Promise<Facts> {
  const said = await host.kpki('check', '-o', 'json')
  assert.is(said.status, 3, said.stderr)
  const { inferred } = JSON.parse(said.stdout) as Report
  assert.equal(inferred, { kubernetesVersion: 'v1.20.2', nodeName: host.name, role: 'control-plane' })
  return factsOf(said)
}

/** There is nothing to do; neither by the description that the tree gives of itself. */
async function plansNothing(host: Host): Promise<void> {
  const description = join(host.data, 'inferred.yaml')
  writeFileSync(description, await must(host.kpki('config', 'show', '--from', '/etc/kubernetes', '-o', 'yaml')))
  for (const asked of [[], ['--config', description]]) {
    const said = await host.kpki('plan', ...asked, '-o', 'json')
    assert.is(said.status, 0, said.stdout + said.stderr)
    assert.equal((JSON.parse(said.stdout) as { changes: unknown[] }).changes, [])
  }
}

const hosts: Host[] = []
let net: Switch | undefined
test.before(async () => {
  if (missing(PROGRAMS) === undefined) net = await Switch.create()
})
test.after(async () => {
  await Promise.all(hosts.map(host => host.close()))
  net?.close()
})

async function addHost(name: keyof typeof ADDRESSES): Promise<Host> {
  const host = await Host.create(name)
  hosts.push(host)
  await net?.plug(host, ADDRESSES[name])
  return host
}

const CLUSTER = 'controlPlaneEndpoint: api.example.org:6443\napiServer: {certSANs: [lb.example.org, 192.0.2.7]}'

for (const [algorithm, gate, facts] of [
  ['RSA-2048', '', KUBEADM],
  ['ECDSA-P256', '\nfeatureGates: {PublicKeysECDSA: true}', KUBEADM_EC],
] as const) {
  /** What is left to say after a renewal: what only a new CA certificate would cure. */
  const renewed: Facts = {
    'warning serial-zero': CAS,
    'info superuser-older': MASTERS,
    ...(gate === '' ? {} : { 'info ec-key-encipherment': CAS }),
  }
  let host: Host | undefined
  const first = (): Host => {
    if (!host) throw new Error('no host')
    return host
  }

  testWithAll(PROGRAMS, test, `kubeadm, ${algorithm}: what is said is true, and there is nothing to do`, async () => {
    await Promise.all(hosts.splice(0).map(old => old.close()))
    host = await addHost('cp-1')
    await makeKubeadm(host, { address: ADDRESSES['cp-1'], cluster: CLUSTER + gate })
    assert.equal(await factsOfHost(host), facts)
    // Elsewhere it is the same, out of what tar makes of the host.
    const archive = join(host.data, 'host.tar.gz')
    await must(host.run('tar', ['-czf', archive, '/etc/kubernetes', '/var/lib/kubelet/pki']))
    assert.equal(factsOf(await check('--dir', archive)), facts)
    judgeKubeadm(host, gate !== '')
    await plansNothing(host)
  })

  testWithAll(PROGRAMS, test, `kubeadm, ${algorithm}: a further control plane`, async () => {
    const second = await addHost('cp-2')
    await makeKubeadm(second, { address: ADDRESSES['cp-2'], cluster: CLUSTER + gate, joins: first() })
    assert.equal(await factsOfHost(second), facts)
    await plansNothing(second)
  })

  testWithAll(PROGRAMS, test, `kubeadm, ${algorithm}: a bare renewal keeps all names, groups and usages`, async () => {
    const { tree, data, kubeletDir } = first()
    const identities = () => ({
      ...Object.fromEntries([...certificatesOf(tree).keys()].map(path => [path, identityOf(tree, path)])),
      [KUBELET]: identityOfPem(readFileSync(join(kubeletDir, 'pki/kubelet-client-2026-01-01-00-00-00.pem'), 'utf8')),
    })
    const shapes = () => [...CLIENTS, 'kubelet.conf'].map(name => shapeOf(readFileSync(join(tree, name), 'utf8')))
    const kept = () => {
      const entries = Object.entries(snapshot(tree)).filter(([path]) =>
        /(^|\/)(ca|sa|front-proxy-ca)\.|^manifests\//.test(path),
      )
      return Object.fromEntries(entries)
    }
    const [names, text, untouched] = [identities(), shapes(), kept()]
    await must(first().kpki('renew', 'all'))
    assert.equal(identities(), names)
    assert.equal(shapes(), text)
    assert.equal(kept(), untouched)
    await plansNothing(first())
    // kubeadm takes it all for its own, and changes nothing.
    const config = ['--config', join(data, 'kubeadm.yaml')]
    const files = snapshot(tree)
    const table = await must(first().run(kube('kubeadm'), ['certs', 'check-expiration', ...config]))
    assert.not.match(table, /MISSING|invalid/)
    assert.is(table.match(/ 364d /g)?.length, 10)
    const said = await must(first().run(kube('kubeadm'), ['init', 'phase', 'certs', 'all', ...config]))
    assert.not.match(said, /Generating|Writing/)
    await must(first().run(kube('kubeadm'), ['init', 'phase', 'kubeconfig', 'all', ...config]))
    assert.equal(snapshot(tree), files)
    assert.equal(await factsOfHost(first()), renewed)
  })

  testWithAll(PROGRAMS, test, `kubeadm, ${algorithm}: CA keys that are elsewhere`, async () => {
    for (const ca of CAS) rmSync(join(first().tree, ca.replace('.crt', '.key')))
    // kube-controller-manager v1.20.2 does not start without the key that its flag names.
    assert.equal(await factsOfHost(first()), { ...renewed, 'error file-missing': ['pki/ca.key'] })
    const manifest = join(first().tree, 'manifests/kube-controller-manager.yaml')
    // What kubeadm writes where the CA key is elsewhere (v1.20.2, cmd/kubeadm/app/phases/controlplane/manifests.go).
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/(--cluster-signing-(?:cert|key)-file=).*/g, '$1'))
    assert.equal(await factsOfHost(first()), renewed)
    await plansNothing(first())
    const before = snapshot(first().tree)
    const said = await first().kpki('renew', 'all', '-o', 'json')
    assert.is(said.status, 0, said.stderr)
    assert.equal((JSON.parse(said.stdout) as { items: unknown[] }).items, [])
    assert.equal(snapshot(first().tree), before)
  })
}

/** Everything that a renewal must not touch in a certificate, as openssl writes it. */
function identityOfPem(pem: string): string {
  const text = execFileSync('openssl', ['x509', '-noout', '-text'], { encoding: 'utf8', input: pem })
  const line = (pattern: RegExp) => pattern.exec(text)?.[1]?.trim() ?? ''
  const names = line(/Subject Alternative Name: *(?:critical)?\n *(.*)\n/)
    .split(', ')
    .sort()
  const parts = [
    /Issuer: (.*)\n/,
    /Subject: (.*)\n/,
    /Extended Key Usage: *(?:critical)?\n *(.*)\n/,
    /Public Key Algorithm: (.*)\n/,
  ]
  return [...parts.map(line), ...names].join('\n')
}

function identityOf(tree: string, path: string): string {
  const text = readFileSync(join(tree, path), 'utf8')
  return identityOfPem(path.endsWith('.conf') ? fieldOf(text, 'client-certificate-data') : text)
}

const kubectl = process.env['KUBE_BINARIES'] && existsSync(kube('kubectl')) ? kube('kubectl') : undefined

testWith('openssl', test, 'the Hard Way', async () => {
  const dir = scratch('flat')
  cpSync(hardWayTree(), dir, { recursive: true })
  if (kubectl) addHardWayKubeconfigs(dir, kubectl)
  const said = await check(dir)
  assert.is(said.status, 3)
  const servers = ['kube-api-server.crt', 'kube-scheduler.crt', 'node-0.crt']
  const signed = ['admin.crt', ...servers, 'service-accounts.crt'].sort()
  assert.equal(factsOf(said, dir), {
    'warning ca-profile': ['ca.crt'],
    'warning netscape-purpose': servers,
    'info extension-netscape': ['admin.crt', 'service-accounts.crt'],
    'info key-usage-not-critical': ['ca.crt'],
    'info long-life': signed,
  })
  // openssl refuses what is signed by a CA whose basic constraints are not critical, and servers that say they are clients.
  const [ca, file] = [join(dir, 'ca.crt'), (name: string) => join(dir, name)]
  assert.match(textOf(ca), /Basic Constraints: \n/)
  assert.match(textOf(ca), /Key Usage: \n/)
  for (const name of signed) {
    assert.not.ok(hasStrictChain(ca, file(name)), name)
    assert.match(textOf(file(name)), /Netscape Cert Type: \n *SSL Client\n/)
    const isServer = spawnSync('openssl', ['verify', '-purpose', 'sslserver', '-CAfile', ca, file(name)]).status === 0
    assert.not.ok(isServer, name)
    openssl('x509', '-in', file(name), '-noout', '-checkend', String(9 * 365 * 86_400))
    assert.is(textOf(file(name)).includes('TLS Web Server Authentication'), servers.includes(name), name)
  }
})

testWith('cfssl', test, 'cfssl', async () => {
  const dir = scratch('cfssl')
  makeCfssl(dir)
  if (kubectl) addCfsslKubeconfig(dir, kubectl)
  const said = await check(dir)
  assert.equal([factsOf(said, dir), said.status], [{}, 0])
  for (const name of ['admin', 'kube-controller-manager', 'kubernetes'])
    assert.ok(hasStrictChain(join(dir, 'ca.pem'), join(dir, `${name}.pem`)), name)
  assert.ok(hasStrictChain(join(dir, 'ca.pem'), join(dir, 'kubernetes.pem'), '-purpose', 'sslserver'))
})

test.run()
