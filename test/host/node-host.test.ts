import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StoreError } from '../../lib/errors.js'
import { nodeHost } from '../../lib/host/node-host.js'
import type { HostSystem } from '../../lib/workflow/host.js'
import { rejects } from '../support/context.js'
import { answerJson, FakeServer, TestCa } from '../support/lying-server.js'
import { inTempDir } from '../support/temp.js'

const host = nodeHost({ env: { PATH: process.env['PATH'], SAY: 'hello' } })
const system: HostSystem = host.system ?? assert.unreachable('a running host has a system') ?? ({} as never)
const bytes = (text: string) => new TextEncoder().encode(text)
const mode = (path: string) => statSync(path).mode & 0o7777

test(
  'files are seen as they are',
  inTempDir(async dir => {
    const at = (name: string) => join(dir, name)
    writeFileSync(at('file'), 'text', { mode: 0o640 })
    chmodSync(at('file'), 0o640)
    mkdirSync(at('folder/inner'), { recursive: true })
    symlinkSync('file', at('link'))
    symlinkSync('nothing', at('dangling'))
    execFileSync('mkfifo', [at('pipe')])
    const socket = createServer().listen(at('socket'))
    await new Promise(resolve => socket.once('listening', resolve))
    const { uid, gid } = statSync(at('file'))
    assert.equal(await host.look(at('file')), { type: 'file', mode: 0o640, uid, gid, size: 4 })
    assert.is((await host.look(at('link')))?.size, 4, 'a link is what it leads to')
    assert.is((await host.look(at('folder')))?.type, 'directory')
    assert.is((await host.look(at('socket')))?.type, 'socket')
    assert.is((await host.look(at('pipe')))?.type, 'other')
    for (const name of ['none', 'dangling', 'file/below', 'none/below'])
      assert.is(await host.look(at(name)), undefined, name)
    assert.equal(await host.read(at('file')), bytes('text'))
    assert.is(await host.read(at('none')), undefined)
    assert.is(await host.read(at('file/below')), undefined)
    for (const name of ['folder', 'pipe', 'dangling'])
      assert.is((await rejects(host.read(at(name)))).code, 'KPKI_FILE_NOT_REGULAR', name)
    writeFileSync(at('large'), Buffer.alloc(1024 * 1024 + 1))
    assert.is((await rejects(host.read(at('large')))).code, 'KPKI_INPUT_TOO_LARGE')
    assert.equal(await host.names(at('folder')), ['inner'])
    assert.equal(await host.names(dir), ['dangling', 'file', 'folder', 'large', 'link', 'pipe', 'socket'])
    assert.is(await host.names(at('none')), undefined)
    assert.is(host.locate(at('file')), at('file'))
    socket.close()
  }),
)

test(
  'directories get the mode that was asked for, whatever the umask; those that are there keep theirs',
  inTempDir(async dir => {
    const before = process.umask(0o077)
    try {
      assert.is(await host.makeDirectory(join(dir, 'a/b/c'), 0o700), true)
      assert.equal([mode(join(dir, 'a')), mode(join(dir, 'a/b')), mode(join(dir, 'a/b/c'))], [0o755, 0o755, 0o700])
      assert.is(await host.makeDirectory(join(dir, 'a/b'), 0o700), false)
      assert.is(mode(join(dir, 'a/b')), 0o755)
      writeFileSync(join(dir, 'file'), '')
      assert.instance(await rejects(host.makeDirectory(join(dir, 'file'), 0o700)), StoreError)
      assert.instance(await rejects(host.makeDirectory(join(dir, 'file/x'), 0o700)), StoreError)
    } finally {
      process.umask(before)
    }
  }),
)

test(
  'a file is made whole, with its mode, and never over another one',
  inTempDir(async dir => {
    const path = join(dir, 'manifests/etcd.yaml')
    const umask = process.umask(0o077)
    try {
      await host.create({ path, mode: 0o644, bytes: bytes('one') })
    } finally {
      process.umask(umask)
    }
    assert.is(mode(path), 0o644)
    assert.is((await rejects(host.create({ path, mode: 0o600, bytes: bytes('two') }))).code, 'KPKI_FILE_EXISTS')
    assert.is(readFileSync(path, 'utf8'), 'one')
    symlinkSync('/nowhere', join(dir, 'manifests/link'))
    assert.is(
      (await rejects(host.create({ path: join(dir, 'manifests/link'), mode: 0o600, bytes: bytes('x') }))).code,
      'KPKI_FILE_NOT_REGULAR',
    )
    assert.equal(readdirSync(join(dir, 'manifests')), ['etcd.yaml', 'link'], 'nothing else is left')
    mkdirSync(join(dir, 'open'))
    chmodSync(join(dir, 'open'), 0o777)
    const foreign = await rejects(host.create({ path: join(dir, 'open/x'), mode: 0o600, bytes: bytes('x') }))
    assert.is(foreign.code, 'KPKI_DIR_FOREIGN')
    assert.not(existsSync(join(dir, 'open/x')))
  }),
)

