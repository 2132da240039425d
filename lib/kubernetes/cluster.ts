import type { Context } from '../context.js'
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../crypto/algorithms.js'
import { type IpAddress, parseIp } from '../crypto/ip.js'
import { UsageError } from '../errors.js'
import {
  checkExternalEtcd,
  checkFeatureGates,
  type ExternalEtcd,
  endpoint,
  type FieldProblem,
  hasControlCharacter,
  isPort,
  isUsableAddress,
  quote,
  subnets,
} from './cluster-fields.js'
import { formatDuration, parseDuration } from './duration.js'
import { addressAt, type Cidr, isDnsSubdomain, parseSubjectAltName, type SubjectAltName } from './net.js'
import { joinPath } from './paths.js'
import {
  defaultVersion,
  isTooOld,
  type KubernetesVersion,
  kubeadmAlgorithms,
  MINORS,
  parseVersion,
} from './versions.js'

/**
 * The facts of one host of one cluster, as people write them: every field has the meaning, the syntax and the default of
 * the kubeadm field in {@link FACT_FIELDS}.
 */
export interface ClusterFacts {
  /** Host name, e.g. `cp-1`; trimmed and lower-cased. */
  readonly nodeName: string
  /** The address that the host's API server advertises, IPv4 or IPv6. */
  readonly advertiseAddress: string
  /** Default: 6443. */
  readonly bindPort?: number
  /** Host name or address in front of all control planes, with or without a port. Default: none. */
  readonly controlPlaneEndpoint?: string
  /** `v1.36.4`, `1.36`, `stable-1.33`. Default: the newest known patch of 1.36. */
  readonly kubernetesVersion?: string
  /** Default: `kubernetes`. */
  readonly clusterName?: string
  /** One CIDR, or two of different families separated by a comma. Default: `10.96.0.0/12`. */
  readonly serviceSubnet?: string
  /** As `serviceSubnet`. Default: none. */
  readonly podSubnet?: string
  /** Default: `cluster.local`. */
  readonly dnsDomain?: string
  /** More names of the API server: addresses, names, `*.` names. Default: none. */
  readonly apiServerCertSans?: readonly string[]
  /** More names of the etcd server certificate. Default: none. */
  readonly etcdServerCertSans?: readonly string[]
  /** More names of the etcd peer certificate. Default: none. */
  readonly etcdPeerCertSans?: readonly string[]
  /** etcd is elsewhere: no etcd certificates are made. Default: etcd runs on the control planes. */
  readonly externalEtcd?: ExternalEtcd
  /** Default: `/etc/kubernetes/pki`. */
  readonly certificatesDir?: string
  /** One of {@link KEY_ALGORITHMS}. Default: `RSA-2048`, or `ECDSA-P256` with the feature gate `PublicKeysECDSA`. */
  readonly encryptionAlgorithm?: string
  /** Go duration. Default: `8760h` (a year). */
  readonly certificateValidityPeriod?: string
  /** Go duration. Default: `87600h` (ten years). */
  readonly caCertificateValidityPeriod?: string
  /** Default: none. */
  readonly featureGates?: Readonly<Record<string, boolean>>
}

/** The kubeadm field behind each fact (kubeadm.k8s.io/v1beta4), as it is named in errors. */
export const FACT_FIELDS: Readonly<Record<keyof ClusterFacts, string>> = {
  nodeName: 'nodeRegistration.name',
  advertiseAddress: 'localAPIEndpoint.advertiseAddress',
  bindPort: 'localAPIEndpoint.bindPort',
  controlPlaneEndpoint: 'controlPlaneEndpoint',
  kubernetesVersion: 'kubernetesVersion',
  clusterName: 'clusterName',
  serviceSubnet: 'networking.serviceSubnet',
  podSubnet: 'networking.podSubnet',
  dnsDomain: 'networking.dnsDomain',
  apiServerCertSans: 'apiServer.certSANs',
  etcdServerCertSans: 'etcd.local.serverCertSANs',
  etcdPeerCertSans: 'etcd.local.peerCertSANs',
  externalEtcd: 'etcd.external',
  certificatesDir: 'certificatesDir',
  encryptionAlgorithm: 'encryptionAlgorithm',
  certificateValidityPeriod: 'certificateValidityPeriod',
  caCertificateValidityPeriod: 'caCertificateValidityPeriod',
  featureGates: 'featureGates',
}

