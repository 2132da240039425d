import { type CertificateRole, type InspectedCertificate, type Inspection, roleOf } from '../index.js'
import { type FileNames, mainPlace, withKey } from './inspect-files.js'
import { LIFE_COLOURS, type Life, lifeCell, lifeOf } from './inspect-life.js'
import type { Access, TreeRow } from './inspect-tree.js'
import { type Colour, cut, pad, type Terminal, widthOf, wrap } from './terminal.js'

/** One thing, as a line with columns at the right and details below it. */
export interface Row {
  readonly trunks: readonly boolean[]
  readonly hasChildren: boolean
  /** File and part; never shortened. Empty for a heading. */
  readonly name: string
  /** Who it is; beside the name where there is room, else the first of the details. */
  readonly who: string
  /** The groups that it is in, on the line of who it is; empty without. */
  readonly groups: string
  readonly role: string
  readonly key: string
  readonly life: Life | undefined
  readonly details: readonly string[]
  readonly colour?: Colour
}

/** Widths of the columns. */
export interface Columns {
  /** Everything before the columns at the right. */
  readonly left: number
  readonly role: number
  readonly key: number
  readonly bar: number
  readonly life: number
}

const LONGEST_KEY = 12
const BAR = { least: 8, most: 20 } as const

/** Columns that fit all rows: no wider than they need, so that the eye finds from one to the other; bars take what remains. */
export function columnsFor(rows: readonly Row[], { columns, glyphs }: Terminal): Columns {
  const widest = (texts: readonly string[], least: number) =>
    texts.reduce((most, text) => Math.max(most, widthOf(text)), least)
  const lives = rows.flatMap(({ life }) => life ?? [])
  const isAhead = ({ state }: Life) => state === 'valid' || state === 'soon'
  const words = (list: readonly Life[]) => list.map(life => life.words)
  const role = widest(
    rows.map(row => row.role),
    2,
  )
  const key = widest(
    rows.map(row => cut(row.key, LONGEST_KEY, glyphs)),
    8,
  )
  const over = widest(words(lives.filter(life => !isAhead(life))), 0)
  const rest = widest(words(lives.filter(isAhead)), 5) + 1
  const life = lives.length === 0 ? 0 : Math.max(over, BAR.least + rest)
  const room = columns - role - key - life - (lives.length === 0 ? 4 : 6)
  // Who it is goes below where it does not fit; a name that does not fit has its columns below it.
  const wanted = rows.flatMap(row => {
    const before = 3 * row.trunks.length
    const widths = [before + widthOf(leftOf(row)), before + widthOf(row.name)]
    return row.role !== '' || row.key !== '' || row.life ? (widths.find(width => width <= room) ?? []) : []
  })
  const left = wanted.length === 0 ? room : Math.max(...wanted)
  const wider = Math.max(0, Math.min(BAR.most - BAR.least, room - left))
  return { left, role, key, life: life === 0 ? 0 : life + wider, bar: life - rest + wider }
}

function leftOf({ name, who }: Row): string {
  return who === '' ? name : `${name}  ${who}`
}

/** A row as lines of the terminal's width; only a file name may be longer than that. */
export function formatRow(row: Row, widths: Columns, terminal: Terminal): string[] {
  const { paint, glyphs, columns } = terminal
  const above = row.trunks
    .slice(0, -1)
    .map(more => (more ? glyphs.trunk : '   '))
    .join('')
  const own = row.trunks.at(-1)
  const prefix = own === undefined ? '' : above + (own ? glyphs.branch : glyphs.last)
  // Behind a trunk where something hangs below, so that the details do not cut it.
  const under = own === undefined ? '' : above + (own ? glyphs.trunk : '   ')
  const indent = under + (row.hasChildren ? glyphs.trunk : '   ')
  const right = rightOf(row, widths, terminal)
  const room = right.plain === '' ? columns : widths.left
  const fits = widthOf(prefix) + widthOf(row.name) <= room
  const both = leftOf(row)
  const isWhoBeside = fits && widthOf(prefix) + widthOf(both) <= room
  const name = row.colour ? paint(row.colour, row.name) : row.name
  const left = prefix + (isWhoBeside && row.who !== '' ? `${name}  ${row.who}` : name)
  const lines: string[] = []
  if (fits) {
    const used = widthOf(prefix) + widthOf(isWhoBeside ? both : row.name)
    lines.push(right.plain === '' ? left : left + ' '.repeat(Math.max(0, widths.left - used) + 2) + right.painted)
  } else {
    const space = widths.left + 2 - widthOf(indent)
    lines.push(left)
    if (right.plain !== '') lines.push(indent + ' '.repeat(Math.max(1, space)) + right.painted)
  }
  const who = isWhoBeside ? '' : row.who
  const [first, ...rest] = [[who, row.groups].filter(Boolean).join(' '), ...row.details]
  const details = first ? [first, ...rest] : rest
  for (const detail of details)
    for (const line of wrap(detail, columns - widthOf(indent))) lines.push(indent + paint('dim', line))
  return lines.map(line => line.trimEnd())
}

