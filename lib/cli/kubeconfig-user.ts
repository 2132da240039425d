import {
  type Context,
  formatManifests,
  issueUserKubeconfig,
  type KeyAlgorithm,
  type KubernetesObject,
  type RbacSubject,
  readJwtClaims,
  resolveDescription,
  serverOf,
  UsageError,
  type UserKubeconfig,
  type UserKubeconfigSpec,
  userRbac,
} from '../index.js'
import { createNodeContext, DiskStore, detectDefaultAddress, detectHostName, fileExists } from '../node.js'
import type { Invocation, Run } from './command.js'
import { factsOf, parseClock, refuseProblems } from './description.js'
import { secondsOf } from './duration.js'
import { type FlagValues, list, text } from './flags.js'
import { readInput, readSecret } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { createNewFile, fileExistsAlready } from './new-file.js'
import { outFile, writeSecret } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { printable } from './terminal.js'

/** `kpki kubeconfig user`: a kubeconfig, and the bindings that go with it. */
export const runKubeconfigUser: Run = async (invocation, io) => {
  const { flags } = invocation
  const warnings: string[] = []
  const log = createLog(invocation, io)
  const context = createNodeContext({
    clock: parseClock(text(flags, 'now')),
    log: event => {
      if (event.level === 'warning') warnings.push(event.message)
      log(event)
    },
  })
  const name = text(flags, 'client-name')
  if (name === undefined) throw usage('kubeconfig user needs --client-name NAME: who the kubeconfig is for')
  const isDryRun = flags['dry-run'] === true
  await checkOutputs(flags, isDryRun)
  const token = await readSecret(invocation, 'token', io)
  const rbac = grants(flags, name, token, context)
  const store = new DiskStore(text(flags, 'dir') ?? '/etc/kubernetes', {
    ...(text(flags, 'cert-dir') === undefined ? {} : { certDir: text(flags, 'cert-dir') ?? '' }),
    ...(text(flags, 'kubeconfig-dir') === undefined ? {} : { kubeconfigDir: text(flags, 'kubeconfig-dir') ?? '' }),
  })
  const validitySeconds = secondsOf(flags, 'validity-period')
  const namespace = text(flags, 'namespace')
  const spec: UserKubeconfigSpec = {
    name,
    groups: [...list(flags, 'group'), ...list(flags, 'org')],
    ...(token === undefined ? {} : { token }),
    ...(validitySeconds === undefined ? {} : { validitySeconds }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(await described(invocation, io, context)),
  }
  const made = await issueUserKubeconfig(spec, store, context, {
    dryRun: isDryRun,
    ledger: flags['no-ledger'] !== true,
  })
  const output = text(flags, 'output')
  await writeFiles(made, rbac, invocation, io)
  if (isStructured(output)) {
    const facts = structured(made, rbac, flags)
    io.stdout(formatStructured({ ...facts, warnings }, output))
  } else if (isDryRun) {
    io.stdout(`# ${summary(made, context)}\n# Dry run, nothing was made\n${formatManifests(rbac)}`)
  } else if (flags['quiet'] !== true) {
    io.stderr(`kpki: ${summary(made, context)}\n`)
  }
  return EXIT.done
}

function usage(message: string, hint = 'see kpki kubeconfig user --help'): UsageError {
  return new UsageError('KPKI_USAGE', message, { hint })
}

/** One thing goes to standard output. Better said before a certificate is signed than after. */
async function checkOutputs(flags: FlagValues, isDryRun: boolean): Promise<void> {
  const [out, rbacOut] = [outFile(flags), outFile(flags, 'rbac-out')]
  const hasRole = text(flags, 'role') !== undefined || text(flags, 'cluster-role') !== undefined
  const isForPrograms = isStructured(text(flags, 'output'))
  if (text(flags, 'role') !== undefined && text(flags, 'namespace') === undefined)
    throw usage('--role needs --namespace: a Role is in one', 'for a ClusterRole everywhere, --cluster-role NAME')
  if (rbacOut !== undefined && !hasRole) throw usage('--rbac-out needs --role or --cluster-role')
  if (isForPrograms && out === undefined && !isDryRun)
    throw usage('-o json and -o yaml print facts, no secret: name a file for the kubeconfig with --out FILE')
  if (hasRole && !isForPrograms && !isDryRun && out === undefined && rbacOut === undefined)
    throw usage(
      'a kubeconfig and an RBAC manifest cannot share standard output: name a file for one of them',
      '--out FILE for the kubeconfig, or --rbac-out FILE',
    )
  if (out !== undefined && out === rbacOut) throw usage('--out and --rbac-out name the same file')
  for (const path of [out, rbacOut]) {
    if (path !== undefined && (await fileExists(path)))
      throw fileExistsAlready(path, '; kpki kubeconfig merge puts a kubeconfig into one that is there')
  }
}

/** The bindings of the roles that the flags name. */
function grants(
  flags: FlagValues,
  name: string,
  token: string | undefined,
  context: Context,
): readonly KubernetesObject[] {
  const [role, clusterRole, namespace] = [text(flags, 'role'), text(flags, 'cluster-role'), text(flags, 'namespace')]
  if (role === undefined && clusterRole === undefined) return []
  for (const [flag, value] of [
    ['role', role],
    ['cluster-role', clusterRole],
    ['namespace', namespace],
  ] as const) {
    // apimachinery v0.20.2, pkg/api/validation/path/name.go; namespaces are RFC 1123 labels.
    const isBad =
      value !== undefined &&
      (flag === 'namespace'
        ? !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value)
        : /[/%]|^\.\.?$|[\0-\x20\x7f]/.test(value))
    if (isBad) throw usage(`--${flag} ${JSON.stringify(value)}: it cannot be the name of one`)
  }
  const [, account = ''] = /^system:serviceaccount:(.+)$/.exec((token && readJwtClaims(token)?.subject) || '') ?? []
  const [accountNamespace = '', accountName] = account.split(':')
  const subject: RbacSubject =
    accountName !== undefined
      ? { kind: 'ServiceAccount', name: accountName, namespace: accountNamespace }
      : { kind: 'User', name }
  if (token !== undefined && subject.kind === 'User')
    context.log({
      level: 'warning',
      message: `the binding is for the user ${name}: whether that is who the token belongs to, the API server alone knows`,
    })
  return userRbac({
    subject,
    ...(role === undefined ? {} : { role }),
    ...(clusterRole === undefined ? {} : { clusterRole }),
    ...(namespace === undefined ? {} : { namespace }),
  })
}

