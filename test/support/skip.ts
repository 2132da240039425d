import { spawnSync } from 'node:child_process'

/** What was passed over, and why; printed at the end of a run. */
export const skipped: string[] = []

interface Tests {
  (name: string, handler: () => void | Promise<void>): void
  skip(): void
}

/** Registers a test that needs a program on PATH; without it the test is counted as skipped, with the reason. */
export function testWith(tool: string, tests: Tests, name: string, handler: () => void | Promise<void>): void {
  if (hasTool(tool)) tests(name, handler)
  else {
    skipped.push(`${name} (needs ${tool})`)
    tests.skip()
  }
}

/** Whether a program is on PATH. */
export function hasTool(tool: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0
}
