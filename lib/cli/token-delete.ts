import { ApiError, secretNameOf, TOKEN_SECRETS, tokenObjectName } from '../index.js'
import { createNodeContext } from '../node.js'
import type { Run } from './command.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { parseTokenName } from './token-source.js'

/** `kpki token delete`: all that are named are understood before the first one goes. */
export const runTokenDelete: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const ids = [...new Set(args.map((word, index) => parseTokenName(word, nameOf(index, args.length)).id))]
  const isDryRun = flags['dry-run'] === true
  const output = text(flags, 'output')
  const { connectCluster } = await import('./connect.js')
  const api = await connectCluster(invocation, io, createNodeContext({ log: createLog(invocation, io) }))
  try {
    const gone: string[] = []
    try {
      for (const id of ids) {
        const name = tokenObjectName(id)
        if (isDryRun ? (await api.get(name)) !== undefined : await api.delete(name)) gone.push(id)
      }
    } catch (error) {
      if (!isDryRun && gone.length > 0) io.stderr(`kpki: deleted before that: ${gone.join(', ')}\n`)
      throw error
    }
    const absent = ids.filter(id => !gone.includes(id))
    if (absent.length > 0) {
      // That one is not there is no reason to leave another one in force.
      const others = isDryRun || gone.length === 0 ? '' : `; deleted: ${gone.join(', ')}`
      throw new ApiError('KPKI_API_NOT_FOUND', `${api.server} has no bootstrap token ${absent.join(', ')}${others}`, {
        details: { status: 404, reason: 'NotFound', ids: absent, deleted: gone },
        hint: 'it may have expired: the cluster deletes those by itself; kpki token list shows what there is',
      })
    }
    if (isStructured(output)) {
      const items = gone.map(id => ({ id, secret: `${TOKEN_SECRETS.namespace}/${secretNameOf({ id })}` }))
      const head = { apiVersion: OUTPUT_VERSION, kind: 'BootstrapTokenDeletion', dryRun: isDryRun, server: api.server }
      io.stdout(formatStructured({ ...head, items }, output))
    } else {
      // kubeadm's line.
      for (const id of gone) io.stdout(`bootstrap token "${id}" ${isDryRun ? 'would be deleted' : 'deleted'}\n`)
    }
    return EXIT.done
  } finally {
    api.close()
  }
}

function nameOf(index: number, count: number): string {
  return count === 1 ? 'the token' : `token ${index + 1} of ${count}`
}
