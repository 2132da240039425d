import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { createServer } from 'node:net'
import { availableParallelism, hostname, release, totalmem } from 'node:os'
import { decodeUtf8, encodeUtf8 } from '../crypto/bytes.js'
import { NetworkError, WorkflowError } from '../errors.js'
import type { HostSystem, WebAnswer, WebOptions } from '../workflow/host.js'
import { connectRuntime } from './cri.js'
import { Deadline } from './deadline.js'
import { failureCode } from './disk-errors.js'
import { exchangeHttps } from './https.js'
import { type Peer, peerDetails, peerName, urlError } from './network-errors.js'
import { findProgram } from './programs.js'
import { type Environment, findProxy } from './proxy.js'
import { runProgram } from './run-program.js'
import { findServices } from './services.js'

const FETCH_TIMEOUT_MS = 5000
const LOOKUP_TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 1024 * 1024

/**
 * The host that this runs on.
 *
 * @param env - `PATH` for its programs, and what they are given; `HTTPS_PROXY`, `NO_PROXY`
 */
export function nodeSystem(env: Environment): HostSystem {
  const which = (program: string) => findProgram(program, env)
  const run: HostSystem['run'] = async (program, args, options) => {
    const path = await which(program)
    if (path === undefined) {
      throw new WorkflowError('KPKI_PROGRAM_FAILED', `${program} is not in PATH`, {
        details: { path: program },
        hint: `install ${program}, or put its directory into PATH`,
      })
    }
    return runProgram(path, args, { env, ...options })
  }
  return {
    platform: process.platform,
    uid: process.geteuid?.() ?? -1,
    cpus: countCpus(),
    memoryBytes: totalmem(),
    kernelRelease: release(),
    hostname: hostname(),
    env,
    services: () => findServices(run, which),
    which,
    run,
    listen,
    resolve,
    fetch: fetchOnce,
    runtime: connectRuntime,
    proxyFor: url => proxyFor(url, env),
  }
}

/** Those that this process may run on, as Go's `runtime.NumCPU` has it; quotas of a cgroup do not count. */
function countCpus(): number {
  try {
    const mask = /^Cpus_allowed:\s*([0-9a-f,]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    const bits = [...(mask ?? '')].flatMap(digit => [...(Number.parseInt(digit, 16) || 0).toString(2)])
    return bits.filter(bit => bit === '1').length || availableParallelism()
  } catch {
    return availableParallelism()
  }
}

/** As Go listens: without an address for both families, where the host has both. */
const listen: HostSystem['listen'] = (address, port) =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', error => {
      const state = LISTEN_FAILURES[failureCode(error)]
      if (state === undefined) reject(error)
      else resolve(state)
    })
    server.listen({ port, exclusive: true, ...(address === undefined ? {} : { host: address }) }, () => {
      server.close(() => resolve('free'))
    })
  })

const LISTEN_FAILURES: Readonly<Record<string, Awaited<ReturnType<HostSystem['listen']>>>> = {
  EADDRINUSE: 'taken',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EADDRNOTAVAIL: 'no-such-address',
  EAFNOSUPPORT: 'no-such-address',
  ENOTFOUND: 'no-such-address',
}

/** By the host's own ways: /etc/hosts, name servers. */
async function resolve(name: string): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined
  const noAnswer = new Promise<readonly []>(end => {
    timer = setTimeout(() => end([]), LOOKUP_TIMEOUT_MS)
  })
  try {
    return await Promise.race([lookup(name, { all: true }).then(all => all.map(({ address }) => address)), noAnswer])
  } catch {
    return []
  } finally {
    clearTimeout(timer)
  }
}

async function fetchOnce(url: string, options: WebOptions = {}): Promise<WebAnswer> {
  const { ca, certPem, keyPem, timeoutMs = FETCH_TIMEOUT_MS, json } = options
  const body = json === undefined ? undefined : encodeUtf8(JSON.stringify(json))
  const request = {
    method: body === undefined ? 'GET' : 'POST',
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body,
    timeoutMs,
    maxBytes: MAX_ANSWER_BYTES,
  }
  if (url.startsWith('http://')) return fetchPlain(url, request)
  const answer = await exchangeHttps({
    url,
    trust: ca === undefined ? 'unverified' : { caPem: ca },
    ...(certPem === undefined || keyPem === undefined ? {} : { client: { certificatePem: certPem, keyPem } }),
    ...request,
  })
  return { status: answer.status, body: decodeUtf8(answer.body) ?? '' }
}

/** For what has no TLS: the kubelet's healthz, and etcd where somebody runs it so. Nothing secret is sent. */
async function fetchPlain(
  url: string,
  request: {
    readonly method: string
    readonly headers: http.OutgoingHttpHeaders
    readonly body: Uint8Array | undefined
    readonly timeoutMs: number
    readonly maxBytes: number
  },
): Promise<WebAnswer> {
  if (!URL.canParse(url)) throw urlError(url, 'is not a URL')
  const { hostname: name, port, pathname, search } = new URL(url)
  const peer: Peer = { host: name.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) }
  const deadline = new Deadline(peer, request.timeoutMs, undefined)
  try {
    return await deadline.race(
      new Promise<WebAnswer>((resolve, reject) => {
        const { method, headers } = request
        const asked = http.request({ ...peer, path: `${pathname}${search}`, method, headers, agent: false })
        deadline.onEnd(() => asked.destroy())
        asked.once('error', reject)
        asked.once('response', message => {
          deadline.phase = 'body'
          const chunks: Buffer[] = []
          let length = 0
          message.on('data', (chunk: Buffer) => {
            length += chunk.length
            chunks.push(chunk)
            if (length > request.maxBytes) {
              message.destroy()
              reject(
                new NetworkError('KPKI_NET_RESPONSE', `${peerName(peer)} sends more than ${request.maxBytes} bytes`, {
                  details: peerDetails(peer, 'body'),
                  hint: 'check what it is that answers there',
                }),
              )
            }
          })
          message.once('error', reject)
          message.once('end', () =>
            resolve({ status: message.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
          )
        })
        asked.end(request.body)
      }),
    )
  } finally {
    deadline.clear()
  }
}

function proxyFor(url: string, env: Environment): string | undefined {
  try {
    const proxy = findProxy(url, env)
    return proxy && `${proxy.protocol}://${peerName(proxy)}`
  } catch {
    // Of a kind that kpki does not speak; components of Kubernetes may.
    return 'the one that HTTPS_PROXY names'
  }
}
