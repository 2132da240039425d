import fs from 'node:fs/promises'

/** Calls of node:fs that a write goes through, in the order in which faults are put into them. */
const CALLS = ['open', 'link', 'rename', 'mkdir', 'writeFile', 'rm', 'rmdir'] as const

/** How {@link withFault} strikes. */
export interface FaultOptions {
  /** Every later call fails, too, clean-up included, as when the process is gone. Default: false */
  readonly forEver?: boolean
  /** Faults hit what removes files as well, which is work where something is taken back. Default: false */
  readonly cleanUp?: boolean
  /** Runs after every call that worked. Default: nothing does */
  readonly after?: () => void
}

/**
 * Runs something while the n-th call (from 0; -1: none) of node:fs or of an open file's handle fails.
 *
 * @returns how many calls there were, and what the work threw
 */
export async function withFault(
  n: number,
  work: () => Promise<unknown>,
  { forEver = false, cleanUp = false, after = () => {} }: FaultOptions = {},
): Promise<{ readonly calls: number; readonly error: unknown }> {
  let calls = 0
  const fault = () => Object.assign(new Error('injected'), { code: 'EIO' })
  const strike = () => {
    const index = calls++
    if (index === n || (forEver && n >= 0 && index > n)) throw fault()
  }
  const original = { ...fs }
  const patched = fs as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const wrap =
    <T extends (...args: never[]) => Promise<unknown>>(call: T, self: unknown) =>
    async (...args: Parameters<T>) => {
      strike()
      const result = await call.apply(self, args)
      after()
      return result
    }
  for (const name of CALLS) {
    const call = original[name] as (...args: unknown[]) => Promise<unknown>
    const isCleanUp = (name === 'rm' || name === 'rmdir') && !cleanUp
    patched[name] = async (...args: unknown[]) => {
      // One fault hits the work, not the clean-up that answers it; a dead process cleans up nothing.
      if (!isCleanUp) strike()
      else if (forEver && n >= 0 && calls > n) throw fault()
      const result = await call.apply(fs, args)
      if (name === 'open' && args[1] === 'wx') {
        const handle = result as Awaited<ReturnType<typeof fs.open>>
        for (const method of ['writeFile', 'chown', 'chmod', 'sync'] as const) {
          const bound = (handle[method] as (...values: never[]) => Promise<void>).bind(handle)
          Object.assign(handle, { [method]: wrap(bound, handle) })
        }
      }
      after()
      return result
    }
  }
  try {
    await work()
    return { calls, error: undefined }
  } catch (error) {
    return { calls, error }
  } finally {
    Object.assign(fs, original)
  }
}
