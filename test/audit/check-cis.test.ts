import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkCis } from '../../lib/audit/check-cis.js'
import { CIS_EDITIONS, type CisEdition, cisItems } from '../../lib/audit/cis-items.js'
import { CIS_RULES } from '../../lib/audit/rules/cis.js'
import { readTree } from '../../lib/audit/tree.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { CIS_BREAKS, CIS_DOUBLE_BREAKS, cisTree } from './breaks/cis.js'
import { context, put } from './tree.js'

const check = async (store: MemoryStore, edition: CisEdition = '1.12') =>
  checkCis(edition, store, await readTree(store, context))

test('a tree as edition 1.12 wants it has no findings, and every item was looked at', async () => {
  const { findings, items } = await check(cisTree())
  assert.equal(findings, [])
  assert.equal(
    items.filter(({ state }) => state !== 'clear'),
    [],
  )
})

for (const { rule, item, path, spoil } of CIS_BREAKS) {
  test(`${item} ${rule}: ${path}`, async () => {
    const store = cisTree()
    spoil(store)
    const { findings, items } = await check(store)
    assert.equal(
      findings.map(({ code, path, benchmark }) => [code, path, benchmark?.edition, benchmark?.item]),
      [[rule, path, '1.12', item]],
    )
    assert.equal(
      items.filter(({ state }) => state === 'found').map(found => found.item),
      [item],
    )
    assert.is(findings[0]?.benchmark?.title, items.find(found => found.item === item)?.title)
  })
}

for (const { rule, item, path, spoil } of CIS_DOUBLE_BREAKS) {
  test(`${item} ${rule}: ${path}`, async () => {
    const store = cisTree()
    spoil(store)
    const { findings } = await check(store)
    const [found] = findings.filter(({ code }) => code === rule)
    assert.equal([findings.length, found?.path, found?.benchmark?.item], [2, path, item])
  })
}

test('every rule of the benchmark is broken by somebody', () => {
  const broken = new Set([...CIS_BREAKS, ...CIS_DOUBLE_BREAKS].map(({ rule }) => rule as string))
  assert.equal(
    Object.keys(CIS_RULES).filter(rule => !broken.has(rule)),
    [],
  )
})

for (const edition of CIS_EDITIONS) {
  test(`items of ${edition} have one number each, in order`, () => {
    const items = cisItems(edition)
    assert.is(new Set(items.map(({ item }) => item)).size, items.length)
    const key = (item: string) =>
      item
        .split('.')
        .map(part => part.padStart(3, '0'))
        .join('.')
    assert.equal(
      items.map(({ item }) => item),
      items.map(({ item }) => item).sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    )
  })
}

// aquasecurity/kube-bench, cfg/cis-1.12 and cfg/cis-1.24: the number of an item, and the words that it is known by.
for (const [edition, item, words] of [
  ['1.12', '1.1.20', 'PKI certificate file permissions are set to 644'],
  ['1.24', '1.1.20', 'PKI certificate file permissions are set to 600'],
  ['1.12', '1.2.21', '--service-account-lookup argument is set to true'],
  ['1.24', '1.2.23', '--service-account-lookup argument is set to true'],
  ['1.12', '1.2.23', '--etcd-certfile and --etcd-keyfile arguments are set'],
  ['1.24', '1.2.31', 'Strong Cryptographic Ciphers'],
  ['1.12', '1.2.30', '--service-account-extend-token-expiration'],
  ['1.12', '1.1.13', 'default administrative credential file permissions are set to 600'],
  ['1.24', '1.1.13', 'admin.conf file permissions are set to 600'],
  ['1.12', '2.6', '--peer-auto-tls argument is not set to true'],
  ['1.24', '4.1.7', 'certificate authorities file permissions are set to 600'],
  ['1.12', '4.2.10', '--rotate-certificates argument is not set to false'],
  ['1.24', '4.2.11', '--rotate-certificates argument is not set to false'],
] as const) {
  test(`${edition} ${item}: ${words}`, () => {
    assert.ok(
      cisItems(edition)
        .find(each => each.item === item)
        ?.title.includes(words),
    )
  })
}

test('the older edition wants certificates closed, and knows nothing of super-admin.conf', async () => {
  const store = cisTree()
  const chmod = store.files.get('super-admin.conf')
  if (chmod) store.files.set('super-admin.conf', { ...chmod, mode: 0o644 })
  const { findings } = await check(store, '1.24')
  const certificates = [...store.files.keys()].filter(path => path.endsWith('.crt'))
  assert.equal(
    findings.map(({ code, path }) => `${code} ${path}`).sort(),
    [...certificates.map(path => `cis-certificate-mode ${path}`), 'cis-client-ca-mode pki/ca.crt'].sort(),
  )
})

test('what is not there is not looked at, with the reason; it is no verdict', async () => {
  const { findings, items } = await check(new MemoryStore())
  assert.equal(findings, [])
  assert.equal(
    items.filter(({ state, reason }) => state !== 'skipped' || !reason),
    [],
  )
})

test('a store that knows no owners is not judged by them', async () => {
  const store = cisTree()
  for (const [path, { bytes, mode }] of store.files) store.files.set(path, { bytes, mode })
  const { items } = await check(store)
  assert.is(items.find(({ item }) => item === '1.1.19')?.state, 'skipped')
})

test('manifests and configurations that cannot be read are skipped, not clear', async () => {
  const store = cisTree()
  put(store, 'manifests/etcd.yaml', '{')
  put(store, 'kubelet/config.yaml', '[')
  const { items } = await check(store)
  const state = (item: string) => items.find(each => each.item === item)?.state
  assert.equal([state('2.1'), state('4.2.3'), state('1.2.4')], ['skipped', 'skipped', 'clear'])
})

test.run()
