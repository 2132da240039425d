import { CERTIFICATE_IDS, KUBECONFIG_IDS } from '../index.js'
import type { Command } from './command.js'
import { APPLY_COMMANDS } from './commands-apply.js'
import { CERTS_COMMANDS } from './commands-certs.js'
import { CHANGE_COMMANDS, RENEW_ALIAS } from './commands-change.js'
import { CHECK_COMMANDS } from './commands-check.js'
import { EXPIRATION_COMMANDS } from './commands-expiration.js'
import { HASH_COMMANDS } from './commands-hash.js'
import { INIT_COMMANDS } from './commands-init.js'
import { KUBECONFIG_COMMANDS } from './commands-kubeconfig.js'
import { LEDGER_COMMANDS } from './commands-ledger.js'
import { PREFLIGHT_COMMANDS } from './commands-preflight.js'
import { RENDER_COMMANDS } from './commands-render.js'
import { RESET_COMMANDS } from './commands-reset.js'
import { SA_COMMANDS } from './commands-sa.js'
import { TOKEN_COMMANDS } from './commands-token.js'
import {
  CLOCK_FLAGS,
  COMMON_FLAGS,
  CONFIG_FLAGS,
  DESCRIPTION_FLAGS,
  type Flag,
  HOST_FLAGS,
  LEDGER_FLAG,
  TREE_FLAGS,
} from './flags.js'

