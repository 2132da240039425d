import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeUtf8 } from '../../lib/crypto/bytes.js'
import { directoryHost, directoryStore } from '../../lib/host/directory-host.js'
import { rejects } from '../support/context.js'

const scratch: string[] = []
function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kpki-test-'))
  scratch.push(dir)
  return dir
}
test.after(() => {
  for (const dir of scratch) rmSync(dir, { recursive: true, force: true })
})

const file = (path: string, text = 'x\n', mode = 0o600) => ({ path, mode, bytes: encodeUtf8(text) })

test('files go below the directory, whole and with their mode', async () => {
  const root = join(tempDir(), 'host')
  const host = directoryHost(root)
  assert.is(host.system, undefined)
  assert.is(await host.look('/etc'), undefined)
  await host.create(file('/etc/kubernetes/manifests/etcd.yaml', 'kind: Pod\n'))
  const place = join(root, 'etc/kubernetes/manifests/etcd.yaml')
  assert.is(host.locate('/etc/kubernetes/manifests/etcd.yaml'), place)
  assert.is(readFileSync(place, 'utf8'), 'kind: Pod\n')
  assert.is(statSync(place).mode & 0o777, 0o600)
  assert.is((await host.look('/etc/kubernetes'))?.type, 'directory')
  assert.equal(await host.names('/etc/kubernetes/manifests'), ['etcd.yaml'])
  assert.is((await rejects(host.create(file('/etc/kubernetes/manifests/etcd.yaml')))).code, 'KPKI_FILE_EXISTS')
})

test('directories have the mode that is asked for, once', async () => {
  const root = join(tempDir(), 'host')
  const host = directoryHost(root)
  assert.is(await host.makeDirectory('/var/lib/etcd', 0o700), true)
  assert.is(statSync(join(root, 'var/lib/etcd')).mode & 0o777, 0o700)
  chmodSync(join(root, 'var/lib/etcd'), 0o750)
  assert.is(await host.makeDirectory('/var/lib/etcd', 0o700), false)
  assert.is(statSync(join(root, 'var/lib/etcd')).mode & 0o777, 0o750)
})

test('a file is replaced only while it is what it was', async () => {
  const root = tempDir()
  const host = directoryHost(root)
  await host.create(file('/etc/a', 'old'))
  assert.is((await rejects(host.replace(file('/etc/a', 'new'), encodeUtf8('other')))).code, 'KPKI_FILE_CHANGED')
  await host.replace(file('/etc/a', 'new', 0o640), encodeUtf8('old'))
  assert.is(readFileSync(join(root, 'etc/a'), 'utf8'), 'new')
  assert.is(statSync(join(root, 'etc/a')).mode & 0o777, 0o640)
})

test('a link out of the directory is neither read nor written through', async () => {
  const [root, elsewhere] = [tempDir(), tempDir()]
  writeFileSync(join(elsewhere, 'secret'), 'not yours')
  mkdirSync(join(root, 'etc'))
  symlinkSync(elsewhere, join(root, 'etc/kubernetes'))
  symlinkSync('../..', join(root, 'etc/up'))
  const host = directoryHost(root)
  for (const path of ['/etc/kubernetes', '/etc/up'])
    for (const work of [
      () => host.create(file(`${path}/new`)),
      () => host.makeDirectory(`${path}/new`, 0o755),
      () => host.replace(file(`${path}/secret`), encodeUtf8('not yours')),
      () => host.remove(`${path}/secret`),
    ])
      assert.is((await rejects(work)).code, 'KPKI_FILE_OUTSIDE')
  assert.is((await rejects(() => host.read('/etc/up/secret'))).code, 'KPKI_FILE_OUTSIDE')
  // An absolute one would mean the directory's own on the host, where nothing is.
  assert.is(await host.read('/etc/kubernetes/secret'), undefined)
  assert.is(await host.look('/etc/kubernetes/secret'), undefined)
  assert.is(await host.names('/etc/kubernetes'), undefined)
  assert.is((await rejects(directoryStore(root))).code, 'KPKI_FILE_OUTSIDE')
  assert.is(readFileSync(join(elsewhere, 'secret'), 'utf8'), 'not yours')
  assert.not(existsSync(join(elsewhere, 'new')))
})

