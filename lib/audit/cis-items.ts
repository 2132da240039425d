import type { CisRuleId } from './rules/cis.js'

/** What an item looks at. */
export type CisLook =
  /** Files, and the widest mode that they may have; `*.crt` stands for all below `pki/` that end so, `pki` for all of it. */
  | { readonly kind: 'mode'; readonly files: readonly string[]; readonly most: number }
  | { readonly kind: 'owner'; readonly files: readonly string[] }
  /** Flags of a static Pod that must be set. */
  | { readonly kind: 'set'; readonly component: string; readonly flags: readonly string[] }
  /** A flag that must have a value, or may be absent, too. */
  | {
      readonly kind: 'value'
      readonly component: string
      readonly flag: string
      readonly value: string
      readonly orAbsent: boolean
    }
  /** A flag with a list, each item of which must be one of these. */
  | { readonly kind: 'among'; readonly component: string; readonly flag: string; readonly values: readonly string[] }
  /** A flag with a list that must not hold this. */
  | { readonly kind: 'without'; readonly component: string; readonly flag: string; readonly value: string }
  /** etcd's CA is set, and is not the cluster's. */
  | { readonly kind: 'own-ca' }
  /** Fields of the kubelet's configuration that must be set. */
  | { readonly kind: 'kubelet-set'; readonly fields: readonly string[] }
  /** A field of the kubelet's configuration that must not be false. */
  | { readonly kind: 'kubelet-not-false'; readonly field: string }

/** One item of one edition. */
export interface CisItem {
  readonly item: string
  readonly title: string
  readonly rule: CisRuleId
  readonly look: CisLook
}

/** The title of an item, without the words that all of them begin with. */
interface Row {
  readonly title: string
  readonly look: CisLook
}

const mode = (what: string, files: readonly string[], most = 0o600): Row => ({
  title: `${what} permissions are set to ${most.toString(8)} or more restrictive`,
  look: { kind: 'mode', files, most },
})
const owner = (what: string, files: readonly string[]): Row => ({
  title: `${what} ownership is set to root:root`,
  look: { kind: 'owner', files },
})
const set = (component: string, ...flags: string[]): Row => ({
  title: `the ${flags.map(flag => `--${flag}`).join(' and ')} argument${flags.length > 1 ? 's are' : ' is'} set as appropriate`,
  look: { kind: 'set', component, flags },
})
const value = (component: string, flag: string, wanted: string, orAbsent = false): Row => ({
  title: `the --${flag} argument is ${orAbsent && wanted === 'false' ? 'not set to true' : `set to ${wanted}`}`,
  look: { kind: 'value', component, flag, value: wanted, orAbsent },
})

const APISERVER = 'kube-apiserver'
const CONTROLLER_MANAGER = 'kube-controller-manager'
const manifest = (component: string) => [`manifests/${component}.yaml`]

const MODERN_SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  ...['ECDSA', 'RSA'].flatMap(key =>
    ['AES_128_GCM_SHA256', 'AES_256_GCM_SHA384', 'CHACHA20_POLY1305', 'CHACHA20_POLY1305_SHA256'].map(
      suite => `TLS_ECDHE_${key}_WITH_${suite}`,
    ),
  ),
]
const OLDER_SUITES = [
  ...['ECDHE_ECDSA', 'ECDHE_RSA', 'RSA'].flatMap(key =>
    ['AES_128_CBC_SHA', 'AES_256_CBC_SHA'].map(suite => `TLS_${key}_WITH_${suite}`),
  ),
  'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA',
  'TLS_RSA_WITH_3DES_EDE_CBC_SHA',
  'TLS_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_RSA_WITH_AES_256_GCM_SHA384',
]
const ciphers = (values: readonly string[]): Row => ({
  title: 'the API Server only makes use of Strong Cryptographic Ciphers',
  look: { kind: 'among', component: APISERVER, flag: 'tls-cipher-suites', values },
})

const CERTIFICATES = ['*.crt']
const CLIENT_CA = ['pki/ca.crt']
const ADMIN = 'the default administrative credential file'

