/** Lines for commands that are over at once: how much more than Node's own start they take. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execute, processes } from './run.js'
import { genAll } from './trees.js'
import type { Line, Place } from './types.js'

interface Row {
  readonly name: string
  readonly args: readonly string[]
  readonly limit?: number
  readonly aim?: number
}

/** TREE and CA stand for a tree that was made before, and for its ca.crt; PIN for its pin. */
const ROWS: readonly Row[] = [
  { name: 'help', args: ['--help'], limit: 2.5, aim: 1.6 },
  { name: 'version', args: ['--version'], limit: 2.5, aim: 1.6 },
  { name: 'hash', args: ['hash', 'CA'], limit: 2.5, aim: 1.6 },
  { name: 'hash-verify', args: ['hash', 'verify', 'PIN', '--ca-cert', 'CA'], limit: 2.5, aim: 1.6 },
  { name: 'completion', args: ['completion', 'bash'], limit: 2.5, aim: 1.6 },
  { name: 'token-generate', args: ['token', 'generate'], limit: 2.5, aim: 1.6 },
  { name: 'certs-key', args: ['certs', 'key'], limit: 2.5, aim: 1.6 },
  { name: 'inspect', args: ['inspect', 'TREE'] },
]

/** How they are called in words. */
const WORDS: Readonly<Record<string, string>> = { TREE: 'TREE (made by gen all)', CA: 'ca.crt', PIN: 'PIN' }

/** Commands against `node -e 0`. */
export const START_LINES: readonly Line[] = ROWS.map(({ name, args, limit, aim }) => ({
  name: `start-${name}`,
  part: 'start',
  a: `kpki ${args.map(word => WORDS[word] ?? word).join(' ')}: the whole process`,
  b: 'node -e 0',
  ...(limit === undefined ? {} : { limit }),
  ...(aim === undefined ? {} : { aim }),
  pairs: 21,
  prepare: async place => {
    const values: Readonly<Record<string, string>> = treeOf(place)
    const command = [process.execPath, place.kpki, ...args.map(word => values[word] ?? word)]
    try {
      execute(place.dir, command)
    } catch (error) {
      if (error instanceof Error && error.message.includes('there is no command')) return 'kpki has no such command yet'
      throw error
    }
    return {
      a: processes(place.dir, () => [command]),
      b: processes(place.dir, () => [[process.execPath, '-e', '0']]),
    }
  },
}))

/** A tree to look at, made once. */
export function treeOf(place: Place): Readonly<Record<'TREE' | 'CA' | 'PIN', string>> {
  const tree = join(place.dir, 'tree')
  const ca = join(tree, 'pki/ca.crt')
  if (!existsSync(ca)) {
    execute(place.dir, genAll(place, tree, 'ECDSA-P256'))
  }
  const pin = execute(place.dir, [process.execPath, place.kpki, 'hash', ca]).trim()
  return { TREE: tree, CA: ca, PIN: pin }
}
