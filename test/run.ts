/**
 * Runs the unit tests, once with each crypto provider, and says at the end what was passed over and why.
 *
 * node --import tsx test/run.ts [part of a path]; KPKI_TEST_PROVIDER=platform|peculiar runs with that one only.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const only = process.argv[2] ?? ''

if (process.env['KPKI_TEST_PROVIDER'] === undefined) await runWithBothProviders()
else await runFiles()

async function runFiles(): Promise<void> {
  const here = fileURLToPath(new URL('.', import.meta.url))
  const files = (readdirSync(here, { recursive: true }) as string[])
    .filter(file => file.endsWith('.test.ts') && !file.startsWith('e2e') && file.includes(only))
    .sort()
  // As uvu's own runner does it: files register themselves, and are run when all are there.
  const registry = globalThis as { UVU_DEFER?: number; UVU_INDEX?: number; UVU_QUEUE?: unknown[][] }
  registry.UVU_DEFER = 1
  // uvu 0.5.6 prints an error's `details` by splitting them into lines, and ends the whole file without a word when they are
  // no text; ours are an object.
  Object.defineProperty(Object.prototype, 'split', { value: splitDetails, configurable: true, writable: true })
  const { exec } = await import('uvu')
  for (const [index, file] of files.entries()) {
    registry.UVU_INDEX = index
    registry.UVU_QUEUE?.push([file])
    await import(pathToFileURL(join(here, file)).href)
  }
  await exec()
  const { skipped } = await import('./support/skip.js')
  for (const reason of skipped) process.stdout.write(`  skipped: ${reason}\n`)
}

function splitDetails(this: unknown): string[] {
  return JSON.stringify(this, undefined, 2).split('\n')
}

async function runWithBothProviders(): Promise<void> {
  const sums = { passed: 0, failed: 0, skipped: 0 }
  // Side by side: there are two of them, and hardly a machine with fewer cores.
  const runs = await Promise.all(['platform', 'peculiar'].map(runChild))
  for (const { provider, output, status } of runs) {
    process.stdout.write(`\n=== crypto provider: ${provider}\n${output}`)
    const count = (label: string) => Number(new RegExp(`^\\s*${label}:\\s+(\\d+)`, 'm').exec(output)?.[1] ?? 0)
    const failed = count('Total') - count('Passed')
    sums.passed += count('Passed')
    sums.skipped += count('Skipped')
    // A run that died counts, even if no test of it failed.
    sums.failed += failed === 0 && status !== 0 ? 1 : failed
  }
  process.stdout.write(`\n${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped\n`)
  process.exitCode = sums.failed === 0 && sums.passed > 0 ? 0 : 1
}

function runChild(provider: string): Promise<{ provider: string; output: string; status: number | null }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), only], {
      env: { ...process.env, KPKI_TEST_PROVIDER: provider, FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('close', status => resolve({ provider, output, status }))
  })
}
