import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUtf8 } from '../../../lib/crypto/bytes.js'
import { StoreError } from '../../../lib/errors.js'
import type { HostFile } from '../../../lib/render/host-file.js'
import { applyObjects, makeDirectory, makeRows, objectName, writeFiles } from '../../../lib/workflow/phases/actions.js'
import type { Hands } from '../../../lib/workflow/phases/phase.js'
import { RECORD_PATH, readRecord } from '../../../lib/workflow/record.js'
import { rejects, testContext } from '../../support/context.js'
import { controlPlane } from '../../support/control-plane.js'
import { MemoryApi } from '../../support/memory-api.js'
import { type MemoryHostOptions, memoryHost } from '../../support/memory-host.js'

function setUp(options: MemoryHostOptions = {}) {
  const host = memoryHost(options)
  const api = new MemoryApi()
  const hands: Hands = { host, store: host.store, context: testContext(), connect: async () => api }
  return { host, api, hands }
}

const file = (path: string, text: string, mode = 0o600): HostFile => ({ path, mode, bytes: encodeUtf8(text) })
const [A, B] = [file('/etc/x/a', 'one'), file('/etc/x/b', 'two', 0o644)]

test('files are written once, and written down before', async () => {
  const order: string[] = []
  const { host, hands } = setUp({ onWrite: (what, path) => void order.push(`${what} ${path}`) })
  assert.equal(await writeFiles([A, B]).apply(hands), { state: 'done', made: ['/etc/x/a', '/etc/x/b'] })
  assert.equal(
    order.filter(line => line.includes('create') || line.includes('replace')),
    [`create ${RECORD_PATH}`, 'create /etc/x/a', `replace ${RECORD_PATH}`, 'create /etc/x/b'],
  )
  const before = host.snapshot()
  assert.equal(await writeFiles([A, B]).apply(hands), { state: 'unchanged', made: [] })
  assert.equal(host.snapshot(), before)
  assert.equal(before['/etc/x/b'], '0644 two')
})

test('a file that is another one is named, and nothing is written', async () => {
  const { host, hands } = setUp({ files: { '/etc/x/b': 'mine' } })
  const error = await rejects(writeFiles([A, B]).apply(hands))
  assert.equal([error.code, error.details['path']], ['KPKI_FILE_EXISTS', '/etc/x/b'])
  assert.match(error.hint ?? '', /--overwrite/)
  assert.equal(Object.keys(host.snapshot()), ['/etc/x/b'])
})

const MODES: readonly [string, number, number, boolean][] = [
  ['the same', 0o600, 0o600, true],
  ['stricter', 0o400, 0o600, true],
  ['stricter for others', 0o640, 0o644, true],
  ['wider', 0o644, 0o600, false],
  ['executable', 0o700, 0o600, false],
]

for (const [name, is, wanted, fits] of MODES) {
  test(`a file with the same bytes and a mode that is ${name}`, async () => {
    const { hands } = setUp({ files: { '/etc/x/a': { content: 'one', mode: is } } })
    const work = writeFiles([file('/etc/x/a', 'one', wanted)]).apply(hands)
    if (fits) assert.is((await work).state, 'unchanged')
    else assert.is((await rejects(work)).code, 'KPKI_FILE_EXISTS')
  })
}

test('with overwrite, what a run has made is replaced, and nothing else', async () => {
  const { host, hands } = setUp({ files: { '/etc/x/b': 'of somebody' } })
  await writeFiles([A]).apply(hands)
  const next = file('/etc/x/a', 'newer')
  assert.is((await rejects(writeFiles([next]).apply(hands))).code, 'KPKI_FILE_EXISTS')
  assert.equal(await writeFiles([next], { overwrite: true }).apply(hands), { state: 'done', made: ['/etc/x/a'] })
  assert.is(host.text('/etc/x/a'), 'newer')
  const foreign = await rejects(writeFiles([file('/etc/x/a', 'newest'), B], { overwrite: true }).apply(hands))
  assert.equal([foreign.code, foreign.details['path']], ['KPKI_FILE_EXISTS', '/etc/x/b'])
  assert.is(host.text('/etc/x/a'), 'newer')
  host.put('/etc/x/a', 'edited')
  assert.is((await rejects(writeFiles([next], { overwrite: true }).apply(hands))).code, 'KPKI_FILE_EXISTS')
  assert.is(host.text('/etc/x/a'), 'edited')
})

