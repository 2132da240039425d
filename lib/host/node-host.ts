import type { Host } from '../workflow/host.js'
import { NODE_FILES } from './node-files.js'
import { nodeSystem } from './node-system.js'
import type { Environment } from './proxy.js'

/** What the host that this runs on is seen with. */
export interface NodeHostOptions {
  /** e.g. `process.env`: `PATH`, `HTTPS_PROXY`, `NO_PROXY`; programs that are run are given it. */
  readonly env: Environment
}

/**
 * The host that this runs on, for phases and preflight checks.
 *
 * @example const host = nodeHost({ env: process.env })
 */
export function nodeHost({ env }: NodeHostOptions): Host {
  return { name: 'this host', system: nodeSystem(env), ...NODE_FILES }
}
