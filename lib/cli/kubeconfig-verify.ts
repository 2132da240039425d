import { type Certificate, checkKubeconfig, parseCertificates, UsageError, viewKubeconfigs } from '../index.js'
import { createNodeContext } from '../node.js'
import type { Run } from './command.js'
import { parseClock } from './description.js'
import { type FlagValues, text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { readKubeconfigs, readNamed } from './kubeconfig-read.js'
import { describeProblem } from './kubeconfig-structured.js'
import { formatProblems } from './kubeconfig-text.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { terminalOf } from './terminal.js'

/** `kpki kubeconfig verify`: status 1 when something is wrong; warnings alone are none. */
export const runKubeconfigVerify: Run = async (invocation, io) => {
  const { flags } = invocation
  const wanted = text(flags, 'context')
  if (wanted !== undefined && flags['all'] === true)
    throw new UsageError('KPKI_USAGE', 'kubeconfig verify takes --context or --all, not both')
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const inputs = await readKubeconfigs(invocation, io)
  const view = await viewKubeconfigs(inputs, context, { readFile: readNamed })
  const clientCas = await certificates(flags, 'ca-cert', io)
  const serverCertificates = await certificates(flags, 'server-cert', io)
  const check = await checkKubeconfig(view, context, {
    ...(flags['all'] === true ? { contexts: 'all' } : wanted === undefined ? {} : { contexts: [wanted] }),
    ...(clientCas ? { clientCas } : {}),
    ...(serverCertificates ? { serverCertificates } : {}),
  })
  const { problems } = check
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
        },
        output,
      ),
    )
  } else {
    io.stderr(formatProblems(problems, view.files, terminalOf(io)))
    if (!isWrong && flags['quiet'] !== true)
      for (const name of check.contexts) io.stdout(`${terminalOf(io).show(name)}: ok\n`)
  }
  return isWrong ? EXIT.failed : EXIT.done
}

async function certificates(flags: FlagValues, flag: string, io: Io): Promise<readonly Certificate[] | undefined> {
  const file = text(flags, flag)
  if (file === undefined) return undefined
  const { text: pem, name } = await readInput(file, io)
  return parseCertificates(pem, name)
}
