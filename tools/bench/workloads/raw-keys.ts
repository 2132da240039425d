// The key pairs of a tree and nothing else: node raw-keys.mjs rsa|ec COUNT
import { generateKeyPair } from 'node:crypto'

const [kind, count] = process.argv.slice(2)
const encodings = {
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
} as const
const fail = (error: Error | null): void => {
  if (error) throw error
}
for (let made = 0; made < Number(count); made++) {
  if (kind === 'rsa') generateKeyPair('rsa', { modulusLength: 2048, publicExponent: 65537, ...encodings }, fail)
  else generateKeyPair('ec', { namedCurve: 'P-256', ...encodings }, fail)
}
