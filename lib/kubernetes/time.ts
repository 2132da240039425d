const TIME = /^\d{4}-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:Z|[+-](\d{2}):(\d{2}))$/

/** The last moment that RFC 3339 can write, whose years have four digits; milliseconds since 1970. */
export const LAST_TIME: number = Date.UTC(9999, 11, 31, 23, 59, 59)

/**
 * Reads a time as objects of Kubernetes have it, e.g. `2030-01-31T12:00:00Z`; parts of a second below a thousandth are cut off.
 *
 * @returns `undefined` when the text is none, or names a day that its month does not have
 * @see RFC 3339 section 5.6; Go time.Parse with time.RFC3339
 */
export function parseTime(text: string): Date | undefined {
  if (text.length > 100) return undefined
  const match = TIME.exec(text)
  if (!match) return undefined
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] = match
    .slice(1)
    .map(part => Number(part ?? 0))
  // Day 0 of the next month is the last one of this. Date itself turns the 30th of February into the 2nd of March.
  const lastDay = new Date(Date.UTC(Number(text.slice(0, 4)), month, 0)).getUTCDate()
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= lastDay
  const isClock = hour < 24 && minute < 60 && second < 60 && offsetHour < 24 && offsetMinute < 60
  return isDate && isClock ? new Date(text) : undefined
}

/** Writes a time in UTC and whole seconds, e.g. `2030-01-31T12:00:00Z`; parts of a second are cut off, as Go does. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z')
}
