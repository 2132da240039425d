import { formatMode } from '../tree/layout.js'
import type { Draft, DraftPair } from './draft.js'
import type { FileContents } from './links.js'
import type { InspectedKubeconfig, InspectInput, Place } from './types.js'

/** How files of certificates are called beside files of keys: kubeadm and openssl, cfssl, certbot and others. */
const KEY_NAMES: readonly (readonly [key: RegExp, certificates: readonly string[]])[] = [
  [/-key\.pem$/, ['.pem', '.crt', '-cert.pem']],
  [/\.key\.pem$/, ['.crt.pem', '.cert.pem', '.pem', '.crt']],
  [/\.key$/, ['.crt', '.pem', '.cer', '.cert']],
]

/** Names that the certificate of a file of keys may have, the likeliest first. */
export function certificateNames(key: string): readonly string[] {
  const [pattern, endings] = KEY_NAMES.find(([name]) => name.test(key)) ?? []
  return (endings ?? []).map(ending => key.replace(pattern ?? '', ending))
}

/** Remarks on keys that do not go with what stands beside them, and on secrets that others can read. */
export function remarkOnFiles(
  { kubeconfigs }: { readonly kubeconfigs: readonly InspectedKubeconfig[] },
  files: readonly FileContents[],
  draft: Draft,
): void {
  const byName = new Map(files.map(file => [file.input.name, file]))
  for (const file of files) {
    const pair = pairOf(file, byName, draft)
    if (pair) remarkOnPair(pair, draft)
    remarkOnPublicKey(file, byName, draft)
  }
  for (const pair of draft.pairs) remarkOnPair(pair, draft)
  for (const { input, contents } of files) {
    const { name, mode = 0 } = input
    if ((mode & 0o002) !== 0 && contents.isAny)
      draft.remark(
        'mode-writable',
        { file: name, part: undefined },
        `has mode ${formatMode(mode)}: everybody can change it`,
        {
          hint: 'chmod o-w it, and look whether it is still what it was',
        },
      )
  }
  const secrets = secretFiles(kubeconfigs, draft)
  for (const { input } of files) remarkOnMode(input, secrets.get(input.name), draft)
  for (const { kind, type, places, publicKeyHash } of draft.keys) {
    const isShort = type?.kind === 'RSA' && type.modulusBits < 2048
    const isOfCertificate = draft.certificates.some(found => found.publicKeyHash === publicKeyHash)
    const [place] = places
    if (place && isShort && !isOfCertificate && kind === 'private')
      draft.remark('key-weak', place, `has ${type.modulusBits} bits`)
  }
}

/** The certificates that a file's key should belong to: in the same file, or in one beside it. */
function pairOf(
  { input, contents }: FileContents,
  byName: ReadonlyMap<string, FileContents>,
  draft: Draft,
): DraftPair | undefined {
  const keys = contents.keys.filter(index => draft.keys[index]?.kind === 'private')
  if (keys.length === 0) return undefined
  const place = { file: input.name, part: undefined }
  if (contents.certificates.length > 0)
    return { certificates: contents.certificates, keys, place, wanted: 'the certificate in the same file' }
  for (const name of certificateNames(input.name)) {
    const beside = byName.get(name)
    if (beside && beside.contents.certificates.length > 0)
      return { certificates: beside.contents.certificates, keys, place, wanted: beside.input.name }
  }
  return undefined
}

function remarkOnPair({ certificates, keys, place, wanted }: DraftPair, draft: Draft): void {
  const hashes = keys.map(index => draft.keys[index]?.publicKeyHash)
  // An encrypted key may be the right one.
  if (hashes.includes(undefined)) return
  if (certificates.some(index => hashes.includes(draft.certificates[index]?.publicKeyHash))) return
  const places = draft.certificates.find(({ publicKeyHash }) => hashes.includes(publicKeyHash))?.places
  const owner = places?.find(({ part }) => part === undefined) ?? places?.[0]
  const other =
    owner === undefined || owner.file === place.file
      ? ''
      : `, but of ${owner.part === undefined ? '' : 'a certificate in '}${owner.file}`
  draft.remark('key-mismatch', place, `is not the key of ${wanted}${other}`, {
    hint: 'put the right key beside it, or have both made anew',
  })
}

/** `sa.pub` beside `sa.key`. */
function remarkOnPublicKey(
  { input, contents }: FileContents,
  byName: ReadonlyMap<string, FileContents>,
  draft: Draft,
): void {
  if (!input.name.endsWith('.pub')) return
  const beside = byName.get(input.name.replace(/\.pub$/, '.key'))
  const hashes = (indexes: readonly number[] | undefined, kind: 'private' | 'public') =>
    (indexes ?? []).flatMap(index => {
      const key = draft.keys[index]
      return key?.kind === kind && key.publicKeyHash !== undefined ? [key.publicKeyHash] : []
    })
  const [own, others] = [hashes(contents.keys, 'public'), hashes(beside?.contents.keys, 'private')]
  if (own.length === 0 || others.length === 0 || own.some(hash => others.includes(hash))) return
  draft.remark(
    'public-key-mismatch',
    { file: input.name, part: undefined },
    `is not the public half of ${beside?.input.name}`,
    {
      hint: 'move it away and run kpki gen sa, which derives it from the key',
    },
  )
}

/** Files that hold a secret: which one, in words. */
function secretFiles(kubeconfigs: readonly InspectedKubeconfig[], draft: Draft): Map<string, string> {
  const secrets = new Map<string, string>([...draft.valueFiles].map(file => [file, 'Secret']))
  for (const { place, users } of kubeconfigs) {
    const method = users.flatMap(({ methods }) => methods).find(name => name === 'token' || name === 'basic')
    if (method !== undefined) secrets.set(place.file, method === 'token' ? 'token' : 'password')
  }
  for (const { kind, isEncrypted, places } of draft.keys) {
    if (kind === 'private' && !isEncrypted) for (const { file } of places) secrets.set(file, 'private key')
  }
  return secrets
}

function remarkOnMode({ name, mode }: InspectInput, secret: string | undefined, draft: Draft): void {
  if (secret === undefined || mode === undefined || (mode & 0o077) === 0) return
  const place: Place = { file: name, part: undefined }
  const who = (mode & 0o007) !== 0 ? 'everybody' : 'the group'
  if (/\.(crt|cer|pub)$/.test(name) && (mode & 0o004) !== 0) {
    draft.remark('secret-exposed', place, `holds a ${secret}, and is a public file (mode ${formatMode(mode)})`, {
      hint: 'take the key out of it, and consider it known',
    })
    return
  }
  draft.remark('mode-open', place, `has mode ${formatMode(mode)}: its ${secret} is open to ${who}`, {
    hint: 'chmod 600 it',
  })
}
