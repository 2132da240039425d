import { decodeUtf8 } from '../crypto/bytes.js'
import { ApiError, type KpkiError, NetworkError } from '../errors.js'
import { isJsonObject } from '../json.js'
import { CLUSTER_INFO, type ClusterInfo, parseClusterInfo } from './cluster-info.js'

/** What a server said when it was asked for `cluster-info`. */
export interface DiscoveryAnswer {
  /** Of HTTP. */
  readonly status: number
  readonly body: Uint8Array
  /** `Date` of its head: its clock, as far as it may be believed. */
  readonly date: string | undefined
  /** `Location` of its head. */
  readonly location: string | undefined
}

const BOOTSTRAP_PHASE =
  'on a control plane, kubeadm init phase bootstrap-token makes it, and the rule that lets everybody read it'

/** What to say of a status other than 200 with a Status object of the API; `undefined` where there is nothing special to say. */
const REFUSALS: Readonly<Record<number, (details: { status: number }) => KpkiError>> = {
  401: details =>
    new ApiError(
      'KPKI_API_UNAUTHORIZED',
      'the API server lets nobody in without credentials, not even for cluster-info',
      {
        details,
        hint:
          'it runs with --anonymous-auth=false, or does not allow this path in its AuthenticationConfiguration: join with ' +
          '--discovery-file in place of a token',
      },
    ),
  403: details =>
    new ApiError('KPKI_API_FORBIDDEN', 'the API server does not let everybody read cluster-info', {
      details,
      hint: `the Role and RoleBinding kubeadm:bootstrap-signer-clusterinfo in kube-public are missing: ${BOOTSTRAP_PHASE}`,
    }),
  404: details =>
    new ApiError('KPKI_CLUSTER_INFO_MISSING', 'the cluster has no ConfigMap cluster-info in kube-public', {
      details,
      hint: BOOTSTRAP_PHASE,
    }),
}

/**
 * Reads `cluster-info` out of what a server said.
 *
 * @param server - for messages, e.g. `10.0.0.10:6443`
 * @throws {@link NetworkError} `KPKI_NET_RESPONSE`; {@link ApiError} `KPKI_API_UNAUTHORIZED`, `KPKI_API_FORBIDDEN`,
 *   `KPKI_CLUSTER_INFO_MISSING`; {@link EncodingError} `KPKI_CLUSTER_INFO_INVALID`
 */
export function readDiscoveryAnswer({ status, body, location }: DiscoveryAnswer, server: string): ClusterInfo {
  const details = { status }
  const wrong = (problem: string, hint: string) =>
    new NetworkError('KPKI_NET_RESPONSE', `${server} ${problem}`, { details, hint })
  if (status >= 300 && status < 400) {
    const place = location === undefined ? '' : ` to ${JSON.stringify(location.slice(0, 200))}`
    throw wrong(`sends elsewhere${place} (status ${status})`, 'name the API server itself: it never does so')
  }
  if (status === 429 || status >= 500) {
    throw wrong(`cannot answer now (status ${status})`, 'look at the logs of the API server, and at its etcd')
  }
  const text = decodeUtf8(body)
  const object = text === undefined ? undefined : parseJson(text)
  const isStatus = isJsonObject(object) && object['kind'] === 'Status'
  const refusal = REFUSALS[status]
  if (refusal && (isStatus || status !== 404)) throw refusal(details)
  const notApi = 'check that it is an API server that listens there'
  if (status !== 200) throw wrong(`gives no cluster-info, but status ${status}`, notApi)
  if (!isJsonObject(object)) throw wrong('answers with something else than JSON', notApi)
  const info = parseClusterInfo(object)
  if (info) return info
  throw new ApiError('KPKI_CLUSTER_INFO_MISSING', `${CLUSTER_INFO.name} of the cluster has no kubeconfig in it`, {
    details,
    hint: BOOTSTRAP_PHASE,
  })
}

/** Whether asking again may bring another answer: the control plane is perhaps still coming up. */
export function mayComeUp({ code, details }: KpkiError): boolean {
  const { status, errno } = details
  switch (code) {
    case 'KPKI_NET_UNREACHABLE':
      return errno !== 'ENOTFOUND'
    case 'KPKI_NET_RESPONSE':
      return typeof status === 'number' && (status === 429 || status >= 500)
    case 'KPKI_NET_TIMEOUT':
    // The rule comes after cluster-info, and both after the API server.
    case 'KPKI_API_FORBIDDEN':
    case 'KPKI_CLUSTER_INFO_MISSING':
    // The signature is made by the controller manager, a moment after the token.
    case 'KPKI_TOKEN_UNKNOWN':
      return true
    default:
      return false
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
