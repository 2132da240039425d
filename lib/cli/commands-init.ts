import { INIT_PHASE_ROWS } from '../index.js'
import type { Command } from './command.js'
import { CLOCK_FLAGS, COMMON_FLAGS, CONFIG_FLAGS, DESCRIPTION_FLAGS, type Flag, HOST_FLAGS } from './flags.js'

/** Flags of `init` and its phases. */
const INIT_FLAGS = {
  ...CONFIG_FLAGS,
  ...DESCRIPTION_FLAGS,
  ...HOST_FLAGS,
  'upload-certs': {
    type: 'boolean',
    about: 'put the files that control planes share into the cluster, encrypted, for two hours',
  },
  'skip-token-print': { type: 'boolean', about: 'leave the token out of what is printed' },
  'skip-certificate-key-print': { type: 'boolean', about: 'leave the certificate key out of what is printed' },
  as: {
    type: 'string',
    choices: ['static-pods', 'systemd'],
    about: 'who runs etcd and the control plane: the kubelet (default), or systemd, from programs in /usr/local/bin',
  },
  overwrite: {
    type: 'boolean',
    about: 'replace files that an earlier run has made and nobody has changed since',
  },
  'dry-run': {
    type: 'boolean',
    about: 'print every file and object, and how files differ from what is there; touch nothing',
  },
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Record<string, Flag>

const SECRETS = 'Secrets are best given in files: --token-file, --certificate-key-file; - is standard input.'

const load = async () => (await import('./init.js')).runInit

/** Making a control plane, whole or by phases. */
export const INIT_COMMANDS: Readonly<Record<string, Command>> = {
  init: {
    about: 'make a control plane on this host: preflight, certificates, manifests, kubelet, cluster objects, addons',
    flags: {
      ...INIT_FLAGS,
      only: { type: 'list', value: 'PHASES', about: 'these phases and those below them, comma-separated' },
    },
    endsItself: true,
    load,
    notes: [
      'Its phases are those of kubeadm init; kpki init phase --help lists them. What is there and as it should be is left as it ' +
        'is: a second run changes nothing, and a run that failed or was killed is completed by the next one. A file that is ' +
        'there and says something else is named, and nothing is written over it.',
      'Without systemd, or OpenRC, nobody starts the kubelet: init says with which command, and waits for it.',
      SECRETS,
    ],
    examples: [
      ['kpki init --config kubeadm.yaml', 'a control plane from its description'],
      ['kpki init --dry-run --config kubeadm.yaml', 'what that would write and apply'],
      ['kpki init --control-plane-endpoint api.example.org:6443 --upload-certs', 'the first one of several'],
      ['kpki init --skip-phases addon/kube-proxy', 'without kube-proxy'],
    ],
  },
  'init phase': {
    about: 'run one phase of init, with those below it',
    args: {
      name: 'phase',
      least: 1,
      most: 3,
      about: 'its path, with blanks or slashes: certs apiserver, certs/apiserver; certs all for all below certs',
      suggests: INIT_PHASE_ROWS.map(({ path }) => path),
    },
    list: { title: 'Phases', rows: INIT_PHASE_ROWS.map(({ path, about }) => [path, about] as const) },
    flags: {
      ...INIT_FLAGS,
      kubeconfig: {
        type: 'string',
        value: 'FILE',
        about: 'how phases reach the cluster (default: /etc/kubernetes/admin.conf, at the API server of this host)',
      },
    },
    endsItself: true,
    load,
    notes: [
      'Phases that put objects into the cluster print them instead with -o yaml|json and no --kubeconfig: nobody is asked. ' +
        'upload-certs is refused so; kpki certs upload -o yaml prints what it uploads.',
      SECRETS,
    ],
    examples: [
      ['kpki init phase certs apiserver', 'one certificate'],
      ['kpki init phase control-plane all --as systemd', 'units of systemd instead of static Pods'],
      ['kpki init phase addon coredns -o yaml', "CoreDNS's objects, for kubectl apply"],
    ],
  },
}
