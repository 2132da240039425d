import type { Argument, ControlPlane } from '../config/control-plane.js'
import { type DifferenceName, has } from '../kubernetes/differences.js'
import { formatHostPort } from '../kubernetes/net.js'
import { formatArguments, lastArgument, mergeArguments } from './arguments.js'
import type { HostTraits } from './host-file.js'
import { etcdTag } from './images.js'

/** Ports that are no field of a description. */
export const COMPONENT_PORTS = {
  etcdClient: 2379,
  etcdPeer: 2380,
  etcdMetrics: 2381,
  controllerManager: 10257,
  scheduler: 10259,
} as const

/** The four programs of a control plane, etcd first: the others need it. */
export const STATIC_POD_COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const
/** A program of a control plane, e.g. `'kube-apiserver'`. */
export type StaticPodComponent = (typeof STATIC_POD_COMPONENTS)[number]

type Source<T> = (controlPlane: ControlPlane, traits: HostTraits) => T

const { etcdClient, etcdPeer, etcdMetrics } = COMPONENT_PORTS

/** The loopback address of the family that the host advertises. */
export function localhostOf({ cluster }: ControlPlane): string {
  return cluster.advertiseAddress.family === 6 ? '::1' : '127.0.0.1'
}

const advertised = ({ cluster }: ControlPlane, port: number) =>
  `https://${formatHostPort(cluster.advertiseAddress.text, port)}`
const localUrl = (controlPlane: ControlPlane) => `https://${formatHostPort(localhostOf(controlPlane), etcdClient)}`
const texts = (networks: readonly { readonly text: string }[]) => networks.map(({ text }) => text).join(',')

/** What the defaults of arguments are made of, named `{so}` in their rows. */
const VALUES = {
  advertise: ({ cluster }) => cluster.advertiseAddress.text,
  'bind-port': ({ cluster }) => String(cluster.bindPort),
  pki: ({ cluster }) => cluster.certificatesDir,
  node: ({ cluster }) => cluster.nodeName,
  'dns-domain': ({ cluster }) => cluster.dnsDomain,
  'service-subnet': ({ cluster }) => texts(cluster.serviceSubnets),
  'pod-subnet': ({ cluster }) => texts(cluster.podSubnets),
  'cluster-name': ({ cluster }) => cluster.clusterName,
  'dual-stack': ({ cluster }) => String(cluster.featureGates['IPv6DualStack']),
  'etcd-local-client-url': localUrl,
  'etcd-metrics-url': controlPlane => `http://${formatHostPort(localhostOf(controlPlane), etcdMetrics)}`,
  'etcd-client-url': controlPlane => advertised(controlPlane, etcdClient),
  'etcd-peer-url': controlPlane => advertised(controlPlane, etcdPeer),
  'etcd-servers': controlPlane =>
    lastArgument(controlPlane.localEtcd?.extraArgs ?? [], 'advertise-client-urls') ?? localUrl(controlPlane),
  'etcd-data-dir': ({ localEtcd }) => localEtcd?.dataDir ?? '',
  'external-etcd': ({ cluster }) => cluster.externalEtcd?.endpoints.join(',') ?? '',
  'external-etcd-ca': ({ cluster }) => cluster.externalEtcd?.caFile ?? '',
  'external-etcd-cert': ({ cluster }) => cluster.externalEtcd?.certFile ?? '',
  'external-etcd-key': ({ cluster }) => cluster.externalEtcd?.keyFile ?? '',
} as const satisfies Readonly<Record<string, (controlPlane: ControlPlane) => string>>

