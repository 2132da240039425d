import type { Command } from './command.js'
import { COMMON_FLAGS, TREE_FLAGS } from './flags.js'

/** Pins of CAs, and finding a cluster with them. */
export const HASH_COMMANDS: Readonly<Record<string, Command>> = {
  hash: {
    about: 'print CA pins for --discovery-token-ca-cert-hash, one line per CA certificate',
    args: {
      name: 'files',
      value: 'FILE',
      least: 0,
      most: 100,
      about:
        'certificates, bundles, kubeconfigs, manifests of Secrets and ConfigMaps; - for standard input; HOST:PORT asks an ' +
        'API server (default: pki/ca.crt of the tree)',
    },
    flags: { ...TREE_FLAGS, ...COMMON_FLAGS },
    load: async () => (await import('./hash.js')).runHash,
    notes: [
      'A pin that a server says of itself proves nothing: whoever is in between can say anything. Compare it with one that ' +
        'came another way.',
    ],
    examples: [
      ['kpki hash ca.crt', ''],
      ['kpki hash admin.conf', 'of the CA that a kubeconfig trusts'],
      ['kubectl get cm kube-root-ca.crt -o yaml | kpki hash -', 'of the CA that Pods trust'],
      ['kpki hash 10.0.0.10:6443', 'of the CA that this server says it has'],
    ],
  },
  'hash verify': {
    about: 'check CA pins against a CA certificate, a kubeconfig, or a running cluster',
    args: { name: 'pins', least: 1, most: 100, about: 'any of them may match' },
    flags: {
      'ca-cert': { type: 'string', value: 'FILE', about: 'certificate, bundle or manifest' },
      kubeconfig: { type: 'string', value: 'FILE', about: 'its CA is checked' },
      server: {
        type: 'string',
        value: 'HOST:PORT',
        about:
          'the API server to join at (port 6443 unless given): all that kubeadm join makes sure of is tried, step by step',
      },
      token: {
        type: 'string',
        value: 'TOKEN',
        about: 'bootstrap token of the join command, for --server; other users of the host see it while kpki runs',
      },
      'token-file': { type: 'string', value: 'FILE', about: 'file with the token; - for standard input' },
      timeout: { type: 'string', value: 'DURATION', about: 'time for all of --server (default 10s)' },
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./hash-verify.js')).runHashVerify,
    notes: [
      'The token is never sent: its secret only checks the signature of cluster-info. What may still come up, such as a server ' +
        'that does not listen yet, is tried again every second until the time is up.',
      'Exit status 0 when all is well, 3 when no CA has one of the pins, 1 when anything else is wrong.',
    ],
    examples: [
      ['kpki hash verify sha256:… --ca-cert /etc/kubernetes/pki/ca.crt', ''],
      ['kpki hash verify sha256:… --server 10.0.0.10:6443 --token-file token', 'why does my join fail?'],
    ],
  },
}
