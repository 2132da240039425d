/** Nanoseconds, by Go's units. */
const UNITS: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ns: 1n,
}
/** Go counts nanoseconds in 64 bits with a sign: 2562047h47m16.854775807s. */
const MAX_NANOSECONDS = 2n ** 63n - 1n

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
  let nanoseconds = 0n
  for (const [, whole = '', fraction = '', unit = ''] of (match[2] ?? '').matchAll(/([0-9]*)\.?([0-9]*)([a-zµμ]+)/g)) {
    const scale = UNITS[unit] ?? 0n
    nanoseconds += BigInt(whole || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length)
  }
  if (nanoseconds > MAX_NANOSECONDS) return undefined
  return (
    (match[1] === '-' ? -1 : 1) * (Number(nanoseconds / 1_000_000_000n) + Number(nanoseconds % 1_000_000_000n) / 1e9)
  )
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
