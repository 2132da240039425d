/**
 * A machine that is to become a control plane: a host whose name resolves, that forwards packets, with a container runtime
 * that has the images, and the kubelet that a person starts, since there is no systemd. Its static Pods are run by the real
 * kubelet v1.20.2, as containers; or by a stand-in, as processes (`static-pods.ts`), where the kubelet is not what is tried.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Host, must, type Said, type Switch, until } from './host.js'
import { imageFile, importImages } from './images.js'
import { startContainerd } from './kubelet.js'
import { kube } from './programs.js'

/** What {@link Node.startRuntime} and {@link Node.startKubelet} want. */
export const NODE_PROGRAMS = ['kubelet', 'containerd', 'ctr', 'runc', 'etcd'] as const

/** What a control plane's programs are in. */
export const CONTROL_PLANE_PROGRAMS = [
  'kubeadm',
  'kubectl',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'etcd',
] as const

const SOCKET = '/run/containerd/containerd.sock'
const PAUSE = 'k8s.gcr.io/pause:3.2'

/** What has to be said by flags: kubeadm leaves an empty list out of the configuration that it writes. */
export const KUBELET_FLAGS = { 'cgroups-per-qos': 'false', 'enforce-node-allocatable': '' } as const

/**
 * What a kubelet is to be told in a network namespace of a machine whose cgroups and packet filter are not its own: a person's
 * KubeletConfiguration, which goes into the description.
 */
export const KUBELET_CONFIGURATION = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
evictionHard: {memory.available: 10Mi}
cpuCFSQuota: false
failSwapOn: false
makeIPTablesUtilChains: false
nodeStatusReportFrequency: 2s
nodeStatusUpdateFrequency: 2s
featureGates: {CSIMigration: false}
`

/** One machine. */
export class Node {
  readonly host: Host
  readonly address: string

  private constructor(host: Host, address: string) {
    this.host = host
    this.address = address
  }

  static async create(net: Switch, name: string, address: string): Promise<Node> {
    const host = await Host.create(name)
    await net.plug(host, address)
    // What a kubelet and a runtime leave outside of /var/lib is no other host's business.
    for (const path of ['/run', '/var/log', '/usr/libexec']) await host.own(path)
    writeFileSync(join(host.etc, 'hosts'), `127.0.0.1 localhost\n::1 localhost\n${address} ${name}\n`)
    // Nobody answers: at once, and not after a while.
    writeFileSync(join(host.etc, 'resolv.conf'), 'nameserver 127.0.0.1\n')
    const node = new Node(host, address)
    await node.sh(
      'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/default/forwarding;' +
        // The kubelet asks whether it is in somebody's cloud, and would wait for an answer.
        'ip route replace unreachable 169.254.169.254',
    )
    return node
  }

  /** A shell script on this machine. */
  sh(script: string): Promise<string> {
    return must(this.host.run('sh', ['-euc', script]))
  }

  /** kubectl as the administrator. */
  kubectl(...args: readonly string[]): Promise<Said> {
    return this.host.run(kube('kubectl'), ['--kubeconfig', '/etc/kubernetes/admin.conf', ...args])
  }

  /** An object as the API server has it. */
  async get<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await must(this.kubectl('get', '-o', 'json', ...args))) as T
  }

  /** A file of the machine. */
  file(path: string): string {
    return readFileSync(this.locate(path), 'utf8')
  }

  /** Where a file of the machine is, seen from outside; of /etc and /var/lib. */
  locate(path: string): string {
    return path.replace(/^\/etc\//, `${this.host.etc}/`).replace(/^\/var\/lib\//, `${this.host.lib}/`)
  }

  /** Starts containerd where everybody looks for it, and gives it the images of a control plane of v1.20.2. */
  async startRuntime(): Promise<void> {
    startContainerd(this.host, { socket: SOCKET, state: '/run/containerd', pause: PAUSE })
    const images = await controlPlaneImages()
    await until('containerd answers', 20, async () => must(this.host.run('ctr', ['-a', SOCKET, 'version'])))
    await importImages(this.host, SOCKET, images)
  }

  /** Starts the kubelet, in the way that kubeadm's drop-in for systemd does it; with flags that a person adds. */
  startKubelet(...extra: readonly string[]): void {
    const env = join(this.host.kubeletDir, 'kubeadm-flags.env')
    const flags = existsSync(env) ? (/^KUBELET_KUBEADM_ARGS="(.*)"$/m.exec(readFileSync(env, 'utf8'))?.[1] ?? '') : ''
    this.host.daemon('kubelet', kube('kubelet'), [
      '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf',
      '--kubeconfig=/etc/kubernetes/kubelet.conf',
      '--config=/var/lib/kubelet/config.yaml',
      ...flags.split(' ').filter(flag => flag !== ''),
      ...extra,
    ])
  }

  /** Ends all that runs on it. */
  async stopAll(): Promise<void> {
    const containers = await this.sh(`ls /run/containerd/io.containerd.runtime.v2.task/k8s.io 2>/dev/null || true`)
    await this.host.stopAll()
    for (const id of containers.split('\n').filter(name => name !== '')) removeCgroups(id)
  }

  async close(): Promise<void> {
    await this.stopAll()
    await this.host.close()
  }
}

let images: Promise<readonly string[]> | undefined

/** The images that kubeadm v1.20.2 wants (constants.go: etcd 3.4.13-0, pause 3.2), with the etcd that is here. */
function controlPlaneImages(): Promise<readonly string[]> {
  images ??= Promise.all([
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(name =>
      imageFile(`k8s.gcr.io/${name}:v1.20.2`, { program: kube(name), path: `/usr/local/bin/${name}` }),
    ),
    imageFile('k8s.gcr.io/etcd:3.4.13-0', { program: programPath('etcd'), path: '/usr/local/bin/etcd' }),
    // Of CoreDNS and kube-proxy there is the name alone: preflight finds them, their Pods do not run.
    ...[PAUSE, 'k8s.gcr.io/coredns:1.7.0', 'k8s.gcr.io/kube-proxy:v1.20.2'].map(name =>
      imageFile(name, { program: programPath('sleep'), path: '/pause', entrypoint: ['/pause', 'infinity'] }),
    ),
  ])
  return images
}

function programPath(name: string): string {
  const dir = (process.env['PATH'] ?? '').split(':').find(path => existsSync(join(path, name)))
  if (dir === undefined) throw new Error(`${name} is not in PATH`)
  return join(dir, name)
}

/** A container that has been killed with its runtime leaves its cgroups, which no namespace hides. */
function removeCgroups(id: string): void {
  const root = '/sys/fs/cgroup'
  for (const hierarchy of ['', ...readdirSync(root)])
    for (const path of [`k8s.io/${id}`, 'k8s.io'])
      try {
        rmdirSync(join(root, hierarchy, path))
      } catch {
        // Not there, or not empty: somebody else's.
      }
}
