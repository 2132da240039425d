import {
  DISCOVERY_STEPS,
  type Discovery,
  type DiscoveryStep,
  formatDuration,
  KpkiError,
  parseBootstrapToken,
  parseDuration,
  parseServerEndpoint,
  UsageError,
} from '../index.js'
import { createNodeContext, discoverCluster } from '../node.js'
import type { Invocation } from './command.js'
import { text } from './flags.js'
import { readSecret } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { type Terminal, terminalOf, wrap } from './terminal.js'

const TIMEOUT = '10s'
const LONGEST_SECONDS = 3600

/** `kpki hash verify --server`: all that a host makes sure of before it joins, each step as soon as it is over. */
export async function verifyServer(invocation: Invocation, pins: readonly string[], io: Io): Promise<number> {
  const { flags } = invocation
  const { url } = parseServerEndpoint(text(flags, 'server') ?? '', '--server')
  const timeoutSeconds = readTimeout(text(flags, 'timeout') ?? TIMEOUT)
  const secret = await readSecret(invocation, 'token', io)
  const token = secret === undefined ? undefined : parseBootstrapToken(secret, 'the token')
  const output = text(flags, 'output')
  const isText = !isStructured(output) && flags['quiet'] !== true
  const terminal = terminalOf(io)
  const steps: DiscoveryStep[] = []
  const onStep = (step: DiscoveryStep) => {
    steps.push(step)
    if (isText) io.stdout(formatStep(step, terminal))
  }
  const context = createNodeContext({ log: createLog(invocation, io) })
  const { env, signal } = io
  let found: Discovery | undefined
  let failure: KpkiError | undefined
  try {
    found = await discoverCluster({ server: url, token, pins }, context, { timeoutSeconds, onStep, env, signal })
  } catch (error) {
    // Without a step it has not begun, or has been interrupted.
    if (!(error instanceof KpkiError) || !steps.some(({ result }) => result === 'failed')) throw error
    failure = error
  }
  const pinStep = steps.find(({ name }) => name === 'pin')
  const isOther = pinStep?.result === 'failed'
  if (isStructured(output)) {
    io.stdout(formatStructured(toDocument(url, pins, found, failure, steps), output))
  } else if (found) {
    if (isText) io.stdout(`${terminal.paint('bold', `verified: ${terminal.show(found.server)}`)}\n`)
  } else if (failure) {
    const { message, hint } = failure
    if (!isText) io.stderr(`kpki: error: ${terminal.show(message)}\n`)
    if (!isText && hint !== undefined) io.stderr(`kpki: hint: ${terminal.show(hint)}\n`)
    if (isText) io.stderr(`kpki: error: ${url} is not verified (${failure.code})\n`)
  }
  return found ? EXIT.done : isOther ? EXIT.findings : EXIT.failed
}

function readTimeout(value: string): number {
  const seconds = parseDuration(value)
  if (seconds !== undefined && seconds > 0 && seconds <= LONGEST_SECONDS) return seconds
  throw new UsageError('KPKI_USAGE', `--timeout ${JSON.stringify(value)} is no time to wait`, {
    hint: `write it as 30s or 2m, at most ${formatDuration(LONGEST_SECONDS)}`,
  })
}

const SIGNS = { ok: 'green', failed: 'red', skipped: 'dim' } as const
const INDENT = '  '

function formatStep({ name, result, message, hint }: DiscoveryStep, terminal: Terminal): string {
  const { columns, glyphs, paint, show } = terminal
  const lines = (text: string) => wrap(show(text), columns - INDENT.length).map(line => `${INDENT}${line}\n`)
  const head = `${paint(SIGNS[result], glyphs[result])} ${name}: ${DISCOVERY_STEPS[name]}\n`
  return [head, ...lines(message), ...(hint === undefined ? [] : lines(`(${hint})`))].join('')
}

function toDocument(
  server: string,
  pins: readonly string[],
  found: Discovery | undefined,
  failure: KpkiError | undefined,
  steps: readonly DiscoveryStep[],
) {
  const pinStep = steps.find(({ name }) => name === 'pin')
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'ClusterVerification',
    verified: found !== undefined,
    server,
    pins,
    ...(pinStep && pinStep.result !== 'skipped'
      ? { matches: pinStep.result === 'ok', actual: pinStep.details['actual'] ?? [] }
      : {}),
    ...(found ? { clusterServer: found.server } : {}),
    ...(failure ? { code: failure.code } : {}),
    steps,
  }
}
