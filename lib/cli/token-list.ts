import { type BootstrapTokenSpec, bootstrapTokenStateOf, formatBootstrapToken, formatTime } from '../index.js'
import { createNodeContext } from '../node.js'
import type { Run } from './command.js'
import { parseClock } from './description.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { createLog } from './main.js'
import { writeSecret } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { listTokens, openTokenSource } from './token-source.js'
import { formatTokenTable } from './token-table.js'

/** `kpki token list`: kubeadm's table, or a superset of its objects. */
export const runTokenList: Run = async (invocation, io) => {
  const { flags } = invocation
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const now = context.clock()
  const source = await openTokenSource(invocation, io, context)
  try {
    const tokens = await listTokens(source, io)
    const isHidden = flags['hide-secrets'] === true
    const output = text(flags, 'output')
    const content = isStructured(output)
      ? formatStructured(
          {
            apiVersion: OUTPUT_VERSION,
            kind: 'BootstrapTokenList',
            items: tokens.map(token => describeToken(token, now, isHidden)),
          },
          output,
        )
      : formatTokenTable(tokens, now, ({ token }) => (isHidden ? `${token.id}.<hidden>` : formatBootstrapToken(token)))
    if (isHidden || tokens.length === 0) io.stdout(content)
    else await writeSecret(content, invocation, io)
    return EXIT.done
  } finally {
    source.close()
  }
}

/** A token for programs: every field of kubeadm's BootstrapToken (output.kubeadm.k8s.io/v1alpha3), and what comes of it now. */
export function describeToken(
  spec: BootstrapTokenSpec & { readonly isBeingDeleted?: boolean },
  now: Date,
  isHidden: boolean,
) {
  const { token, description, expires, usages, groups } = spec
  const { signing, authentication, isExpired, userName, groups: allGroups } = bootstrapTokenStateOf(spec, now)
  return {
    id: token.id,
    ...(isHidden ? {} : { token: formatBootstrapToken(token) }),
    ...(description === '' ? {} : { description }),
    ...(expires ? { expires: formatTime(expires) } : {}),
    usages,
    groups,
    expired: isExpired,
    signing,
    authentication,
    user: { name: userName, groups: allGroups },
  }
}
