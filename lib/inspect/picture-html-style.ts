import { CHART_PAINT, CHART_STYLE, FONTS, formatPaint } from './picture-palette.js'
import { INDENT, MAX_LEVEL } from './picture-tree.js'

const PAINT = formatPaint([
  ...CHART_PAINT,
  ['body,thead', 'background-color', 'page'],
  ['body', 'color', 'ink'],
  ['.facts,.line,.note,.number,thead th,.legend', 'color', 'quiet'],
  ['.legend b,.mark', 'color', 'ink'],
  ['tbody tr,thead tr,thead th::after,.tag,section li', 'border-color', 'rule'],
  ['.tag', 'color', 'ca'],
  ['.left.soon b,.mark.warning', 'color', 'soon'],
  ['.left.expired b,.mark.error', 'color', 'expired'],
  ['.mark.warning', 'border-color', 'soon'],
  ['.mark.error', 'border-color', 'expired'],
])

const LEVELS = Array.from(
  { length: MAX_LEVEL + 1 },
  (_, level) => `.l${level} .name{padding-left:${level * INDENT + 24}px}`,
)

/**
 * The one style sheet of the HTML form; a constant, so that the content security policy can name it by its digest. Wide, it
 * is a table, on paper too, where the head stands on every page; narrow, each row becomes three lines.
 */
export const HTML_STYLE = `${CHART_STYLE}
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;font:14px/20px ${FONTS};font-variant-numeric:tabular-nums;overflow-wrap:anywhere;-webkit-text-size-adjust:100%}
main{max-width:1440px;margin:0 auto;padding:32px 32px 48px}
h1{font-size:24px;line-height:30px;font-weight:650;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:16px;line-height:22px;font-weight:650;margin:36px 0 4px}
p{margin:0}
header p+p{margin-top:2px}
header p:last-child{margin-top:10px;font-weight:600}
ul{list-style:none;margin:0;padding:0}
.number{font-weight:400}
.defs{position:absolute}
.sr,caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.legend{display:flex;flex-wrap:wrap;gap:4px 22px;margin:18px 0 10px;font-size:12px}
.legend li{display:flex;align-items:center;gap:6px}
.swatch{flex:none}
table{width:100%;border-collapse:collapse;table-layout:fixed}
thead{position:sticky;top:0;z-index:1}
thead th{position:relative;font-size:12px;font-weight:400;text-align:left;vertical-align:bottom;padding:0 12px 5px 0}
thead th::after{content:'';position:absolute;left:0;right:0;bottom:-1px;border-bottom:1px solid}
tr{border-bottom:1px solid}
tbody tr{break-inside:avoid}
tbody td,tbody th{position:relative;padding:8px 12px 8px 0;text-align:left;vertical-align:top;font-weight:400}
.name{width:36%}
.ca .name>bdi{font-weight:650}
.absent .name>bdi{font-style:italic}
.left{width:168px}
thead .left,tbody .left{padding-left:16px;padding-right:0}
thead .chart,tbody .chart{padding:0}
.left b{font-weight:400}
.left.soon b,.left.expired b{font-weight:650}
.line{display:block;font-size:12px;line-height:17px}
.tag{display:inline-block;font-size:10px;line-height:14px;font-weight:650;padding:0 4px;border:1px solid;border-radius:3px;vertical-align:1px}
.tree{position:absolute;left:0;top:0;height:100%;overflow:visible}
.axis,.bar{display:block;width:100%;overflow:visible}
.bar{position:absolute;left:0;top:0;height:100%;overflow:hidden}
.node.absent{stroke-dasharray:2 1.5}
section li{padding:6px 0;border-bottom:1px solid;break-inside:avoid}
section li b{font-weight:600}
.mark{display:inline-block;min-width:56px;font-size:11px;line-height:16px;font-weight:650;text-align:center;border:1px solid;border-radius:3px;margin-right:4px}
.mark.warning{border-style:dashed}
${LEVELS.join('\n')}
.narrow{display:none}
@media (max-width:1099px){.narrow{display:inline}.axis.narrow{display:block}.wide,.axis.wide{display:none}}
@media screen and (max-width:639px){
main{padding:20px 16px 32px}
h1{font-size:20px;line-height:26px}
table,tbody,thead{display:block}
thead tr{display:block}
thead .name,thead .left{display:none}
thead .chart{display:block;width:auto}
tbody tr{display:flex;flex-direction:column;padding:8px 0 0}
tbody td,tbody th{padding:0}
tbody .name{width:auto}
tbody .left{width:auto;padding:1px 0 0 24px;font-size:12px;line-height:17px;order:1}
.l1 .left{padding-left:40px}.l2 .left{padding-left:56px}.l3 .left{padding-left:72px}.l4 .left{padding-left:88px}.l5 .left{padding-left:104px}
tbody .left .line{display:inline;margin-left:10px}
tbody .chart{order:2;width:auto;height:36px}
.tree{top:-9px;height:calc(100% + 9px)}
}
@page{margin:14mm 12mm}
@media print{
body{font-size:9pt;line-height:13pt}
main{max-width:none;padding:0}
thead{position:static;display:table-header-group}
.line{font-size:8pt;line-height:11pt}
h2{break-after:avoid}
}
${PAINT}`

/** SHA-256 of {@link HTML_STYLE} as a content security policy names it; a test holds it to be that. */
export const HTML_STYLE_HASH = 'sha256-KyODotWpsokZ6YbcsevERUCfFXXZTNK8Ofb0v0KJIro='
