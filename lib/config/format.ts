import { UsageError } from '../errors.js'
import { formatDuration, parseDuration } from '../kubernetes/duration.js'
import { defaultVersion } from '../kubernetes/versions.js'
import { formatYaml } from '../yaml-format.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { type DefaultsOptions, withDefaults } from './defaults.js'
import { parseConfiguration } from './parse.js'
import { type ConfigProblem, throwFirst } from './problems.js'
import {
  API_VERSIONS,
  type ApiVersion,
  type FieldRow,
  KINDS,
  KUBEADM_GROUP,
  type StructName,
  structFields,
} from './schema.js'
import type { Configuration } from './types.js'

/**
 * Writes a configuration as kubeadm does: v1beta4, InitConfiguration before ClusterConfiguration before the others, keys
 * sorted, every default filled in, then the component configurations that were carried along.
 *
 * Tokens and certificate keys in it are written as they are.
 *
 * @param options - what stands in for what kubeadm would find out on the host
 */
export function formatConfiguration(configuration: Configuration, options: DefaultsOptions = {}): string {
  return formatStatedConfiguration(withDefaults(configuration, options))
}

/** Writes a configuration as {@link formatConfiguration} does, but nothing that it does not state. */
export function formatStatedConfiguration(configuration: Configuration): string {
  const documents = (Object.keys(KINDS) as (keyof typeof KINDS)[]).flatMap(kind => {
    const value = configuration[kind]
    if (!value) return []
    const head = { apiVersion: `${KUBEADM_GROUP}/${API_VERSIONS.at(-1)}`, kind }
    return [{ ...head, ...pruneStruct(value as YamlObject, kind) }]
  })
  return [...documents, ...configuration.carried].map(document => formatYaml(document)).join('---\n')
}

/**
 * A struct as one version of kubeadm.k8s.io has it: less the fields that it has not, and less what Go leaves out when it writes
 * it (empty fields, but not empty structs that are no pointers).
 */
export function pruneStruct(
  value: YamlObject,
  name: StructName,
  version: ApiVersion = 'v1beta4',
): Record<string, YamlValue> {
  const fields = structFields(name, version)
  const out: Record<string, YamlValue> = {}
  for (const [key, row] of Object.entries<FieldRow>(fields)) {
    const field = value[key]
    if (field === undefined && key === 'taints') out[key] = null
    if (field === undefined || field === null) continue
    const pruned = pruneValue(field, row.type, version)
    const isStruct = /^[A-Z]\w+$/.test(row.type)
    if (row.isWritten || isStruct || !isEmpty(pruned)) out[key] = pruned
  }
  return out
}

function pruneValue(value: YamlValue, type: string, version: ApiVersion): YamlValue {
  if (type === 'duration') return normalDuration(String(value))
  if (type === 'args' && version !== 'v1beta4' && Array.isArray(value)) return argumentMap(value)
  const isStruct = /^[A-Z]/.test(type)
  if (isStruct && Array.isArray(value))
    return (value as readonly YamlValue[]).map(item => pruneValue(item, type.replace('[]', ''), version))
  return isStruct && isYamlObject(value) ? pruneStruct(value, type as StructName, version) : value
}

/** Arguments as they were before v1beta4: one value by name, the last one of several. */
function argumentMap(args: readonly YamlValue[]): YamlObject {
  return Object.fromEntries(
    args.flatMap(arg => (isYamlObject(arg) ? [[String(arg['name']), arg['value'] ?? ''] as const] : [])),
  )
}

/** `90m` as Go prints it again: `1h30m0s`; fractions of a second stay as they are. */
function normalDuration(text: string): string {
  const seconds = parseDuration(text)
  return seconds !== undefined && Number.isSafeInteger(seconds) ? formatDuration(seconds) : text
}

function isEmpty(value: YamlValue): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === null || value === '' || value === 0 || value === false
}

const TOKEN = 'abcdef.0123456789abcdef'

/** What the printed defaults are for. */
export interface PrintOptions {
  /** Default: the `.0` release of the default minor, as kubeadm has it. */
  readonly kubernetesVersion?: string
  /** Default: `node`. */
  readonly nodeName?: string
}

/**
 * What `kubeadm config print init-defaults` prints: placeholders stand where kubeadm would look or roll dice.
 *
 * @see kubernetes/kubernetes v1.31, cmd/kubeadm/app/cmd/config.go
 */
export function initDefaults(options: PrintOptions = {}): string {
  const { minor } = defaultVersion()
  const { kubernetesVersion = `1.${minor}.0`, nodeName = 'node' } = options
  const defaults = withDefaults({
    carried: [],
    InitConfiguration: {
      bootstrapTokens: [{ token: TOKEN }],
      localAPIEndpoint: { advertiseAddress: '1.2.3.4' },
      nodeRegistration: { name: nodeName },
    },
  })
  const { taints: _, ...node } = defaults.InitConfiguration?.nodeRegistration ?? {}
  return formatStatedConfiguration({
    ...defaults,
    InitConfiguration: { ...defaults.InitConfiguration, nodeRegistration: node },
    // kubeadm's own version, which it has without the v.
    ClusterConfiguration: { ...defaults.ClusterConfiguration, kubernetesVersion },
  })
}

/**
 * What `kubeadm config print join-defaults` prints.
 *
 * @see kubernetes/kubernetes v1.31, cmd/kubeadm/app/cmd/config.go
 */
export function joinDefaults({ nodeName = 'node' }: Pick<PrintOptions, 'nodeName'> = {}): string {
  return formatConfiguration({
    carried: [],
    JoinConfiguration: {
      discovery: {
        bootstrapToken: { token: TOKEN, apiServerEndpoint: 'kube-apiserver:6443', unsafeSkipCAVerification: true },
      },
      nodeRegistration: { name: nodeName },
    },
  })
}

/**
 * Rewrites a configuration of any version that is read as v1beta4, as `kubeadm config migrate` does: kubeadm's own kinds
 * only, every default filled in.
 *
 * @returns the new text, and what there is to know about it
 * @throws {@link UsageError} the first of the errors in the old text; `KPKI_CONFIG_KIND` when it holds none of kubeadm's kinds
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`
 */
export function migrateConfiguration(
  text: string,
  what: string,
  options: DefaultsOptions = {},
): { readonly text: string; readonly warnings: readonly ConfigProblem[] } {
  const { configuration, problems, versions } = parseConfiguration(text, what)
  throwFirst(problems)
  if (Object.keys(versions).length === 0)
    throw new UsageError('KPKI_CONFIG_KIND', `${what}: there is no document of ${KUBEADM_GROUP}`, {
      details: { field: '', file: what },
    })
  return { text: formatConfiguration({ ...configuration, carried: [] }, options), warnings: problems }
}
