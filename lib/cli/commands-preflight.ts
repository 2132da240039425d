import { PREFLIGHT_ROLES } from '../index.js'
import type { Command } from './command.js'
import { CLOCK_FLAGS, COMMON_FLAGS, CONFIG_FLAGS, DESCRIPTION_FLAGS, type Flag, HOST_FLAGS } from './flags.js'

const PREFLIGHT_FLAGS = {
  only: {
    type: 'list',
    value: 'CHECKS',
    about: 'make these checks only, comma-separated, e.g. Port-6443,Swap; a row of the guide for all of its',
  },
  role: {
    type: 'string',
    choices: PREFLIGHT_ROLES,
    about: 'what the host is about to become (default init)',
  },
  as: {
    type: 'string',
    choices: ['static-pods', 'systemd'],
    about: 'how the control plane is to be run: its files are no obstacle (default static-pods)',
  },
  'ignore-preflight-errors': HOST_FLAGS['ignore-preflight-errors'],
  'cri-socket': HOST_FLAGS['cri-socket'],
  patches: HOST_FLAGS.patches,
  ...CONFIG_FLAGS,
  ...DESCRIPTION_FLAGS,
  ...CLOCK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Record<string, Flag>

/** Commands that look at a host before anything is made on it. */
export const PREFLIGHT_COMMANDS: Readonly<Record<string, Command>> = {
  preflight: {
    about: 'look whether this host can become a control plane; changes nothing',
    flags: PREFLIGHT_FLAGS,
    load: async () => (await import('./preflight.js')).runPreflightCommand,
    notes: [
      "The checks that kpki init begins with, by kubeadm's names and some of our own, all of them: each failing one says how to " +
        'mend it. A host where the same kpki init has run passes. No image is fetched, and no file is written.',
      'Exit status 0 when kpki init would go on, with warnings or without; 1 when a check has found an error.',
    ],
    examples: [
      ['sudo kpki preflight --config cluster.yaml', 'all that kpki init would look at with it'],
      ['sudo kpki preflight --ignore-preflight-errors NumCPU,Mem', 'on a small machine'],
      ['sudo kpki preflight -o json', 'for programs: every check with its state'],
    ],
  },
}
