import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareTree } from '../../lib/audit/compare.js'
import { formatInference, inferredValues } from '../../lib/audit/describe-tree.js'
import { inferDescription } from '../../lib/audit/infer.js'
import { readTree } from '../../lib/audit/tree.js'
import { factsOf } from '../../lib/config/facts.js'
import { parseConfiguration } from '../../lib/config/parse.js'
import { resolveDescription } from '../../lib/config/resolve.js'
import { FACT_FIELDS } from '../../lib/kubernetes/cluster.js'
import type { MemoryStore } from '../../lib/tree/store.js'
import { context, wellTree } from './tree.js'

const worker = wellTree()
for (const path of worker.files.keys()) if (path !== 'pki/ca.crt' && path !== 'kubelet.conf') worker.files.delete(path)

const TREES: readonly [about: string, store: MemoryStore, role: string | undefined][] = [
  ['a control plane', wellTree(), undefined],
  ['a worker', worker, 'worker'],
]
for (const [about, store, role] of TREES)
  test(`${about}: what it says of itself is a configuration that asks for nothing`, async () => {
    const tree = await readTree(store, context)
    const inference = inferDescription(tree, context)
    const text = formatInference(inference, '/etc/kubernetes')
    const { configuration, problems } = parseConfiguration(text, 'it')
    assert.equal(problems, [])
    const isSaid = ([, value]: [string, unknown]) => !Array.isArray(value) || value.length > 0
    assert.equal(factsOf(configuration), Object.fromEntries(Object.entries(inference.facts).filter(isSaid)))
    const described = await resolveDescription({ file: { text, name: 'it' } }, context)
    assert.is(described.role, role)
    const { findings } = await compareTree(
      tree,
      { facts: described.facts, ...(role ? { role: 'worker' } : {}) },
      context,
    )
    assert.equal(findings, [])
  })

test('every fact has its line, said or not, and what is known about what is not said', async () => {
  const values = inferredValues(inferDescription(await readTree(wellTree(), context), context))
  assert.equal(
    values.map(({ field }) => field),
    Object.values(FACT_FIELDS),
  )
  const by = new Map(values.map(value => [value.name, value]))
  // The tree is that of tree.ts: subnet 10.96.0.0/12, of which the certificate has the first address only; v1.36.
  assert.is(by.get('serviceSubnet')?.value, undefined)
  assert.match(by.get('serviceSubnet')?.note ?? '', '10.96.0.1')
  assert.match(by.get('kubernetesVersion')?.note ?? '', '1.29 or later')
  assert.equal(
    [by.get('nodeName')?.value, by.get('nodeName')?.from, by.get('controlPlaneEndpoint')?.from],
    ['cp-1', 'kubelet.conf', 'admin.conf'],
  )
})

test('a name with a line end in it begins no line of its own', () => {
  const empty = { facts: {}, from: {}, role: undefined, serviceAddress: undefined, hasBoundAdmins: undefined }
  for (const line of formatInference(empty, 'a\nb: c\u2028d').split('\n').filter(Boolean)) assert.match(line, /^#/)
})

test.run()
