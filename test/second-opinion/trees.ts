import { generateKeyPair, type KeyObject } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  type ClusterFacts,
  type Context,
  generateTree,
  type KeyParameters,
  MemoryStore,
  parseCluster,
  type RawKeyPair,
  type Role,
  rowsOf,
} from '../../lib/index.js'
import { testContext } from '../support/context.js'

/** Files by tree path. */
export type Files = ReadonlyMap<string, string>

/** Both halves, as generateKeyPair hands them to its callback. */
function toRaw(resolve: (pair: RawKeyPair) => void, reject: (error: Error) => void) {
  return (error: Error | null, publicKey: KeyObject, privateKey: KeyObject) => {
    if (error) return reject(error)
    resolve({
      pkcs8: privateKey.export({ type: 'pkcs8', format: 'der' }),
      spki: publicKey.export({ type: 'spki', format: 'der' }),
    })
  }
}

/** RSA keys take seconds to make; so a few of each size go round. */
const POOL: Readonly<Record<number, number>> = { 2048: 5, 3072: 3, 4096: 2 }
const pools = new Map<number, Promise<readonly RawKeyPair[]>>()
let turn = 0

/** Key pairs by node:crypto, RSA out of a pool, EC ones always new. */
export async function pooledKeyPair(parameters: KeyParameters): Promise<RawKeyPair> {
  if (parameters.name === 'ECDSA') {
    const { namedCurve } = parameters
    return new Promise((resolve, reject) => generateKeyPair('ec', { namedCurve }, toRaw(resolve, reject)))
  }
  const { modulusLength } = parameters
  const make = () =>
    new Promise<RawKeyPair>((resolve, reject) =>
      generateKeyPair('rsa', { modulusLength, publicExponent: 0x10001 }, toRaw(resolve, reject)),
    )
  const pool = pools.get(modulusLength) ?? Promise.all(Array.from({ length: POOL[modulusLength] ?? 2 }, make))
  pools.set(modulusLength, pool)
  const pairs = await pool
  return pairs[turn++ % pairs.length] as RawKeyPair
}

/** Makes a whole tree in memory. */
export async function makeTree(
  facts: ClusterFacts,
  overrides: Partial<Context> = {},
  role: Role = 'init',
): Promise<Files> {
  const context = testContext(overrides)
  const cluster = parseCluster(facts, context)
  const store = new MemoryStore()
  await generateTree(rowsOf(cluster, role), cluster, store, context, { role })
  const decoder = new TextDecoder()
  return new Map([...store.files].map(([path, { bytes }]) => [path, decoder.decode(bytes)]))
}

/** A tree that lies on disk. */
export function readTree(dir: string): Files {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => !entry.isDirectory())
  const paths = entries.map(entry => join(entry.parentPath, entry.name))
  return new Map(paths.map(path => [path.slice(dir.length + 1), readFileSync(path, 'utf8')]))
}

/** A file of a tree, which must be there. */
export function fileOf(files: Files, path: string): string {
  const text = files.get(path)
  if (text === undefined) throw new Error(`${path} was not made; there are ${[...files.keys()].join(', ')}`)
  return text
}

/** A field of a kubeconfig, decoded. */
export function fieldOf(kubeconfig: string, field: string): string {
  const value = new RegExp(`^ *${field}: ([A-Za-z0-9+/=]+)$`, 'm').exec(kubeconfig)?.[1]
  if (value === undefined) throw new Error(`no ${field}`)
  return Buffer.from(value, 'base64').toString()
}

/** Writes a tree to disk for programs that want files. */
export function spread(files: Files, dir: string): string {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text, { mode: 0o600 })
  }
  return dir
}
