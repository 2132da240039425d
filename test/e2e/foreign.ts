/** Trees as others make them: Kubernetes the Hard Way with openssl, its older edition with cfssl, and kubeadm v1.20.2. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Host, must, scratch } from './host.js'
import { kube } from './programs.js'

/** A component of the Hard Way with its subject and what it serves; who serves nothing is a client alone. */
type HardWayRow = readonly [name: string, subject: string, commonName: string, names?: string]

const PLACE = 'C = US\nST = Washington\nL = Seattle\n'
const HARD_WAY_ROWS: readonly HardWayRow[] = [
  ['admin', 'CN = admin\nO = system:masters\n', 'Admin Client'],
  ['service-accounts', 'CN = service-accounts\n', 'Service Accounts'],
  ['node-0', `CN = system:node:node-0\nO = system:nodes\n${PLACE}`, 'Node-0', 'DNS:node-0, IP:127.0.0.1'],
  [
    'kube-scheduler',
    `CN = system:kube-scheduler\nO = system:system:kube-scheduler\n${PLACE}`,
    'Kube Scheduler',
    'DNS:kube-scheduler, IP:127.0.0.1',
  ],
  [
    'kube-api-server',
    `CN = kubernetes\n${PLACE}`,
    'Kube API Server',
    'IP:127.0.0.1, IP:10.32.0.1, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, ' +
      'DNS:kubernetes.default.svc.cluster, DNS:kubernetes.svc.cluster.local, DNS:server.kubernetes.local, ' +
      'DNS:api-server.kubernetes.local',
  ],
]

const HARD_WAY_HEAD = `[req]
distinguished_name = req_distinguished_name
prompt             = no
x509_extensions    = ca_x509_extensions
[ca_x509_extensions]
basicConstraints = CA:TRUE
keyUsage         = cRLSign, keyCertSign
[req_distinguished_name]
${PLACE}CN = CA
`

let hardWay: string | undefined

/**
 * The recipe of Kubernetes the Hard Way, with the components whose sections differ (kelseyhightower/kubernetes-the-hard-way:
 * ca.conf, docs/04-certificate-authority.md). Made once, for its long keys: copy it to change it.
 */
export function hardWayTree(): string {
  if (hardWay !== undefined) return hardWay
  const dir = scratch('hard-way')
  const sections = HARD_WAY_ROWS.map(
    ([name, subject, comment, names]) => `[${name}]
distinguished_name = ${name}_distinguished_name
prompt             = no
req_extensions     = ${name}_req_extensions
[${name}_req_extensions]
basicConstraints     = CA:FALSE
extendedKeyUsage     = clientAuth${names ? ', serverAuth' : ''}
keyUsage             = critical, digitalSignature, keyEncipherment
nsCertType           = client
nsComment            = "${comment} Certificate"
${names ? `subjectAltName       = ${names}\n` : ''}subjectKeyIdentifier = hash
[${name}_distinguished_name]
${subject}`,
  )
  writeFileSync(join(dir, 'ca.conf'), HARD_WAY_HEAD + sections.join(''))
  const names = HARD_WAY_ROWS.map(([name]) => name)
  const sh = (line: string) => execFileSync('sh', ['-euc', line], { cwd: dir, stdio: 'ignore' })
  sh('openssl genrsa -out ca.key 4096')
  sh('openssl req -x509 -new -sha512 -noenc -key ca.key -days 3653 -config ca.conf -out ca.crt')
  for (const name of names) {
    sh(`openssl genrsa -out ${name}.key 4096`)
    sh(`openssl req -new -key ${name}.key -sha256 -config ca.conf -section ${name} -out ${name}.csr`)
    sh(`openssl x509 -req -days 3653 -in ${name}.csr -copy_extensions copyall -sha256 -CA ca.crt -CAkey ca.key \\
      -CAcreateserial -out ${name}.crt`)
  }
  hardWay = dir
  return dir
}

/** The Hard Way's kubeconfigs (docs/05-kubernetes-configuration-files.md), by kubectl. */
export function addHardWayKubeconfigs(dir: string, kubectl: string): void {
  for (const [name, user, server] of [
    ['node-0', 'system:node:node-0', 'https://server.kubernetes.local:6443'],
    ['kube-scheduler', 'system:kube-scheduler', 'https://server.kubernetes.local:6443'],
    ['admin', 'admin', 'https://127.0.0.1:6443'],
  ])
    makeKubeconfig(dir, kubectl, { name, user, server, ca: 'ca.crt', pair: [`${name}.crt`, `${name}.key`] })
}

interface KubeconfigParts {
  readonly name: string | undefined
  readonly user: string | undefined
  readonly server: string | undefined
  readonly ca: string
  readonly pair: readonly [certificate: string, key: string]
}

function makeKubeconfig(dir: string, kubectl: string, { name, user = '', server, ca, pair }: KubeconfigParts): void {
  const [certificate, key] = pair
  const config = (...args: string[]) =>
    execFileSync(kubectl, ['config', ...args, `--kubeconfig=${name}.kubeconfig`], { cwd: dir, stdio: 'ignore' })
  const cluster = 'kubernetes-the-hard-way'
  config('set-cluster', cluster, `--certificate-authority=${ca}`, '--embed-certs=true', `--server=${server}`)
  const files = [`--client-certificate=${certificate}`, `--client-key=${key}`]
  config('set-credentials', user, ...files, '--embed-certs=true')
  config('set-context', 'default', `--cluster=${cluster}`, `--user=${user}`)
  config('use-context', 'default')
}

