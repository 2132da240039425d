import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inferDescription } from '../../lib/audit/infer.js'
import { periodOf } from '../../lib/audit/infer-period.js'
import { readTree } from '../../lib/audit/tree.js'
import type { Inference } from '../../lib/audit/types.js'
import { factsOf } from '../../lib/config/facts.js'
import { parseConfiguration } from '../../lib/config/parse.js'
import type { ClusterFacts } from '../../lib/kubernetes/cluster.js'
import { MemoryStore } from '../../lib/tree/store.js'
import type { Certificate } from '../../lib/x509/certificate.js'
import { reissueUser } from './breaks/tree.js'
import { certificateIn, context, put, read, reissue, wellTree } from './tree.js'

const infer = async (store: MemoryStore): Promise<Inference> =>
  inferDescription(await readTree(store, context), context)

const pod = (component: string, image: string, ...flags: readonly string[]) =>
  [
    'apiVersion: v1',
    'kind: Pod',
    `metadata: {name: ${component}}`,
    'spec:',
    `  containers: [{name: ${component}, image: '${image}', command: [${[component, ...flags].map(flag => `'${flag}'`).join(', ')}]}]`,
    '',
  ].join('\n')
const manifest = (store: MemoryStore, component: string, image: string, ...flags: readonly string[]) =>
  put(store, `manifests/${component}.yaml`, pod(component, image, ...flags))

interface Case {
  readonly about: string
  readonly change?: (store: MemoryStore) => unknown
  readonly facts: Partial<ClusterFacts>
  /** Facts that the tree does not say. */
  readonly unsaid?: readonly (keyof ClusterFacts)[]
  readonly rest?: Partial<Inference>
}

const keep = (store: MemoryStore, test: (path: string) => boolean) => {
  for (const path of store.files.keys()) if (!test(path)) store.files.delete(path)
}

