import { type Certificate, type LifeState, lifeStateOf } from '../index.js'
import { type Colour, type Glyphs, pad } from './terminal.js'

const DAY = 86_400_000

/** How a certificate stands at a moment. */
export interface Life {
  readonly state: LifeState
  /** e.g. `214 d`, `expired 3 d ago`, `starts in 2 h` */
  readonly words: string
  /** What remains of the whole, 0 to 1. */
  readonly share: number
}

/** Colours of states. */
export const LIFE_COLOURS: Readonly<Record<Life['state'], Colour>> = {
  valid: 'green',
  soon: 'yellow',
  expired: 'red',
  future: 'red',
  unknown: 'red',
}

/** What stands in place of a time where there is no end. */
export const NO_END = 'no end'
// RFC 5280 section 4.1.2.5: the moment that stands for it.
const LAST_MOMENT = Date.UTC(9999, 11, 31, 23, 59, 59)

/** How a certificate stands, and what is left of it. */
export function lifeOf({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>, now: Date): Life {
  const state = lifeStateOf({ notBefore, notAfter }, now)
  const left = +notAfter - +now
  if (state === 'expired') return { state, words: `expired ${span(-left)} ago`, share: 0 }
  if (state === 'future') return { state, words: `starts in ${span(+notBefore - +now)}`, share: 1 }
  const share = left / Math.max(1, +notAfter - +notBefore)
  return { state, words: +notAfter === LAST_MOMENT ? NO_END : span(left), share }
}

/** A time in its largest unit that says enough: `9.9 y`, `364 d`, `47 h`, `90 min`, `12 s`. */
export function span(milliseconds: number): string {
  const days = milliseconds / DAY
  if (days >= 20 * 365.25) return `${Math.floor(days / 365.25)} y`
  if (days >= 2 * 365.25) return `${(Math.floor((days / 365.25) * 10) / 10).toFixed(1)} y`
  if (days >= 2) return `${Math.floor(days)} d`
  const minutes = milliseconds / 60_000
  if (minutes >= 120) return `${Math.floor(minutes / 60)} h`
  return minutes >= 2 ? `${Math.floor(minutes)} min` : `${Math.floor(milliseconds / 1000)} s`
}

/** The bar of a life and its words, in a cell: the words stand at the right; what is over has no bar. */
export function lifeCell({ state, words, share }: Life, width: number, barWidth: number, glyphs: Glyphs): string {
  if (state === 'expired' || state === 'future') return pad(words, width)
  // What is left is never nothing, and what has begun never everything, as far as a character can say.
  const filled = Math.max(1, Math.min(barWidth, Math.round(share * barWidth)))
  const bar = glyphs.full.repeat(filled) + glyphs.empty.repeat(barWidth - filled)
  return `${bar}${words.padStart(width - barWidth)}`
}
