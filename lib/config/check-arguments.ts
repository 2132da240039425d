import { parseIp } from '../crypto/ip.js'
import type { Cluster } from '../kubernetes/cluster.js'
import { hasControlCharacter, quote } from '../kubernetes/cluster-fields.js'
import { type DifferenceName, has } from '../kubernetes/differences.js'
import { parseCidr } from '../kubernetes/net.js'
import type { YamlPath } from '../yaml.js'
import { type ControlPlaneSubject, hostKind, type ReportAt } from './control-plane-subject.js'
import type { KubeadmKind } from './schema.js'
import type { Struct } from './types.js'

/** Somebody's command line. */
interface CommandLine {
  readonly kind: KubeadmKind
  /** Of what the arguments stand in, e.g. `['etcd', 'local']`. */
  readonly path: YamlPath
  readonly field: 'extraArgs' | 'kubeletExtraArgs'
  readonly args: readonly { readonly name: string; readonly value: string }[]
  readonly envs: readonly Struct<'EnvVar'>[]
  readonly volumes: readonly Struct<'HostPathMount'>[]
}

/** What an argument says that a field says, too; `undefined` where the field says nothing. */
type Same = (cluster: Cluster, subject: ControlPlaneSubject) => string | undefined

/** Arguments that say what fields say, by component: which field, and its value. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, readonly [field: string, value: Same]>>>> = {
  apiServer: {
    'advertise-address': ['localAPIEndpoint.advertiseAddress', (_, { address }) => address?.text],
    'secure-port': ['localAPIEndpoint.bindPort', ({ bindPort }) => String(bindPort)],
    'service-cluster-ip-range': ['networking.serviceSubnet', ({ serviceSubnets }) => cidrs(serviceSubnets)],
    'etcd-servers': ['etcd.external.endpoints', ({ externalEtcd }) => externalEtcd?.endpoints.join(',')],
    'etcd-cafile': ['etcd.external.caFile', ({ externalEtcd }) => externalEtcd?.caFile],
    'etcd-certfile': ['etcd.external.certFile', ({ externalEtcd }) => externalEtcd?.certFile],
    'etcd-keyfile': ['etcd.external.keyFile', ({ externalEtcd }) => externalEtcd?.keyFile],
  },
  controllerManager: {
    'service-cluster-ip-range': ['networking.serviceSubnet', ({ serviceSubnets }) => cidrs(serviceSubnets)],
    'cluster-cidr': ['networking.podSubnet', ({ podSubnets }) => cidrs(podSubnets) || undefined],
    'cluster-name': ['clusterName', ({ clusterName }) => clusterName],
  },
  'etcd.local': {
    'data-dir': [
      'etcd.local.dataDir',
      (_, { configuration }) => configuration.ClusterConfiguration?.etcd?.local?.dataDir,
    ],
    name: ['nodeRegistration.name', ({ nodeName }) => nodeName],
  },
  nodeRegistration: {
    'hostname-override': ['nodeRegistration.name', ({ nodeName }) => nodeName],
    'container-runtime-endpoint': [
      'nodeRegistration.criSocket',
      (_, subject) => subject.configuration[hostKind(subject)]?.nodeRegistration?.criSocket,
    ],
  },
}

/** Arguments that a component does not know, or does not know any more: it ends when it is given one. */
const GONE: Readonly<Record<string, Readonly<Record<string, DifferenceName>>>> = {
  nodeRegistration: {
    'network-plugin': 'dockershim',
    'cni-bin-dir': 'dockershim',
    'cni-conf-dir': 'dockershim',
    'docker-endpoint': 'dockershim',
    'image-pull-progress-deadline': 'dockershim',
    'container-runtime': 'takesContainerRuntimeFlag',
  },
}

/** Arguments, environment and volumes of the components and of the kubelet. */
export function checkArguments(subject: ControlPlaneSubject, report: ReportAt): void {
  const { cluster } = subject.description
  for (const line of commandLines(subject)) {
    const owner = line.path.join('.')
    for (const [index, { name, value }] of line.args.entries()) {
      const at = { kind: line.kind, path: [...line.path, line.field, index] }
      if (name.startsWith('-'))
        report('error', at, `${quote(name)} begins with a dash`, {
          hint: `write the name alone: ${name.replace(/^-+/, '')}`,
        })
      else if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
        report('error', at, `${quote(name)} is not the name of an argument`, {
          hint: 'the name has letters, digits, - _ and ., and the value stands in value',
        })
      // The kubelet's stand on one line of a file, and units of systemd are made of the others.
      if (hasControlCharacter(value)) report('error', at, `the value of ${quote(name)} has a control character in it`)
      checkKnown(owner, name, at, cluster, report)
    }
    checkFields(line, owner, subject, report)
    checkEnvs(line, report)
    checkVolumes(line, report)
  }
  checkAuthorization(subject, report)
}

