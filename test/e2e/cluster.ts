/**
 * One small cluster that all end-to-end tests of a run share: etcd, kube-apiserver and kube-controller-manager v1.20.2 on a
 * tree that kpki made, with the arguments of kubeadm's manifests. Started by the first test that asks for it; ends with the
 * process.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { parse } from 'yaml'
import { Host, must, type Said, Switch, until } from './host.js'
import { kube, testWithAll } from './programs.js'

const PROGRAMS = ['kubeadm', 'kubectl', 'kube-apiserver', 'kube-controller-manager', 'etcd'] as const
const ADDRESS = '10.77.3.11'
const ADMIN_CONF = '/etc/kubernetes/admin.conf'

/** An event of the API server's audit log, as far as tests look at it. */
export interface AuditEvent {
  readonly requestURI: string
  readonly verb: string
  /** Who was not let in has no name. */
  readonly user: { readonly username?: string; readonly groups?: readonly string[] }
  readonly impersonatedUser?: {
    readonly username: string
    readonly groups?: readonly string[]
    readonly extra?: Readonly<Record<string, readonly string[]>>
  }
  readonly userAgent?: string
  readonly responseStatus?: { readonly code?: number }
}

/** The cluster; `cp-1` is its one host. */
export class Cluster {
  readonly host: Host
  readonly net: Switch
  /** Of the host. */
  readonly address = ADDRESS
  /** As other hosts on the wire reach it. */
  readonly server = `https://${ADDRESS}:6443`
  /** As this process reaches it: the certificate is for this address, too. */
  readonly localServer: string
  #hosts = 1

  private constructor(host: Host, net: Switch, localPort: number) {
    this.host = host
    this.net = net
    this.localServer = `https://127.0.0.1:${localPort}`
  }

  static async start(): Promise<Cluster> {
    const net = await Switch.create()
    const host = await Host.create('cp-1')
    await net.plug(host, ADDRESS)
    const made = ['--kubernetes-version', 'v1.20.2', '--encryption-algorithm', 'ECDSA-P256']
    const names = ['--apiserver-cert-extra-sans', '127.0.0.1,localhost']
    await must(host.kpki('gen', 'all', ...made, ...names, '--control-plane-endpoint', `${ADDRESS}:6443`))
    await writeManifests(host, ADDRESS, ADDRESS)
    const [etcd = '', ...etcdArgs] = commandOf(host, 'etcd')
    host.daemon('etcd', etcd, etcdArgs)
    const cluster = new Cluster(host, net, await forward(host))
    await cluster.startApiServer()
    const [, ...managerArgs] = commandOf(host, 'kube-controller-manager')
    host.daemon('kube-controller-manager', kube('kube-controller-manager'), managerArgs)
    await until('the controllers work', 60, async () => {
      const said = await cluster.kubectl('-n', 'kube-public', 'get', 'serviceaccount', 'default')
      if (said.status !== 0) throw new Error(`${said.stderr}\n${host.log('kube-controller-manager')}`)
    })
    return cluster
  }

  /** Starts the API server, which runs already unless it was stopped, and waits for it. */
  async startApiServer(): Promise<void> {
    startApiServer(this.host)
    await until('the API server is ready', 90, async () => {
      const said = await this.kubectl('get', '--raw', '/readyz')
      if (said.stdout !== 'ok') throw new Error(`${said.stderr}\n${this.host.log('kube-apiserver')}`)
    })
  }

  /** Kills the API server; other tests need it, so start it again. */
  async stopApiServer(): Promise<void> {
    await this.host.stop('kube-apiserver')
  }

  /** kubectl as the administrator. */
  kubectl(...args: readonly string[]): Promise<Said> {
    return this.host.run(kube('kubectl'), ['--kubeconfig', ADMIN_CONF, ...args])
  }

  /** `kubectl apply -f -` as the administrator. */
  async apply(manifests: string): Promise<string> {
    const args = ['--kubeconfig', ADMIN_CONF, 'apply', '-f', '-']
    return must(this.host.run(kube('kubectl'), args, { input: manifests }))
  }

  /** kpki on `cp-1`, where `/etc/kubernetes/admin.conf` is found without being named. */
  kpki(...args: readonly string[]): Promise<Said> {
    return this.host.kpki(...args)
  }

  /** kubeadm on `cp-1`. */
  kubeadm(...args: readonly string[]): Promise<Said> {
    return this.host.run(kube('kubeadm'), args)
  }

