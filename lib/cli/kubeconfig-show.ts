import { checkKubeconfig, UsageError, viewKubeconfigs } from '../index.js'
import { createNodeContext, programExists } from '../node.js'
import type { Run } from './command.js'
import { parseClock } from './description.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { readKubeconfigs, readNamed } from './kubeconfig-read.js'
import { describeView } from './kubeconfig-structured.js'
import { formatProblems, formatView } from './kubeconfig-text.js'
import { createLog } from './main.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'

/** `kpki kubeconfig show`: shows, never judges. */
export const runKubeconfigShow: Run = async (invocation, io) => {
  const { flags } = invocation
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const view = await viewKubeconfigs(await readKubeconfigs(invocation, io), context, { readFile: readNamed })
  const wanted = text(flags, 'context')
  if (wanted !== undefined && view.contexts.every(({ name }) => name !== wanted)) {
    const names = view.contexts.map(({ name }) => name).join(', ')
    throw new UsageError('KPKI_USAGE', `there is no context ${JSON.stringify(wanted)} in ${view.files.join(', ')}`, {
      ...(names === '' ? {} : { hint: `there are: ${names}` }),
    })
  }
  const { problems } = await checkKubeconfig(view, context, {
    contexts: wanted === undefined ? 'all' : [wanted],
    hasProgram: command => programExists(command, io.env),
  })
  const output = text(flags, 'output')
  if (isStructured(output)) {
    io.stdout(formatStructured(describeView(view, problems, wanted), output))
    return EXIT.done
  }
  const terminal = terminalOf(io)
  if (flags['quiet'] !== true) io.stdout(formatView(view, wanted, terminal))
  if (problems.length > 0) io.stdout(`\n${formatProblems(problems, view.files, terminal)}`)
  return EXIT.done
}
