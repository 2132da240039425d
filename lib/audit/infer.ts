import type { Kubeconfig } from '../access/kubeconfig.js'
import type { FactName } from '../config/facts.js'
import type { Context } from '../context.js'
import { KEY_ALGORITHMS } from '../crypto/algorithms.js'
import { parseIp } from '../crypto/ip.js'
import type { ClusterFacts } from '../kubernetes/cluster.js'
import { isLoopbackAddress, isUsableAddress } from '../kubernetes/cluster-fields.js'
import { formatDuration } from '../kubernetes/duration.js'
import { MASTERS, NODE_USER_PREFIX } from '../kubernetes/groups.js'
import { addressAt, formatHostPort, isDnsSubdomain, parseCidr, parseSubjectAltName } from '../kubernetes/net.js'
import { isKubeconfigId, type Role, type RowId } from '../kubernetes/rows.js'
import { adminGroup, MINORS, parseVersion } from '../kubernetes/versions.js'
import type { TreePath } from '../tree/layout.js'
import type { Certificate } from '../x509/certificate.js'
import { periodOf } from './infer-period.js'
import { certificateOf, certificatePathOf, isCaId, issuerIdOf, splitServer } from './items.js'
import { manifestPath } from './manifests.js'
import { isOfOtherCluster } from './other-cluster.js'
import type { ActualTree, Inference } from './types.js'

/**
 * Says what a tree says about its cluster and its host: from certificates, kubeconfigs and the manifests of static Pods. What none of
 * them says stays absent.
 */
export function inferDescription(tree: ActualTree, context: Context): Inference {
  const facts: { -readonly [Name in FactName]?: ClusterFacts[Name] } = {}
  const from: Partial<Record<FactName, TreePath>> = {}
  const set = <Name extends FactName>(name: Name, value: ClusterFacts[Name] | undefined, path: TreePath) => {
    if (value === undefined || Object.hasOwn(facts, name)) return
    facts[name] = value
    from[name] = path
  }
  const look = new Look(tree, context)

  for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
    const version = parseVersion(tree.manifests.versions.get(component) ?? '')
    if (version) set('kubernetesVersion', version.text, manifestPath(component))
  }
  const node = look.node()
  if (node) set('nodeName', ...node)

  const address = look.advertiseAddress()
  if (address) set('advertiseAddress', ...address)
  const port = look.bindPort(facts.advertiseAddress)
  if (port) set('bindPort', ...port)
  const endpoint = look.endpoint(facts)
  if (endpoint) set('controlPlaneEndpoint', ...endpoint)

  const apiserver = manifestPath('kube-apiserver')
  const manager = manifestPath('kube-controller-manager')
  const subnet = (text: string | undefined) =>
    text?.split(',').every(part => parseCidr(part.trim()) !== undefined) ? text : undefined
  set('serviceSubnet', subnet(look.flag('kube-apiserver', 'service-cluster-ip-range')), apiserver)
  set('serviceSubnet', subnet(look.flag('kube-controller-manager', 'service-cluster-ip-range')), manager)
  set('podSubnet', subnet(look.flag('kube-controller-manager', 'cluster-cidr')), manager)
  const domains = (look.certificate('apiserver')?.dnsNames ?? []).flatMap(
    name => /^kubernetes\.default\.svc\.(.+)$/.exec(name)?.[1] ?? [],
  )
  const [domain] = domains
  if (domains.length === 1 && domain !== undefined && isDnsSubdomain(domain))
    set('dnsDomain', domain, certificatePathOf('apiserver'))

  set('clusterName', look.flag('kube-controller-manager', 'cluster-name'), manager)
  for (const id of ['admin.conf', 'super-admin.conf', 'controller-manager.conf', 'scheduler.conf'] as const)
    set('clusterName', look.kubeconfig(id)?.clusterName || undefined, id)

  const firstSubnet = parseCidr(facts.serviceSubnet?.split(',')[0]?.trim() ?? '')
  const serviceAddress = firstSubnet ? addressAt(firstSubnet, 1)?.text : look.serviceAddress(facts)

  const host =
    facts.controlPlaneEndpoint === undefined ? undefined : splitServer(`https://${facts.controlPlaneEndpoint}`)?.host
  const own = [facts.nodeName, facts.advertiseAddress]
  const services = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc']
  set(
    'apiServerCertSans',
    look.furtherNames('apiserver', [
      ...own,
      host,
      serviceAddress,
      ...services,
      ...(facts.dnsDomain === undefined ? [] : [`kubernetes.default.svc.${facts.dnsDomain}`]),
    ]),
    certificatePathOf('apiserver'),
  )
  const loopback = ['localhost', '127.0.0.1', '::1']
  set('etcdServerCertSans', look.furtherNames('etcd-server', [...own, ...loopback]), certificatePathOf('etcd-server'))
  set('etcdPeerCertSans', look.furtherNames('etcd-peer', [...own, ...loopback]), certificatePathOf('etcd-peer'))

  const etcd = look.externalEtcd()
  if (etcd) set('externalEtcd', etcd, apiserver)
  const certDir = /^(\/.+)\/ca\.crt$/.exec(look.flag('kube-apiserver', 'client-ca-file') ?? '')?.[1]
  set('certificatesDir', certDir, apiserver)

  const algorithm = look.algorithm()
  if (algorithm) set('encryptionAlgorithm', ...algorithm)
  for (const [name, isCa] of [
    ['certificateValidityPeriod', false],
    ['caCertificateValidityPeriod', true],
  ] as const) {
    const period = look.period(isCa)
    if (period) set(name, formatDuration(period[0]), period[1])
  }
  return {
    facts,
    from,
    role: look.role(),
    serviceAddress,
    hasBoundAdmins: look.hasBoundAdmins(facts.kubernetesVersion),
  }
}

