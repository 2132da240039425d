import {
  type BootstrapTokenOptions,
  type BootstrapTokenSpec,
  bootstrapTokensOf,
  type CertificateKey,
  type ConfigProblem,
  type Context,
  defaultVersion,
  formatProblem,
  type KubernetesVersion,
  type ParsedConfiguration,
  parseBootstrapToken,
  parseCertificateKey,
  parseDuration,
  parseVersion,
  UsageError,
} from '../index.js'
import type { Invocation } from './command.js'
import { noDuration } from './duration.js'
import { list, text } from './flags.js'
import { readInput, readSecret } from './input.js'
import type { Io } from './io.js'
import { warnOfProcesses } from './secrets.js'

/** What `kpki token create` is asked for. */
export interface WantedTokens {
  readonly tokens: readonly BootstrapTokenSpec[]
  readonly kubernetesVersion: KubernetesVersion
}

const NOTHING: Pick<ParsedConfiguration, 'configuration' | 'locate' | 'problems'> = {
  configuration: { carried: [] },
  locate: () => undefined,
  problems: [],
}

/**
 * The tokens that the command line and its `--config` ask for.
 *
 * @throws {@link UsageError} with every error when there are several
 */
export async function readWantedTokens(invocation: Invocation, io: Io, context: Context): Promise<WantedTokens> {
  const { flags } = invocation
  const file = text(flags, 'config')
  // Loaded where there is a file, and the YAML reader with it.
  const parsed = file === undefined ? NOTHING : await (await import('./token-config.js')).readConfiguration(file, io)
  const overrides = await readOverrides(invocation, io)
  const stated = parsed.configuration.InitConfiguration?.bootstrapTokens ?? []
  if (overrides.token && stated.length > 1)
    throw usage(`the configuration names ${stated.length} tokens, and the command line another one`)
  const errors = parsed.problems.filter(({ severity }) => severity === 'error')
  refuse(errors)
  const { tokens, problems } = bootstrapTokensOf(parsed, file ?? '', overrides, context)
  refuse(problems)
  return { tokens, kubernetesVersion: readVersion(invocation, parsed) }
}

function refuse(errors: readonly ConfigProblem[]): void {
  const [first] = errors
  if (!first) return
  throw new UsageError(first.code, formatProblem(first), {
    details: { field: first.field, findings: errors.map(formatProblem) },
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  })
}

async function readOverrides(invocation: Invocation, io: Io): Promise<BootstrapTokenOptions> {
  const { flags } = invocation
  const token = await readToken(invocation, io)
  const ttl = text(flags, 'ttl')
  const ttlSeconds = ttl === undefined ? undefined : parseDuration(ttl)
  if (ttl !== undefined && ttlSeconds === undefined) throw noDuration('ttl', ttl)
  const description = text(flags, 'description')
  return {
    ...(token === undefined ? {} : { token: parseBootstrapToken(token) }),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(description === undefined ? {} : { description }),
    ...(flags['usages'] === undefined ? {} : { usages: list(flags, 'usages') }),
    ...(flags['groups'] === undefined ? {} : { groups: list(flags, 'groups') }),
  }
}

async function readToken(invocation: Invocation, io: Io): Promise<string | undefined> {
  const [word] = invocation.args
  if (word !== undefined && text(invocation.flags, 'token-file') !== undefined)
    throw usage('the token is given twice: as an argument, and as --token-file')
  if (word === '-') return (await readInput('-', io)).text.replace(/\r?\n$/, '')
  if (word !== undefined) warnOfProcesses('token', '--token-file', invocation, io)
  return word ?? readSecret(invocation, 'token', io)
}

/** For whom the join command is: `true` for a control plane, its key for one that fetches certificates; else a worker. */
export async function readJoinRole(invocation: Invocation, io: Io): Promise<true | CertificateKey | undefined> {
  const { flags } = invocation
  const key = await readSecret(invocation, 'certificate-key', io)
  const given = ['certificate-key', 'certificate-key-file', 'control-plane'].find(name => flags[name] !== undefined)
  if (given !== undefined && flags['print-join-command'] !== true)
    throw usage(`--${given} says something about the join command only`, 'give --print-join-command, too')
  if (text(flags, 'certificate-key') !== undefined)
    warnOfProcesses('certificate key', '--certificate-key-file', invocation, io)
  if (key !== undefined) return parseCertificateKey(key)
  return flags['control-plane'] === true ? true : undefined
}

function readVersion({ flags }: Invocation, { configuration }: Pick<ParsedConfiguration, 'configuration'>) {
  const flag = text(flags, 'kubernetes-version')
  const version = flag ?? configuration.ClusterConfiguration?.kubernetesVersion ?? ''
  const parsed = version === '' ? defaultVersion() : parseVersion(version)
  if (parsed) return parsed
  throw usage(
    `${flag === undefined ? 'kubernetesVersion' : '--kubernetes-version'}: ${JSON.stringify(version)} is no version that kpki knows`,
    'e.g. v1.36.4, 1.33, stable-1.30; 1.20 is the oldest',
  )
}

function usage(message: string, hint = 'see kpki token create --help'): UsageError {
  return new UsageError('KPKI_USAGE', message, { hint })
}
