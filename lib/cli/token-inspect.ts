import {
  ApiError,
  type BootstrapTokenState,
  bootstrapTokenStateOf,
  type Context,
  EncodingError,
  formatTime,
  KpkiError,
  type KubernetesObject,
  parseBootstrapTokenSecret,
  parseClusterInfo,
  type StoredBootstrapToken,
  UsageError,
  VerifyError,
  verifyDetached,
} from '../index.js'
import { createNodeContext } from '../node.js'
import type { Invocation, Run } from './command.js'
import { parseClock } from './description.js'
import { text } from './flags.js'
import { readSecret } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { type Terminal, terminalOf, wrap } from './terminal.js'
import { describeToken } from './token-list.js'
import { listTokens, type NamedToken, openTokenSource, parseTokenName, type TokenSource } from './token-source.js'
import { shortDuration } from './token-table.js'

/** Whether cluster-info carries a token's signature; `unexpected`: it does, but the token signs nothing any more. */
type Signature = 'right' | 'wrong' | 'missing' | 'unexpected' | 'no-cluster-info' | 'unreadable'

/** A token, and all that is to be told of it. */
interface Inspected {
  readonly stored: StoredBootstrapToken
  /** Where the source could have a cluster-info. */
  readonly signature: Signature | undefined
  /** Where a whole token was named: its secret is that of the cluster. */
  readonly isSecretRight: boolean | undefined
}

/** `kpki token inspect`: what tokens are good for now. */
export const runTokenInspect: Run = async (invocation, io) => {
  const { flags } = invocation
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const { from, names } = await readArguments(invocation, io)
  const source = await openTokenSource(invocation, io, context, from)
  try {
    const wanted = names.length > 0 ? await Promise.all(names.map(name => find(name, source))) : await all(source, io)
    const info = await source.clusterInfo().catch(error => {
      // Whoever may read tokens need not be let see it; everybody else may.
      if (error instanceof ApiError) return 'unreadable' as const
      throw error
    })
    const items: Inspected[] = []
    for (const { stored, token } of wanted)
      items.push({
        stored,
        signature: info === undefined && !source.isCluster ? undefined : await signatureOf(stored, info, context),
        isSecretRight: token && token.secret === stored.token.secret,
      })
    print(items, source, context.clock(), invocation, io)
    return EXIT.done
  } finally {
    source.close()
  }
}

const isFile = (word: string) => word === '-' || word.includes('/') || /\.(ya?ml|json)$/.test(word)

async function readArguments(invocation: Invocation, io: Io) {
  const { flags, args } = invocation
  const files = [...args.filter(isFile), ...[text(flags, 'from')].filter(file => file !== undefined)]
  if (files.length > 1) {
    throw new UsageError('KPKI_USAGE', `${files.length} files are named: tokens are looked for in one`, {
      hint: 'put the manifests into one file, with --- between them',
    })
  }
  const words = args.filter(word => !isFile(word))
  const secret = await readSecret(invocation, 'token', io)
  const names = words.map((word, index) =>
    parseTokenName(word, words.length === 1 ? 'the token' : `token ${index + 1} of ${words.length}`),
  )
  return {
    from: files[0],
    names: [...names, ...(secret === undefined ? [] : [parseTokenName(secret, 'the token of --token-file')])],
  }
}

async function find({ id, token }: NamedToken, source: TokenSource) {
  const object = await source.get(id)
  if (object) return { stored: parseBootstrapTokenSecret(object), token }
  const message = `${source.name} has no bootstrap token ${id}`
  if (!source.isCluster) throw new EncodingError('KPKI_NOTHING_FOUND', message, { details: { id } })
  throw new ApiError('KPKI_API_NOT_FOUND', message, {
    details: { status: 404, id },
    hint: 'it may have expired: the cluster deletes those by itself; kpki token list shows what there is',
  })
}

async function all(source: TokenSource, io: Io) {
  const tokens = await listTokens(source, io)
  if (tokens.length > 0) return tokens.map(stored => ({ stored, token: undefined }))
  throw new EncodingError('KPKI_NOTHING_FOUND', `${source.name} has no bootstrap token`, {
    hint: 'kpki token create makes one',
  })
}