/** What can be looked up in a tree. */
class Look {
  readonly #tree: ActualTree
  readonly #certificates = new Map<RowId, Certificate>()
  /** The one that the kubelet keeps for itself. */
  readonly #client: Certificate | undefined

  constructor(tree: ActualTree, context: Context) {
    this.#tree = tree
    for (const [id, row] of tree.rows) {
      const certificate = certificateOf(row, context)
      if (certificate) this.#certificates.set(id, certificate)
    }
    this.#client = certificateOf(tree.kubelet.get('kubelet-client'), context)
  }

  certificate(id: RowId): Certificate | undefined {
    return this.#certificates.get(id)
  }

  flag(component: string, name: string): string | undefined {
    return this.#tree.manifests.flags.get(component)?.get(name) || undefined
  }

  node(): [string, TreePath] | undefined {
    const nodeOf = (certificate: Certificate | undefined) =>
      certificate?.subject.commonName.startsWith(NODE_USER_PREFIX)
        ? certificate.subject.commonName.slice(NODE_USER_PREFIX.length)
        : undefined
    const etcd = this.certificate('etcd-server')
    const name = etcd?.subject.commonName ?? ''
    const candidates: [string | undefined, TreePath][] = [
      [nodeOf(this.certificate('kubelet.conf')), 'kubelet.conf'],
      [nodeOf(this.#client), certificatePathOf('kubelet-client')],
      [this.flag('etcd', 'name'), manifestPath('etcd')],
      [etcd?.dnsNames.includes(name) ? name : undefined, certificatePathOf('etcd-server')],
    ]
    const found = candidates.find(([node]) => node !== undefined && isDnsSubdomain(node))
    return found?.[0] === undefined ? undefined : [found[0], found[1]]
  }

  /** A kubeconfig of this cluster. */
  kubeconfig(id: RowId): Kubeconfig | undefined {
    const kubeconfig = isKubeconfigId(id) ? this.#tree.rows.get(id)?.kubeconfig : undefined
    return kubeconfig && isOfOtherCluster(kubeconfig, this.#tree) ? undefined : kubeconfig
  }

  /** Server of a kubeconfig. */
  server(id: RowId): ReturnType<typeof splitServer> {
    return splitServer(this.kubeconfig(id)?.server ?? '')
  }

  advertiseAddress(): [string, TreePath] | undefined {
    // 0.0.0.0 leaves it to the API server to find one (DefaultAdvertiseAddress in kubernetes/kubernetes v1.20.2,
    // staging/src/k8s.io/apiserver/pkg/server/options/server_run_options.go).
    const stated = parseIp(this.flag('kube-apiserver', 'advertise-address') ?? '')
    if (stated && isUsableAddress(stated)) return [stated.text, manifestPath('kube-apiserver')]
    // Every member of etcd has its own address in its certificate, beside the loopback ones.
    const etcd = (this.certificate('etcd-server')?.ipAddresses ?? []).filter(text => !isLoopback(text))
    for (const id of ['controller-manager.conf', 'scheduler.conf'] as const) {
      const address = parseIp(this.server(id)?.host ?? '')
      if (address && !isLoopback(address.text) && (etcd.length === 0 || etcd.includes(address.text)))
        return [address.text, id]
    }
    const [only] = etcd
    return etcd.length === 1 && only !== undefined ? [only, certificatePathOf('etcd-server')] : undefined
  }

  bindPort(address: string | undefined): [number, TreePath] | undefined {
    const stated = this.flag('kube-apiserver', 'secure-port')
    if (stated !== undefined && /^[1-9][0-9]{0,4}$/.test(stated))
      return [Number(stated), manifestPath('kube-apiserver')]
    for (const id of ['controller-manager.conf', 'scheduler.conf'] as const) {
      const server = this.server(id)
      if (server && address !== undefined && parseIp(server.host)?.text === address) return [server.port, id]
    }
    return undefined
  }

  /** What stands in front of the control planes: where administrators go, unless that is this host. */
  endpoint({ advertiseAddress, bindPort = 6443 }: Partial<ClusterFacts>): [string, TreePath] | undefined {
    const isWorker = this.role() === 'worker'
    for (const id of isWorker
      ? (['kubelet.conf'] as const)
      : (['admin.conf', 'super-admin.conf', 'kubelet.conf'] as const)) {
      const server = this.server(id)
      if (!server) continue
      if (!isWorker && advertiseAddress === undefined) return undefined
      if (parseIp(server.host)?.text === advertiseAddress && server.port === bindPort) return undefined
      return isLoopback(server.host) ? undefined : [formatHostPort(server.host, server.port), id]
    }
    return undefined
  }

  /**
   * The API server's address inside of the cluster, which is the first of a subnet: kubeadm writes it before the others.
   *
   * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/pkiutil/pki_helpers.go (GetAPIServerAltNames)
   */
  serviceAddress({ advertiseAddress, controlPlaneEndpoint }: Partial<ClusterFacts>): string | undefined {
    const addresses = this.certificate('apiserver')?.ipAddresses ?? []
    const endpoint = splitServer(`https://${controlPlaneEndpoint ?? ''}`)?.host
    const candidates = addresses.filter(
      text =>
        text !== advertiseAddress &&
        text !== endpoint &&
        !isLoopback(text) &&
        ((parseIp(text)?.bytes.at(-1) ?? 0) & 0xf) === 1,
    )
    return candidates.length === 1 ? candidates[0] : candidates.find(text => text === addresses[0])
  }

  /** The names of a certificate beside these; `undefined` when one of them is none that a description could name. */
  furtherNames(id: RowId, known: readonly (string | undefined)[]): readonly string[] | undefined {
    const certificate = this.certificate(id)
    if (!certificate || certificate.otherNames.length > 0) return undefined
    const rest = [...certificate.dnsNames, ...certificate.ipAddresses].filter(name => !known.includes(name))
    return rest.every(name => parseSubjectAltName(name)) ? [...new Set(rest)] : undefined
  }

  externalEtcd(): ClusterFacts['externalEtcd'] {
    const endpoints = (this.flag('kube-apiserver', 'etcd-servers') ?? '').split(',').filter(url => url !== '')
    const isLocal = this.#tree.rows.has('etcd-server') || this.#tree.manifests.flags.has('etcd')
    if (endpoints.length === 0 || isLocal) return undefined
    const [caFile, certFile, keyFile] = ['etcd-cafile', 'etcd-certfile', 'etcd-keyfile'].map(name =>
      this.flag('kube-apiserver', name),
    )
    return {
      endpoints,
      ...(caFile === undefined ? {} : { caFile }),
      ...(certFile === undefined ? {} : { certFile }),
      ...(keyFile === undefined ? {} : { keyFile }),
    }
  }

  /** The key algorithm, where all certificates agree. */
  algorithm(): [string, TreePath] | undefined {
    const names = new Set([...this.#certificates.values()].map(({ publicKey }) => publicKey.name))
    const [id] = this.#certificates.keys()
    const [name] = names
    if (names.size !== 1 || id === undefined || id === 'sa' || name === undefined) return undefined
    return Object.hasOwn(KEY_ALGORITHMS, name) ? [name, certificatePathOf(id)] : undefined
  }

  /** The period of CAs or of leaves, where all that tell theirs agree. */
  period(isCa: boolean): [number, TreePath] | undefined {
    const told = [...this.#certificates].flatMap(([id, certificate]): [number, TreePath][] => {
      const issuer = issuerIdOf(id)
      const signer = issuer && this.certificate(issuer)
      if (id === 'sa' || isCaId(id) !== isCa || (!isCa && !signer)) return []
      const period = periodOf(certificate, isCa ? undefined : signer)
      return period === undefined ? [] : [[period, certificatePathOf(id)]]
    })
    const [first] = told
    return told.every(([period]) => period === first?.[0]) ? first : undefined
  }

  role(): Role | undefined {
    const { rows, manifests, kubelet } = this.#tree
    if (rows.has('super-admin.conf')) return 'init'
    const isControlPlane =
      manifests.flags.has('kube-apiserver') ||
      (['apiserver', 'admin.conf', 'controller-manager.conf', 'scheduler.conf'] as const).some(id => rows.has(id))
    if (isControlPlane) return 'control-plane'
    return rows.has('kubelet.conf') || kubelet.has('kubelet-client') ? 'worker' : undefined
  }

  hasBoundAdmins(stated: string | undefined): boolean | undefined {
    const version = parseVersion(stated ?? '')
    if (version) return adminGroup(version) !== MASTERS
    if (this.#tree.rows.has('super-admin.conf')) return true
    const admins = (['admin.conf', 'apiserver-kubelet-client'] as const).flatMap(
      id => this.certificate(id)?.subject.organizations ?? [],
    )
    if (admins.includes(adminGroup({ major: 1, minor: MINORS.newest, patch: 0, text: '' }))) return true
    return admins.includes(MASTERS) ? false : undefined
  }
}

function isLoopback(host: string): boolean {
  const address = parseIp(host)
  return address ? isLoopbackAddress(address) : host === 'localhost'
}