/** The older edition of the Hard Way, with cfssl: `NAME.pem`, `NAME-key.pem`. */
export function makeCfssl(dir: string): void {
  const request = (cn: string, o: string) =>
    JSON.stringify({
      CN: cn,
      key: { algo: 'rsa', size: 2048 },
      names: [{ C: 'US', L: 'Portland', O: o, OU: 'Kubernetes The Hard Way', ST: 'Oregon' }],
    })
  const usages = ['signing', 'key encipherment', 'server auth', 'client auth']
  const config = { signing: { default: { expiry: '8760h' }, profiles: { kubernetes: { usages, expiry: '8760h' } } } }
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config))
  writeFileSync(join(dir, 'ca-csr.json'), request('Kubernetes', 'Kubernetes'))
  const sh = (line: string) => execFileSync('sh', ['-euc', line], { cwd: dir, stdio: 'ignore' })
  const sign = 'cfssl gencert -ca=ca.pem -ca-key=ca-key.pem -config=config.json -profile=kubernetes'
  sh('cfssl gencert -initca ca-csr.json | cfssljson -bare ca')
  for (const [name, cn, o, hosts] of [
    ['admin', 'admin', 'system:masters', ''],
    ['kube-controller-manager', 'system:kube-controller-manager', 'system:kube-controller-manager', ''],
    ['kubernetes', 'kubernetes', 'Kubernetes', '-hostname=10.32.0.1,10.240.0.10,127.0.0.1,kubernetes.default'],
  ] as const) {
    writeFileSync(join(dir, `${name}-csr.json`), request(cn, o))
    sh(`${sign} ${hosts} ${name}-csr.json | cfssljson -bare ${name}`)
  }
}

/** A kubeconfig of the older edition, by kubectl. */
export function addCfsslKubeconfig(dir: string, kubectl: string): void {
  const pair = ['kube-controller-manager.pem', 'kube-controller-manager-key.pem'] as const
  const user = 'system:kube-controller-manager'
  const server = 'https://127.0.0.1:6443'
  makeKubeconfig(dir, kubectl, { name: 'kube-controller-manager', user, server, ca: 'ca.pem', pair })
}

/** What kubeadm is asked for. */
export interface KubeadmWishes {
  readonly address: string
  /** More lines of the ClusterConfiguration. Default: none */
  readonly cluster?: string
  /** Host whose CAs are taken over. Default: it makes its own */
  readonly joins?: Host
}

/**
 * The tree of kubeadm v1.20.2 with manifests, and with the kubelet's own certificate as the phase kubelet-finalize leaves it: in
 * `kubelet-client-current.pem`, to which kubelet.conf points. The configuration stays in `kubeadm.yaml` of the host's data.
 */
export async function makeKubeadm(host: Host, { address, cluster = '', joins }: KubeadmWishes): Promise<void> {
  const config = join(host.data, 'kubeadm.yaml')
  writeFileSync(
    config,
    `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration: {name: ${host.name}, criSocket: /run/containerd/containerd.sock}
localAPIEndpoint: {advertiseAddress: ${address}}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
${cluster}
`,
  )
  if (joins)
    for (const base of ['ca', 'front-proxy-ca', 'etcd/ca']
      .flatMap(ca => [`${ca}.crt`, `${ca}.key`])
      .concat('sa.key', 'sa.pub')) {
      mkdirSync(join(host.tree, 'pki/etcd'), { recursive: true })
      cpSync(join(joins.tree, 'pki', base), join(host.tree, 'pki', base))
    }
  const phases = [
    ['certs', 'all'],
    ['kubeconfig', 'all'],
    ['control-plane', 'all'],
    ['etcd', 'local'],
  ]
  for (const phase of phases) await must(host.run(kube('kubeadm'), ['init', 'phase', ...phase, '--config', config]))
  await finalizeKubelet(host)
}

/**
 * Does what a kubelet that rotates its certificate does with the one in kubelet.conf, and has kubeadm's phase kubelet-finalize
 * point kubelet.conf to it. Wants `kubeadm.yaml` in the host's data.
 */
export async function finalizeKubelet(host: Host): Promise<void> {
  const kubeconfig = readFileSync(join(host.tree, 'kubelet.conf'), 'utf8')
  const pem = [...kubeconfig.matchAll(/client-(?:certificate|key)-data: (\S+)/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString(),
  )
  const pki = join(host.kubeletDir, 'pki')
  mkdirSync(pki, { recursive: true })
  writeFileSync(join(pki, 'kubelet-client-2026-01-01-00-00-00.pem'), pem.join(''), { mode: 0o600 })
  rmSync(join(pki, 'kubelet-client-current.pem'), { force: true })
  symlinkSync('/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem', join(pki, 'kubelet-client-current.pem'))
  const config = join(host.data, 'kubeadm.yaml')
  await must(host.run(kube('kubeadm'), ['init', 'phase', 'kubelet-finalize', 'all', '--config', config]))
}
