import { bootstrapTokensOf } from '../access/bootstrap-token-config.js'
import type { ControlPlane } from '../config/control-plane.js'
import { throwFirst } from '../config/problems.js'
import type { Context } from '../context.js'
import type { InitToken } from './phases/init-run.js'
import { DEFAULT_TOKEN_DESCRIPTION } from './phases/tokens-in-force.js'

/**
 * The bootstrap tokens of an init: those of the description; where it names none, a new one, with kubeadm's description.
 *
 * @throws `UsageError` the first problem of a token
 */
export function initTokens({ bootstrapTokens }: ControlPlane, context: Context): readonly InitToken[] {
  const configuration = { InitConfiguration: { bootstrapTokens }, carried: [] }
  const { tokens, problems } = bootstrapTokensOf(
    { configuration, locate: () => undefined },
    'the description',
    {},
    context,
  )
  throwFirst(problems)
  // A time to live alone asks for no token of one's own.
  const isDefault =
    bootstrapTokens.every(({ token, groups, usages }) => !token && !groups && !usages) && tokens.length === 1
  return tokens.map((spec, index) => {
    if (bootstrapTokens[index]?.token) return spec
    const description = isDefault && spec.description === '' ? DEFAULT_TOKEN_DESCRIPTION : spec.description
    return { ...spec, description, isRandom: true }
  })
}