const CASES: readonly Case[] = [
  {
    about: 'the well tree, whose description is in tree.ts',
    facts: {
      nodeName: 'cp-1',
      advertiseAddress: '10.0.0.10',
      bindPort: 6443,
      controlPlaneEndpoint: 'api.example.org:6443',
      clusterName: 'kubernetes',
      dnsDomain: 'cluster.local',
      encryptionAlgorithm: 'ECDSA-P256',
      certificateValidityPeriod: '8760h0m0s',
      caCertificateValidityPeriod: '87600h0m0s',
      apiServerCertSans: [],
    },
    unsaid: ['kubernetesVersion', 'serviceSubnet', 'podSubnet', 'externalEtcd', 'certificatesDir', 'featureGates'],
    rest: { role: 'init', serviceAddress: '10.96.0.1', hasBoundAdmins: true },
  },
  {
    about: 'manifests say more',
    change: store => {
      manifest(
        store,
        'kube-apiserver',
        'registry.k8s.io/kube-apiserver:v1.36.4@sha256:0123',
        ...['--advertise-address=10.0.0.10', '--secure-port=6443', '--service-cluster-ip-range=10.96.0.0/16'],
        '--client-ca-file=/srv/pki/ca.crt',
      )
      manifest(
        store,
        'kube-controller-manager',
        'x/kube-controller-manager:v1.36.4',
        '--cluster-cidr=10.244.0.0/16',
        '--cluster-name=prod',
      )
    },
    facts: {
      kubernetesVersion: 'v1.36.4',
      serviceSubnet: '10.96.0.0/16',
      podSubnet: '10.244.0.0/16',
      clusterName: 'prod',
      certificatesDir: '/srv/pki',
    },
    rest: { hasBoundAdmins: true },
  },
  {
    about: 'an image of no version',
    change: store => manifest(store, 'kube-apiserver', 'registry.example.org:5000/kube-apiserver'),
    facts: {},
    unsaid: ['kubernetesVersion'],
  },
  {
    about: 'etcd is elsewhere, and the API server knows where',
    change: store => {
      keep(store, path => !path.includes('etcd'))
      const flags = ['--etcd-servers=https://10.0.0.1:2379,https://10.0.0.2:2379', '--etcd-cafile=/etc/etcd/ca.crt']
      manifest(store, 'kube-apiserver', 'x:v1.36.0', ...flags)
    },
    facts: {
      advertiseAddress: '10.0.0.10',
      externalEtcd: { endpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'], caFile: '/etc/etcd/ca.crt' },
    },
    unsaid: ['etcdServerCertSans'],
  },
  {
    about: 'further names',
    change: async store => {
      const { dnsNames, ipAddresses } = certificateIn(store, 'pki/apiserver.crt')
      await reissue(store, 'apiserver', {
        dnsNames: [...dnsNames, '*.example.org'],
        ipAddresses: [...ipAddresses, '192.0.2.7'],
      })
    },
    facts: { apiServerCertSans: ['*.example.org', '192.0.2.7'] },
    rest: { serviceAddress: '10.96.0.1' },
  },
  {
    about: 'a name that no description can say',
    change: async store => {
      const { dnsNames } = certificateIn(store, 'pki/apiserver.crt')
      await reissue(store, 'apiserver', { dnsNames: [...dnsNames, 'under_score.example.org'] })
    },
    facts: {},
    unsaid: ['apiServerCertSans'],
  },
  {
    about: 'keys of several types',
    change: store => reissueUser(store, 'admin.conf', { commonName: 'kubernetes-admin' }),
    facts: { encryptionAlgorithm: 'ECDSA-P256' },
  },
  {
    about: 'a certificate for another period than the rest',
    change: store => reissue(store, 'apiserver', { notAfter: new Date('2026-06-08T12:00:00Z') }),
    facts: {},
    unsaid: ['certificateValidityPeriod'],
  },
  {
    about: 'certificates alone',
    change: store => keep(store, path => path.startsWith('pki/')),
    facts: {
      nodeName: 'cp-1',
      advertiseAddress: '10.0.0.10',
      dnsDomain: 'cluster.local',
      apiServerCertSans: ['api.example.org'],
    },
    unsaid: ['controlPlaneEndpoint', 'bindPort', 'clusterName'],
    rest: { role: 'control-plane', hasBoundAdmins: true },
  },
  {
    about: 'a worker',
    change: store => keep(store, path => path === 'pki/ca.crt' || path === 'kubelet.conf'),
    facts: { nodeName: 'cp-1', controlPlaneEndpoint: '10.0.0.10:6443' },
    unsaid: ['advertiseAddress', 'apiServerCertSans', 'dnsDomain'],
    rest: { role: 'worker', serviceAddress: undefined, hasBoundAdmins: undefined },
  },
  {
    about: 'a kubeconfig that goes to this host says nothing of an endpoint',
    change: store => {
      for (const id of ['admin.conf', 'super-admin.conf'])
        put(store, id, read(store, id).replace('https://api.example.org:6443', 'https://127.0.0.1:6443'))
    },
    facts: {},
    unsaid: ['controlPlaneEndpoint'],
  },
  {
    about: 'the CA alone',
    change: store => keep(store, path => path === 'pki/ca.crt'),
    facts: { caCertificateValidityPeriod: '87600h0m0s', encryptionAlgorithm: 'ECDSA-P256' },
    unsaid: ['nodeName', 'certificateValidityPeriod'],
    rest: { role: undefined },
  },
  { about: 'nothing', change: store => store.files.clear(), facts: {}, rest: { facts: {}, from: {}, role: undefined } },
]

for (const { about, change, facts, unsaid = [], rest = {} } of CASES)
  test(`${about}`, async () => {
    const store = wellTree()
    await change?.(store)
    const inference = await infer(store)
    for (const [name, value] of Object.entries(facts)) assert.equal(inference.facts[name as 'nodeName'], value, name)
    for (const name of unsaid) assert.is(inference.facts[name], undefined, name)
    for (const [name, value] of Object.entries(rest)) assert.equal(inference[name as 'role'], value, name)
    assert.equal(Object.keys(inference.from).sort(), Object.keys(inference.facts).sort())
    for (const path of Object.values(inference.from)) assert.ok(store.files.has(path), path)
  })

test('what kubeadm v1.20.2 made says what its configuration said', async () => {
  const dir = fileURLToPath(new URL('../vectors/kubeadm/v1.20.2', import.meta.url))
  const store = new MemoryStore()
  for (const name of readdirSync(dir, { recursive: true }) as string[])
    if (statSync(join(dir, name)).isFile()) put(store, name, readFileSync(join(dir, name), 'utf8'))
  const { facts, role, hasBoundAdmins, serviceAddress } = await infer(store)
  const said = factsOf(
    parseConfiguration(readFileSync(join(dir, 'cluster.yaml'), 'utf8'), 'cluster.yaml').configuration,
  )
  for (const name of ['nodeName', 'advertiseAddress', 'controlPlaneEndpoint', 'apiServerCertSans'] as const)
    if (said[name] !== undefined) assert.equal(facts[name], said[name], name)
  assert.is(facts.encryptionAlgorithm, 'RSA-2048')
  assert.is(facts.caCertificateValidityPeriod, '87600h0m0s')
  assert.equal([role, hasBoundAdmins, serviceAddress], ['control-plane', false, '10.96.0.1'])
})

const YEAR = 365 * 86_400
/** Seconds after a moment. */
const life = (from: number, to: number, key?: string): Certificate => {
  const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000)
  const own = certificateIn(wellTree(), 'pki/apiserver.crt')
  return { ...own, notBefore: at(from), notAfter: at(to), subjectKeyIdentifier: key }
}
const PERIODS: readonly [about: string, leaf: Certificate, ca: Certificate | undefined, seconds: number | undefined][] =
  [
    ['openssl -days 365', life(10, 10 + YEAR), life(0, 10 * YEAR), YEAR],
    ['kubeadm 1.31: begins five minutes early', life(-300, YEAR), life(-300, 10 * YEAR), YEAR],
    ['kubeadm 1.20 in the same second as its CA', life(0, YEAR), life(0, 10 * YEAR), YEAR],
    ['kubeadm 1.20 two seconds after its CA', life(0, YEAR + 2), life(0, 10 * YEAR), undefined],
    [
      'kubeadm 1.20, renewed after a hundred days and some seconds',
      life(0, YEAR + 8_640_123),
      life(0, 10 * YEAR),
      undefined,
    ],
    ['cut short by its CA', life(500, 10 * YEAR), life(0, 10 * YEAR), undefined],
    ['two minutes, five minutes early, as kpki makes it', life(-300, 120, 'ab'), life(-300, 10 * YEAR), 120],
    ['a CA of openssl', life(0, 10 * YEAR), undefined, 10 * YEAR],
    ['a CA of kpki', life(-300, 10 * YEAR), undefined, 10 * YEAR],
    ['ends before it begins', life(10, 0), undefined, undefined],
  ]
for (const [about, leaf, ca, seconds] of PERIODS) test(`period: ${about}`, () => assert.is(periodOf(leaf, ca), seconds))

test('a kubeconfig that is of another cluster says nothing of this one', async () => {
  const store = wellTree()
  const foreign = Buffer.from(read(store, 'pki/etcd/ca.crt')).toString('base64')
  for (const id of ['admin.conf', 'super-admin.conf']) {
    const text = read(store, id)
      .replace(/certificate-authority-data: .*/, `certificate-authority-data: ${foreign}`)
      .replace(/server: .*/, 'server: https://other.example:6443')
      .replaceAll(/\bkubernetes$/gm, 'other')
    put(store, id, text)
  }
  const { facts } = await infer(store)
  assert.is(facts.clusterName, 'kubernetes')
  assert.is(facts.controlPlaneEndpoint, undefined)
})

test.run()
