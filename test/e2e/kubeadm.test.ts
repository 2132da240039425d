/** kubeadm v1.20.2 and kpki on the same tree: each takes what the other made for its own. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Host, must, Switch } from './host.js'
import { kube, testWithAll } from './programs.js'
import { certificatesOf, shapeOf, snapshot } from './tree.js'

const ADDRESS = '10.77.1.10'
const test = suite('kubeadm')
let net: Switch | undefined
let hosts: Host[] = []

test.after(async () => {
  await Promise.all(hosts.map(host => host.close()))
  net?.close()
})

/** A new host, and what it is asked to be. */
async function prepare(config: string, address = ADDRESS): Promise<Host> {
  net ??= await Switch.create()
  await Promise.all(hosts.map(host => host.close()))
  const host = await Host.create('cp-1')
  hosts = [host]
  await net.plug(host, address)
  if (address !== ADDRESS)
    await must(host.run('ip', ['-6', 'address', 'add', 'fd00:77::10/64', 'dev', 'eth0', 'nodad']))
  writeFileSync(join(host.data, 'kubeadm.yaml'), config)
  return host
}

function configOf(cluster: string, init = `localAPIEndpoint: {advertiseAddress: ${ADDRESS}}`): string {
  return `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration: {name: cp-1, criSocket: /run/containerd/containerd.sock}
${init}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
${cluster}
`
}

const kubeadm = (host: Host, ...args: string[]) =>
  must(host.run(kube('kubeadm'), [...args, '--config', join(host.data, 'kubeadm.yaml')]))
const kpki = (host: Host, ...args: string[]) =>
  must(host.kpki('gen', ...args, '--config', join(host.data, 'kubeadm.yaml'), '-o', 'json')).then(
    text =>
      JSON.parse(text) as { items: { name: string; action: string }[]; findings: { code: string; severity: string }[] },
  )
async function kubeadmAll(host: Host): Promise<string> {
  return (
    (await kubeadm(host, 'init', 'phase', 'certs', 'all')) + (await kubeadm(host, 'init', 'phase', 'kubeconfig', 'all'))
  )
}

const BASE = 'controlPlaneEndpoint: api.example.org:6443\napiServer: {certSANs: [lb.example.org, 192.0.2.7]}'
const ALGORITHMS = [
  ['RSA-2048', ''],
  ['ECDSA-P256', '\nfeatureGates: {PublicKeysECDSA: true}'],
] as const
const CERTIFICATES = [
  'apiserver',
  'apiserver-kubelet-client',
  'front-proxy-client',
  'etcd/server',
  'etcd/peer',
  'etcd/healthcheck-client',
  'apiserver-etcd-client',
]
const CAS = ['ca', 'front-proxy-ca', 'etcd/ca']
const KUBECONFIGS = ['admin.conf', 'kubelet.conf', 'controller-manager.conf', 'scheduler.conf']

