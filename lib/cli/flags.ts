import type { ClusterFacts, HostFlagName } from '../index.js'

/** Words for a value that mean something on the disk: shells complete them from there. */
export const DISK_WORDS: Readonly<Record<string, 'file' | 'directory'>> = { FILE: 'file', DIR: 'directory' }

/** One flag, as the parser, the help text and the completion of shells need it. */
export interface Flag {
  readonly type: 'string' | 'boolean' | 'list'
  readonly about: string
  /** Allowed values. Default: any. */
  readonly choices?: readonly string[]
  /** Short form. */
  readonly alias?: string
  /** Word for the value in help, e.g. `DIR`; {@link DISK_WORDS} are completed from the disk. */
  readonly value?: string
  /** Values that are worth offering where others are allowed, too; named here, listed where shells are completed. */
  readonly suggests?: 'key-algorithms' | 'kubernetes-versions' | 'rules'
}

/** Flags of every command. */
export const COMMON_FLAGS = {
  output: {
    type: 'string',
    alias: 'o',
    choices: ['text', 'json', 'yaml'],
    about: 'how to print the result (default text)',
  },
  quiet: { type: 'boolean', alias: 'q', about: 'print errors only' },
} as const satisfies Record<string, Flag>

/** Where a tree is. */
export const TREE_FLAGS = {
  dir: { type: 'string', value: 'DIR', about: 'the tree (default /etc/kubernetes)' },
  'cert-dir': { type: 'string', value: 'DIR', about: 'certificates and keys (default DIR/pki)' },
  'kubeconfig-dir': { type: 'string', value: 'DIR', about: 'kubeconfigs (default DIR)' },
} as const satisfies Record<string, Flag>

/** Where a tree is, for commands that look at all of it. */
export const WHOLE_TREE_FLAGS = {
  ...TREE_FLAGS,
  dir: {
    type: 'string',
    value: 'DIR',
    about:
      "the tree, or a copy of a host's root directory (default /etc/kubernetes); where nothing is written also a tar archive of it, - for one from standard input",
  },
  'kubelet-dir': {
    type: 'string',
    value: 'DIR',
    about: "the kubelet's own directory (default: /var/lib/kubelet beside etc/kubernetes)",
  },
} as const satisfies Record<string, Flag>

/** The description of a cluster: kubeadm's flags, and ours for what kubeadm takes from a file only. */
export const DESCRIPTION_FLAGS = {
  'node-name': { type: 'string', value: 'NAME', fact: 'nodeName', about: 'name of this node (default: the host name)' },
  'apiserver-advertise-address': {
    type: 'string',
    value: 'IP',
    fact: 'advertiseAddress',
    about: "address of this host's API server (default: of the default route's interface)",
  },
  'apiserver-bind-port': {
    type: 'string',
    value: 'PORT',
    fact: 'bindPort',
    about: "port of this host's API server (default 6443)",
  },
  'control-plane-endpoint': {
    type: 'string',
    value: 'HOST[:PORT]',
    fact: 'controlPlaneEndpoint',
    about: 'stable name or address in front of all control planes',
  },
  'apiserver-cert-extra-sans': {
    type: 'list',
    value: 'NAMES',
    fact: 'apiServerCertSans',
    about: "more names and addresses for the API server's certificate, comma-separated",
  },
  'service-cidr': {
    type: 'string',
    value: 'CIDR[,CIDR]',
    fact: 'serviceSubnet',
    about: 'addresses of Services (default 10.96.0.0/12)',
  },
  'pod-network-cidr': { type: 'string', value: 'CIDR[,CIDR]', fact: 'podSubnet', about: 'addresses of Pods' },
  'service-dns-domain': {
    type: 'string',
    value: 'DOMAIN',
    fact: 'dnsDomain',
    about: 'domain of Services (default cluster.local)',
  },
  'kubernetes-version': {
    type: 'string',
    value: 'VERSION',
    suggests: 'kubernetes-versions',
    fact: 'kubernetesVersion',
    about: 'e.g. v1.36.4, 1.33, stable-1.30 (default: the newest known 1.36)',
  },
  'feature-gates': {
    type: 'list',
    value: 'NAME=BOOL',
    fact: 'featureGates',
    about: "kubeadm's feature gates, comma-separated",
  },
  'cluster-name': {
    type: 'string',
    value: 'NAME',
    fact: 'clusterName',
    about: 'name in kubeconfigs (default kubernetes)',
  },
  'encryption-algorithm': {
    type: 'string',
    value: 'ALGORITHM',
    suggests: 'key-algorithms',
    fact: 'encryptionAlgorithm',
    about: 'RSA-2048 (default), RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384',
  },
  'certificate-validity-period': {
    type: 'string',
    value: 'DURATION',
    fact: 'certificateValidityPeriod',
    about: 'life of leaf certificates (default 8760h)',
  },
  'ca-certificate-validity-period': {
    type: 'string',
    value: 'DURATION',
    fact: 'caCertificateValidityPeriod',
    about: 'life of CA certificates (default 87600h)',
  },
} as const satisfies Record<string, Flag & { readonly fact: keyof ClusterFacts }>

