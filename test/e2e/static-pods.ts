/** Static Pods as processes: what {@link startStandIn} starts on a node is `stand-in.ts`, which says there what it does. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './host.js'
import type { Node } from './node.js'
import { kube } from './programs.js'

/** A static Pod, as the stand-in has it. */
export interface PodState {
  /** `undefined` while it does not run. */
  readonly pid: number | undefined
  readonly restarts: number
  /** Its startup probe has succeeded. */
  readonly hasStarted: boolean
  readonly isReady: boolean
  /** What keeps it from being run as it is written. */
  readonly problems: readonly string[]
}

/** What the stand-in has seen. */
export interface StandInState {
  /** Counts on while it lives. */
  readonly beats: number
  readonly isRegistered: boolean
  readonly pods: Readonly<Record<string, PodState>>
}

const SCRIPT = fileURLToPath(new URL('stand-in.ts', import.meta.url))
const LOADER = import.meta.resolve('tsx')

/** Starts it. Ends with the node, or by `node.host.stop('kubelet')`, and its processes with it. */
export function startStandIn(node: Node): void {
  const programs = join(kube('kubelet'), '..')
  node.host.daemon('kubelet', process.execPath, ['--import', LOADER, SCRIPT, programs, stateFile(node)])
}

/** What it sees; throws before it has seen anything. */
export function standInState(node: Node): StandInState {
  if (!existsSync(stateFile(node))) throw new Error(`nothing seen yet: ${node.host.log('kubelet')}`)
  return JSON.parse(readFileSync(stateFile(node), 'utf8')) as StandInState
}

/** Waits until static Pods are ready. */
export function podsReady(node: Node, names: readonly string[], seconds = 60): Promise<void> {
  return until(`${names.join(', ')} are ready`, seconds, () => {
    const { pods } = standInState(node)
    const waiting = names.filter(name => !pods[name]?.isReady)
    if (waiting.length > 0) throw new Error(`${waiting.join(', ')}: ${JSON.stringify(pods)}`)
  })
}

const stateFile = (node: Node) => join(node.host.data, 'stand-in.json')
