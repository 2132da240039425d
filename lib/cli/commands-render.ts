import type { Command } from './command.js'
import { CLOCK_FLAGS, COMMON_FLAGS, CONFIG_FLAGS, DESCRIPTION_FLAGS, type Flag, HOST_FLAGS } from './flags.js'

const {
  'certificate-key': _key,
  'certificate-key-file': _keyFile,
  'ignore-preflight-errors': _preflight,
  ...OWN_HOST_FLAGS
} = HOST_FLAGS

const RENDER_FLAGS = {
  root: {
    type: 'string',
    value: 'DIR',
    about: "the directory that stands for the host's /; it is made where it is not there",
  },
  ...CONFIG_FLAGS,
  ...DESCRIPTION_FLAGS,
  ...OWN_HOST_FLAGS,
  token: {
    ...HOST_FLAGS.token,
    about: 'the first bootstrap token, for --manifests with --with-secrets (default: none)',
  },
  patches: { ...HOST_FLAGS.patches, about: 'directory of patches, on this machine' },
  'cri-socket': {
    ...HOST_FLAGS['cri-socket'],
    about: "the container runtime's socket on the host (default containerd's)",
  },
  as: {
    type: 'string',
    choices: ['static-pods', 'systemd'],
    about: 'who runs etcd and the control plane: the kubelet (default), or systemd, from programs in /usr/local/bin',
  },
  'ca-dirs': {
    type: 'list',
    value: 'DIRS',
    about:
      'directories of trusted roots that the host has, of those that kubeadm mounts, e.g. /usr/share/ca-certificates',
  },
  'systemd-resolved': {
    type: 'boolean',
    about: 'the host runs systemd-resolved: Pods get its list of DNS servers',
  },
  manifests: {
    type: 'string',
    value: 'DIR',
    about: 'also write what init would put into the cluster, a file for each phase, into this directory',
  },
  'with-secrets': {
    type: 'boolean',
    about: 'with --manifests: bootstrap tokens of the description too, in secrets.yaml, mode 0600',
  },
  overwrite: { type: 'boolean', about: 'replace files that an earlier run has made and nobody has changed since' },
  'dry-run': {
    type: 'boolean',
    about: 'print every file, and how files differ from what is there; touch nothing',
  },
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Record<string, Flag>

/** What `init` would write, without a host. */
export const RENDER_COMMANDS: Readonly<Record<string, Command>> = {
  render: {
    about: 'write everything that init would write on a host below a directory, on any machine',
    flags: RENDER_FLAGS,
    endsItself: true,
    load: async () => (await import('./render.js')).runRender,
    notes: [
      'The phases certs, kubeconfig, etcd, control-plane and kubelet-start of init, for a host that is not there: node name and ' +
        'address have to be said, and nothing is taken from this machine but the files that are named. On the host, kpki init ' +
        'then finds its files, and goes on from there.',
      'A second run changes nothing. A file that says something else is named, and stays. Files belong to whoever runs this: ' +
        'pack them for root with tar --owner=0 --group=0.',
      "The directory holds the keys of the cluster's CAs: it is as secret as a control plane.",
    ],
    examples: [
      ['kpki render --config kubeadm.yaml --root ./cp-1', 'a host below ./cp-1'],
      [
        'kpki render --config kubeadm.yaml --root ./cp-1 --manifests ./cluster',
        'and the objects of its cluster, for GitOps',
      ],
      ['kpki render --config kubeadm.yaml --root ./cp-1 --dry-run | less', 'what that would be'],
    ],
  },
}
