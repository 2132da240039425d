import { CIS_EDITIONS } from '../index.js'
import type { Command } from './command.js'
import { ASKED_FLAGS } from './commands-change.js'
import { CLOCK_FLAGS, COMMON_FLAGS, CONFIG_FLAGS, DESCRIPTION_FLAGS, WHOLE_TREE_FLAGS } from './flags.js'

/** Actual against wanted: what is wrong. */
export const CHECK_COMMANDS: Readonly<Record<string, Command>> = {
  check: {
    about: 'find what is wrong with a tree, or with any certificates, keys and kubeconfigs',
    args: {
      name: 'files',
      value: 'FILE',
      least: 0,
      most: 10_000,
      about: 'files and directories of any layout (default: the tree)',
    },
    flags: {
      'fail-on': {
        type: 'string',
        choices: ['error', 'warning', 'info'],
        about: 'from which severity on findings mean exit status 3 (default warning)',
      },
      rule: { type: 'list', value: 'RULES', suggests: 'rules', about: 'look at these rules only, comma-separated' },
      'skip-rule': { type: 'list', value: 'RULES', suggests: 'rules', about: 'do not look at these rules' },
      'ends-within': {
        type: 'string',
        value: 'DURATION',
        about: 'how long before its end a certificate is found, e.g. 14d (default 30d)',
      },
      baseline: { type: 'string', value: 'FILE', about: 'findings that are known and accepted' },
      'write-baseline': { type: 'string', value: 'FILE', about: 'accept everything that is found, in this new file' },
      cis: {
        type: 'string',
        choices: CIS_EDITIONS,
        about: 'also look at items of this edition of the CIS Kubernetes Benchmark',
      },
      why: { type: 'boolean', about: 'say of each finding why it matters' },
      explain: {
        type: 'string',
        value: 'RULE',
        suggests: 'rules',
        about: 'say what a rule is about, and look at nothing; all for each',
      },
      role: ASKED_FLAGS.role,
      ...WHOLE_TREE_FLAGS,
      ...CONFIG_FLAGS,
      ...DESCRIPTION_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
      output: {
        ...COMMON_FLAGS.output,
        choices: ['text', 'json', 'yaml', 'sarif', 'junit'],
        about: 'how to print the result (default text); sarif and junit are for pipelines',
      },
      quiet: { ...COMMON_FLAGS.quiet, about: 'print findings only' },
    },
    load: async () => (await import('./check.js')).runCheck,
    notes: [
      'What is wanted is what the tree itself says: version, node, names, groups. Only what --config or a flag of the ' +
        'description states otherwise is held against it. Nothing is written, nothing is asked over the network.',
      'Exit status 0 when nothing is found, 3 when something is (see --fail-on), 1 when it cannot be looked at.',
    ],
    examples: [
      ['kpki check', 'the tree in /etc/kubernetes'],
      ['kpki check --config kubeadm.yaml', 'against its description'],
      ['kpki check --dir ./copy-of-a-host', 'a copy, anywhere'],
      ['kpki check /etc/ssl/certs ~/.kube/config', 'any files'],
      ['kpki check --explain names-missing', 'what a rule is about'],
      ['kpki check -o sarif > kpki.sarif', 'for the code-scanning page of a forge'],
    ],
  },
}