const GENERATE_FLAGS = {
  ...TREE_FLAGS,
  ...CONFIG_FLAGS,
  ...DESCRIPTION_FLAGS,
  'ca-from': {
    type: 'string',
    value: 'DIR',
    about: "another host's tree (or its pki) of the same cluster: its CAs and service-account keys are taken over",
  },
  role: {
    type: 'string',
    choices: ['init', 'control-plane', 'worker'],
    about: 'what this host is (default init; with --ca-from control-plane)',
  },
  'dry-run': { type: 'boolean', about: 'print what would be done, write nothing' },
  'no-ledger': LEDGER_FLAG,
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Record<string, Flag>

const generate = async () => (await import('./generate.js')).runGenerate

const ROW_COMMANDS = Object.fromEntries(
  CERTIFICATE_IDS.map(id => [
    `gen ${id}`,
    {
      about: `make the certificate and key of ${id}`,
      flags: GENERATE_FLAGS,
      endsItself: true,
      load: generate,
    } satisfies Command,
  ]),
)

/** Every command by its path, in the order of the help text. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  gen: {
    about: 'make the PKI of a host: CAs, certificates, keys, kubeconfigs',
    examples: [
      ['kpki gen all --dir ./demo', 'everything for a first control plane, below ./demo'],
      ['kpki gen apiserver --apiserver-cert-extra-sans api.example.org', 'one certificate; its CA must be there'],
    ],
  },
  'gen all': {
    about:
      'make everything that is missing on a host; what fits is kept, what does not is named and nothing is written',
    flags: GENERATE_FLAGS,
    endsItself: true,
    load: generate,
    examples: [
      ['kpki gen all --dir ./demo', 'a first control plane, below ./demo'],
      ['kpki gen all --config kubeadm.yaml', "from kubeadm's own configuration, to /etc/kubernetes"],
      [
        'kpki gen all --dir ./cp-2 --ca-from ./demo --node-name cp-2 --apiserver-advertise-address 10.0.0.11',
        'a second control plane',
      ],
      [
        'kpki gen all --dir ./w-1 --ca-from ./demo --role worker --node-name w-1 --control-plane-endpoint api.example.org:6443',
        'a worker',
      ],
      ['kpki gen all --dry-run -o json', 'what would be done, for programs'],
    ],
  },
  ...ROW_COMMANDS,
  'gen sa': {
    about: 'make the service-account key pair, or derive sa.pub from sa.key',
    flags: GENERATE_FLAGS,
    endsItself: true,
    load: generate,
  },
  'gen kubeconfig': {
    about: 'make all kubeconfigs, or the named one',
    args: { name: 'file', least: 0, most: 1, about: 'which kubeconfig', choices: KUBECONFIG_IDS },
    flags: GENERATE_FLAGS,
    endsItself: true,
    load: generate,
    examples: [['kpki gen kubeconfig admin.conf --dir ./demo', "the administrators' one"]],
  },
  inspect: {
    about: 'show what certificates, keys, requests and kubeconfigs are here, how they hang together, what does not fit',
    args: {
      name: 'files',
      value: 'FILE',
      least: 0,
      most: 10_000,
      about: 'files and directories; - for standard input (default: the tree)',
    },
    flags: {
      ...TREE_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
      output: {
        ...COMMON_FLAGS.output,
        choices: ['text', 'json', 'yaml', 'html', 'svg'],
        about: 'how to print the result (default text); html and svg draw it',
      },
      quiet: { ...COMMON_FLAGS.quiet, about: 'print only what does not fit' },
    },
    load: async () => (await import('./inspect.js')).runInspect,
    notes: [
      'Reads PEM and DER, kubeconfigs, Secret, ConfigMap and CertificateSigningRequest manifests. No secret is printed. Exit ' +
        'status 0 also when something does not fit: inspect shows, it does not judge; 1 when there is nothing to show, or ' +
        'a named file cannot be read.',
    ],
    examples: [
      ['kpki inspect', 'the tree in /etc/kubernetes'],
      ['kpki inspect ./demo', 'any directory'],
      ['kpki inspect ~/.kube/config', 'all clusters, users and contexts of a kubeconfig'],
      ['kpki inspect -', 'what kubectl get secret,csr -A -o json prints'],
      ['kpki inspect -o html > pki.html', 'a picture'],
    ],
  },
  ...CHECK_COMMANDS,
  ...CHANGE_COMMANDS,
  ...APPLY_COMMANDS,
  ...INIT_COMMANDS,
  ...RENDER_COMMANDS,
  ...RESET_COMMANDS,
  ...PREFLIGHT_COMMANDS,
  config: {
    about: 'print, show, check and convert cluster descriptions',
    examples: [
      ['kpki config print init-defaults > kubeadm.yaml', 'a configuration to begin with'],
      ['kpki config validate --config kubeadm.yaml', 'find every mistake in it'],
    ],
  },
  'config print': {
    about: "print kubeadm's default configuration",
    args: { name: 'what', least: 1, most: 1, about: 'which defaults', choices: ['init-defaults', 'join-defaults'] },
    flags: COMMON_FLAGS,
    load: async () => (await import('./config.js')).runPrint,
    examples: [['kpki config print init-defaults', 'for a first control plane']],
  },
  'config show': {
    about: 'print every value in effect and where it comes from',
    flags: {
      from: {
        type: 'string',
        value: 'DIR',
        about: 'what this tree says of itself, and nothing else; also a tar archive, - for one from standard input',
      },
      ...CONFIG_FLAGS,
      ...DESCRIPTION_FLAGS,
      ...HOST_FLAGS,
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./config.js')).runShow,
    notes: [
      'With --from the origin of a value is the file that says it: certificates, kubeconfigs, manifests of static Pods. ' +
        'With -o yaml it is then a kubeadm configuration that states what the tree says and leaves out the rest.',
    ],
    examples: [
      ['kpki config show --config kubeadm.yaml --node-name cp-2', 'a file, and a flag over it'],
      ['kpki config show --from /etc/kubernetes -o yaml > kubeadm.yaml', 'a description of a tree that has none'],
    ],
  },
  'config validate': {
    about: 'find every mistake in a configuration file',
    flags: { ...CONFIG_FLAGS, ...DESCRIPTION_FLAGS, ...COMMON_FLAGS },
    load: async () => (await import('./config.js')).runValidate,
    examples: [['kpki config validate --config kubeadm.yaml', 'exit status 1 when there is one']],
  },
  'config migrate': {
    about: 'convert a configuration to kubeadm.k8s.io/v1beta4',
    flags: {
      'old-config': { type: 'string', value: 'FILE', about: 'what to convert; - for standard input' },
      'new-config': {
        type: 'string',
        value: 'FILE',
        about: 'where to write it, a new file (default: standard output)',
      },
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./config.js')).runMigrate,
    examples: [['kpki config migrate --old-config old.yaml --new-config kubeadm.yaml', '']],
  },
  ...HASH_COMMANDS,
  ...TOKEN_COMMANDS,
  ...SA_COMMANDS,
  ...LEDGER_COMMANDS,
  ...KUBECONFIG_COMMANDS,
  ...CERTS_COMMANDS,
  ...RENEW_ALIAS,
  ...EXPIRATION_COMMANDS,
  completion: {
    about: 'print the script that lets a shell complete commands, flags and their values',
    args: { name: 'shell', least: 1, most: 1, about: 'which shell', choices: ['bash', 'zsh', 'fish'] },
    flags: COMMON_FLAGS,
    load: async () => (await import('./completion.js')).runCompletion,
    notes: [
      'The script holds everything: kpki is not started when you press TAB. Print it again after an update of kpki.',
      'The folder must exist (mkdir -p); a new shell reads the file. bash reads the folder below only with the package ' +
        'bash-completion; without it, keep the script elsewhere and source it from ~/.bashrc. zsh reads folders that ' +
        'stand in fpath before compinit is called in ~/.zshrc: fpath=(~/.zfunc $fpath).',
    ],
    examples: [
      ['kpki completion bash > ~/.local/share/bash-completion/completions/kpki', 'bash with bash-completion'],
      ['kpki completion bash > ~/.kpki.bash', 'bash alone: source ~/.kpki.bash in ~/.bashrc'],
      ['kpki completion zsh > ~/.zfunc/_kpki', 'zsh'],
      ['kpki completion fish > ~/.config/fish/completions/kpki.fish', 'fish'],
    ],
  },
}