/** What `init` and its kin take beyond the facts of a cluster: kubeadm's flags. */
export const HOST_FLAGS = {
  'image-repository': {
    type: 'string',
    value: 'REPOSITORY',
    host: 'imageRepository',
    about: 'where images come from (default registry.k8s.io, in old versions k8s.gcr.io)',
  },
  'cri-socket': {
    type: 'string',
    value: 'SOCKET',
    host: 'criSocket',
    about: "the container runtime's socket (default: the one that is there, else containerd's)",
  },
  patches: { type: 'string', value: 'DIR', host: 'patchesDir', about: 'directory of patches for what is written' },
  'skip-phases': {
    type: 'list',
    value: 'PHASES',
    host: 'skipPhases',
    about: 'phases to leave out, comma-separated, e.g. addon/kube-proxy',
  },
  'ignore-preflight-errors': {
    type: 'list',
    value: 'CHECKS',
    host: 'ignorePreflightErrors',
    about: 'preflight checks whose errors are warnings, comma-separated, or all',
  },
  token: { type: 'string', value: 'TOKEN', host: 'token', about: 'the first bootstrap token (default: a random one)' },
  'token-file': { type: 'string', value: 'FILE', about: 'file with that token; - for standard input' },
  'token-ttl': {
    type: 'string',
    value: 'DURATION',
    host: 'tokenTtl',
    about: 'life of that token, 0 for one that never ends (default 24h)',
  },
  'certificate-key': {
    type: 'string',
    value: 'HEX',
    host: 'certificateKey',
    about: 'key that shared certificates are encrypted with (default: a random one)',
  },
  'certificate-key-file': { type: 'string', value: 'FILE', about: 'file with that key; - for standard input' },
} as const satisfies Record<string, Flag & { readonly host?: HostFlagName }>

/** The description's file, and the moment to work at. */
export const CONFIG_FLAGS = {
  config: {
    type: 'string',
    value: 'FILE',
    about: 'kubeadm configuration (v1beta4, v1beta3 or v1beta2); - for standard input',
  },
} as const satisfies Record<string, Flag>
/** The clock, for tests and rehearsals. */
export const CLOCK_FLAGS = {
  now: {
    type: 'string',
    value: 'TIME',
    about: 'the moment to work at instead of the clock, e.g. 2027-01-31T12:00:00Z',
  },
} as const satisfies Record<string, Flag>

/** For every command that signs. */
export const LEDGER_FLAG = {
  type: 'boolean',
  about: 'do not write down in pki/issued.jsonl what is signed',
} as const satisfies Flag

/** Where a secret goes that a command prints. */
export const SECRET_OUTPUT_FLAGS = {
  out: { type: 'string', value: 'FILE', about: 'write to this new file, mode 0600, instead of standard output' },
} as const satisfies Record<string, Flag>

/** Which cluster is talked to. */
export const KUBECONFIG_FLAGS = {
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    about: 'how to reach the cluster (default: KUBECONFIG, ~/.kube/config, /etc/kubernetes/admin.conf)',
  },
} as const satisfies Record<string, Flag>

/** Parsed values of flags, by name. */
export type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

/** A flag's text, or `undefined` when it was not given. */
export function text(flags: FlagValues, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

/** The items of a flag that is a list; none when it was not given. */
export function list(flags: FlagValues, name: string): readonly string[] {
  const value = flags[name]
  return Array.isArray(value) ? (value as readonly string[]) : []
}
