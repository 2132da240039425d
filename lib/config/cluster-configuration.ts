import { DEFAULT_VALIDITY_SECONDS } from '../kubernetes/cluster.js'
import { has } from '../kubernetes/differences.js'
import { parseDuration } from '../kubernetes/duration.js'
import type { KubernetesVersion } from '../kubernetes/versions.js'
import { formatYaml } from '../yaml-format.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import type { ControlPlane } from './control-plane.js'
import { at, withoutValue, withValue } from './convert.js'
import { pruneStruct } from './format.js'
import { type ApiVersion, type FieldRow, KUBEADM_GROUP, STRUCTS, type StructName, structFields } from './schema.js'

/** A ClusterConfiguration as one Kubernetes version understands it. */
export interface FormattedConfiguration {
  /** YAML, keys sorted, every default filled in. */
  readonly text: string
  /** What it cannot say, one sentence each: whoever reads it there takes the default. */
  readonly warnings: readonly string[]
}

/** The version of kubeadm.k8s.io that a Kubernetes version's own kubeadm writes into the cluster. */
function uploadedApiVersion(version: KubernetesVersion): ApiVersion {
  if (has(version, 'configV1beta4')) return 'v1beta4'
  return has(version, 'configV1beta3') ? 'v1beta3' : 'v1beta2'
}

/**
 * The ClusterConfiguration of a control plane as that version's own kubeadm would put it into `kubeadm-config`: nothing of one
 * host, no tokens and keys. The way back of `parseConfiguration`.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/uploadconfig/uploadconfig.go; v1.31,
 *   cmd/kubeadm/app/apis/kubeadm/v1beta3/conversion.go
 */
export function formatClusterConfiguration(controlPlane: ControlPlane): FormattedConfiguration {
  const { kubernetesVersion } = controlPlane.cluster
  const version = uploadedApiVersion(kubernetesVersion)
  const current = (controlPlane.configuration.ClusterConfiguration ?? {}) as YamlObject
  const whole = version === 'v1beta4' ? current : convertBack(current, controlPlane, version)
  const known = has(kubernetesVersion, 'etcdHttpEndpoints') ? whole : withoutValue(whole, HTTP_ENDPOINTS)
  const recorded = has(kubernetesVersion, 'recordsAuthorizationMode') ? withAuthorizationMode(known) : known
  const head = { apiVersion: `${KUBEADM_GROUP}/${version}`, kind: 'ClusterConfiguration' }
  return {
    text: formatYaml({ ...head, ...pruneStruct(recorded, 'ClusterConfiguration', version) }),
    warnings:
      version === 'v1beta4'
        ? lossesOfV1beta4(whole, kubernetesVersion)
        : lossesOf(whole, 'ClusterConfiguration', version, ''),
  }
}

/** The one field that came without a new API version. */
const HTTP_ENDPOINTS = ['etcd', 'external', 'httpEndpoints']

/** Puts values where the older version has them. */
function convertBack(
  cluster: YamlObject,
  { timeoutSeconds, configuration }: ControlPlane,
  version: ApiVersion,
): YamlObject {
  const { encryptionAlgorithm, ...rest } = cluster
  const timeout = configuration.InitConfiguration?.timeouts?.controlPlaneComponentHealthCheck
  const older = withValue(
    rest,
    ['apiServer', 'timeoutForControlPlane'],
    timeout ?? `${timeoutSeconds.controlPlaneComponentHealthCheck}s`,
  )
  const withDns = version === 'v1beta2' ? withValue(older, ['dns', 'type'], 'CoreDNS') : older
  if (encryptionAlgorithm === 'ECDSA-P256') return withValue(withDns, ['featureGates', 'PublicKeysECDSA'], true)
  // RSA-2048 is what the older version takes without being told.
  return encryptionAlgorithm === 'RSA-2048' ? withDns : { ...withDns, encryptionAlgorithm: encryptionAlgorithm ?? '' }
}

/**
 * The kubeadm of these versions writes down what it has given the API server. Beside `authorization-config` it is given no modes
 * here, and whoever takes both from there makes an API server that ends.
 */