/** One host of one cluster: parsed, validated, with every default filled in. */
export interface Cluster {
  readonly kubernetesVersion: KubernetesVersion
  readonly clusterName: string
  readonly nodeName: string
  readonly advertiseAddress: IpAddress
  readonly bindPort: number
  /** `port` is filled in from `bindPort` where none was given. */
  readonly controlPlaneEndpoint: { readonly host: string; readonly port: number } | undefined
  /** One, or two of different families; the first one is the primary. */
  readonly serviceSubnets: readonly Cidr[]
  readonly podSubnets: readonly Cidr[]
  readonly dnsDomain: string
  readonly apiServerCertSans: readonly SubjectAltName[]
  readonly etcdServerCertSans: readonly SubjectAltName[]
  readonly etcdPeerCertSans: readonly SubjectAltName[]
  readonly externalEtcd: ExternalEtcd | undefined
  /** A clean path, without a slash at its end. */
  readonly certificatesDir: string
  readonly encryptionAlgorithm: KeyAlgorithm
  readonly certificateValiditySeconds: number
  readonly caCertificateValiditySeconds: number
  readonly featureGates: Readonly<Record<string, boolean>>
}

/** kubeadm's default periods (kubernetes/kubernetes v1.31, cmd/kubeadm/app/constants/constants.go). */
export const DEFAULT_VALIDITY_SECONDS = { leaf: 365 * 86_400, ca: 3650 * 86_400 } as const

/** RFC 5280 section 4.1.2.5: the last moment a certificate can name. */
export const LAST_MOMENT = new Date('9999-12-31T23:59:59Z')

/** X.520 ub-common-name is 64, of which `system:node:` takes twelve. */
const MAX_NODE_NAME = 52
// A TLS server sends its names in every handshake; 1000 names are 30 KB.
const MAX_EXTRA_SANS = 1000

/**
 * Parses and judges the facts of a cluster.
 *
 * @returns all problems in the order of the fields, and the cluster when none of them is an error
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/validation/validation.go, .../v1beta2/defaults.go
 */
