import fs from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { StoreError } from '../errors.js'
import { failureCode } from './disk-errors.js'
import { NO_HARD_LINKS, temporaryName } from './files.js'

const LOCK = '.kpki.lock'

/** Who holds a lock, well enough to tell whether it still lives. */
interface Holder {
  readonly pid: number
  /** Start of the process in clock ticks since boot, so that a reused pid is not taken for it. */
  readonly started: string
  /** Boot and PID namespace: pids of elsewhere say nothing here. */
  readonly world: string
}

/**
 * Takes the lock file of a directory. A lock whose process is gone is taken over; one of another host or container is not.
 *
 * @returns gives the lock free
 * @throws {@link StoreError} `KPKI_LOCKED`
 */
export async function takeLock(dir: string): Promise<() => Promise<void>> {
  const lock = join(dir, LOCK)
  const breaker = `${lock}.break`
  if (await claim(lock)) {
    // What a run left that was killed in the middle of taking a lock over.
    await putAside(breaker)
  } else {
    // Only one may judge and remove a dead lock, or two would each remove the other's new one.
    if (!(await claim(breaker)) && !((await putAside(breaker)) && (await claim(breaker)))) throw locked(dir, lock)
    try {
      const holder = await readHolder(lock)
      if (holder && !(await isDead(holder))) throw locked(dir, lock, holder)
      await fs.rm(lock, { force: true })
      if (!(await claim(lock))) throw locked(dir, lock)
    } finally {
      await fs.rm(breaker, { force: true })
    }
  }
  return () => fs.rm(lock, { force: true })
}

let drafts = 0

/** A name beside a lock that the next run sweeps if we do not get to it. */
function besides(path: string): string {
  return temporaryName(path, `${process.pid}-${drafts++}`)
}

/** Makes a lock file with its content in one step; false when there is one. */
async function claim(path: string): Promise<boolean> {
  const draft = besides(path)
  const holder: Holder = { pid: process.pid, started: await startOf(process.pid), world: await world() }
  const content = JSON.stringify(holder)
  try {
    await fs.writeFile(draft, content, { flag: 'wx', mode: 0o600 })
    await fs.link(draft, path)
    return true
  } catch (error) {
    // ENOENT: whoever has the lock has swept our draft.
    if (['EEXIST', 'ENOENT'].includes(failureCode(error))) return false
    if (!NO_HARD_LINKS.includes(failureCode(error))) throw error
    return fs.writeFile(path, content, { flag: 'wx', mode: 0o600 }).then(
      () => true,
      () => false,
    )
  } finally {
    await fs.rm(draft, { force: true })
  }
}

/**
 * Removes a breaker whose process was killed: moved aside first and judged there, so that one which was taken meanwhile can
 * be put back.
 */
async function putAside(breaker: string): Promise<boolean> {
  const holder = await readHolder(breaker)
  if (!holder) return true
  if (!(await isDead(holder))) return false
  const aside = besides(breaker)
  try {
    await fs.rename(breaker, aside)
    const moved = await readHolder(aside)
    const isSame = moved?.pid === holder.pid && moved.started === holder.started
    if (!isSame) await fs.link(aside, breaker).catch(() => {})
    return isSame
  } catch (error) {
    return failureCode(error) === 'ENOENT'
  } finally {
    await fs.rm(aside, { force: true })
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const { pid, started, world: where } = JSON.parse(await fs.readFile(path, 'utf8')) as Partial<Holder>
    return { pid: Number(pid), started: String(started), world: String(where) }
  } catch (error) {
    return failureCode(error) === 'ENOENT' ? undefined : { pid: 0, started: '', world: '' }
  }
}

async function isDead({ pid, started, world: where }: Holder): Promise<boolean> {
  if (where !== (await world())) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return failureCode(error) === 'ESRCH'
  }
  return started !== (await startOf(pid))
}

/** Field 22 of /proc/PID/stat (proc(5)); the command name before it may hold spaces and parentheses. */
async function startOf(pid: number): Promise<string> {
  const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

async function world(): Promise<string> {
  const boot = await fs.readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => hostname())
  const namespace = await fs.readlink('/proc/self/ns/pid').catch(() => '')
  return `${boot.trim()} ${namespace}`
}

function locked(dir: string, lock: string, holder?: Holder): StoreError {
  const who = holder && holder.pid > 0 ? ` (process ${holder.pid})` : ''
  return new StoreError('KPKI_LOCKED', `another run${who} is at work in ${dir}`, {
    details: { path: lock },
    hint: `wait for it; if there is none, remove ${lock}`,
  })
}
