/** `kpki init` on a node, as a person runs it: description in a file, the kubelet started when there is something to start. */
import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { KPKI, must, type Said, until } from './host.js'
import { KUBELET_CONFIGURATION, KUBELET_FLAGS, type Node } from './node.js'
import { kube } from './programs.js'

/** What a description says beyond what all nodes here need. */
export interface Wishes {
  /** Lines of the ClusterConfiguration. Default: none */
  readonly cluster?: string
  /** The node has no container runtime: nothing is pulled. Default: false */
  readonly isBare?: boolean
  /** Lines of the InitConfiguration. Default: none */
  readonly init?: string
  /** Seconds for the kubelet and for the components to get well. Default: 90 */
  readonly waitSeconds?: number
}

/** Where {@link describe} puts it. */
export const CONFIG = '/etc/kpki.yaml'

/**
 * What preflight misses on a host that has no packet filter and no crictl: neither is wanted before Pods have a network.
 */
const IGNORED = ['crictl', 'conntrack', 'iptables'].map(program => `FileExisting-${program}`)

/** Writes the description of a node's control plane, v1.20.2. */
export function describe(node: Node, { cluster = '', isBare = false, init = '', waitSeconds = 90 }: Wishes = {}): void {
  const flags = Object.entries(KUBELET_FLAGS).map(([name, value]) => `{name: ${name}, value: '${value}'}`)
  writeFileSync(
    node.locate(CONFIG),
    `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  name: ${node.host.name}
  criSocket: unix:///run/containerd/containerd.sock
  ignorePreflightErrors: [${[...IGNORED, ...(isBare ? ['CRI'] : [])].join(', ')}]
  kubeletExtraArgs: [${flags.join(', ')}]
  imagePullPolicy: ${isBare ? 'Never' : 'IfNotPresent'}
localAPIEndpoint: {advertiseAddress: '${node.address}'}
timeouts: {kubeletHealthCheck: ${waitSeconds}s, controlPlaneComponentHealthCheck: ${waitSeconds}s}
${init}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
${cluster}
---
${KUBELET_CONFIGURATION}`,
  )
}

/** A run of kpki that is watched. */
export class Running {
  /** What it has said so far, on both streams, as it came. */
  output = ''
  readonly done: Promise<Said>
  readonly #child: ChildProcess

  constructor(node: Node, args: readonly string[]) {
    const env = { PATH: `${process.env['PATH']}${delimiter}${join(kube('kubelet'), '..')}` }
    this.#child = node.host.spawn(process.execPath, [KPKI, ...args], { env })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      this.#child[name]?.on('data', (chunk: Buffer) => {
        said[name] += chunk.toString()
        this.output += chunk.toString()
      })
    this.#child.stdin?.end()
    this.done = new Promise(resolve => this.#child.once('close', status => resolve({ status: status ?? -1, ...said })))
  }

  /** Waits until it has said something; throws when it has ended without it. */
  async says(pattern: RegExp, seconds = 60): Promise<void> {
    await Promise.race([
      until(`kpki says ${pattern}`, seconds, () => {
        if (!pattern.test(this.output)) throw new Error(this.output)
      }),
      this.done.then(({ status }) => {
        if (!pattern.test(this.output)) throw new Error(`ended with ${status}, without ${pattern}\n${this.output}`)
      }),
    ])
  }

  /** SIGKILL, at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** A signal that it may see. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }
}

/** Runs kpki on a node to its end. */
export function kpki(node: Node, ...args: readonly string[]): Promise<Said> {
  return new Running(node, args).done
}

/**
 * Runs `kpki init`, and starts the kubelet (or its stand-in) as soon as all that it wants is there: that is what init asks a
 * person for where there is no systemd.
 */
export async function init(node: Node, startKubelet: () => void, ...args: readonly string[]): Promise<Said> {
  const running = new Running(node, ['init', '--config', CONFIG, ...args])
  let hasEnded = false
  void running.done.then(() => {
    hasEnded = true
  })
  await until('there is something for a kubelet', 60, async () => {
    if (!hasEnded && !(await isKubeletReady(node))) throw new Error(running.output)
  })
  if (!hasEnded && node.host.daemonPid('kubelet') === undefined) startKubelet()
  return running.done
}

/** Whether all that a kubelet is started with is there. */
export async function isKubeletReady(node: Node): Promise<boolean> {
  const files = ['/var/lib/kubelet/config.yaml', '/var/lib/kubelet/kubeadm-flags.env', '/etc/kubernetes/kubelet.conf']
  const { status } = await node.host.run('sh', ['-c', files.map(file => `test -e ${file}`).join(' && ')])
  return status === 0
}

/** Waits until the API server says that it is ready. */
export function ready(node: Node, seconds = 60): Promise<void> {
  return until('the API server is ready', seconds, async () => {
    const said = await must(node.kubectl('get', '--raw', '/readyz'))
    if (said !== 'ok') throw new Error(said)
  })
}
