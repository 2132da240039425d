import { type Life, lifeStateOf, NO_END } from '../x509/life.js'
import { count } from './picture-text.js'

const DAY = 86_400_000

/** What is left of a life, or how long it is over, in words: `364 days`, `expired 5 years ago`, `starts in 3 hours`. */
export function lifeWords(life: Life, now: Date): string {
  switch (lifeStateOf(life, now)) {
    case 'unknown':
      return 'no readable dates'
    case 'expired':
      return `expired ${spanWords(life.notAfter, now)} ago`
    case 'future':
      return `starts in ${spanWords(now, life.notBefore)}`
    default:
      return +life.notAfter === NO_END ? 'no end' : spanWords(now, life.notAfter)
  }
}

/** The time between two moments, rounded down: `59 seconds`, `23 hours`, `364 days`, `9 years 11 months`. */
export function spanWords(from: Date, to: Date): string {
  const seconds = Math.max(0, Math.floor((+to - +from) / 1000))
  if (seconds < 1) return 'less than a second'
  if (seconds < 120) return count(seconds, 'second')
  if (seconds < 7200) return count(Math.floor(seconds / 60), 'minute')
  if (seconds < 2 * 86_400) return count(Math.floor(seconds / 3600), 'hour')
  const months = monthsBetween(from, to)
  if (months < 24) return count(Math.floor(seconds / 86_400), 'day')
  const [years, rest] = [Math.floor(months / 12), months % 12]
  return years >= 20 || rest === 0 ? count(years, 'year') : `${count(years, 'year')} ${count(rest, 'month')}`
}

/** Whole months of the calendar, UTC. */
function monthsBetween(from: Date, to: Date): number {
  const months = (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()
  // A month is over on the same day at the same time; comparing by day and time avoids months that have no such day.
  const ofMonth = (date: Date) => date.getUTCDate() * DAY + (+date % DAY)
  return ofMonth(to) < ofMonth(from) ? months - 1 : months
}

/** The day, UTC, e.g. `2027-06-01`. */
export function dayText(date: Date): string {
  return Number.isNaN(+date) ? '?' : (date.toISOString().split('T')[0] ?? '?')
}

/** The minute, UTC, e.g. `2027-06-01 12:00 UTC`. */
export function minuteText(date: Date): string {
  return Number.isNaN(+date) ? '?' : `${date.toISOString().replace('T', ' ').slice(0, -8)} UTC`
}
