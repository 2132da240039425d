import { EncodingError, type InspectInput, StoreError, UsageError } from '../index.js'
import { fileNotFound, kubeconfigPaths, readRegularFile } from '../node.js'
import type { Invocation } from './command.js'
import { text } from './flags.js'
import type { Io } from './io.js'

/**
 * The kubeconfigs that a command line names, else those that kubectl works with, of which some may be missing.
 *
 * @throws {@link UsageError} when a file is named twice over; {@link StoreError} `KPKI_FILE_NOT_FOUND`, and as
 *   `readRegularFile`
 */
export async function readKubeconfigs({ path, args, flags }: Invocation, io: Io): Promise<readonly InspectInput[]> {
  const flag = text(flags, 'kubeconfig')
  if (flag !== undefined && args.length > 0)
    throw new UsageError('KPKI_USAGE', `${path} takes a file or --kubeconfig, not both`)
  if (args.filter(file => file === '-').length > 1)
    throw new UsageError('KPKI_USAGE', `${path}: standard input can be read once only`)
  const named = flag === undefined ? args : [flag]
  const isNamed = named.length > 0
  const paths = isNamed ? [...new Set(named)] : kubeconfigPaths(io.env)
  const inputs: InspectInput[] = []
  for (const file of paths) {
    if (file === '-') {
      inputs.push({ name: 'standard input', bytes: await io.readStdin() })
      continue
    }
    const found = await readRegularFile(file)
    if (found)
      inputs.push({ name: file, bytes: found.bytes, ...(found.mode === undefined ? {} : { mode: found.mode }) })
    else if (isNamed) throw fileNotFound(file)
  }
  if (inputs.length > 0) return inputs
  const [first] = paths
  throw new StoreError(
    'KPKI_FILE_NOT_FOUND',
    `there is no kubeconfig${first === undefined ? '' : `: ${paths.join(', ')} does not exist`}`,
    {
      details: { path: first ?? '' },
      hint: `name one: kpki ${path} FILE; KUBECONFIG can list several`,
    },
  )
}

/** A file that a kubeconfig names: what is wrong with it is told of, and ends nothing. */
export async function readNamed(path: string): Promise<Omit<InspectInput, 'name'> | undefined> {
  try {
    const file = await readRegularFile(path)
    return file && { bytes: file.bytes, ...(file.mode === undefined ? {} : { mode: file.mode }) }
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof EncodingError)) throw error
    const problem =
      error.code === 'KPKI_INPUT_TOO_LARGE'
        ? 'is larger than 1 MiB'
        : error.code === 'KPKI_FILE_NOT_REGULAR'
          ? 'is not a regular file'
          : `cannot be read${typeof error.details['errno'] === 'string' ? ` (${error.details['errno']})` : ''}`
    return { bytes: new Uint8Array(), problem, problemKind: 'other' }
  }
}

/** The folder that relative paths in a file start at; `undefined`: this one. */
export function folderOf(file: string): string | undefined {
  const folder = /^(.*)\/[^/]*$/.exec(file)?.[1]
  // A file in the root directory has an empty folder.
  return folder === '' ? '/' : folder
}
