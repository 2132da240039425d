/** Numbers of a bench: pure, so that they can be checked. */

/** What one side of a line took and what the other took right after it, in milliseconds. */
export type Pair = readonly [a: number, b: number]

/** A line's numbers. */
export interface Summary {
  readonly pairs: number
  /** Milliseconds. */
  readonly medianA: number
  /** Milliseconds. */
  readonly medianB: number
  /** Median of the ratios `a / b` within each pair: what changes from pair to pair is not in it. */
  readonly ratio: number
  /** Of the same ratios: half of them lie between. */
  readonly quartiles: readonly [low: number, high: number]
}

/**
 * A value below which a share of the values lies, in a straight line between the two nearest.
 *
 * @param values - at least one, in any order
 * @param share - 0 to 1
 * @see Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996: definition 7, which R and NumPy use
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)]
  const above = sorted[Math.ceil(position)]
  if (below === undefined || above === undefined) throw new RangeError('no values')
  return below + (above - below) * (position - Math.floor(position))
}

/** The middle value; the mean of the two in the middle for an even number of them. */
export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** The numbers of a line. Medians, since a run that something disturbed is slower by any amount. */
export function summarize(pairs: readonly Pair[]): Summary {
  const ratios = pairs.map(([a, b]) => a / b)
  return {
    pairs: pairs.length,
    medianA: median(pairs.map(([a]) => a)),
    medianB: median(pairs.map(([, b]) => b)),
    ratio: median(ratios),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  }
}
