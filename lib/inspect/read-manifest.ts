import { readKubeconfigEntries } from '../access/kubeconfig-entries.js'
import type { Context } from '../context.js'
import { decodeUtf8, parseBase64 } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'
import { MAX_INPUT_BYTES } from '../limits.js'
import { parseYamlStream, type YamlDocument } from '../yaml.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { type Contents, type Draft, INSPECT_LIMITS } from './draft.js'
import { looksLikeDer, readDer } from './read-der.js'
import { readKubeconfig } from './read-kubeconfig.js'
import { readPem } from './read-pem.js'
import type { Place } from './types.js'

const MAX_LISTS = 4

/** Takes in what a YAML or JSON text holds of kubeconfigs, Secrets, ConfigMaps and CertificateSigningRequests; whether there was any. */
export async function readDocuments(text: string, place: Place, draft: Draft, context: Context): Promise<boolean> {
  const isLarge = text.length > MAX_INPUT_BYTES
  const documents = isLarge ? parseLarge(text) : parseYamlStream(text, 'the text')
  const all = documents.flatMap(({ value }) => flatten(value, 0))
  const objects = all.slice(0, INSPECT_LIMITS.objects)
  let isAny = false
  if (objects.length < all.length) draft.remark('too-many', place, `has more than ${INSPECT_LIMITS.objects} objects`)
  for (const object of objects) {
    // Where there are several, each says which one it is.
    const name = objects.length > 1 ? nameOf(object) : undefined
    const own = { file: place.file, part: joinParts(place.part, name) }
    // Entries of a kubeconfig are looked up in each other, which takes the square of their number.
    if (isLarge && readKubeconfigEntries(object) && !KINDS.includes(identityOf(object).kind))
      throw new EncodingError('KPKI_INPUT_TOO_LARGE', 'the text is a kubeconfig of more than 1 MiB', {
        hint: 'no client needs one that large: take out what is not used',
      })
    isAny = (await readObject(object, own, draft, context)) || isAny
  }
  if (isAny) remarkOnDuplicates(documents, place, draft)
  return isAny
}

const KINDS = ['Secret', 'ConfigMap', 'CertificateSigningRequest']

/** A JSON text, of which much more can be read than of YAML, in no time. */
function parseLarge(text: string): Pick<YamlDocument, 'value' | 'duplicates'>[] {
  if (!/^\s*[[{]/.test(text))
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', 'the text is YAML of more than 1 MiB', {
      hint: 'take JSON in its place (kubectl get … -o json), of which 32 MiB are read, or one namespace at a time',
    })
  try {
    return [{ value: JSON.parse(text) as YamlValue, duplicates: [] }]
  } catch {
    // The engine's message quotes the text, which may hold secrets.
    throw new EncodingError('KPKI_YAML_INVALID', 'the text is not JSON: it may be cut off')
  }
}

/** Keys that stand twice: kubeadm refuses them, kubectl takes the last one. */
function remarkOnDuplicates(
  documents: readonly Pick<YamlDocument, 'duplicates'>[],
  { file, part }: Place,
  draft: Draft,
): void {
  for (const { path, line } of documents.flatMap(({ duplicates }) => duplicates)) {
    const key = path.at(-1) ?? ''
    draft.remark(
      'field-twice',
      { file, part: joinParts(part, `line ${line}`) },
      `has ${String(key).slice(0, 100)} twice`,
      {
        hint: 'take one of them out: the first one is shown here, kubectl takes the last one',
      },
    )
  }
}

