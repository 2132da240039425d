import type { CisRuleId } from '../../../lib/audit/rules/cis.js'
import type { MemoryStore } from '../../../lib/tree/store.js'
import { podManifest, put, read, wellTree } from '../tree.js'

/** A change of {@link cisTree} that breaks one rule of the benchmark. */
export interface CisBreak {
  readonly rule: CisRuleId
  /** The item in edition 1.12. */
  readonly item: string
  /** The file that the finding is about. */
  readonly path: string
  readonly spoil: (store: MemoryStore) => void
}

const MANIFESTS: Readonly<Record<string, readonly string[]>> = {
  'kube-apiserver': [
    '--client-ca-file=/etc/kubernetes/pki/ca.crt',
    '--encryption-provider-config=/etc/kubernetes/encryption.yaml',
    '--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt',
    '--etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt',
    '--etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key',
    '--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt',
    '--kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt',
    '--kubelet-client-key=/etc/kubernetes/pki/apiserver-kubelet-client.key',
    '--service-account-extend-token-expiration=false',
    '--service-account-key-file=/etc/kubernetes/pki/sa.pub',
    '--tls-cert-file=/etc/kubernetes/pki/apiserver.crt',
    '--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    '--tls-private-key-file=/etc/kubernetes/pki/apiserver.key',
  ],
  'kube-controller-manager': [
    '--root-ca-file=/etc/kubernetes/pki/ca.crt',
    '--service-account-private-key-file=/etc/kubernetes/pki/sa.key',
  ],
  'kube-scheduler': ['--kubeconfig=/etc/kubernetes/scheduler.conf'],
  etcd: [
    '--cert-file=/etc/kubernetes/pki/etcd/server.crt',
    '--client-cert-auth=true',
    '--key-file=/etc/kubernetes/pki/etcd/server.key',
    '--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt',
    '--peer-client-cert-auth=true',
    '--peer-key-file=/etc/kubernetes/pki/etcd/peer.key',
    '--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt',
  ],
}

