import { decodeUtf8 } from '../crypto/bytes.js'
import { WorkflowError } from '../errors.js'
import type { ContainerRuntime, PodSandbox } from '../workflow/host.js'
import { GRPC_STATUS, GrpcClient, type GrpcResult } from './grpc.js'
import { formatProto, type ProtoField, type ProtoFields, parseProto } from './protobuf.js'

/** Of containerd since 1.6 and CRI-O since 1.23 the first; older ones have only the other. */
const VERSIONS = ['runtime.v1', 'runtime.v1alpha2'] as const
type CriVersion = (typeof VERSIONS)[number]

const CALL_TIMEOUT_MS = 10_000
/** As long as the kubelet gives the stopping of a Pod's containers, and more. */
const STOP_TIMEOUT_MS = 4 * 60_000
const PULL_TIMEOUT_MS = 20 * 60_000

/** An answer's fields by number, where each is looked for once. */
interface Message {
  readonly text: (number: number) => string
  readonly flag: (number: number) => boolean
  /** Messages below it. */
  readonly all: (number: number) => readonly Message[]
}

/**
 * A container runtime that listens on a unix socket; connects on first use.
 *
 * The few calls that are needed are written out instead of taken from a client library: `@grpc/grpc-js` with its loader brings
 * a dozen packages, for seven messages of strings and flags.
 *
 * @param socket - e.g. `unix:///run/containerd/containerd.sock`, or the path alone
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto (numbers of the fields)
 */
export function connectRuntime(socket: string): ContainerRuntime {
  const path = socket.replace(/^unix:\/\//, '')
  const client = new GrpcClient(path)
  let known: CriVersion | undefined

  const failed = (method: string, { status, problem }: { readonly status: number; readonly problem: string }) =>
    new WorkflowError('KPKI_CRI_FAILED', `the container runtime at ${path} failed (${method}): ${problem}`, {
      details: { socket: path, method, status },
      hint:
        status === GRPC_STATUS.unavailable
          ? 'start the container runtime, or name the socket that it listens on (--cri-socket)'
          : "look into the container runtime's own log",
    })

  /** The newest version that it speaks; there is none where it does not know the service at all. */
  const version = async (): Promise<CriVersion> => {
    if (known) return known
    for (const candidate of VERSIONS) {
      const result = await client.call(`/${candidate}.RuntimeService/Version`, new Uint8Array(), CALL_TIMEOUT_MS)
      if (result.ok) {
        known = candidate
        return candidate
      }
      if (result.status !== GRPC_STATUS.unimplemented) throw failed('Version', result)
    }
    throw failed('Version', {
      status: GRPC_STATUS.unimplemented,
      problem: 'what listens there does not speak CRI; containerd may have its cri plugin disabled',
    })
  }

  const ask = async (
    service: 'RuntimeService' | 'ImageService',
    method: string,
    fields: readonly ProtoField[],
    timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<GrpcResult> => {
    if (!path.startsWith('/')) {
      const problem = `${JSON.stringify(socket)} is not a unix socket`
      throw failed(method, { status: GRPC_STATUS.unavailable, problem })
    }
    return client.call(`/${await version()}.${service}/${method}`, formatProto(fields), timeoutMs)
  }

  const call = async (...args: Parameters<typeof ask>): Promise<Message> => {
    const result = await ask(...args)
    if (!result.ok) throw failed(args[1], result)
    const fields = parseProto(result.message)
    if (!fields) throw failed(args[1], { status: GRPC_STATUS.internal, problem: 'the answer cannot be read' })
    return toMessage(fields)
  }

  return {
    status: async () => {
      const about = await call('RuntimeService', 'Version', [])
      const [status] = (await call('RuntimeService', 'Status', [])).all(1)
      const config = await ask('RuntimeService', 'RuntimeConfig', [])
      if (!config.ok && config.status !== GRPC_STATUS.unimplemented) throw failed('RuntimeConfig', config)
      return {
        runtime: `${about.text(2)} ${about.text(3)}`.trim(),
        notReady: (status?.all(1) ?? [])
          .filter(condition => !condition.flag(2))
          .map(condition => {
            const why = [condition.text(3), condition.text(4)].filter(text => text !== '').join(': ')
            return why === '' ? condition.text(1) : `${condition.text(1)} (${why})`
          }),
        hasRuntimeConfig: config.ok,
      }
    },
    hasImage: async image =>
      (await call('ImageService', 'ImageStatus', [[1, formatProto([[1, image]])]])).all(1).length > 0,
    pullImage: async image => {
      await call('ImageService', 'PullImage', [[1, formatProto([[1, image]])]], PULL_TIMEOUT_MS)
    },
    sandboxes: async () => (await call('RuntimeService', 'ListPodSandbox', [])).all(1).map(toSandbox),
    removeSandbox: async id => {
      await call('RuntimeService', 'StopPodSandbox', [[1, id]], STOP_TIMEOUT_MS)
      await call('RuntimeService', 'RemovePodSandbox', [[1, id]], STOP_TIMEOUT_MS)
    },
    close: () => client.close(),
  }
}

function toSandbox(item: Message): PodSandbox {
  const [metadata] = item.all(2)
  return { id: item.text(1), name: metadata?.text(1) ?? '', namespace: metadata?.text(3) ?? '' }
}

/** Of a field that should come once, the last one counts. What is not of the type that is asked for is not there. */
function toMessage(fields: ProtoFields): Message {
  const last = (number: number) => fields.get(number)?.at(-1)
  return {
    text: number => {
      const value = last(number)
      return value instanceof Uint8Array ? (decodeUtf8(value) ?? '') : ''
    },
    flag: number => last(number) === 1n,
    all: number =>
      (fields.get(number) ?? []).flatMap(value => {
        const below = value instanceof Uint8Array ? parseProto(value) : undefined
        return below ? [toMessage(below)] : []
      }),
  }
}
