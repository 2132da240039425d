import type { ClusterApi } from '../../lib/access/api.js'
import type { ControlPlane } from '../../lib/config/control-plane.js'
import type { LogEvent } from '../../lib/context.js'
import { NetworkError } from '../../lib/errors.js'
import type { WebAnswer } from '../../lib/workflow/host.js'
import type { Hands } from '../../lib/workflow/phases/phase.js'
import { testContext } from './context.js'
import { controlPlane } from './control-plane.js'
import { MemoryApi } from './memory-api.js'
import { type MemoryHost, type MemoryHostOptions, memoryHost } from './memory-host.js'

/** A host on which a control plane comes up as soon as its files are there, with a cluster in memory behind it. */
export interface InitHost {
  readonly host: MemoryHost
  readonly api: MemoryApi
  readonly controlPlane: ControlPlane
  readonly hands: Hands
  readonly log: LogEvent[]
}

/** What an {@link InitHost} is made of. */
export interface InitHostOptions {
  /** Default: v1.36.4 */
  readonly version?: string
  /** Lines of the ClusterConfiguration. Default: ECDSA keys, which are made in no time */
  readonly cluster?: string
  /** Lines of the InitConfiguration. */
  readonly init?: string
  readonly host?: MemoryHostOptions
  /** What the cluster's components answer. Default: 200 once their manifests and the kubelet's configuration are there */
  readonly fetch?: (url: string, host: MemoryHost) => WebAnswer
  /** In place of the cluster in memory. */
  readonly connect?: (api: MemoryApi) => Promise<ClusterApi>
  /** One that is there already. */
  readonly api?: MemoryApi
  readonly signal?: AbortSignal
}

const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'cp-1', labels: { 'kubernetes.io/hostname': 'cp-1' } },
  spec: {},
}

/** A description whose waits are short. */
export const SHORT = `localAPIEndpoint: {advertiseAddress: 10.77.1.10}
nodeRegistration: {name: cp-1}
timeouts: {controlPlaneComponentHealthCheck: 1s, kubeletHealthCheck: 1s, kubernetesAPICall: 1s}`

/** Answers as a kubelet and static Pods would that run what is on the host. */
export function runsWhatIsThere(url: string, host: MemoryHost): WebAnswer {
  const path = url.startsWith('http:')
    ? '/var/lib/kubelet/config.yaml'
    : url.includes(':10257')
      ? '/etc/kubernetes/manifests/kube-controller-manager.yaml'
      : url.includes(':10259')
        ? '/etc/kubernetes/manifests/kube-scheduler.yaml'
        : '/etc/kubernetes/manifests/kube-apiserver.yaml'
  if (host.text(path) === undefined) throw new NetworkError('KPKI_NET_UNREACHABLE', `${url}: connection refused`)
  return { status: 200, body: 'ok' }
}

/** Makes a host to run `init` on. */
export async function initHost(options: InitHostOptions = {}): Promise<InitHost> {
  const { version = 'v1.36.4', cluster = '', init = SHORT, fetch = runsWhatIsThere } = options
  const described = await controlPlane(version, { cluster: `encryptionAlgorithm: ECDSA-P256\n${cluster}`, init })
  const host: MemoryHost = memoryHost({
    ...options.host,
    system: {
      hostname: 'cp-1',
      serviceManager: 'systemd',
      ...options.host?.system,
      programs: {
        ...Object.fromEntries(
          [
            'conntrack',
            'cp',
            'crictl',
            'ebtables',
            'ethtool',
            'ip',
            'iptables',
            'losetup',
            'mount',
            'nsenter',
            'socat',
            'tc',
            'touch',
          ].map(name => [name, '']),
        ),
        kubelet: `Kubernetes ${version}`,
        ...options.host?.system?.programs,
      },
      fetch: url => fetch(url, host),
    },
    files: {
      '/proc/sys/net/ipv4/ip_forward': '1\n',
      '/proc/sys/net/bridge/bridge-nf-call-iptables': '1\n',
      ...options.host?.files,
    },
  })
  const api = options.api ?? new MemoryApi([NODE])
  const log: LogEvent[] = []
  return {
    host,
    api,
    controlPlane: described,
    log,
    hands: {
      host,
      store: host.store,
      context: testContext({ log: event => void log.push(event) }),
      connect: () => (options.connect ? options.connect(api) : Promise.resolve(api)),
      ...(options.signal ? { signal: options.signal } : {}),
    },
  }
}
