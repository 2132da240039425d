import type { Command } from './command.js'
import { CLOCK_FLAGS, COMMON_FLAGS, CONFIG_FLAGS, type Flag } from './flags.js'

/** The phases of `reset`; a test holds them to `RESET_PHASES`, which the help is not to load. */
const PHASES = [
  ['preflight', 'check that this may be done'],
  ['remove-etcd-member', "take the member of this host out of etcd's cluster"],
  ['cleanup-node', 'stop the kubelet, unmount, remove containers, remove files'],
] as const

const RESET_FLAGS = {
  ...CONFIG_FLAGS,
  force: { type: 'boolean', alias: 'f', about: 'do not ask' },
  yes: { type: 'boolean', alias: 'y', about: 'do not ask' },
  'dry-run': { type: 'boolean', about: 'print what would go and what would stay, and touch nothing' },
  'keep-pki': { type: 'boolean', about: 'leave certificates and keys' },
  backup: {
    type: 'string',
    value: 'FILE',
    about: "pack what goes below /etc and the kubelet's configuration into this new tar archive first, mode 0600",
  },
  all: {
    type: 'boolean',
    about: "also files of kubeadm's list that no run of kpki has made, e.g. a CA that was brought along",
  },
  'cert-dir': {
    type: 'string',
    value: 'DIR',
    about: 'certificates and keys (default: where they were put, else /etc/kubernetes/pki)',
  },
  'cri-socket': {
    type: 'string',
    value: 'SOCKET',
    about: "the container runtime's socket (default: what the kubelet was told)",
  },
  'cleanup-tmp-dir': {
    type: 'boolean',
    about: 'also what is in /etc/kubernetes/tmp, and the backups of kpki apply and renew',
  },
  'ignore-preflight-errors': {
    type: 'list',
    value: 'CHECKS',
    about: 'checks whose errors are warnings: IsPrivilegedUser, or all',
  },
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    about: 'nobody is asked: taken so that the command line of kubeadm reset serves',
  },
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Record<string, Flag>

const load = async () => (await import('./reset.js')).runReset

const STAYS =
  "Nothing else is touched: the network plugin's files, rules of iptables, nftables and IPVS, kubeconfigs of users, the Node in " +
  'the cluster, files that nobody of these has made. What stays is named.'

/** Taking back what `init` or `join` have made on a host. */
export const RESET_COMMANDS: Readonly<Record<string, Command>> = {
  reset: {
    about: 'take back what init or join have made on this host; what goes and what stays is said before',
    flags: {
      ...RESET_FLAGS,
      'skip-phases': {
        type: 'list',
        value: 'PHASES',
        about: 'phases to leave out, comma-separated; without remove-etcd-member the data of etcd stay',
      },
    },
    endsItself: true,
    load,
    notes: [
      'What goes is what a run of kpki has written down in /etc/kubernetes/.kpki/made.jsonl; where there is no such record, ' +
        "what is of kubeadm's list. With it goes what the kubelet keeps in /var/lib/kubelet, and the data of etcd.",
      STAYS,
      'Keys of CAs are among what goes: no certificate of the cluster can be made any more where these are the only ones. ' +
        '--keep-pki leaves them, --backup packs them. A run that was killed is completed by the next one.',
    ],
    examples: [
      ['kpki reset --dry-run', 'what would go, and what would stay'],
      ['kpki reset --force --backup host.tar', 'do not ask, and keep a copy'],
      ['kpki reset --keep-pki', 'for the same cluster once more'],
    ],
  },
  'reset phase': {
    about: 'run one phase of reset',
    args: {
      name: 'phase',
      least: 1,
      most: 1,
      about: 'which one',
      choices: [...PHASES.map(([name]) => name), 'cleanupnode', 'pre-flight'],
    },
    list: { title: 'Phases', rows: PHASES },
    flags: RESET_FLAGS,
    endsItself: true,
    load,
    notes: [STAYS],
    examples: [['kpki reset phase remove-etcd-member', 'before the host is switched off']],
  },
}
