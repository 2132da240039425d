/** How a certificate stands at a moment. */
export type LifeState = 'valid' | 'soon' | 'expired' | 'future' | 'unknown'

/** When a certificate is valid. */
export interface Life {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** `soon` begins this many days before the end … */
export const SOON_DAYS = 30
/** … and not before this much of a short life is over; Let's Encrypt's clients renew at the same point. */
const SOON_SHARE = 1 / 3
const DAY = 86_400_000

/** RFC 5280 section 4.1.2.5: the moment that stands for "no well-defined expiration date". */
export const NO_END: number = Date.UTC(9999, 11, 31, 23, 59, 59)

/** Says how a certificate stands at a moment; both its ends belong to its life (RFC 5280 section 4.1.2.5). */
export function lifeStateOf({ notBefore, notAfter }: Life, now: Date): LifeState {
  if (Number.isNaN(+notBefore) || Number.isNaN(+notAfter)) return 'unknown'
  if (now > notAfter) return 'expired'
  if (now < notBefore) return 'future'
  const left = +notAfter - +now
  return left < SOON_DAYS * DAY && left < (+notAfter - +notBefore) * SOON_SHARE ? 'soon' : 'valid'
}
