import {
  askIdentity,
  type Certificate,
  type Context,
  checkKubeconfig,
  type InspectInput,
  judgeLive,
  KpkiError,
  type KubeconfigProblem,
  type LiveIdentity,
  parseCertificates,
  parseDuration,
  readClusterConnection,
  UsageError,
  viewKubeconfigs,
} from '../index.js'
import { connectCluster, createNodeContext, programExists, readRegularFile } from '../node.js'
import type { Invocation, Run } from './command.js'
import { parseClock } from './description.js'
import { type FlagValues, text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { folderOf, readKubeconfigs, readNamed } from './kubeconfig-read.js'
import { describeProblem } from './kubeconfig-structured.js'
import { formatProblems } from './kubeconfig-text.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { type Terminal, terminalOf } from './terminal.js'
import { VERSION } from './version.js'

/** `kpki kubeconfig verify`: status 1 when something is wrong; warnings alone are none. */
export const runKubeconfigVerify: Run = async (invocation, io) => {
  const { flags } = invocation
  const wanted = text(flags, 'context')
  if (wanted !== undefined && flags['all'] === true)
    throw new UsageError('KPKI_USAGE', 'kubeconfig verify takes --context or --all, not both')
  timeoutOf(flags)
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const inputs = await readKubeconfigs(invocation, io)
  const view = await viewKubeconfigs(inputs, context, { readFile: readNamed })
  const clientCas = await certificates(flags, 'ca-cert', io)
  const serverCertificates = await certificates(flags, 'server-cert', io)
  const check = await checkKubeconfig(view, context, {
    ...(flags['all'] === true ? { contexts: 'all' } : wanted === undefined ? {} : { contexts: [wanted] }),
    ...(clientCas ? { clientCas } : {}),
    ...(serverCertificates ? { serverCertificates } : {}),
    hasProgram: command => programExists(command, io.env),
  })
  const able = check.contexts.filter(
    name => !check.problems.some(found => UNABLE.includes(found.code) && isError(found, name)),
  )
  const live = flags['live'] === true ? await askAll(able, inputs, invocation, context, io) : []
  const problems = [...check.problems, ...live.flatMap(({ name, answer }) => judgeLive(name, view, answer))]
  const isWrong = problems.some(({ severity }) => severity === 'error')
  const output = text(flags, 'output')
  if (isStructured(output)) {
    io.stdout(
      formatStructured(
        {
          apiVersion: OUTPUT_VERSION,
          kind: 'KubeconfigVerification',
          valid: !isWrong,
          files: view.files,
          contexts: check.contexts,
          problems: problems.map(describeProblem),
          identities: live.flatMap(({ name, answer }) =>
            answer instanceof KpkiError ? [] : [{ context: name, ...answer }],
          ),
        },
        output,
      ),
    )
  } else {
    const terminal = terminalOf(io)
    io.stderr(formatProblems(problems, view.files, terminal))
    if (flags['quiet'] !== true) {
      for (const name of check.contexts) {
        if (!problems.some(found => isError(found, name)))
          io.stdout(
            `${terminal.show(name)}: ok${identityText(live.find(each => each.name === name)?.answer, terminal)}\n`,
          )
      }
    }
  }
  return isWrong ? EXIT.failed : EXIT.done
}

/** Nobody can connect with these, and what is wrong has been said. */
const UNABLE: readonly KubeconfigProblem['code'][] = ['entry-missing', 'field-twice', 'key-mismatch', 'unreadable']

/** Whether a context does not work because of it. */
function isError({ severity, contexts }: KubeconfigProblem, name: string): boolean {
  return severity === 'error' && (contexts.length === 0 || contexts.includes(name))
}

interface LiveAnswer {
  readonly name: string
  readonly answer: LiveIdentity | KpkiError
}

/** Looked at whether it is needed or not: whoever misspells it wants it to count some day. */
function timeoutOf(flags: FlagValues): number {
  const timeout = parseDuration(text(flags, 'timeout') ?? '10s') ?? 0
  if (timeout > 0) return timeout
  throw new UsageError('KPKI_USAGE', '--timeout must be a time, e.g. 10s')
}

/** Asks the servers of all contexts, one after the other. */
async function askAll(
  names: readonly string[],
  inputs: readonly InspectInput[],
  { flags }: Invocation,
  context: Context,
  io: Io,
): Promise<readonly LiveAnswer[]> {
  const timeout = timeoutOf(flags)
  const answers: LiveAnswer[] = []
  // All of them: where it goes, and as whom, may stand in other files than the context.
  const [first, ...others] = inputs.map(({ name, bytes }) => ({
    text: new TextDecoder().decode(bytes),
    what: name,
    folder: folderOf(name),
  }))
  if (!first) return answers
  for (const name of names) {
    try {
      const connection = await readClusterConnection(first.text, {
        ...first,
        beside: others,
        readFile: async path => (await readRegularFile(path))?.bytes,
        contextName: name,
      })
      const api = connectCluster(connection, context, {
        env: io.env,
        signal: io.signal,
        timeoutMs: timeout * 1000,
        totalMs: timeout * 1000,
        userAgent: `kpki/${VERSION}`,
      })
      try {
        answers.push({ name, answer: await askIdentity(api) })
      } finally {
        api.close()
      }
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      answers.push({ name, answer: error })
    }
  }
  return answers
}

function identityText(answer: LiveIdentity | KpkiError | undefined, { show }: Terminal): string {
  if (!answer || answer instanceof KpkiError) return ''
  if (answer.user === undefined) return ', and the server lets it in (before 1.28 it cannot say as whom)'
  return `, and the server says: ${show(answer.user)}${answer.groups.length > 0 ? ` in ${answer.groups.map(show).join(', ')}` : ''}`
}

async function certificates(flags: FlagValues, flag: string, io: Io): Promise<readonly Certificate[] | undefined> {
  const file = text(flags, flag)
  if (file === undefined) return undefined
  const { text: pem, name } = await readInput(file, io)
  return parseCertificates(pem, name)
}
