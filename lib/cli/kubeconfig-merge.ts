import {
  EncodingError,
  type MergeChange,
  type MergeFile,
  type MergeOptions,
  type MergeResult,
  mergeKubeconfigs,
  StoreError,
  UsageError,
} from '../index.js'
import { defaultKubeconfig, kubeconfigsBeside, movedPath, pathBeside, readRegularFile, updateFile } from '../node.js'
import type { Run } from './command.js'
import { type FlagValues, text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { printable } from './terminal.js'

/** `kpki kubeconfig merge`: one kubeconfig of several, the rest of which stays as it is. */
export const runKubeconfigMerge: Run = async ({ args, flags }, io) => {
  const into = text(flags, 'into') ?? (await defaultTarget(io))
  if (into === '-')
    throw new UsageError('KPKI_USAGE', 'kubeconfig merge changes a file, and - is standard input and output', {
      hint: 'for a file of that name write ./-',
    })
  if (args.filter(file => file === '-').length > 1)
    throw new UsageError('KPKI_USAGE', 'kubeconfig merge: standard input can be read once only')
  const sources: MergeFile[] = []
  for (const file of args) sources.push(await readSource(file, into, io))
  const isDryRun = flags['dry-run'] === true
  const warnings: string[] = []
  let merged: MergeResult | undefined
  const merge = async (bytes: Uint8Array | undefined) => {
    const content = bytes === undefined ? '' : decode(bytes, into)
    const target = { ...pathsOf(into, into), text: content, name: into }
    const options = { ...optionsOf(flags), beside: await readBeside(into, io) }
    merged = await mergeKubeconfigs(target, sources, options)
    return merged.isChanged ? new TextEncoder().encode(merged.text) : undefined
  }
  const before = await readRegularFile(into)
  if (isDryRun) await merge(before?.bytes)
  else await updateFile(into, current => merge(current?.bytes), { signal: io.signal })
  if (!merged) throw new TypeError('nothing was merged')
  if (before?.mode !== undefined && (before.mode & 0o077) !== 0)
    warnings.push(`${into} can be read by others (mode ${before.mode.toString(8).padStart(4, '0')}): chmod 600 it`)
  if (merged.affectedContexts.length > 0)
    warnings.push(`these contexts use what was overwritten: ${merged.affectedContexts.join(', ')}`)
  const output = text(flags, 'output')
  if (isStructured(output)) io.stdout(formatStructured(structured(merged, into, isDryRun, warnings), output))
  else if (flags['quiet'] !== true) {
    for (const warning of warnings) io.stderr(`kpki: warning: ${printable(warning)}\n`)
    io.stdout(formatMerged(merged, into, isDryRun))
  }
  return EXIT.done
}

function optionsOf(flags: FlagValues): MergeOptions {
  const [onConflict, contextName] = [text(flags, 'on-conflict'), text(flags, 'context-name')]
  return {
    ...(onConflict === 'rename' || onConflict === 'overwrite' ? { onConflict } : {}),
    ...(contextName === undefined ? {} : { contextName }),
    useContext: flags['use-context'] === true,
    flatten: flags['flatten'] === true,
  }
}

async function defaultTarget({ env }: Io): Promise<string> {
  const path = await defaultKubeconfig(env)
  if (path !== undefined) return path
  throw new UsageError('KPKI_USAGE', 'where to is not known: neither KUBECONFIG nor HOME is set', {
    hint: 'name the file with --into FILE',
  })
}

/** What kubectl reads together with the target, where that is one of several in KUBECONFIG. */
async function readBeside(into: string, { env }: Io): Promise<NonNullable<MergeOptions['beside']>> {
  const { before, after } = kubeconfigsBeside(into, env)
  const read = async (paths: readonly string[]) => {
    const files: MergeFile[] = []
    for (const path of paths) {
      const file = await readRegularFile(path)
      if (file) files.push({ ...pathsOf(path, into), text: decode(file.bytes, path), name: path })
    }
    return files
  }
  return { before: await read(before), after: await read(after) }
}

async function readSource(file: string, into: string, io: Io): Promise<MergeFile> {
  const { text: content, name } = await readInput(file, io)
  return { ...pathsOf(file, into), text: content, name }
}

/** How the paths that stand in a file are made to lead from another one; those of standard input start at this folder. */
function pathsOf(file: string, into: string): Pick<MergeFile, 'rewritePath' | 'readFile'> {
  const from = file === '-' ? 'standard input' : file
  return {
    rewritePath: path => movedPath(path, from, into),
    readFile: async path => {
      const place = pathBeside(from, path)
      const found = await readRegularFile(place)
      if (found) return found.bytes
      throw new StoreError('KPKI_FILE_NOT_FOUND', `${place}, which ${from} names, does not exist`, {
        details: { path: place },
      })
    },
  }
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new EncodingError('KPKI_KUBECONFIG_INVALID', `${name} is not UTF-8 text`, { details: { what: name }, cause })
  }
}

const VERBS: Readonly<Record<MergeChange['action'], readonly [done: string, planned: string]>> = {
  add: ['added', 'add'],
  same: ['kept', 'keep'],
  overwrite: ['overwritten', 'overwrite'],
}

function formatMerged(
  { changes, currentContext, previousContext, isChanged }: MergeResult,
  into: string,
  isDryRun: boolean,
): string {
  const lines = changes.map(({ list, name, originalName, source, action }) => {
    const verb = VERBS[action][isDryRun ? 1 : 0].padEnd(11)
    const renamed = name === originalName ? '' : `, there ${originalName}`
    return `${verb} ${list.slice(0, -1).padEnd(7)}  ${name}  (${source}${renamed})`
  })
  if (currentContext !== previousContext)
    lines.push(
      `${isDryRun ? 'use' : 'current'} context ${currentContext}${previousContext === undefined ? '' : `, before ${previousContext}`}`,
    )
  const count = (action: MergeChange['action']) => changes.filter(change => change.action === action).length
  const counts = (['add', 'overwrite', 'same'] as const)
    .filter(action => count(action) > 0)
    .map(action => `${count(action)} ${isDryRun ? 'to ' : ''}${VERBS[action][isDryRun ? 1 : 0]}`)
  const end = isDryRun ? 'Dry run, nothing was written' : isChanged ? 'Done' : 'Nothing to do'
  lines.push(`${end}: ${counts.join(', ') || 'no entries'} in ${into}`)
  return lines.map(line => `${printable(line)}\n`).join('')
}

function structured(merged: MergeResult, into: string, dryRun: boolean, warnings: readonly string[]) {
  const { changes, currentContext, previousContext, isChanged, affectedContexts } = merged
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'KubeconfigMerge',
    dryRun,
    file: into,
    changed: isChanged,
    currentContext,
    previousContext,
    items: changes,
    affectedContexts,
    warnings,
  }
}
