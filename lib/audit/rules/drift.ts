import type { Rule } from '../rule.js'

/** Where a tree is not what its description says. */
export const DRIFT_RULES = {
  'key-algorithm': {
    group: 'drift',
    severity: 'warning',
    about: 'the key is of another type than the description asks for',
    why: 'It works; it is not what was asked for.',
    fix: 'kpki apply makes a new key.',
  },
  server: {
    group: 'drift',
    severity: 'warning',
    about: 'the kubeconfig names another API server than the description asks for',
    why: 'Its user goes elsewhere than to where the description says.',
    fix: 'kpki apply changes the address in it.',
  },
  'names-extra': {
    group: 'drift',
    severity: 'warning',
    about: 'the certificate has names that the description, which lists them, does not have',
    why: 'Somebody may still use them, or nobody should.',
    fix: 'Add them to the list, or let kpki apply make it anew without them.',
  },
  validity: {
    group: 'drift',
    severity: 'warning',
    about: 'the certificate was made for another period than the description asks for',
    why: 'It works; it is not what was asked for.',
    fix: 'kpki apply makes it anew.',
  },
  'ca-drift': {
    group: 'drift',
    severity: 'info',
    about: 'the CA is not what the description would make of it',
    why: 'It works; a CA is not made anew for its key type or its period.',
    fix: 'Nothing has to be done; the next rotation of the CA can follow the description.',
  },
} as const satisfies Record<string, Rule>