/** What makes an argument stand there; `about` names the versions of a row of DIFFERENCES `{so}`. */
export const CONDITIONS = {
  'local-etcd': {
    about: 'etcd is on the host',
    holds: ({ cluster }) => cluster.externalEtcd === undefined,
  },
  'external-etcd': {
    about: 'etcd is elsewhere',
    holds: ({ cluster }) => cluster.externalEtcd !== undefined,
  },
  'external-etcd-ca': {
    about: 'etcd is elsewhere and has a CA',
    holds: ({ cluster }) => Boolean(cluster.externalEtcd?.caFile),
  },
  'external-etcd-client': {
    about: 'etcd is elsewhere and wants a certificate',
    holds: ({ cluster }) => Boolean(cluster.externalEtcd?.certFile && cluster.externalEtcd.keyFile),
  },
  'pod-subnet': {
    about: 'there is a podSubnet',
    holds: ({ cluster }) => cluster.podSubnets.length > 0,
  },
  'dual-stack-gate': {
    about: 'the feature gate IPv6DualStack is given',
    holds: ({ cluster }) => cluster.featureGates['IPv6DualStack'] !== undefined,
  },
  'no-authorization-config': {
    about: 'authorization-config is not given',
    // The two exclude each other (kubernetes/kubernetes PR 123654, v1.30).
    holds: ({ apiServer }) => lastArgument(apiServer.extraArgs, 'authorization-config') === undefined,
  },
  'own-ca': {
    about: "the CA's key is there",
    holds: (_, { isExternalCa = false }) => !isExternalCa,
  },
  // Empty, so that the controller that signs does not start.
  'external-ca': {
    about: "the CA's key is elsewhere",
    holds: (_, { isExternalCa = false }) => isExternalCa,
  },
  'graduated-etcd-flags': {
    about: '{etcdOnlyGraduatedFlags}; {etcdGraduatedFlags} unless the tag of etcd is older than 3.6',
    holds: takesGraduatedFlags,
  },
  'experimental-etcd-flags': {
    about: 'unless etcd is told so in the words of 3.6',
    holds: controlPlane => !takesGraduatedFlags(controlPlane),
  },
} as const satisfies Readonly<Record<string, { readonly about: string; readonly holds: Source<boolean> }>>

/** Whether etcd is one that knows flags without `experimental-` before them: 3.6 and newer. */
function takesGraduatedFlags(controlPlane: ControlPlane): boolean {
  const version = controlPlane.cluster.kubernetesVersion
  if (!has(version, 'etcdGraduatedFlags')) return false
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(etcdTag(controlPlane)) ?? []
  // A tag that is no version says nothing, so the one of this Kubernetes is meant.
  return has(version, 'etcdOnlyGraduatedFlags') || major === undefined || Number(major) * 1000 + Number(minor) >= 3006
}

type DescribedCondition = keyof typeof CONDITIONS
type Condition = DescribedCondition | DifferenceName

/** A flag that a component is started with, unless the description says otherwise. */
export interface ArgumentRow {
  readonly flag: string
  /** With `{names}` of what is the cluster's. */
  readonly value: string
  /** All of them must hold: something about the description, or a row of DIFFERENCES. Default: always */
  readonly when?: readonly Condition[]
}

const kubeconfigRows = (file: string): readonly ArgumentRow[] =>
  ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(flag => ({
    flag,
    value: `/etc/kubernetes/${file}`,
  }))

const DUAL_STACK: ArgumentRow = {
  flag: 'feature-gates',
  value: 'IPv6DualStack={dual-stack}',
  when: ['handsDualStackGateDown', 'dual-stack-gate'],
}

/**
 * The default arguments of the four components.
 *
 * @see kubernetes/kubernetes v1.20.2 and v1.36, cmd/kubeadm/app/phases/controlplane/manifests.go, .../phases/etcd/local.go
 */
