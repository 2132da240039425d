import {
  type Backup,
  type Context,
  listBackups,
  type Store,
  type UndoneFile,
  type UndoResult,
  undoLast,
} from '../index.js'
import { afterwardsLines, backupPath } from './change-text.js'
import { count } from './check-text.js'
import type { Run } from './command.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { pad, type Terminal, terminalOf, widthOf, wrap } from './terminal.js'
import { openWritableTree } from './tree.js'

/** `kpki undo`: takes back the last change, or lists them. */
export const runUndo: Run = async (invocation, io) => {
  const { flags } = invocation
  const { store, name, context, warnings, notes } = await openWritableTree(invocation, io)
  const output = text(flags, 'output')
  const isQuiet = flags['quiet'] === true
  if (flags['list'] === true) {
    const { backups, broken } = await listBackups(store)
    for (const each of broken)
      context.log({ level: 'warning', message: `${store.locate(backupPath(each))} cannot be read as a backup` })
    if (isStructured(output)) {
      const items = backups.map(backup => ({
        ...backupFacts(backup, store),
        files: backup.files.map(({ path }) => path),
      }))
      const list = { apiVersion: OUTPUT_VERSION, kind: 'BackupList', items, warnings, notes }
      io.stdout(formatStructured(list, output))
    } else if (!isQuiet) io.stdout(formatBackups(backups, name, terminalOf(io)))
    return EXIT.done
  }
  const isDryRun = flags['dry-run'] === true
  const result = await undoLast(store, context, {
    dryRun: isDryRun,
    keepChanged: flags['keep-changed'] === true,
    signal: io.signal,
  })
  if (isStructured(output)) {
    const { backup, files, node, restarts } = result
    const undone = {
      ...{ apiVersion: OUTPUT_VERSION, kind: 'UndoResult', dryRun: isDryRun, backup: backupFacts(backup, store) },
      files: files.map(({ path, action }) => ({ path: store.locate(path), action })),
      ...(node === undefined ? {} : { node }),
      ...{ restarts, warnings, notes },
    }
    io.stdout(formatStructured(undone, output))
  } else if (!isQuiet) io.stdout(formatUndone(result, { store, context, name, isDryRun }, terminalOf(io)))
  return EXIT.done
}

function backupFacts({ name, createdAt, command, state, changes }: Backup, store: Store) {
  return { name, path: store.locate(backupPath(name)), createdAt: createdAt.toISOString(), command, state, changes }
}

const STATES: Readonly<Record<Backup['state'], string>> = {
  done: 'done',
  undone: 'undone',
  unfinished: 'unfinished',
  'unfinished-undo': 'undo unfinished',
}

/** The newest first, as one takes them back. */
function formatBackups(backups: readonly Backup[], name: string, terminal: Terminal): string {
  const { show, paint, columns } = terminal
  if (backups.length === 0) return `kpki has changed nothing in ${show(name)}\n`
  const width = Math.max(...backups.map(backup => widthOf(backup.name)))
  const lines = [...backups].reverse().flatMap(backup => {
    const files = count(backup.files.length, 'file')
    const state = paint(backup.state === 'done' ? 'green' : 'dim', STATES[backup.state])
    const changes = backup.changes.flatMap(change => wrap(show(change), columns - 4).map(line => `    ${line}`))
    return [`${pad(show(backup.name), width)}  ${show(backup.command)}, ${files}, ${state}`, ...changes]
  })
  return `${lines.join('\n')}\n`
}

const VERBS: Readonly<Record<UndoneFile['action'], readonly [done: string, planned: string]>> = {
  restored: ['restored', 'restore'],
  removed: ['removed', 'remove'],
  unchanged: ['unchanged', 'unchanged'],
  kept: ['kept', 'keep'],
}

interface Undoing {
  readonly store: Store
  readonly context: Context
  readonly name: string
  readonly isDryRun: boolean
}

function formatUndone({ backup, files, node, restarts }: UndoResult, undoing: Undoing, terminal: Terminal): string {
  const { store, name, isDryRun } = undoing
  const { show, paint, columns } = terminal
  const verbOf = ({ action }: UndoneFile) => VERBS[action][isDryRun ? 1 : 0]
  const width = Math.max(0, ...files.map(file => verbOf(file).length))
  const lines = files.map(file => {
    const isDone = file.action === 'restored' || file.action === 'removed'
    return `${paint(isDone ? 'green' : 'dim', verbOf(file).padEnd(width))} ${show(file.path)}`
  })
  const change = `the ${backup.state === 'done' ? 'change' : 'unfinished change'} of ${backup.name} (${backup.command})`
  const where = `in ${name}`
  const end = isDryRun
    ? `Dry run, nothing was written: ${change} ${where} would be taken back`
    : `Done: ${change} ${where} is taken back; what was in the place of these files is in ${store.locate(`${backupPath(backup.name)}/new`)}`
  const afterwards = afterwardsLines({ restarts, followUps: [], node }, terminal)
  return `${[...lines, ...afterwards, ...wrap(show(end), columns)].join('\n')}\n`
}
