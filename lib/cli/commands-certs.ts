import type { Command } from './command.js'
import {
  CLOCK_FLAGS,
  COMMON_FLAGS,
  CONFIG_FLAGS,
  type Flag,
  KUBECONFIG_FLAGS,
  SECRET_OUTPUT_FLAGS,
  TREE_FLAGS,
} from './flags.js'

const KEY_FLAGS = {
  'certificate-key': {
    type: 'string',
    value: 'HEX',
    about: 'the key, 64 hex digits; other users of the host see it while kpki runs',
  },
  'certificate-key-file': { type: 'string', value: 'FILE', about: 'file with the key; - for standard input' },
} as const satisfies Record<string, Flag>

const OTHER_CA = {
  'allow-other-ca': {
    type: 'boolean',
    about:
      'the kubeconfig knows the API server by another CA than that of the cluster, e.g. of a load balancer: do not compare them',
  },
} as const satisfies Record<string, Flag>

const DRY_RUN = { 'dry-run': { type: 'boolean', about: 'print what would be done, change nothing' } } as const

const KEY: Command = {
  about: 'print a new key for the Secret that control planes share: 32 random bytes, 64 hex digits',
  flags: { ...SECRET_OUTPUT_FLAGS, ...COMMON_FLAGS },
  endsItself: true,
  load: async () => (await import('./certs-key.js')).runCertsKey,
  examples: [['kpki certs key --out cert.key', 'into a file that only you can read']],
}

/** The encrypted Secret `kubeadm-certs`. */
export const CERTS_COMMANDS: Readonly<Record<string, Command>> = {
  certs: {
    about: 'hand the CAs and service-account keys to further control planes, in an encrypted Secret',
    examples: [
      ['sudo kpki certs upload', 'on a control plane; prints the key'],
      ['sudo kpki certs download --certificate-key-file cert.key', 'on the next one'],
    ],
  },
  'certs key': KEY,
  'certs certificate-key': { ...KEY, about: 'the same as certs key, as kubeadm spells it' },
  'certs upload': {
    about: 'encrypt what control planes share and put it into the cluster for two hours; or print it as a manifest',
    flags: {
      ...TREE_FLAGS,
      ...CONFIG_FLAGS,
      ...KEY_FLAGS,
      'certificate-key-out': {
        type: 'string',
        value: 'FILE',
        about: 'write the new key to this new file, mode 0600, instead of standard output',
      },
      ...KUBECONFIG_FLAGS,
      ...OTHER_CA,
      ...DRY_RUN,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./certs-upload.js')).runCertsUpload,
    notes: [
      'Without a key a new one is made, and printed alone on standard output. It decrypts the keys of all CAs: whoever has it ' +
        'and may read the Secret has the cluster.',
      'With -o yaml|json and without --kubeconfig no server is asked: what is printed are the manifests, which need a key that ' +
        'is given, or --certificate-key-out. Applied by hand, the Secret does not end by itself: delete it.',
    ],
    examples: [
      ['sudo kpki certs upload', 'on a control plane, with its admin.conf'],
      [
        'kpki certs upload --dir ./demo --certificate-key-out cert.key -o yaml > kubeadm-certs.yaml',
        'without a server',
      ],
    ],
  },
  'certs download': {
    about: 'decrypt what control planes share, and put it into a tree; nothing is overwritten',
    flags: {
      ...TREE_FLAGS,
      ...CONFIG_FLAGS,
      ...KEY_FLAGS,
      from: {
        type: 'string',
        value: 'FILE',
        about: 'manifest with the Secret, instead of a cluster; - for standard input',
      },
      ...KUBECONFIG_FLAGS,
      ...OTHER_CA,
      ...DRY_RUN,
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./certs-download.js')).runCertsDownload,
    notes: [
      'All files are written, or none. Files that are there with the same content are kept; with other content, the run fails ' +
        'and names them.',
    ],
    examples: [
      ['sudo kpki certs download --kubeconfig admin.conf --certificate-key-file cert.key', 'from the cluster'],
      ['kpki certs download --from kubeadm-certs.yaml --dir ./cp-2 --certificate-key-file cert.key', 'from a file'],
    ],
  },
}
