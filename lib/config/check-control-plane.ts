import type { Cluster } from '../kubernetes/cluster.js'
import { MINORS } from '../kubernetes/versions.js'
import type { HostFlags } from './host-flags.js'
import type { ConfigProblem } from './problems.js'
import type { Description } from './resolve.js'
import type { Configuration } from './types.js'

/** What is judged. */
export interface ControlPlaneSubject {
  readonly description: Description & { readonly cluster: Cluster }
  readonly flags: HostFlags
  /** What file and flags say, without defaults. */
  readonly stated: Configuration
  /** The same with all defaults. */
  readonly configuration: Configuration
}

/** Everything that is wrong with a control plane, beyond what is wrong with its cluster. */
export function checkControlPlane({ description }: ControlPlaneSubject): readonly ConfigProblem[] {
  const { kubernetesVersion: version } = description.cluster
  if (version.minor <= MINORS.newest) return []
  return [
    {
      severity: 'error',
      code: 'KPKI_VERSION_UNSUPPORTED',
      field: 'kubernetesVersion',
      message: `${version.text} is not supported: 1.${MINORS.oldest} to 1.${MINORS.newest} are`,
    },
  ]
}