const KUBELET = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
rotateCertificates: true
tlsCertFile: /var/lib/kubelet/pki/kubelet.crt
tlsPrivateKeyFile: /var/lib/kubelet/pki/kubelet.key
`

/** A host's tree that edition 1.12 has nothing against: root's, closed, with manifests and the kubelet's configuration. */
export function cisTree(): MemoryStore {
  const store = wellTree()
  for (const [component, flags] of Object.entries(MANIFESTS))
    put(store, `manifests/${component}.yaml`, podManifest(component, flags))
  put(store, 'kubelet/config.yaml', KUBELET)
  for (const [path, file] of store.files) store.files.set(path, { ...file, uid: 0, gid: 0 })
  return store
}

const chmod =
  (path: string, mode: number): CisBreak['spoil'] =>
  store => {
    const file = store.files.get(path)
    if (!file) throw new Error(`no file ${path}`)
    store.files.set(path, { ...file, mode })
  }
const chown =
  (path: string, uid: number, gid = 0): CisBreak['spoil'] =>
  store => {
    const file = store.files.get(path)
    if (!file) throw new Error(`no file ${path}`)
    store.files.set(path, { ...file, uid, gid })
  }
const replace =
  (path: string, from: string | RegExp, to: string): CisBreak['spoil'] =>
  store => {
    const file = store.files.get(path)
    const before = read(store, path)
    const after = before.replace(from, to)
    if (!file || after === before) throw new Error(`${path} has no ${from}`)
    store.files.set(path, { ...file, bytes: new TextEncoder().encode(after) })
  }
const unset = (component: string, flag: string) =>
  replace(`manifests/${component}.yaml`, new RegExp(`^ *- --${flag}=.*\n`, 'm'), '')
const add = (component: string, flag: string) =>
  replace(`manifests/${component}.yaml`, /^( *)- --/m, `$1- ${flag}\n$1- --`)

const API = 'manifests/kube-apiserver.yaml'
const MANAGER = 'manifests/kube-controller-manager.yaml'
const SCHEDULER = 'manifests/kube-scheduler.yaml'
const ETCD = 'manifests/etcd.yaml'
const KUBELET_CONFIG = 'kubelet/config.yaml'

const row = (rule: CisRuleId, item: string, path: string, spoil: CisBreak['spoil']): CisBreak => ({
  ...{ rule, item, path, spoil },
})

/** At least one for each rule. */
export const CIS_BREAKS: readonly CisBreak[] = [
  row('cis-apiserver-manifest-mode', '1.1.1', API, chmod(API, 0o644)),
  row('cis-apiserver-manifest-owner', '1.1.2', API, chown(API, 1000)),
  row('cis-controller-manager-manifest-mode', '1.1.3', MANAGER, chmod(MANAGER, 0o640)),
  row('cis-controller-manager-manifest-owner', '1.1.4', MANAGER, chown(MANAGER, 0, 1000)),
  row('cis-scheduler-manifest-mode', '1.1.5', SCHEDULER, chmod(SCHEDULER, 0o604)),
  row('cis-scheduler-manifest-owner', '1.1.6', SCHEDULER, chown(SCHEDULER, 1000)),
  row('cis-etcd-manifest-mode', '1.1.7', ETCD, chmod(ETCD, 0o700)),
  row('cis-etcd-manifest-owner', '1.1.8', ETCD, chown(ETCD, 1000)),
  row('cis-admin-conf-mode', '1.1.13', 'admin.conf', chmod('admin.conf', 0o640)),
  row('cis-admin-conf-mode', '1.1.13', 'super-admin.conf', chmod('super-admin.conf', 0o640)),
  row('cis-admin-conf-owner', '1.1.14', 'super-admin.conf', chown('super-admin.conf', 1000)),
  row('cis-scheduler-conf-mode', '1.1.15', 'scheduler.conf', chmod('scheduler.conf', 0o640)),
  row('cis-scheduler-conf-owner', '1.1.16', 'scheduler.conf', chown('scheduler.conf', 1000)),
  row('cis-controller-manager-conf-mode', '1.1.17', 'controller-manager.conf', chmod('controller-manager.conf', 0o640)),
  row('cis-controller-manager-conf-owner', '1.1.18', 'controller-manager.conf', chown('controller-manager.conf', 1000)),
  row('cis-pki-owner', '1.1.19', 'pki/etcd/server.key', chown('pki/etcd/server.key', 1000)),
  row('cis-certificate-mode', '1.1.20', 'pki/etcd/peer.crt', chmod('pki/etcd/peer.crt', 0o664)),
  row('cis-key-mode', '1.1.21', 'pki/etcd/peer.key', chmod('pki/etcd/peer.key', 0o640)),
  row('cis-kubelet-client', '1.2.4', API, unset('kube-apiserver', 'kubelet-client-key')),
  row('cis-kubelet-ca', '1.2.5', API, unset('kube-apiserver', 'kubelet-certificate-authority')),
  row('cis-token-lookup', '1.2.21', API, add('kube-apiserver', '--service-account-lookup=false')),
  row('cis-token-key', '1.2.22', API, unset('kube-apiserver', 'service-account-key-file')),
  row('cis-etcd-client', '1.2.23', API, unset('kube-apiserver', 'etcd-certfile')),
  row('cis-serving-pair', '1.2.24', API, unset('kube-apiserver', 'tls-private-key-file')),
  row('cis-client-ca', '1.2.25', API, unset('kube-apiserver', 'client-ca-file')),
  row('cis-etcd-ca', '1.2.26', API, unset('kube-apiserver', 'etcd-cafile')),
  row('cis-encryption', '1.2.27', API, unset('kube-apiserver', 'encryption-provider-config')),
  row('cis-ciphers', '1.2.29', API, unset('kube-apiserver', 'tls-cipher-suites')),
  row('cis-ciphers', '1.2.29', API, replace(API, 'TLS_ECDHE_RSA', 'TLS_RSA')),
  row('cis-token-extension', '1.2.30', API, unset('kube-apiserver', 'service-account-extend-token-expiration')),
  row('cis-token-signing-key', '1.3.4', MANAGER, unset('kube-controller-manager', 'service-account-private-key-file')),
  row('cis-root-ca', '1.3.5', MANAGER, unset('kube-controller-manager', 'root-ca-file')),
  row(
    'cis-kubelet-server-rotation',
    '1.3.6',
    MANAGER,
    add('kube-controller-manager', '--feature-gates=A=true,RotateKubeletServerCertificate=false'),
  ),
  row('cis-etcd-serving-pair', '2.1', ETCD, unset('etcd', 'cert-file')),
  row('cis-etcd-client-auth', '2.2', ETCD, replace(ETCD, '--client-cert-auth=true', '--client-cert-auth=false')),
  row('cis-etcd-client-auth', '2.2', ETCD, unset('etcd', 'client-cert-auth')),
  row('cis-etcd-auto-tls', '2.3', ETCD, add('etcd', '--auto-tls=1')),
  row('cis-etcd-auto-tls', '2.3', ETCD, add('etcd', '--auto-tls')),
  row('cis-etcd-peer-pair', '2.4', ETCD, unset('etcd', 'peer-key-file')),
  row('cis-etcd-peer-auth', '2.5', ETCD, unset('etcd', 'peer-client-cert-auth')),
  row('cis-etcd-peer-auto-tls', '2.6', ETCD, add('etcd', '--peer-auto-tls=true')),
  row('cis-etcd-own-ca', '2.7', ETCD, unset('etcd', 'trusted-ca-file')),
  row(
    'cis-etcd-own-ca',
    '2.7',
    ETCD,
    replace(ETCD, 'trusted-ca-file=/etc/kubernetes/pki/etcd', 'trusted-ca-file=/etc/kubernetes/pki'),
  ),
  row('cis-etcd-own-ca', '2.7', 'pki/etcd/ca.crt', store => {
    put(store, 'pki/etcd/ca.crt', read(store, 'pki/ca.crt'))
    chown('pki/etcd/ca.crt', 0)(store)
  }),
  row('cis-kubelet-conf-mode', '4.1.5', 'kubelet.conf', chmod('kubelet.conf', 0o644)),
  row('cis-kubelet-conf-owner', '4.1.6', 'kubelet.conf', chown('kubelet.conf', 1000)),
  row('cis-kubelet-config-mode', '4.1.9', KUBELET_CONFIG, chmod(KUBELET_CONFIG, 0o644)),
  row('cis-kubelet-config-owner', '4.1.10', KUBELET_CONFIG, chown(KUBELET_CONFIG, 1000)),
  row(
    'cis-kubelet-client-ca',
    '4.2.3',
    KUBELET_CONFIG,
    replace(KUBELET_CONFIG, /^ *clientCAFile.*$/m, '    clientCAFile: ""'),
  ),
  row('cis-kubelet-serving-pair', '4.2.9', KUBELET_CONFIG, replace(KUBELET_CONFIG, /^tlsCertFile.*\n/m, '')),
  row(
    'cis-kubelet-rotation',
    '4.2.10',
    KUBELET_CONFIG,
    replace(KUBELET_CONFIG, 'rotateCertificates: true', 'rotateCertificates: false'),
  ),
]

/** Rules whose breaks break another one, too: `pki/ca.crt` is a certificate of the PKI and what the kubelet trusts. */
export const CIS_DOUBLE_BREAKS: readonly CisBreak[] = [
  row('cis-client-ca-mode', '4.1.7', 'pki/ca.crt', chmod('pki/ca.crt', 0o666)),
  row('cis-client-ca-owner', '4.1.8', 'pki/ca.crt', chown('pki/ca.crt', 1000)),
]
