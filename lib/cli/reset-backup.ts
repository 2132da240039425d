import { EncodingError, formatTar, type Host, MAX_INPUT_BYTES, type Removal, StoreError, UsageError } from '../index.js'
import { type PlacedFile, placeFile } from '../node.js'
import { told } from './new-file.js'

/** Of one file: the ledger of a host that has issued a million certificates has less. */
const MAX_BYTES = 256 * MAX_INPUT_BYTES

interface Packed {
  readonly bytes: Uint8Array
  readonly mode: number
}

/**
 * Packs what makes up a host: certificates, kubeconfigs, manifests, configurations, what was replaced; not what runs on it. All of
 * it, or nothing.
 *
 * @throws {@link UsageError} `KPKI_USAGE` for a backup that would go with the rest; {@link StoreError}, {@link EncodingError} for
 *   what cannot be read or packed, and as `createFile`
 */
export async function packUp(path: string, remove: readonly Removal[], host: Host, now: Date): Promise<PlacedFile> {
  const files = new Map<string, Packed>()
  for (const { path: place, type, why } of remove)
    if (type === 'file' || why === 'asked') await pack(place, files, host)
  const placed = await told(path, () => placeFile(path, formatTar(files, now), 0o600))
  const around = remove.find(({ path: place, type }) => {
    const dir = host.locate(place)
    return type !== 'file' && (placed.realPath === dir || placed.realPath.startsWith(`${dir}/`))
  })
  if (around === undefined) return placed
  await placed.takeBack()
  throw new UsageError('KPKI_USAGE', `--backup ${path} lies in ${host.locate(around.path)}, which goes`, {
    hint: 'name a file elsewhere; nothing was removed',
  })
}

/** A link is packed as what it leads to; what has no content is not. */
async function pack(place: string, files: Map<string, Packed>, host: Host): Promise<void> {
  const entry = await host.look(place)
  if (entry?.type === 'directory') {
    // Only what is itself below it: what a link leads to stays.
    if ((await host.linkTarget(place)) !== undefined) return
    for (const name of (await host.names(place)) ?? []) await pack(`${place}/${name}`, files, host)
  }
  if (entry?.type !== 'file') return
  const bytes = await readWhole(place, host)
  if (bytes) files.set(place.slice(1), { bytes, mode: entry.mode & 0o777 })
}

async function readWhole(place: string, host: Host): Promise<Uint8Array | undefined> {
  try {
    return await host.read(place, MAX_BYTES)
  } catch (error) {
    if (!(error instanceof EncodingError) && !(error instanceof StoreError)) throw error
    throw new StoreError('KPKI_FILE_UNREADABLE', `${error.message}: the backup would not be whole`, {
      details: { path: host.locate(place) },
      hint: 'nothing was removed; copy that file yourself and reset without --backup, or move it away',
    })
  }
}
