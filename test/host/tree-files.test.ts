import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DiskStore } from '../../lib/host/disk-store.js'
import { readPieces } from '../../lib/host/files.js'
import { findTree } from '../../lib/host/find-tree.js'
import { streamFiles } from '../../lib/host/walk.js'
import { rejects } from '../support/context.js'
import { inTempDir } from '../support/temp.js'

/** A host's root directory with files of these names, each with its name in it. */
function hostOf(root: string, names: readonly string[], links: Readonly<Record<string, string>> = {}): string {
  const write = (name: string, put: (path: string) => void) => {
    mkdirSync(join(root, name, '..'), { recursive: true })
    put(join(root, name))
  }
  for (const name of names) write(name, path => writeFileSync(path, name))
  for (const [name, target] of Object.entries(links)) write(name, path => symlinkSync(target, path))
  return join(root, 'etc/kubernetes')
}

async function listing(store: DiskStore): Promise<string[]> {
  const lines: string[] = []
  for await (const { path, target, problem } of store.list())
    lines.push(`${path}${target === undefined ? '' : ` -> ${target}`}${problem === undefined ? '' : ` ${problem}`}`)
  return lines
}

const text = async (store: DiskStore, path: string) => Buffer.from((await store.read(path))?.bytes ?? []).toString()

test(
  'files of all three directories, under their tree paths; of the kubelet only its own',
  inTempDir(async root => {
    const tree = hostOf(root, [
      'etc/kubernetes/admin.conf',
      'etc/kubernetes/manifests/etcd.yaml',
      'etc/kubernetes/pki/ca.crt',
      'etc/kubernetes/pki/etcd/ca.crt',
      'etc/kubernetes/.kpki/backups/x/ca.crt',
      'var/lib/kubelet/config.yaml',
      'var/lib/kubelet/pki/kubelet.crt',
      'var/lib/kubelet/pods/1/volumes/token',
    ])
    const expected = [
      'admin.conf',
      'manifests/etcd.yaml',
      'pki/ca.crt',
      'pki/etcd/ca.crt',
      'kubelet/pki/kubelet.crt',
      'kubelet/config.yaml',
    ]
    const store = new DiskStore(tree)
    assert.equal(await listing(store), expected)
    assert.is(await text(store, 'kubelet/config.yaml'), 'var/lib/kubelet/config.yaml')
    assert.is(new DiskStore('/etc/kubernetes').locate('kubelet/pki/x'), '/var/lib/kubelet/pki/x')
    assert.is(new DiskStore('/some/tree').locate('kubelet/pki/x'), '/some/tree/kubelet/pki/x')
    const apart = new DiskStore(tree, { certDir: join(tree, 'pki/etcd'), kubeletDir: join(root, 'var/lib/kubelet') })
    assert.ok((await listing(apart)).includes('pki/ca.crt'))
  }),
)

