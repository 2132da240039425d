import { type CertificateRole, type InspectedCertificate, type Inspection, roleOf } from '../index.js'
import { type FileNames, mainPlace, shortPart, withKey } from './inspect-files.js'
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
  readonly role: string
  readonly key: string
  readonly life: Life | undefined
  readonly details: readonly string[]
  readonly colour?: Colour
}

/** Widths of the columns at the right. */
export interface Columns {
  readonly role: number
  readonly key: number
  readonly bar: number
  readonly life: number
}

const LONGEST_KEY = 12

/** Columns that fit all rows. */
export function columnsFor(rows: readonly Row[], { columns, glyphs }: Terminal): Columns {
  const widest = (texts: readonly string[], least: number) =>
    texts.reduce((most, text) => Math.max(most, widthOf(text)), least)
  const lives = rows.flatMap(({ life }) => life ?? [])
  const bar = columns >= 120 ? 20 : columns >= 100 ? 12 : 8
  const left = widest(
    lives.filter(life => life.state === 'valid' || life.state === 'soon').map(life => life.words),
    5,
  )
  const over = lives.filter(life => life.state === 'expired' || life.state === 'future').map(life => life.words)
  return {
    role: widest(
      rows.map(({ role }) => role),
      2,
    ),
    key: widest(
      rows.map(({ key }) => cut(key, LONGEST_KEY, glyphs)),
      8,
    ),
    bar,
    life: lives.length === 0 ? 0 : widest(over, bar + 1 + left),
  }
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
  const under =
    (own === undefined ? '' : above + (own ? glyphs.trunk : '   ')) + (row.hasChildren ? glyphs.trunk : '   ')
  const right = rightOf(row, widths, terminal)
  const room = columns - widthOf(right.plain) - (right.plain === '' ? 0 : 2)
  const fits = widthOf(prefix) + widthOf(row.name) <= room
  const both = row.who === '' ? row.name : `${row.name}  ${row.who}`
  const isWhoBeside = fits && widthOf(prefix) + widthOf(both) <= room
  const name = row.colour ? paint(row.colour, row.name) : row.name
  const left = prefix + (isWhoBeside && row.who !== '' ? `${name}  ${row.who}` : name)
  const lines: string[] = []
  if (fits) {
    const used = widthOf(prefix) + widthOf(isWhoBeside ? both : row.name)
    lines.push(right.plain === '' ? left : left + ' '.repeat(columns - used - widthOf(right.plain)) + right.painted)
  } else {
    const space = columns - widthOf(under) - widthOf(right.plain)
    lines.push(left)
    if (right.plain !== '') lines.push(under + ' '.repeat(Math.max(1, space)) + right.painted)
  }
  const details = isWhoBeside || row.who === '' ? row.details : [row.who, ...row.details]
  const indent = `${under}${own === undefined ? '' : '  '}`
  for (const detail of details)
    for (const line of wrap(detail, columns - widthOf(indent))) lines.push(indent + paint('dim', line))
  return lines
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
  return { ...EMPTY, trunks, hasChildren, name: cut(name, columns, glyphs), colour: 'dim' }
}

const EMPTY = { trunks: [], hasChildren: false, who: '', role: '', key: '', life: undefined, details: [] } as const

function certificateRow(found: InspectedCertificate, index: number, source: RowSource): Row {
  const { inspection, bundles, names, terminal } = source
  const { certificate, places, keyPlaces } = found
  const { show, glyphs, columns } = terminal
  const main = mainPlace(found, bundles)
  const file = names.of(main.file)
  const key = keyPlaces.find(({ file, part }) => part === undefined && withKey(main.file, file) !== undefined)
  const withBoth = main.part === undefined ? withKey(file, key && names.of(key.file)) : undefined
  const name = withBoth ?? (main.part === undefined ? file : `${file}: ${shortPart(main.part)}`)
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
  const details = [
    ...(organizations.length > 0 && hasGroups(role) ? [`in ${some(organizations, terminal, 200)}`] : []),
    ...namesDetail(certificate, role, terminal),
    ...uses.map(use => useDetail(use, use.kubeconfig.place.file === main.file, source)),
    ...(keys && keys.length > 0 && withBoth === undefined ? [`key in ${keys.slice(0, 3).map(show).join(', ')}`] : []),
    ...(also && also.length > 0 ? [`also in ${some(also, terminal, 2 * columns)}`] : []),
    ...(found.uncheckedIssuer === undefined ? [] : ['signature not checked: its kind is not known here']),
  ]
  return {
    ...EMPTY,
    name: show(isOfOne ? file : name),
    who: isSameName(who, file) ? '' : cut(show(who), columns - 20, glyphs),
    role: role === 'other' ? 'other' : role,
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
  return [`for ${some(all, terminal, 2 * (terminal.columns - 20))}`]
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
  const isCurrent = context !== undefined && kubeconfig.currentContext === context.name
  const label = context
    ? `as ${show(context.name)}${isCurrent || kubeconfig.contexts.length < 2 ? '' : ' (not the current context)'}`
    : ''
  const server = `to ${show(cluster?.server || 'no server')}`
  const insecure = cluster?.isInsecure ? ', which is not verified' : ''
  return `${isHere ? '' : `in ${show(names.of(kubeconfig.place.file))}: `}${server}${insecure} ${label}`.trimEnd()
}

/** A context without a client certificate, or a cluster without a context. */
export function accessRow(access: Access, { names, terminal }: RowSource): Row {
  const { kubeconfig, context, cluster, user } = access
  const { show } = terminal
  const file = show(names.of(kubeconfig.place.file))
  const inner = kubeconfig.place.part === undefined ? '' : `: ${show(shortPart(kubeconfig.place.part))}`
  const isAlone = kubeconfig.contexts.length + kubeconfig.clusters.length < 3
  const what = context ? `context ${show(context.name)}` : cluster ? `cluster ${show(cluster.name)}` : ''
  const isCurrent = context !== undefined && kubeconfig.currentContext === context.name && !isAlone
  const methods = user?.methods.join(', ') || 'no user'
  const files = [
    ...(cluster?.caFile === undefined ? [] : [`CA in ${show(cluster.caFile)}`]),
    ...(user?.certificateFile === undefined ? [] : [`certificate in ${show(user.certificateFile)}`]),
    ...(user?.keyFile === undefined ? [] : [`key in ${show(user.keyFile)}`]),
  ]
  return {
    ...EMPTY,
    name: file + inner,
    who: isCurrent ? `${what} (current)` : what,
    role: cluster || context ? methods : '',
    key: '',
    details: [
      ...(cluster
        ? [
            `to ${show(cluster.server || 'no server')}${cluster.isInsecure ? ', which is not verified' : ''}${user ? ` as ${show(user.name)}` : ''}`,
          ]
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
