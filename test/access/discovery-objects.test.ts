import { createHash, createHmac, createPublicKey, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse as parseYaml } from 'yaml'
import { BOOTSTRAP_RBAC, rbacObjects } from '../../lib/access/bootstrap-rbac.js'
import { parseCertificateKey } from '../../lib/access/certificate-key.js'
import { parseClusterInfo, parseDiscoveredCluster } from '../../lib/access/cluster-info.js'
import { formatClusterInfo } from '../../lib/access/cluster-info-format.js'
import { verifyDetached } from '../../lib/access/detached-jws.js'
import { formatJoinCommand, type JoinCommandSpec } from '../../lib/access/join-command.js'
import { formatManifests } from '../../lib/kubernetes/objects.js'
import { parseVersion } from '../../lib/kubernetes/versions.js'
import { formatCertificate, parseCertificates } from '../../lib/x509/certificate.js'
import { rejects, testContext } from '../support/context.js'
import { vector } from '../vectors/read.js'

const context = testContext()
const TOKEN = { id: 'abcdef', secret: 'k3v9w2x7y1z5q8rt' }
const CA = vector('kubeadm/v1.20.2/pki/ca.crt')
const ETCD_CA = vector('kubeadm/v1.20.2/pki/etcd/ca.crt')
const SERVER = 'https://api.example.org:6443'
const versionOf = (text: string) => {
  const version = parseVersion(text)
  if (!version) throw new Error(text)
  return version
}
const pinOf = (pem: string) => {
  const spki = createPublicKey(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }))
  return `sha256:${createHash('sha256')
    .update(spki.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`
}