export function checkCluster(
  facts: ClusterFacts,
  context: Context,
): { readonly cluster: Cluster | undefined; readonly problems: readonly FieldProblem[] } {
  const problems: FieldProblem[] = []
  const report = (severity: 'error' | 'warning', field: string, message: string, hint?: string) =>
    void problems.push({ severity, code: 'KPKI_FIELD_VALUE', field, message, ...(hint === undefined ? {} : { hint }) })
  const error = (field: string, message: string, hint?: string) => report('error', field, message, hint)
  const warn = (field: string, message: string) => report('warning', field, message)

  const nodeName = facts.nodeName.trim().toLowerCase()
  if (!isDnsSubdomain(nodeName)) {
    error(
      FACT_FIELDS.nodeName,
      `${quote(facts.nodeName)} is not a node name: lower-case letters, digits, '-' and '.', at most 253 characters`,
      'name the node with --node-name',
    )
  } else if (parseIp(nodeName)) {
    warn(FACT_FIELDS.nodeName, `${nodeName} is an address; certificates hold it as a DNS name, as kubeadm's do`)
  } else if (!parseSubjectAltName(nodeName)) {
    error(FACT_FIELDS.nodeName, `${quote(nodeName)} is not a node name: it looks like an address, and is none`)
  } else if (nodeName.length > MAX_NODE_NAME) {
    warn(
      FACT_FIELDS.nodeName,
      `the node name has ${nodeName.length} characters; over ${MAX_NODE_NAME} the common name system:node:… exceeds the 64 of RFC 5280 appendix A.1`,
    )
  }

  const advertiseAddress = parseIp(facts.advertiseAddress)
  if (!advertiseAddress) {
    error(
      FACT_FIELDS.advertiseAddress,
      `${quote(facts.advertiseAddress)} is not an IP address`,
      'give the address that other hosts reach this one at, e.g. 10.0.0.10',
    )
  } else if (!isUsableAddress(advertiseAddress)) {
    error(
      FACT_FIELDS.advertiseAddress,
      `${advertiseAddress.text} cannot be advertised: it is unspecified, multicast or link-local`,
      'give the address that other hosts reach this one at, e.g. 10.0.0.10',
    )
  }

  if (advertiseAddress?.text === '1.2.3.4') {
    warn(
      FACT_FIELDS.advertiseAddress,
      'is the placeholder that init-defaults prints; put the address of this host in its place',
    )
  }

  const bindPort = facts.bindPort ?? 6443
  if (!isPort(bindPort)) error(FACT_FIELDS.bindPort, `${bindPort} is not a port: 1 to 65535`)

  const kubernetesVersion =
    facts.kubernetesVersion === undefined ? defaultVersion() : parseVersion(facts.kubernetesVersion)
  if (!kubernetesVersion && isTooOld(facts.kubernetesVersion ?? '')) {
    problems.push({
      severity: 'error',
      code: 'KPKI_VERSION_UNSUPPORTED',
      field: FACT_FIELDS.kubernetesVersion,
      message: `${facts.kubernetesVersion} is not supported: 1.${MINORS.oldest} to 1.${MINORS.newest} are`,
      hint: 'name one of these with --kubernetes-version',
    })
  } else if (!kubernetesVersion) {
    error(
      FACT_FIELDS.kubernetesVersion,
      `${quote(facts.kubernetesVersion ?? '')} is not a Kubernetes version`,
      `write e.g. ${defaultVersion().text} or stable-1.${MINORS.default}`,
    )
  } else if (kubernetesVersion.minor > MINORS.newest) {
    warn(
      FACT_FIELDS.kubernetesVersion,
      `${kubernetesVersion.text} is newer than kpki; the rules of 1.${MINORS.newest} are used`,
    )
  }

  const clusterName = facts.clusterName ?? 'kubernetes'
  if (clusterName === '' || clusterName.length > 253 || hasControlCharacter(clusterName)) {
    error(
      FACT_FIELDS.clusterName,
      'the cluster name is empty, longer than 253 characters or has control characters in it',
    )
  }

  const serviceSubnets = subnets(
    facts.serviceSubnet ?? '10.96.0.0/12',
    FACT_FIELDS.serviceSubnet,
    { least: 10, mostHostBits: 20 },
    error,
    warn,
  )
  const podSubnets = facts.podSubnet ? subnets(facts.podSubnet, FACT_FIELDS.podSubnet, { least: 14 }, error, warn) : []

  const dnsDomain = facts.dnsDomain ?? 'cluster.local'
  // 63 octets are left of 253 once `kubernetes.default.svc.` stands before it; a longer one still fits a DNS name.
  if (!isDnsSubdomain(dnsDomain) || !isDnsSubdomain(`kubernetes.default.svc.${dnsDomain}`)) {
    error(
      FACT_FIELDS.dnsDomain,
      `${quote(dnsDomain)} is not a DNS domain`,
      'write it in lower case without a final dot, e.g. cluster.local',
    )
  }

  const names = (list: readonly string[] | undefined, field: string): SubjectAltName[] => {
    if ((list?.length ?? 0) > MAX_EXTRA_SANS) {
      error(field, `${list?.length} names are more than the ${MAX_EXTRA_SANS} that any server sends in a handshake`)
      return []
    }
    return (list ?? []).flatMap((text, index) => {
      // kubeadm lower-cases certSANs before use (v1.20.2, cmd/kubeadm/app/util/config/common.go LowercaseSANs).
      const name = parseSubjectAltName(text.toLowerCase())
      if (!name)
        error(
          `${field}[${index}]`,
          `${quote(text)} is neither an IP address nor a DNS name nor a wildcard (*.example.org)`,
        )
      return name ? [name] : []
    })
  }
  const apiServerCertSans = names(facts.apiServerCertSans, FACT_FIELDS.apiServerCertSans)
  const etcdServerCertSans = names(facts.etcdServerCertSans, FACT_FIELDS.etcdServerCertSans)
  const etcdPeerCertSans = names(facts.etcdPeerCertSans, FACT_FIELDS.etcdPeerCertSans)

  if (facts.externalEtcd) {
    if (facts.etcdServerCertSans?.length || facts.etcdPeerCertSans?.length) {
      const message = 'etcd.local and etcd.external exclude each other'
      problems.push({ severity: 'error', code: 'KPKI_FIELD_CONFLICT', field: FACT_FIELDS.externalEtcd, message })
    }
    checkExternalEtcd(facts.externalEtcd, FACT_FIELDS.externalEtcd, error)
  }
  checkFeatureGates(facts.featureGates ?? {}, FACT_FIELDS.featureGates, warn)

  const controlPlaneEndpoint = facts.controlPlaneEndpoint
    ? endpoint(facts.controlPlaneEndpoint, FACT_FIELDS.controlPlaneEndpoint, bindPort, error)
    : undefined
  if (controlPlaneEndpoint && facts.controlPlaneEndpoint && controlPlaneEndpoint.port !== bindPort) {
    warn(
      FACT_FIELDS.controlPlaneEndpoint,
      `port ${controlPlaneEndpoint.port} differs from bindPort ${bindPort}: something in front has to translate it`,
    )
  }

  const certificatesDir = facts.certificatesDir ?? '/etc/kubernetes/pki'
  if (!certificatesDir.startsWith('/'))
    error(FACT_FIELDS.certificatesDir, `${quote(certificatesDir)} is not an absolute path`)

  const algorithms = Object.keys(KEY_ALGORITHMS) as KeyAlgorithm[]
  const wantedAlgorithm =
    facts.encryptionAlgorithm || (facts.featureGates?.['PublicKeysECDSA'] ? 'ECDSA-P256' : 'RSA-2048')
  const encryptionAlgorithm = algorithms.find(name => name === wantedAlgorithm)
  if (!encryptionAlgorithm) {
    error(FACT_FIELDS.encryptionAlgorithm, `${quote(wantedAlgorithm)} is not one of ${algorithms.join(', ')}`)
  } else if (kubernetesVersion && !kubeadmAlgorithms(kubernetesVersion).includes(encryptionAlgorithm)) {
    warn(
      FACT_FIELDS.encryptionAlgorithm,
      `kubeadm ${kubernetesVersion.text} could not make ${encryptionAlgorithm} keys; the components read them`,
    )
  }

  const period = (text: string | undefined, standard: number, field: string): number => {
    if (text === undefined || text === '') return standard
    const seconds = parseDuration(text)
    if (seconds === undefined) {
      error(
        field,
        `${quote(text)} is not a duration`,
        'write hours, minutes and seconds, e.g. 8760h0m0s for a year; days are not a unit',
      )
    } else if (seconds < 1) {
      error(field, `${quote(text)} is not a validity: it must be at least one second`)
    } else if (context.clock().getTime() + seconds * 1000 > LAST_MOMENT.getTime()) {
      error(field, `${quote(text)} ends after the year 9999, which no certificate can say`)
    } else if (seconds > standard) {
      warn(field, `${formatDuration(seconds)} is longer than the usual ${formatDuration(standard)}`)
    }
    return seconds ?? standard
  }
  const certificateValiditySeconds = period(
    facts.certificateValidityPeriod,
    DEFAULT_VALIDITY_SECONDS.leaf,
    FACT_FIELDS.certificateValidityPeriod,
  )
  const caCertificateValiditySeconds = period(
    facts.caCertificateValidityPeriod,
    DEFAULT_VALIDITY_SECONDS.ca,
    FACT_FIELDS.caCertificateValidityPeriod,
  )

  if (
    problems.some(({ severity }) => severity === 'error') ||
    !kubernetesVersion ||
    !advertiseAddress ||
    !encryptionAlgorithm
  ) {
    return { cluster: undefined, problems }
  }
  return {
    problems,
    cluster: {
      kubernetesVersion,
      clusterName,
      nodeName,
      advertiseAddress,
      bindPort,
      controlPlaneEndpoint,
      serviceSubnets,
      podSubnets,
      dnsDomain,
      apiServerCertSans,
      etcdServerCertSans,
      etcdPeerCertSans,
      externalEtcd: facts.externalEtcd,
      certificatesDir: joinPath(certificatesDir),
      encryptionAlgorithm,
      certificateValiditySeconds,
      caCertificateValiditySeconds,
      featureGates: facts.featureGates ?? {},
    },
  }
}