for (const [algorithm, gate] of ALGORITHMS) {
  testWithAll(['kubeadm'], test, `${algorithm}: kubeadm keeps every byte that kpki made`, async () => {
    const host = await prepare(configOf(BASE + gate))
    await kpki(host, 'all')
    const before = snapshot(host.tree)
    const said = await kubeadmAll(host)
    assert.equal(snapshot(host.tree), before)
    for (const name of CERTIFICATES)
      assert.ok(said.includes(`Using existing ${name} certificate and key on disk`), name)
    for (const name of CAS) assert.ok(said.includes(`Using existing ${name} certificate authority`), name)
    for (const name of KUBECONFIGS)
      assert.ok(said.includes(`Using existing kubeconfig file: "/etc/kubernetes/${name}"`), name)
    assert.ok(said.includes('Using the existing "sa" key'))
    assert.not.match(said, /Generating|Writing/)
    const algorithms = new Set(
      [...certificatesOf(host.tree).values()].map(({ publicKey }) => publicKey.asymmetricKeyType),
    )
    assert.equal([...algorithms], [algorithm === 'RSA-2048' ? 'rsa' : 'ec'])
  })

  testWithAll(['kubeadm'], test, `${algorithm}: kubeadm lists every certificate of kpki with its date`, async () => {
    const [host] = hosts
    if (!host) throw new Error('no host')
    const table = await kubeadm(host, 'certs', 'check-expiration')
    assert.not.match(table, /MISSING/)
    const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
    const two = (number: number) => String(number).padStart(2, '0')
    for (const [path, certificate] of certificatesOf(host.tree)) {
      if (path === 'kubelet.conf') continue
      const end = new Date(certificate.validTo)
      const date = `${months[end.getUTCMonth()]} ${two(end.getUTCDate())}, ${end.getUTCFullYear()} ${two(end.getUTCHours())}:${two(end.getUTCMinutes())} UTC`
      const name = path.replace(/^pki\/|\.crt$/g, '').replace('/', '-')
      const line = table.split('\n').find(text => text.startsWith(`${name} `))
      assert.ok(line?.includes(date), `${name}: ${line} instead of ${date}`)
      assert.match(line ?? '', / no +$/, `${name} is not externally managed`)
    }
  })

  testWithAll(['kubeadm'], test, `${algorithm}: kubeadm renews what kpki made, and kpki takes it back`, async () => {
    const [host] = hosts
    if (!host) throw new Error('no host')
    const before = certificatesOf(host.tree)
    await kubeadm(host, 'certs', 'renew', 'all')
    const after = certificatesOf(host.tree)
    for (const [path, certificate] of after) {
      const old = before.get(path)
      assert.is(certificate.subject, old?.subject)
      assert.is(certificate.subjectAltName, old?.subjectAltName)
      const isKept = path === 'kubelet.conf' || /ca\.crt$/.test(path)
      assert.is(certificate.serialNumber === old?.serialNumber, isKept, path)
    }
    const renewed = snapshot(host.tree)
    const { items, findings } = await kpki(host, 'all')
    assert.equal(snapshot(host.tree), renewed)
    assert.ok(items.every(({ action }) => action === 'reuse'))
    assert.ok(findings.every(({ severity }) => severity !== 'error'))
  })

  testWithAll(
    ['kubeadm'],
    test,
    `${algorithm}: kpki keeps every byte that kubeadm made, and says what is weaker`,
    async () => {
      const host = await prepare(configOf(BASE + gate))
      await kubeadmAll(host)
      const before = snapshot(host.tree)
      const { items, findings } = await kpki(host, 'all')
      assert.equal(snapshot(host.tree), before)
      assert.equal(
        items.map(({ action }) => action),
        items.map(() => 'reuse'),
      )
      assert.is(items.length, CERTIFICATES.length + CAS.length + KUBECONFIGS.length + 1)
      const counts: Record<string, number> = {}
      for (const { code } of findings) counts[code] = (counts[code] ?? 0) + 1
      assert.ok(findings.every(({ severity }) => severity !== 'error'))
      // 63 random bits have fewer than 64; its CAs of v1.20 have the number 0. 7 leaves and 4 clients have no identifier.
      assert.equal(counts, {
        'serial-zero': 3,
        'serial-short': 11,
        'no-key-identifier': 11,
        // The gate says nothing to the kubeconfigs of v1.20: their keys stay RSA.
        ...(gate === '' ? {} : { 'ec-key-encipherment': 10, 'key-algorithm': 4 }),
      })
      const text = await host.kpki('gen', 'all', '--config', join(host.data, 'kubeadm.yaml'))
      assert.is(text.status, 0, text.stderr)
      assert.match(text.stdout + text.stderr, /weaker/)
    },
  )

  testWithAll(['kubeadm'], test, `${algorithm}: one completes what the other began`, async () => {
    const host = await prepare(configOf(BASE + gate))
    for (const phase of ['ca', 'etcd-ca', 'front-proxy-ca', 'apiserver', 'etcd-peer'])
      await kubeadm(host, 'init', 'phase', 'certs', phase)
    const begun = snapshot(join(host.tree, 'pki'))
    await kpki(host, 'all')
    const after = snapshot(join(host.tree, 'pki'))
    for (const [path, file] of Object.entries(begun)) assert.is(after[path], file, path)
    const all = snapshot(host.tree)
    assert.not.match(await kubeadmAll(host), /Generating|Writing/)
    assert.equal(snapshot(host.tree), all)

    rmSync(host.tree, { recursive: true })
    for (const row of ['ca', 'etcd-ca', 'front-proxy-ca', 'sa', 'apiserver', 'etcd-server']) await kpki(host, row)
    const ours = snapshot(join(host.tree, 'pki'))
    await kubeadmAll(host)
    const completed = snapshot(join(host.tree, 'pki'))
    for (const [path, file] of Object.entries(ours)) assert.is(completed[path], file, path)
    const { items } = await kpki(host, 'all')
    assert.ok(items.every(({ action }) => action === 'reuse'))
  })
}

