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
import { HTML_STYLE, HTML_STYLE_HASH } from './picture-html-style.js'
import type { Picture, PictureRow } from './picture-model.js'
import type { PictureSection } from './picture-sections.js'
import { count, escapeMarkup as text } from './picture-text.js'
import { INDENT } from './picture-tree.js'

/** Widths in pixels that the labels of the two axes have room in: of a phone or a page of paper, and of a screen. */
const WIDTHS = { narrow: 250, wide: 440 } as const

/** Nothing may be loaded or run; the one style sheet is named by its digest. */
const POLICY = `default-src 'none'; style-src '${HTML_STYLE_HASH}'; base-uri 'none'; form-action 'none'`

/** Writes a picture as one HTML file, which is well-formed XML, too. */
export function formatHtml(picture: Picture, sections: readonly PictureSection[]): string {
  const title = text(picture.title)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${text(POLICY)}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
<title>${title}</title>
<style>${HTML_STYLE}</style>
</head>
<body>
${definitions(picture)}<main>
<header>
<h1>${title}</h1>
<p class="facts">${text(picture.summary)}</p>
<p class="facts"><time datetime="${isoOf(picture.moment)}">${text(picture.momentText)}</time></p>
<p>${text(picture.headline)}</p>
</header>
${picture.rows.length > 0 ? legend(picture) + table(picture) : ''}${sections.map(section).join('')}</main>
</body>
</html>
`
}

function isoOf(date: Date): string {
  return Number.isNaN(+date) ? '' : date.toISOString()
}

/** What every row uses: patterns, grid, the lines of now and of the gaps. */
function definitions({ axis, now }: Picture): string {
  const grid = axis
    ? `<g id="kpki-back"><g class="narrow">${backdrop(axis, chartTicks(axis, WIDTHS.narrow))}</g>` +
      `<g class="wide">${backdrop(axis, chartTicks(axis, WIDTHS.wide))}</g></g><g id="kpki-front">${overlay(axis, now)}</g>`
    : ''
  return `<svg class="defs" width="0" height="0" aria-hidden="true"><defs>${patterns()}${grid}</defs></svg>\n`
}

function legend({ counts, axis }: Picture): string {
  const bar = { start: 0.02, end: 0.98, now: 0.4, isCutLeft: false, isCutRight: false }
  const swatch = (content: string) => `<svg class="swatch" width="34" height="16" aria-hidden="true">${content}</svg>`
  const states = LEGEND.filter(({ state }) => state === 'valid' || counts[state] > 0).map(
    ({ state, label }) => `<li>${swatch(drawBar(bar, 'leaf', state, 8))}${label} <b>${counts[state]}</b></li>`,
  )
  const gap = swatch('<rect class="shade" width="100%" height="100%"/>')
  const notes = [
    `<li>${swatch(drawBar(bar, 'ca', 'valid', 8))}CA</li>`,
    ...(axis && axis.pace > 1 ? [`<li>${gap}${paceNote(axis)}</li>`] : []),
  ]
  return `<ul class="legend" aria-label="Legend">${states.join('')}${notes.join('')}<li class="note">${LEGEND_NOTE}</li></ul>\n`
}

function table({ rows, axis, now }: Picture): string {
  const head = (kind: 'narrow' | 'wide') =>
    axis
      ? `<svg class="axis ${kind}" height="${AXIS_HEIGHT}" aria-hidden="true">${axisLabels(axis, chartTicks(axis, WIDTHS[kind]), now, WIDTHS[kind])}</svg>`
      : ''
  return `<table role="table">
<caption>Certificates by issuer, with their lifetimes</caption>
<thead role="rowgroup"><tr role="row">\
<th role="columnheader" scope="col" class="name">Certificate</th>\
<th role="columnheader" scope="col" class="chart"><span class="sr">Lifetime</span>${head('narrow')}${head('wide')}</th>\
<th role="columnheader" scope="col" class="left">Remaining</th></tr></thead>
<tbody role="rowgroup">
${rows.map(tableRow).join('\n')}
</tbody>
</table>
`
}

/** Grid and now go on through a row that has no bar. */
const EMPTY_CHART = '<svg class="bar" aria-hidden="true"><use href="#kpki-back"/><use href="#kpki-front"/></svg>'

function tableRow(row: PictureRow): string {
  const { branch, kind, name, purpose, files, signer, from, until, left, state, bar } = row
  const guide = `<svg class="tree" width="${branch.level * INDENT + 16}" aria-hidden="true">${drawBranch(branch, kind)}</svg>`
  const lines = [purpose, files].filter(Boolean).map(line => `<span class="line"><bdi>${text(line)}</bdi></span>`)
  const tag = kind === 'ca' ? ' <span class="tag">CA</span>' : ''
  const chart =
    bar === undefined
      ? EMPTY_CHART
      : `<svg class="bar" role="img"><title>${text(row.tip)}</title><use href="#kpki-back"/>${drawBar(bar, kind, state)}<use href="#kpki-front"/></svg>`
  const dates =
    until === '' ? '' : `<span class="line"><span class="sr">from ${text(from)} </span>until ${text(until)}</span>`
  return `<tr role="row" class="l${branch.level} ${kind}"><th role="rowheader" scope="row" class="name">${guide}<bdi>${text(name)}</bdi>${tag}\
${signer ? `<span class="sr">, ${text(signer)}</span>` : ''}${lines.join('')}</th>\
<td role="cell" class="chart">${chart}</td><td role="cell" class="left ${state}">${left ? `<b>${text(left)}</b>` : ''}${dates}</td></tr>`
}

function section({ id, title, lines, more }: PictureSection): string {
  const items = lines.map(({ mark, subject, facts }) => {
    const [first, ...rest] = facts
    const label = mark ? `<span class="mark ${mark}">${mark}</span> ` : ''
    const detail = rest.map(fact => `<bdi>${text(fact)}</bdi>`).join(' · ')
    return `<li>${label}<b><bdi>${text(subject)}</bdi></b>${first === undefined ? '' : ` <bdi>${text(first)}</bdi>`}${detail ? `<span class="line">${detail}</span>` : ''}</li>`
  })
  const rest = more > 0 ? `<li class="note">and ${count(more, 'more line')}</li>` : ''
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${text(title)} <span class="number">${lines.length + more}</span></h2>
<ul>${items.join('\n')}${rest}</ul>
</section>
`
}
