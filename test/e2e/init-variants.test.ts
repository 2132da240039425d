/**
 * Descriptions that differ from the simple one: each `kpki init` ends in a control plane v1.20.2 that serves. Static Pods run as
 * processes here (`stand-in.ts`); units of systemd are run by systemd.
 */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Host, must, Switch, scratch, until } from './host.js'
import { CONFIG, describe, init, kpki, ready, type Wishes } from './init.js'
import { CONTROL_PLANE_PROGRAMS, NODE_PROGRAMS, Node } from './node.js'
import { testWithAll } from './programs.js'
import { podsReady, standInState, startStandIn } from './static-pods.js'
import { removeSystemdCgroups, startSystemd, testWithSystemd } from './systemd.js'
import { certificatesOf, snapshot } from './tree.js'

const PROGRAMS = [...CONTROL_PLANE_PROGRAMS, 'kubelet', 'openssl'] as const
const PODS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const
/** kubeadm v1.20.2, cmd/kubeadm/app/phases/controlplane/volumes.go */
const CA_DIRS = ['/etc/pki', '/etc/ca-certificates', '/usr/share/ca-certificates', '/usr/local/share/ca-certificates']
const FAST = 'encryptionAlgorithm: ECDSA-P256'
const test = suite('init, variants')

let net: Switch | undefined
let node: Node | undefined
let count = 0

test.after(async () => {
  await node?.close()
  net?.close()
  removeSystemdCgroups()
})

async function fresh(wishes: Wishes = {}): Promise<Node> {
  net ??= await Switch.create()
  await node?.close()
  node = await Node.create(net, 'cp-1', `10.77.22.${++count}`)
  describe(node, { isBare: true, ...wishes })
  return node
}

/** Runs init to its end, with Pods run by the stand-in, which finds nothing wrong with them. */
async function made(host: Node, pods: readonly string[] = PODS, ...args: readonly string[]): Promise<string> {
  const said = await init(host, () => startStandIn(host), ...args)
  await must(said)
  await serves(host, pods)
  return said.stdout
}

/** That the API server is ready, all Pods are, and both leases are held. */
async function serves(host: Node, pods: readonly string[] = PODS): Promise<void> {
  await ready(host)
  if (pods.length > 0) {
    await podsReady(host, pods)
    const state = standInState(host).pods
    assert.equal(Object.keys(state).sort(), [...pods].sort())
    for (const name of pods) assert.equal([state[name]?.problems, state[name]?.restarts], [[], 0], name)
  }
  for (const name of ['kube-controller-manager', 'kube-scheduler'])
    await until(`${name} holds its lease`, 30, async () => {
      const lease = await host.get<{ spec: { holderIdentity: string } }>('-n', 'kube-system', 'lease', name)
      assert.match(lease.spec.holderIdentity, /^cp-1_/)
    })
}

/** That a further init finds nothing to do. */
async function unchanged(host: Node, ...args: readonly string[]): Promise<void> {
  const before = [snapshot(host.host.tree), snapshot(host.host.kubeletDir)]
  const said = await kpki(host, 'init', '--config', CONFIG, ...args)
  await must(said)
  assert.not.match(said.stdout + said.stderr, /^done /m)
  assert.equal([snapshot(host.host.tree), snapshot(host.host.kubeletDir)], before)
}

