import { KpkiError } from '../errors.js'
import type { TreePath } from '../tree/layout.js'
import type { FileProblem, ListedFile, Store } from '../tree/store.js'
import type { InspectInput } from './types.js'

/**
 * Whether a file is a certificate of the kubelet that is called by the moment at which it came: those of the past lie beside the one
 * that it uses.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/certificate/certificate_store.go
 */
export function isRotated(path: TreePath): boolean {
  return /^kubelet\/pki\/kubelet-(?:client|server)-[0-9][^/]*\.pem$/.test(path)
}

/**
 * The files of a store one by one, for `checkFiles`; links to files that come themselves are left out, and so is what the
 * kubelet has used before.
 *
 * @param isKnown - which ones are looked at elsewhere. Default: none
 */
export async function* storeInputs(
  store: Pick<Store, 'read' | 'list' | 'locate'>,
  isKnown: (path: TreePath) => boolean = () => false,
): AsyncGenerator<InspectInput> {
  for await (const listed of store.list?.() ?? []) {
    const { path, target } = listed
    const isCurrent = target !== undefined && isRotated(target)
    if (isKnown(path) || isRotated(path) || (target !== undefined && !isCurrent)) continue
    const input = await readInput(listed, store)
    if (input) yield input
  }
}

/** Reads a file that a store lists; what cannot be read comes with its problem. */
export async function readInput(
  { path, problem, problemKind = 'other' }: ListedFile,
  store: Pick<Store, 'read' | 'locate'>,
): Promise<InspectInput | undefined> {
  const unread = { name: path, bytes: new Uint8Array() }
  if (problem !== undefined) return { ...unread, problem, problemKind }
  try {
    const file = await store.read(path)
    return file && { name: path, bytes: file.bytes, ...(file.mode === undefined ? {} : { mode: file.mode }) }
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    // The place is said already.
    const place = `${store.locate(path)} `
    const { message } = error
    const why = message.startsWith(place) ? message.slice(place.length) : message
    return { ...unread, problem: why, problemKind: kindOf(error) }
  }
}

const KINDS: Readonly<Partial<Record<KpkiError['code'], FileProblem>>> = {
  KPKI_INPUT_TOO_LARGE: 'too-large',
  KPKI_FILE_NOT_REGULAR: 'not-regular',
  KPKI_FILE_OUTSIDE: 'outside',
}

function kindOf({ code, details }: KpkiError): FileProblem {
  const { errno } = details
  return KINDS[code] ?? (errno === 'EACCES' || errno === 'EPERM' ? 'forbidden' : 'other')
}
