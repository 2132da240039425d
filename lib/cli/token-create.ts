import {
  BOOTSTRAP_RBAC,
  type BootstrapTokenSpec,
  bootstrapTokenStateOf,
  type CertificateKey,
  CLUSTER_INFO,
  type ClusterApi,
  type ClusterConnection,
  type Context,
  createBootstrapTokens,
  formatBootstrapToken,
  formatBootstrapTokenSecret,
  formatClusterInfo,
  formatJoinCommand,
  formatManifests,
  formatTime,
  type KubernetesObject,
  type KubernetesVersion,
  rbacObjects,
  UsageError,
  withdrawBootstrapTokens,
} from '../index.js'
import { createNodeContext } from '../node.js'
import type { Invocation, Run } from './command.js'
import { parseClock } from './description.js'
import { text } from './flags.js'
import { unlessInterrupted } from './interruption.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { writeSecret } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import type { JoinedCluster } from './token-cluster.js'
import { describeToken } from './token-list.js'
import { readJoinRole, readWantedTokens } from './token-options.js'

/** `kpki token create`: in a cluster, or as manifests. */
export const runTokenCreate: Run = async (invocation, io) => {
  const { flags } = invocation
  const context = createNodeContext({ clock: parseClock(text(flags, 'now')), log: createLog(invocation, io) })
  const { tokens, kubernetesVersion } = await readWantedTokens(invocation, io, context)
  const role = await readJoinRole(invocation, io)
  const run: CreateRun = { invocation, io, context, tokens, kubernetesVersion, role }
  const isOffline = isStructured(text(flags, 'output')) && text(flags, 'kubeconfig') === undefined
  return isOffline ? printManifests(run) : create(run)
}

interface CreateRun {
  readonly invocation: Invocation
  readonly io: Io
  readonly context: Context
  readonly tokens: readonly BootstrapTokenSpec[]
  readonly kubernetesVersion: KubernetesVersion
  readonly role: true | CertificateKey | undefined
}

async function printManifests(run: CreateRun): Promise<number> {
  const { invocation, io, tokens } = run
  const { flags } = invocation
  if (flags['print-join-command'] === true) {
    throw new UsageError('KPKI_USAGE', 'with -o json|yaml and no --kubeconfig, manifests are printed, and no command', {
      hint: 'leave one of --print-join-command and -o out, or name the cluster to make the token in with --kubeconfig',
    })
  }
  const discovery = flags['discovery-objects'] === true ? await offlineDiscovery(run) : []
  const items = [...tokens.map(formatBootstrapTokenSecret), ...discovery]
  const [first] = items
  const json = items.length === 1 ? first : { apiVersion: 'v1', kind: 'List', items }
  const content = text(flags, 'output') === 'json' ? formatStructured(json, 'json') : formatManifests(items)
  await writeSecret(content, invocation, io)
  return EXIT.done
}

async function offlineDiscovery(run: CreateRun): Promise<readonly KubernetesObject[]> {
  const { readConnection } = await import('./connect.js')
  const cluster = await clusterFor(run, await readConnection(run.invocation, run.io))
  return cluster ? discoveryObjects(run, cluster, run.tokens) : []
}

/** What `kubeadm init phase bootstrap-token` makes beside tokens, in its order. */
async function discoveryObjects(
  run: CreateRun,
  { server, caPem }: JoinedCluster,
  signers: readonly BootstrapTokenSpec[],
): Promise<readonly KubernetesObject[]> {
  const { context, kubernetesVersion } = run
  const signing = signers.filter(spec => bootstrapTokenStateOf(spec, context.clock()).signing === 'yes')
  const tokens = signing.map(({ token }) => token)
  const rbac = rbacObjects(BOOTSTRAP_RBAC)
  const isOfClusterInfo = ({ metadata }: KubernetesObject) => metadata.namespace === CLUSTER_INFO.namespace
  return [
    ...rbac.filter(object => !isOfClusterInfo(object)),
    await formatClusterInfo({ server, caPem, kubernetesVersion }, tokens, context),
    ...rbac.filter(isOfClusterInfo),
  ]
}

/** The cluster that hosts join, where something is made for hosts; said of it is what they would stumble over. */
async function clusterFor(run: CreateRun, connection: ClusterConnection): Promise<JoinedCluster | undefined> {
  const { flags } = run.invocation
  if (flags['discovery-objects'] !== true && flags['print-join-command'] !== true) return undefined
  // Loaded here, since a Secret alone needs no kubeconfig.
  const { isLoopback, joinedCluster } = await import('./token-cluster.js')
  const cluster = joinedCluster(connection)
  if (isLoopback(cluster.server)) {
    const message = `${cluster.server} leads every host that joins to itself: name a kubeconfig with the address that hosts reach`
    run.context.log({ level: 'warning', message })
  }
  return cluster
}