test('an absolute link means the directory itself, as it will on the host', async () => {
  const root = tempDir()
  const host = directoryHost(root)
  await host.create(file('/srv/ca.crt', 'certificate'))
  symlinkSync('/srv/ca.crt', join(root, 'ca.crt'))
  assert.is(new TextDecoder().decode(await host.read('/ca.crt')), 'certificate')
  symlinkSync('/srv', join(root, 'etc'))
  await host.create(file('/etc/kubernetes/manifests/etcd.yaml', 'Pod'))
  assert.is(readFileSync(join(root, 'srv/kubernetes/manifests/etcd.yaml'), 'utf8'), 'Pod')
  assert.equal(await host.names('/etc/kubernetes/manifests'), ['etcd.yaml'])
  for (const path of ['/etc', '/etc/kubernetes']) assert.is(await host.makeDirectory(path, 0o700), false)
  await host.replace(file('/ca.crt', 'other'), encodeUtf8('certificate'))
  assert.is(readFileSync(join(root, 'srv/ca.crt'), 'utf8'), 'other')
  assert.is(await host.remove('/etc/kubernetes/manifests/etcd.yaml'), true)
  assert.equal(await host.names('/srv/kubernetes/manifests'), [])
})

test('the tree is made through no absolute link', async () => {
  const root = tempDir()
  mkdirSync(join(root, 'srv'))
  mkdirSync(join(root, 'etc/kubernetes'), { recursive: true })
  symlinkSync('/srv', join(root, 'etc/kubernetes/pki'))
  assert.is((await rejects(directoryStore(root))).code, 'KPKI_FILE_OUTSIDE')
  assert.ok(await directoryStore(root, { certificatesDir: '/srv' }))
  rmSync(join(root, 'etc/kubernetes/pki'))
  symlinkSync('../../srv', join(root, 'etc/kubernetes/pki'))
  assert.ok(await directoryStore(root))
})

test('links that lead in a circle, and out by more than they are deep', async () => {
  const root = tempDir()
  symlinkSync('b', join(root, 'a'))
  symlinkSync('a', join(root, 'b'))
  symlinkSync('../../../etc', join(root, 'c'))
  const host = directoryHost(root)
  assert.is((await rejects(host.read('/a'))).code, 'KPKI_FILE_NOT_REGULAR')
  assert.is((await rejects(host.create(file('/a/x')))).code, 'KPKI_FILE_NOT_REGULAR')
  assert.is((await rejects(host.read('/c/passwd'))).code, 'KPKI_FILE_OUTSIDE')
})

test('a link to nothing is nothing to look at, and not to be written through', async () => {
  const [root, elsewhere] = [tempDir(), tempDir()]
  symlinkSync(join(elsewhere, 'later'), join(root, 'conf'))
  mkdirSync(join(root, 'etc'))
  symlinkSync(join(elsewhere, 'nothing'), join(root, 'etc/kubernetes'))
  const host = directoryHost(root)
  assert.is(await host.look('/conf/x'), undefined)
  assert.is((await rejects(host.create(file('/etc/kubernetes/a')))).code, 'KPKI_FILE_OUTSIDE')
  assert.is((await rejects(host.create(file('/conf')))).code, 'KPKI_FILE_NOT_REGULAR')
  assert.not(existsSync(join(elsewhere, 'later')))
  assert.not(existsSync(join(elsewhere, 'nothing')))
})

test('removing takes the link, and leaves what it leads to', async () => {
  const [root, elsewhere] = [tempDir(), tempDir()]
  writeFileSync(join(elsewhere, 'kept'), 'kept')
  symlinkSync(join(elsewhere, 'kept'), join(root, 'link'))
  const host = directoryHost(root)
  assert.is(await host.remove('/link'), true)
  assert.is(await host.remove('/link'), false)
  assert.is(readFileSync(join(elsewhere, 'kept'), 'utf8'), 'kept')
})

for (const path of ['etc/passwd', '/etc/../../passwd', '/etc/./x', '/etc//x', '/etc/\0'])
  test(`${JSON.stringify(path)} is no path of a host`, async () => {
    const host = directoryHost(tempDir())
    for (const work of [() => host.read(path), () => host.create(file(path)), () => host.remove(path)])
      assert.is((await rejects(work)).code, 'KPKI_FILE_OUTSIDE')
  })

test('an empty name is no directory', async () => {
  assert.is((await rejects(() => directoryHost(''))).code, 'KPKI_USAGE')
})

test('the tree of the host lies below the directory, its certificates where the description has them', async () => {
  const root = join(tempDir(), 'host')
  const store = await directoryStore(root, { certificatesDir: '/srv/pki' })
  assert.is(store.locate('pki/ca.crt'), join(root, 'srv/pki/ca.crt'))
  assert.is(store.locate('admin.conf'), join(root, 'etc/kubernetes/admin.conf'))
  assert.is(store.locate('kubelet/config.yaml'), join(root, 'var/lib/kubelet/config.yaml'))
})

test.run()
