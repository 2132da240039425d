import type { Command } from './command.js'
import {
  CLOCK_FLAGS,
  COMMON_FLAGS,
  CONFIG_FLAGS,
  DESCRIPTION_FLAGS,
  type Flag,
  KUBECONFIG_FLAGS,
  WHOLE_TREE_FLAGS,
} from './flags.js'

const EXPIRATION_FLAGS = {
  ...WHOLE_TREE_FLAGS,
  within: {
    type: 'string',
    value: 'DURATION',
    about: 'list only what ends within this time or has ended, e.g. 30d; exit status 3 when there is any',
  },
  watch: { type: 'boolean', about: 'count down on this terminal until q is typed' },
  out: {
    type: 'string',
    value: 'FILE',
    about: 'write to this file instead of standard output, whole at every moment; an earlier report is replaced',
  },
  ...CONFIG_FLAGS,
  ...DESCRIPTION_FLAGS,
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
  output: {
    ...COMMON_FLAGS.output,
    choices: ['text', 'json', 'yaml', 'prometheus', 'ical', 'html', 'svg'],
    about: 'how to print the result (default text); html and svg draw it',
  },
} as const satisfies Record<string, Flag>

const EXPIRATION: Command = {
  about: 'say when everything in a tree ends: certificates, kubeconfigs, CAs',
  flags: EXPIRATION_FLAGS,
  endsItself: true,
  load: async () => (await import('./expiration.js')).runExpiration,
  notes: [
    "The tables of kubeadm certs check-expiration, and more lines behind kubeadm's: kubelet.conf, the kubelet's own " +
      'certificates, further kubeconfigs and certificates, what else bundles hold. -o json and yaml print ' +
      "kubeadm's CertificateExpirationInfo with more fields. Nothing is asked of a cluster; no secret is printed.",
    'Exit status 0, or 3 with --within when something ends by then or has ended; 1 when something cannot be read and ' +
      'nobody knows when it ends.',
  ],
  examples: [
    ['kpki expiration', 'of the tree in /etc/kubernetes, and of /var/lib/kubelet'],
    ['kpki expiration --within 30d --quiet', 'for cron: prints nothing as long as there is time'],
    [
      'kpki expiration -o prometheus --out /var/lib/prometheus/node-exporter/kpki.prom',
      "for node_exporter's textfile collector",
    ],
    ['kpki expiration -o ical --out certificates.ics', 'a calendar with reminders'],
    ['kpki expiration -o html > expiration.html', 'a picture'],
    ['kpki expiration --dir ./host --watch', 'of the copy of a host, counting down'],
  ],
}

/** When things end. */
export const EXPIRATION_COMMANDS: Readonly<Record<string, Command>> = {
  expiration: EXPIRATION,
  'certs check-expiration': {
    ...EXPIRATION,
    about: "kubeadm's name for kpki expiration",
    flags: {
      ...EXPIRATION_FLAGS,
      kubeconfig: { ...KUBECONFIG_FLAGS.kubeconfig, about: "taken for kubeadm's sake: no cluster is asked" },
    },
  },
}
