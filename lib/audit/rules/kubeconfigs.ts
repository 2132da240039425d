import type { Rule } from '../rule.js'

/** What can be wrong with kubeconfigs. */
export const KUBECONFIG_RULES = {
  'ca-data': {
    group: 'kubeconfigs',
    severity: 'error',
    about: 'the kubeconfig trusts another CA',
    why: 'Its user refuses the API server.',
    fix: 'kpki apply puts the CA of the tree into it.',
  },
  'ca-data-partial': {
    group: 'kubeconfigs',
    severity: 'warning',
    about: 'the kubeconfig trusts only a part of the CA bundle',
    why: 'In the middle of a CA rotation its user refuses API servers that are a step ahead.',
    fix: 'kpki apply puts the whole bundle into it.',
  },
  'kubeconfig-extra': {
    group: 'kubeconfigs',
    severity: 'warning',
    about: 'the kubeconfig does more than name a server and a certificate',
    why: 'Fields such as token, proxy-url or insecure-skip-tls-verify change whom one talks to, and as whom.',
    fix: 'Remove what is not meant.',
  },
  'no-credentials': {
    group: 'kubeconfigs',
    severity: 'error',
    about: 'the kubeconfig has no client certificate with its key',
    why: 'Its user is anonymous, and refused.',
    fix: 'Take the other half from where it was made, or have it made anew.',
  },
  'entry-missing': {
    group: 'kubeconfigs',
    severity: 'warning',
    about: 'the kubeconfig names an entry of its own that is not in it',
    why: 'The context cannot be used.',
    fix: 'Add the entry, or remove the context.',
  },
  'current-context': {
    group: 'kubeconfigs',
    severity: 'warning',
    about: 'the current context of a kubeconfig of the tree is not its own',
    why: 'A component goes to the other cluster with it, or fails; people who are given the file change the wrong cluster.',
    fix: 'kubectl config use-context chooses the one that is its own; keep other clusters in a file of your own.',
  },
  insecure: {
    group: 'kubeconfigs',
    severity: 'warning',
    about: 'the kubeconfig does not verify whom it talks to',
    why: 'With insecure-skip-tls-verify whoever is on the way can answer in place of the API server, and reads every token.',
    fix: 'Take insecure-skip-tls-verify out and put the CA in.',
  },
} as const satisfies Record<string, Rule>
