import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { hasTool, skipped } from '../support/skip.js'
import { whyNoHosts } from './host.js'

const folder = process.env['KUBE_BINARIES']

/** Path of one of Kubernetes' programs. */
export function kube(program: string): string {
  if (!folder) throw new Error('KUBE_BINARIES is not set')
  return join(folder, program)
}

interface Tests {
  (name: string, handler: () => void | Promise<void>): void
  skip(): void
}

/** What is missing for a test that needs hosts and these programs; Kubernetes' own are looked for in KUBE_BINARIES. */
export function missing(programs: readonly string[]): string | undefined {
  const noHosts = whyNoHosts()
  if (noHosts) return noHosts
  return programs.map(whyNot).find(reason => reason !== undefined)
}

/** Registers a test; without what it needs it is counted as skipped, with the reason. */
export function testWithAll(
  programs: readonly string[],
  tests: Tests,
  name: string,
  handler: () => Promise<void>,
): void {
  const reason = missing(programs)
  if (reason === undefined) {
    tests(name, handler)
    return
  }
  skipped.push(`${name} (${reason})`)
  tests.skip()
}

function whyNot(program: string): string | undefined {
  if (!/^kube/.test(program)) return hasTool(program) ? undefined : `needs ${program}`
  if (!folder) return `needs ${program}: KUBE_BINARIES is not set`
  try {
    accessSync(join(folder, program), constants.X_OK)
    return undefined
  } catch {
    return `needs ${program}: not in ${folder}`
  }
}
