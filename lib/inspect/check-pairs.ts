import { type Finding, finding } from '../audit/rules.js'
import { directoryOf } from './links.js'
import { certificateNames } from './remarks-files.js'

/** What a file holds, by the hash of public keys. */
export interface FileKeys {
  readonly certificates: readonly string[]
  /** Private keys; `undefined` for one that cannot be told: encrypted, or of an unusual type. */
  readonly keys: readonly (string | undefined)[]
  readonly publicKeys: readonly string[]
}

/**
 * Holds keys against the certificates beside them, by their names: `x.crt` and `x.key`, `x.pem` and `x-key.pem`, `sa.pub` and
 * `sa.key`. Files come one by one; only those of one directory are kept in mind.
 */
export class PairSearch {
  #directory = ''
  #certificates = new Map<string, readonly string[]>()
  #keys = new Map<string, FileKeys['keys']>()
  /** Files with keys, by the names that their certificates may have. */
  #wanted = new Map<string, string[]>()

  /** Says what there is to say about a file and those before it. */
  take(file: string, found: FileKeys): Finding[] {
    const directory = directoryOf(file)
    if (directory !== this.#directory) {
      this.#directory = directory
      for (const map of [this.#certificates, this.#keys, this.#wanted]) map.clear()
    }
    const findings: Finding[] = []
    const { certificates, keys, publicKeys } = found
    if (keys.length > 0 && certificates.length === 0) {
      this.#keys.set(file, keys)
      const names = certificateNames(file)
      const beside = names.find(name => this.#certificates.has(name))
      if (beside !== undefined) findings.push(...mismatch(file, keys, beside, this.#certificates.get(beside) ?? []))
      else for (const name of names) this.#wanted.set(name, [...(this.#wanted.get(name) ?? []), file])
    }
    if (certificates.length > 0 && keys.length === 0) {
      this.#certificates.set(file, certificates)
      for (const key of this.#wanted.get(file) ?? [])
        findings.push(...mismatch(key, this.#keys.get(key) ?? [], file, certificates))
      this.#wanted.delete(file)
    }
    const key = file.replace(/\.pub$/, '.key')
    const others = this.#keys.get(key)
    if (key !== file && publicKeys.length > 0 && others && !others.includes(undefined)) {
      if (!publicKeys.some(hash => others.includes(hash)))
        findings.push(
          finding('public-key-mismatch', undefined, file, `is not the public half of ${key}`, {
            hint: `move it away and derive it: openssl pkey -in ${key} -pubout`,
          }),
        )
    }
    return findings
  }
}

function mismatch(
  key: string,
  keys: FileKeys['keys'],
  certificate: string,
  certificates: readonly string[],
): Finding[] {
  // An encrypted key may be the right one.
  if (keys.includes(undefined) || certificates.some(hash => keys.includes(hash))) return []
  return [
    finding('key-mismatch', undefined, key, `is not the key of ${certificate}`, {
      hint: 'put the right key beside it, or have both made anew',
    }),
  ]
}