function rightOf({ role, key, life }: Row, widths: Columns, { paint, glyphs }: Terminal) {
  if (role === '' && key === '' && !life) return { plain: '', painted: '' }
  const before = `${pad(role, widths.role)}  ${pad(cut(key, LONGEST_KEY, glyphs), widths.key)}`
  if (widths.life === 0) return { plain: before, painted: before }
  const cell = life ? lifeCell(life, widths.life, widths.bar, glyphs) : ' '.repeat(widths.life)
  const painted = life ? paint(LIFE_COLOURS[life.state], cell) : cell
  return { plain: `${before}  ${cell}`, painted: `${before}  ${painted}` }
}

/** What rows are made from. */
export interface RowSource {
  readonly inspection: Inspection
  readonly uses: ReadonlyMap<number, readonly Access[]>
  readonly bundles: ReadonlyMap<string, number>
  readonly names: FileNames
  readonly terminal: Terminal
}

/** The row of one item of the tree. */
export function treeRow({ item, trunks, hasChildren }: TreeRow, source: RowSource): Row {
  if (item.kind === 'certificate') {
    const found = source.inspection.certificates[item.index]
    if (found) return { ...certificateRow(found, item.index, source), trunks, hasChildren }
  }
  if (item.kind === 'access') return { ...accessRow(item.access, source), trunks, hasChildren }
  const issuer = item.kind === 'absent' ? source.terminal.show(item.issuer) : ''
  const name = `issuer not here: ${issuer || 'without a name'}`
  const { columns, glyphs } = source.terminal
  return { ...NO_ROW, trunks, hasChildren, name: cut(name, columns, glyphs), colour: 'dim' }
}

/** A row of nothing, to be filled. */
export const NO_ROW = {
  trunks: [],
  hasChildren: false,
  who: '',
  groups: '',
  role: '',
  key: '',
  life: undefined,
  details: [],
} as const