/** What each rule looks at, in the newest edition. */
const ROWS: Readonly<Record<CisRuleId, Row>> = {
  'cis-apiserver-manifest-mode': mode('the API server pod specification file', manifest(APISERVER)),
  'cis-apiserver-manifest-owner': owner('the API server pod specification file', manifest(APISERVER)),
  'cis-controller-manager-manifest-mode': mode(
    'the controller manager pod specification file',
    manifest(CONTROLLER_MANAGER),
  ),
  'cis-controller-manager-manifest-owner': owner(
    'the controller manager pod specification file',
    manifest(CONTROLLER_MANAGER),
  ),
  'cis-scheduler-manifest-mode': mode('the scheduler pod specification file', manifest('kube-scheduler')),
  'cis-scheduler-manifest-owner': owner('the scheduler pod specification file', manifest('kube-scheduler')),
  'cis-etcd-manifest-mode': mode('the etcd pod specification file', manifest('etcd')),
  'cis-etcd-manifest-owner': owner('the etcd pod specification file', manifest('etcd')),
  'cis-admin-conf-mode': mode(ADMIN, ['admin.conf', 'super-admin.conf']),
  'cis-admin-conf-owner': owner(ADMIN, ['admin.conf', 'super-admin.conf']),
  'cis-scheduler-conf-mode': mode('the scheduler.conf file', ['scheduler.conf']),
  'cis-scheduler-conf-owner': owner('the scheduler.conf file', ['scheduler.conf']),
  'cis-controller-manager-conf-mode': mode('the controller-manager.conf file', ['controller-manager.conf']),
  'cis-controller-manager-conf-owner': owner('the controller-manager.conf file', ['controller-manager.conf']),
  'cis-pki-owner': owner('the Kubernetes PKI directory and file', ['pki']),
  'cis-certificate-mode': mode('the Kubernetes PKI certificate file', CERTIFICATES, 0o644),
  'cis-key-mode': mode('the Kubernetes PKI key file', ['*.key']),
  'cis-kubelet-conf-mode': mode('the --kubeconfig kubelet.conf file', ['kubelet.conf']),
  'cis-kubelet-conf-owner': owner('the --kubeconfig kubelet.conf file', ['kubelet.conf']),
  'cis-client-ca-mode': mode('the certificate authorities file', CLIENT_CA, 0o644),
  'cis-client-ca-owner': owner('the client certificate authorities file', CLIENT_CA),
  'cis-kubelet-config-mode': mode('the kubelet config.yaml configuration file', ['kubelet/config.yaml']),
  'cis-kubelet-config-owner': owner('the kubelet config.yaml configuration file', ['kubelet/config.yaml']),
  'cis-kubelet-client': set(APISERVER, 'kubelet-client-certificate', 'kubelet-client-key'),
  'cis-kubelet-ca': set(APISERVER, 'kubelet-certificate-authority'),
  'cis-token-lookup': value(APISERVER, 'service-account-lookup', 'true', true),
  'cis-token-key': set(APISERVER, 'service-account-key-file'),
  'cis-token-extension': value(APISERVER, 'service-account-extend-token-expiration', 'false'),
  'cis-etcd-client': set(APISERVER, 'etcd-certfile', 'etcd-keyfile'),
  'cis-serving-pair': set(APISERVER, 'tls-cert-file', 'tls-private-key-file'),
  'cis-client-ca': set(APISERVER, 'client-ca-file'),
  'cis-etcd-ca': set(APISERVER, 'etcd-cafile'),
  'cis-encryption': set(APISERVER, 'encryption-provider-config'),
  'cis-ciphers': ciphers(MODERN_SUITES),
  'cis-token-signing-key': set(CONTROLLER_MANAGER, 'service-account-private-key-file'),
  'cis-root-ca': set(CONTROLLER_MANAGER, 'root-ca-file'),
  'cis-kubelet-server-rotation': {
    title: 'the RotateKubeletServerCertificate argument is set to true',
    look: {
      kind: 'without',
      component: CONTROLLER_MANAGER,
      flag: 'feature-gates',
      value: 'RotateKubeletServerCertificate=false',
    },
  },
  'cis-etcd-serving-pair': set('etcd', 'cert-file', 'key-file'),
  'cis-etcd-client-auth': value('etcd', 'client-cert-auth', 'true'),
  'cis-etcd-auto-tls': value('etcd', 'auto-tls', 'false', true),
  'cis-etcd-peer-pair': set('etcd', 'peer-cert-file', 'peer-key-file'),
  'cis-etcd-peer-auth': value('etcd', 'peer-client-cert-auth', 'true'),
  'cis-etcd-peer-auto-tls': value('etcd', 'peer-auto-tls', 'false', true),
  'cis-etcd-own-ca': { title: 'a unique Certificate Authority is used for etcd', look: { kind: 'own-ca' } },
  'cis-kubelet-client-ca': {
    title: 'the --client-ca-file argument is set as appropriate',
    look: { kind: 'kubelet-set', fields: ['authentication.x509.clientCAFile'] },
  },
  'cis-kubelet-serving-pair': {
    title: 'the --tls-cert-file and --tls-private-key-file arguments are set as appropriate',
    look: { kind: 'kubelet-set', fields: ['tlsCertFile', 'tlsPrivateKeyFile'] },
  },
  'cis-kubelet-rotation': {
    title: 'the --rotate-certificates argument is not set to false',
    look: { kind: 'kubelet-not-false', field: 'rotateCertificates' },
  },
}

