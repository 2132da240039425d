/**
 * Builds dist/: the library as it is, file by file, and the command line as one bundle with a chunk for what only some
 * commands need. Node reads a few small files instead of several hundred, which is most of the time that a command takes.
 *
 * node --import tsx tools/build.ts
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

rmSync('dist', { recursive: true, force: true })
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
// What the bundle holds; nobody can import it, and it would be read in its place by mistake.
for (const path of ['dist/lib/cli', 'dist/bin']) rmSync(path, { recursive: true, force: true })

await build({
  entryPoints: ['bin/kpki.ts'],
  outdir: 'dist/bin',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Names stay, for stack traces; comments and spaces are nothing that Node should read at every start.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  // Of yargs only its parser is used, which is this package; the rest of it would be loaded for nothing.
  alias: { 'yargs/helpers': 'yargs-parser' },
  logLevel: 'warning',
})
chmodSync('dist/bin/kpki.js', 0o755)
