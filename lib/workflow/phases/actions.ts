import type { ClusterApi, ObjectName } from '../../access/api.js'
import { equalBytes } from '../../crypto/bytes.js'
import { StoreError, UsageError } from '../../errors.js'
import type { Cluster } from '../../kubernetes/cluster.js'
import { type KubernetesObject, RESOURCES, type ResourceKind } from '../../kubernetes/objects.js'
import { joinPath } from '../../kubernetes/paths.js'
import type { Role, RowId } from '../../kubernetes/rows.js'
import type { HostFile } from '../../render/host-file.js'
import { formatMode } from '../../tree/layout.js'
import { generateTree } from '../generate.js'
import type { Host } from '../host.js'
import { stopIfInterrupted } from '../interruption.js'
import { hostPathOf, isAsMade, readRecord, record } from '../record.js'
import type { Action, Hands, Outcome } from './phase.js'

/** Options of {@link writeFiles}. */
export interface WriteFilesOptions {
  /** Replace what an earlier run has made and nobody has changed since. Default: false */
  readonly overwrite?: boolean
}

/**
 * Writes files that are not there yet: all of them, or none where one that is there is another one. Equal bytes with the same
 * mode, or a stricter one, are left as they are.
 */
export function writeFiles(files: readonly HostFile[], options: WriteFilesOptions = {}): Action {
  return {
    kind: 'write',
    about: `write ${files.map(({ path }) => path).join(', ')}`,
    files,
    isAlone: true,
    apply: hands => applyFiles(files, hands, options),
  }
}

async function applyFiles(files: readonly HostFile[], hands: Hands, options: WriteFilesOptions): Promise<Outcome> {
  const { host } = hands
  const work: { readonly file: HostFile; readonly before: Uint8Array | undefined }[] = []
  for (const file of files) {
    const before = await host.read(file.path)
    if (before === undefined) work.push({ file, before })
    else {
      const difference = await differenceOf(file, before, host)
      if (difference === undefined) continue
      if (!options.overwrite) throw fileExists(file, difference, host)
      work.push({ file, before })
    }
  }
  if (options.overwrite && work.some(({ before }) => before !== undefined)) await assertAsMade(work, hands)
  const made: string[] = []
  for (const { file, before } of work) {
    stopIfInterrupted(hands.signal, made.length === 0 ? 'nothing was written' : `${made.join(', ')} stays`)
    if (before === undefined && file.directoryMode !== undefined)
      await makeDirectory(joinPath(file.path, '..'), file.directoryMode).apply(hands)
    await record([file], hands)
    if (before === undefined) await host.create(file)
    else await host.replace(file, before)
    made.push(host.locate(file.path))
  }
  return outcomeOf(made)
}

/** Whether {@link writeFiles} would write one of them; not where one that is there ends the run. */
export async function isToBeWritten(
  files: readonly HostFile[],
  { overwrite = false }: WriteFilesOptions,
  host: Host,
): Promise<boolean> {
  let isNews = false
  for (const file of files) {
    const before = await host.read(file.path)
    if (before !== undefined && (await differenceOf(file, before, host)) === undefined) continue
    if (before !== undefined && !overwrite) return false
    isNews = true
  }
  return isNews
}

/** What is replaced is what a run has made: somebody's own changes are not lost. */
async function assertAsMade(
  work: readonly { readonly file: HostFile; readonly before: Uint8Array | undefined }[],
  { host, context }: Hands,
): Promise<void> {
  const made = await readRecord(host)
  for (const { file, before } of work) {
    if (before === undefined || (await isAsMade(made, file.path, before, context))) continue
    const place = host.locate(file.path)
    throw new StoreError('KPKI_FILE_EXISTS', `${place} is not as a run of kpki has made it, and is not overwritten`, {
      details: { path: place },
      hint: 'move it away to have it made anew; what it should say is in --dry-run',
    })
  }
}

/** What a file that is there has of its own; `undefined`: nothing. */
export async function differenceOf(file: HostFile, before: Uint8Array, host: Host): Promise<string | undefined> {
  if (!equalBytes(before, file.bytes)) return 'says something else than what this run would write'
  const { mode = file.mode } = (await host.look(file.path)) ?? {}
  return (mode & ~file.mode) === 0
    ? undefined
    : `has mode ${formatMode(mode)}, which lets more people at it than ${formatMode(file.mode)}`
}

