// What a reset removes is really gone from a disk, and what links lead to is really there.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { directoryHost, directoryStore } from '../../lib/host/directory-host.js'
import { RESET_PHASES } from '../../lib/workflow/phases/reset.js'
import { runPhases } from '../../lib/workflow/phases/runner.js'
import { HOST_PHASES, prepareRender, renderHost } from '../../lib/workflow/render-host.js'
import { surveyReset } from '../../lib/workflow/reset/survey.js'
import { testContext } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'

const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kpki-test-'))
test.after(() => rmSync(scratch, { recursive: true, force: true }))

const context = testContext()
const connect = () => Promise.reject(new Error('no cluster is asked'))

function put(root: string, path: string, text: string): string {
  const place = join(root, path)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, text)
  return place
}

const filesBelow = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(dir.length))
    .sort()

test('a rendered host that has run is reset on the disk: links go, what they lead to stays', async () => {
  const [root, elsewhere] = [join(scratch, 'host'), join(scratch, 'elsewhere')]
  const data = put(elsewhere, 'data', 'somebody’s')
  const hands = { host: directoryHost(root), store: await directoryStore(root), context, connect }
  const described = await controlPlane('v1.36.4', { cluster: 'encryptionAlgorithm: ECDSA-P256' })
  const results = await renderHost(await prepareRender(described, hands), hands)
  assert.ok(
    results.every(({ state }) => state === 'done'),
    HOST_PHASES.join(),
  )
  // What kubelet, etcd and people add to it.
  put(root, 'var/lib/kubelet/pods/uid/volumes/empty/a/b/c', 'data')
  symlinkSync(elsewhere, join(root, 'var/lib/kubelet/pods/uid/volumes/link'))
  symlinkSync(data, join(root, 'var/lib/kubelet/pods/uid/file'))
  symlinkSync(elsewhere, join(root, 'var/lib/kubelet/plugins'))
  put(root, 'var/lib/etcd/member/wal/0.wal', 'data')
  symlinkSync(elsewhere, join(root, 'var/lib/etcd/member/snap'))
  put(root, 'etc/kubernetes/notes', 'mine')
  const run = await surveyReset(hands.host, context)
  await runPhases(RESET_PHASES, run, hands)
  assert.equal(filesBelow(root), ['/etc/kubernetes/notes'])
  assert.is(readFileSync(data, 'utf8'), 'somebody’s')
  assert.equal(filesBelow(elsewhere), ['/data'])
})

test('a link in the place of the directories themselves leads nowhere out', async () => {
  const [root, elsewhere] = [join(scratch, 'linked'), join(scratch, 'linked-elsewhere')]
  const files = ['pki/ca.key', 'admin.conf', 'manifests/etcd.yaml'].map(path => put(elsewhere, path, 'theirs'))
  mkdirSync(join(root, 'etc'), { recursive: true })
  symlinkSync(elsewhere, join(root, 'etc/kubernetes'))
  const host = directoryHost(root)
  const outcome = await surveyReset(host, context).then(
    async run => runPhases(RESET_PHASES, run, { host, store: await directoryStore(root), context, connect }),
    error => error,
  )
  assert.ok(outcome)
  for (const file of files) assert.is(readFileSync(file, 'utf8'), 'theirs')
})

test.run()
