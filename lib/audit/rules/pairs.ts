import type { Rule } from '../rule.js'

/** What can be wrong between files that belong together. */
export const PAIR_RULES = {
  'key-missing': {
    group: 'pairs',
    severity: 'error',
    about: 'the certificate is there without its private key',
    why: 'The program that is to use both does not start.',
    fix: 'Restore the key, or move the certificate away to have both made anew.',
  },
  'key-mismatch': {
    group: 'pairs',
    severity: 'error',
    about: 'the private key belongs to another certificate',
    why: 'The program that is to use both does not start.',
    fix: 'Restore the other half, or have both made anew.',
  },
  'missing-external': {
    group: 'pairs',
    severity: 'error',
    about: 'the file is missing, and its CA key is elsewhere, so that it cannot be made here',
    why: 'The component that needs it does not start.',
    fix: 'Have it signed where the CA key is and put it here.',
  },
  'ca-restricted': {
    group: 'pairs',
    severity: 'error',
    about: 'the CA may not vouch for what it is to sign',
    why: 'What it signs is refused by whoever verifies the chain.',
    fix: 'Have the CA certificate made anew without the restriction.',
    source: 'RFC 5280 section 6.1',
  },
  'ca-profile': {
    group: 'pairs',
    severity: 'warning',
    about: 'the CA certificate lacks what RFC 5280 asks of one',
    why: 'Strict verifiers, such as Python since 3.13, refuse every certificate that it signs.',
    fix: 'kpki renew ca keeps its key and its name and gives it what it lacks.',
    source: 'RFC 5280 section 4.2.1',
  },
  'not-a-ca': {
    group: 'pairs',
    severity: 'error',
    about: 'the certificate may not sign others',
    why: 'Nobody believes what it has signed.',
    fix: 'Have it made anew as a CA, and what it has signed after it.',
    source: 'RFC 5280 section 4.2.1.9',
  },
  chain: {
    group: 'pairs',
    severity: 'error',
    about: 'the certificate is not signed by its CA',
    why: 'Whoever trusts the CA refuses it.',
    fix: 'Restore the CA that has signed it, or have it made anew: kpki renew.',
  },
  'public-key-mismatch': {
    group: 'pairs',
    severity: 'error',
    about: 'sa.pub is not the public half of sa.key',
    why: 'The API server refuses every token that the controller manager signs.',
    fix: 'kpki apply derives sa.pub from sa.key again.',
  },
} as const satisfies Record<string, Rule>
