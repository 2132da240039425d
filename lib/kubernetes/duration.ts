const UNIT_SECONDS: Readonly<Record<string, number>> = {
  h: 3600,
  m: 60,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ns: 1e-9,
}

/** 2562047h47m16s, the longest that Go can say. */
const MAX_SECONDS = 2 ** 63 / 1e9

/**
 * Reads a Go duration, e.g. `8760h0m0s`, `1.5h`, `0`.
 *
 * @returns seconds, possibly a fraction; `undefined` when the text is none, or longer than Go can say (292 years)
 * @see Go time.ParseDuration
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > 100) return undefined
  const match = /^([+-]?)((?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:h|ms|m|s|us|µs|μs|ns))+|0)$/.exec(text)
  if (!match) return undefined
  let seconds = 0
  for (const [, amount, unit = ''] of (match[2] ?? '').matchAll(/([0-9.]+)([a-zµμ]+)/g)) {
    seconds += Number(amount) * (UNIT_SECONDS[unit] ?? Number.NaN)
  }
  // Go counts nanoseconds in 64 bits.
  if (seconds > MAX_SECONDS) return undefined
  return match[1] === '-' ? -seconds : seconds
}

/**
 * Writes whole seconds as Go does, e.g. `8760h0m0s`, `4m0s`, `30s`.
 *
 * @see Go time.Duration.String
 */
export function formatDuration(seconds: number): string {
  const total = Math.round(Math.abs(seconds))
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  const text = hours > 0 ? `${hours}h${minutes}m${rest}s` : minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`
  return seconds < 0 ? `-${text}` : text
}
