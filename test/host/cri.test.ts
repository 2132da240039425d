import http2 from 'node:http2'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { WorkflowError } from '../../lib/errors.js'
import { connectRuntime } from '../../lib/host/cri.js'
import { rejects } from '../support/context.js'
import { inTempDir } from '../support/temp.js'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const text = (value: string) => Buffer.from(value)
/** A field of a message, written by hand: tag, length, value. */
const field = (number: number, value: Buffer) =>
  Buffer.concat([hex(((number << 3) | 2).toString(16).padStart(2, '0')), Buffer.from([value.length]), value])
const frame = (message: Buffer) => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** What a runtime says to a call: a message, or gRPC's status with a text. */
type Say =
  | Buffer
  | readonly [status: string, message: string]
  | 'silence'
  | 'cut'
  | ((stream: http2.ServerHttp2Stream) => void)

/** A container runtime that says what it was told to. */
async function withRuntime(
  dir: string,
  says: Readonly<Record<string, Say>>,
  work: (socket: string, asked: { readonly method: string; readonly message: Buffer }[]) => Promise<void>,
): Promise<void> {
  const asked: { method: string; message: Buffer }[] = []
  const server = http2.createServer()
  const streams = new Set<http2.ServerHttp2Session>()
  server.on('session', session => streams.add(session))
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const method = String(headers[':path'])
      const body = Buffer.concat(chunks)
      assert.is(headers['content-type'], 'application/grpc')
      assert.is(headers['te'], 'trailers')
      assert.match(String(headers['grpc-timeout']), /^[0-9]+m$/)
      assert.is(body.readUInt32BE(1), body.length - 5)
      asked.push({ method, message: body.subarray(5) })
      const say = says[method] ?? ['12', `unknown service ${method}`]
      if (say === 'silence') return
      if (say === 'cut') return stream.session?.destroy()
      if (typeof say === 'function') return say(stream)
      if (Buffer.isBuffer(say)) {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
        stream.end(frame(say))
      } else {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': say[0], 'grpc-message': say[1] },
          { endStream: true },
        )
      }
    })
  })
  const socket = join(dir, 'cri.sock')
  await new Promise<void>(resolve => server.listen(socket, resolve))
  try {
    await work(socket, asked)
  } finally {
    for (const session of streams) session.destroy()
    await new Promise(resolve => server.close(resolve))
  }
}

// VersionResponse: version 0.1.0, runtime_name, runtime_version, runtime_api_version (api.proto of CRI v1).
const VERSION = Buffer.concat([
  field(1, text('0.1.0')),
  field(2, text('containerd')),
  field(3, text('1.7.2')),
  field(4, text('v1')),
])
const V1 = '/runtime.v1.RuntimeService'
const IMAGES = '/runtime.v1.ImageService'

test(
  'a runtime says what it is, and what it waits for',
  inTempDir(async dir => {
    const ready = Buffer.concat([field(1, text('RuntimeReady')), hex('10 01')])
    const network = Buffer.concat([
      field(1, text('NetworkReady')),
      field(3, text('NoPlugin')),
      field(4, text('no cni')),
    ])
    const says = {
      [`${V1}/Version`]: VERSION,
      [`${V1}/Status`]: field(1, Buffer.concat([field(1, ready), field(1, network)])),
    }
    await withRuntime(dir, says, async socket => {
      const runtime = connectRuntime(`unix://${socket}`)
      assert.equal(await runtime.status(), {
        runtime: 'containerd 1.7.2',
        notReady: ['NetworkReady (NoPlugin: no cni)'],
        hasRuntimeConfig: false,
      })
      runtime.close()
    })
    await withRuntime(dir, { ...says, [`${V1}/RuntimeConfig`]: Buffer.alloc(0) }, async socket => {
      const runtime = connectRuntime(socket)
      assert.is((await runtime.status()).hasRuntimeConfig, true)
      runtime.close()
    })
  }),
)

test(
  'images are asked for and fetched by name',
  inTempDir(async dir => {
    const says = {
      [`${V1}/Version`]: VERSION,
      [`${IMAGES}/ImageStatus`]: field(1, field(1, text('sha256:1'))),
      [`${IMAGES}/PullImage`]: field(1, text('sha256:1')),
    }
    await withRuntime(dir, says, async (socket, asked) => {
      const runtime = connectRuntime(socket)
      assert.is(await runtime.hasImage('pause:3.9'), true)
      await runtime.pullImage('pause:3.9')
      // ImageSpec in field 1, whose field 1 is the image.
      const spec = `0a0b0a09${text('pause:3.9').toString('hex')}`
      assert.equal(
        asked.slice(1).map(({ method, message }) => [method, message.toString('hex')]),
        [
          [`${IMAGES}/ImageStatus`, spec],
          [`${IMAGES}/PullImage`, spec],
        ],
      )
      runtime.close()
    })
    await withRuntime(dir, { ...says, [`${IMAGES}/ImageStatus`]: Buffer.alloc(0) }, async socket => {
      const runtime = connectRuntime(socket)
      assert.is(await runtime.hasImage('pause:3.9'), false)
      runtime.close()
    })
  }),
)

