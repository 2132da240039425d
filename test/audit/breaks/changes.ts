/** Trees that a killed run has left half-changed. */
import { changeAll } from '../../../lib/tree/change-all.js'
import { context, put, read } from '../tree.js'
import type { Break } from './break.js'

export const CHANGE_BREAKS: readonly Break[] = [
  {
    rule: 'change-unfinished',
    about: 'a change that was killed before its end',
    spoil: async store => {
      const bytes = new TextEncoder().encode(`${read(store, 'pki/ca.crt')}\n`)
      const file = { path: 'pki/ca.crt', bytes, mode: 0o644 }
      const backup = await changeAll([file], { command: 'apply', changes: [] }, store, context)
      put(store, `.kpki/backups/${backup?.name}/unfinished`, '')
    },
  },
]
