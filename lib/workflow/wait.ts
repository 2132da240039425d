import type { Context } from '../context.js'
import { KpkiError, WorkflowError } from '../errors.js'
import { formatDuration } from '../kubernetes/duration.js'
import type { HostSystem } from './host.js'
import { stopIfInterrupted, unlessInterrupted } from './interruption.js'
import { startStopwatch } from './stopwatch.js'

/** Something that answers over HTTP when it is well. */
export interface HealthTarget {
  /** e.g. `kube-apiserver` */
  readonly name: string
  readonly url: string
  /** PEM of the CAs that its certificate must be of. Default: it has one of its own making, which says nothing */
  readonly ca?: string
}

/** Options of {@link waitUntilHealthy}. */
export interface WaitOptions {
  readonly timeoutSeconds: number
  /** What to look at when it does not come up. */
  readonly hint: string
  readonly signal?: AbortSignal | undefined
}

/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (APICallRetryInterval). */
const INTERVAL_MS = 500
const QUESTION_MS = 5000
const PROGRESS_MS = 3000
/** Who answers so is not the server that is waited for, and does not become it. */
const FATAL: readonly string[] = ['KPKI_TLS_UNTRUSTED', 'KPKI_TLS_NAME', 'KPKI_TLS_EXPIRED']

/**
 * Waits until all of them answer with status 200; asks them at the same time, twice a second. What is missing is told every few
 * seconds, as progress.
 *
 * @returns how long it took, in milliseconds
 * @throws {@link WorkflowError} `KPKI_WAIT_TIMEOUT` with `details.missing`; `KPKI_INTERRUPTED`; `NetworkError` when another
 *   server than the expected one answers
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/apiclient/wait.go
 */
export async function waitUntilHealthy(
  targets: readonly HealthTarget[],
  system: Pick<HostSystem, 'fetch'>,
  context: Pick<Context, 'clock' | 'log' | 'sleep'>,
  { timeoutSeconds, hint, signal }: WaitOptions,
): Promise<number> {
  const watch = startStopwatch(context)
  const end = timeoutSeconds * 1000
  const missing = new Map<HealthTarget, string | undefined>(targets.map(target => [target, undefined]))
  const total = targets.length
  let told = 0
  while (missing.size > 0) {
    await Promise.all(
      [...missing.keys()].map(async target => {
        const before = missing.get(target)
        const problem = await unlessInterrupted(ask(target, system, end - watch.elapsedMs(), before), signal)
        if (problem === undefined) missing.delete(target)
        else missing.set(target, problem)
      }),
    )
    if (missing.size === 0) break
    const now = watch.elapsedMs()
    const problems = [...missing].map(
      ([{ name, url }, problem]) => `${name} (${url}: ${problem ?? 'was not asked yet'})`,
    )
    if (now >= end) throw timeout([...missing.keys()], problems, { timeoutSeconds, hint })
    if (now - told >= PROGRESS_MS) {
      told = now
      const names = [...missing.keys()].map(({ name }) => name).join(', ')
      context.log({ level: 'progress', message: `waiting for ${names}`, done: total - missing.size, total })
    }
    await unlessInterrupted(watch.pause(Math.min(INTERVAL_MS, end - now)), signal)
    stopIfInterrupted(signal)
  }
  if (told > 0) context.log({ level: 'progress', message: 'all is well', done: total, total })
  return watch.elapsedMs()
}

/**
 * Why it is not well; `undefined` when it is.
 *
 * @param before - what it said before, which is more than that the rest of the time was too short for an answer
 */
async function ask(
  { url, ca }: HealthTarget,
  system: Pick<HostSystem, 'fetch'>,
  leftMs: number,
  before: string | undefined,
): Promise<string | undefined> {
  const timeoutMs = Math.max(1, Math.min(QUESTION_MS, leftMs))
  try {
    const { status, body } = await system.fetch(url, { timeoutMs, ...(ca === undefined ? {} : { ca }) })
    if (status === 200) return undefined
    return `status ${status}${describeBody(body)}`
  } catch (error) {
    if (!(error instanceof KpkiError) || FATAL.includes(error.code)) throw error
    const isCutShort = timeoutMs < QUESTION_MS && error.code === 'KPKI_NET_TIMEOUT'
    return isCutShort && before !== undefined ? before : error.message.replace(`${url}: `, '')
  }
}

/** A component that is not well lists its checks, of which the failing ones have a minus before them. */
function describeBody(body: string): string {
  const failing = body.split('\n').filter(line => line.startsWith('[-]'))
  const text = (failing.length > 0 ? failing.join(' ') : (body.split('\n')[0] ?? '')).slice(0, 200)
  // Somebody else's text, on its way to a terminal.
  return text === '' ? '' : `: ${text.replace(/[^ -~]/g, '?')}`
}

function timeout(
  missing: readonly HealthTarget[],
  problems: readonly string[],
  { timeoutSeconds, hint }: WaitOptions,
): WorkflowError {
  const verb = problems.length === 1 ? 'is' : 'are'
  const message = `${problems.join(', ')} ${verb} not well after ${formatDuration(timeoutSeconds)}`
  return new WorkflowError('KPKI_WAIT_TIMEOUT', message, {
    details: { missing: missing.map(({ name }) => name), timeoutSeconds },
    hint,
  })
}
