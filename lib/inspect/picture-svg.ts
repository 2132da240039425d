import {
  AXIS_HEIGHT,
  axisLabels,
  backdrop,
  chartTicks,
  drawBar,
  drawBranch,
  LEGEND,
  LEGEND_NOTE,
  overlay,
  paceNote,
  patterns,
} from './picture-chart.js'
import type { Picture, PictureRow } from './picture-model.js'
import { CHART_PAINT, CHART_STYLE, FONTS, formatPaint } from './picture-palette.js'
import type { PictureLine, PictureSection } from './picture-sections.js'
import { count, fitText, escapeMarkup as text, textWidth, wrapFacts, wrapText } from './picture-text.js'
import { INDENT } from './picture-tree.js'

/** Columns in pixels: tree and name, chart, what is left. */
const WIDTH = 1040
const MARGIN = 28
const CHART_X = 404
const CHART_WIDTH = 412
const LEFT_X = 834
/** Where facts begin that stand beside a subject, and beside one with a mark before it. */
const FACTS_X = { plain: 250, marked: 340 } as const
const ROW_HEIGHT = 40

const STYLE = `
:root{max-width:100%;height:auto;color-scheme:light dark}
text{font:13px ${FONTS};font-variant-numeric:tabular-nums;unicode-bidi:isolate}
.t1{font-size:22px;font-weight:650}
.t2{font-size:15px;font-weight:650}
.n{font-weight:400}
.b{font-weight:600}
.s{font-size:11px}
.tick,.now-label{font-size:11px}
.i{font-style:italic}
.node.absent{stroke-dasharray:2 1.5}
.mark{font-size:11px;font-weight:650}
`
const PAINT = formatPaint([
  ...CHART_PAINT,
  ['.hair', 'stroke', 'rule'],
  ['.left.soon,.mark.warning', 'fill', 'soon'],
  ['.left.expired,.mark.error', 'fill', 'expired'],
])

/** What is drawn so far, from the top, and how far down that is. */
interface Sheet {
  readonly parts: string[]
  y: number
}

/** Writes a picture as one SVG file of a fixed width, as high as it needs to be. */
export function formatSvg(picture: Picture, sections: readonly PictureSection[]): string {
  const sheet: Sheet = { parts: [], y: MARGIN }
  drawHead(sheet, picture)
  if (picture.rows.length > 0) {
    drawLegend(sheet, picture)
    drawRows(sheet, picture)
  }
  for (const section of sections) drawSection(sheet, section)
  const height = Math.ceil(sheet.y + MARGIN)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" \
role="graphics-document" aria-labelledby="kpki-title kpki-about">
<title id="kpki-title">${text(picture.title)}</title>
<desc id="kpki-about">${text(`${picture.summary}. ${picture.momentText}. ${picture.headline}`)}</desc>
<style>${CHART_STYLE}${STYLE}${PAINT}</style>
<defs>${patterns()}</defs>
<rect class="page" width="${WIDTH}" height="${height}"/>
${sheet.parts.join('\n')}
</svg>
`
}

/** A text cut to a width; `size` has to be that of its class, `kind` says whether it is bold. */
function write(
  content: string,
  {
    x,
    y,
    width,
    size = 13,
    kind,
    cut,
  }: Box & { readonly size?: number; readonly kind: string; readonly cut?: 'middle' },
): string {
  const shown = fitText(content, width, { size, isBold: /\b(t1|t2|b|mark)\b/.test(kind) }, cut)
  if (shown === '') return ''
  const element = (left: number, top: number) => `<text class="${kind}" x="${left}" y="${top}">${text(shown)}</text>`
  // Widths of other scripts are guesses, which must not run into what stands beside.
  const isGuess = /[^ -~…·À-ÅÇ-åç-ÿ]/.test(shown)
  if (!isGuess) return element(x, y)
  return `<svg x="${x}" y="${y - size - 2}" width="${width}" height="${size * 1.5}">${element(0, size + 2)}</svg>`
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
}

const FULL = WIDTH - 2 * MARGIN

function drawHead(sheet: Sheet, { title, summary, momentText, headline }: Picture): void {
  const line = (content: string, step: number, kind: string, size: number) => {
    sheet.y += step
    sheet.parts.push(write(content, { x: MARGIN, y: sheet.y, width: FULL, size, kind }))
  }
  line(title, 18, 't1 ink', 22)
  line(`${summary} · ${momentText}`, 24, 'quiet', 13)
  for (const part of wrapText(headline, FULL, { size: 13, isBold: true })) line(part, 24, 'b ink', 13)
  sheet.y += 14
}

function drawLegend(sheet: Sheet, { counts, axis }: Picture): void {
  const bar = { start: 0.02, end: 0.98, now: 0.4, isCutLeft: false, isCutRight: false }
  let x = MARGIN
  const item = (swatch: string, label: string) => {
    const width = textWidth(label, { size: 11 })
    const y = sheet.y
    const picture = swatch === '' ? '' : `<svg x="${x}" y="${y}" width="34" height="16">${swatch}</svg>`
    const start = x + (swatch === '' ? 0 : 40)
    sheet.parts.push(picture + write(label, { x: start, y: y + 12, width: width + 1, size: 11, kind: 's quiet' }))
    x = start + width + 18
  }
  for (const { state, label } of LEGEND)
    if (state === 'valid' || counts[state] > 0) item(drawBar(bar, 'leaf', state, 8), `${label} ${counts[state]}`)
  item(drawBar(bar, 'ca', 'valid', 8), 'CA')
  item('', LEGEND_NOTE)
  if (axis && axis.pace > 1) item('<rect class="shade" width="100%" height="100%"/>', paceNote(axis))
  sheet.y += 34
}

function drawRows(sheet: Sheet, { rows, axis, now }: Picture): void {
  const { parts, y: top } = sheet
  const height = rows.length * ROW_HEIGHT
  sheet.y += AXIS_HEIGHT
  if (axis) {
    const ticks = chartTicks(axis, CHART_WIDTH)
    parts.push(chart(top, AXIS_HEIGHT, axisLabels(axis, ticks, now, CHART_WIDTH), true))
    parts.push(chart(sheet.y, height, backdrop(axis, ticks)))
  }
  const label = (content: string, x: number) =>
    write(content, { x, y: sheet.y - 6, width: 200, size: 11, kind: 's quiet' })
  parts.push(label('Certificate', MARGIN), label('Remaining', LEFT_X), hair(sheet.y), '<g role="list">')
  for (const row of rows) {
    parts.push(drawRow(row, sheet.y))
    sheet.y += ROW_HEIGHT
  }
  parts.push('</g>')
  if (axis) parts.push(chart(sheet.y - height, height, overlay(axis, now)))
}

function chart(y: number, height: number, content: string, isOpen = false): string {
  const open = isOpen ? ' overflow="visible"' : ''
  return `<svg x="${CHART_X}" y="${y}" width="${CHART_WIDTH}" height="${height}"${open}>${content}</svg>`
}

function hair(y: number): string {
  return `<line class="hair" x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${y}" y2="${y}"/>`
}

