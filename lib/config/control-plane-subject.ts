import type { IpAddress } from '../crypto/ip.js'
import type { Cluster } from '../kubernetes/cluster.js'
import type { YamlPath } from '../yaml.js'
import { hostDocument } from './facts.js'
import type { HostFlags } from './host-flags.js'
import type { ConfigCode } from './problems.js'
import type { Description } from './resolve.js'
import type { KubeadmKind } from './schema.js'
import type { Configuration } from './types.js'

/** What is judged. */
export interface ControlPlaneSubject {
  readonly description: Description & { readonly cluster: Cluster }
  readonly flags: HostFlags
  /** The advertise address; `undefined`: it is another host's, and nobody has said it. */
  readonly address: IpAddress | undefined
  /** What file and flags say, without defaults. */
  readonly stated: Configuration
  /** The same with all defaults. */
  readonly configuration: Configuration
}

/** Takes a problem with the value at a path of a document; its place is added. */
export type ReportAt = (
  severity: 'error' | 'warning',
  at: { readonly kind: KubeadmKind; readonly path: YamlPath },
  message: string,
  options?: { readonly hint?: string; readonly code?: ConfigCode },
) => void

/** Judges one side of a control plane. */
export type ControlPlaneCheck = (subject: ControlPlaneSubject, report: ReportAt) => void

/** The document that describes this host. */
export function hostKind({ configuration }: ControlPlaneSubject): 'InitConfiguration' | 'JoinConfiguration' {
  return hostDocument(configuration)
}
