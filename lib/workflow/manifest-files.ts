import {
  bootstrapTokenStateOf,
  formatBootstrapTokenSecret,
  isBootstrapTokenSecret,
  parseBootstrapTokenSecret,
} from '../access/bootstrap-token-secret.js'
import type { ControlPlane } from '../config/control-plane.js'
import type { Context } from '../context.js'
import { decodeUtf8, encodeUtf8, equalBytes } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import { KpkiError, StoreError } from '../errors.js'
import { parseManifests } from '../kubernetes/manifests.js'
import { formatManifests, type KubernetesObject } from '../kubernetes/objects.js'
import type { HostFile } from '../render/host-file.js'
import type { Host } from './host.js'
import { differenceOf } from './phases/actions.js'
import type { PhaseObjects } from './render-host.js'

/** How {@link writeManifests} writes; every field has a default. */
export interface ManifestOptions {
  /** Secrets too, in a file of their own that only its owner reads. Default: false */
  readonly withSecrets?: boolean
  /** Replace what an earlier run has made and nobody has changed since. Default: false */
  readonly overwrite?: boolean
}

/** What became of files of objects; paths as people find them. */
export interface WrittenManifests {
  readonly written: readonly string[]
  readonly unchanged: readonly string[]
  /** How many Secrets are in none of the files. */
  readonly leftOut: number
}

const SECRETS_PATH = '/secrets.yaml'

/**
 * Writes objects into a directory, a file for each phase, as `kubectl apply -f` takes them. The first line of each says what the
 * rest was when it was written, so that what somebody has changed since is known wherever the files have been, in Git too.
 * A Secret of a token that is there already stays until it expires.
 *
 * @param controlPlane - whose bootstrap tokens with a time of their own, `expires`, are never kept
 * @param host - of the directory: the files are directly in its `/`
 * @throws {@link StoreError} `KPKI_FILE_EXISTS` for a file that is there and says something else, before any is written, and as
 *   `Host.create`
 */
export async function writeManifests(
  phases: readonly PhaseObjects[],
  { bootstrapTokens }: Pick<ControlPlane, 'bootstrapTokens'>,
  { host, context }: { readonly host: Host; readonly context: Context },
  { withSecrets = false, overwrite = false }: ManifestOptions = {},
): Promise<WrittenManifests> {
  const isSecret = ({ kind }: KubernetesObject) => kind === 'Secret'
  const secrets = phases.flatMap(({ objects }) => objects.filter(isSecret))
  const fixed = new Set(bootstrapTokens.flatMap(({ token, expires }) => (token && expires ? [token] : [])))
  const wanted = [
    ...phases.map(({ path, objects }) => ({
      path: `/${path.replaceAll('/', '-')}.yaml`,
      mode: 0o644,
      objects: objects.filter(object => !isSecret(object)),
    })),
    ...(withSecrets
      ? [{ path: SECRETS_PATH, mode: 0o600, objects: await keepTokens(secrets, fixed, host, context) }]
      : []),
  ].filter(({ objects }) => objects.length > 0)
  const [files, written, unchanged]: [{ file: HostFile; before: Uint8Array | undefined }[], string[], string[]] = [
    [],
    [],
    [],
  ]
  for (const { path, mode, objects } of wanted) {
    const file = { path, mode, bytes: await marked(formatManifests(objects), context), isSecret: mode === 0o600 }
    const before = await host.read(path)
    if (before !== undefined) {
      // What others may do with a file is no matter of ours unless it is a secret: Git keeps no modes.
      const difference = await differenceOf(file.isSecret ? file : { ...file, mode: 0o777 }, before, host)
      if (difference === undefined) {
        unchanged.push(host.locate(path))
        continue
      }
      if (!overwrite || !(await isAsMarked(before, context))) throw fileExists(host.locate(path), difference, overwrite)
    }
    files.push({ file, before })
  }
  for (const { file, before } of files) {
    if (before === undefined) await host.create(file)
    else await host.replace(file, before)
    written.push(host.locate(file.path))
  }
  return { written, unchanged, leftOut: withSecrets ? 0 : secrets.length }
}

const MARK = '# made by kpki; SHA-256 of what follows when it was made: '

async function marked(text: string, context: Context): Promise<Uint8Array<ArrayBuffer>> {
  return encodeUtf8(`${MARK}${await sha256(encodeUtf8(text), context)}\n${text}`)
}

/** Nobody has changed it since it was written. */
async function isAsMarked(bytes: Uint8Array, context: Context): Promise<boolean> {
  const text = decodeUtf8(bytes)
  if (text === undefined) return false
  const rest = text.slice(text.indexOf('\n') + 1)
  return equalBytes(bytes, await marked(rest, context))
}

function fileExists(path: string, difference: string, overwrite: boolean): StoreError {
  const message = overwrite
    ? `${path} is not as a run of kpki has made it, and is not overwritten`
    : `${path} is there, and ${difference}`
  return new StoreError('KPKI_FILE_EXISTS', message, {
    details: { path },
    hint: overwrite
      ? 'move it away to have it made anew; what you changed in it belongs into the description, or into a file of its own'
      : '--overwrite replaces what an earlier run made and nobody has changed since; anything else is to be moved away first',
  })
}

/** In each run a token would last a little longer, and its file be another one. */
async function keepTokens(
  secrets: readonly KubernetesObject[],
  fixed: ReadonlySet<string>,
  host: Host,
  context: Context,
): Promise<readonly KubernetesObject[]> {
  const earlier = (await readObjects(SECRETS_PATH, host)).filter(isBootstrapTokenSecret)
  return secrets.map(secret => {
    const there =
      isBootstrapTokenSecret(secret) && earlier.find(({ metadata }) => metadata.name === secret.metadata.name)
    if (!there) return secret
    const [now, before] = [parseBootstrapTokenSecret(secret), parse(there)]
    if (!before?.expires || !now.expires || fixed.has(`${now.token.id}.${now.token.secret}`)) return secret
    const isEarlier = before.expires < now.expires && !bootstrapTokenStateOf(before, context.clock()).isExpired
    const kept = formatBootstrapTokenSecret({ ...now, expires: before.expires })
    const isSame = JSON.stringify(formatBootstrapTokenSecret(before)) === JSON.stringify(kept)
    return isEarlier && isSame ? there : secret
  })
}

/** None where they cannot be read: the file is named then, as one that says something else. */
async function readObjects(path: string, host: Host): Promise<readonly KubernetesObject[]> {
  const bytes = await host.read(path)
  try {
    return bytes === undefined ? [] : parseManifests(new TextDecoder().decode(bytes), host.locate(path))
  } catch (error) {
    if (error instanceof KpkiError) return []
    throw error
  }
}

function parse(secret: KubernetesObject) {
  try {
    return parseBootstrapTokenSecret(secret)
  } catch (error) {
    if (error instanceof KpkiError) return undefined
    throw error
  }
}
