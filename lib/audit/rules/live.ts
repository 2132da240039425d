import type { Rule } from '../rule.js'

/** What is found by other commands than `check`. */
export const LIVE_RULES = {
  'live-failed': {
    group: 'live',
    severity: 'error',
    about: 'the API server could not be asked, or does not let this user in',
    why: 'The kubeconfig is of no use as it is.',
    fix: 'The text says what the API server answered.',
  },
  'live-identity': {
    group: 'live',
    severity: 'warning',
    about: 'the API server takes the user for somebody else than the certificate names',
    why: 'Rights are given to whom the API server takes the user for.',
    fix: 'Look at proxies in between, and at other credentials in the kubeconfig.',
  },
  'request-unproven': {
    group: 'live',
    severity: 'error',
    about: 'the request is not signed with the key that it is for',
    why: 'Whoever sent it may not have the key, or it was changed on its way.',
    fix: 'Sign nothing for it.',
    source: 'RFC 2986 section 3',
  },
  'source-differs': {
    group: 'live',
    severity: 'error',
    about: 'the file is another one than in the directory named with --ca-from',
    why: 'Two hosts of one cluster must have the same.',
    fix: "Copy the first control plane's directory whole.",
  },
} as const satisfies Record<string, Rule>
