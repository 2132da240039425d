import {
  type Certificate,
  type Change,
  type ChangedTree,
  type ChangePlan,
  type Context,
  describeChange,
  expectedEnd,
  type PlannedChanges,
  type Restart,
  type Store,
  type TreeItemId,
} from '../index.js'
import { pad, type Terminal, widthOf, wrap } from './terminal.js'

/**
 * A plan for people: what, why, and what it takes afterwards.
 *
 * @param name - what people call the tree
 * @param hasFlags - it was made with flags, without which `apply` would do something else
 */
export function formatPlan(
  { plan, comparison }: PlannedChanges,
  name: string,
  hasFlags: boolean,
  terminal: Terminal,
): string {
  const { changes, node } = plan
  const lines = [
    ...changes.flatMap(change => changeLines(change, terminal)),
    ...untouchedLines(plan, terminal),
    ...(changes.length > 0 ? afterwardsLines(plan, terminal) : []),
  ]
  const version = comparison.inference.facts.kubernetesVersion
  const of = [...(node === undefined ? [] : [`node ${node}`]), ...(version === undefined ? [] : [version])].join(', ')
  const what = terminal.show(`${name}${of === '' ? '' : ` (${of})`}`)
  const end =
    changes.length > 0
      ? `${countText(changes)} in ${what}; nothing was written. Do it: kpki apply${hasFlags ? ', with the same flags' : ''}`
      : `Nothing to change in ${what}`
  return `${spaced([...lines, ...wrap(end, terminal.columns)]).join('\n')}\n`
}

/** Parts bring the empty lines that set them off: one is enough between two, and none at the beginning. */
function spaced(lines: readonly string[]): readonly string[] {
  return lines.filter((line, index) => line !== '' || (lines[index - 1] ?? '') !== '')
}

/** What is done to each item, and why. */
export function changeLines(change: Change, { columns, paint, show }: Terminal): readonly string[] {
  const [first = '', ...rest] = wrap(show(describeChange(change)), columns - 2)
  const id = change.id
  return [first.replace(id, paint('green', id)), ...rest.map(line => `  ${line}`)]
}

/** What is wrong and stays so, with the way out. */
export function untouchedLines({ untouched }: ChangePlan, terminal: Terminal): readonly string[] {
  const lines = untouched.flatMap(({ id, message, hint }) => [
    ...indented(`${id} ${message}`, terminal),
    ...(hint === undefined ? [] : indented(hint, terminal, 4).map(line => terminal.paint('dim', line))),
  ])
  return lines.length > 0 ? ['', terminal.paint('yellow', 'Not touched:'), ...lines, ''] : []
}

/** Components in the order in which to restart them, and what else is to be done. */
export function afterwardsLines(
  { restarts, followUps, node }: Pick<ChangePlan, 'restarts' | 'followUps' | 'node'>,
  terminal: Terminal,
): readonly string[] {
  const where = node === undefined ? '' : ` on ${terminal.show(node)}`
  const steps = restarts.flatMap((restart, index) => restartLines(restart, index + 1, terminal))
  const isRestart = restarts.some(({ how }) => how === 'restart')
  const isPod = restarts.some(({ how, component }) => how === 'restart' && component !== 'kubelet')
  const isKubelet = restarts.some(({ how, component }) => how === 'restart' && component === 'kubelet')
  const how = [
    ...(isPod
      ? ['A static Pod restarts when its manifest leaves /etc/kubernetes/manifests for half a minute and comes back.']
      : []),
    ...(isKubelet ? ['The kubelet: systemctl restart kubelet.'] : []),
  ].join(' ')
  return [
    ...(restarts.length > 0
      ? ['', `Afterwards${where}${restarts.length > 1 ? ', in this order' : ''}:`, ...steps]
      : []),
    ...(isRestart ? indented(how, terminal).map(line => terminal.paint('dim', line)) : []),
    ...(followUps.length > 0 ? ['', 'And:'] : []),
    ...followUps.flatMap(sentence => {
      const [first = '', ...rest] = wrap(terminal.show(sentence), terminal.columns - 4)
      return [`  - ${first}`, ...rest.map(line => `    ${line}`)]
    }),
    '',
  ]
}

function restartLines({ component, how, because, until }: Restart, place: number, terminal: Terminal) {
  const what = how === 'restart' ? 'restart it' : 'takes it up by itself'
  const head = `${place}. ${component}: ${what} (${because.join(', ')})`
  const [first = '', ...rest] = wrap(terminal.show(head), terminal.columns - 5)
  const painted = how === 'restart' ? first.replace('restart it', terminal.paint('bold', 'restart it')) : first
  const sentence = `${how === 'restart' ? 'Until then: ' : ''}${until.join(' ')}`
  return [
    `  ${painted}`,
    ...rest.map(line => `     ${line}`),
    ...indented(sentence, terminal, 5).map(line => terminal.paint('dim', line)),
  ]
}

