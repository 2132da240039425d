const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365.2425 * DAY

/** A bar to be placed, in milliseconds since 1970. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly isCa: boolean
}

/** A part of the axis on which time passes evenly. */
export interface Stretch {
  readonly from: number
  readonly to: number
  /** Where it begins and ends on the axis, 0 to 1. */
  readonly left: number
  readonly right: number
  /** The wide stretch around now. */
  readonly isNear: boolean
}

/** A time line: one stretch, or a wide one around now between two on which time passes faster. */
export interface Axis {
  readonly stretches: readonly Stretch[]
  /** How many times faster time passes outside of the wide stretch, at most; 1 for an even axis. */
  readonly pace: number
}

/** A mark of the axis: what changes often above, the year below. */
export interface Tick {
  /** 0 to 1. */
  readonly at: number
  readonly upper: string
  readonly lower: string
}

/** Lives beyond this many years from now run out of the picture: 9999 would make everything else invisible. */
const HORIZON = 60 * YEAR
/** And so does one in fifty that begins or ends far from all others: a root from 1970 among those of this century. */
const ODD_SHARE = 0.02
/** By how much of what the others need such a one may make the axis longer. */
const ODD_ROOM = 0.1
/** An axis stays even as long as what matters takes a third of it. */
const MAX_EVEN = 3
/** Shares of the width for what is before, around and after now. */
const SHARES = { past: 0.16, future: 0.28 }

/**
 * Lays out the time line. A CA lives ten times as long as what it signs, or thirty times; on an even axis a leaf would be a
 * dot. So where the leaves' lives are a small part of the whole, they get most of the width.
 *
 * @param now - in milliseconds since 1970; always on the axis
 */
export function planAxis(spans: readonly Span[], now: number): Axis {
  const { from, to } = boundsOf(spans, now)
  const leaves = spans.filter(({ isCa }) => !isCa)
  // A quarter may be odd without making the rest small: one certificate for a hundred years, one from the nineties.
  const starts = leaves.map(({ start }) => start)
  const ends = leaves.map(({ end }) => end)
  const nearFrom = Math.max(from, Math.min(now, quantile(starts, 0.25) ?? from))
  const nearTo = Math.min(to, Math.max(now, quantile(ends, 0.75) ?? to))
  const pad = Math.max((nearTo - nearFrom) * 0.05, HOUR)
  const near = { from: nearFrom - pad, to: nearTo + pad }
  const evenPad = Math.max((to - from) * 0.03, HOUR)
  const even: Axis = {
    stretches: [{ from: from - evenPad, to: to + evenPad, left: 0, right: 1, isNear: true }],
    pace: 1,
  }
  if (to - from <= MAX_EVEN * (near.to - near.from)) return even
  return broken(from, to, near)
}

function boundsOf(spans: readonly Span[], now: number): { from: number; to: number } {
  const limit = (moment: number) => Math.min(now + HORIZON, Math.max(now - HORIZON, moment))
  const starts = spans.map(({ start }) => limit(start))
  const ends = spans.map(({ end }) => limit(end))
  const from = Math.min(now, quantile(starts, ODD_SHARE) ?? now)
  const to = Math.max(now, quantile(ends, 1 - ODD_SHARE) ?? now)
  const room = (to - from) * ODD_ROOM
  return {
    from: Math.max(from - room, Math.min(from, quantile(starts, 0) ?? from)),
    to: Math.min(to + room, Math.max(to, quantile(ends, 1) ?? to)),
  }
}

function broken(from: number, to: number, near: { from: number; to: number }): Axis {
  const paceOf = (length: number, share: number) => length / share
  const nearPace = paceOf(near.to - near.from, 1 - SHARES.past - SHARES.future)
  // What would not be faster than the middle belongs to it.
  const hasPast = paceOf(near.from - from, SHARES.past) > nearPace
  const hasFuture = paceOf(to - near.to, SHARES.future) > nearPace
  const left = hasPast ? SHARES.past : 0
  const right = hasFuture ? 1 - SHARES.future : 1
  const middle = {
    from: hasPast ? near.from : Math.min(from, near.from),
    to: hasFuture ? near.to : Math.max(to, near.to),
    left,
    right,
    isNear: true,
  }
  const past = { from: from - (near.from - from) * 0.08, to: middle.from, left: 0, right: left, isNear: false }
  const future = { from: middle.to, to: to + (to - near.to) * 0.05, left: right, right: 1, isNear: false }
  const stretches = [...(hasPast ? [past] : []), middle, ...(hasFuture ? [future] : [])]
  const paces = stretches.map(stretch => paceOf(stretch.to - stretch.from, stretch.right - stretch.left))
  return { stretches, pace: Math.max(...paces) / paceOf(middle.to - middle.from, right - left) }
}