/** Descriptions that both are given; kubeadm v1.20's own words, so v1beta2. */
const DESCRIPTIONS: readonly (readonly [what: string, cluster: string, init?: string])[] = [
  ['defaults', ''],
  [
    'names of all kinds, twice and in capitals',
    `clusterName: prod
controlPlaneEndpoint: api.example.org:7443
networking: {serviceSubnet: 172.30.0.0/16, dnsDomain: corp.internal, podSubnet: 10.244.0.0/16}
apiServer: {certSANs: ['*.apps.example.org', LB.example.org, 192.0.2.7, '2001:DB8::7', kubernetes, 192.0.2.7, cp-1]}
etcd: {local: {serverCertSANs: [z.example.org, 192.0.2.8, a.example.org], peerCertSANs: ['fd00::8', b.example.org]}}`,
  ],
  [
    'an address in front, another port',
    'controlPlaneEndpoint: 192.0.2.100:8443',
    `localAPIEndpoint: {advertiseAddress: ${ADDRESS}, bindPort: 7443}`,
  ],
  [
    'a name in front without a port',
    'controlPlaneEndpoint: api.example.org',
    `localAPIEndpoint: {advertiseAddress: ${ADDRESS}, bindPort: 8443}`,
  ],
  ['IPv6', 'networking: {serviceSubnet: "fd00:10:96::/112"}', 'localAPIEndpoint: {advertiseAddress: "fd00:77::10"}'],
  ['an IPv6 address in front', 'controlPlaneEndpoint: "[fd00:77::99]:6443"'],
  [
    'both families',
    'networking: {serviceSubnet: "10.96.0.0/16,fd00:10:96::/112", podSubnet: "10.244.0.0/16,fd00:10:244::/56"}\nfeatureGates: {IPv6DualStack: true, PublicKeysECDSA: true}',
  ],
  [
    'etcd elsewhere',
    'etcd: {external: {endpoints: ["https://10.9.0.1:2379"], caFile: /etc/etcd/ca.crt, certFile: /etc/etcd/c.crt, keyFile: /etc/etcd/c.key}}',
  ],
]

for (const [what, cluster, init] of DESCRIPTIONS) {
  testWithAll(['kubeadm'], test, `${what}: both make the same files with the same names`, async () => {
    const gates = cluster.includes('PublicKeysECDSA') ? cluster : `${cluster}\nfeatureGates: {PublicKeysECDSA: true}`
    const host = await prepare(configOf(gates, init), '10.77.1.11')
    await must(host.run('ip', ['address', 'add', `${ADDRESS}/24`, 'dev', 'eth0']))
    await kubeadmAll(host)
    const theirs = describe(host.tree)
    rmSync(host.tree, { recursive: true })
    await kpki(host, 'all')
    assert.equal(describe(host.tree), theirs)
  })
}

testWithAll(['kubeadm'], test, 'on a bare host, without a word, both make the same', async () => {
  const host = await prepare('')
  const args = ['--kubernetes-version', 'v1.20.2']
  await must(host.run(kube('kubeadm'), ['init', 'phase', 'certs', 'all', ...args]))
  await must(host.run(kube('kubeadm'), ['init', 'phase', 'kubeconfig', 'all', ...args]))
  const theirs = describe(host.tree)
  rmSync(host.tree, { recursive: true })
  await must(host.kpki('gen', 'all', ...args))
  assert.equal(describe(host.tree), theirs)
})

/** Everything about a tree that is to be the same; sa.pub is public, whatever its mode, and kubeadm keeps no ledger. */
function describe(dir: string): Readonly<Record<string, string>> {
  const certificates = certificatesOf(dir)
  return Object.fromEntries(
    Object.entries(snapshot(dir, /^pki\/issued\.jsonl$/)).map(([path, file]) => {
      const [mode = ''] = file.split(' ')
      const certificate = certificates.get(path)
      const facts = certificate
        ? [
            certificate.subject,
            certificate.issuer,
            ...(certificate.ca ? [] : [certificate.subjectAltName]),
            String(certificate.keyUsage),
          ]
        : []
      const shape = path.endsWith('.conf') ? shapeOf(readFileSync(join(dir, path), 'utf8')) : ''
      return [path, [path === 'pki/sa.pub' ? '' : mode, ...facts, shape].join('\n')]
    }),
  )
}

test.run()