test(
  'links: inside of the tree they are followed, those of a copied host to the copy; out of it they lead nowhere',
  inTempDir(async root => {
    const pki = 'var/lib/kubelet/pki'
    const tree = hostOf(root, ['etc/kubernetes/pki/ca.crt', `${pki}/kubelet-client-1.pem`, 'outside/secret.key'], {
      [`${pki}/kubelet-client-current.pem`]: `/${pki}/kubelet-client-1.pem`,
      'etc/kubernetes/pki/etcd/ca.crt': '../ca.crt',
      'etc/kubernetes/pki/front-proxy-ca.crt': '/etc/kubernetes/pki/ca.crt',
      'etc/kubernetes/pki/sa.key': '../../../outside/secret.key',
      'etc/kubernetes/pki/sa.pub': 'sa.pub',
      'etc/kubernetes/pki/apiserver.crt': 'nowhere',
      'etc/kubernetes/pki/more': '../../../outside',
    })
    const store = new DiskStore(tree, { links: 'inside' })
    assert.is(await text(store, 'kubelet/pki/kubelet-client-current.pem'), `${pki}/kubelet-client-1.pem`)
    assert.is(await text(store, 'pki/etcd/ca.crt'), 'etc/kubernetes/pki/ca.crt')
    assert.is(await text(store, 'pki/front-proxy-ca.crt'), 'etc/kubernetes/pki/ca.crt')
    for (const [path, code] of [
      ['pki/sa.key', 'KPKI_FILE_OUTSIDE'],
      ['pki/more/secret.key', 'KPKI_FILE_OUTSIDE'],
      ['/etc/passwd', 'KPKI_FILE_OUTSIDE'],
      ['pki/sa.pub', 'KPKI_FILE_NOT_REGULAR'],
      ['pki/apiserver.crt', 'KPKI_FILE_NOT_REGULAR'],
    ] as const)
      assert.is((await rejects(store.read(path))).code, code, path)
    assert.is(await store.read('pki/none.crt'), undefined)
    assert.is(await store.read('pki/none/none.crt'), undefined)
    // gen takes what a link leads to, as kubeadm does; the kubelet's own files are never elsewhere.
    assert.is(await text(new DiskStore(tree), 'pki/sa.key'), 'outside/secret.key')
    const lines = await listing(store)
    assert.ok(
      lines.includes('kubelet/pki/kubelet-client-current.pem -> kubelet/pki/kubelet-client-1.pem'),
      lines.join(),
    )
    assert.ok(lines.includes('pki/etcd/ca.crt -> pki/ca.crt'))
    assert.ok(lines.some(line => line.startsWith('pki/sa.key is a link out of the directory')))
    assert.ok(lines.some(line => line.startsWith('pki/apiserver.crt is a link to nothing')))
    assert.not.ok(lines.some(line => line.includes('pki/more/')))
  }),
)

test(
  'what was named is a tree, the root of a host, a pki directory, or nothing',
  inTempDir(async root => {
    const tree = hostOf(root, ['etc/kubernetes/pki/ca.crt'])
    assert.equal(await findTree(tree), { dir: tree, options: {} })
    assert.equal(await findTree(root), { dir: tree, options: {} })
    const pki = join(tree, 'pki')
    assert.equal(await findTree(pki), { dir: pki, options: { certDir: pki } })
    assert.is(await findTree(join(root, 'none')), undefined)
    assert.equal(await findTree(join(root, 'none'), { certDir: pki }), {
      dir: join(root, 'none'),
      options: { certDir: pki },
    })
  }),
)

test(
  'a stream of files: one that is named leads where it likes, what is no file is refused',
  inTempDir(async dir => {
    hostOf(dir, ['a.crt', 'b/c.crt', 'out/d.crt'], { 'b/e.crt': '../out/d.crt', 'b/f.crt': 'c.crt' })
    const names = async (path: string) => {
      const found: string[] = []
      for await (const { name, problemKind } of streamFiles(path))
        found.push(`${name.replace(`${dir}/`, '')}${problemKind === undefined ? '' : ` ${problemKind}`}`)
      return found
    }
    assert.equal(await names(dir), ['a.crt', 'b/c.crt', 'out/d.crt'])
    assert.equal(await names(join(dir, 'b')), ['b/c.crt', 'b/e.crt outside'])
    assert.equal(await names(join(dir, 'b/e.crt')), ['b/e.crt'])
    execFileSync('mkfifo', [join(dir, 'pipe')])
    assert.is((await rejects(names(join(dir, 'pipe')))).code, 'KPKI_FILE_NOT_REGULAR')
    assert.is((await rejects(names(join(dir, 'none')))).code, 'KPKI_FILE_NOT_FOUND')
  }),
)

test(
  'a file in pieces; a pipe is none, and is not waited for',
  inTempDir(async dir => {
    const file = join(dir, 'large')
    writeFileSync(file, Buffer.alloc(700_000, 7))
    const sizes: number[] = []
    for await (const piece of readPieces(file)) sizes.push(piece.length)
    assert.is(sizes.length, 3)
    assert.is(
      sizes.reduce((sum, size) => sum + size),
      700_000,
    )
    execFileSync('mkfifo', [join(dir, 'pipe')])
    const read = async (path: string) => {
      for await (const _ of readPieces(path)) assert.unreachable()
    }
    assert.is((await rejects(read(join(dir, 'pipe')))).code, 'KPKI_FILE_NOT_REGULAR')
    assert.is((await rejects(read(join(dir, 'none')))).code, 'KPKI_FILE_NOT_FOUND')
  }),
)

test.run()
