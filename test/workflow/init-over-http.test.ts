/** What goes wrong between `init` and its API server, over HTTP and through the real client. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClusterApi } from '../../lib/access/api.js'
import { parseCertificateKey } from '../../lib/access/certificate-key.js'
import { readClusterConnection } from '../../lib/access/kubeconfig-connection.js'
import { KpkiError } from '../../lib/errors.js'
import { connectCluster } from '../../lib/host/api-client.js'
import { prepareInit } from '../../lib/workflow/init-cluster.js'
import { INIT_PHASES } from '../../lib/workflow/phases/init.js'
import { runPhases } from '../../lib/workflow/phases/runner.js'
import { testContext } from '../support/context.js'
import { initHost } from '../support/init.js'
import { answerJson } from '../support/lying-server.js'
import { type Spoil, startMemoryServer } from '../support/memory-server.js'

const dir = mkdtempSync(join(tmpdir(), 'kpki-init-http-'))
test.after(() => rmSync(dir, { recursive: true, force: true }))

const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'cp-1', labels: { 'kubernetes.io/hostname': 'cp-1' } },
  spec: {},
}
/** What asks the cluster, and what that needs. */
const ONLY = ['certs', 'upload-config', 'upload-certs', 'mark-control-plane', 'bootstrap-token', 'addon']
const LAST = 'show-join-command'

interface Cluster {
  /** The question, counted from 1, that a fault meets. */
  fault: (request: IncomingMessage) => Fault | undefined
  readonly run: () => Promise<unknown>
  readonly state: () => unknown
  readonly requests: () => readonly string[]
  readonly close: () => Promise<void>
}

/** Does what is wrong. */
type Fault = (...args: Parameters<Spoil>) => void

const FAULTS: Readonly<Record<string, Fault>> = {
  '429 with Retry-After': (_request, response) =>
    answerJson(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '0' }),
  '500': (_request, response) => answerJson(response, 500, status(500, 'InternalError')),
  '503 with Retry-After': (_request, response) =>
    answerJson(response, 503, status(503, 'ServiceUnavailable'), { 'retry-after': '0' }),
  'cut before it was done': request => void request.socket.destroy(),
  'cut when it was done, before an answer': (request, _response, answer) => {
    void answer(new ServerResponse(request)).then(() => request.socket.destroy())
  },
  'cut in the answer': (request, response, answer) => {
    void answer(new ServerResponse(request)).then(() => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
      response.write('{"kind":', () => request.socket.destroy())
    })
  },
}

function status(code: number, reason: string) {
  return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message: reason, reason, code }
}

async function setUp(): Promise<Cluster> {
  let fault: Cluster['fault'] = () => undefined
  const server = await startMemoryServer(dir, [NODE], undefined, (request, response, answer) => {
    const found = fault(request)
    found?.(request, response, answer)
    return found !== undefined
  })
  const text = readFileSync(server.kubeconfig, 'utf8')
  const connection = await readClusterConnection(text, { what: 'memory.conf', readFile: async () => undefined })
  const { controlPlane, hands } = await initHost({ version: 'v1.33.1', api: server.api })
  const uploadCerts = parseCertificateKey('ab'.repeat(32))
  return {
    set fault(value: Cluster['fault']) {
      fault = value
    },
    async run() {
      let api: ClusterApi | undefined
      const connect = async () => {
        // As connectAdministrator does it.
        api ??= connectCluster(connection, testContext(), { totalMs: 2000, maxRetries: 2, isExpected: true })
        return api
      }
      try {
        const facts = { ...(await prepareInit(controlPlane, hands)), uploadCerts }
        return await runPhases(
          INIT_PHASES,
          facts,
          { ...hands, connect },
          { only: [...ONLY, LAST], command: 'kpki init' },
        )
      } finally {
        api?.close()
      }
    },
    state: () => [...server.api.objects.keys()].map(key => key.replace(/(bootstrap-token-).*/, '$1')).sort(),
    requests: () => server.requests.map(({ method, url, headers }) => kindOf(method, url, headers['content-type'])),
    close: () => server.close(),
  }
}

/** Kinds of questions: each meets each fault. */
function kindOf(method: string, url: string, type = ''): string {
  const { pathname } = new URL(url, 'https://x')
  if (method === 'PATCH') return type.includes('apply') ? 'apply' : 'patch'
  if (method === 'POST') return 'create'
  return pathname.endsWith('/secrets') ? 'list' : 'get'
}

let whole: unknown
const KINDS = ['get', 'list', 'apply', 'create', 'patch'] as const

test('undisturbed, it asks all kinds of questions', async () => {
  const cluster = await setUp()
  try {
    await cluster.run()
    whole = cluster.state()
    assert.equal([...new Set(cluster.requests())].sort(), [...KINDS].sort())
  } finally {
    await cluster.close()
  }
})

for (const [name, spoil] of Object.entries(FAULTS)) {
  for (const kind of KINDS) {
    test(`${name}, at the first and a later ${kind}: it completes, or a clear line and the second run completes`, async () => {
      for (const nth of [1, 4]) {
        const cluster = await setUp()
        let count = 0
        cluster.fault = ({ method = '', url = '', headers }) =>
          kindOf(method, url, headers['content-type']) === kind && ++count === nth ? spoil : undefined
        try {
          const failure = await cluster.run().then(
            () => undefined,
            (error: unknown) => error,
          )
          if (failure !== undefined) assertClear(failure)
          // What may be repeated is, and what a server says that it has not done.
          if (name.includes('Retry-After') || ['get', 'list', 'apply'].includes(kind)) assert.is(failure, undefined)
          if (failure !== undefined) await cluster.run()
          assert.equal(cluster.state(), whole ?? cluster.state())
        } finally {
          await cluster.close()
        }
      }
    })
  }
}

for (const [name, spoil] of Object.entries(FAULTS)) {
  test(`${name}, from the middle on: a clear line, and the next run completes`, async () => {
    const cluster = await setUp()
    let count = 0
    cluster.fault = () => (++count > 12 ? spoil : undefined)
    try {
      const failure = await cluster.run().then(
        () => assert.unreachable(),
        (error: unknown) => error,
      )
      assertClear(failure)
      cluster.fault = () => undefined
      await cluster.run()
      assert.equal(cluster.state(), whole ?? cluster.state())
    } finally {
      await cluster.close()
    }
  })
}

/** A line that names the phase and the server or its answer, and a hint how to go on. */
function assertClear(failure: unknown): void {
  if (!(failure instanceof KpkiError)) throw failure
  assert.is(failure.code, 'KPKI_PHASE_FAILED')
  assert.match(
    failure.message,
    /^phase [a-z/-]+: .*(127\.0\.0\.1:\d+|TooManyRequests|InternalError|ServiceUnavailable)/,
  )
  assert.not.match(failure.message, /\n|KPKI_INTERNAL/)
  assert.match(failure.hint ?? '', /run kpki init again: what is done stays/)
}

test.run()