function certificateRow(found: InspectedCertificate, index: number, source: RowSource): Row {
  const { inspection, bundles, names, terminal } = source
  const { certificate, places, keyPlaces } = found
  const { show, glyphs, columns } = terminal
  const main = mainPlace(found, bundles)
  const file = names.of(main.file)
  const key = keyPlaces.find(place => place.part === undefined && withKey(main.file, place.file) !== undefined)
  const withBoth = main.part === undefined ? withKey(file, key && names.of(key.file)) : undefined
  const name = withBoth ?? names.at(main)
  const role = roleOf(certificate)
  const { commonName, organizations, text } = certificate.subject
  const who = commonName || text || 'nobody'
  const uses = source.uses.get(index) ?? []
  // In a kubeconfig of one context the part says nothing that its use does not.
  const isOfOne =
    main.part !== undefined &&
    /^users\[/.test(main.part) &&
    uses.length === 1 &&
    uses[0]?.kubeconfig.contexts.length === 1
  const isOther = (place: { readonly file: string; readonly part: string | undefined }) =>
    place.file !== main.file && !bundles.has(place.file) && !place.part?.includes('[')
  const [also, keys] = [places, keyPlaces].map(list => [
    ...new Set(list.filter(isOther).map(place => names.of(place.file))),
  ])
  // A kubeconfig has its CA once for each cluster, and says so with each of them.
  const again = main.part?.includes('data[') ? places.filter(place => place.file === main.file).length - 1 : 0
  const details = [
    ...namesDetail(certificate, role, terminal),
    ...uses.map(use => useDetail(use, use.kubeconfig.place.file === main.file, source)),
    ...(keys && keys.length > 0 && withBoth === undefined ? [`key in ${keys.slice(0, 3).map(show).join(', ')}`] : []),
    ...(also && also.length > 0 ? [`also in ${some(also, terminal, 2 * columns)}`] : []),
    ...(again > 0 && !bundles.has(main.file)
      ? [`and in ${again >= 999 ? 'many' : again} more place${again === 1 ? '' : 's'} of this file`]
      : []),
    ...(found.uncheckedIssuer === undefined ? [] : ['signature not checked: its kind is not known here']),
  ]
  return {
    ...NO_ROW,
    name: show(isOfOne ? file : name),
    who: isSameName(who, file) ? '' : cut(show(who), columns - 20, glyphs),
    groups: organizations.length > 0 && hasGroups(role) ? `in ${some(organizations, terminal, 200)}` : '',
    role,
    key: certificate.publicKey.name,
    life: lifeOf(certificate, inspection.now),
    details,
  }
}

function hasGroups(role: CertificateRole): boolean {
  return role === 'client' || role === 'peer' || role === 'any'
}

/** Names that a server has, as many as go into two lines, and how many more there are. */
function namesDetail(
  { dnsNames, ipAddresses, otherNames }: InspectedCertificate['certificate'],
  role: CertificateRole,
  terminal: Terminal,
): string[] {
  const all = [...dnsNames, ...ipAddresses, ...otherNames]
  if (all.length === 0 || role === 'CA') return []
  return [`for ${some(all, terminal, 2 * (terminal.columns - 14))}`]
}

/** The first of many that go into some columns, and how many more there are. */
export function some(items: readonly string[], { show, glyphs, columns }: Terminal, room: number): string {
  let text = ''
  let shown = 0
  for (const item of items) {
    const next = cut(show(item.slice(0, 300)), Math.floor(columns / 2), glyphs)
    if (shown > 0 && widthOf(text) + widthOf(next) + 2 > room) break
    text += shown === 0 ? next : `, ${next}`
    shown++
  }
  return shown < items.length ? `${text} and ${items.length - shown} more` : text
}

function useDetail({ kubeconfig, context, cluster }: Access, isHere: boolean, { names, terminal }: RowSource): string {
  const { show } = terminal
  const isCurrent = kubeconfig.contexts.length > 1 && kubeconfig.currentContext === context?.name
  const label = context ? ` in context ${show(context.name)}${isCurrent ? ' (current)' : ''}` : ''
  return `${isHere ? '' : `in ${show(names.of(kubeconfig.place.file))}: `}${serverText(cluster, terminal)}${label}`
}

function serverText(cluster: Access['cluster'], { show }: Terminal): string {
  return `to ${show(cluster?.server || 'no server')}${cluster?.isInsecure ? ' (not verified)' : ''}`
}

/** A context without a client certificate, or a cluster without a context. */
export function accessRow(access: Access, { names, terminal }: RowSource): Row {
  const { kubeconfig, context, cluster, user } = access
  const { show } = terminal
  const isAlone = kubeconfig.contexts.length + kubeconfig.clusters.length < 3
  const what = context ? `context ${show(context.name)}` : cluster ? `cluster ${show(cluster.name)}` : ''
  const isCurrent = context !== undefined && kubeconfig.currentContext === context.name && !isAlone
  const current = isCurrent ? `${what} (current)` : what
  const methods = user?.methods.join(', ') || 'no user'
  const files = [
    ...(cluster?.caFile === undefined ? [] : [`CA in ${show(cluster.caFile)}`]),
    ...(user?.certificateFile === undefined ? [] : [`certificate in ${show(user.certificateFile)}`]),
    ...(user?.keyFile === undefined ? [] : [`key in ${show(user.keyFile)}`]),
  ]
  return {
    ...NO_ROW,
    ...(names.base === kubeconfig.place.file && what !== ''
      ? { name: current }
      : { name: show(names.at(kubeconfig.place)), who: current }),
    role: cluster || context ? methods : '',
    key: '',
    details: [
      ...(cluster
        ? [`${serverText(cluster, terminal)}${user ? ` as user ${show(user.name)}` : ''}`]
        : [context ? 'its cluster is not in it' : 'names no cluster']),
      ...(files.length > 0 ? [files.join(', ')] : []),
    ],
  }
}

/** Whether a file is called as the certificate in it is, so that the name need not be said twice. */
function isSameName(who: string, file: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
  return plain(who) === plain(file.slice(file.lastIndexOf('/') + 1).replace(/\.[^.]+$/, ''))
}