test(
  'sandboxes are listed, stopped and removed; an older runtime is spoken to in its version',
  inTempDir(async dir => {
    const old = '/runtime.v1alpha2.RuntimeService'
    const sandbox = (id: string, name: string) =>
      field(
        1,
        Buffer.concat([
          field(1, text(id)),
          field(2, Buffer.concat([field(1, text(name)), field(3, text('kube-system'))])),
          hex('18 01 20 ff ff 03'),
        ]),
      )
    const says = {
      [`${old}/Version`]: VERSION,
      [`${old}/ListPodSandbox`]: Buffer.concat([sandbox('a1', 'etcd-cp-1'), sandbox('b2', 'kube-proxy-x')]),
      [`${old}/StopPodSandbox`]: Buffer.alloc(0),
      [`${old}/RemovePodSandbox`]: Buffer.alloc(0),
    }
    await withRuntime(dir, says, async (socket, asked) => {
      const runtime = connectRuntime(socket)
      assert.equal(await runtime.sandboxes(), [
        { id: 'a1', name: 'etcd-cp-1', namespace: 'kube-system' },
        { id: 'b2', name: 'kube-proxy-x', namespace: 'kube-system' },
      ])
      await runtime.removeSandbox('a1')
      assert.equal(
        asked.map(({ method, message }) => `${method} ${message.toString('hex')}`.trim()),
        [
          `${V1}/Version`,
          `${old}/Version`,
          `${old}/ListPodSandbox`,
          `${old}/StopPodSandbox 0a026131`,
          `${old}/RemovePodSandbox 0a026131`,
        ],
      )
      runtime.close()
    })
  }),
)

for (const [what, say, status, message] of [
  ['refuses', ['5', 'no such%20image%0a%1b[31m'], 5, /no such image \[31m$/],
  ['says nothing of why', ['2', ''], 2, /gRPC status 2$/],
  ['cuts the connection', 'cut', 14, /the connection was cut/],
  ['answers with another message', hex('0a 05 61'), 13, /cannot be read/],
  [
    'speaks HTTP only',
    (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ':status': 404 })
      stream.end('not found')
    },
    13,
    /HTTP status 404/,
  ],
  [
    'has no trailers',
    (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      stream.end(frame(VERSION))
    },
    13,
    /does not speak gRPC/,
  ],
  [
    'compresses',
    (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(hex('01 00 00 00 00'))
    },
    13,
    /not one whole message/,
  ],
  [
    'answers without an end',
    (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      const piece = Buffer.alloc(1024 * 1024)
      const write = (): boolean | undefined => (stream.destroyed ? undefined : stream.write(piece, write as () => void))
      write()
    },
    8,
    /larger than 16 MiB/,
  ],
] as const)
  test(
    `a runtime that ${what} has failed`,
    inTempDir(async dir => {
      await withRuntime(dir, { [`${V1}/Version`]: VERSION, [`${V1}/ListPodSandbox`]: say }, async socket => {
        const runtime = connectRuntime(socket)
        const error = await rejects(runtime.sandboxes())
        assert.instance(error, WorkflowError)
        assert.is(error.code, 'KPKI_CRI_FAILED')
        assert.is(error.details['status'], status)
        assert.match(error.message, message)
        assert.not.match(error.message, /\p{Cc}/u)
        runtime.close()
      })
    }),
  )

test(
  'who does not listen, or does not speak CRI, is said to',
  inTempDir(async dir => {
    for (const [socket, problem] of [
      [join(dir, 'none.sock'), /there is no such socket/],
      ['npipe:////./pipe/containerd-containerd', /is not a unix socket/],
      ['tcp://127.0.0.1:1', /is not a unix socket/],
    ] as const) {
      const error = await rejects(connectRuntime(socket).status())
      assert.is(error.code, 'KPKI_CRI_FAILED')
      assert.match(error.message, problem)
    }
    await withRuntime(dir, {}, async socket => {
      const runtime = connectRuntime(socket)
      assert.match((await rejects(runtime.status())).message, /does not speak CRI/)
      runtime.close()
    })
  }),
)

test.run()
