import { parseDuration, parsePeriod, UsageError } from '../index.js'
import { type FlagValues, text } from './flags.js'

/**
 * Seconds of a flag that takes a Go duration, perhaps with a fraction.
 *
 * @returns `undefined` when it was not given
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` for what is none, or less than a second
 */
export function secondsOf(flags: FlagValues, name: string): number | undefined {
  const value = text(flags, name)
  if (value === undefined) return undefined
  const seconds = parseDuration(value)
  if (seconds === undefined) throw noDuration(name, value)
  if (seconds >= 1) return seconds
  throw refuse(name, `--${name} ${value}: it must be a second or more`, HINT)
}

/**
 * Seconds of a flag that takes a length of time with days, e.g. `30d`; none is `0`.
 *
 * @returns `undefined` when it was not given
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` for what is none
 */
export function periodOf(flags: FlagValues, name: string): number | undefined {
  const value = text(flags, name)
  if (value === undefined) return undefined
  const seconds = parsePeriod(value)
  if (seconds !== undefined) return seconds
  throw refuse(name, `--${name} ${value} is no length of time`, 'write it with w, d, h, m, s: 30d, 2w, 1d12h, 36h')
}

const HINT = 'write it as Go does: 10m, 1h30m, 24h'

/** Says what is wrong with a duration that cannot be read, and how to write what was meant. */
export function noDuration(name: string, value: string): UsageError {
  const days = /^([0-9]{1,6})(d|w)$/.exec(value)
  const hours = days && Number(days[1]) * (days[2] === 'w' ? 168 : 24)
  // What has the form of one, and no value, is more than Go's 64 bits of nanoseconds.
  const isTooLong = /^[+-]?([0-9]*\.?[0-9]*(h|ms|m|s|us|µs|μs|ns))+$/.test(value) && /[0-9]{6}/.test(value)
  return refuse(
    name,
    `--${name} ${value} is ${isTooLong ? 'longer than any duration' : 'no duration'}`,
    hours
      ? `there is no unit for days: write ${hours}h`
      : isTooLong
        ? 'the longest that Go can say is 2562047h, 292 years'
        : HINT,
  )
}

function refuse(field: string, message: string, hint: string): UsageError {
  return new UsageError('KPKI_FIELD_VALUE', message, { details: { field }, hint })
}