// RFC 5737: an address that nothing can be said against, where the host's own does not matter or is not known.
const STAND_IN = '192.0.2.1'

/** What flags and --config say about the cluster; nothing of what would be a default. */
async function described(invocation: Invocation, io: Io, context: Context): Promise<Partial<UserKubeconfigSpec>> {
  const { flags } = invocation
  const [server, config] = [text(flags, 'server'), text(flags, 'config')]
  if (server !== undefined && text(flags, 'control-plane-endpoint') !== undefined)
    throw usage('--server and --control-plane-endpoint are two ways to say one thing: give one of them')
  const facts = factsOf(flags)
  const given = server === undefined ? {} : { server }
  if (config === undefined && Object.keys(facts).length === 0) return given
  const description = await resolveDescription(
    {
      ...(config === undefined ? {} : { file: await readInput(config, io, true) }),
      flags: facts,
      host: {
        hostname: () => detectHostName(),
        defaultAddress: async () => (await detectDefaultAddress()) ?? { address: STAND_IN, interface: '' },
      },
    },
    context,
  )
  const { cluster, origins } = refuseProblems(description, context)
  const isSaid = (fact: keyof typeof origins) => origins[fact].kind === 'flag' || origins[fact].kind === 'file'
  const hasServer = isSaid('controlPlaneEndpoint') || isSaid('advertiseAddress')
  return {
    ...(hasServer ? { server: serverOf('admin.conf', cluster, 'init') } : {}),
    ...(isSaid('clusterName') ? { clusterName: cluster.clusterName } : {}),
    ...(isSaid('encryptionAlgorithm') ? { keyAlgorithm: cluster.encryptionAlgorithm as KeyAlgorithm } : {}),
    ...(isSaid('kubernetesVersion') ? { kubernetesVersion: cluster.kubernetesVersion } : {}),
    ...given,
  }
}

async function writeFiles(
  { kubeconfig }: UserKubeconfig,
  rbac: readonly KubernetesObject[],
  invocation: Invocation,
  io: Io,
): Promise<void> {
  if (kubeconfig === undefined) return
  const { flags } = invocation
  const [out, rbacOut] = [outFile(flags), outFile(flags, 'rbac-out')]
  // Programs find the file in what is printed.
  const isForPrograms = isStructured(text(flags, 'output'))
  if (isForPrograms && out !== undefined) await createNewFile(out, kubeconfig, 0o600)
  else await writeSecret(kubeconfig, invocation, io)
  if (rbac.length === 0) return
  if (rbacOut !== undefined) {
    await createNewFile(rbacOut, formatManifests(rbac), 0o644)
    if (!isForPrograms && flags['quiet'] !== true) io.stderr(`kpki: RBAC manifest written to ${rbacOut}\n`)
  } else if (out !== undefined && !isForPrograms) io.stdout(formatManifests(rbac))
}

function summary({ name, groups, server, notAfter, contextName, namespace }: UserKubeconfig, context: Context): string {
  const inGroups = groups.length > 0 ? ` in ${groups.join(', ')}` : ''
  const hours = notAfter && Math.round((notAfter.getTime() - context.clock().getTime()) / 360_000) / 10
  const end = notAfter ? `, until ${notAfter.toISOString().replace('.000Z', 'Z')} (${hours} h)` : ', by a token'
  const where = namespace === undefined ? '' : `, namespace ${namespace}`
  return printable(`${name}${inGroups} at ${server}${end}; context ${contextName}${where}`)
}

function structured(made: UserKubeconfig, rbac: readonly KubernetesObject[], flags: FlagValues) {
  const { name, groups, server, clusterName, contextName, namespace, certificate, notAfter, keyAlgorithm } = made
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'UserKubeconfig',
    dryRun: flags['dry-run'] === true,
    user: name,
    groups,
    server,
    cluster: clusterName,
    context: contextName,
    namespace,
    credential: notAfter ? 'certificate' : 'token',
    notAfter: notAfter?.toISOString(),
    keyAlgorithm,
    serialNumber: certificate?.serialNumber,
    file: flags['dry-run'] === true ? undefined : outFile(flags),
    rbacFile: flags['dry-run'] === true ? undefined : outFile(flags, 'rbac-out'),
    rbac,
  }
}