/** Whether a text may be one of those documents; everything else is not parsed at all. */
export function looksLikeDocument(text: string): boolean {
  if (/^\s*[[{]/.test(text)) return /"(kind|clusters)"\s*:/.test(text)
  return !text.startsWith('#!') && /^["']?(apiVersion|kind|clusters)["']?[ \t]*:/m.test(text)
}

function flatten(value: YamlValue, depth: number): YamlObject[] {
  if (!isYamlObject(value)) return []
  const { kind, items } = value
  const isList = typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)
  if (!isList || depth >= MAX_LISTS) return [value]
  return (items as readonly YamlValue[]).flatMap(item => flatten(item, depth + 1))
}

function nameOf(object: YamlObject): string | undefined {
  const { kind, namespace, name } = identityOf(object)
  return kind === '' ? undefined : `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`.trimEnd()
}

function identityOf(object: YamlObject) {
  const metadata = isYamlObject(object['metadata']) ? object['metadata'] : {}
  const text = (value: YamlValue | undefined) => (typeof value === 'string' && value !== '' ? value : undefined)
  return {
    kind: text(object['kind']) ?? '',
    namespace: text(metadata['namespace']),
    name: text(metadata['name']) ?? '',
    type: text(object['type']),
  }
}

function joinParts(outer: string | undefined, inner: string | undefined): string | undefined {
  return outer === undefined || inner === undefined ? (outer ?? inner) : `${outer}: ${inner}`
}

async function readObject(object: YamlObject, place: Place, draft: Draft, context: Context): Promise<boolean> {
  const { kind, namespace, name, type } = identityOf(object)
  if (kind === 'Secret' || kind === 'ConfigMap') {
    const entries = entriesOf(object, kind, place, draft)
    draft.manifests.push({ kind, place, namespace, name, type, entries: entries.map(entry => entry.name) })
    await readEntries(entries, kind, place, draft, context)
    return true
  }
  if (kind === 'CertificateSigningRequest') return readSigningRequest(object, place, draft, context)
  const entries = readKubeconfigEntries(object)
  if (!entries) return false
  await readKubeconfig(entries, place, draft, context)
  return true
}

interface Entry {
  readonly name: string
  /** e.g. `data[tls.crt]` */
  readonly part: string
  readonly bytes: Uint8Array
}

function entriesOf(object: YamlObject, kind: 'Secret' | 'ConfigMap', place: Place, draft: Draft): Entry[] {
  const entries: Entry[] = []
  const names = new Set<string>()
  // What stringData says wins over data (kubernetes/kubernetes v1.20.2, staging/src/k8s.io/api/core/v1/types.go, Secret).
  for (const field of kind === 'Secret' ? ['stringData', 'data'] : ['data', 'binaryData']) {
    const values = object[field]
    if (!isYamlObject(values)) continue
    const isBase64 = field === 'binaryData' || (kind === 'Secret' && field === 'data')
    for (const [name, value] of Object.entries(values)) {
      if (names.has(name)) continue
      names.add(name)
      const part = `${field}[${name}]`
      const bytes =
        typeof value !== 'string' ? undefined : isBase64 ? parseBase64(value) : new TextEncoder().encode(value)
      if (bytes) entries.push({ name, part, bytes })
      else {
        draft.remark('unreadable', { file: place.file, part: joinParts(place.part, part) }, 'is not base64 of anything')
        entries.push({ name, part, bytes: new Uint8Array() })
      }
    }
  }
  return entries
}

async function readEntries(
  entries: readonly Entry[],
  kind: 'Secret' | 'ConfigMap',
  place: Place,
  draft: Draft,
  context: Context,
): Promise<void> {
  const found = new Map<string, Contents>()
  for (const { name, part, bytes } of entries) {
    const own = { file: place.file, part: joinParts(place.part, part) }
    const contents = await readEntry(bytes, own, draft, context)
    if (!contents && kind === 'Secret' && bytes.length > 0) draft.valueFiles.add(place.file)
    if (!contents) continue
    found.set(name, contents)
    if (kind === 'ConfigMap' && contents.keys.some(index => draft.keys[index]?.kind === 'private')) {
      draft.remark('secret-exposed', own, 'holds a private key, and a ConfigMap is no secret', {
        hint: 'put it into a Secret, and consider the key known',
      })
    }
  }
  const parts = new Map(entries.map(({ name, part }) => [name, part]))
  for (const [name, keys] of found) {
    const wanted = /^(.*)\.key$/.exec(name)?.[1]
    const certificates = found.get(`${wanted}.crt`)?.certificates ?? []
    const part = parts.get(name)
    if (wanted === undefined || certificates.length === 0 || keys.keys.length === 0) continue
    const keyPlace = { file: place.file, part: joinParts(place.part, part) }
    draft.pairs.push({ certificates, keys: keys.keys, place: keyPlace, wanted: `${wanted}.crt` })
  }
}

/** Values that are neither PEM, DER nor a kubeconfig are nobody's business. */
async function readEntry(
  bytes: Uint8Array,
  place: Place,
  draft: Draft,
  context: Context,
): Promise<Contents | undefined> {
  if (looksLikeDer(bytes)) return readDer(bytes, place, draft, context)
  const text = decodeUtf8(bytes)
  if (text === undefined) return undefined
  if (/^-----BEGIN /m.test(text)) return readPem(text, place, draft, context)
  if (!text.includes('clusters') || !looksLikeDocument(text)) return undefined
  const documents = draft.attempt(place, () => parseYamlStream(text, 'the text'))
  for (const { value } of documents ?? []) {
    const entries = readKubeconfigEntries(value)
    if (entries) await readKubeconfig(entries, place, draft, context)
  }
  return undefined
}

/** A CertificateSigningRequest of certificates.k8s.io: what was asked for, and what came of it. */
async function readSigningRequest(
  { spec, status }: YamlObject,
  place: Place,
  draft: Draft,
  context: Context,
): Promise<boolean> {
  let isAny = false
  for (const [part, holder, field] of [
    ['spec.request', spec, 'request'],
    ['status.certificate', status, 'certificate'],
  ] as const) {
    const value = isYamlObject(holder) ? holder[field] : undefined
    const bytes = typeof value === 'string' ? parseBase64(value) : undefined
    const text = bytes && decodeUtf8(bytes)
    if (!text) continue
    const own = { file: place.file, part: joinParts(place.part, part) }
    isAny = (await readPem(text, own, draft, context)).isAny || isAny
  }
  return isAny
}