function withAuthorizationMode(cluster: YamlObject): YamlObject {
  const apiServer = isYamlObject(cluster['apiServer']) ? cluster['apiServer'] : {}
  const args = (apiServer['extraArgs'] ?? []) as readonly YamlValue[]
  const names = args.map(arg => (isYamlObject(arg) ? arg['name'] : undefined))
  if (names.includes('authorization-mode') || names.includes('authorization-config')) return cluster
  return withValue(cluster, ['apiServer', 'extraArgs'], [...args, { name: 'authorization-mode', value: 'Node,RBAC' }])
}

/** What is the same in every version's kubeadm, and need not be said; in seconds. */
const USUAL: Readonly<Record<string, number>> = {
  certificateValidityPeriod: DEFAULT_VALIDITY_SECONDS.leaf,
  caCertificateValidityPeriod: DEFAULT_VALIDITY_SECONDS.ca,
}

function lossesOfV1beta4(cluster: YamlObject, version: KubernetesVersion): readonly string[] {
  const isTold = has(version, 'etcdHttpEndpoints') || isNothing(at(cluster, HTTP_ENDPOINTS) ?? null)
  return isTold ? [] : [cannotSay(HTTP_ENDPOINTS.join('.'), null, `v1beta4 of ${version.text}`)]
}

/** Fields with something in them that the older version has not, and arguments given more than once. */
function lossesOf(value: YamlObject, name: StructName, version: ApiVersion, prefix: string): readonly string[] {
  const known = structFields(name, version)
  const rows: Readonly<Record<string, FieldRow>> = STRUCTS[name]
  return Object.entries(value).flatMap(([key, field]) => {
    const place = `${prefix}${key}`
    const row = rows[key]
    if (!row || isNothing(field)) return []
    if (!known[key]) return isUsual(place, field) ? [] : [cannotSay(place, field, version)]
    if (row.type === 'args') return repeated(field).map(argument => repeatedTwice(place, argument, version))
    const struct = row.type.replace('[]', '')
    if (!/^[A-Z]/.test(struct)) return []
    const items: readonly YamlValue[] = Array.isArray(field) ? field : [field]
    return items.flatMap(item => (isYamlObject(item) ? lossesOf(item, struct as StructName, version, `${place}.`) : []))
  })
}

function isUsual(place: string, value: YamlValue): boolean {
  const usual = USUAL[place]
  return usual !== undefined && parseDuration(String(value)) === usual
}

function cannotSay(place: string, value: YamlValue, version: string): string {
  const [only] = isYamlObject(value) ? Object.entries(value) : []
  if (only) return cannotSay(`${place}.${only[0]}`, only[1], version)
  const shown = typeof value === 'string' || typeof value === 'boolean' ? ` (${value})` : ''
  return `kubeadm-config cannot say ${place}${shown}: ${KUBEADM_GROUP}/${version} has no such field, and kubeadm upgrade knows nothing of it`
}

function repeatedTwice(place: string, argument: string, version: ApiVersion): string {
  return `kubeadm-config can name ${argument} of ${place} once only (${KUBEADM_GROUP}/${version}): it has the last one`
}

function repeated(args: YamlValue): readonly string[] {
  const names = (Array.isArray(args) ? (args as readonly YamlValue[]) : []).map(arg =>
    isYamlObject(arg) ? String(arg['name']) : '',
  )
  return [...new Set(names.filter((name, index) => names.indexOf(name) < index))]
}

function isNothing(value: YamlValue): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isNothing)
  return value === null || value === '' || value === 0 || value === false
}

/**
 * The API servers of a cluster as `kubeadm-config` lists them up to v1.21.
 *
 * @param endpoints - by the names of their nodes
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/v1beta2/types.go (ClusterStatus)
 */
export function formatClusterStatus(endpoints: Readonly<Record<string, YamlObject>>): string {
  return formatYaml({ apiVersion: `${KUBEADM_GROUP}/v1beta2`, kind: 'ClusterStatus', apiEndpoints: endpoints })
}