testWithAll(
  PROGRAMS,
  test,
  'an endpoint in front: kubeconfigs and cluster-info name it, control planes may join',
  async () => {
    const host = await fresh({ cluster: `${FAST}\ncontrolPlaneEndpoint: api.example.org:7443` })
    // Its load balancer comes up with the first control plane.
    await host.sh(`echo '${host.address} api.example.org' >>/etc/hosts`)
    host.host.daemon('balancer', process.execPath, [
      '-e',
      `const net = require('net')
net.createServer(a => { const b = net.connect(6443, '${host.address}'); a.on('error', () => b.destroy()).on('close', () => b.destroy()); b.on('error', () => a.destroy()).on('close', () => a.destroy()); a.pipe(b).pipe(a) }).listen(7443)`,
    ])
    const said = await made(host, PODS, '--upload-certs')
    assert.match(host.file('/etc/kubernetes/admin.conf'), /^ +server: https:\/\/api\.example\.org:7443$/m)
    assert.match(host.file('/etc/kubernetes/kubelet.conf'), /^ +server: https:\/\/api\.example\.org:7443$/m)
    const { data } = await host.get<{ data: { kubeconfig: string } }>('-n', 'kube-public', 'configmap', 'cluster-info')
    assert.match(data.kubeconfig, /server: https:\/\/api\.example\.org:7443/)
    assert.match(said, /kubeadm join api\.example\.org:7443[\s\S]*--control-plane --certificate-key [0-9a-f]{64}/)
    const key = /--certificate-key ([0-9a-f]{64})/.exec(said)?.[1] ?? ''
    // The real kubeadm takes on a second host what was put into the cluster.
    const second = await Host.create('cp-2')
    try {
      if (!net) throw new Error('no net')
      await net.plug(second, '10.77.22.200')
      cpSync(join(host.host.etc, 'hosts'), join(second.etc, 'hosts'))
      const token = /--token (\S+)/.exec(said)?.[1] ?? ''
      const hash = /--discovery-token-ca-cert-hash (\S+)/.exec(said)?.[1] ?? ''
      const args = [
        'join',
        'phase',
        'control-plane-prepare',
        'download-certs',
        'api.example.org:7443',
        '--control-plane',
      ]
      const { kube } = await import('./programs.js')
      await must(
        second.run(kube('kubeadm'), [
          ...args,
          '--token',
          token,
          '--discovery-token-ca-cert-hash',
          hash,
          '--certificate-key',
          key,
        ]),
      )
      for (const path of ['ca.key', 'sa.key', 'front-proxy-ca.key', 'etcd/ca.key'])
        assert.equal(
          execFileSync('sha256sum', [join(second.tree, 'pki', path)], { encoding: 'utf8' }).slice(0, 64),
          execFileSync('sha256sum', [join(host.host.tree, 'pki', path)], { encoding: 'utf8' }).slice(0, 64),
        )
    } finally {
      await second.close()
    }
  },
)

testWithAll(PROGRAMS, test, 'dual-stack: the Node gets Pods of both families, a Service both addresses', async () => {
  const host = await fresh({
    cluster: `${FAST}
featureGates: {IPv6DualStack: true}
networking: {podSubnet: '10.244.0.0/16,fd00:10:244::/56', serviceSubnet: '10.96.0.0/16,fd00:10:96::/112'}`,
  })
  await host.sh('ip -6 address add fd00:77::22/64 dev eth0 nodad')
  await made(host)
  await until('the node has its ranges', 30, async () => {
    const { spec } = await host.get<{ spec: { podCIDRs?: readonly string[] } }>('node', 'cp-1')
    assert.is(spec.podCIDRs?.length, 2)
    assert.match(spec.podCIDRs?.[0] ?? '', /^10\.244\.\d+\.0\/24$/)
    assert.match(spec.podCIDRs?.[1] ?? '', /^fd00:10:244:.*\/64$/)
  })
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'both' },
    spec: { ipFamilyPolicy: 'RequireDualStack', ports: [{ port: 80 }] },
  }
  writeFileSync(join(host.host.data, 'service.json'), JSON.stringify(service))
  await must(host.kubectl('create', '-f', join(host.host.data, 'service.json')))
  const { spec } = await host.get<{ spec: { clusterIPs: readonly string[] } }>('service', 'both')
  assert.match(spec.clusterIPs.join(' '), /^10\.96\.\d+\.\d+ fd00:10:96::/)
})