async function create(run: CreateRun): Promise<number> {
  const { invocation, io, context, tokens } = run
  const { flags } = invocation
  const isDryRun = flags['dry-run'] === true
  const [{ readConnection }, { connectToTakeBack }] = await Promise.all([
    import('./connect.js'),
    import('./connect-to-take-back.js'),
  ])
  const connection = await readConnection(invocation, io)
  const api = connectToTakeBack(connection, io, context)
  try {
    // Everything that can be wrong is found before anything is made. The cluster signs cluster-info by itself.
    const cluster = await clusterFor(run, connection)
    const objects = cluster && flags['discovery-objects'] === true ? await discoveryObjects(run, cluster, []) : []
    if (cluster && objects.length > 0) {
      const { refuseOtherClusterInfo } = await import('./token-cluster.js')
      await unlessInterrupted(refuseOtherClusterInfo(cluster, api, context), io.signal)
    }
    const commands = cluster && flags['print-join-command'] === true ? await joinCommands(run, cluster) : []
    await createBootstrapTokens(tokens, api, { objects, isDryRun, signal: io.signal })
    try {
      await report({ ...run, api, isDryRun, commands, objects })
    } catch (error) {
      const ids = tokens.map(({ token }) => token.id)
      const left = isDryRun ? [] : await withdrawBootstrapTokens(ids, api)
      if (left.length > 0) {
        const names = left.join(' ')
        io.stderr(`kpki: warning: ${names} could not be taken back: kpki token delete ${names}\n`)
      }
      throw error
    }
    return EXIT.done
  } finally {
    api.close()
  }
}

async function joinCommands(
  { context, tokens, kubernetesVersion, role }: CreateRun,
  { server, caCertificates }: JoinedCluster,
): Promise<readonly string[]> {
  const controlPlane = role === undefined ? {} : { controlPlane: role }
  return Promise.all(
    tokens.map(({ token }) =>
      formatJoinCommand({ server, caCertificates, token, kubernetesVersion, ...controlPlane }, context),
    ),
  )
}

interface CreateReport extends CreateRun {
  readonly api: ClusterApi
  readonly isDryRun: boolean
  readonly commands: readonly string[]
  readonly objects: readonly KubernetesObject[]
}

async function report({
  invocation,
  io,
  context,
  tokens,
  api,
  isDryRun,
  commands,
  objects,
}: CreateReport): Promise<void> {
  const { flags } = invocation
  const output = text(flags, 'output')
  const now = context.clock()
  if (isStructured(output)) {
    const items = tokens.map((token, index) => ({
      ...describeToken(token, now, false),
      ...(commands[index] === undefined ? {} : { joinCommand: commands[index] }),
    }))
    const names = objects.map(
      ({ kind, metadata: { namespace, name } }) => `${kind} ${namespace ? `${namespace}/` : ''}${name}`,
    )
    const head = { apiVersion: OUTPUT_VERSION, kind: 'BootstrapTokenCreation', dryRun: isDryRun, server: api.server }
    await writeSecret(formatStructured({ ...head, items, objects: names }, output), invocation, io)
    return
  }
  const lines = commands.length > 0 ? commands : tokens.map(({ token }) => formatBootstrapToken(token))
  await writeSecret(lines.map(line => `${line}\n`).join(''), invocation, io)
  if (flags['quiet'] === true) return
  for (const spec of tokens) {
    const { token, expires } = spec
    const until = expires ? `until ${formatTime(expires)}` : 'for ever'
    io.stderr(
      isDryRun
        ? `kpki: dry run: nothing was changed; ${api.server} would know token ${token.id} ${until}\n`
        : `kpki: ${api.server} knows token ${token.id} ${until}\n`,
    )
    const { signing, authentication } = bootstrapTokenStateOf(spec, now)
    const lacks = [...(signing === 'yes' ? [] : ['signing']), ...(authentication === 'yes' ? [] : ['authentication'])]
    if (commands.length > 0 && lacks.length > 0)
      io.stderr(`kpki: warning: no host joins with token ${token.id} alone: it is not for ${lacks.join(' and ')}\n`)
  }
}
