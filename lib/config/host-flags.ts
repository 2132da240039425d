import { hostDocument } from './facts.js'
import type { Configuration } from './types.js'

/** A flag that says something about a host beyond the facts of its cluster. */
export interface HostFlagRow {
  readonly flag: string
  /** Its place in ClusterConfiguration. Default: it stands in the document of the host */
  readonly clusterPath?: readonly (string | number)[]
  /** Its place in InitConfiguration. */
  readonly path?: readonly (string | number)[]
  /** Its place in JoinConfiguration. Default: the same as in InitConfiguration */
  readonly joinPath?: readonly (string | number)[]
  /** It may be repeated, and commas separate. */
  readonly isList?: true
  /** Never to be shown; the command line takes it from files, too. */
  readonly isSecret?: true
}

/** kubeadm's flags of `init` that are no facts of a cluster (those are FACT_FLAGS), and the field that each one says. */
export const HOST_FLAG_ROWS = {
  imageRepository: { flag: '--image-repository', clusterPath: ['imageRepository'] },
  criSocket: { flag: '--cri-socket', path: ['nodeRegistration', 'criSocket'] },
  patchesDir: { flag: '--patches', path: ['patches', 'directory'] },
  skipPhases: { flag: '--skip-phases', path: ['skipPhases'], isList: true },
  ignorePreflightErrors: {
    flag: '--ignore-preflight-errors',
    path: ['nodeRegistration', 'ignorePreflightErrors'],
    isList: true,
  },
  token: { flag: '--token', path: ['bootstrapTokens', 0, 'token'], isSecret: true },
  tokenTtl: { flag: '--token-ttl', path: ['bootstrapTokens', 0, 'ttl'] },
  certificateKey: {
    flag: '--certificate-key',
    path: ['certificateKey'],
    joinPath: ['controlPlane', 'certificateKey'],
    isSecret: true,
  },
} as const satisfies Readonly<Record<string, HostFlagRow>>

/** What a flag of {@link HOST_FLAG_ROWS} is called in code. */
export type HostFlagName = keyof typeof HOST_FLAG_ROWS

/** Values of flags: text, or a list where a flag may be repeated; commas separate as well. An empty text says nothing. */
export type HostFlags = { readonly [Name in HostFlagName]?: string | readonly string[] }

/** Where the value of a flag stands in a configuration. */
export function hostFlagPlace(
  name: HostFlagName,
  configuration: Configuration,
): {
  readonly kind: 'ClusterConfiguration' | 'InitConfiguration' | 'JoinConfiguration'
  readonly path: readonly (string | number)[]
} {
  const row: HostFlagRow = HOST_FLAG_ROWS[name]
  if (row.clusterPath) return { kind: 'ClusterConfiguration', path: row.clusterPath }
  const kind = hostDocument(configuration)
  const path = (kind === 'JoinConfiguration' ? row.joinPath : undefined) ?? row.path ?? []
  return { kind, path }
}

/** The text of a flag; `undefined` when it was not given or is empty. */
export function flagText(flags: HostFlags, name: HostFlagName): string | undefined {
  const value = flags[name]
  const text = typeof value === 'string' ? value : value?.join(',')
  return text === '' ? undefined : text
}

/** The items of a flag that is a list; `undefined` when it was not given. */
export function flagItems(flags: HostFlags, name: HostFlagName): readonly string[] | undefined {
  const value = flags[name]
  if (value === undefined) return undefined
  const items = (typeof value === 'string' ? [value] : value).flatMap(text => text.split(','))
  return items.map(item => item.trim()).filter(item => item !== '')
}
