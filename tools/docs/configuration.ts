/** kubeadm's configuration language, as far as kpki reads and uses it, and what versions differ in. */
import { FACT_SOURCES, type FactName } from '../../lib/config/facts.js'
import { formatPath } from '../../lib/config/problems.js'
import { CARRIED } from '../../lib/config/schema.js'
import {
  API_VERSIONS,
  describeEffective,
  FACT_FIELDS,
  FACT_FLAGS,
  HOST_FLAG_ROWS,
  type HostFlagRow,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  KINDS,
  MINORS,
  type Origin,
  parseVersion,
} from '../../lib/index.js'
import { FEATURE_GATES } from '../../lib/kubernetes/cluster-fields.js'
import { kubeadmAlgorithms, writesPreferences } from '../../lib/kubernetes/versions.js'
import { ALL_MINORS, exampleCluster, spansOf } from './example.js'
import { code, codes, table } from './markdown.js'

/** From 1.30 on every rule is compared with upstream's; older ones are accepted and get what that version understood. */
const FIRST_CLASS = 30

const FOUND: Partial<Readonly<Record<FactName, string>>> = {
  nodeName: "the host's name",
  advertiseAddress: "the address of the default route's interface",
}

/** Every value that counts: where it is said, and what it is when nobody says it. */
export function facts(): string {
  const cluster = exampleCluster({ controlPlaneEndpoint: '' })
  const names = Object.keys(FACT_FIELDS) as FactName[]
  const origins = Object.fromEntries(names.map(name => [name, { kind: 'default' }])) as Record<FactName, Origin>
  const effective = describeEffective(cluster, origins)
  const flags: Partial<Readonly<Record<FactName, string>>> = FACT_FLAGS
  return table(
    ['field', 'kind', 'flag', 'default'],
    names.map((name, index) => [
      code(FACT_FIELDS[name]),
      FACT_SOURCES[name].joinPath ? 'InitConfiguration, JoinConfiguration' : FACT_SOURCES[name].kind,
      code(flags[name] ?? '') || '-',
      FOUND[name] ?? shown(effective[index]?.value),
    ]),
  )
}

/** What is said of a host beyond the facts of its cluster, by flags as well. */
export function hostFlags(): string {
  return table(
    ['flag', 'field', 'kind'],
    Object.values<HostFlagRow>(HOST_FLAG_ROWS).map(({ flag, clusterPath, path, joinPath }) => [
      code(flag),
      [...new Set([clusterPath ?? path ?? [], joinPath ?? []].map(formatPath))]
        .filter(text => text !== '')
        .map(code)
        .join(', '),
      clusterPath
        ? 'ClusterConfiguration'
        : path?.[0] === 'bootstrapTokens'
          ? 'InitConfiguration'
          : 'InitConfiguration, JoinConfiguration',
    ]),
  )
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'none' : code(JSON.stringify(value))
  return code(String(value))
}

/** Documents that are read. */
export function kinds(): string {
  return table(
    ['kind', 'apiVersion', 'what becomes of it'],
    [
      ...Object.entries(KINDS).map(([kind, since]) => [
        code(kind),
        codes(API_VERSIONS.slice(API_VERSIONS.indexOf(since)).map(version => `kubeadm.k8s.io/${version}`)),
        Object.values(FACT_SOURCES).some(
          source => source.kind === kind || (kind === 'JoinConfiguration' && source.joinPath),
        )
          ? 'checked, converted, and described hosts are made from it'
          : 'checked and converted',
      ]),
      ...Object.entries(CARRIED).map(([kind, version]) => [code(kind), code(version), 'carried through untouched']),
    ],
  )
}

/** kubeadm's feature gates. */
export function featureGates(): string {
  const effects: Readonly<Record<string, string>> = {
    PublicKeysECDSA: 'the default of `encryptionAlgorithm` is `ECDSA-P256`',
    ControlPlaneKubeletLocalMode:
      "from 1.31 to 1.35: whether a control plane's `kubelet.conf` names its own API server",
  }
  return table(
    ['gate', 'effect on what kpki makes'],
    FEATURE_GATES.map(gate => [code(gate), effects[gate] ?? 'none; it is read and passed on']),
  )
}

/** Every minor, and what kpki knows of it. */
export function kubernetesVersions(): string {
  const spans = spansOf(minor => {
    const version = parseVersion(`1.${minor}`)
    if (!version) throw new Error(`1.${minor} is no version`)
    return JSON.stringify([
      minor >= FIRST_CLASS ? 'first class' : 'accepted',
      codes(kubeadmAlgorithms(version)),
      writesPreferences(version) ? 'yes' : 'no',
    ])
  })
  return table(
    [
      'Kubernetes',
      'support',
      'newest patches known',
      'algorithms its own kubeadm makes',
      'kubeconfigs have `preferences`',
    ],
    spans.map(({ from, to, answer }) => [
      from === to ? `1.${from}` : `1.${from} to 1.${to}`,
      ...(([support = '', ...rest]) => [support, patches(from, to), ...rest])(JSON.parse(answer) as string[]),
    ]),
  )
}

function patches(from: number, to: number): string {
  return ALL_MINORS.filter(minor => minor >= from && minor <= to)
    .map(minor => `${parseVersion(`1.${minor}`)?.text.slice(1)}${minor === MINORS.default ? ' (default)' : ''}`)
    .join(', ')
}

/** Every key algorithm. */
export function keyAlgorithms(): string {
  return table(
    [
      'algorithm',
      'key file',
      "since which version kubeadm makes it from a configuration's `encryptionAlgorithm` or a gate",
    ],
    (Object.keys(KEY_ALGORITHMS) as KeyAlgorithm[]).map(name => {
      const since = ALL_MINORS.find(minor => {
        const version = parseVersion(`1.${minor}`)
        return version && kubeadmAlgorithms(version).includes(name)
      })
      return [
        code(name),
        KEY_ALGORITHMS[name].name === 'RSA' ? '`RSA PRIVATE KEY` (PKCS #1)' : '`EC PRIVATE KEY` (SEC 1)',
        since === MINORS.oldest ? `1.${since} or older` : `1.${since}`,
      ]
    }),
  )
}
