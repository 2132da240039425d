import type { Command } from './command.js'
import {
  CLOCK_FLAGS,
  COMMON_FLAGS,
  CONFIG_FLAGS,
  DESCRIPTION_FLAGS,
  type Flag,
  LEDGER_FLAG,
  TREE_FLAGS,
} from './flags.js'

/** Where kubectl finds its kubeconfig, and so do those who look at it for people. */
const FOUND_AS_KUBECTL = '(default: $KUBECONFIG, else ~/.kube/config)'

const USER_FLAGS = {
  'client-name': { type: 'string', value: 'NAME', about: "the user: the certificate's common name" },
  group: { type: 'list', value: 'NAMES', about: "groups: the certificate's organisations, comma-separated" },
  org: { type: 'list', value: 'NAMES', about: 'the same as --group, as kubeadm spells it' },
  'validity-period': {
    type: 'string',
    value: 'DURATION',
    about: 'life of the certificate, which nobody can take back before it ends (default 12h)',
  },
  token: {
    type: 'string',
    value: 'TOKEN',
    about:
      'a token that the API server knows, in place of a certificate; other users of the host see it while kpki runs',
  },
  'token-file': { type: 'string', value: 'FILE', about: 'file with the token; - for standard input' },
  'cluster-role': {
    type: 'string',
    value: 'NAME',
    about: 'print the binding of this ClusterRole, too: in --namespace, else everywhere',
  },
  role: { type: 'string', value: 'NAME', about: 'print the binding of this Role in --namespace, too' },
  namespace: {
    type: 'string',
    value: 'NAME',
    about: 'namespace of the role, and of commands that name none',
  },
  out: { type: 'string', value: 'FILE', about: 'write the kubeconfig to this new file, mode 0600' },
  'rbac-out': { type: 'string', value: 'FILE', about: 'write the RBAC manifest to this new file' },
  server: {
    type: 'string',
    value: 'URL',
    about: "the API server, e.g. https://api.example.org:6443 (default: that of the tree's admin.conf)",
  },
  ...TREE_FLAGS,
  ...CONFIG_FLAGS,
  'control-plane-endpoint': DESCRIPTION_FLAGS['control-plane-endpoint'],
  'apiserver-advertise-address': DESCRIPTION_FLAGS['apiserver-advertise-address'],
  'apiserver-bind-port': DESCRIPTION_FLAGS['apiserver-bind-port'],
  'cluster-name': {
    ...DESCRIPTION_FLAGS['cluster-name'],
    about: "name of the cluster (default: that of the tree's admin.conf)",
  },
  'encryption-algorithm': {
    ...DESCRIPTION_FLAGS['encryption-algorithm'],
    about: "key of the user (default: of the kind that the tree's admin.conf has)",
  },
  'kubernetes-version': DESCRIPTION_FLAGS['kubernetes-version'],
  'no-ledger': LEDGER_FLAG,
  'dry-run': { type: 'boolean', about: 'print what would be made, make nothing' },
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Record<string, Flag>

/** Kubeconfigs of people and programs. */
export const KUBECONFIG_COMMANDS: Readonly<Record<string, Command>> = {
  kubeconfig: {
    about: 'make, show, merge and check kubeconfigs of people and programs',
    examples: [
      ['kpki kubeconfig user --client-name jane --cluster-role view --out jane.conf', 'for a person, for 12 hours'],
      ['kpki kubeconfig show', 'what kubectl works with'],
    ],
  },
  'kubeconfig user': {
    about:
      "make a kubeconfig for a person or a program, signed by the tree's CA, and the RBAC manifest that goes with it",
    flags: USER_FLAGS,
    load: async () => (await import('./kubeconfig-user.js')).runKubeconfigUser,
    notes: [
      'The kubeconfig goes to standard output, or to --out. The RBAC manifest goes to --rbac-out, or to standard output where ' +
        'the kubeconfig does not; one of the two flags is needed with --role or --cluster-role.',
      'What no flag and no --config says is taken from the tree: server, cluster name and kind of key from its admin.conf. The ' +
        'key of the CA signs, so this runs where it is; a user with a token needs pki/ca.crt only.',
    ],
    examples: [
      [
        'kpki kubeconfig user --client-name jane --group dev --out jane.conf',
        'member of a group that has its rights already',
      ],
      [
        'kpki kubeconfig user --client-name jane --cluster-role edit --namespace shop --out jane.conf | kubectl apply -f -',
        'with the right to work in one namespace',
      ],
      ['kpki kubeconfig user --client-name ci --token-file token --out ci.conf', 'a program with a token'],
    ],
  },
  'kubeconfig show': {
    about: 'show contexts, clusters and users, certificates and tokens decoded, no secret printed',
    args: {
      name: 'files',
      value: 'FILE',
      least: 0,
      most: 100,
      about: `kubeconfigs, merged as kubectl does it; - for standard input ${FOUND_AS_KUBECTL}`,
    },
    flags: {
      kubeconfig: { type: 'string', value: 'FILE', about: 'the same as naming the file' },
      context: { type: 'string', value: 'NAME', about: 'this context only' },
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./kubeconfig-show.js')).runKubeconfigShow,
    notes: [
      'Reads the files that a kubeconfig names as well. Tokens are decoded where they are JWTs; their signature is not checked.',
    ],
    examples: [
      ['kpki kubeconfig show', 'what kubectl works with'],
      ['kpki kubeconfig show admin.conf -o json', 'for programs'],
    ],
  },
  'kubeconfig merge': {
    about: 'put clusters, users and contexts of kubeconfigs into another one',
    args: { name: 'files', value: 'FILE', least: 1, most: 100, about: 'what comes in; - for standard input' },
    flags: {
      into: {
        type: 'string',
        value: 'FILE',
        about:
          'where to; made where it is missing (default: the file of $KUBECONFIG that kubectl writes to, else ~/.kube/config)',
      },
      'context-name': {
        type: 'string',
        value: 'NAME',
        about: 'name for the one context that comes in, and for its cluster and user where theirs are taken',
      },
      'on-conflict': {
        type: 'string',
        choices: ['refuse', 'rename', 'overwrite'],
        about: 'what to do where a name is taken by something else (default refuse)',
      },
      'use-context': { type: 'boolean', about: 'make the current context of what comes in the current one' },
      flatten: { type: 'boolean', about: 'put the contents of CA, certificate and key files in place of their paths' },
      'dry-run': { type: 'boolean', about: 'print what would be done, change nothing' },
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./kubeconfig-merge.js')).runKubeconfigMerge,
    notes: [
      'Comments, order and everything else in the file stay as they are, other than in an entry that is overwritten. What is ' +
        'there already is not added again. Where KUBECONFIG lists several files, the first that is there gets the entries, and ' +
        'names that another one has are taken. The file is ' +
        'replaced in one step, under the lock that kubectl takes; its mode stays, a new one has 0600.',
    ],
    examples: [
      [
        'kpki kubeconfig merge admin.conf --context-name prod --use-context',
        'one more cluster for kubectl, under a name',
      ],
      [
        'kpki kubeconfig merge a.conf b.conf --into all.conf --flatten',
        'one file of several, without others beside it',
      ],
    ],
  },
  'kubeconfig verify': {
    about:
      'check that a kubeconfig can work: references, keys, chains, lifetimes; with --live ask the server who we are',
    args: {
      name: 'file',
      value: 'FILE',
      least: 0,
      most: 1,
      about: `the kubeconfig; - for standard input ${FOUND_AS_KUBECTL}`,
    },
    flags: {
      kubeconfig: { type: 'string', value: 'FILE', about: 'the same as naming the file' },
      context: { type: 'string', value: 'NAME', about: 'this context (default: the current one)' },
      all: { type: 'boolean', about: 'all contexts' },
      'ca-cert': {
        type: 'string',
        value: 'FILE',
        about: 'CA that signs client certificates (default: the CA of the server)',
      },
      'server-cert': { type: 'string', value: 'FILE', about: "the server's certificate: check its names and its CA" },
      live: { type: 'boolean', about: 'ask the server who we are' },
      timeout: { type: 'string', value: 'DURATION', about: 'how long to wait for it (default 10s)' },
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./kubeconfig-verify.js')).runKubeconfigVerify,
    notes: ['Exit status 1 when something is wrong; warnings alone are 0.'],
    examples: [
      ['kpki kubeconfig verify jane.conf --ca-cert /etc/kubernetes/pki/ca.crt', 'without a server'],
      ['kpki kubeconfig verify --all --live', 'everything that kubectl works with'],
    ],
  },
}
