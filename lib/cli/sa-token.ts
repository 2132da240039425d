import {
  ApiError,
  type BoundObject,
  type Context,
  DEFAULT_ISSUER,
  parsePrivateKey,
  parseVersion,
  signServiceAccountToken,
  UsageError,
} from '../index.js'
import { createNodeContext } from '../node.js'
import type { Invocation, Run } from './command.js'
import { parseClock } from './description.js'
import { secondsOf } from './duration.js'
import { list, text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { treeOf } from './sa-keys.js'
import { writeSecret } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

/** `kpki sa token`: a token that the API server takes, without asking it. */
export const runSaToken: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const [name = ''] = args
  const namespace = text(flags, 'namespace') ?? 'default'
  // What the command line says wrongly is told before anything is read or asked.
  const duration = secondsOf(flags, 'duration')
  const boundTo = boundObjectOf(invocation)
  const kubernetesVersion = versionOf(text(flags, 'kubernetes-version'))
  const issuer = text(flags, 'issuer') ?? DEFAULT_ISSUER
  const audiences = flags['audience'] === undefined ? [issuer] : [...new Set(list(flags, 'audience'))]
  const { text: pem, name: what } = await readInput(text(flags, 'key') ?? treeOf(invocation).locate('pki/sa.key'), io)
  const key = await parsePrivateKey(pem, context, what)
  const uid = text(flags, 'uid') ?? (await lookUp(namespace, name, invocation, io, context))
  const spec = {
    namespace,
    name,
    uid,
    issuer,
    audiences,
    ...(duration === undefined ? {} : { lifetimeSeconds: Math.floor(duration) }),
    ...(boundTo ? { boundTo } : {}),
    ...(kubernetesVersion ? { kubernetesVersion } : {}),
  }
  const { token, expiresAt } = await signServiceAccountToken(spec, key, context)
  const output = text(flags, 'output')
  if (isStructured(output)) {
    const document = {
      apiVersion: OUTPUT_VERSION,
      kind: 'ServiceAccountToken',
      token,
      expiresAt: expiresAt.toISOString(),
      namespace,
      name,
      uid,
      issuer,
      audiences,
    }
    await writeSecret(formatStructured(document, output), invocation, io)
  } else {
    await writeSecret(`${token}\n`, invocation, io)
    const moment = expiresAt.toISOString().slice(0, 16).replace('T', ' ')
    if (flags['quiet'] !== true)
      io.stderr(`kpki: system:serviceaccount:${namespace}:${name} until ${moment} UTC; nobody can take it back\n`)
  }
  return EXIT.done
}

function versionOf(value: string | undefined) {
  const version = value === undefined ? undefined : parseVersion(value)
  if (value === undefined || version) return version
  throw new UsageError('KPKI_USAGE', `--kubernetes-version ${value} is no version from 1.20 on`, {
    hint: 'e.g. v1.36.4, 1.33, stable-1.30',
  })
}

function boundObjectOf({ flags }: Invocation): BoundObject | undefined {
  const [kind, name, uid] = ['kind', 'name', 'uid'].map(part => text(flags, `bound-object-${part}`))
  if (kind === undefined && name === undefined && uid === undefined) return undefined
  if (kind !== undefined && name !== undefined && uid !== undefined)
    return { kind: kind as BoundObject['kind'], name, uid }
  throw new UsageError('KPKI_USAGE', '--bound-object-kind, --bound-object-name and --bound-object-uid go together', {
    hint: 'the API server compares all three: name them all, or none',
  })
}

/** @throws {@link UsageError} without `--kubeconfig`; {@link ApiError} `KPKI_API_NOT_FOUND` */
async function lookUp(
  namespace: string,
  name: string,
  invocation: Invocation,
  io: Io,
  context: Context,
): Promise<string> {
  if (text(invocation.flags, 'kubeconfig') === undefined) {
    throw new UsageError('KPKI_USAGE', 'sa token needs the uid of the ServiceAccount: the API server compares it', {
      hint: `name it: --uid "$(kubectl -n ${namespace} get serviceaccount ${name} -o jsonpath={.metadata.uid})", or have it looked up: --kubeconfig FILE`,
    })
  }
  const { connectCluster } = await import('./connect.js')
  const api = await connectCluster(invocation, io, context)
  try {
    const account = await api.get({ kind: 'ServiceAccount', namespace, name })
    const uid = account?.metadata.uid
    if (uid !== undefined) return uid
    throw new ApiError('KPKI_API_NOT_FOUND', `there is no ServiceAccount ${name} in namespace ${namespace}`, {
      details: { namespace, name },
      hint: `make it first: kubectl -n ${namespace} create serviceaccount ${name}`,
    })
  } finally {
    api.close()
  }
}
