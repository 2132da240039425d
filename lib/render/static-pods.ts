import type { ControlPlane } from '../config/control-plane.js'
import type { Struct } from '../config/types.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { UsageError } from '../errors.js'
import { has } from '../kubernetes/differences.js'
import { formatHostPort } from '../kubernetes/net.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { MANIFESTS_DIR } from '../kubernetes/paths.js'
import { formatYaml, type YamlInput } from '../yaml-format.js'
import { COMPONENT_PORTS, componentCommand, type StaticPodComponent } from './component-args.js'
import { type ComponentVolume, componentVolumes, optionsOf } from './component-volumes.js'
import type { HostFile, HostTraits } from './host-file.js'
import { imageOf } from './images.js'
import type { Patch } from './patch.js'
import { applyPatches, patchObject } from './patches.js'
import { probeEndpoint, probesOf, probeTiming } from './probes.js'

export { STATIC_POD_COMPONENTS, type StaticPodComponent } from './component-args.js'
export { OPTIONAL_CA_DIRS } from './component-volumes.js'

type Mapping = Readonly<Record<string, YamlInput | undefined>>

/** CPU and memory that a component asks for; as Kubernetes writes quantities. */
const REQUESTS: Readonly<Record<StaticPodComponent, Readonly<Record<string, string>>>> = {
  etcd: { cpu: '100m', memory: '100Mi' },
  'kube-apiserver': { cpu: '250m' },
  'kube-controller-manager': { cpu: '200m' },
  'kube-scheduler': { cpu: '100m' },
}

/**
 * The static Pod of a component, as that version's kubeadm has it, without patches.
 *
 * @throws {@link UsageError} `KPKI_FIELD_CONFLICT` for etcd where that is elsewhere, and for volumes that exclude each other
 * @see kubernetes/kubernetes v1.20.2 and v1.36, cmd/kubeadm/app/util/staticpod/utils.go (ComponentPod)
 */
export function staticPod(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
): KubernetesObject {
  const version = controlPlane.cluster.kubernetesVersion
  if (component === 'etcd' && !controlPlane.localEtcd) {
    const details = { field: 'etcd.external' }
    throw new UsageError('KPKI_FIELD_CONFLICT', 'etcd is elsewhere: this host has no static Pod of it', { details })
  }
  const volumes = componentVolumes(component, controlPlane, traits)
  const annotations = annotationsOf(component, controlPlane)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(annotations ? { annotations } : {}),
      ...(has(version, 'nullCreationTimestamp') ? { creationTimestamp: null } : {}),
      labels: { component, tier: 'control-plane' },
      name: component,
      namespace: 'kube-system',
    },
    spec: {
      containers: [containerOf(component, controlPlane, traits, volumes)],
      hostNetwork: true,
      ...(has(version, 'podPriority') ? { priority: 2_000_001_000 } : {}),
      priorityClassName: 'system-node-critical',
      ...(has(version, 'seccompProfile') ? { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } } : {}),
      volumes: volumes.map(({ name, hostPath, pathType }) => ({ name, hostPath: { path: hostPath, type: pathType } })),
    },
    status: {},
  }
}

/**
 * The manifest of a component: its static Pod with the patches that are for it, as kubeadm formats it, in a file that only
 * the kubelet reads.
 *
 * @throws {@link UsageError} as {@link staticPod}; `KPKI_PATCH_INVALID`
 */
export function staticPodFile(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
  patches: readonly Patch[] = [],
): HostFile {
  const pod = applyPatches(staticPod(component, controlPlane, traits), component, patches)
  const path = `${MANIFESTS_DIR}/${component}.yaml`
  // kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/staticpod/utils.go (WriteStaticPodToDisk)
  return { path, mode: 0o600, directoryMode: 0o700, bytes: encodeUtf8(formatYaml(pod)) }
}

/** What may not be meant so in patches of a static Pod: those that change nothing, containers and volumes that are new. */
export function staticPodPatchNotes(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits,
  patches: readonly Patch[],
): readonly string[] {
  return patchObject(staticPod(component, controlPlane, traits), component, patches).notes
}

