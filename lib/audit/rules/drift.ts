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
} as const satisfies Record<string, Rule>