/**
 * Parses the facts of a cluster; warnings go to the context's log.
 *
 * @param facts - only `nodeName` and `advertiseAddress` are needed
 * @throws {@link UsageError} `KPKI_FIELD_VALUE`, `KPKI_FIELD_CONFLICT`, `KPKI_VERSION_UNSUPPORTED`: the first problem, with
 *   `details.field`
 * @example const cluster = parseCluster({ nodeName: 'cp-1', advertiseAddress: '10.0.0.10' }, createContext())
 */
export function parseCluster(facts: ClusterFacts, context: Context): Cluster {
  const { cluster, problems } = checkCluster(facts, context)
  for (const { severity, field, message } of problems) {
    if (severity === 'warning') context.log({ level: 'warning', message: `${field}: ${message}` })
  }
  if (cluster) return cluster
  const first = problems.find(({ severity }) => severity === 'error')
  throw new UsageError(first?.code ?? 'KPKI_FIELD_VALUE', `${first?.field}: ${first?.message}`, {
    details: { field: first?.field ?? '' },
    ...(first?.hint === undefined ? {} : { hint: first.hint }),
  })
}

/** The first service address: the one under which Pods reach the API server. */
export function serviceAddress(cluster: Cluster): IpAddress {
  const [primary] = cluster.serviceSubnets
  return (primary && addressAt(primary, 1)) ?? cluster.advertiseAddress
}

/**
 * The tenth service address: the one at which Pods ask for names.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (GetDNSIP)
 */
export function dnsAddress(cluster: Cluster): IpAddress {
  const [primary] = cluster.serviceSubnets
  return (primary && addressAt(primary, 10)) ?? cluster.advertiseAddress
}
