import type { Command } from './command.js'
import {
  CLOCK_FLAGS,
  COMMON_FLAGS,
  CONFIG_FLAGS,
  DESCRIPTION_FLAGS,
  type Flag,
  KUBECONFIG_FLAGS,
  SECRET_OUTPUT_FLAGS,
} from './flags.js'

const FROM_FLAGS = {
  from: {
    type: 'string',
    value: 'FILE',
    about: 'manifests to look in instead of a cluster, as kubectl get -o yaml prints them; - for standard input',
  },
} as const satisfies Record<string, Flag>

const DRY_RUN_FLAGS = {
  'dry-run': { type: 'boolean', about: 'ask the cluster, but change nothing in it' },
} as const satisfies Record<string, Flag>

/** Bootstrap tokens: kubeadm's commands and flags, and more. */
export const TOKEN_COMMANDS: Readonly<Record<string, Command>> = {
  token: {
    about: 'make, show and delete the tokens that hosts join a cluster with',
    examples: [
      ['kpki token create --print-join-command', 'what to run on a new host'],
      ['kpki token list', 'every token of the cluster'],
    ],
  },
  'token generate': {
    about: 'print a new token; no cluster knows it yet',
    flags: { ...SECRET_OUTPUT_FLAGS, ...COMMON_FLAGS },
    endsItself: true,
    load: async () => (await import('./token-generate.js')).runTokenGenerate,
    examples: [
      ['kpki token generate', ''],
      ['kpki token generate --out token', 'into a file that only you can read'],
    ],
  },
  'token create': {
    about: 'make a token in a cluster; with -o yaml|json and no --kubeconfig, print its Secret instead',
    args: { name: 'token', least: 0, most: 1, about: 'the token; - for standard input (default: a new one)' },
    flags: {
      'token-file': { type: 'string', value: 'FILE', about: 'file with the token; - for standard input' },
      ttl: { type: 'string', value: 'DURATION', about: 'how long it lives, e.g. 2h30m; 0 for ever (default 24h)' },
      usages: { type: 'list', value: 'USAGES', about: 'signing, authentication (default: both)' },
      groups: {
        type: 'list',
        value: 'GROUPS',
        about: 'further groups of who comes with it (default system:bootstrappers:kubeadm:default-node-token)',
      },
      description: { type: 'string', value: 'TEXT', about: 'what it is for' },
      ...CONFIG_FLAGS,
      'print-join-command': { type: 'boolean', about: 'print the whole kubeadm join instead of the token' },
      'control-plane': { type: 'boolean', about: 'the command is for a control plane' },
      'certificate-key': {
        type: 'string',
        value: 'HEX',
        about: 'the command is for a control plane that fetches the shared certificates with this key',
      },
      'certificate-key-file': { type: 'string', value: 'FILE', about: 'file with that key; - for standard input' },
      'discovery-objects': {
        type: 'boolean',
        about: 'also what joining needs beside a token: cluster-info, and the RBAC objects of kubeadm',
      },
      'kubernetes-version': DESCRIPTION_FLAGS['kubernetes-version'],
      ...KUBECONFIG_FLAGS,
      ...DRY_RUN_FLAGS,
      ...SECRET_OUTPUT_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./token-create.js')).runTokenCreate,
    notes: [
      'Flags count over the tokens of --config. A token that is an argument can be seen by others on the host, in the list of ' +
        'processes: --token-file cannot.',
      'With -o yaml|json and no --kubeconfig no cluster is asked: what is printed are manifests for kubectl apply. Server and CA ' +
        'of the join command and of cluster-info are those of the kubeconfig.',
    ],
    examples: [
      ['kpki token create --print-join-command', 'run what it prints on the host that is to join'],
      ['kpki token create --ttl 1h --description "for w-7"', 'prints the token alone'],
      ['kpki token create -o yaml > token.yaml', 'for kubectl apply -f token.yaml'],
      ['kpki token create -o yaml --discovery-objects', 'all that kubeadm init phase bootstrap-token makes'],
    ],
  },
  'token list': {
    about: 'print every token of a cluster, with its secret',
    flags: {
      'hide-secrets': { type: 'boolean', about: 'print the public half of each token only' },
      ...FROM_FLAGS,
      ...KUBECONFIG_FLAGS,
      ...SECRET_OUTPUT_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./token-list.js')).runTokenList,
    notes: [
      'Secrets that are no tokens although they say so are named on standard error, with the reason, and passed over.',
    ],
    examples: [
      ['kpki token list', ''],
      ['kpki token list --from secrets.yaml', 'of what kubectl get secret -o yaml printed'],
    ],
  },
  'token delete': {
    about: 'delete tokens from a cluster',
    args: { name: 'tokens', least: 1, most: 100, about: 'their ids, e.g. abcdef; whole tokens are understood, too' },
    flags: { ...KUBECONFIG_FLAGS, ...DRY_RUN_FLAGS, ...COMMON_FLAGS },
    endsItself: true,
    load: async () => (await import('./token-delete.js')).runTokenDelete,
    examples: [['kpki token delete abcdef', 'nobody joins with it any more; who has joined stays']],
  },
  'token inspect': {
    about: 'show what a token is good for now, for whom, until when, and whether cluster-info is signed with it',
    args: {
      name: 'tokens',
      value: 'FILE',
      least: 0,
      most: 100,
      about: 'ids, tokens, or files of manifests (default: all that there are)',
    },
    flags: {
      'token-file': { type: 'string', value: 'FILE', about: 'file with a token; - for standard input' },
      ...FROM_FLAGS,
      ...KUBECONFIG_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./token-inspect.js')).runTokenInspect,
    notes: [
      'No secret is printed. Of a whole token it is said whether its secret is the one that the cluster knows. A file is told ' +
        'from a token by a slash in its name, or by .yaml, .yml or .json at the end.',
    ],
    examples: [
      ['kpki token inspect abcdef', 'why does a host not join?'],
      ['kpki token inspect ./token.yaml', 'a manifest, before it is applied'],
    ],
  },
}
