import { EncodingError, UsageError } from '../errors.js'
import type { Patch } from '../render/patch.js'
import { parsePatchFile } from '../render/patches.js'
import type { Host } from './host.js'

/** More patches than targets have fields. */
const MAX_FILES = 200

/** The patches of a directory, in the order in which they apply. */
export interface ReadPatches {
  readonly patches: readonly Patch[]
  /** On files that are not read, or may not be meant as they are. */
  readonly notes: readonly string[]
}

/**
 * Reads a directory of patches: its files, in the order of their names. Directories in it are not looked into, other than by
 * kubeadm, which takes files out of them, too.
 *
 * @param dir - absolute, on that host
 * @throws {@link UsageError} `KPKI_PATCH_INVALID` when there is no such directory, or a file in it is wrong; `EncodingError`
 *   `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`; `StoreError` as `Host.read`
 */
export async function readPatches(host: Host, dir: string): Promise<ReadPatches> {
  const base = dir.replace(/(?<=.)\/+$/, '')
  const entry = await host.look(base)
  const names = entry?.type === 'directory' ? await host.names(base) : undefined
  if (!names) {
    throw new UsageError(
      'KPKI_PATCH_INVALID',
      `${host.locate(base)} ${entry ? 'is no directory' : 'is not there'}: it was to hold patches`,
      { details: { file: base }, hint: 'name a directory with --patches or patches.directory, or leave them out' },
    )
  }
  if (names.length > MAX_FILES) {
    throw new UsageError(
      'KPKI_PATCH_INVALID',
      `${host.locate(base)} has ${names.length} files: it is none of patches`,
      {
        details: { file: base },
      },
    )
  }
  const patches: Patch[] = []
  const notes: string[] = []
  for (const name of [...names].sort()) {
    const path = `${base}/${name}`
    const shown = host.locate(path)
    const type = (await host.look(path))?.type
    // Secrets and ConfigMaps that are mounted come with such names.
    if (type === undefined || name.startsWith('..')) continue
    if (type !== 'file') {
      notes.push(`${shown}: is not read: it is no file`)
      continue
    }
    const bytes = await host.read(path)
    if (!bytes) continue
    const file = parsePatchFile(shown, decode(bytes, shown))
    patches.push(...file.patches)
    notes.push(...file.notes)
  }
  return { patches, notes }
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new EncodingError('KPKI_YAML_INVALID', `${what} is not UTF-8 text`, { details: { what }, cause })
  }
}
