import { showUrl } from '../access/server-url.js'
import { decodeUtf8 } from '../crypto/bytes.js'
import { ApiError, type CodeOf, NetworkError } from '../errors.js'
import { printable } from '../inspect/picture-text.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import type { HttpsAnswer } from './https.js'

/** Takes out of a text what should not be repeated. */
export type Hide = (text: string) => string

/** A `Status`, as far as it is looked at. */
export interface Status {
  readonly code: number
  readonly reason: string
  readonly message: string
  /** Of the object that it is about. */
  readonly name: string | undefined
  readonly causes: readonly string[]
}

const LONGEST_MESSAGE = 500
const MOST_CAUSES = 10

/**
 * What an answer other than success says.
 *
 * @param what - what was asked, for people, e.g. `get secrets "x"`
 * @param server - for people
 * @param hide - takes out of what the server says what it was sent and should not repeat
 */
export function toApiError(
  answer: Pick<HttpsAnswer, 'status' | 'headers'> & { readonly body: Uint8Array },
  what: string,
  server: string,
  hide: Hide = text => text,
): ApiError | NetworkError {
  const { status: http, headers, body } = answer
  if (http >= 300 && http < 400) {
    const target = headers['location'] === undefined ? '' : ` to ${printable(hide(showUrl(headers['location']).text))}`
    return new NetworkError('KPKI_NET_RESPONSE', `${server} redirects (${http})${target}; kpki follows nobody`, {
      details: { status: http },
      hint: 'give the address of the API server itself',
    })
  }
  const status = readStatus(parseObject(body), http)
  if (http < 400 || (!status && http >= 500)) {
    return new NetworkError('KPKI_NET_RESPONSE', `${server} answers ${http}, and not as an API server does`, {
      details: { status: http },
      hint: 'check that it is an API server that answers there, and what stands between',
    })
  }
  return statusError(status ?? { code: http, reason: '', message: '', name: undefined, causes: [] }, what, server, hide)
}

/** The error of a Status object. */
export function statusError(status: Status, what: string, server: string, hide: Hide = text => text): ApiError {
  const { code, reason } = status
  const said = printable(hide(withoutObjects(status.message)), LONGEST_MESSAGE)
  const causes = status.causes
    .slice(0, MOST_CAUSES)
    .map(cause => printable(hide(withoutObjects(cause)), LONGEST_MESSAGE))
  const details = {
    status: code,
    ...(reason === '' ? {} : { reason: printable(hide(reason), 100) }),
    ...(causes.length === 0 ? {} : { causes }),
    server,
  }
  const kind = codeOf(code, reason)
  return new ApiError(kind, `${what}: ${said === '' ? `the API server answers ${code}` : said}`, {
    details,
    ...HINTS[kind],
  })
}

const HINTS: Readonly<Partial<Record<CodeOf<'api'>, { readonly hint: string }>>> = {
  KPKI_API_UNAUTHORIZED: {
    hint: "the kubeconfig's certificate or token is not, or no longer, valid there: check it with kpki kubeconfig show",
  },
  KPKI_API_FORBIDDEN: { hint: 'use a kubeconfig of somebody who may, e.g. --kubeconfig /etc/kubernetes/admin.conf' },
  KPKI_API_CONFLICT: { hint: 'somebody else works on the same object: look at it, and try again' },
}

function codeOf(code: number, reason: string): CodeOf<'api'> {
  if (code === 401) return 'KPKI_API_UNAUTHORIZED'
  if (code === 403) return 'KPKI_API_FORBIDDEN'
  if (code === 404) return 'KPKI_API_NOT_FOUND'
  if (code === 409) return reason === 'AlreadyExists' ? 'KPKI_API_EXISTS' : 'KPKI_API_CONFLICT'
  return 'KPKI_API_REFUSED'
}

/**
 * Reads a `Status`; `undefined` when it is none.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go (Status)
 */
export function readStatus(value: Readonly<Record<string, unknown>> | undefined, http: number): Status | undefined {
  if (value?.['kind'] !== 'Status') return undefined
  const { code, reason, message } = value
  const details = toFields(value['details'])
  const causes = Array.isArray(details?.['causes']) ? (details['causes'] as readonly unknown[]) : []
  return {
    code: typeof code === 'number' && code >= 400 && code < 600 ? code : http,
    reason: typeof reason === 'string' ? reason : '',
    message: typeof message === 'string' ? message : '',
    name: typeof details?.['name'] === 'string' ? details['name'] : undefined,
    causes: causes.flatMap(cause => {
      const { field = '', message: text = '' } = toFields(cause) ?? {}
      return typeof field === 'string' && typeof text === 'string' ? [field === '' ? text : `${field}: ${text}`] : []
    }),
  }
}

/** JSON of an object; `undefined` when the bytes are something else. */
export function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const text = decodeUtf8(body)
  try {
    return text === undefined ? undefined : toFields(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Whether JSON is an object of Kubernetes. */
export function isKubernetesObject(value: unknown): value is KubernetesObject {
  const fields = toFields(value)
  return (
    typeof fields?.['kind'] === 'string' &&
    typeof fields['apiVersion'] === 'string' &&
    toFields(fields['metadata'] ?? {}) !== undefined
  )
}

/** An object of JSON: neither a list nor nothing. */
export function toFields(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

/** API servers repeat what they do not understand: pieces of whole Secrets, cut anywhere, in errors of their decoder. */
function withoutObjects(message: string): string {
  return message.replace(/,? ?error found in #\d+ byte of .*$/s, '')
}