test(
  'a file is replaced in one step, if it is still as it was',
  inTempDir(async dir => {
    const path = join(dir, 'config.yaml')
    writeFileSync(path, 'one')
    linkSync(path, join(dir, 'other'))
    await host.replace({ path, mode: 0o600, bytes: bytes('two') }, bytes('one'))
    assert.is(readFileSync(path, 'utf8'), 'two')
    assert.is(mode(path), 0o600)
    assert.is(readFileSync(join(dir, 'other'), 'utf8'), 'one', 'another file took the name')
    const changed = await rejects(host.replace({ path, mode: 0o600, bytes: bytes('three') }, bytes('one')))
    assert.is(changed.code, 'KPKI_FILE_CHANGED')
    const gone = await rejects(host.replace({ path: join(dir, 'none'), mode: 0o600, bytes: bytes('x') }, bytes('')))
    assert.is(gone.code, 'KPKI_FILE_CHANGED')
    assert.equal(readdirSync(dir), ['config.yaml', 'other'])
  }),
)

test(
  'files, links and empty directories are removed',
  inTempDir(async dir => {
    mkdirSync(join(dir, 'full'))
    writeFileSync(join(dir, 'full/file'), '')
    symlinkSync('full', join(dir, 'link'))
    assert.is(await host.remove(join(dir, 'link')), true)
    assert.ok(existsSync(join(dir, 'full/file')), 'what a link leads to stays')
    assert.instance(await rejects(host.remove(join(dir, 'full'))), StoreError)
    assert.is(await host.remove(join(dir, 'full/file')), true)
    assert.is(await host.remove(join(dir, 'full')), true)
    assert.is(await host.remove(join(dir, 'full')), false)
  }),
)

test('the machine is as Node and coreutils have it', async () => {
  assert.is(system.platform, process.platform)
  assert.is(system.uid, process.geteuid?.())
  assert.is(system.memoryBytes, totalmem())
  assert.is(system.cpus, Number(execFileSync('nproc', { encoding: 'utf8', env: {} })))
  assert.ok(system.cpus <= cpus().length)
  assert.is(system.kernelRelease, execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim())
  assert.is(system.hostname, execFileSync('uname', ['-n'], { encoding: 'utf8' }).trim())
})

test(
  'programs are run without a shell and to their end',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'speak'), '#!/bin/sh\necho "$SAY $LC_ALL $#: $1"\necho oops >&2\nexit 3\n', { mode: 0o755 })
    const path = `${dir}:${process.env['PATH']}`
    const own = nodeHost({ env: { PATH: path, SAY: 'hello' } }).system
    assert.is(await own?.which('speak'), join(dir, 'speak'))
    assert.is(await own?.which('no-such-program'), undefined)
    assert.equal(await own?.run('speak', ['$(id); *']), {
      status: 3,
      stdout: 'hello C 1: $(id); *\n',
      stderr: 'oops\n',
    })
    assert.equal(await system.run('sh', ['-c', 'kill -9 $$']), { status: 137, stdout: '', stderr: '' })
    assert.is((await system.run('sh', ['-c', 'cat'])).stdout, '', 'there is no input')
    assert.is((await rejects(system.run('no-such-program', []))).code, 'KPKI_PROGRAM_FAILED')
    writeFileSync(join(dir, 'broken'), '#!/nowhere/interpreter\n', { mode: 0o755 })
    assert.is((await rejects(system.run(join(dir, 'broken'), []))).code, 'KPKI_PROGRAM_FAILED')
    const long = await system.run('sh', ['-c', 'head -c 3000000 /dev/zero | tr "\\0" x'])
    assert.is(long.stdout.length, 1024 * 1024, 'bounded, and read to its end')
  }),
)