export const COMPONENT_ARGUMENTS: Readonly<Record<StaticPodComponent, readonly ArgumentRow[]>> = {
  etcd: [
    { flag: 'name', value: '{node}' },
    { flag: 'listen-client-urls', value: '{etcd-local-client-url},{etcd-client-url}' },
    { flag: 'advertise-client-urls', value: '{etcd-client-url}' },
    { flag: 'listen-peer-urls', value: '{etcd-peer-url}' },
    { flag: 'initial-advertise-peer-urls', value: '{etcd-peer-url}' },
    { flag: 'initial-cluster', value: '{node}={etcd-peer-url}' },
    { flag: 'listen-metrics-urls', value: '{etcd-metrics-url}' },
    { flag: 'data-dir', value: '{etcd-data-dir}' },
    { flag: 'snapshot-count', value: '10000' },
    { flag: 'cert-file', value: '{pki}/etcd/server.crt' },
    { flag: 'key-file', value: '{pki}/etcd/server.key' },
    { flag: 'trusted-ca-file', value: '{pki}/etcd/ca.crt' },
    { flag: 'client-cert-auth', value: 'true' },
    { flag: 'peer-cert-file', value: '{pki}/etcd/peer.crt' },
    { flag: 'peer-key-file', value: '{pki}/etcd/peer.key' },
    { flag: 'peer-trusted-ca-file', value: '{pki}/etcd/ca.crt' },
    { flag: 'peer-client-cert-auth', value: 'true' },
    {
      flag: 'experimental-initial-corrupt-check',
      value: 'true',
      when: ['etcdCorruptCheck', 'experimental-etcd-flags'],
    },
    { flag: 'feature-gates', value: 'InitialCorruptCheck=true', when: ['graduated-etcd-flags'] },
    {
      flag: 'experimental-watch-progress-notify-interval',
      value: '5s',
      when: ['etcdProgressNotify', 'experimental-etcd-flags'],
    },
    { flag: 'watch-progress-notify-interval', value: '5s', when: ['graduated-etcd-flags'] },
  ],
  'kube-apiserver': [
    { flag: 'advertise-address', value: '{advertise}' },
    { flag: 'secure-port', value: '{bind-port}' },
    { flag: 'insecure-port', value: '0', when: ['insecurePortFlag'] },
    { flag: 'allow-privileged', value: 'true' },
    { flag: 'authorization-mode', value: 'Node,RBAC', when: ['no-authorization-config'] },
    { flag: 'enable-admission-plugins', value: 'NodeRestriction' },
    { flag: 'enable-bootstrap-token-auth', value: 'true' },
    { flag: 'client-ca-file', value: '{pki}/ca.crt' },
    { flag: 'tls-cert-file', value: '{pki}/apiserver.crt' },
    { flag: 'tls-private-key-file', value: '{pki}/apiserver.key' },
    { flag: 'kubelet-client-certificate', value: '{pki}/apiserver-kubelet-client.crt' },
    { flag: 'kubelet-client-key', value: '{pki}/apiserver-kubelet-client.key' },
    { flag: 'kubelet-preferred-address-types', value: 'InternalIP,ExternalIP,Hostname' },
    { flag: 'proxy-client-cert-file', value: '{pki}/front-proxy-client.crt' },
    { flag: 'proxy-client-key-file', value: '{pki}/front-proxy-client.key' },
    { flag: 'requestheader-allowed-names', value: 'front-proxy-client' },
    { flag: 'requestheader-client-ca-file', value: '{pki}/front-proxy-ca.crt' },
    { flag: 'requestheader-extra-headers-prefix', value: 'X-Remote-Extra-' },
    { flag: 'requestheader-group-headers', value: 'X-Remote-Group' },
    { flag: 'requestheader-username-headers', value: 'X-Remote-User' },
    { flag: 'service-account-issuer', value: 'https://kubernetes.default.svc.{dns-domain}' },
    { flag: 'service-account-key-file', value: '{pki}/sa.pub' },
    { flag: 'service-account-signing-key-file', value: '{pki}/sa.key' },
    { flag: 'service-cluster-ip-range', value: '{service-subnet}' },
    { flag: 'etcd-servers', value: '{etcd-servers}', when: ['local-etcd'] },
    { flag: 'etcd-cafile', value: '{pki}/etcd/ca.crt', when: ['local-etcd'] },
    { flag: 'etcd-certfile', value: '{pki}/apiserver-etcd-client.crt', when: ['local-etcd'] },
    { flag: 'etcd-keyfile', value: '{pki}/apiserver-etcd-client.key', when: ['local-etcd'] },
    { flag: 'etcd-servers', value: '{external-etcd}', when: ['external-etcd'] },
    { flag: 'etcd-cafile', value: '{external-etcd-ca}', when: ['external-etcd-ca'] },
    { flag: 'etcd-certfile', value: '{external-etcd-cert}', when: ['external-etcd-client'] },
    { flag: 'etcd-keyfile', value: '{external-etcd-key}', when: ['external-etcd-client'] },
    DUAL_STACK,
  ],
  'kube-controller-manager': [
    { flag: 'port', value: '0', when: ['insecurePortFlags'] },
    { flag: 'bind-address', value: '127.0.0.1' },
    { flag: 'leader-elect', value: 'true' },
    ...kubeconfigRows('controller-manager.conf'),
    { flag: 'client-ca-file', value: '{pki}/ca.crt' },
    { flag: 'requestheader-client-ca-file', value: '{pki}/front-proxy-ca.crt' },
    { flag: 'root-ca-file', value: '{pki}/ca.crt' },
    { flag: 'service-account-private-key-file', value: '{pki}/sa.key' },
    { flag: 'cluster-signing-cert-file', value: '{pki}/ca.crt', when: ['own-ca'] },
    { flag: 'cluster-signing-key-file', value: '{pki}/ca.key', when: ['own-ca'] },
    { flag: 'cluster-signing-cert-file', value: '', when: ['external-ca'] },
    { flag: 'cluster-signing-key-file', value: '', when: ['external-ca'] },
    { flag: 'use-service-account-credentials', value: 'true' },
    { flag: 'controllers', value: '*,bootstrapsigner,tokencleaner' },
    { flag: 'cluster-name', value: '{cluster-name}' },
    { flag: 'allocate-node-cidrs', value: 'true', when: ['pod-subnet'] },
    { flag: 'cluster-cidr', value: '{pod-subnet}', when: ['pod-subnet'] },
    { flag: 'service-cluster-ip-range', value: '{service-subnet}', when: ['pod-subnet'] },
    DUAL_STACK,
  ],
  'kube-scheduler': [
    { flag: 'port', value: '0', when: ['insecurePortFlags'] },
    { flag: 'bind-address', value: '127.0.0.1' },
    { flag: 'leader-elect', value: 'true' },
    ...kubeconfigRows('scheduler.conf'),
    DUAL_STACK,
  ],
}

