import { NODE_TOKEN_GROUP, type RbacRow, rbacObjects } from '../access/bootstrap-rbac.js'
import type { ControlPlane } from '../config/control-plane.js'
import { has } from '../kubernetes/differences.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import type { AddonObjects } from './coredns.js'
import type { HostTraits } from './host-file.js'
import { imageOf } from './images.js'
import { kubeProxyConfigMapData } from './kube-proxy.js'
import type { Patch } from './patch.js'
import { patchObject } from './patches.js'
import { signConfigMap } from './signed-config-map.js'

const NAMESPACE = 'kube-system'
const NAME = 'kube-proxy'
const LABELS = { 'k8s-app': NAME } as const
const MOUNT = '/var/lib/kube-proxy'

/**
 * Who may do what for kube-proxy.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/addons/proxy/proxy.go
 */
const KUBE_PROXY_RBAC = [
  {
    name: 'kubeadm:node-proxier',
    builtIn: 'system:node-proxier',
    subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
    about: 'kube-proxy may see Services and their endpoints',
  },
  {
    name: NAME,
    namespace: NAMESPACE,
    rule: { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: [NAME] },
    subjects: [{ kind: 'Group', name: NODE_TOKEN_GROUP }],
    about: 'a joining host may read the configuration of kube-proxy',
  },
] as const satisfies readonly RbacRow[]

/**
 * Everything that makes kube-proxy run on every node: what it is allowed, its configuration, then the DaemonSet.
 *
 * @param traits - `proxyEnv` is handed to its container
 * @param patches - those for `kubeproxydaemonset` are applied to the DaemonSet, in every version
 * @throws `UsageError` `KPKI_PATCH_INVALID`
 * @see kubernetes/kubernetes v1.20.2 and master of 2025, cmd/kubeadm/app/phases/addons/proxy/{proxy,manifests}.go
 */
export function kubeProxyAddon(
  controlPlane: ControlPlane,
  { proxyEnv = {} }: Pick<HostTraits, 'proxyEnv'> = {},
  patches: readonly Patch[] = [],
): AddonObjects {
  const metadata = { name: NAME, namespace: NAMESPACE }
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, labels: { app: NAME } },
    data: kubeProxyConfigMapData(controlPlane),
  }
  const daemonSet = patchObject(kubeProxyDaemonSet(controlPlane, proxyEnv), 'kubeproxydaemonset', patches)
  const objects: readonly KubernetesObject[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...rbacObjects(KUBE_PROXY_RBAC),
    signConfigMap(configMap, controlPlane.kubeProxyConfiguration),
    daemonSet.object,
  ]
  return { objects, notes: daemonSet.notes }
}

function kubeProxyDaemonSet(controlPlane: ControlPlane, proxyEnv: Readonly<Record<string, string>>): KubernetesObject {
  const container = {
    name: NAME,
    image: imageOf(NAME, controlPlane),
    imagePullPolicy: 'IfNotPresent',
    command: ['/usr/local/bin/kube-proxy', `--config=${MOUNT}/config.conf`, '--hostname-override=$(NODE_NAME)'],
    securityContext: { privileged: true },
    volumeMounts: [
      { mountPath: MOUNT, name: NAME },
      { mountPath: '/run/xtables.lock', name: 'xtables-lock' },
      { mountPath: '/lib/modules', name: 'lib-modules', readOnly: true },
    ],
    env: [
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ...Object.entries(proxyEnv)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => ({ name, value })),
    ],
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      selector: { matchLabels: LABELS },
      updateStrategy: { type: 'RollingUpdate' },
      template: {
        metadata: { labels: LABELS },
        spec: {
          priorityClassName: 'system-node-critical',
          containers: [container],
          hostNetwork: true,
          serviceAccountName: NAME,
          volumes: [
            { name: NAME, configMap: { name: NAME } },
            { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
            { name: 'lib-modules', hostPath: { path: '/lib/modules' } },
          ],
          tolerations: [
            ...(has(controlPlane.cluster.kubernetesVersion, 'kubeProxyToleratesCritical')
              ? [{ key: 'CriticalAddonsOnly', operator: 'Exists' }]
              : []),
            { operator: 'Exists' },
          ],
          nodeSelector: { 'kubernetes.io/os': 'linux' },
        },
      },
    },
  }
}
