// What a reset removes is really gone from a disk, and what links lead to is really there.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { directoryHost, directoryStore } from '../../lib/host/directory-host.js'
import { writeFiles } from '../../lib/workflow/phases/actions.js'
import { RESET_PHASES } from '../../lib/workflow/phases/reset.js'
import { runPhases } from '../../lib/workflow/phases/runner.js'
import { HOST_PHASES, prepareRender, renderHost } from '../../lib/workflow/render-host.js'
import { surveyReset } from '../../lib/workflow/reset/survey.js'
import { rejects, testContext } from '../support/context.js'
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

/** A rendered host, and a directory of somebody else with files of the same names. */
async function rendered(name: string, certificatesDir?: string) {
  const [root, theirs] = [join(scratch, name), join(scratch, `${name}-theirs`)]
  for (const path of ['a', 'apiserver.key', 'kubelet.key', 'member/db']) put(theirs, path, 'precious')
  const described = await controlPlane('v1.36.4', {
    cluster: `encryptionAlgorithm: ECDSA-P256\n${certificatesDir ? `certificatesDir: ${certificatesDir}` : ''}`,
  })
  const options = certificatesDir === undefined ? {} : { certificatesDir }
  const hands = { host: directoryHost(root), store: await directoryStore(root, options), context, connect }
  await renderHost(await prepareRender(described, hands), hands)
  const isWhole = () => filesBelow(theirs).join() === '/a,/apiserver.key,/kubelet.key,/member/db'
  return { root, theirs, hands, isWhole }
}

const LINKED: readonly string[] = [
  'etc/kubernetes/tmp',
  'etc/kubernetes/.kpki/backups',
  'var/lib/kubelet/pki',
  'var/lib/etcd',
  'etc/kubernetes/pki',
  'etc/kubernetes/manifests',
]
for (const path of LINKED)
  test(`a link at ${path} is named, and nothing is removed through it`, async () => {
    const { root, theirs, hands, isWhole } = await rendered(`link-${path.replaceAll('/', '-')}`)
    rmSync(join(root, path), { recursive: true, force: true })
    symlinkSync(`../..${'/..'.repeat(path.split('/').length - 3)}/${basename(theirs)}`, join(root, path))
    // Within the root it may lead where it likes; a copy of the files is there.
    const inside = join(root, basename(theirs))
    cpSync(theirs, inside, { recursive: true })
    const run = await surveyReset(hands.host, context, { cleanupTmpDir: true, all: true })
    assert.match(
      run.keep.find(kept => kept.path === `/${path}`)?.why ?? '',
      /is a link to .*: nothing is removed through/,
    )
    assert.not(run.remove.some(removal => removal.path.startsWith(`/${path}/`)))
    await runPhases(RESET_PHASES, run, hands)
    assert.equal(filesBelow(inside), filesBelow(theirs))
    assert.ok(isWhole())
    assert.not(existsSync(join(root, 'etc/kubernetes/admin.conf')))
  })

test('a certificates directory that is reached through a link stays, and the record with it', async () => {
  const { root, hands } = await rendered('through', '/data/k8s/pki')
  renameSync(join(root, 'data'), join(root, 'disk'))
  symlinkSync('disk', join(root, 'data'))
  const run = await surveyReset(hands.host, context)
  const why = run.keep.find(({ path }) => path === '/data/k8s/pki')?.why
  assert.is(why, 'is reached through a link, /data to disk: nothing is removed through one')
  await runPhases(RESET_PHASES, run, hands)
  assert.ok(existsSync(join(root, 'disk/k8s/pki/ca.key')))
  assert.ok(existsSync(join(root, 'etc/kubernetes/.kpki/made.jsonl')))
  assert.not(existsSync(join(root, 'etc/kubernetes/admin.conf')))
})

test('what is swapped for a link after the list was made is not gone through', async () => {
  const { root, theirs, hands, isWhole } = await rendered('after')
  put(root, 'var/lib/kubelet/pki/kubelet.key', 'ours')
  const run = await surveyReset(hands.host, context)
  rmSync(join(root, 'var/lib/kubelet/pki'), { recursive: true })
  symlinkSync(theirs, join(root, 'var/lib/kubelet/pki'))
  const error = await rejects(runPhases(RESET_PHASES, run, hands))
  assert.match(error.message, /kubelet\/pki is a link, and nothing is removed through one/)
  assert.ok(isWhole())
})

test('systemd is not left with links to units that are gone', async () => {
  const { root, hands } = await rendered('units')
  const unit = { path: '/etc/systemd/system/kube-apiserver.service', mode: 0o644, bytes: new Uint8Array() }
  await writeFiles([unit]).apply(hands)
  const wants = join(root, 'etc/systemd/system/multi-user.target.wants')
  mkdirSync(wants)
  mkdirSync(`${wants}.requires`)
  symlinkSync('/lib/systemd/system/kube-apiserver.service', join(`${wants}.requires`, 'kube-apiserver.service'))
  for (const name of ['kube-apiserver', 'other']) symlinkSync(`../${name}.service`, join(wants, `${name}.service`))
  const run = await surveyReset(hands.host, context)
  await runPhases(RESET_PHASES, run, hands)
  assert.equal(readdirSync(wants), ['other.service'])
  assert.equal(readdirSync(`${wants}.requires`), ['kube-apiserver.service'], 'a package has brought that')
})

test('init and reset keep each other out, from the first change to the end', async () => {
  const { root, hands } = await rendered('locked')
  const run = await surveyReset(hands.host, context)
  const other = await directoryStore(root)
  const release = await other.lock()
  assert.match((await rejects(runPhases(RESET_PHASES, run, hands))).message, /another run .* is at work/)
  assert.ok(existsSync(join(root, 'etc/kubernetes/pki/ca.key')))
  await release()
  const described = await controlPlane('v1.36.4', { cluster: 'encryptionAlgorithm: ECDSA-P256' })
  let tries = 0
  await renderHost(await prepareRender(described, hands), hands, {
    observe: event => {
      if (event.type === 'ended') assert.is(existsSync(join(root, 'etc/kubernetes/.kpki.lock')), ++tries > 0)
    },
  })
  assert.ok(tries > 5)
  assert.not(existsSync(join(root, 'etc/kubernetes/.kpki.lock')))
})

test('a link in the place of the directories themselves leads nowhere out', async () => {
  const [root, elsewhere] = [join(scratch, 'linked'), join(scratch, 'linked-elsewhere')]
  const files = ['pki/ca.key', 'admin.conf', 'manifests/etcd.yaml'].map(path => put(elsewhere, path, 'theirs'))
  mkdirSync(join(root, 'etc'), { recursive: true })
  symlinkSync(elsewhere, join(root, 'etc/kubernetes'))
  const host = directoryHost(root)
  const outcome = await (async () => {
    const run = await surveyReset(host, context)
    return runPhases(RESET_PHASES, run, { host, store: await directoryStore(root), context, connect })
  })().catch(error => error)
  assert.ok(outcome)
  for (const file of files) assert.is(readFileSync(file, 'utf8'), 'theirs')
})

test.run()