test(
  'a program that does not end is ended, with what it has started',
  inTempDir(async dir => {
    const started = Date.now()
    const script = `sleep 30 & echo $! > ${join(dir, 'pid')}; sleep 30`
    const error = await rejects(system.run('sh', ['-c', script], { timeoutMs: 300 }))
    assert.is(error.code, 'KPKI_PROGRAM_FAILED')
    assert.ok(Date.now() - started < 5000)
    const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'))
    const isGone = () => {
      try {
        // A zombie has ended, too, where nobody has taken note of it yet.
        return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
      } catch {
        return true
      }
    }
    for (let left = 50; !isGone() && left > 0; left--) await new Promise(resolve => setTimeout(resolve, 20))
    assert.ok(isGone())
  }),
)

test('a port is tried, and let go', async () => {
  const taken = createServer().listen({ port: 0, host: '127.0.0.1' })
  await new Promise(resolve => taken.once('listening', resolve))
  const { port } = taken.address() as AddressInfo
  assert.is(await system.listen(undefined, port), 'taken')
  assert.is(await system.listen('127.0.0.1', port), 'taken')
  assert.is(await system.listen('127.0.0.2', port), 'free')
  await new Promise(resolve => taken.close(resolve))
  assert.is(await system.listen(undefined, port), 'free')
  assert.is(await system.listen(undefined, port), 'free', 'and again')
  // RFC 5737: of no host.
  assert.is(await system.listen('192.0.2.1', port), 'no-such-address')
})

test('names are resolved as the host does it', async () => {
  assert.ok((await system.resolve('localhost')).some(address => ['127.0.0.1', '::1'].includes(address)))
  assert.equal(await system.resolve('192.0.2.7'), ['192.0.2.7'])
  // RFC 6761 section 6.4.
  assert.equal(await system.resolve('nothing.invalid'), [])
})

test('servers are asked with TLS and without', async () => {
  const ca = await TestCa.create()
  const server = await FakeServer.start({
    pair: await ca.issue(),
    answer: (_request, response) => answerJson(response, 200, { health: 'true' }),
  })
  try {
    const answer = await system.fetch(`${server.url}/health`, { ca: ca.pem })
    assert.is(answer.status, 200)
    assert.equal(JSON.parse(answer.body), { health: 'true' })
    assert.is((await system.fetch(`${server.url}/health`)).status, 200, 'unverified')
    const other = await TestCa.create()
    assert.is((await rejects(system.fetch(server.url, { ca: other.pem }))).code, 'KPKI_TLS_UNTRUSTED')
    const asked = server.requests.length
    const { cert: certPem, key: keyPem } = await ca.issue({ use: 'clientAuth' })
    const refused = await rejects(system.fetch(server.url, { certPem, keyPem }))
    assert.is(refused.code, 'KPKI_TLS_UNTRUSTED', 'no key for who is not known')
    assert.is(server.requests.length, asked)
  } finally {
    await server.close()
  }
})

test('plain HTTP is bounded in size and time', async () => {
  const asked: string[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${body}`)
      if (request.url === '/large') response.end(Buffer.alloc(2 * 1024 * 1024))
      else if (request.url !== '/never') response.writeHead(500).end('not ok')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  try {
    assert.equal(await system.fetch(`${url}/healthz?verbose`), { status: 500, body: 'not ok' })
    await system.fetch(`${url}/v3/x`, { json: { a: 1 } })
    assert.equal(asked, ['GET /healthz?verbose ', 'POST /v3/x {"a":1}'])
    assert.is((await rejects(system.fetch(`${url}/large`))).code, 'KPKI_NET_RESPONSE')
    assert.is((await rejects(system.fetch(`${url}/never`, { timeoutMs: 200 }))).code, 'KPKI_NET_TIMEOUT')
  } finally {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  assert.is((await rejects(system.fetch(url))).code, 'KPKI_NET_UNREACHABLE')
})

test('a proxy is named without its password', () => {
  const env = { HTTPS_PROXY: 'http://user:geheim@proxy.example:3128', NO_PROXY: '10.0.0.0/8' }
  const own = nodeHost({ env }).system
  assert.is(own?.proxyFor('https://192.0.2.1:6443'), 'http://proxy.example:3128')
  assert.is(own?.proxyFor('https://10.1.2.3:6443'), undefined)
  assert.is(system.proxyFor('https://192.0.2.1:6443'), undefined)
  const odd = nodeHost({ env: { HTTPS_PROXY: 'socks5://user:geheim@proxy.example' } }).system?.proxyFor(
    'https://192.0.2.1',
  )
  assert.ok(odd)
  assert.not.match(odd ?? '', /geheim/)
})

test.run()
