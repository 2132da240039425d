/** The documents of the repository. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fillMarks } from './markdown.js'
import { TABLES } from './tables.js'

/** The root of the repository, with a final slash. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Paths of all Markdown documents for readers, from the root: those at the top, below docs/ and below examples/. */
export function documentPaths(): readonly string[] {
  const below = (dir: string) =>
    readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })
      .map(path => `${dir}/${path.replaceAll('\\', '/')}`)
      .filter(path => path.endsWith('.md') && !path.includes('/node_modules/') && !path.startsWith('docs/api/'))
      .sort()
  return [
    ...readdirSync(ROOT)
      .filter(name => name.endsWith('.md'))
      .sort(),
    ...below('docs'),
    ...below('examples'),
  ]
}

/** A document as it is. */
export const readDocument = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Documents whose tables are not those that the code makes now: path to what it should hold. */
export function staleDocuments(): ReadonlyMap<string, string> {
  const stale = new Map<string, string>()
  for (const path of documentPaths()) {
    const text = readDocument(path)
    const current = fillMarks(text, TABLES)
    if (current !== text) stale.set(path, current)
  }
  return stale
}