function commandLines(subject: ControlPlaneSubject): readonly CommandLine[] {
  const { ClusterConfiguration: cluster = {} } = subject.configuration
  const kind = hostKind(subject)
  const component = (
    name: 'apiServer' | 'controllerManager' | 'scheduler',
    { extraArgs = [], extraEnvs = [], extraVolumes = [] }: Struct<'ControlPlaneComponent'> = {},
  ): CommandLine => ({
    kind: 'ClusterConfiguration',
    path: [name],
    field: 'extraArgs',
    args: extraArgs,
    envs: extraEnvs,
    volumes: extraVolumes,
  })
  const { extraArgs = [], extraEnvs = [] } = cluster.etcd?.local ?? {}
  return [
    component('apiServer', cluster.apiServer),
    component('controllerManager', cluster.controllerManager),
    component('scheduler', cluster.scheduler),
    {
      kind: 'ClusterConfiguration',
      path: ['etcd', 'local'],
      field: 'extraArgs',
      args: extraArgs,
      envs: extraEnvs,
      volumes: [],
    },
    {
      kind,
      path: ['nodeRegistration'],
      field: 'kubeletExtraArgs',
      args: subject.configuration[kind]?.nodeRegistration?.kubeletExtraArgs ?? [],
      envs: [],
      volumes: [],
    },
  ]
}

function checkKnown(
  owner: string,
  name: string,
  at: { readonly kind: KubeadmKind; readonly path: YamlPath },
  { kubernetesVersion }: Cluster,
  report: ReportAt,
): void {
  const gone = GONE[owner] ?? {}
  const difference = Object.hasOwn(gone, name) ? gone[name] : undefined
  if (difference !== undefined && !has(kubernetesVersion, difference))
    report(
      'warning',
      at,
      `the kubelet of ${kubernetesVersion.text} does not know --${name}, and does not start with it`,
    )
}

function checkFields(line: CommandLine, owner: string, subject: ControlPlaneSubject, report: ReportAt): void {
  for (const [name, [field, value]] of Object.entries(FIELDS[owner] ?? {})) {
    // Of several the last one counts.
    const index = line.args.findLastIndex(arg => arg.name === name)
    const given = line.args[index]?.value
    const said = value(subject.description.cluster, subject)
    if (given === undefined || said === undefined || isSameText(given, said)) continue
    report(
      'warning',
      { kind: line.kind, path: [...line.path, line.field, index] },
      `--${name}=${quote(given)} contradicts ${field}, which is ${quote(said)}: the argument counts here, the field everywhere else`,
    )
  }
}

/** kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go (IsEnvVarName). */
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/

function checkEnvs({ kind, path, envs }: CommandLine, report: ReportAt): void {
  const seen = new Set<string>()
  for (const [index, { name = '', value, valueFrom }] of envs.entries()) {
    const at = { kind, path: [...path, 'extraEnvs', index] }
    if (!ENV_NAME.test(name) || name === '.' || name.startsWith('..'))
      report('error', at, `${quote(name)} is not the name of an environment variable`)
    if (value !== undefined && value !== '' && valueFrom !== undefined)
      report('error', at, `${quote(name)} has value and valueFrom: one of them`, { code: 'KPKI_FIELD_CONFLICT' })
    if (value?.includes('\0')) report('error', at, `the value of ${quote(name)} has a control character in it`)
    if (seen.has(name)) report('warning', at, `${quote(name)} is there already; the later one counts`)
    seen.add(name)
  }
}

function checkVolumes({ kind, path, volumes }: CommandLine, report: ReportAt): void {
  const [names, mounts] = [new Set<string>(), new Set<string>()]
  for (const [index, { name = '', hostPath = '', mountPath = '' }] of volumes.entries()) {
    const at = { kind, path: [...path, 'extraVolumes', index] }
    if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      report('error', at, `${quote(name)} is not the name of a volume`, {
        hint: 'lower-case letters, digits and -, at most 63 characters',
      })
    for (const [field, value] of Object.entries({ hostPath, mountPath })) {
      const isBroken =
        hasControlCharacter(value) || value.split('/').includes('..') || (field === 'mountPath' && value.includes(':'))
      if (!value.startsWith('/') || isBroken)
        report(
          'error',
          { kind, path: [...at.path, field] },
          `${quote(value)} is not an absolute path without .. ${field === 'mountPath' ? 'and : ' : ''}in it`,
        )
    }
    // kubeadm keeps the last one, and says nothing.
    if (names.has(name))
      report('error', at, `there is a volume ${quote(name)} already`, { code: 'KPKI_FIELD_CONFLICT' })
    if (mounts.has(mountPath))
      report('error', at, `there is a volume at ${quote(mountPath)} already`, { code: 'KPKI_FIELD_CONFLICT' })
    names.add(name)
    mounts.add(mountPath)
  }
}

/** Without them kubelets, or everybody, may do nothing, or everything. */
function checkAuthorization({ configuration }: ControlPlaneSubject, report: ReportAt): void {
  const args = configuration.ClusterConfiguration?.apiServer?.extraArgs ?? []
  const index = args.findLastIndex(({ name }) => name === 'authorization-mode')
  const modes = args[index]?.value.split(',').map(mode => mode.trim())
  const absent = ['Node', 'RBAC'].filter(mode => modes && !modes.includes(mode))
  if (absent.length > 0)
    report(
      'warning',
      { kind: 'ClusterConfiguration', path: ['apiServer', 'extraArgs', index] },
      `authorization-mode is without ${absent.join(' and ')}, which a cluster of kubeadm needs`,
    )
}

function cidrs(list: Cluster['serviceSubnets']): string {
  return list.map(({ text }) => text).join(',')
}

/** Lists of addresses and subnets may be written in more than one way. */
function isSameText(a: string, b: string): boolean {
  const normal = (text: string) =>
    text
      .split(',')
      .map(part => part.trim())
      .map(part => parseCidr(part)?.text ?? parseIp(part)?.text ?? part)
      .join(',')
  return normal(a) === normal(b)
}
