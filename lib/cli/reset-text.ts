import type { Host, Kept, PhaseResult, Removal, ResetRun } from '../index.js'
import { describePhases } from './phase-results.js'
import { OUTPUT_VERSION } from './structured.js'
import { type Terminal, widthOf, wrap } from './terminal.js'

const WHY: Readonly<Record<Removal['why'], string>> = {
  recorded: 'made by kpki',
  known: "of kubeadm's list",
  kubelet: "the kubelet's own",
  etcd: 'data of etcd',
  asked: 'asked for',
  empty: 'empty then',
}

/** What the phases that run are going to do. */
export interface Listed extends Pick<ResetRun, 'remove' | 'keep' | 'criSocket'> {
  /** The phase that removes files is among them. */
  readonly isCleaning: boolean
  /** What they do beside, e.g. `stop kubelet`. */
  readonly does: readonly string[]
}

/** What goes and what stays, before anything does. */
export function formatSurvey(
  { remove, keep, isCleaning, does }: Listed,
  host: Host,
  terminal: Terminal,
  end?: string,
): string {
  const { paint, show, columns } = terminal
  const width = Math.max(0, ...remove.map(({ why }) => WHY[why].length))
  const goes = remove.map(({ path, type, why, isChanged, isSigningKey }) => {
    const marks = [
      ...(isChanged ? ['changed since'] : []),
      ...(isSigningKey ? ['a key that certificates or tokens are signed with'] : []),
    ]
    const place = `${show(host.locate(path))}${type === 'tree' ? '/…' : ''}`
    return `  ${paint('dim', WHY[why].padEnd(width))} ${place}${marks.length > 0 ? paint('yellow', ` (${marks.join(', ')})`) : ''}`
  })
  const stays = keep.flatMap(({ path, why }) => keptLines({ path: host.locate(path), why }, terminal))
  const keys = remove.filter(({ isSigningKey }) => isSigningKey)
  const warning =
    'Keys that certificates and tokens are signed with go: where no other host has them, nothing of this cluster can be signed any ' +
    'more. --keep-pki leaves them, --backup FILE packs them.'
  const parts = [
    ...(does.length > 0
      ? [
          `${paint('bold', 'First:')}\n${does
            .flatMap(each => wrap(show(each), columns - 2))
            .map(line => `  ${line}`)
            .join('\n')}`,
        ]
      : []),
    ...(remove.length > 0 ? [`${paint('bold', 'Goes:')}\n${goes.join('\n')}`] : []),
    ...(remove.length === 0 && isCleaning ? ['Nothing of a cluster is on this host.'] : []),
    ...(remove.length === 0 && !isCleaning ? ['No file goes: cleanup-node is not among the phases that run.'] : []),
    ...(stays.length > 0 ? [`${paint('bold', 'Stays:')}\n${stays.join('\n')}`] : []),
    ...(keys.length > 0 ? [wrap(warning, columns).join('\n')] : []),
    ...(end === undefined ? [] : [end]),
  ]
  return `${parts.join('\n\n')}\n`
}

function keptLines({ path, why }: Kept, { show, columns, paint }: Terminal): readonly string[] {
  const [place, reason] = [show(path), show(why)]
  if (widthOf(place) + widthOf(reason) + 4 <= columns) return [`  ${place}: ${paint('dim', reason)}`]
  return [`  ${place}:`, ...wrap(reason, columns - 4).map(line => `    ${paint('dim', line)}`)]
}

/** What a phase came to, without what the list before has said already. */
export function withoutList(result: PhaseResult, { remove }: ResetRun, host: Host): PhaseResult {
  const listed = new Set(remove.map(({ path }) => host.locate(path)))
  const gone = result.made.filter(line => listed.has(line)).length
  const rest = result.made.filter(line => !listed.has(line))
  return {
    ...result,
    made: [...rest, ...(gone > 0 ? [`${gone} of ${remove.length} files and directories removed`] : [])],
  }
}

/** What there is to do afterwards. */
export function formatResetEnd(
  { remove, isCleaning }: Listed,
  backup: string | undefined,
  { columns, show }: Terminal,
): string {
  if (!isCleaning) return 'Done.\n'
  if (remove.length === 0) return 'Nothing of a cluster is on this host: there was nothing to take back.\n'
  const kept = backup === undefined ? '' : ` A copy is in ${show(backup)}.`
  const text = `Done: this host is as before init or join, but for what stays.${kept} Where the cluster goes on, it still has the Node: kubectl delete node NAME.`
  return `\n${wrap(text, columns).join('\n')}\n`
}

/** The shape of `-o json|yaml`. */
export function resetResult(
  { remove, keep, criSocket, does }: Listed,
  results: readonly PhaseResult[],
  { host, isDryRun, backup }: { readonly host: Host; readonly isDryRun: boolean; readonly backup?: string },
) {
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'ResetResult',
    dryRun: isDryRun,
    criSocket,
    does,
    remove: remove.map(({ path, type, why, isChanged, isSigningKey }) => {
      return { path: host.locate(path), type, why, changed: isChanged, signingKey: isSigningKey }
    }),
    keep: keep.map(({ path, why }) => ({ path: host.locate(path), why })),
    ...(backup === undefined ? {} : { backup }),
    phases: describePhases(results),
  }
}