function drawRow(row: PictureRow, y: number): string {
  const { branch, kind, name, files, left, until, state, bar } = row
  const indent = branch.level * INDENT + 24
  const x = MARGIN + indent
  const width = CHART_X - 12 - x
  const weight = kind === 'ca' ? 'b ink' : kind === 'absent' ? 'i ink' : 'ink'
  const tree = `<svg x="${MARGIN}" y="${y}" width="${indent}" height="${ROW_HEIGHT}">${drawBranch(branch, kind)}</svg>`
  const leftWidth = WIDTH - MARGIN - LEFT_X
  const urgent = state === 'expired' || state === 'soon' ? `b left ${state}` : 'ink'
  return `<g role="listitem"><title>${text(row.tip)}</title>${hair(y + ROW_HEIGHT)}${tree}\
${write(name, { x, y: y + 17, width, kind: weight })}\
${write(files, { x, y: y + 32, width, size: 11, kind: 's quiet', cut: 'middle' })}\
${bar ? chart(y, ROW_HEIGHT, drawBar(bar, kind, state)) : ''}\
${write(left, { x: LEFT_X, y: y + 17, width: leftWidth, kind: urgent })}\
${write(until === '' ? '' : `until ${until}`, { x: LEFT_X, y: y + 32, width: leftWidth, size: 11, kind: 's quiet' })}</g>`
}

function drawSection(sheet: Sheet, { title, lines, more }: PictureSection): void {
  sheet.y += 40
  sheet.parts.push(
    write(`${title} · ${lines.length + more}`, { x: MARGIN, y: sheet.y, width: FULL, size: 15, kind: 't2 ink' }),
  )
  sheet.y += 8
  sheet.parts.push('<g role="list">')
  for (const line of lines) drawLine(sheet, line)
  if (more > 0) {
    sheet.y += 20
    sheet.parts.push(write(`and ${count(more, 'more line')}`, { x: MARGIN, y: sheet.y, width: FULL, kind: 'quiet' }))
  }
  sheet.parts.push('</g>')
}

function drawLine(sheet: Sheet, { mark, subject, facts }: PictureLine): void {
  const subjectX = MARGIN + (mark ? 66 : 0)
  const factsX = FACTS_X[mark ? 'marked' : 'plain']
  sheet.parts.push(`<g role="listitem">${hair(sheet.y)}`)
  const top = sheet.y + 18
  if (mark) sheet.parts.push(write(mark, { x: MARGIN, y: top, width: 64, size: 11, kind: `mark ${mark}` }))
  // A long subject has its line to itself.
  const isLong = textWidth(subject, { size: 13 }) > factsX - 12 - subjectX
  const width = (isLong ? WIDTH - MARGIN : factsX - 12) - subjectX
  sheet.parts.push(write(subject, { x: subjectX, y: top, width, kind: 'ink', cut: 'middle' }))
  const first = isLong ? top + 17 : top
  const wrapped = wrapFacts(facts, WIDTH - MARGIN - factsX, { size: 13 })
  for (const [index, part] of wrapped.entries())
    sheet.parts.push(write(part, { x: factsX, y: first + index * 17, width: WIDTH - MARGIN - factsX, kind: 'quiet' }))
  sheet.parts.push('</g>')
  sheet.y = (wrapped.length > 0 ? first + (wrapped.length - 1) * 17 : top) + 8
}