/** A CA and pairs by openssl, as somebody makes them who runs an etcd. */
function makeEtcdPki(address: string): string {
  const dir = scratch('etcd-pki')
  const sh = (line: string) => execFileSync('sh', ['-euc', line], { cwd: dir, stdio: 'ignore' })
  sh('openssl req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.crt -subj /CN=etcd-of-ours -days 30')
  for (const [name, extension] of [
    ['server', `subjectAltName=IP:${address}\nextendedKeyUsage=serverAuth,clientAuth`],
    ['client', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    writeFileSync(join(dir, 'ext'), extension)
    sh(`openssl req -newkey rsa:2048 -noenc -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`)
    sh(
      `openssl x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out ${name}.crt -days 30 -extfile ext`,
    )
  }
  return dir
}

testWithAll(PROGRAMS, test, 'an etcd elsewhere, with certificates of its own: this host runs none', async () => {
  const address = '10.77.22.100'
  const host = await fresh({
    cluster: `${FAST}
etcd:
  external:
    endpoints: ['https://${address}:2379']
    caFile: /etc/etcd-pki/ca.crt
    certFile: /etc/etcd-pki/client.crt
    keyFile: /etc/etcd-pki/client.key`,
  })
  if (!net) throw new Error('no net')
  const elsewhere = await Host.create('etcd-1')
  try {
    await net.plug(elsewhere, address)
    const pki = makeEtcdPki(address)
    mkdirSync(join(host.host.etc, 'etcd-pki'))
    for (const file of ['ca.crt', 'client.crt', 'client.key'])
      cpSync(join(pki, file), join(host.host.etc, 'etcd-pki', file))
    const files = ['--cert-file', join(pki, 'server.crt'), '--key-file', join(pki, 'server.key')]
    const trust = ['--client-cert-auth', '--trusted-ca-file', join(pki, 'ca.crt')]
    const urls = [
      '--listen-client-urls',
      `https://${address}:2379`,
      '--advertise-client-urls',
      `https://${address}:2379`,
    ]
    elsewhere.daemon('etcd', 'etcd', ['--data-dir', join(elsewhere.data, 'etcd'), ...files, ...trust, ...urls])
    await made(host, PODS.slice(1))
    assert.not.ok(existsSync(join(host.host.tree, 'manifests/etcd.yaml')))
    assert.not.ok(existsSync(join(host.host.tree, 'pki/etcd')))
    assert.not.ok(existsSync(join(host.host.lib, 'etcd')))
    await unchanged(host)
  } finally {
    await elsewhere.close()
  }
})

testWithAll(PROGRAMS, test, 'ECDSA, and certificates in a directory of one’s own', async () => {
  const host = await fresh({ cluster: `${FAST}\ncertificatesDir: /etc/own-pki` })
  await made(host)
  assert.not.ok(existsSync(join(host.host.tree, 'pki')))
  const dir = join(host.host.etc, 'own-pki')
  for (const path of (readdirSync(dir, { recursive: true }) as string[]).filter(name => name.endsWith('.crt')))
    assert.is(new X509Certificate(execFileSync('cat', [join(dir, path)])).publicKey.asymmetricKeyType, 'ec', path)
  for (const [path, { publicKey }] of certificatesOf(host.host.tree)) assert.is(publicKey.asymmetricKeyType, 'ec', path)
  await unchanged(host)
})

testWithAll(PROGRAMS, test, 'the CA is elsewhere: what it has signed is taken, and nothing signs here', async () => {
  const host = await fresh({ cluster: FAST })
  // Where the CAs are kept: the same description, another machine.
  const vault = scratch('vault')
  await must(kpki(host, 'gen', 'all', '--config', CONFIG, '--dir', vault))
  cpSync(vault, host.host.tree, { recursive: true, preserveTimestamps: true })
  for (const key of ['ca.key', 'front-proxy-ca.key', 'etcd/ca.key']) rmSync(join(host.host.tree, 'pki', key))
  const before = certificatesOf(host.host.tree)
  await made(host)
  assert.not.ok(existsSync(join(host.host.tree, 'pki/ca.key')))
  const after = certificatesOf(host.host.tree)
  assert.equal([...after.keys()], [...before.keys()])
  for (const [path, { serialNumber }] of after) assert.is(serialNumber, before.get(path)?.serialNumber, path)
  const manifest = host.file('/etc/kubernetes/manifests/kube-controller-manager.yaml')
  assert.match(manifest, /--cluster-signing-cert-file=$/m)
  assert.match(manifest, /--cluster-signing-key-file=$/m)
  await unchanged(host)
})

testWithAll(PROGRAMS, test, 'a host that was rendered elsewhere: init finds its files done', async () => {
  const host = await fresh({ cluster: FAST })
  const root = join(host.host.data, 'root')
  // What the files depend on beside the description is to be said elsewhere: this is what the host has.
  const caDirs = CA_DIRS.filter(existsSync).join(',')
  const traits = caDirs === '' ? [] : ['--ca-dirs', caDirs]
  await must(kpki(host, 'render', '--config', CONFIG, '--root', root, ...traits))
  for (const path of ['etc/kubernetes', 'var/lib/kubelet'])
    cpSync(join(root, path), host.locate(`/${path}`), { recursive: true, preserveTimestamps: true })
  const before = snapshot(host.host.tree)
  startStandIn(host)
  const said = await kpki(host, 'init', '--config', CONFIG)
  await must(said)
  const after = snapshot(host.host.tree)
  for (const [path, state] of Object.entries(before)) if (!path.includes('.kpki')) assert.is(after[path], state, path)
  await serves(host)
})

testWithSystemd(
  [...PROGRAMS, ...NODE_PROGRAMS],
  test,
  'with systemd: init starts the kubelet itself, which runs the static Pods',
  async () => {
    const host = await fresh({ cluster: FAST, isBare: false })
    await host.startRuntime()
    await startSystemd(host)
    const said = await kpki(host, 'init', '--config', CONFIG)
    await must(said)
    await serves(host, [])
    assert.is((await host.host.run('systemctl', ['is-active', 'kubelet'])).stdout, 'active\n')
    const pid = () => host.sh('systemctl show --property=MainPID --value kubelet')
    const before = await pid()
    await unchangedTree(host)
    assert.is(await pid(), before, 'nothing changed, and the kubelet was started anew')
    await must(kpki(host, 'reset', '--yes'))
    assert.is((await host.host.run('systemctl', ['is-active', 'kubelet'])).stdout, 'inactive\n')
    assert.is(await host.sh('ctr -n k8s.io tasks ls -q'), '')
  },
)

/** As {@link unchanged}, where a real kubelet keeps its own state beside its configuration. */
async function unchangedTree(host: Node, ...args: readonly string[]): Promise<void> {
  const before = snapshot(host.host.tree)
  const said = await kpki(host, 'init', '--config', CONFIG, ...args)
  await must(said)
  assert.equal(snapshot(host.host.tree), before)
}

testWithSystemd(
  [...PROGRAMS, ...NODE_PROGRAMS],
  test,
  '--as systemd: systemd runs etcd and the control plane, without static Pods',
  async () => {
    const host = await fresh({ cluster: FAST, isBare: false })
    await host.startRuntime()
    await startSystemd(host)
    await must(kpki(host, 'init', '--config', CONFIG, '--as', 'systemd'))
    await serves(host, [])
    const units = [...PODS, 'kubelet']
    for (const unit of units)
      assert.is((await host.host.run('systemctl', ['is-active', unit])).stdout, 'active\n', unit)
    assert.not.ok(existsSync(join(host.host.tree, 'manifests/kube-apiserver.yaml')))
    const pids = () => host.sh(`systemctl show --property=MainPID --value ${units.join(' ')}`)
    const before = await pids()
    await unchangedTree(host, '--as', 'systemd')
    assert.is(await pids(), before, 'nothing changed, and something was started anew')
  },
)

test.run()
