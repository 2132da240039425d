/** Colours by what they say, for light and for dark; text has a contrast of at least 4.5 to 1 on both grounds, bars of 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11). */
const COLOURS = {
  page: ['#ffffff', '#0f1317'],
  /** Ground of the stretches where time passes faster. */
  shade: ['#f3f5f7', '#171c22'],
  ink: ['#1a1f26', '#e7ebf0'],
  quiet: ['#56606c', '#9ba6b2'],
  rule: ['#d9dee4', '#2a313a'],
  ca: ['#3d4c66', '#aab9d3'],
  caOver: ['#cdd4df', '#353f50'],
  leaf: ['#2a6db0', '#5ea4e4'],
  leafOver: ['#c9dcf0', '#213c57'],
  soon: ['#9a5700', '#e5a94f'],
  soonOver: ['#f6e3c8', '#4a3717'],
  expired: ['#b3261e', '#ff8d84'],
  expiredOver: ['#fbe6e4', '#3d1e1d'],
} as const satisfies Record<string, readonly [light: string, dark: string]>
/** Name of a colour of the pictures. */
export type ColourName = keyof typeof COLOURS

/** A rule of a style sheet that paints: selectors, property, colour. */
export type Paint = readonly [selectors: string, property: string, colour: ColourName]

/**
 * Writes paint rules for light and dark. No custom properties, because what is not a browser and reads SVG knows none; paper
 * is always light.
 */
export function formatPaint(paints: readonly Paint[]): string {
  const rules = (mode: 0 | 1) =>
    paints.map(([selectors, property, colour]) => `${selectors}{${property}:${COLOURS[colour][mode]}}`).join('\n')
  return `${rules(0)}\n@media screen and (prefers-color-scheme:dark){\n${rules(1)}\n}\n`
}

/** The paint of what both forms of a picture share: axis, bars, tree. */
export const CHART_PAINT: readonly Paint[] = [
  ['.page', 'fill', 'page'],
  ['.shade', 'fill', 'shade'],
  ['.ink,.now-label', 'fill', 'ink'],
  ['.quiet,.tick', 'fill', 'quiet'],
  ['.grid,.cut', 'stroke', 'rule'],
  ['.now', 'stroke', 'ink'],
  ['.guide', 'stroke', 'quiet'],
  ['.node', 'stroke', 'quiet'],
  ['.node', 'fill', 'page'],
  ['.node.ca', 'stroke', 'ca'],
  ['.node.ca', 'fill', 'ca'],
  ['.life.ca', 'fill', 'caOver'],
  ['.life.ca', 'stroke', 'ca'],
  ['.rest.ca', 'fill', 'ca'],
  ['.life.leaf', 'fill', 'leafOver'],
  ['.life.leaf', 'stroke', 'leaf'],
  ['.rest.leaf', 'fill', 'leaf'],
  ['.life.soon', 'fill', 'soonOver'],
  ['.life.soon', 'stroke', 'soon'],
  ['.soon-ground', 'fill', 'soonOver'],
  ['.soon-line', 'stroke', 'soon'],
  ['.life.expired', 'stroke', 'expired'],
  ['.expired-ground', 'fill', 'expiredOver'],
  ['.expired-line', 'stroke', 'expired'],
  ['.life.future', 'stroke', 'quiet'],
  ['.life.future', 'fill', 'page'],
  ['.beyond', 'fill', 'ink'],
]

/** Shapes and lettering that both forms share. */
export const CHART_STYLE = `
.grid{stroke-width:1}
.cut{stroke-width:1}
.now{stroke-width:1.5}
.guide{fill:none;stroke-width:1;stroke-linecap:square}
.node{stroke-width:1.25}
.life{stroke-width:1}
.life.soon{stroke-width:1.5}
.life.expired{fill:url(#kpki-expired);stroke-dasharray:4 2}
.life.future{stroke-width:1.25;stroke-dasharray:1.5 2.5}
.rest.soon{fill:url(#kpki-soon)}
.soon-line,.expired-line{stroke-width:2}
.tick,.now-label{font-size:11px;font-variant-numeric:tabular-nums}
.now-label{font-weight:600}
`

/** What the system has; nothing is loaded. */
export const FONTS = `system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Helvetica Neue",Arial,sans-serif`