test('a full disk leaves what was written, and the next run goes on', async () => {
  const { host, hands } = setUp()
  host.onWrite = (what, path) => {
    if (what === 'create' && path === B.path) throw new StoreError('KPKI_DISK_FULL', 'no space is left')
  }
  assert.is((await rejects(writeFiles([A, B]).apply(hands))).code, 'KPKI_DISK_FULL')
  host.onWrite = undefined
  assert.equal(await writeFiles([A, B]).apply(hands), { state: 'done', made: ['/etc/x/b'] })
})

test('directories are made with their mode, and kept with theirs', async () => {
  const { host, hands } = setUp({ files: { '/srv/there': { type: 'directory', mode: 0o755 }, '/srv/file': 'x' } })
  assert.equal(await makeDirectory('/var/lib/etcd', 0o700).apply(hands), { state: 'done', made: ['/var/lib/etcd'] })
  assert.is((await host.look('/var/lib/etcd'))?.mode, 0o700)
  for (const path of ['/var/lib/etcd', '/srv/there'])
    assert.is((await makeDirectory(path, 0o700).apply(hands)).state, 'unchanged')
  assert.is((await host.look('/srv/there'))?.mode, 0o755)
  assert.is((await rejects(makeDirectory('/srv/file', 0o700).apply(hands))).code, 'KPKI_FILE_NOT_REGULAR')
  assert.equal(
    (await readRecord(host)).entries.map(({ path, type }) => [path, type]),
    [['/var/lib/etcd', 'directory']],
  )
})

test('the directory of a file has the mode that goes with the file, where it is made for it', async () => {
  const { host, hands } = setUp({ files: { '/etc/there': { type: 'directory', mode: 0o755 } } })
  await writeFiles([{ ...file('/etc/new/a', 'one'), directoryMode: 0o700 }]).apply(hands)
  await writeFiles([{ ...file('/etc/there/a', 'one'), directoryMode: 0o700 }]).apply(hands)
  assert.is((await host.look('/etc/new'))?.mode, 0o700)
  assert.is((await host.look('/etc/there'))?.mode, 0o755)
  const lines = (await readRecord(host)).entries.map(({ path }) => path)
  assert.equal(lines, ['/etc/new', '/etc/new/a', '/etc/there/a'])
})

test('rows are made once, and their files written down', async () => {
  const { host, hands } = setUp()
  const { cluster } = await controlPlane('v1.36.4', { cluster: 'encryptionAlgorithm: ECDSA-P256' })
  const action = makeRows(['ca', 'apiserver'], cluster)
  const pki = ['ca.key', 'ca.crt', 'apiserver.key', 'apiserver.crt'].map(name => `/etc/kubernetes/pki/${name}`)
  assert.equal(await action.apply(hands), { state: 'done', made: pki })
  assert.equal(
    (await readRecord(host)).entries.map(({ path, mode }) => [path, mode]),
    pki.map(path => [path, path.endsWith('.key') ? 0o600 : 0o644]),
  )
  const before = host.snapshot()
  assert.equal(await action.apply(hands), { state: 'unchanged', made: [] })
  assert.equal(host.snapshot(), before)
})

test('objects are applied in order; the same again changes nothing', async () => {
  const { api, hands } = setUp()
  const map = (name: string, value = 'x') => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'kube-system' },
    data: { value },
  })
  const action = applyObjects([map('a'), map('b')])
  assert.equal(await action.apply(hands), {
    state: 'done',
    made: ['ConfigMap kube-system/a', 'ConfigMap kube-system/b'],
  })
  assert.equal(await action.apply(hands), { state: 'unchanged', made: [] })
  assert.equal(await applyObjects([map('a'), map('b', 'y')]).apply(hands), {
    state: 'done',
    made: ['ConfigMap kube-system/b'],
  })
  assert.equal(
    api.calls.map(call => call.split('/').at(-1)),
    ['a', 'b', 'a', 'b', 'a', 'b'],
  )
  const foreign = { apiVersion: 'x/v1', kind: 'Thing', metadata: { name: 'x' } }
  assert.is((await rejects(() => objectName(foreign))).code, 'KPKI_USAGE')
})

test.run()
