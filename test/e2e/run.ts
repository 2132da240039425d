/**
 * Runs the end-to-end tests: the built CLI against real programs and file systems. Linux and root; the folder with the
 * Kubernetes programs is named by KUBE_BINARIES. What is missing is skipped, and says so.
 *
 * node --import tsx test/e2e/run.ts [part of a file name]
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const files = readdirSync(here)
  .filter(file => file.endsWith('.test.ts') && file.includes(process.argv[2] ?? ''))
  .sort()
// As uvu's own runner does it: files register themselves, and are run when all are there, one after the other.
const registry = globalThis as { UVU_DEFER?: number; UVU_INDEX?: number; UVU_QUEUE?: unknown[][] }
registry.UVU_DEFER = 1
const { exec } = await import('uvu')
for (const [index, file] of files.entries()) {
  registry.UVU_INDEX = index
  registry.UVU_QUEUE?.push([file])
  await import(pathToFileURL(join(here, file)).href)
}
// No test may hang for ever; nobody is served by a pipeline that ends hours later without a word.
const timer = setTimeout(() => {
  process.stderr.write('end-to-end tests: not done within 40 minutes\n')
  process.exit(1)
}, 40 * 60_000)
await exec()
const { skipped } = await import('../support/skip.js')
for (const reason of skipped) process.stdout.write(`  skipped: ${reason}\n`)
clearTimeout(timer)
// Whatever a failed test has left running ends with this process.
process.exit()
