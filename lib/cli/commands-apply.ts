import type { Command } from './command.js'
import { ASKED_FLAGS, KEY_FLAGS } from './commands-change.js'
import { CLOCK_FLAGS, COMMON_FLAGS, LEDGER_FLAG } from './flags.js'

const BACKUPS =
  'What is replaced is kept below .kpki/backups in the directory of the kubeconfigs, which only its owner can read: old keys ' +
  'are in there, as good as they were. Remove a directory of it when nobody needs it any more.'

/** Doing what is planned, and taking it back. */
export const APPLY_COMMANDS: Readonly<Record<string, Command>> = {
  apply: {
    about: 'do what kpki plan says: show it, ask, change it, all or nothing',
    args: {
      name: 'plan',
      value: 'FILE',
      least: 0,
      most: 1,
      about: 'a plan that kpki plan -o json has printed; - for standard input (default: plan now)',
    },
    flags: {
      yes: { type: 'boolean', alias: 'y', about: 'do not ask' },
      ...KEY_FLAGS,
      'dry-run': { type: 'boolean', about: 'print what would be done, write nothing' },
      'no-ledger': LEDGER_FLAG,
      ...ASKED_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./apply.js')).runApply,
    notes: [
      'A saved plan is done only when it is still the plan: where the tree is another one by now, or planning comes to other ' +
        'changes, it is refused (KPKI_PLAN_STALE), and nothing is written.',
      'All files are changed or none. They are written aside first, what they replace is copied, and then each takes its place ' +
        'in one step; owner and mode stay. An error takes everything back. After a kill, kpki undo takes back what was begun, ' +
        'and so does the next kpki apply or renew before it begins. A file that somebody else changes meanwhile is noticed.',
      BACKUPS,
      'Without a terminal to ask at, --yes is needed. Exit status 0 also when there is nothing to do; 1 when a certificate has ' +
        'ended and cannot be made anew here.',
    ],
    examples: [
      ['kpki apply', 'show what is wrong in /etc/kubernetes, ask, mend it'],
      ['kpki apply --apiserver-cert-extra-sans 10.0.0.20', 'one more name'],
      ['kpki apply --yes plan.json', 'a plan that somebody has looked at'],
      ['kpki apply --yes -q --config kubeadm.yaml', 'for a pipeline'],
    ],
  },
  undo: {
    about: 'take back the last change of kpki apply or renew',
    flags: {
      list: { type: 'boolean', about: 'list the changes that were made, newest first, and take back none' },
      'keep-changed': {
        type: 'boolean',
        about: 'leave files as they are that were changed since, and put back the others',
      },
      'dry-run': { type: 'boolean', about: 'print what would be put back, write nothing' },
      yes: {
        type: 'boolean',
        alias: 'y',
        about: 'nobody is asked anyway: taken so that the command line of kpki apply serves',
      },
      ...ASKED_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./undo.js')).runUndo,
    notes: [
      'Files come back byte for byte, with their modes and owners; files that the change has made are removed. A second undo ' +
        'takes back the change before. What is taken back is kept beside the backup, so nothing is lost. A change or an undo ' +
        'that was killed in the middle comes first.',
      'A file that was changed since is not written over: nothing is put back then (KPKI_UNDO_CONFLICT).',
      'Certificates that were issued meanwhile stay good until they end: Kubernetes revokes nothing. The flags of the ' +
        'description are taken, so that the command line of kpki apply serves, and mean nothing here.',
    ],
    examples: [
      ['kpki undo', 'in /etc/kubernetes'],
      ['kpki undo --list', 'what could be taken back'],
      ['kpki undo --dry-run', 'what would be put back'],
    ],
  },
}
