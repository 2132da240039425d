import type { Rule } from '../rule.js'

/** What can be wrong with when certificates are valid. */
export const LIFETIME_RULES = {
  'not-yet-valid': {
    group: 'lifetimes',
    severity: 'error',
    about: 'the certificate is not valid yet',
    why: 'Everybody refuses it until then.',
    fix: 'Look at the clock of this host; if it is right, have the certificate made anew.',
    source: 'RFC 5280 section 4.1.2.5',
  },
  'ends-soon': {
    group: 'lifetimes',
    severity: 'warning',
    about: 'the certificate ends within 30 days, and most of its life is over',
    why: 'When it ends, the component is refused everywhere, at once.',
    fix: 'kpki renew, and restart what it names.',
  },
  expired: {
    group: 'lifetimes',
    severity: 'error',
    about: 'the certificate has expired',
    why: 'Everybody refuses it.',
    fix: 'kpki renew, and restart what it names.',
    source: 'RFC 5280 section 6.1.3',
  },
  'outlives-ca': {
    group: 'lifetimes',
    severity: 'warning',
    about: 'the certificate ends after its CA',
    why: 'It is worth nothing from the end of the CA on, earlier than it says.',
    fix: 'Renew the CA before that, e.g. kpki renew ca.',
  },
} as const satisfies Record<string, Rule>
