import { DEFAULT_ISSUER, type VerifiedServiceAccountToken, verifyServiceAccountToken } from '../index.js'
import { createNodeContext } from '../node.js'
import type { Run } from './command.js'
import { parseClock } from './description.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import { lifeOf, NO_END } from './inspect-life.js'
import { EXIT } from './io.js'
import { createLog } from './main.js'
import { readKeys } from './sa-keys.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { type Terminal, terminalOf, wrap } from './terminal.js'

/** `kpki sa verify`: whether a token may be trusted, as far as that can be told without the API server. */
export const runSaVerify: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const files = Array.isArray(flags['key']) ? (flags['key'] as readonly string[]) : []
  const keys = await readKeys(files, invocation, context, io)
  const { text: content } = await readInput(args[0] ?? '-', io)
  const [issuer, audience] = [text(flags, 'issuer') ?? DEFAULT_ISSUER, text(flags, 'audience')]
  const options = { issuer, ...(audience === undefined ? {} : { audience }) }
  const verified = await verifyServiceAccountToken(content.replace(/\r?\n$/, ''), keys, context, options)
  const output = text(flags, 'output')
  if (isStructured(output)) {
    const { issuedAt, expiresAt, id, namedKeyId, ...rest } = verified
    const document = {
      apiVersion: OUTPUT_VERSION,
      kind: 'ServiceAccountTokenVerification',
      ...rest,
      ...(issuedAt ? { issuedAt: issuedAt.toISOString() } : {}),
      expiresAt: expiresAt.toISOString(),
      ...(id === undefined ? {} : { id }),
      ...(namedKeyId === undefined ? {} : { namedKeyId }),
    }
    io.stdout(formatStructured(document, output))
  } else if (flags['quiet'] !== true) {
    io.stdout(formatVerified(verified, context.clock(), terminalOf(io)))
    io.stderr('kpki: whether the ServiceAccount still exists only the API server knows\n')
  }
  return EXIT.done
}

function formatVerified(token: VerifiedServiceAccountToken, now: Date, { show, columns }: Terminal): string {
  const { namespace, name, uid, audiences, issuer, boundTo, keyId, namedKeyId } = token
  const facts = [
    `until ${untilWords(token, now)}`,
    `uid ${uid}`,
    `for ${audiences.length > 0 ? audiences.join(', ') : 'the API server, since it names nobody'}`,
    `issued by ${issuer}`,
    `signed with key ${keyId}`,
    ...(namedKeyId === undefined
      ? []
      : [`names another key, ${namedKeyId}: API servers since v1.31 do not take it, earlier ones do`]),
    ...boundTo.map(({ kind, name: object, uid: objectUid }) => `ends with ${kind} ${object}, uid ${objectUid}`),
  ]
  const lines = facts.flatMap(fact => wrap(show(fact), columns - 2).map(line => `  ${line}`))
  return `${[show(`system:serviceaccount:${namespace}:${name}`), ...lines].join('\n')}\n`
}

function untilWords({ issuedAt, expiresAt }: VerifiedServiceAccountToken, now: Date): string {
  const minute = `${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const { state, words } = lifeOf({ notBefore: issuedAt ?? now, notAfter: expiresAt }, now)
  if (words === NO_END) return `${minute} or later`
  const isByLeeway = state === 'expired' || state === 'future'
  return `${minute}, ${words}${isByLeeway ? ', taken since clocks may differ by a minute' : ''}`
}
