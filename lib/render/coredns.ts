import type { ControlPlane } from '../config/control-plane.js'
import { dnsAddress } from '../kubernetes/cluster.js'
import { has } from '../kubernetes/differences.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import type { KubernetesVersion } from '../kubernetes/versions.js'
import type { YamlInput } from '../yaml-format.js'
import { imageOf } from './images.js'
import type { Patch } from './patch.js'
import { patchObject } from './patches.js'

/** Names around CoreDNS; Service and labels still have the name of its forerunner. */
export const COREDNS = {
  namespace: 'kube-system',
  name: 'coredns',
  service: 'kube-dns',
  /** How many there are in a new cluster. */
  replicas: 2,
} as const

const LABELS = { 'k8s-app': 'kube-dns' } as const
const ROLE = 'system:coredns'
const PORTS = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  { name: 'metrics', port: 9153, protocol: 'TCP' },
] as const
const PROBES = { 'liveness-probe': 8080, 'readiness-probe': 8181 } as const

/** The objects of an addon, and what a person should know of patches to them. */
export interface AddonObjects {
  /** In the order in which they are applied. */
  readonly objects: readonly KubernetesObject[]
  readonly notes: readonly string[]
}

/**
 * Everything that makes CoreDNS the DNS server of a cluster, in kubeadm's order.
 *
 * @param patches - those for `corednsdeployment` are applied to the Deployment, in every version
 * @param options - `replicas`: how many, where no patch says it. Default: 2
 * @throws `UsageError` `KPKI_PATCH_INVALID`
 * @see kubernetes/kubernetes v1.20.2 and master of 2025, cmd/kubeadm/app/phases/addons/dns/manifests.go
 */
export function corednsAddon(
  controlPlane: ControlPlane,
  patches: readonly Patch[] = [],
  { replicas = COREDNS.replicas }: { readonly replicas?: number } = {},
): AddonObjects {
  const { cluster } = controlPlane
  const metadata = { name: COREDNS.name, namespace: COREDNS.namespace }
  const rbac = 'rbac.authorization.k8s.io'
  const deployment = patchObject(corednsDeployment(controlPlane, replicas), 'corednsdeployment', patches)
  const objects: readonly KubernetesObject[] = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: corefile(cluster) } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: ROLE },
      rules: corednsRules(cluster.kubernetesVersion),
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: ROLE },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: ROLE },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    deployment.object,
    corednsService(controlPlane),
  ]
  return { objects, notes: deployment.notes }
}

/**
 * What a cluster's DNS server is told: names of the cluster from the API server, all others from whom the node asks.
 *
 * @see kubernetes/kubernetes v1.20.2 and master of 2025, cmd/kubeadm/app/phases/addons/dns/manifests.go (CoreDNSConfigMap)
 */
function corefile({ dnsDomain, kubernetesVersion }: ControlPlane['cluster']): string {
  return formatCorefile(dnsDomain, has(kubernetesVersion, 'corednsDoesNotCacheCluster'))
}

/** Corefiles that kubeadm of any version that kpki knows writes for a domain: whoever finds one knows that nobody changed it. */
export function defaultCorefiles(dnsDomain: string): readonly string[] {
  return [true, false].map(isFresh => formatCorefile(dnsDomain, isFresh))
}

function formatCorefile(dnsDomain: string, isFresh: boolean): string {
  const block = (head: string, lines: readonly string[]) => [`${head} {`, ...lines.map(line => `   ${line}`), '}']
  const plugins = [
    'errors',
    ...block('health', ['lameduck 5s']),
    'ready',
    ...block(`kubernetes ${dnsDomain} in-addr.arpa ip6.arpa`, [
      'pods insecure',
      'fallthrough in-addr.arpa ip6.arpa',
      'ttl 30',
    ]),
    'prometheus :9153',
    ...block('forward . /etc/resolv.conf', ['max_concurrent 1000']),
    ...(isFresh ? block('cache 30', [`disable success ${dnsDomain}`, `disable denial ${dnsDomain}`]) : ['cache 30']),
    'loop',
    'reload',
    'loadbalance',
  ]
  return ['.:53 {', ...plugins.map(line => `    ${line}`), '}', ''].join('\n')
}

function corednsRules(version: KubernetesVersion): readonly YamlInput[] {
  const rule = (apiGroup: string, resources: readonly string[], verbs: readonly string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs,
  })
  return [
    rule('', ['endpoints', 'services', 'pods', 'namespaces'], ['list', 'watch']),
    ...(has(version, 'corednsReadsNodes') ? [rule('', ['nodes'], ['get'])] : []),
    ...(has(version, 'corednsReadsEndpointSlices')
      ? [rule('discovery.k8s.io', ['endpointslices'], ['list', 'watch'])]
      : []),
  ]
}

function corednsDeployment(controlPlane: ControlPlane, replicas: number): KubernetesObject {
  const { kubernetesVersion: version } = controlPlane.cluster
  const isNamed = has(version, 'corednsNamedProbePorts')
  const probe = (path: string, name: keyof typeof PROBES) => ({
    httpGet: { path, port: isNamed ? name : PROBES[name], scheme: 'HTTP' },
  })
  const container = {
    name: COREDNS.name,
    image: imageOf('coredns', controlPlane),
    imagePullPolicy: 'IfNotPresent',
    resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
    args: ['-conf', '/etc/coredns/Corefile'],
    volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
    ports: [
      ...PORTS.map(({ name, port, protocol }) => ({ containerPort: port, name, protocol })),
      ...(isNamed
        ? Object.entries(PROBES).map(([name, containerPort]) => ({ containerPort, name, protocol: 'TCP' }))
        : []),
    ],
    livenessProbe: {
      ...probe('/health', 'liveness-probe'),
      initialDelaySeconds: 60,
      timeoutSeconds: 5,
      successThreshold: 1,
      failureThreshold: 5,
    },
    readinessProbe: probe('/ready', 'readiness-probe'),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_BIND_SERVICE'], drop: [has(version, 'corednsDropsUppercase') ? 'ALL' : 'all'] },
      readOnlyRootFilesystem: true,
    },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: COREDNS.name, namespace: COREDNS.namespace, labels: LABELS },
    spec: {
      replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          priorityClassName: 'system-cluster-critical',
          serviceAccountName: COREDNS.name,
          ...(has(version, 'corednsSpreads') ? { affinity: AFFINITY } : {}),
          tolerations: [
            { key: 'CriticalAddonsOnly', operator: 'Exists' },
            ...(has(version, 'corednsToleratesMaster')
              ? [{ key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' }]
              : []),
            { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
          ],
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          containers: [container],
          // Its own names are the node's: it cannot ask itself.
          dnsPolicy: 'Default',
          volumes: [
            {
              name: 'config-volume',
              configMap: { name: COREDNS.name, items: [{ key: 'Corefile', path: 'Corefile' }] },
            },
          ],
        },
      },
    },
  }
}

const AFFINITY = {
  podAntiAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: {
          labelSelector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }] },
          topologyKey: 'kubernetes.io/hostname',
        },
      },
    ],
  },
} as const

function corednsService({ cluster }: ControlPlane): KubernetesObject {
  const label = has(cluster.kubernetesVersion, 'kubeDnsLabel') ? 'KubeDNS' : 'CoreDNS'
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: COREDNS.service,
      namespace: COREDNS.namespace,
      labels: { ...LABELS, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': label },
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
    },
    spec: {
      clusterIP: dnsAddress(cluster).text,
      ports: PORTS.map(({ name, port, protocol }) => ({ name, port, protocol, targetPort: port })),
      selector: LABELS,
    },
  }
}
