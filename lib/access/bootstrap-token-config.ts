import type { ParsedConfiguration } from '../config/parse.js'
import { type ConfigProblem, formatPath } from '../config/problems.js'
import type { Context } from '../context.js'
import { EncodingError, UsageError } from '../errors.js'
import { parseDuration } from '../kubernetes/duration.js'
import { parseTime } from '../kubernetes/time.js'
import { parseBootstrapToken } from './bootstrap-token.js'
import { type BootstrapTokenOptions, type BootstrapTokenSpec, resolveBootstrapToken } from './bootstrap-token-spec.js'

/** The tokens that a configuration asks for. */
export interface ConfiguredTokens {
  /** Those that are right; one with every default where the configuration names none. */
  readonly tokens: readonly BootstrapTokenSpec[]
  /** What is wrong with the others, beyond what reading the configuration has told already. */
  readonly problems: readonly ConfigProblem[]
}

/**
 * The tokens of an InitConfiguration, with their defaults. What is random in them differs with every call.
 *
 * @param file - the configuration's name, for problems
 * @param overrides - what flags say; counts for every token
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/v1beta2/defaults.go (SetDefaults_BootstrapTokens)
 */
export function bootstrapTokensOf(
  { configuration, locate }: Pick<ParsedConfiguration, 'configuration' | 'locate'>,
  file: string,
  overrides: BootstrapTokenOptions,
  context: Context,
): ConfiguredTokens {
  const stated = configuration.InitConfiguration?.bootstrapTokens ?? []
  const tokens: BootstrapTokenSpec[] = []
  const problems: ConfigProblem[] = []
  const report = (index: number, field: string, code: ConfigProblem['code'], message: string, hint?: string) => {
    const path = ['bootstrapTokens', index, field]
    const isFlag = stated.length === 0 || Object.hasOwn(overrides, field === 'ttl' ? 'ttlSeconds' : field)
    problems.push({
      severity: 'error',
      code,
      field: isFlag ? '' : formatPath(path),
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(isFlag ? { flag: `--${field}` } : { file, ...locate('InitConfiguration', path) }),
    })
  }
  for (const [index, item] of (stated.length === 0 ? [{}] : stated).entries()) {
    try {
      const spec = resolveBootstrapToken(merge(optionsOf(item), overrides), context)
      if (tokens.some(({ token }) => token.id === spec.token.id))
        report(index, 'token', 'KPKI_FIELD_CONFLICT', 'another token of the list has the same id')
      else tokens.push(spec)
    } catch (error) {
      // A token that is none has been told of by the reader.
      if (error instanceof EncodingError) continue
      if (!(error instanceof UsageError)) throw error
      const field = String(error.details['field'])
      report(index, field, error.code, error.message.slice(field.length + 2), error.hint)
    }
  }
  return { tokens, problems }
}

type Stated = NonNullable<
  NonNullable<ParsedConfiguration['configuration']['InitConfiguration']>['bootstrapTokens']
>[number]

/** A flag counts over the file; an end that is named, in whichever words, over one that was named before. */
function merge({ ttlSeconds, expires, ...stated }: BootstrapTokenOptions, overrides: BootstrapTokenOptions) {
  const isEnded = overrides.ttlSeconds !== undefined || overrides.expires !== undefined
  return {
    ...stated,
    ...(isEnded || ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(isEnded || expires === undefined ? {} : { expires }),
    ...overrides,
  }
}

function optionsOf({ token, description, ttl, expires, usages, groups }: Stated): BootstrapTokenOptions {
  const end = expires ? parseTime(expires) : undefined
  const seconds = ttl ? parseDuration(ttl) : undefined
  return {
    ...(token ? { token: parseBootstrapToken(token) } : {}),
    ...(description ? { description } : {}),
    ...(end ? { expires: end } : {}),
    ...(seconds === undefined ? {} : { ttlSeconds: seconds }),
    ...(usages?.length ? { usages } : {}),
    ...(groups?.length ? { groups } : {}),
  }
}