function quantile(numbers: readonly number[], share: number): number | undefined {
  return numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))]
}

/** Where a moment is on the axis; before its begin and after its end: 0 and 1. */
export function placeOn(axis: Axis, moment: number): number {
  const stretch = axis.stretches.find(({ to }) => moment <= to)
  if (stretch === undefined) return 1
  const { from, to, left, right } = stretch
  return left + (right - left) * Math.max(0, (moment - from) / (to - from))
}

/** Where time begins to pass at another pace, 0 to 1. */
export function breaksOf(axis: Axis): number[] {
  return axis.stretches.slice(1).map(({ left }) => left)
}

type Unit = 'hour' | 'day' | 'month' | 'year'
/** Steps from tick to tick, and about how long they are. */
const STEPS: readonly (readonly [number, Unit, milliseconds: number])[] = [
  ...([1, 3, 6, 12] as const).map(n => [n, 'hour', n * HOUR] as const),
  ...([1, 2, 7, 14] as const).map(n => [n, 'day', n * DAY] as const),
  ...([1, 2, 3, 6] as const).map(n => [n, 'month', (n * YEAR) / 12] as const),
  ...([1, 2, 5, 10, 20, 50] as const).map(n => [n, 'year', n * YEAR] as const),
]
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/**
 * The ticks of an axis: as many as have room for their labels, at round moments, UTC.
 *
 * @param width - of the axis, in pixels
 * @param minGap - between labels' middles, in pixels
 */
export function ticksOf(axis: Axis, width: number, minGap: number): Tick[] {
  return axis.stretches.flatMap(stretch => {
    const pixels = (stretch.right - stretch.left) * width
    const fits = STEPS.findIndex(([, , length]) => (length / (stretch.to - stretch.from)) * pixels >= minGap)
    const candidates = STEPS.slice(0, fits < 0 ? STEPS.length : fits + 1).toReversed()
    // Round moments may all be too close to the ends of a short stretch; then less round ones do.
    for (const [step, unit] of candidates) {
      const ticks = ticksIn(stretch, momentsOf(stretch, step, unit), unit, pixels, minGap)
      if (ticks.length > 0) return ticks
    }
    return []
  })
}

function ticksIn(stretch: Stretch, moments: readonly number[], unit: Unit, pixels: number, minGap: number): Tick[] {
  const { from, to, left, right } = stretch
  const ticks: Tick[] = []
  let [last, lastLower] = [Number.NEGATIVE_INFINITY, '']
  for (const moment of moments) {
    const share = (moment - from) / (to - from)
    const x = share * pixels
    // A label needs its room within the stretch, and some to the gap.
    if (x - last < minGap * 0.9 || x < minGap * 0.45 || pixels - x < minGap * 0.45) continue
    const { upper, lower } = labelsOf(new Date(moment), unit)
    ticks.push({ at: left + (right - left) * share, upper, lower: lower === lastLower ? '' : lower })
    last = x
    lastLower = lower
  }
  return ticks
}

function momentsOf({ from, to }: Stretch, step: number, unit: Unit): number[] {
  const moments: number[] = []
  const start = new Date(from)
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()]
  const nth = (n: number): number => {
    if (unit === 'year') return utc(Math.floor(year / step) * step + n * step, 0)
    if (unit === 'month') return utc(year, Math.floor(month / step) * step + n * step)
    const length = step * (unit === 'day' ? DAY : HOUR)
    return Math.floor(from / length) * length + n * length
  }
  for (let n = 0; nth(n) <= to && n < 1000; n++) if (nth(n) >= from) moments.push(nth(n))
  return moments
}

// Date.UTC takes the years 0 to 99 for 1900 to 1999.
function utc(year: number, month: number): number {
  return new Date(0).setUTCFullYear(year, month, 1)
}

function labelsOf(date: Date, unit: Unit): { upper: string; lower: string } {
  const year = String(date.getUTCFullYear())
  const month = MONTHS[date.getUTCMonth()] ?? ''
  const day = `${date.getUTCDate()} ${month}`
  if (unit === 'year') return { upper: '', lower: year }
  if (unit === 'month') return { upper: month, lower: year }
  if (unit === 'day') return { upper: day, lower: year }
  return { upper: date.toISOString().slice(11, 16), lower: day }
}
