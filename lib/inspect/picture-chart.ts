import type { LifeState } from '../x509/life.js'
import { type Axis, breaksOf, type Tick, ticksOf } from './picture-axis.js'
import type { Bar, PictureRow } from './picture-model.js'
import { escapeMarkup } from './picture-text.js'
import { type Branch, INDENT } from './picture-tree.js'

/** Where names, bars and the lines of the tree have their middle, below the top of a row. */
const NODE_Y = 18
/** Height of the head of a chart, with the labels of its axis. */
export const AXIS_HEIGHT = 48

/** A share of a width as SVG writes it. */
export function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`
}

/** Fill patterns by id: states differ by pattern as well as by colour. */
export function patterns(): string {
  return `<pattern id="kpki-expired" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<rect class="expired-ground" width="6" height="6"/><line class="expired-line" x1="1" y1="0" x2="1" y2="6"/></pattern>\
<pattern id="kpki-soon" width="4" height="4" patternUnits="userSpaceOnUse">\
<rect class="soon-ground" width="4" height="4"/><line class="soon-line" x1="1" y1="0" x2="1" y2="4"/></pattern>`
}

/** Ground and grid of a chart of any height: shaded where time passes faster. */
export function backdrop(axis: Axis, ticks: readonly Tick[]): string {
  const shades = axis.stretches
    .filter(({ isNear }) => !isNear)
    .map(
      ({ left, right }) => `<rect class="shade" x="${percent(left)}" width="${percent(right - left)}" height="100%"/>`,
    )
  return shades.join('') + ticks.map(({ at }) => vertical('grid', at)).join('')
}

/** What lies over the bars: the gaps where the pace of time changes, and now. */
export function overlay(axis: Axis, now: number): string {
  const gaps = breaksOf(axis).map(
    at =>
      `<svg x="${percent(at)}" overflow="visible"><rect class="page" x="-3" width="6" height="100%"/>` +
      `<line class="cut" x1="-3" x2="-3" y2="100%"/><line class="cut" x1="3" x2="3" y2="100%"/></svg>`,
  )
  return gaps.join('') + vertical('now', now)
}

function vertical(kind: string, at: number): string {
  return `<line class="${kind}" x1="${percent(at)}" x2="${percent(at)}" y1="0" y2="100%"/>`
}

/** Labels of an axis: now above, below it months or days, below them years. */
export function axisLabels(axis: Axis, ticks: readonly Tick[], now: number, width: number): string {
  const edge = 18 / width
  const anchor = now < edge ? 'start' : now > 1 - edge ? 'end' : 'middle'
  const texts = ticks.flatMap(({ at, upper, lower }) => [
    upper && `<text class="tick" x="${percent(at)}" y="28" text-anchor="middle">${escapeMarkup(upper)}</text>`,
    lower && `<text class="tick" x="${percent(at)}" y="42" text-anchor="middle">${escapeMarkup(lower)}</text>`,
  ])
  const slashes = breaksOf(axis).map(
    at => `<svg x="${percent(at)}" overflow="visible"><path class="guide" d="M-4 41l3-8M1 41l3-8"/></svg>`,
  )
  return `<text class="now-label" x="${percent(now)}" y="12" text-anchor="${anchor}">now</text>${texts.join('')}${slashes.join('')}`
}

/** Ticks for a chart of a width in pixels. */
export function chartTicks(axis: Axis, width: number): Tick[] {
  return ticksOf(axis, width, 40)
}

/** A bar in its row: what is over is pale, what is left is full; CAs are thicker. */
export function drawBar(bar: Bar, kind: PictureRow['kind'], state: LifeState, y = NODE_Y): string {
  const height = kind === 'ca' ? 14 : 8
  const box = (from: number, to: number) =>
    `x="${percent(from)}" y="${-height / 2}" width="${percent(to - from)}" height="${height}"`
  const isLiving = state === 'valid' || state === 'soon'
  const look = state === 'valid' ? kind : state
  const life = `<rect class="life ${look}" ${box(bar.start, bar.end)} rx="1.5"/>`
  const rest = isLiving ? `<rect class="rest ${look}" ${box(bar.now, bar.end)}/>` : ''
  const beyond = (at: number, path: string) =>
    `<svg x="${percent(at)}" overflow="visible"><path class="beyond" d="${path}"/></svg>`
  return `<svg y="${y}" overflow="visible">${life}${rest}\
${bar.isCutLeft ? beyond(0, 'M2 0l6-4v8z') : ''}${bar.isCutRight ? beyond(1, 'M-2 0l-6-4v8z') : ''}</svg>`
}

/** The lines of the tree beside a name: from the issuer above, to what follows, and the mark of its own. */
export function drawBranch({ level, goesOn, hasChildren }: Branch, kind: PictureRow['kind']): string {
  const x = (depth: number) => depth * INDENT + 7.5
  const lines: string[] = []
  for (const [index, isOpen] of goesOn.entries()) {
    const isOwn = index === level - 1
    if (isOpen) lines.push(`<line class="guide" x1="${x(index)}" x2="${x(index)}" y1="0" y2="100%"/>`)
    else if (isOwn) lines.push(`<line class="guide" x1="${x(index)}" x2="${x(index)}" y1="0" y2="${NODE_Y}"/>`)
    if (isOwn) lines.push(`<line class="guide" x1="${x(index)}" x2="${x(level)}" y1="${NODE_Y}" y2="${NODE_Y}"/>`)
  }
  if (hasChildren) lines.push(`<line class="guide" x1="${x(level)}" x2="${x(level)}" y1="${NODE_Y}" y2="100%"/>`)
  const node =
    kind === 'leaf'
      ? `<circle class="node leaf" cx="${x(level)}" cy="${NODE_Y}" r="3.5"/>`
      : `<rect class="node ${kind}" x="${x(level) - 4}" y="${NODE_Y - 4}" width="8" height="8"/>`
  return lines.join('') + node
}

/** What the looks of bars mean, in the order in which they are explained. */
export const LEGEND: readonly {
  readonly state: LifeState
  readonly label: string
}[] = [
  { state: 'valid', label: 'valid' },
  { state: 'soon', label: 'ends soon' },
  { state: 'expired', label: 'expired' },
  { state: 'future', label: 'not yet valid' },
]
/** What the two tones of a bar mean. */
export const LEGEND_NOTE = 'pale: past, solid: left'

/** What the shaded parts of the axis mean. */
export function paceNote({ pace }: Axis): string {
  return `time passes up to ${Math.round(pace)} times faster`
}
