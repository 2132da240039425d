/** `kpki preflight` beside the real kubeadm's preflight, v1.20.2, on the same hosts. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Host, KPKI, must, Switch, until } from './host.js'
import { socketOf, startContainerd } from './kubelet.js'
import { kube, testWithAll } from './programs.js'

const PROGRAMS = ['kubeadm', 'kubelet', 'containerd', 'ctr']
const test = suite('preflight')
const ADDRESS = '10.77.40.10'

let net: Switch | undefined
let host: Host | undefined

test.after(async () => {
  await host?.close()
  net?.close()
})

/** A host with a container runtime, and with a crictl that says whether it runs, which is all that kubeadm asks it. */
async function start(): Promise<Host> {
  if (host) return host
  net = await Switch.create()
  const made = await Host.create('cp-1')
  host = made
  await net.plug(made, ADDRESS)
  writeFileSync(join(made.etc, 'hosts'), `127.0.0.1 localhost\n${ADDRESS} cp-1\n`)
  startContainerd(made)
  await until('containerd', 20, () => must(made.run('ctr', ['-a', socketOf(made), 'version'])))
  const bin = join(made.data, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'crictl'), `#!/bin/sh\nexec ctr -a "$CRI" version\n`)
  // What the machine lacks: the packages of a node bring them.
  for (const name of ['conntrack', 'iptables', 'ebtables', 'ethtool', 'socat'])
    writeFileSync(join(bin, name), '#!/bin/sh\n')
  for (const name of ['crictl', 'conntrack', 'iptables', 'ebtables', 'ethtool', 'socat'])
    chmodSync(join(bin, name), 0o755)
  return made
}

const CONFIG = (on: Host, more: string, socket: string) => `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ${ADDRESS}}
nodeRegistration: {name: ${on.name}, criSocket: '${socket}'}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
networking: {podSubnet: 10.244.0.0/16}
${more}
`

interface Situation {
  readonly what: string
  /** Lines of the ClusterConfiguration. Default: none */
  readonly cluster?: string
  /** Makes it so, on the host. */
  readonly make?: (on: Host) => Promise<unknown> | unknown
  readonly undo?: (on: Host) => Promise<unknown> | unknown
  readonly env?: Readonly<Record<string, string>>
  readonly socket?: string
  /** What kubeadm finds there beside what it finds on the host as it is. */
  readonly expected: readonly string[]
}

const manifests = (on: Host) => join(on.tree, 'manifests')
const SITUATIONS: readonly Situation[] = [
  { what: 'a host as it is', expected: [] },
  {
    what: 'a port that is taken',
    make: async on => {
      on.daemon('listener', process.execPath, ['-e', 'require("net").createServer().listen(6443)'])
      await until('a listener', 10, () => must(on.run('sh', ['-c', 'ss -ltn | grep -q :6443'])))
    },
    undo: on => on.stop('listener'),
    expected: ['ERROR Port-6443'],
  },
  {
    what: 'manifests and data of another cluster',
    make: on => {
      mkdirSync(manifests(on), { recursive: true })
      mkdirSync(join(on.lib, 'etcd/member'), { recursive: true })
      for (const name of ['etcd', 'kube-scheduler']) writeFileSync(join(manifests(on), `${name}.yaml`), 'kind: Pod\n')
    },
    undo: on => {
      rmSync(on.tree, { recursive: true })
      rmSync(join(on.lib, 'etcd'), { recursive: true })
    },
    expected: [
      'ERROR DirAvailable--var-lib-etcd',
      'ERROR FileAvailable--etc-kubernetes-manifests-etcd.yaml',
      'ERROR FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml',
    ],
  },
  {
    what: 'a proxy',
    env: { HTTPS_PROXY: 'http://proxy.example:3128', NO_PROXY: '10.96.0.0/12' },
    expected: ['WARNING HTTPProxy', 'WARNING HTTPProxyCIDR'],
  },
  {
    what: 'a name that does not resolve',
    make: on => writeFileSync(join(on.etc, 'hosts'), '127.0.0.1 localhost\n'),
    undo: on => writeFileSync(join(on.etc, 'hosts'), `127.0.0.1 localhost\n${ADDRESS} cp-1\n`),
    expected: ['WARNING Hostname'],
  },
  { what: 'no container runtime', socket: '/run/nobody.sock', expected: ['ERROR CRI'] },
  {
    what: 'an external etcd that is not there',
    cluster:
      'etcd: {external: {endpoints: [https://127.0.0.1:9], caFile: /no/ca.crt, certFile: /no/c.crt, keyFile: /no/c.key}}',
    expected: ['ERROR ExternalEtcdClientCertificates', 'ERROR ExternalEtcdVersion'],
  },
  {
    what: 'another data directory',
    cluster: 'etcd: {local: {dataDir: /var/lib/own/data}}',
    make: on => {
      mkdirSync(join(on.lib, 'own/data'), { recursive: true })
      writeFileSync(join(on.lib, 'own/data/file'), '')
    },
    expected: ['ERROR DirAvailable--var-lib-own-data'],
  },
  {
    what: 'packets that are not forwarded',
    make: on => must(on.run('sysctl', ['-w', 'net.ipv4.ip_forward=0'])),
    undo: on => must(on.run('sysctl', ['-w', 'net.ipv4.ip_forward=1'])),
    expected: ['ERROR FileContent--proc-sys-net-ipv4-ip_forward'],
  },
]

