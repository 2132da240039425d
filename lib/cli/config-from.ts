import { EncodingError, formatInference, inferDescription, inferredValues, readTree, UsageError } from '../index.js'
import type { Run } from './command.js'
import { printConfiguration, printValues, shown } from './config.js'
import { DESCRIPTION_FLAGS, HOST_FLAGS, text } from './flags.js'
import { EXIT } from './io.js'
import { isStructured } from './structured.js'
import { printable } from './terminal.js'
import { openTree } from './tree.js'

/** `kpki config show --from`: what a tree says of itself. */
export const runShowFrom: Run = async (invocation, io) => {
  const { from, ...flags } = invocation.flags
  const other = ['config', ...Object.keys(DESCRIPTION_FLAGS), ...Object.keys(HOST_FLAGS)].find(
    name => flags[name] !== undefined,
  )
  if (other !== undefined) {
    throw new UsageError('KPKI_USAGE', `--from shows what the tree says, and --${other} says something else`, {
      hint: 'leave one of them out; to see where both differ: kpki check --help',
    })
  }
  const { store, name, context } = await openTree({ ...invocation, flags: { ...flags, dir: from } }, io)
  const tree = await readTree(store, context)
  // Nobody is to take a directory of something else for a tree that says nothing.
  if (tree.fileCount === 0)
    throw new EncodingError(
      'KPKI_NOTHING_FOUND',
      `${name} holds no tree: neither pki nor a kubeconfig of a component`,
      {
        details: { what: name, files: 0 },
        hint: 'name the directory that is like /etc/kubernetes; files of other layouts: kpki inspect FILE…',
      },
    )
  const inference = inferDescription(tree, context)
  const output = text(flags, 'output')
  if (isStructured(output)) {
    printConfiguration(formatInference(inference, name), output, io)
    return EXIT.done
  }
  printValues(
    inferredValues(inference).map(({ field, value, from: path, note }) => [
      field,
      printable(shown(value)),
      path ?? note ?? 'not said',
    ]),
    io,
  )
  return EXIT.done
}
