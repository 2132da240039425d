import type { ControlPlane } from '../config/control-plane.js'
import { type DifferenceName, has } from '../kubernetes/differences.js'
import { lastArgument } from './arguments.js'
import { COMPONENT_PORTS, extraArgsOf, localhostOf, type StaticPodComponent } from './component-args.js'

/** A question that the kubelet asks a component. */
export type ProbeKind = 'livenessProbe' | 'readinessProbe' | 'startupProbe'

/** One probe of a component. */
export interface ProbeRow {
  readonly component: StaticPodComponent
  readonly probe: ProbeKind
  readonly path: string
  /** Default: always */
  readonly when?: DifferenceName
}

const rows = (
  component: StaticPodComponent,
  paths: Readonly<Partial<Record<ProbeKind, string>>>,
  when?: DifferenceName,
): readonly ProbeRow[] =>
  (['livenessProbe', 'readinessProbe', 'startupProbe'] as const).flatMap(probe => {
    const path = paths[probe]
    return path === undefined ? [] : [{ component, probe, path, ...(when === undefined ? {} : { when }) }]
  })

const HEALTHZ = { livenessProbe: '/healthz', startupProbe: '/healthz' } as const
const LIVEZ = { livenessProbe: '/livez', readinessProbe: '/readyz', startupProbe: '/livez' } as const

/**
 * What the kubelet asks, and where.
 *
 * @see kubernetes/kubernetes v1.20.2 and v1.36, cmd/kubeadm/app/phases/controlplane/manifests.go, .../phases/etcd/local.go
 */
export const PROBES: readonly ProbeRow[] = [
  ...rows('kube-apiserver', LIVEZ),
  ...rows('kube-controller-manager', HEALTHZ),
  ...rows('kube-scheduler', HEALTHZ, 'schedulerHealthzProbes'),
  ...rows('kube-scheduler', LIVEZ, 'schedulerLivezProbes'),
  ...rows('etcd', { livenessProbe: '/health', startupProbe: '/health' }, 'etcdHealthProbe'),
  ...rows(
    'etcd',
    {
      livenessProbe: '/health?exclude=NOSPACE&serializable=true',
      startupProbe: '/health?serializable=false',
    },
    'etcdSerializableProbes',
  ),
  ...rows('etcd', { livenessProbe: '/livez', readinessProbe: '/readyz', startupProbe: '/readyz' }, 'etcdLivezProbes'),
]

/** Where a component answers. */
export interface ProbeEndpoint {
  /** Empty: at the Pod's address, which is the host's. */
  readonly host: string
  readonly port: number
  readonly scheme: 'HTTP' | 'HTTPS'
}

/**
 * Where a component answers probes, as far as the description can move that.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/staticpod/utils.go (GetAPIServerProbeAddress and its like)
 */
export function probeEndpoint(component: StaticPodComponent, controlPlane: ControlPlane): ProbeEndpoint {
  const { cluster } = controlPlane
  const args = extraArgsOf(component, controlPlane)
  const bound = () => probeHost(lastArgument(args, 'bind-address') ?? '127.0.0.1')
  switch (component) {
    case 'kube-apiserver':
      return { host: probeHost(cluster.advertiseAddress.text), port: cluster.bindPort, scheme: 'HTTPS' }
    case 'kube-controller-manager':
      return { host: bound(), port: COMPONENT_PORTS.controllerManager, scheme: 'HTTPS' }
    case 'kube-scheduler':
      return { host: bound(), port: COMPONENT_PORTS.scheduler, scheme: 'HTTPS' }
    case 'etcd':
      return etcdEndpoint(lastArgument(args, 'listen-metrics-urls'), localhostOf(controlPlane))
  }
}

/** Nobody answers at an unspecified address, though a program may be bound to it. */
function probeHost(address: string): string {
  return address === '0.0.0.0' || address === '::' ? '' : address
}

/** Of the first of the URLs; what it does not say is the default. */
function etcdEndpoint(urls: string | undefined, localhost: string): ProbeEndpoint {
  const standard = { host: localhost, port: COMPONENT_PORTS.etcdMetrics, scheme: 'HTTP' } as const
  const [url = ''] = urls?.split(',') ?? []
  const match = /^([a-zA-Z][-+.a-zA-Z0-9]*):\/\/(?:\[([^\]]*)\]|([^:/?#]*))(?::([0-9]*))?(?:[/?#]|$)/.exec(url)
  if (!match) return standard
  const [, scheme = '', bracketed, plain, port = ''] = match
  const number = Number(port)
  return {
    host: (bracketed ?? plain) || standard.host,
    port: number >= 1 && number <= 65535 ? number : standard.port,
    scheme: scheme.toLowerCase() === 'https' ? 'HTTPS' : 'HTTP',
  }
}

/** The numbers of a probe, in seconds and tries. */
export interface ProbeTiming {
  readonly initialDelaySeconds: number
  readonly timeoutSeconds: number
  readonly periodSeconds: number
  readonly failureThreshold: number
}

/** How often the kubelet asks: readiness at once, and starting may take as long as `init` waits for it. */
export function probeTiming(probe: ProbeKind, { timeoutSeconds }: ControlPlane): ProbeTiming {
  const usual = { initialDelaySeconds: 10, timeoutSeconds: 15, periodSeconds: 10 } as const
  if (probe === 'readinessProbe') return { ...usual, initialDelaySeconds: 0, periodSeconds: 1, failureThreshold: 3 }
  const tries = Math.ceil(timeoutSeconds.controlPlaneComponentHealthCheck / usual.periodSeconds)
  return { ...usual, failureThreshold: probe === 'livenessProbe' ? 8 : tries }
}

/** The probes of a component in a version. */
export function probesOf(component: StaticPodComponent, controlPlane: ControlPlane): readonly ProbeRow[] {
  const version = controlPlane.cluster.kubernetesVersion
  return PROBES.filter(row => row.component === component && (row.when === undefined || has(version, row.when)))
}
