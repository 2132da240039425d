/** Names that are wanted where the tree says something of its cluster that no description could say, or says too little. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planChanges } from '../../lib/audit/changes.js'
import { compareTree } from '../../lib/audit/compare.js'
import { readTree } from '../../lib/audit/tree.js'
import type { Asked } from '../../lib/audit/types.js'
import type { MemoryStore } from '../../lib/tree/store.js'
import { certificateIn, context, podManifest, put, read, reissue, wellTree } from './tree.js'

const compare = async (store: MemoryStore, asked: Asked) => compareTree(await readTree(store, context), asked, context)

const flag =
  (component: string, ...flags: readonly string[]) =>
  (store: MemoryStore) =>
    put(store, `manifests/${component}.yaml`, podManifest(component, flags))
const server = (host: string) => (store: MemoryStore) => {
  for (const id of ['admin.conf', 'super-admin.conf', 'kubelet.conf'])
    put(store, id, read(store, id).replace(/server: .*/, `server: https://${host}:6443`))
}

const ODD: readonly (readonly [about: string, spoil: (store: MemoryStore) => void])[] = [
  ['an address that is none', flag('kube-apiserver', '--advertise-address=0.0.0.0')],
  // kube-apiserver v1.20.2 starts with it; kubeadm takes no subnet of less than ten addresses.
  ['a small service subnet', flag('kube-apiserver', '--service-cluster-ip-range=10.96.0.0/29')],
  ['two subnets, one of them large', flag('kube-apiserver', '--service-cluster-ip-range=10.96.0.0/12,fd00:1::/64')],
  ['two subnets of one family', flag('kube-apiserver', '--service-cluster-ip-range=10.96.0.0/12,10.112.0.0/12')],
  ['a host that no certificate could be for', server('my_host')],
]

for (const [about, spoil] of ODD)
  for (const asked of [
    { adds: { apiServerCertSans: ['ok.example.org'] } },
    { facts: { apiServerCertSans: ['ok.example.org'] } },
  ])
    test(`${about}: no name goes, and the one that is ${asked.adds ? 'added' : 'listed'} comes`, async () => {
      const store = wellTree()
      spoil(store)
      const { dnsNames, ipAddresses } = certificateIn(store, 'pki/apiserver.crt')
      const comparison = await compare(store, asked)
      const wanted = comparison.items.find(({ id }) => id === 'apiserver')?.wanted
      for (const name of [...dnsNames, 'ok.example.org']) assert.ok(wanted?.dnsNames.includes(name), name)
      for (const address of ipAddresses) assert.ok(wanted?.ipAddresses.includes(address), address)
      assert.not.ok(comparison.findings.some(({ code }) => code === 'names-extra'))
      const { changes } = planChanges(comparison, context)
      assert.ok(changes.some(({ id, wanted }) => id === 'apiserver' && wanted?.dnsNames.includes('ok.example.org')))
    })

test('a listed name takes none away where the node is not known', async () => {
  const store = wellTree()
  for (const path of [...store.files.keys()])
    if (!path.startsWith('pki/apiserver.') && !/^pki\/ca\./.test(path)) store.files.delete(path)
  const { dnsNames } = certificateIn(store, 'pki/apiserver.crt')
  const comparison = await compare(store, { facts: { apiServerCertSans: ['ok.example.org'] } })
  const wanted = comparison.items.find(({ id }) => id === 'apiserver')?.wanted
  assert.equal(wanted?.dnsNames, [...dnsNames, 'ok.example.org'].sort())
})

test('the first address of a small subnet is asked for, too', async () => {
  const store = wellTree()
  flag('kube-apiserver', '--service-cluster-ip-range=10.200.0.0/29')(store)
  const { findings } = await compare(store, {})
  assert.equal(
    findings.filter(({ code }) => code === 'names-missing').map(({ row, expected }) => [row, expected]),
    [['apiserver', '10.200.0.1']],
  )
})

test('a small subnet keeps nobody from taking a name out of the list', async () => {
  const store = wellTree()
  flag('kube-apiserver', '--service-cluster-ip-range=10.96.0.0/29')(store)
  const { dnsNames, ipAddresses } = certificateIn(store, 'pki/apiserver.crt')
  await reissue(store, 'apiserver', { dnsNames: [...dnsNames, 'old.example.org'], ipAddresses })
  const { items, findings } = await compare(store, { facts: { apiServerCertSans: [] } })
  const wanted = items.find(({ id }) => id === 'apiserver')?.wanted
  assert.equal(
    [wanted?.dnsNames, wanted?.ipAddresses].map(names => [...(names ?? [])].sort()),
    [[...dnsNames].sort(), [...ipAddresses].sort()],
  )
  assert.equal(
    findings.filter(({ code }) => code === 'names-extra').map(({ actual }) => actual),
    ['old.example.org'],
  )
})

test('an address that leaves it to the API server to find one is none', async () => {
  const store = wellTree()
  for (const none of ['0.0.0.0', '::']) {
    flag('kube-apiserver', `--advertise-address=${none}`)(store)
    const { facts, from } = (await compare(store, {})).inference
    assert.equal([facts.advertiseAddress, from.advertiseAddress], ['10.0.0.10', 'controller-manager.conf'])
  }
})

test('who says that etcd is elsewhere, and lists names, drops none of the API server with those of etcd', async () => {
  const store = wellTree()
  const base = 'pki/etcd/server'
  await reissue(
    store,
    'etcd-server',
    { dnsNames: ['cp-1', 'localhost', 'old.example.org'] },
    { ca: 'pki/etcd/ca', base },
  )
  const facts = { externalEtcd: { endpoints: ['https://192.0.2.30:2379'] }, apiServerCertSans: ['ok.example.org'] }
  const { items } = await compare(store, { facts })
  const wanted = items.find(({ id }) => id === 'apiserver')?.wanted
  const { dnsNames, ipAddresses } = certificateIn(store, 'pki/apiserver.crt')
  assert.equal(wanted?.dnsNames, [...dnsNames, 'ok.example.org'].sort())
  assert.equal([...(wanted?.ipAddresses ?? [])].sort(), [...ipAddresses].sort())
})

test.run()
