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
  'never-valid': {
    group: 'lifetimes',
    severity: 'error',
    about: 'the certificate ends before it begins',
    why: 'Everybody refuses it, today and on every other day.',
    fix: 'Have it made anew.',
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
  'ca-ends-early': {
    group: 'lifetimes',
    severity: 'warning',
    about: 'the CA ends before a certificate that it signs now would',
    why: 'What is renewed from now on ends with the CA, all of it at once.',
    fix: 'Renew the CA in time: kpki renew ca, or rotate it.',
  },
  'long-life': {
    group: 'lifetimes',
    severity: 'info',
    about: 'the certificate ends in more than three years',
    why: 'Kubernetes revokes nothing: whoever takes the key has all of that time.',
    fix: 'Nothing has to be done; renew it for a shorter time.',
    source: 'Kubernetes documentation, Security Checklist',
  },
} as const satisfies Record<string, Rule>