/** What a description gives a component beyond its defaults. */
export function extraArgsOf(component: StaticPodComponent, controlPlane: ControlPlane): readonly Argument[] {
  const { localEtcd, apiServer, controllerManager, scheduler } = controlPlane
  const all = {
    etcd: localEtcd?.extraArgs ?? [],
    'kube-apiserver': apiServer.extraArgs,
    'kube-controller-manager': controllerManager.extraArgs,
    'kube-scheduler': scheduler.extraArgs,
  }
  return all[component]
}

/** The arguments of a component: its defaults, and what the description makes of them. */
export function componentArguments(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
): readonly Argument[] {
  const version = controlPlane.cluster.kubernetesVersion
  const holds = (condition: Condition) =>
    isDescribed(condition) ? CONDITIONS[condition].holds(controlPlane, traits) : has(version, condition)
  const defaults = COMPONENT_ARGUMENTS[component]
    .filter(({ when = [] }) => when.every(holds))
    .map(({ flag, value }) => ({ name: flag, value: fillIn(value, controlPlane) }))
  return mergeArguments(defaults, extraArgsOf(component, controlPlane), version)
}

/** The command line of a component, its program first. */
export function componentCommand(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
): readonly string[] {
  return [component, ...formatArguments(componentArguments(component, controlPlane, traits))]
}

function isDescribed(name: Condition): name is DescribedCondition {
  return Object.hasOwn(CONDITIONS, name)
}

function fillIn(template: string, controlPlane: ControlPlane): string {
  return template.replace(/\{([-a-z]+)\}/g, (_, name: string) => {
    if (!isValue(name)) throw new RangeError(`{${name}} is not what an argument is made of`)
    return VALUES[name](controlPlane)
  })
}

function isValue(name: string): name is keyof typeof VALUES {
  return Object.hasOwn(VALUES, name)
}