function fileExists({ path }: HostFile, difference: string, host: Host): StoreError {
  const place = host.locate(path)
  return new StoreError('KPKI_FILE_EXISTS', `${place} is there, and ${difference}`, {
    details: { path: place },
    hint: 'look at the difference with --dry-run; --overwrite replaces what an earlier run of kpki wrote and nobody changed, anything else is to be moved away first',
  })
}

/** Makes a directory that is not there, with its parents; the mode of one that is there stays. */
export function makeDirectory(path: string, mode: number): Action {
  return {
    kind: 'directory',
    about: `make ${path} (${formatMode(mode)})`,
    directory: path,
    isAlone: true,
    async apply(hands) {
      const { host } = hands
      const found = await host.look(path)
      if (found !== undefined && found.type !== 'directory') {
        throw new StoreError('KPKI_FILE_NOT_REGULAR', `${host.locate(path)} is there, and no directory`, {
          details: { path: host.locate(path) },
          hint: 'move it away',
        })
      }
      if (found === undefined) await record([{ path, mode, type: 'directory' }], hands)
      return outcomeOf((await host.makeDirectory(path, mode)) ? [host.locate(path)] : [])
    },
  }
}

/** Options of {@link makeRows}. */
export interface MakeRowsOptions {
  /** Default: `init` */
  readonly role?: Role
}

/** Makes what is missing of rows of the tree, as `generateTree` does; what is there is verified. */
export function makeRows(ids: readonly RowId[], cluster: Cluster, { role = 'init' }: MakeRowsOptions = {}): Action {
  return {
    kind: 'rows',
    about: `make ${ids.join(', ')}`,
    rows: ids,
    isAlone: true,
    async apply({ host, store, context, signal }) {
      const { rows } = await generateTree(ids, cluster, store, context, {
        role,
        ...(signal === undefined ? {} : { signal }),
        beforeWriting: files =>
          record(
            files.map(file => ({ ...file, path: hostPathOf(store.locate(file.path), host) })),
            { host, context },
          ),
      })
      return outcomeOf(rows.flatMap(({ written }) => written.map(path => store.locate(path))))
    },
  }
}

/** Applies objects to the cluster, one after the other, with server-side apply. */
export function applyObjects(objects: readonly KubernetesObject[]): Action {
  return {
    kind: 'objects',
    about: `apply ${objects.map(describeObject).join(', ')}`,
    objects,
    async apply({ connect, signal }) {
      const api = await connect()
      const made: string[] = []
      for (const object of objects) {
        stopIfInterrupted(signal, made.length === 0 ? 'nothing was applied' : `${made.join(', ')} stays`)
        if (await applyObject(object, api)) made.push(describeObject(object))
      }
      return outcomeOf(made)
    },
  }
}

/**
 * Applies one object; whether the cluster has changed by it, which its resourceVersion says.
 *
 * @throws `ApiError`, `NetworkError`
 */
export async function applyObject(object: KubernetesObject, api: ClusterApi): Promise<boolean> {
  const before = await api.get(objectName(object))
  const after = await api.apply(object)
  return before === undefined || before.metadata.resourceVersion !== after.metadata.resourceVersion
}

/** How the API is asked for an object. */
export function objectName({ kind, metadata: { name = '', namespace } }: KubernetesObject): ObjectName {
  if (!isResourceKind(kind)) throw new UsageError('KPKI_USAGE', `kpki applies no objects of kind ${kind}`)
  return { kind, name, ...(namespace === undefined ? {} : { namespace }) }
}

function isResourceKind(kind: string): kind is ResourceKind {
  return Object.hasOwn(RESOURCES, kind)
}

/** An object for people, e.g. `ConfigMap kube-system/kubeadm-config`. */
export function describeObject({ kind, metadata: { name = '', namespace } }: KubernetesObject): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
}

/** What an action came to that has made these things. */
export function outcomeOf(made: readonly string[], notes: readonly string[] = []): Outcome {
  return { state: made.length === 0 ? 'unchanged' : 'done', made, ...(notes.length === 0 ? {} : { notes }) }
}
