import type { Context } from '../../context.js'
import type { DifferenceName } from '../../kubernetes/differences.js'
import type { Host, HostSystem } from '../host.js'
import type { HostRecord } from '../record.js'
import type { PreflightSubject } from './subject.js'

/** What a host is about to become. */
export const PREFLIGHT_ROLES = ['init', 'join-control-plane', 'join-worker'] as const
/** What a host is about to become, e.g. `init`. */
export type PreflightRole = (typeof PREFLIGHT_ROLES)[number]

/** What stands in the way, or may. */
export interface PreflightFinding {
  readonly severity: 'error' | 'warning'
  /** One sentence, with what was found. */
  readonly message: string
  /** How to mend it. */
  readonly hint: string
}

/** What looking came to. */
export interface PreflightVerdict {
  /** None: all is well. */
  readonly findings: readonly PreflightFinding[]
  /** Why it is well although it does not look so, e.g. that a file is this run's own. Default: nothing is to be said */
  readonly note?: string
}

/** What a check of files looks at. */
export interface PreflightFiles {
  readonly host: Host
  /** `undefined`: a directory stands for the host */
  readonly system: HostSystem | undefined
  readonly subject: PreflightSubject
  readonly context: Context
  /** What earlier runs have made. */
  readonly made: HostRecord
}

/** What a check looks at. */
export interface PreflightSurroundings extends PreflightFiles {
  readonly system: HostSystem
}

/**
 * One thing to look at, e.g. one port.
 *
 * @typeParam Around - what it wants to know
 */
export interface PreflightProbe<Around = PreflightSurroundings> {
  /** As `--ignore-preflight-errors` takes it, e.g. `Port-6443`. */
  readonly name: string
  /** Looks, and says what it came to. */
  readonly look: (surroundings: Around) => Promise<PreflightVerdict> | PreflightVerdict
}

/** A preflight check: looks at a host, and changes nothing on it. */
export type PreflightCheck = PreflightFacts & (PreflightCheckOfFiles | PreflightCheckOfSystem)

/** Looks at files alone, and so at a directory that stands for a host, too. */
export interface PreflightCheckOfFiles {
  readonly isOfFiles: true
  /** What there is to look at for a subject, in order. */
  readonly probes: (subject: PreflightSubject) => readonly PreflightProbe<PreflightFiles>[]
}

/** Asks the host for more. */
export interface PreflightCheckOfSystem {
  readonly isOfFiles?: false
  /** What there is to look at for a subject, in order. */
  readonly probes: (subject: PreflightSubject) => readonly PreflightProbe[]
}

/** What is told of a check. */
export interface PreflightFacts {
  /** Its name, or how its names are made, e.g. `Port-N`. */
  readonly name: string
  /** What it looks for, one line. */
  readonly about: string
  /** How bad its findings are at most. */
  readonly severity: 'error' | 'warning'
  /** Whose check and name it is. */
  readonly origin: 'kubeadm' | 'kpki'
  /** How to mend it, one line. */
  readonly mend: string
  readonly roles: readonly PreflightRole[]
  /** The versions that have it. Default: all */
  readonly versions?: DifferenceName
}

/** All is well. */
export function well(note?: string): PreflightVerdict {
  return { findings: [], ...(note === undefined ? {} : { note }) }
}

/** Something is in the way. */
export function error(message: string, hint: string): PreflightVerdict {
  return { findings: [{ severity: 'error', message, hint }] }
}

/** Something may be in the way. */
export function warning(message: string, hint: string): PreflightVerdict {
  return { findings: [{ severity: 'warning', message, hint }] }
}

/** All findings of several looks. */
export function together(verdicts: readonly PreflightVerdict[]): PreflightVerdict {
  const notes = verdicts.flatMap(({ note }) => note ?? [])
  return {
    findings: verdicts.flatMap(({ findings }) => findings),
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  }
}

/** How a path stands in a check's name: as kubeadm makes it, every slash a dash. */
export function dashed(path: string): string {
  return path.replaceAll('/', '-')
}

/** All roles that have a control plane. */
export const CONTROL_PLANE_ROLES: readonly PreflightRole[] = ['init', 'join-control-plane']
