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

const DAY_SECONDS = 86_400
const YEAR_DAYS = 365

/**
 * Reads a length of time as people write it: a Go duration that may begin with weeks and days, e.g. `30d`, `2w`, `1d12h`, `720h`.
 *
 * @returns seconds, possibly a fraction; `undefined` when the text is none, is negative, or longer than Go can say (292 years)
 */
export function parsePeriod(text: string): number | undefined {
  const match = /^(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?([0-9.].*)?$/.exec(text)
  if (!match || text === '') return undefined
  const rest = match[3] === undefined ? 0 : parseDuration(match[3])
  const seconds = (Number(match[1] ?? 0) * 7 + Number(match[2] ?? 0)) * DAY_SECONDS + (rest ?? 0)
  return rest === undefined || seconds > Number(MAX_NANOSECONDS / 1_000_000_000n) ? undefined : seconds
}

/**
 * Says how long something still lasts in two figures at most, as kubectl and kubeadm do: `364d`, `2y30d`, `7h59m`; `<invalid>`
 * for what ended two seconds ago or earlier.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/duration/duration.go (HumanDuration)
 */
export function humanDuration(seconds: number): string {
  const total = Math.trunc(seconds)
  if (total < -1) return '<invalid>'
  if (total < 120) return `${Math.max(0, total)}s`
  const whole = (unit: number) => Math.floor(total / unit)
  const [minutes, hours, days] = [whole(60), whole(3600), whole(DAY_SECONDS)]
  if (minutes < 10) return `${minutes}m${nonZero(total % 60, 's')}`
  if (minutes < 180) return `${minutes}m`
  if (hours < 8) return `${hours}h${nonZero(minutes % 60, 'm')}`
  if (hours < 48) return `${hours}h`
  if (days < 8) return `${days}d${nonZero(hours % 24, 'h')}`
  if (days < 2 * YEAR_DAYS) return `${days}d`
  const years = Math.floor(days / YEAR_DAYS)
  return years < 8 ? `${years}y${nonZero(days % YEAR_DAYS, 'd')}` : `${years}y`
}

function nonZero(number: number, unit: string): string {
  return number === 0 ? '' : `${number}${unit}`
}
