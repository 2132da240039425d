// The default export on purpose: tests put faults into single calls of it.
import fs from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { equalBytes } from '../crypto/bytes.js'
import { StoreError } from '../errors.js'
import { fileChanged, type StagedReplacement, type StoredFile, type WantedFile } from '../tree/store.js'
import { type Failure, failureCode, toStoreError } from './disk-errors.js'
import { exists, type FileOwner, NO_HARD_LINKS, readRegularFile, temporaryName, writeAside } from './files.js'

/** As long as `updateFile` waits for kubectl. */
const [LOCK_TIMEOUT_MS, LOCK_POLL_MS] = [2000, 50]

/** Beside what `writeAside` names, so that both can stand beside one file. */
let asides = 1_000_000

/**
 * Writes aside what is to take the place of a file, for {@link Store.stageReplacement}. The file that is replaced stays aside,
 * by a hard link where the file system has them, so that it can be put back as it is, without room for another one.
 *
 * @param named - the path that people know
 * @param real - where it leads, links followed: a file of the same directory
 * @param expected - what is there
 * @param next - what is to be there; `undefined`: nothing
 * @throws as {@link Store.stageReplacement}
 */
export async function stageReplacement(
  named: string,
  real: string,
  expected: StoredFile,
  next: WantedFile | undefined,
): Promise<StagedReplacement> {
  await assertBeside(named, real)
  assertMayReplace(named, expected)
  const incoming = next && (await writeAside(real, next.bytes, next.mode, ownerOf(next.uid, next.gid)))
  const outgoing = await keepAside(real, expected).catch(async error => {
    if (incoming !== undefined) await remove(incoming)
    throw toStoreError(error, named, 'write')
  })
  const commit = async () => {
    await waitForOthers(named)
    await assertIs(named, real, expected)
    try {
      if (incoming === undefined) await fs.rm(real)
      else await fs.rename(incoming, real)
    } catch (error) {
      throw replaceError(error, named)
    }
  }
  const revert = async () => {
    await assertIs(named, real, next)
    try {
      await fs.rename(outgoing, real)
    } catch (error) {
      throw replaceError(error, named)
    }
  }
  const discard = async () => {
    for (const file of [incoming, outgoing]) if (file !== undefined) await remove(file)
  }
  return { commit, revert, discard }
}

/** A link may lead to a file beside it, as `kubelet-client-current.pem` does; others lead to what is not ours to replace. */
async function assertBeside(named: string, real: string): Promise<void> {
  const here = await fs.realpath(dirname(named)).catch(() => resolve(dirname(named)))
  if (dirname(real) === here) return
  throw new StoreError('KPKI_FILE_NOT_REGULAR', `${named} is a link out of its directory, to ${real}`, {
    details: { path: named, target: real },
    hint: 'name the directory that the file itself is in, or put the file in the place of the link',
  })
}

/** Who is not root can give files to nobody else: the new one would be of another user than the old one. */
function assertMayReplace(named: string, { uid }: StoredFile): void {
  const me = process.geteuid?.()
  if (me === undefined || me === 0 || uid === undefined || uid === me) return
  throw new StoreError('KPKI_FILE_FOREIGN', `${named} belongs to another user, and would be yours afterwards`, {
    details: { path: named },
    hint: 'run it as the user that it belongs to, or with sudo',
  })
}

/** Windows has no such numbers. */
function ownerOf(uid: number | undefined, gid: number | undefined): FileOwner | undefined {
  return uid === undefined || gid === undefined || process.geteuid === undefined ? undefined : { uid, gid }
}

/** Keeps a file under a second name, or as a copy where there are no hard links (or none to files of others). */
async function keepAside(real: string, { bytes, mode = 0o600, uid, gid }: StoredFile): Promise<string> {
  const aside = temporaryName(real, `${process.pid}-${asides++}`)
  try {
    await fs.link(real, aside)
    return aside
  } catch (error) {
    // EXDEV: the file is mounted by itself.
    if (![...NO_HARD_LINKS, 'EXDEV'].includes(failureCode(error))) throw error
    return writeAside(real, bytes, mode & 0o777, ownerOf(uid, gid))
  }
}

/** kubectl and others who know its lock change a kubeconfig in milliseconds; what they would write over ours is waited for. */
async function waitForOthers(named: string): Promise<void> {
  if (!named.endsWith('.conf')) return
  const lock = `${named}.lock`
  for (let pollsLeft = LOCK_TIMEOUT_MS / LOCK_POLL_MS; await exists(lock); pollsLeft--) {
    if (pollsLeft <= 0) {
      throw new StoreError('KPKI_LOCKED', `another program is changing ${named}: its lock ${lock} is there`, {
        details: { path: lock },
        hint: `wait for it; if there is none, kubectl was killed: remove ${lock}`,
      })
    }
    await sleep(LOCK_POLL_MS)
  }
}

/** @throws {@link StoreError} `KPKI_FILE_CHANGED` unless a file is what it should be, owner and mode included */
async function assertIs(named: string, real: string, expected: StoredFile | WantedFile | undefined): Promise<void> {
  const now = await readRegularFile(real)
  const isSame =
    now === undefined || expected === undefined
      ? now === expected
      : equalBytes(now.bytes, expected.bytes) &&
        ((now.mode ?? 0) & 0o777) === ((expected.mode ?? 0) & 0o777) &&
        [undefined, now.uid].includes(expected.uid) &&
        [undefined, now.gid].includes(expected.gid)
  if (!isSame) throw fileChanged(named)
}

function replaceError(error: unknown, named: string): unknown {
  const busy: Failure = 'EBUSY'
  if (failureCode(error) !== busy) return toStoreError(error, named, 'write')
  return new StoreError('KPKI_WRITE_FAILED', `${named} is mounted by itself, and cannot be replaced (${busy})`, {
    details: { path: named, errno: busy },
    hint: 'mount its folder instead of the file, as a container does with -v',
    cause: error,
  })
}

function remove(file: string): Promise<void> {
  return fs.rm(file, { force: true }).catch(() => {})
}
