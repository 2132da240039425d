import { KpkiError } from '../errors.js'
import type { TreePath } from '../tree/layout.js'
import type { FileProblem, Store } from '../tree/store.js'
import type { InspectInput } from './types.js'

/** Certificates of the kubelet by the moment at which it got them: those of the past lie beside the one that it uses. */
const ROTATED = /^kubelet\/pki\/kubelet-(client|server)-[0-9].*\.pem$/

/**
 * The files of a store one by one, for `checkFiles`; links to files that come themselves are left out, and so is what the
 * kubelet has used before.
 *
 * @param isKnown - which ones are looked at elsewhere. Default: none
 */
export async function* storeInputs(
  store: Pick<Store, 'read' | 'list'>,
  isKnown: (path: TreePath) => boolean = () => false,
): AsyncGenerator<InspectInput> {
  for await (const { path, target, problem, problemKind = 'other' } of store.list?.() ?? []) {
    const isCurrent = target !== undefined && ROTATED.test(target)
    if (isKnown(path) || ROTATED.test(path) || (target !== undefined && !isCurrent)) continue
    const unread = { name: path, bytes: new Uint8Array() }
    if (problem !== undefined) {
      yield { ...unread, problem, problemKind }
      continue
    }
    try {
      const file = await store.read(path)
      if (file) yield { name: path, bytes: file.bytes, ...(file.mode === undefined ? {} : { mode: file.mode }) }
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      // The place is said already.
      yield { ...unread, problem: error.message.replace(/^\S* (?=is |lies |cannot )/, ''), problemKind: kindOf(error) }
    }
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
