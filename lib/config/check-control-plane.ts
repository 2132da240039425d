import { MINORS } from '../kubernetes/versions.js'
import type { YamlPath } from '../yaml.js'
import { checkArguments } from './check-arguments.js'
import { checkDirectories } from './check-directories.js'
import { checkEtcd } from './check-etcd.js'
import { checkHost } from './check-host.js'
import { checkNames } from './check-names.js'
import { checkNetworks } from './check-networks.js'
import type { ControlPlaneCheck, ControlPlaneSubject, ReportAt } from './control-plane-subject.js'
import { FACT_FLAGS, FACT_SOURCES, type FactName, hostDocument } from './facts.js'
import { flagText, HOST_FLAG_ROWS, type HostFlagName, hostFlagPlace } from './host-flags.js'
import { type ConfigProblem, formatPath } from './problems.js'
import type { KubeadmKind } from './schema.js'
import type { Configuration } from './types.js'

const CHECKS: readonly ControlPlaneCheck[] = [
  checkVersion,
  checkRootless,
  checkHost,
  checkNetworks,
  checkNames,
  checkDirectories,
  checkEtcd,
  checkArguments,
]

/**
 * Everything that is wrong with a control plane, beyond what is wrong with its cluster: what kubeadm's validation refuses, and
 * contradictions that it lets pass.
 *
 * @see kubernetes/kubernetes v1.20.2 and a version of about v1.36, cmd/kubeadm/app/apis/kubeadm/validation/validation.go
 */
export function checkControlPlane(subject: ControlPlaneSubject): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const report: ReportAt = (severity, { kind, path }, message, { hint, code = 'KPKI_FIELD_VALUE' } = {}) => {
    problems.push({
      severity,
      code,
      field: formatPath(path),
      message,
      ...(hint === undefined ? {} : { hint }),
      ...placeOf(subject, kind, path),
    })
  }
  for (const check of CHECKS) check(subject, report)
  return problems
}

function checkVersion({ description }: ControlPlaneSubject, report: ReportAt): void {
  const { kubernetesVersion: version } = description.cluster
  if (version.minor > MINORS.newest)
    report(
      'error',
      { kind: 'ClusterConfiguration', path: ['kubernetesVersion'] },
      `${version.text} is not supported: 1.${MINORS.oldest} to 1.${MINORS.newest} are`,
      {
        code: 'KPKI_VERSION_UNSUPPORTED',
        hint: 'name one of these with --kubernetes-version, or look for a newer kpki',
      },
    )
}

/** kubeadm makes users for the components where this alpha gate is set; here nobody does. */
function checkRootless({ configuration }: ControlPlaneSubject, report: ReportAt): void {
  const gate = 'RootlessControlPlane'
  if (!configuration.ClusterConfiguration?.featureGates?.[gate]) return
  const at = { kind: 'ClusterConfiguration', path: ['featureGates', gate] } as const
  report('warning', at, 'is not acted on here: the components run as root', {
    hint: 'give them users with patches, or leave the gate out',
  })
}

/** The flag or the place in the file that a value is from; neither for a default. */
function placeOf({ description, flags }: ControlPlaneSubject, kind: KubeadmKind, path: YamlPath) {
  const field = formatPath(path)
  for (const name of Object.keys(HOST_FLAG_ROWS) as HostFlagName[]) {
    if (flagText(flags, name) === undefined) continue
    const place = hostFlagPlace(name, description.configuration)
    if (place.kind === kind && startsWith(field, formatPath(place.path))) return { flag: HOST_FLAG_ROWS[name].flag }
  }
  const isJoin = hostDocument(description.configuration) === 'JoinConfiguration'
  for (const name of Object.keys(FACT_FLAGS) as (keyof typeof FACT_FLAGS)[]) {
    const origin = description.origins[name as FactName]
    const { path: factPath, joinPath } = FACT_SOURCES[name]
    if (origin.kind === 'flag' && startsWith(field, formatPath((isJoin ? joinPath : undefined) ?? factPath)))
      return { flag: origin.flag }
  }
  const place = description.locate(kind, path)
  // Up to v1beta3 arguments are a mapping, whose keys stand in the text where indices are now.
  const item = path.findIndex(step => typeof step === 'number')
  const name = item < 0 ? undefined : argumentName(description.configuration, kind, path.slice(0, item + 1))
  const byName = name === undefined ? undefined : description.locate(kind, [...path.slice(0, item), name])
  const isDeeper = byName && place && byName.line * 1e6 + byName.column > place.line * 1e6 + place.column
  return (isDeeper ? byName : place) ?? {}
}

function startsWith(field: string, prefix: string): boolean {
  return field === prefix || (field.startsWith(prefix) && /^[.[]/.test(field.slice(prefix.length)))
}

function argumentName(configuration: Configuration, kind: KubeadmKind, path: YamlPath): string | undefined {
  const item = path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
    configuration[kind],
  )
  const name = typeof item === 'object' && item !== null ? Reflect.get(item, 'name') : undefined
  return typeof name === 'string' ? name : undefined
}
