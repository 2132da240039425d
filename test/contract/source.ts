/** The source files of kpki, and what they import. */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

const root = new URL('../../', import.meta.url)

/** A file of the repository as text. */
export const readText = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** Paths of all TypeScript files below a directory, e.g. `lib/x509/issue.ts`. */
export const filesBelow = (directory: string): string[] =>
  (readdirSync(new URL(directory, root), { recursive: true }) as string[])
    .map(path => `${directory}${path.replaceAll('\\', '/')}`)
    .filter(path => path.endsWith('.ts'))
    .sort()

/** Source without comments; strings stay. */
export const codeOf = (path: string): string => readText(path).replace(/\/\*[\s\S]*?\*\/|(^|[^:'"`])\/\/[^\n]*/g, '$1')

/**
 * What a file imports: static, for side effects, re-exported, and on demand; own files as paths from the root.
 *
 * @param kind - `loaded`: only what is there when the file is run, neither types alone nor what is imported on demand
 */
export function importsOf(path: string, kind: 'all' | 'loaded' = 'all'): string[] {
  const code = codeOf(path)
  const source = kind === 'all' ? code : code.replace(/\b(import|export) type\b[^'\n]*(\{[^}]*\})?[^'\n]*'[^']+'/g, '')
  const found = source.matchAll(/\bfrom\s+'([^']+)'|\bimport\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g)
  return [...found].flatMap(([, from, bare, onDemand]) => {
    const name = from ?? bare ?? (kind === 'all' ? onDemand : undefined)
    if (name === undefined) return []
    return name.startsWith('.') ? posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts') : name
  })
}
