import { CERTIFICATE_IDS, KUBECONFIG_IDS } from '../index.js'
import type { Command } from './command.js'
import {
  CLOCK_FLAGS,
  COMMON_FLAGS,
  CONFIG_FLAGS,
  DESCRIPTION_FLAGS,
  type Flag,
  KUBECONFIG_FLAGS,
  LEDGER_FLAG,
  WHOLE_TREE_FLAGS,
} from './flags.js'

/** What is asked of a tree, and where it is: the same for every command that changes one. */
export const ASKED_FLAGS = {
  ...WHOLE_TREE_FLAGS,
  role: {
    type: 'string',
    choices: ['init', 'control-plane', 'worker'],
    about: 'what the host is (default: what the tree looks like)',
  },
  ...CONFIG_FLAGS,
  ...DESCRIPTION_FLAGS,
} as const satisfies Record<string, Flag>

/** Which keys are made anew by a plan. */
export const KEY_FLAGS = {
  'keep-keys': { type: 'boolean', about: 'make no new key where there is one (default: where it is fine)' },
  'new-keys': { type: 'boolean', about: 'make a new key with every certificate' },
} as const satisfies Record<string, Flag>

const WANTED =
  'What is wanted is what the tree itself says: version, node, names, groups, periods. Only what --config or a flag of the ' +
  'description states otherwise is a change; defaults that the flags name elsewhere do not count here. Names are added, and ' +
  'dropped only where --config lists others.'
const CAS =
  'A CA and the service-account key are never touched by this; what would need it is told of, with the way out.'

const RENEW_FLAGS = {
  'as-found': {
    type: 'boolean',
    about: 'say again what the certificates say, as kubeadm does: no names of the description, no other server',
  },
  'if-within': {
    type: 'string',
    value: 'DURATION',
    about: 'only what ends within this time or has ended, e.g. 30d',
  },
  'keep-keys': { type: 'boolean', about: 'make no new key where there is one (default: new keys, as kubeadm)' },
  'dry-run': { type: 'boolean', about: 'print what would be done, write nothing' },
  'no-ledger': LEDGER_FLAG,
  ...ASKED_FLAGS,
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Record<string, Flag>

const RENEW: Command = {
  about: 'renew certificates, also those inside kubeconfigs and the one that the kubelet keeps',
  args: {
    name: 'items',
    least: 1,
    most: 100,
    about: 'what to renew; all is every leaf, every kubeconfig and the kubelet client certificate, no CA',
    choices: ['all', ...CERTIFICATE_IDS, 'sa', ...KUBECONFIG_IDS, 'kubelet-client'],
  },
  flags: RENEW_FLAGS,
  endsItself: true,
  load: async () => (await import('./renew.js')).runRenew,
  notes: [
    'Needs no API server: a cluster whose every certificate has ended is recovered with it, see docs/guides/expired-cluster.md. ' +
      'Names, groups and usages stay as they are; names of a flag come to them, and a list of names that ' +
      '--config states is the list: which ones go by that is printed. ' +
      'Kubeconfigs keep everything else that is in them and get the current CA.',
    'renew ca, etcd-ca, front-proxy-ca: the same key and the same name with a later end, so that all that it has signed stays ' +
      'good; kubeconfigs of the tree follow. That cures an end that comes near. It does not cure a key that somebody else ' +
      'may have, a weak key, or a CA that clusters share: those need a new CA. Other hosts need the new certificate, too.',
    'renew sa is refused: the key does not end, and with a new one every token that was given out would be refused at once.',
    'What is replaced is kept in .kpki/backups of the tree; kpki undo puts it back. An item that is missing, or whose CA key ' +
      'is elsewhere, is told of by all, and an error where it is named. ' +
      'Where something has ended, or ends within the time of --if-within, and could not be made, that is a warning, also with -q, and ' +
      'the exit status is 1.',
  ],
  examples: [
    ['kpki renew all', "everything but CAs, the kubelet's certificate included"],
    ['kpki renew all --if-within 30d', 'for a timer: only what ends soon'],
    ['kpki renew apiserver --apiserver-cert-extra-sans lb.example.org', 'one certificate, with one more name'],
    ['kpki renew ca', 'a later end for the CA, the same key'],
    ['kpki renew all --dir ./host --dry-run', "what would be done to a copy of a host's root directory"],
  ],
}

/** The smallest change, and renewals. */
export const CHANGE_COMMANDS: Readonly<Record<string, Command>> = {
  plan: {
    about: 'say what would be changed in a tree, why, and what must restart afterwards',
    flags: { ...KEY_FLAGS, ...ASKED_FLAGS, ...CLOCK_FLAGS, ...COMMON_FLAGS },
    load: async () => (await import('./plan.js')).runPlan,
    notes: [
      WANTED,
      `${CAS} Nothing is written.`,
      'Exit status 0 when there is nothing to do, 3 when there is. kpki apply does it; with -o json the plan is a file that ' +
        'kpki apply takes, and refuses when the tree is another one by then.',
    ],
    examples: [
      ['kpki plan', 'what is wrong in /etc/kubernetes, and what mends it'],
      ['kpki plan --apiserver-cert-extra-sans 10.0.0.20', 'one more name'],
      ['kpki plan --config kubeadm.yaml -o json > plan.json', 'a plan to look at, and to apply later'],
    ],
  },
  renew: RENEW,
}

/** kubeadm's spelling. */
export const RENEW_ALIAS: Readonly<Record<string, Command>> = {
  'certs renew': {
    ...RENEW,
    about: "kubeadm's name for kpki renew",
    flags: {
      ...RENEW_FLAGS,
      kubeconfig: { ...KUBECONFIG_FLAGS.kubeconfig, about: "taken for kubeadm's sake: no cluster is asked" },
    },
  },
}
