import { writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { parse as parseYaml } from 'yaml'
import type { ObjectName } from '../../lib/access/api.js'
import { ApiError } from '../../lib/errors.js'
import { type KubernetesObject, RESOURCES, type ResourceKind } from '../../lib/kubernetes/objects.js'
import { answerJson, FakeServer, type SeenRequest, TestCa } from './lying-server.js'
import { MemoryApi } from './memory-api.js'

/** An API server in this process, over TLS, as far as the command line asks one: objects in memory, and no watches. */
export interface MemoryServer {
  readonly api: MemoryApi
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly url: string
  readonly requests: readonly SeenRequest[]
  close(): Promise<void>
}

/** Answers in place of a server; whether it did. */
export type Spoil = (
  request: IncomingMessage,
  response: ServerResponse,
  answer: (response: ServerResponse) => Promise<void>,
) => boolean

/**
 * Starts one.
 *
 * @param dir - where its kubeconfig goes
 * @param givenCa - of its certificate, and of the kubeconfig. Default: one of its own
 * @param spoil - may answer in its place, or cut the connection, with `answer` for what it should have said; whether it did. Default:
 *   nobody does
 */
export async function startMemoryServer(
  dir: string,
  initial: readonly KubernetesObject[] = [],
  givenCa?: TestCa,
  spoil: Spoil = () => false,
): Promise<MemoryServer> {
  const ca = givenCa ?? (await TestCa.create())
  const api = new MemoryApi(initial)
  const server = await FakeServer.start({
    pair: await ca.issue(),
    answer: (request, response) => {
      const { body = '' } = server.requests.at(-1) ?? {}
      if (!spoil(request, response, other => answer(api, request, body, other)))
        void answer(api, request, body, response)
    },
  })
  const kubeconfig = join(dir, 'memory.conf')
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority-data': base64(ca.pem) } }],
    users: [{ name: 'u', user: { token: 'memory' } }],
  }
  writeFileSync(kubeconfig, JSON.stringify(config))
  return { api, kubeconfig, url: server.url, requests: server.requests, close: () => server.close() }
}

async function answer(api: MemoryApi, request: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = request
  const { pathname, searchParams } = new URL(url, 'https://x')
  const place =
    /^\/apis?\/(?<apiVersion>(?:[a-z0-9.]+\/)?v1)(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<plural>[a-z]+)(?:\/(?<name>[^/]+))?$/.exec(
      pathname,
    )?.groups
  const kind = (Object.keys(RESOURCES) as ResourceKind[]).find(
    key => RESOURCES[key].plural === place?.['plural'] && RESOURCES[key].apiVersion === place['apiVersion'],
  )
  const details = { name: decodeURIComponent(place?.['name'] ?? ''), kind: place?.['plural'] }
  const status = (code: number, reason: string, message: string) =>
    answerJson(response, code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message, details })
  if (headers.authorization !== 'Bearer memory') return status(401, 'Unauthorized', 'Unauthorized')
  if (method === 'POST' && pathname === '/apis/authentication.k8s.io/v1/selfsubjectreviews') {
    const userInfo = { username: 'memory', groups: ['system:masters', 'system:authenticated'] }
    return answerJson(response, 201, { ...JSON.parse(body), status: { userInfo } })
  }
  if (!place || !kind) return status(404, 'NotFound', 'the server could not find the requested resource')
  const { namespace, name } = place
  const object: ObjectName = {
    kind,
    name: decodeURIComponent(name ?? ''),
    ...(namespace === undefined ? {} : { namespace }),
  }
  const absent = () => status(404, 'NotFound', `${place['plural']} "${object.name}" not found`)
  try {
    if (method === 'GET' && name === undefined) {
      const fieldSelector = searchParams.get('fieldSelector')
      const items = await api.list(kind, {
        ...(namespace === undefined ? {} : { namespace }),
        ...(fieldSelector === null ? {} : { fieldSelector }),
      })
      answerJson(response, 200, { apiVersion: RESOURCES[kind].apiVersion, kind: `${kind}List`, metadata: {}, items })
    } else if (method === 'GET') {
      const found = await api.get(object)
      found ? answerJson(response, 200, found) : absent()
    } else if (method === 'POST') {
      answerJson(response, 201, await api.create(parseYaml(body)))
    } else if (method === 'PATCH') {
      const isApply = headers['content-type']?.startsWith('application/apply-patch') === true
      answerJson(response, 200, isApply ? await api.apply(parseYaml(body)) : await api.patch(object, parseYaml(body)))
    } else if (method === 'DELETE') {
      if (await api.delete(object)) answerJson(response, 200, { apiVersion: 'v1', kind: 'Status', status: 'Success' })
      else absent()
    } else status(405, 'MethodNotAllowed', method)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    status(Number(error.details['status']), String(error.details['reason'] ?? ''), error.message)
  }
}
