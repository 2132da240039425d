import {
  type CodeOf,
  describeFurtherExtensions,
  EncodingError,
  ERRORS,
  type FurtherExtension,
  formatPicture,
  type InspectInput,
  type Inspection,
  inspectFiles,
  MAX_INSPECT_BYTES,
  StoreError,
  UsageError,
} from '../index.js'
import { createNodeContext, fileNotFound, readDirectory, readRegularFile } from '../node.js'
import type { Invocation, Run } from './command.js'
import { parseClock } from './description.js'
import { text } from './flags.js'
import { namesWithin } from './inspect-files.js'
import { describeInspection } from './inspect-structured.js'
import { formatInspection, formatRemarks } from './inspect-text.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'

/** `kpki inspect`: shows, never judges; it fails when there is nothing to show or a named file cannot be opened. */
export const runInspect: Run = async (invocation, io) => {
  const { flags } = invocation
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const { inputs, base } = await readInputs(invocation, io)
  const inspection = await inspectFiles(inputs, context)
  assertSomething(inspection, inputs, base)
  const output = text(flags, 'output') ?? 'text'
  if (output === 'html' || output === 'svg')
    io.stdout(formatPicture(inspection, { format: output, ...(base === undefined ? {} : { title: base }) }))
  else if (isStructured(output)) io.stdout(formatStructured(describeInspection(inspection), output))
  else {
    const names = namesWithin(
      inputs.map(({ name }) => name),
      base,
    )
    const terminal = terminalOf(io)
    if (flags['quiet'] === true) io.stdout(formatRemarks(inspection, names, terminal))
    else io.stdout(formatInspection(inspection, names, terminal, await furtherOf(inspection)))
  }
  return EXIT.done
}

/** What else stands in a certificate that is alone, and so shown with everything that it says. */
async function furtherOf({ certificates: [found, ...others] }: Inspection): Promise<readonly FurtherExtension[]> {
  return found && others.length === 0 ? describeFurtherExtensions(found.certificate) : []
}

interface Inputs {
  readonly inputs: readonly InspectInput[]
  /** The directory that everything is in, where one was named. */
  readonly base: string | undefined
}

async function readInputs({ flags, args }: Invocation, io: Io): Promise<Inputs> {
  const treeFlags = ['dir', 'cert-dir', 'kubeconfig-dir'].filter(name => flags[name] !== undefined)
  if (args.length > 0 && treeFlags.length > 0) {
    throw new UsageError('KPKI_USAGE', `inspect takes files and directories, or --${treeFlags[0]}, not both`)
  }
  if (args.filter(argument => argument === '-').length > 1)
    throw new UsageError('KPKI_USAGE', 'inspect: standard input can be read once only')
  if (args.length === 0) return readTree(flags)
  const inputs: InspectInput[] = []
  let base: string | undefined
  for (const argument of args) {
    if (argument === '-') inputs.push({ name: 'standard input', bytes: await io.readStdin(MAX_INSPECT_BYTES) })
    else {
      const file = await readNamed(argument)
      if (Array.isArray(file) && args.length === 1) base = argument
      inputs.push(...(Array.isArray(file) ? file : [file]))
    }
  }
  // Whoever names a file and its directory means it once.
  return { inputs: [...new Map(inputs.map(file => [file.name, file])).values()], base }
}

/** The tree of the flags: one directory, or its two halves. */
async function readTree(flags: Invocation['flags']): Promise<Inputs> {
  const dir = text(flags, 'dir') ?? '/etc/kubernetes'
  const [certDir, kubeconfigDir] = [text(flags, 'cert-dir'), text(flags, 'kubeconfig-dir')]
  try {
    if (certDir === undefined && kubeconfigDir === undefined) return { inputs: await readDirectory(dir), base: dir }
    const halves = [kubeconfigDir ?? dir, certDir ?? `${dir}/pki`]
    const files = [...(await readDirectory(halves[0] ?? '')), ...(await readDirectory(halves[1] ?? ''))]
    // One half may stand in the other.
    return { inputs: [...new Map(files.map(file => [file.name, file])).values()], base: undefined }
  } catch (error) {
    if (!(error instanceof StoreError) || error.details['errno'] !== 'ENOENT') throw error
    throw new StoreError('KPKI_FILE_NOT_FOUND', `there is no tree: ${String(error.details['path'])} does not exist`, {
      details: error.details,
      hint: 'name files or a directory: kpki inspect FILE…; kpki gen all --dir ./demo makes a tree to look at',
      cause: error,
    })
  }
}

async function readNamed(path: string): Promise<InspectInput | InspectInput[]> {
  try {
    const file = await readRegularFile(path, MAX_INSPECT_BYTES)
    if (!file) throw fileNotFound(path)
    return { name: path, bytes: file.bytes, ...(file.mode === undefined ? {} : { mode: file.mode }) }
  } catch (error) {
    const isOther = error instanceof StoreError && error.code === 'KPKI_FILE_NOT_REGULAR'
    const files = isOther ? await readDirectory(path).catch(() => undefined) : undefined
    if (!files) throw error
    return [...files]
  }
}

/** Refuses what holds nothing at all, with the reason where there is one. */
function assertSomething(inspection: Inspection, inputs: readonly InspectInput[], base: string | undefined): void {
  const { certificates, keys, requests, kubeconfigs, manifests, blocks, remarks } = inspection
  const found = [certificates, keys, requests, kubeconfigs, manifests, blocks].some(list => list.length > 0)
  if (found) return
  const names = inputs.map(({ name }) => name)
  const what = base ?? (names.length === 1 ? (names[0] ?? '') : `${names.length} files`)
  const [remark] = remarks
  const { error = 'KPKI_PEM_INVALID', place } = remark ?? {}
  const others = remarks.length > 1 ? ` (and ${remarks.length - 1} more like it)` : ''
  if (remark && place) {
    const where = place.part === undefined ? place.file : `${place.file}, ${place.part},`
    throw new EncodingError(isEncoding(error) ? error : 'KPKI_PEM_INVALID', `${where} ${remark.message}${others}`, {
      details: { what },
      ...(remark.hint === undefined ? {} : { hint: remark.hint }),
    })
  }
  if (inputs.length === 0)
    throw new EncodingError('KPKI_NOTHING_FOUND', `${what} is empty`, { details: { what, files: 0 } })
  throw new EncodingError('KPKI_NOTHING_FOUND', `${what} holds nothing that is read here`, {
    details: { what, files: inputs.length },
    hint: 'read are certificates, keys, requests in PEM or DER, kubeconfigs, and manifests that hold them',
  })
}

function isEncoding(code: keyof typeof ERRORS): code is CodeOf<'encoding'> {
  return ERRORS[code].kind === 'encoding'
}