  /** A further host on the same wire, with nothing on it; close it when the test is over. */
  async addHost(name: string): Promise<Host> {
    const host = await Host.create(name)
    await this.net.plug(host, ADDRESS.replace(/[0-9]+$/, String(11 + this.#hosts++)))
    return host
  }

  /** A file of the tree, as it stands on `cp-1`. */
  file(path: string): string {
    return readFileSync(join(this.host.tree, path), 'utf8')
  }

  /** A kubeconfig of the tree, for this process. */
  localKubeconfig(file = 'admin.conf'): string {
    return this.file(file).replaceAll(this.server, this.localServer)
  }

  /** What the API server was asked so far, in order. */
  audit(): readonly AuditEvent[] {
    return auditLog(this.host)
  }
}

let shared: Promise<Cluster> | undefined

/** The cluster of this run. */
function sharedCluster(): Promise<Cluster> {
  shared ??= Cluster.start()
  return shared
}

interface Tests {
  (name: string, handler: () => void | Promise<void>): void
  skip(): void
}

/** Registers a test on the shared cluster; where there can be none, it is counted as skipped, with the reason. */
export function testWithCluster(tests: Tests, name: string, handler: (cluster: Cluster) => Promise<void>): void {
  testWithAll(PROGRAMS, tests, name, async () => handler(await sharedCluster()))
}

/** Has the real kubeadm write the manifests of etcd and the control plane, for their arguments. */
export async function writeManifests(host: Host, address: string, endpoint: string): Promise<void> {
  // kubeadm of v1.20 knows nothing of later versions: its manifests are the same for all, its trees are not used.
  const config = join(host.data, 'kubeadm.yaml')
  writeFileSync(
    config,
    `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration: {name: ${host.name}, criSocket: /run/containerd/containerd.sock}
localAPIEndpoint: {advertiseAddress: ${address}}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: ${endpoint}:6443
etcd: {local: {dataDir: ${join(host.data, 'etcd')}}}
`,
  )
  await must(host.run(kube('kubeadm'), ['init', 'phase', 'etcd', 'local', '--config', config]))
  await must(host.run(kube('kubeadm'), ['init', 'phase', 'control-plane', 'all', '--config', config]))
}

/** The command line of a component, out of the manifest that kubeadm wrote. */
export function commandOf(host: Host, component: string): readonly string[] {
  const manifest = parse(readFileSync(join(host.tree, 'manifests', `${component}.yaml`), 'utf8')) as {
    spec: { containers: { command: string[] }[] }
  }
  return manifest.spec.containers[0]?.command ?? []
}

/** Starts a host's API server, with an audit log. */
export function startApiServer(host: Host): void {
  const policy = join(host.data, 'audit.yaml')
  writeFileSync(policy, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n')
  const [program = '', ...args] = commandOf(host, 'kube-apiserver')
  host.daemon('kube-apiserver', kube(program), [
    ...args,
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${join(host.data, 'audit.log')}`,
  ])
}

/** What a host's API server was asked. */
export function auditLog(host: Host): readonly AuditEvent[] {
  return readFileSync(join(host.data, 'audit.log'), 'utf8')
    .split('\n')
    .flatMap(line => (line.endsWith('}') ? [JSON.parse(line) as AuditEvent] : []))
}

/** Who asked for an URI; throws while nobody has. */
export function auditedUser(host: Host, uri: string): AuditEvent['user'] {
  const event = auditLog(host).find(({ requestURI }) => requestURI === uri)
  if (!event) throw new Error(`${uri} is not there`)
  return event.user
}

/** Runs in the host: what comes in at a socket in the file system goes to its API server. */
const RELAY = `
const net = require('node:net')
net.createServer(here => {
  const there = net.connect(6443, '${ADDRESS}')
  here.on('error', () => there.destroy()).on('close', () => there.destroy())
  there.on('error', () => here.destroy()).on('close', () => here.destroy())
  here.pipe(there).pipe(here)
}).listen(process.argv[1])`

/** A port of this process' loopback interface that leads to the API server of a host, into which there is no wire from here. */
async function forward(host: Host): Promise<number> {
  const path = join(host.data, 'api.sock')
  host.daemon('relay', process.execPath, ['-e', RELAY, path])
  const server = createServer(here => {
    const there = createConnection(path)
    here.on('error', () => there.destroy()).on('close', () => there.destroy())
    there.on('error', () => here.destroy()).on('close', () => here.destroy())
    here.pipe(there).pipe(here)
  })
  server.unref()
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}
