import { UsageError } from '../errors.js'

/** What a timer can count: Node takes any longer time for one millisecond. */
export const LONGEST_MS = 2 ** 31 - 1

/**
 * Makes sure that a time which somebody gave is one that can be waited for.
 *
 * @param unitMs - what its unit is in milliseconds. Default: 1
 * @returns the time
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` unless it is a number above 0 and at most 2^31 - 1 milliseconds (24 days)
 */
export function requireTime(value: number, field: string, unitMs = 1): number {
  if (value > 0 && value * unitMs <= LONGEST_MS) return value
  throw new UsageError('KPKI_FIELD_VALUE', `${field}: ${value} is no time to wait`, {
    details: { field },
    hint: `a number above 0, at most ${Math.floor(LONGEST_MS / unitMs)}`,
  })
}
