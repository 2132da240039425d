import type { Command } from './command.js'
import { CLOCK_FLAGS, COMMON_FLAGS, TREE_FLAGS } from './flags.js'

/** What was signed. */
export const LEDGER_COMMANDS = {
  issued: {
    about: 'list who can still get in with a certificate that kpki signed',
    args: {
      name: 'files',
      value: 'FILE',
      least: 0,
      most: 1000,
      about: 'ledgers, e.g. of further hosts (default: pki/issued.jsonl of the tree)',
    },
    flags: {
      ...TREE_FLAGS,
      'valid-at': { type: 'string', value: 'TIME', about: 'who can get in at that moment (default now)' },
      user: { type: 'string', value: 'NAME', about: 'only certificates of this user (common name)' },
      group: {
        type: 'list',
        value: 'NAMES',
        about: 'only certificates of one of these groups (organizations), comma-separated',
      },
      all: {
        type: 'boolean',
        about:
          'also what lets nobody in: CAs, servers, what has ended, what a CA signed that is not in the tree any more',
      },
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./issued.js')).runIssued,
    notes: [
      'Every kpki command that signs writes a line into the ledger before the certificate gets its name, unless it is told ' +
        '--no-ledger. A line says that a certificate was signed, not that somebody still has it. The ledger does not know ' +
        'what the controller manager signs (kubelets that renew, CertificateSigningRequests), nor what other programs sign ' +
        'with the same CA key. A line that cannot be read, or a file without any, is an error (exit 1): who can get in is then not ' +
        'known. Nobody is kept out before a certificate ends: the API server knows no revocation.',
    ],
    examples: [
      ['kpki issued', 'of the tree in /etc/kubernetes'],
      ['kpki issued --group system:masters,kubeadm:cluster-admins', 'who can do everything'],
      ['kpki issued --valid-at 2027-01-01', 'who could, or will be able to, get in then'],
      ['kpki issued cp-1.jsonl cp-2.jsonl --dir ./demo --all -o json', 'of several hosts, for programs'],
    ],
  },
} as const satisfies Readonly<Record<string, Command>>
