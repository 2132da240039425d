import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs a test with a new empty directory, which is removed afterwards. */
export function inTempDir(work: (dir: string) => Promise<void>, parent = tmpdir()): () => Promise<void> {
  return async () => {
    const dir = mkdtempSync(join(parent, 'kpki-test-'))
    try {
      await work(dir)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

/** The same where nothing has to wait for a disk, for what writes thousands of files. */
export function inMemoryDir(work: (dir: string) => Promise<void>): () => Promise<void> {
  return inTempDir(work, existsSync('/dev/shm') ? '/dev/shm' : tmpdir())
}

/** Everything below a directory: relative path to content (directories: undefined) and mode. */
export function snapshot(dir: string): Map<string, { readonly content: string | undefined; readonly mode: number }> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return new Map(
    entries
      .map(entry => {
        const path = join(entry.parentPath, entry.name)
        const { mode } = statSync(path)
        return [
          path.slice(dir.length + 1),
          { content: entry.isFile() ? readFileSync(path, 'latin1') : undefined, mode: mode & 0o7777 },
        ] as const
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