async function signatureOf(
  { token, ...spec }: StoredBootstrapToken,
  info: KubernetesObject | 'unreadable' | undefined,
  context: Context,
): Promise<Signature> {
  if (info === undefined) return 'no-cluster-info'
  if (info === 'unreadable') return 'unreadable'
  const { signing } = bootstrapTokenStateOf({ token, ...spec }, context.clock())
  try {
    const read = parseClusterInfo(info)
    if (!read) return 'no-cluster-info'
    const jws = read.signatures.get(token.id)
    if (jws === undefined) return 'missing'
    await verifyDetached(jws, read.kubeconfig, token, context)
    return signing === 'yes' ? 'right' : 'unexpected'
  } catch (error) {
    if (error instanceof VerifyError) return 'wrong'
    if (error instanceof KpkiError) return 'unreadable'
    throw error
  }
}

function print(items: readonly Inspected[], source: TokenSource, now: Date, { flags }: Invocation, io: Io): void {
  const output = text(flags, 'output')
  if (!isStructured(output)) {
    const terminal = terminalOf(io)
    io.stdout(items.map(item => `${linesOf(item, now, terminal).join('\n')}\n`).join('\n'))
    return
  }
  const described = items.map(({ stored, signature, isSecretRight }) => ({
    ...describeToken(stored, now, true),
    ...(signature === undefined ? {} : { clusterInfo: signature }),
    ...(isSecretRight === undefined ? {} : { secretMatches: isSecretRight }),
  }))
  const head = { apiVersion: OUTPUT_VERSION, kind: 'BootstrapTokenInspection', source: source.name }
  io.stdout(formatStructured({ ...head, now: now.toISOString(), items: described }, output))
}

const ABILITIES: Readonly<Record<BootstrapTokenState['signing'], string>> = {
  yes: 'yes',
  'not-a-usage': 'no: it is not made for that',
  expired: 'no: it has expired; make another one with kpki token create',
  'being-deleted': 'no: it is being deleted',
  'group-invalid': 'no: one of its groups is none that a token can be in',
}

const SIGNATURES: Readonly<Record<Signature, string>> = {
  right: 'is signed with it',
  wrong:
    'has a signature of it that is wrong: no host believes it; look at the bootstrapsigner of the controller manager',
  missing: 'is not signed with it',
  unexpected: 'is still signed with it; the controller manager takes that away',
  'no-cluster-info': 'does not exist, so that no host finds the cluster: kpki token create --discovery-objects',
  unreadable: 'could not be read',
}

const LABEL = 15

function linesOf({ stored, signature, isSecretRight }: Inspected, now: Date, terminal: Terminal): string[] {
  const { token, description, expires } = stored
  const state = bootstrapTokenStateOf(stored, now)
  const left = expires ? expires.getTime() - now.getTime() : 0
  const ends = `${expires && formatTime(expires)}, ${state.isExpired ? `${shortDuration(-left)} ago` : `in ${shortDuration(left)}`}`
  const missing =
    signature === 'missing' && state.signing === 'yes' ? ', although it may: is the bootstrapsigner at work?' : ''
  const facts: readonly (readonly [label: string, value: string | undefined, isBad: boolean])[] = [
    ['token', token.id, false],
    ['description', description === '' ? undefined : terminal.show(description), false],
    ['ends', expires ? ends : 'never', state.isExpired],
    ['signs', ABILITIES[state.signing], state.signing !== 'yes'],
    ['authenticates', ABILITIES[state.authentication], state.authentication !== 'yes'],
    ['as', `${state.userName} in ${state.groups.map(terminal.show).join(', ')}`, false],
    [
      'cluster-info',
      signature && SIGNATURES[signature] + missing,
      !['right', 'unexpected'].includes(signature ?? 'right'),
    ],
    [
      'secret',
      isSecretRight === undefined
        ? undefined
        : isSecretRight
          ? 'the one that is known there'
          : 'not the one that is known there: mistyped, or of another cluster',
      isSecretRight === false,
    ],
  ]
  return facts.flatMap(([label, value, isBad]) =>
    value === undefined
      ? []
      : wrap(value, terminal.columns - LABEL).map(
          (line, index) =>
            (index === 0 ? terminal.paint('dim', label.padEnd(LABEL)) : ' '.repeat(LABEL)) +
            (isBad ? terminal.paint('yellow', line) : line),
        ),
  )
}
