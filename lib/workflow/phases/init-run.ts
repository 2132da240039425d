import type { BootstrapTokenSpec } from '../../access/bootstrap-token-spec.js'
import type { CertificateKey } from '../../access/certificate-key.js'
import type { ControlPlane } from '../../config/control-plane.js'
import type { HostTraits } from '../../render/host-file.js'
import type { Patch } from '../../render/patch.js'

/** A bootstrap token of an `init`. */
export interface InitToken extends BootstrapTokenSpec {
  /**
   * Nobody has named it: it is another one in each run. Where the cluster still has one that an earlier run has made so, that one
   * stays, and no other is made: see `tokensInForce`. Default: it was named
   */
  readonly isRandom?: boolean
}

/** The facts of one `init`: everything that its phases are planned from. */
export interface InitRun {
  readonly controlPlane: ControlPlane
  readonly traits: HostTraits
  /** In the order in which they apply. */
  readonly patches: readonly Patch[]
  /** How etcd and the control plane are run: by the kubelet, or by systemd. */
  readonly as: 'static-pods' | 'systemd'
  /** Secrets. */
  readonly tokens: readonly InitToken[]
  /** Put the shared files into the cluster, encrypted with this key (a secret). `undefined`: do not */
  readonly uploadCerts: CertificateKey | undefined
  /** Replace files that an earlier run has made and nobody has changed since. */
  readonly overwrite: boolean
  /** The moment of the run. */
  readonly now: Date
}