function containerOf(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits,
  volumes: readonly ComponentVolume[],
): Mapping {
  const version = controlPlane.cluster.kubernetesVersion
  const env = componentEnv(component, controlPlane, traits)
  const { port } = probeEndpoint(component, controlPlane)
  const storage = component === 'etcd' && has(version, 'etcdStorageRequest')
  // kubeadm writes etcd's in this order, and sorts all others.
  const mounts = component === 'etcd' ? volumes.toReversed() : volumes
  return {
    command: componentCommand(component, controlPlane, traits),
    ...(env.length === 0 ? {} : { env: env.map(envVar) }),
    image: imageOf(component, controlPlane),
    imagePullPolicy: 'IfNotPresent',
    name: component,
    ...(has(version, 'namedProbePorts')
      ? { ports: [{ containerPort: port, name: 'probe-port', protocol: 'TCP' }] }
      : {}),
    ...Object.fromEntries(probesOf(component, controlPlane).map(row => [row.probe, probeOf(row, controlPlane)])),
    resources: { requests: { ...REQUESTS[component], ...(storage ? { 'ephemeral-storage': '100Mi' } : {}) } },
    volumeMounts: mounts.map(({ name, mountPath, readOnly }) => ({
      mountPath,
      name,
      ...(readOnly ? { readOnly } : {}),
    })),
  }
}

function probeOf({ component, probe, path }: ReturnType<typeof probesOf>[number], controlPlane: ControlPlane): Mapping {
  const { host, port, scheme } = probeEndpoint(component, controlPlane)
  const { initialDelaySeconds, ...timing } = probeTiming(probe, controlPlane)
  return {
    ...timing,
    ...(initialDelaySeconds === 0 ? {} : { initialDelaySeconds }),
    httpGet: {
      ...(host === '' ? {} : { host }),
      path,
      port: has(controlPlane.cluster.kubernetesVersion, 'namedProbePorts') ? 'probe-port' : port,
      scheme,
    },
  }
}

function annotationsOf(component: StaticPodComponent, { cluster }: ControlPlane): Mapping | undefined {
  const endpoint = (port: number) => formatHostPort(cluster.advertiseAddress.text, port)
  if (component === 'etcd') {
    return { 'kubeadm.kubernetes.io/etcd.advertise-client-urls': `https://${endpoint(COMPONENT_PORTS.etcdClient)}` }
  }
  if (component !== 'kube-apiserver') return undefined
  return { 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': endpoint(cluster.bindPort) }
}

/**
 * Environment of a component, sorted by name: the host's proxies (not for etcd, which talks to its members only), and what
 * the description adds or says otherwise.
 *
 * @see kubernetes/kubernetes v1.31 and later, cmd/kubeadm/app/util/env.go (MergeKubeadmEnvVars)
 */
export function componentEnv(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  { proxyEnv = {} }: HostTraits = {},
): readonly Struct<'EnvVar'>[] {
  const proxies = component === 'etcd' ? [] : Object.entries(proxyEnv).map(([name, value]) => ({ name, value }))
  const extra = component === 'etcd' ? controlPlane.localEtcd?.extraEnvs : optionsOf(component, controlPlane)?.extraEnvs
  const byName = new Map<string, Struct<'EnvVar'>>()
  for (const variable of [...proxies, ...(extra ?? [])]) byName.set(variable.name ?? '', variable)
  return [...byName.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, variable]) => variable)
}

function envVar({ name, value, valueFrom }: Struct<'EnvVar'>): Mapping {
  const fieldRef = valueFrom?.['fieldRef']
  // core/v1 fills the version in (kubeadm has its defaulting run on these).
  const isBare = typeof fieldRef === 'object' && fieldRef !== null && !('apiVersion' in fieldRef)
  return {
    name,
    ...(value ? { value } : {}),
    ...(valueFrom
      ? { valueFrom: isBare ? { ...valueFrom, fieldRef: { apiVersion: 'v1', ...fieldRef } } : valueFrom }
      : {}),
  }
}