const DONE: Readonly<Record<Change['action'], string>> = {
  create: 'made',
  reissue: 'renewed',
  'renew-ca': 'renewed',
  derive: 'derived',
  edit: 'edited',
}

/** What is shown of one item that was changed, or would be. */
interface ChangedItem {
  readonly change: Change
  readonly oldEnd: Date | undefined
  readonly newEnd: Date | undefined
}

/** What a run was about. */
export interface RunFacts {
  readonly store: Pick<Store, 'locate'>
  readonly context: Context
  /** What people call the tree. */
  readonly name: string
  readonly isDryRun: boolean
}

/** Where a backup is in its tree. */
export function backupPath(name: string): string {
  return `.kpki/backups/${name}`
}

/** What was done to a tree, or would be: items with their ends, what was left, what to restart, where the old files are. */
export function resultLines(
  changed: ChangedTree,
  { store, context, name, isDryRun }: RunFacts,
  terminal: Terminal,
): readonly string[] {
  const { plan, backup } = changed
  const where = terminal.show(name)
  const count = plan.changes.length
  const end = isDryRun
    ? [`Dry run, nothing was written: ${countText(plan.changes) || 'nothing to change'} in ${where}`]
    : backup === undefined
      ? [`${plan.untouched.length > 0 ? 'Nothing was changed' : 'Nothing to change'} in ${where}`]
      : [
          `Done: ${count} changed in ${where}`,
          `The old files are in ${terminal.show(store.locate(backupPath(backup.name)))}`,
          `To put them back: kpki undo${where === '/etc/kubernetes' ? '' : ', with the same --dir'}`,
        ]
  return spaced([
    ...itemLines(
      changedItems(changed, change => expectedEnd(change, changed, context)),
      isDryRun,
      terminal,
    ),
    ...untouchedLines(plan, terminal),
    ...(count > 0 ? afterwardsLines(plan, terminal) : []),
    ...end,
  ])
}

/** The items of a run, with the old and the new end of each. */
function changedItems(
  { plan, comparison, certificates }: ChangedTree,
  expected: (change: Change) => Date | undefined,
): readonly ChangedItem[] {
  const oldOf = (id: TreeItemId): Certificate | undefined => comparison.items.find(item => item.id === id)?.certificate
  return plan.changes.map(change => ({
    change,
    oldEnd: oldOf(change.id)?.notAfter,
    newEnd: change.wanted ? (certificates.get(change.id)?.notAfter ?? expected(change)) : undefined,
  }))
}

/** What was changed, a line each: `renewed apiserver  2026-12-01 -> 2027-11-21, new key`; below it which names are gone. */
function itemLines(items: readonly ChangedItem[], isDryRun: boolean, terminal: Terminal) {
  const { paint, glyphs } = terminal
  const verbOf = ({ change }: ChangedItem) => (isDryRun ? (PLANNED[change.action] ?? '') : (DONE[change.action] ?? ''))
  const verbWidth = Math.max(0, ...items.map(item => widthOf(verbOf(item))))
  const idWidth = Math.max(0, ...items.map(({ change }) => widthOf(change.id)))
  return items.flatMap(item => {
    const { change, oldEnd, newEnd } = item
    const arrow = glyphs.ellipsis === '…' ? '→' : '->'
    const ends = newEnd ? `${oldEnd ? `${day(oldEnd)} ${arrow} ` : ''}${day(newEnd)}` : ''
    const key = change.key === undefined ? '' : change.key === 'new' ? 'new key' : 'same key'
    const edits = change.edits.map(edit => (edit === 'server' ? 'server' : 'CA data')).join(', ')
    const facts = [ends, key, edits].filter(Boolean).join(', ')
    const drops = change.reasons.filter(({ code }) => code === 'names-extra')
    return [
      `${paint('green', pad(verbOf(item), verbWidth))} ${pad(change.id, idWidth)}  ${facts}`.trimEnd(),
      ...drops.flatMap(({ message }) => indented(message, terminal)),
    ]
  })
}

const PLANNED: Readonly<Record<Change['action'], string>> = {
  create: 'make',
  reissue: 'renew',
  'renew-ca': 'renew',
  derive: 'derive',
  edit: 'edit',
}

/** e.g. `3 to reissue, 2 to edit` */
export function countText(changes: readonly Change[]): string {
  const names: readonly (readonly [Change['action'], string])[] = [
    ['create', 'to make'],
    ['renew-ca', 'CA to renew'],
    ['reissue', 'to reissue'],
    ['derive', 'to derive'],
    ['edit', 'to edit'],
  ]
  return names
    .map(([action, name]) => [changes.filter(change => change.action === action).length, name] as const)
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count} ${name}`)
    .join(', ')
}

function indented(text: string, { columns, show }: Terminal, by = 2): readonly string[] {
  return wrap(show(text), columns - by).map(line => `${' '.repeat(by)}${line}`)
}

function day(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}