for (const [version, preferences] of [
  ['1.20', 'preferences: {}\n'],
  ['1.33', 'preferences: {}\n'],
  ['1.34', ''],
] as const) {
  test(`cluster-info of ${version} is to the byte what client-go writes`, async () => {
    const object = await formatClusterInfo(
      { server: SERVER, caPem: CA, kubernetesVersion: versionOf(version) },
      [TOKEN],
      context,
    )
    const { metadata, kind, data } = object
    assert.equal([kind, metadata], ['ConfigMap', { name: 'cluster-info', namespace: 'kube-public' }])
    const kubeconfig = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${Buffer.from(CA).toString('base64')}
    server: ${SERVER}
  name: ""
contexts: null
current-context: ""
kind: Config
${preferences}users: null
`
    const header = Buffer.from('{"alg":"HS256","kid":"abcdef"}').toString('base64url')
    const input = `${header}.${Buffer.from(kubeconfig).toString('base64url')}`
    const mac = createHmac('sha256', TOKEN.secret).update(input).digest('base64url')
    assert.equal(data, { kubeconfig, 'jws-kubeconfig-abcdef': `${header}..${mac}` })
  })
}

test('what is written is read again, through YAML, and its signature is right', async () => {
  const spec = { server: SERVER, caPem: CA + ETCD_CA, kubernetesVersion: versionOf('1.36') }
  const info = parseClusterInfo(parseYaml(formatManifests([await formatClusterInfo(spec, [TOKEN], context)])))
  if (!info) throw new Error('none')
  const cluster = await parseDiscoveredCluster(info.kubeconfig)
  assert.is(cluster.server, SERVER)
  assert.is(cluster.caCertificates.map(formatCertificate).join(''), CA + ETCD_CA)
  await verifyDetached(info.signatures.get('abcdef') ?? '', info.kubeconfig, TOKEN, context)
})

const JOIN: JoinCommandSpec = {
  server: SERVER,
  caCertificates: parseCertificates(CA + ETCD_CA),
  token: TOKEN,
  kubernetesVersion: versionOf('1.36'),
}
const KEY = '0123456789abcdef'.repeat(4)
const BEGIN = 'kubeadm join api.example.org:6443 --token abcdef.k3v9w2x7y1z5q8rt '
const PINS = `--discovery-token-ca-cert-hash ${pinOf(CA)} --discovery-token-ca-cert-hash ${pinOf(ETCD_CA)} `
// The template of cmd/kubeadm/app/cmd/util/join.go, v1.20.2 and since PR 97413, filled in by hand.
for (const [name, spec, one, several] of [
  ['a worker', {}, `${BEGIN}${PINS}`, `${BEGIN}\\\n\t${PINS}`],
  [
    'a control plane',
    { controlPlane: true },
    `${BEGIN}${PINS}--control-plane `,
    `${BEGIN}\\\n\t${PINS}\\\n\t--control-plane `,
  ],
  [
    'a control plane with a key',
    { controlPlane: parseCertificateKey(KEY) },
    `${BEGIN}${PINS}--control-plane --certificate-key ${KEY}`,
    `${BEGIN}\\\n\t${PINS}\\\n\t--control-plane --certificate-key ${KEY}`,
  ],
  [
    'a control plane of v1.20',
    { controlPlane: parseCertificateKey(KEY), kubernetesVersion: versionOf('1.20.2') },
    `${BEGIN}    ${PINS}    --control-plane --certificate-key ${KEY}`,
    `${BEGIN}\\\n    ${PINS}\\\n    --control-plane --certificate-key ${KEY}`,
  ],
] as const) {
  test(`${name} joins by the command that kubeadm prints`, async () => {
    assert.is(await formatJoinCommand({ ...JOIN, ...spec }, context), one)
    assert.is(await formatJoinCommand({ ...JOIN, ...spec }, context, { lines: 'several' }), several)
  })
}

for (const [server, endpoint] of [
  ['https://10.0.0.10:6443', '10.0.0.10:6443'],
  ['https://[fd00::1]:6443', '[fd00::1]:6443'],
  ['https://api.example.org', 'api.example.org:443'],
  ['https://api.example.org:6443/', 'api.example.org:6443'],
] as const) {
  test(`a host joins ${server} by ${endpoint}`, async () =>
    assert.match(await formatJoinCommand({ ...JOIN, server }, context), `kubeadm join ${endpoint} `))
}

for (const server of [
  '',
  'http://api.example.org:6443',
  'api.example.org:6443',
  'https://api.example.org:6443/path',
  'https://user:word@api.example.org:6443',
  'https://api.example.org:6443?a=b',
  'https://$(reboot):6443',
  'https://a b:6443',
  'https://a;reboot:6443',
  'https://a\nreboot:6443',
]) {
  test(`no command is made of the server ${JSON.stringify(server)}`, async () => {
    const error = await rejects(formatJoinCommand({ ...JOIN, server }, context))
    assert.is(error.code, 'KPKI_JOIN_SERVER')
    assert.not.match(error.message, 'word')
  })
}

test('no command is made without a pin', async () =>
  assert.is((await rejects(formatJoinCommand({ ...JOIN, caCertificates: [] }, context))).code, 'KPKI_ISSUER_NOT_CA'))

test('the objects of kubeadm’s phase, in its order', () => {
  const objects = rbacObjects(BOOTSTRAP_RBAC)
  assert.equal(
    objects.map(({ kind, metadata: { name, namespace } }) => [kind, namespace, name]),
    [
      ['ClusterRole', undefined, 'kubeadm:get-nodes'],
      ['ClusterRoleBinding', undefined, 'kubeadm:get-nodes'],
      ['ClusterRoleBinding', undefined, 'kubeadm:kubelet-bootstrap'],
      ['ClusterRoleBinding', undefined, 'kubeadm:node-autoapprove-bootstrap'],
      ['ClusterRoleBinding', undefined, 'kubeadm:node-autoapprove-certificate-rotation'],
      ['Role', 'kube-public', 'kubeadm:bootstrap-signer-clusterinfo'],
      ['RoleBinding', 'kube-public', 'kubeadm:bootstrap-signer-clusterinfo'],
    ],
  )
  const group = (name: string) => [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name }]
  const role = (name: string, kind = 'ClusterRole') => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name })
  const joining = group('system:bootstrappers:kubeadm:default-node-token')
  const csr = 'system:certificates.k8s.io:certificatesigningrequests'
  assert.equal(
    objects.map(({ rules, roleRef, subjects }) => rules ?? [roleRef, subjects]),
    [
      [{ verbs: ['get'], apiGroups: [''], resources: ['nodes'] }],
      [role('kubeadm:get-nodes'), joining],
      [role('system:node-bootstrapper'), joining],
      [role(`${csr}:nodeclient`), joining],
      [role(`${csr}:selfnodeclient`), group('system:nodes')],
      [{ verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['cluster-info'] }],
      [
        role('kubeadm:bootstrap-signer-clusterinfo', 'Role'),
        [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:anonymous' }],
      ],
    ],
  )
})

test.run()
