import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** What a file is: mode, moment of its last change, and digest of its bytes; or where a link goes. */
export type Snapshot = Readonly<Record<string, string>>

/** All files below a directory, except what a pattern leaves out. */
export function snapshot(dir: string, without?: RegExp): Snapshot {
  const entries = (readdirSync(dir, { recursive: true }) as string[])
    .filter(path => !without?.test(path))
    .sort()
    .map(path => {
      const stats = lstatSync(join(dir, path))
      const mode = (stats.mode & 0o7777).toString(8)
      if (stats.isDirectory()) return [path, `directory ${mode}`]
      if (stats.isSymbolicLink()) return [path, `link to ${readlinkSync(join(dir, path))}`]
      const digest = createHash('sha256')
        .update(readFileSync(join(dir, path)))
        .digest('hex')
      return [path, `${mode} ${stats.ino} ${stats.mtimeMs} ${digest}`]
    })
  return Object.fromEntries(entries)
}

/** A field of a kubeconfig, decoded. */
export function fieldOf(kubeconfig: string, field: string): string {
  const value = new RegExp(`^ *${field}: ([A-Za-z0-9+/=]+)$`, 'm').exec(kubeconfig)?.[1]
  if (value === undefined) throw new Error(`no ${field}`)
  return Buffer.from(value, 'base64').toString()
}

/** A kubeconfig without what is in base64. */
export function shapeOf(kubeconfig: string): string {
  return kubeconfig.replace(/-data: [A-Za-z0-9+/=]+$/gm, '-data: …')
}

/** All files of a tree that hold a certificate, with it. */
export function certificatesOf(dir: string): ReadonlyMap<string, X509Certificate> {
  const found = new Map<string, X509Certificate>()
  for (const path of (readdirSync(dir, { recursive: true }) as string[]).sort()) {
    if (!/^(pki\/.*\.crt|[^/]*\.conf)$/.test(path)) continue
    const text = readFileSync(join(dir, path), 'utf8')
    // A kubelet.conf may point to the kubelet's own file.
    if (path.endsWith('.conf') && !text.includes('client-certificate-data')) continue
    found.set(path, new X509Certificate(path.endsWith('.conf') ? fieldOf(text, 'client-certificate-data') : text))
  }
  return found
}

/**
 * What is wrong with the files of a tree, taken for themselves: each must be whole, be readable by the right people, and be
 * of a piece with its key where that is there. A tree may lack files: that is what a killed run leaves.
 */
export function damageOf(dir: string): readonly string[] {
  const damage: string[] = []
  let paths: string[]
  try {
    paths = readdirSync(dir, { recursive: true }) as string[]
  } catch {
    return []
  }
  for (const path of paths.filter(path => !/(^|\/)\.[^/]*$/.test(path))) {
    const file = join(dir, path)
    const stats = lstatSync(file)
    if (stats.isDirectory()) continue
    const isSecret = /\.(key|conf|jsonl)$/.test(path)
    if (isSecret && (stats.mode & 0o077) !== 0) damage.push(`${path}: mode ${stats.mode.toString(8)}`)
    const text = readFileSync(file, 'utf8')
    try {
      if (path.endsWith('.key')) createPrivateKey(text)
      else if (path.endsWith('.crt')) {
        const certificate = new X509Certificate(text)
        const key = paths.includes(path.replace('.crt', '.key'))
          ? readFileSync(file.replace('.crt', '.key'), 'utf8')
          : undefined
        if (key === undefined) damage.push(`${path}: no key beside it`)
        else if (!certificate.checkPrivateKey(createPrivateKey(key))) damage.push(`${path}: key of another`)
      } else if (path.endsWith('.conf')) {
        const certificate = new X509Certificate(fieldOf(text, 'client-certificate-data'))
        if (!certificate.checkPrivateKey(createPrivateKey(fieldOf(text, 'client-key-data'))))
          damage.push(`${path}: key of another`)
        if (!text.endsWith('\n')) damage.push(`${path}: cut off`)
      }
      // A last line without its end is what a killed run may leave.
      for (const line of path.endsWith('.jsonl') ? text.split('\n').slice(0, -1) : []) if (line !== '') JSON.parse(line)
      if (/\.(key|crt|pub)$/.test(path) && !/-----END [A-Z ]+-----\n$/.test(text)) damage.push(`${path}: cut off`)
    } catch (error) {
      damage.push(`${path}: ${String(error)}`)
    }
  }
  return damage
}
