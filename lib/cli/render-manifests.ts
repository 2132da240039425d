import { formatManifests, type HostFile, type KubernetesObject, type PhaseObjects, StoreError } from '../index.js'
import { directoryHost } from '../node.js'

/** Files of objects, and how many Secrets are in none of them. */
export interface ManifestFiles {
  /** Paths are those below the directory, e.g. `/addon-coredns.yaml`. */
  readonly files: readonly HostFile[]
  readonly leftOut: number
}

/** What became of files of objects. */
export interface WrittenManifests {
  readonly leftOut: number
  /** As people find them. */
  readonly written: readonly string[]
  readonly unchanged: readonly string[]
}

/** A file for each phase; Secrets in one of their own, which only its owner reads, or in none. */
export function manifestFiles(phases: readonly PhaseObjects[], withSecrets: boolean): ManifestFiles {
  const isSecret = ({ kind }: KubernetesObject) => kind === 'Secret'
  const file = (name: string, mode: number, objects: readonly KubernetesObject[]): readonly HostFile[] =>
    objects.length === 0
      ? []
      : [{ path: `/${name}.yaml`, mode, bytes: new TextEncoder().encode(formatManifests(objects)) }]
  const secrets = phases.flatMap(({ objects }) => objects.filter(isSecret))
  const files = phases.flatMap(({ path, objects }) =>
    file(
      path.replaceAll('/', '-'),
      0o644,
      objects.filter(object => !isSecret(object)),
    ),
  )
  return {
    files: [...files, ...(withSecrets ? file('secrets', 0o600, secrets) : [])],
    leftOut: withSecrets ? 0 : secrets.length,
  }
}

/**
 * Writes files into a directory, all that are not there yet; one that is there and says something else is named, before any is
 * written.
 *
 * @param overwrite - that one is replaced
 * @throws {@link StoreError} `KPKI_FILE_EXISTS`, and as `Host.create`
 */
export async function writeManifests(
  dir: string,
  files: readonly HostFile[],
  overwrite: boolean,
): Promise<Omit<WrittenManifests, 'leftOut'>> {
  const host = directoryHost(dir)
  const states = []
  for (const file of files) {
    const before = await host.read(file.path)
    const isSame =
      before !== undefined && before.length === file.bytes.length && before.every((byte, at) => byte === file.bytes[at])
    if (before !== undefined && !isSame && !overwrite) {
      const place = host.locate(file.path)
      throw new StoreError(
        'KPKI_FILE_EXISTS',
        `${place} is there, and says something else than what this run would write`,
        {
          details: { path: place },
          hint: 'move it away, or have it replaced: --overwrite',
        },
      )
    }
    states.push({ file, before, isSame })
  }
  const [written, unchanged]: [string[], string[]] = [[], []]
  for (const { file, before, isSame } of states) {
    if (isSame) unchanged.push(host.locate(file.path))
    else {
      if (before === undefined) await host.create(file)
      else await host.replace(file, before)
      written.push(host.locate(file.path))
    }
  }
  return { written, unchanged }
}
