/**
 * Builds the page into `dist/` beside this file: three files for any static server, or to be opened from a disk.
 *
 * npm run build && node --import tsx examples/browser/build.ts
 */
import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))

/** The files of the page, and nothing else. */
export const PAGE_FILES = ['index.html', 'page.js', 'style.css'] as const

/**
 * Builds the page.
 *
 * @param out - directory for it, emptied first
 * @returns the modules that are in it, as paths from the working directory
 */
export async function buildPage(out: string): Promise<readonly string[]> {
  await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  // A classic script: browsers load no modules from a disk.
  const { metafile } = await build({
    entryPoints: [join(here, 'main.ts')],
    outfile: join(out, 'page.js'),
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2023',
    legalComments: 'eof',
    metafile: true,
    logLevel: 'warning',
    // `kpki` is the package as it is published, not its source as for the type check.
    tsconfigRaw: {},
  })
  for (const file of ['index.html', 'style.css']) await cp(join(here, file), join(out, file))
  return Object.keys(metafile.inputs)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const out = join(here, 'dist')
  await buildPage(out)
  // Whoever serves it, or gets it from somebody, can compare.
  for (const file of PAGE_FILES) {
    const digest = createHash('sha256').update(await readFile(join(out, file)))
    process.stdout.write(`${digest.digest('hex')}  ${join(out, file)}\n`)
  }
}
