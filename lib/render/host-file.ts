import type { Bytes } from '../crypto/bytes.js'

/** A file that is to stand on a host. */
export interface HostFile {
  /** Absolute, e.g. `/etc/kubernetes/manifests/etcd.yaml`. */
  readonly path: string
  /** Permission bits. */
  readonly mode: number
  /** Of the directory that it stands in, where that is made for it. Default: 0755 */
  readonly directoryMode?: number
  readonly bytes: Bytes
  /** It holds a secret: not to be shown. Default: false */
  readonly isSecret?: boolean
}

/** What the files of a host depend on, beyond its description. */
export interface HostTraits {
  /** As the operating system has it. Default: the node's name */
  readonly hostname?: string
  /** Directories of trusted roots that the host has, of those in `OPTIONAL_CA_DIRS`. Default: none */
  readonly caDirs?: readonly string[]
  /** The unit systemd-resolved is active. Default: false */
  readonly usesSystemdResolved?: boolean
  /** Environment variables whose names end with `_proxy`. Default: none */
  readonly proxyEnv?: Readonly<Record<string, string>>
  /** The CA's private key is not there: somebody else signs. Default: false */
  readonly isExternalCa?: boolean
}