/** Items that have the same number in all editions that are known here. */
const UNCHANGED = {
  'cis-apiserver-manifest-mode': '1.1.1',
  'cis-apiserver-manifest-owner': '1.1.2',
  'cis-controller-manager-manifest-mode': '1.1.3',
  'cis-controller-manager-manifest-owner': '1.1.4',
  'cis-scheduler-manifest-mode': '1.1.5',
  'cis-scheduler-manifest-owner': '1.1.6',
  'cis-etcd-manifest-mode': '1.1.7',
  'cis-etcd-manifest-owner': '1.1.8',
  'cis-admin-conf-mode': '1.1.13',
  'cis-admin-conf-owner': '1.1.14',
  'cis-scheduler-conf-mode': '1.1.15',
  'cis-scheduler-conf-owner': '1.1.16',
  'cis-controller-manager-conf-mode': '1.1.17',
  'cis-controller-manager-conf-owner': '1.1.18',
  'cis-pki-owner': '1.1.19',
  'cis-certificate-mode': '1.1.20',
  'cis-key-mode': '1.1.21',
  'cis-kubelet-client': '1.2.4',
  'cis-kubelet-ca': '1.2.5',
  'cis-token-signing-key': '1.3.4',
  'cis-root-ca': '1.3.5',
  'cis-kubelet-server-rotation': '1.3.6',
  'cis-etcd-serving-pair': '2.1',
  'cis-etcd-client-auth': '2.2',
  'cis-etcd-auto-tls': '2.3',
  'cis-etcd-peer-pair': '2.4',
  'cis-etcd-peer-auth': '2.5',
  'cis-etcd-peer-auto-tls': '2.6',
  'cis-etcd-own-ca': '2.7',
  'cis-kubelet-conf-mode': '4.1.5',
  'cis-kubelet-conf-owner': '4.1.6',
  'cis-client-ca-mode': '4.1.7',
  'cis-client-ca-owner': '4.1.8',
  'cis-kubelet-config-mode': '4.1.9',
  'cis-kubelet-config-owner': '4.1.10',
  'cis-kubelet-client-ca': '4.2.3',
} as const satisfies Partial<Record<CisRuleId, string>>

interface Edition {
  readonly numbers: Partial<Readonly<Record<CisRuleId, string>>>
  /** What is asked otherwise than in the newest edition. */
  readonly changes: Partial<Readonly<Record<CisRuleId, Row>>>
}

/**
 * Editions, newest first, as the public scanner for them has them.
 *
 * @see aquasecurity/kube-bench, cfg/cis-1.12 and cfg/cis-1.24: master.yaml, etcd.yaml, node.yaml
 */
const EDITIONS: Readonly<Record<CisEdition, Edition>> = {
  '1.12': {
    numbers: {
      ...UNCHANGED,
      'cis-token-lookup': '1.2.21',
      'cis-token-key': '1.2.22',
      'cis-etcd-client': '1.2.23',
      'cis-serving-pair': '1.2.24',
      'cis-client-ca': '1.2.25',
      'cis-etcd-ca': '1.2.26',
      'cis-encryption': '1.2.27',
      'cis-ciphers': '1.2.29',
      'cis-token-extension': '1.2.30',
      'cis-kubelet-serving-pair': '4.2.9',
      'cis-kubelet-rotation': '4.2.10',
    },
    changes: {},
  },
  '1.24': {
    numbers: {
      ...UNCHANGED,
      'cis-token-lookup': '1.2.23',
      'cis-token-key': '1.2.24',
      'cis-etcd-client': '1.2.25',
      'cis-serving-pair': '1.2.26',
      'cis-client-ca': '1.2.27',
      'cis-etcd-ca': '1.2.28',
      'cis-encryption': '1.2.29',
      'cis-ciphers': '1.2.31',
      'cis-kubelet-serving-pair': '4.2.10',
      'cis-kubelet-rotation': '4.2.11',
    },
    changes: {
      'cis-admin-conf-mode': mode('the admin.conf file', ['admin.conf']),
      'cis-admin-conf-owner': owner('the admin.conf file', ['admin.conf']),
      'cis-certificate-mode': mode('the Kubernetes PKI certificate file', CERTIFICATES),
      'cis-client-ca-mode': mode('the certificate authorities file', CLIENT_CA),
      'cis-ciphers': ciphers([...MODERN_SUITES, ...OLDER_SUITES]),
    },
  },
}

/** An edition of the CIS Kubernetes Benchmark: `1.24` is older than `1.12`, the counting began anew after it. */
export type CisEdition = '1.12' | '1.24'

/** Editions that are known here, newest first. */
export const CIS_EDITIONS: readonly CisEdition[] = Object.keys(EDITIONS) as CisEdition[]

/** Items of an edition that are looked at, in the order of their numbers; no other item of it is looked at. */
export function cisItems(edition: CisEdition): readonly CisItem[] {
  const { numbers, changes } = EDITIONS[edition]
  const items = (Object.keys(ROWS) as CisRuleId[]).flatMap(rule => {
    const item = numbers[rule]
    return item === undefined ? [] : [{ item, rule, ...(changes[rule] ?? ROWS[rule]) }]
  })
  return items.sort((a, b) => compareNumbers(a.item, b.item))
}

function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  const index = left.findIndex((part, at) => part !== right[at])
  return index < 0 ? left.length - right.length : (left[index] ?? 0) - (right[index] ?? -1)
}
