import { KpkiError } from '../errors.js'
import { BACKUPS, listBackups } from '../tree/backup.js'
import { isUnfinished } from '../tree/put-back.js'
import type { Store } from '../tree/store.js'
import { type Finding, finding } from './rules.js'

/** Changes of a tree that a killed run has left half-made. Whoever may not look at the backups is told of none. */
export async function unfinishedFindings(store: Store): Promise<readonly Finding[]> {
  try {
    const { backups } = await listBackups(store)
    return backups.filter(isUnfinished).map(({ name, state }) => {
      const what = state === 'unfinished' ? 'a change' : 'an undo'
      const message = `is that of ${what} that has not ended: a run was killed in the middle of it, or is at work`
      return finding('change-unfinished', undefined, `${BACKUPS}/${name}`, message)
    })
  } catch (error) {
    if (error instanceof KpkiError) return []
    throw error
  }
}
