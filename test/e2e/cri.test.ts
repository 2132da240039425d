/** The calls to a container runtime, against a real containerd: what it is, images, and sandboxes; ctr has the second word. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { connectRuntime } from '../../lib/host/cri.js'
import { GrpcClient } from '../../lib/host/grpc.js'
import { formatProto, parseProto } from '../../lib/host/protobuf.js'
import { rejects } from '../support/context.js'
import { Host, must, until } from './host.js'
import { imageFile, importImages } from './images.js'
import { socketOf, startContainerd } from './kubelet.js'
import { testWithAll } from './programs.js'

const test = suite('cri')
const PORT = 5055
const IMAGE = `127.0.0.1:${PORT}/kpki/nothing:1`
const PAUSE = 'registry.k8s.io/pause:3.6'
let host: Host | undefined

test.after(async () => {
  await host?.close()
})

/** A registry that serves files: OCI distribution specification, pull only. */
const REGISTRY = `
const { readFileSync } = require('node:fs')
require('node:http').createServer((request, response) => {
  const path = request.url.replace(/^\\/v2\\/?/, '').replaceAll('/', '_').replaceAll(':', '_')
  try {
    const body = path === '' ? Buffer.alloc(0) : readFileSync(process.argv[1] + '/' + path)
    const isManifest = request.url.includes('/manifests/')
    response.writeHead(200, {
      'content-type': isManifest ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream',
      'content-length': body.length,
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  } catch {
    response.writeHead(404).end()
  }
}).listen(${PORT}, '127.0.0.1')
`

/** Files of a registry with one image without content. */
function makeRegistry(dir: string): void {
  mkdirSync(dir)
  const put = (bytes: Buffer) => {
    const digest = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(dir, `kpki_nothing_blobs_sha256_${digest}`), bytes)
    return { digest: `sha256:${digest}`, size: bytes.length }
  }
  // An empty archive: two blocks of zeros (POSIX.1, pax).
  const tar = Buffer.alloc(1024)
  const diff = `sha256:${createHash('sha256').update(tar).digest('hex')}`
  const layer = put(gzipSync(tar))
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
  const config = put(
    Buffer.from(
      JSON.stringify({ architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diff] } }),
    ),
  )
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...layer }],
    }),
  )
  writeFileSync(join(dir, 'kpki_nothing_manifests_1'), manifest)
  writeFileSync(
    join(dir, `kpki_nothing_manifests_sha256_${createHash('sha256').update(manifest).digest('hex')}`),
    manifest,
  )
}

testWithAll(['containerd', 'ctr', 'dpkg'], test, 'a real runtime says what it is, and fetches an image', async () => {
  host = await Host.create('cri-1')
  const on = host
  startContainerd(on, { pause: PAUSE })
  const ctr = (...args: string[]) => must(on.run('ctr', ['-a', socketOf(on), '-n', 'k8s.io', ...args]))
  await until('containerd', 20, () => ctr('version'))
  makeRegistry(join(on.data, 'registry'))
  on.daemon('registry', process.execPath, ['-e', REGISTRY, join(on.data, 'registry')])
  const runtime = connectRuntime(`unix://${socketOf(on)}`)
  try {
    await until('the cri plugin', 20, () => runtime.status())
    const { runtime: name, notReady } = await runtime.status()
    const version = /Server:\s+Version:\s+(\S+)/.exec(await ctr('version'))?.[1]
    assert.is(name, `containerd ${version}`)
    assert.equal(notReady, [])
    assert.is(await runtime.hasImage(IMAGE), false)
    await until('the registry', 10, () => runtime.pullImage(IMAGE))
    assert.is(await runtime.hasImage(IMAGE), true)
    assert.match(await ctr('images', 'list', '-q'), new RegExp(`^${IMAGE}$`, 'm'))
    const error = await rejects(runtime.pullImage(IMAGE.replace(/1$/, '2')))
    assert.is(error.code, 'KPKI_CRI_FAILED')
    assert.match(error.message, /not found/)
    assert.equal(await runtime.sandboxes(), [])
  } finally {
    runtime.close()
  }
})

testWithAll(
  ['containerd', 'ctr', 'runc', 'dpkg'],
  test,
  'sandboxes of a real runtime are listed and removed',
  async () => {
    if (!host) throw new Error('there is no runtime: its test failed')
    const on = host
    const runtime = connectRuntime(socketOf(on))
    const client = new GrpcClient(socketOf(on))
    try {
      const pause = await imageFile(PAUSE, {
        program: '/bin/sleep',
        path: '/pause',
        entrypoint: ['/pause', '1000'],
      })
      await importImages(on, socketOf(on), [pause])
      await until('the image', 10, async () => assert.ok(await runtime.hasImage(PAUSE)))
      // PodSandboxConfig: metadata (name, uid, namespace), log_directory, linux.security_context.namespace_options.network = NODE (2).
      const metadata = formatProto([
        [1, 'etcd-cri-1'],
        [2, 'uid-1'],
        [3, 'kube-system'],
      ])
      const linux = formatProto([[2, formatProto([[1, Uint8Array.of(0x08, 0x02)]])]])
      const config = formatProto([
        [1, metadata],
        [3, on.data],
        [8, linux],
      ])
      const made = await client.call('/runtime.v1.RuntimeService/RunPodSandbox', formatProto([[1, config]]), 30_000)
      if (!made.ok) throw new Error(made.problem)
      const id = new TextDecoder().decode(parseProto(made.message)?.get(1)?.[0] as Uint8Array<ArrayBuffer>)
      assert.equal(await runtime.sandboxes(), [{ id, name: 'etcd-cri-1', namespace: 'kube-system' }])
      const tasks = () => must(on.run('ctr', ['-a', socketOf(on), '-n', 'k8s.io', 'containers', 'list', '-q']))
      assert.match(await tasks(), new RegExp(id))
      await runtime.removeSandbox(id)
      assert.equal(await runtime.sandboxes(), [])
      assert.not.match(await tasks(), new RegExp(id))
      assert.is((await rejects(runtime.removeSandbox('nothing'))).code, 'KPKI_CRI_FAILED')
    } finally {
      client.close()
      runtime.close()
    }
  },
)

test.run()