/**
 * Where kpki differs, by check: kubeadm v1.20.2 takes it for an error that a kernel's configuration cannot be read; it warns of a
 * host without systemd twice, for firewalld too.
 */
const OTHERWISE = ['SystemVerification', 'Firewalld']

testWithAll(PROGRAMS, test, "preflight finds what kubeadm's finds", async () => {
  const on = await start()
  await must(on.run('sysctl', ['-w', 'net.ipv4.ip_forward=1']))
  const path = `${join(on.data, 'bin')}:${join(kube('kubelet'), '..')}:${process.env['PATH']}`
  let asItIs: readonly string[] | undefined
  for (const { what, cluster = '', make, undo, env = {}, socket = socketOf(on), expected } of SITUATIONS) {
    await make?.(on)
    writeFileSync(join(on.data, 'config.yaml'), CONFIG(on, cluster, socket))
    const options = { env: { PATH: path, CRI: socket, ...env }, timeoutSeconds: 90 }
    const args = ['--config', join(on.data, 'config.yaml')]
    const theirs = await on.run(
      kube('kubeadm'),
      ['init', 'phase', 'preflight', ...args, '--ignore-preflight-errors', 'ImagePull'],
      options,
    )
    const { stdout, stderr } = await on.run(process.execPath, [KPKI, 'preflight', ...args, '-o', 'json'], options)
    await undo?.(on)
    const found = [...`${theirs.stderr}\n${theirs.stdout}`.matchAll(/^\s*\[(WARNING|ERROR) ([^\]]+)\]/gm)].map(
      ([, kind, name]) => `${kind} ${name}`,
    )
    const own = ownFindings(stdout, stderr)
    // kubeadm says twice of one name that it does not resolve.
    const comparable = (lines: readonly string[]) =>
      [...new Set(lines)].filter(line => !OTHERWISE.some(name => line.endsWith(name))).sort()
    assert.equal(comparable(own), comparable(found), `${what}\n${theirs.stderr}`)
    asItIs ??= comparable(found)
    assert.equal(
      comparable(found).filter(line => !asItIs?.includes(line)),
      [...expected].sort(),
      what,
    )
  }
})

/** kubeadm says a finding a line, under its check's name. */
function ownFindings(stdout: string, stderr: string): string[] {
  if (stdout === '') throw new Error(stderr)
  const { checks } = JSON.parse(stdout) as {
    checks: { name: string; origin: string; findings: { severity: string }[] }[]
  }
  return checks
    .filter(({ origin }) => origin === 'kubeadm')
    .flatMap(({ name, findings }) => findings.map(({ severity }) => `${severity.toUpperCase()} ${name}`))
}

test.run()
