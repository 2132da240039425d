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
import { DiskStore, detectDefaultAddress, detectHostName, fileExists, movedPath, placeFile } from '../node.js'
import type { Invocation, Run } from './command.js'
import { factsOf, listeningContext, refuseProblems } from './description.js'
import { secondsOf } from './duration.js'
import { type FlagValues, list, text } from './flags.js'
import { readInput, readSecret } from './input.js'
import { span } from './inspect-life.js'
import { EXIT, type Io } from './io.js'
import { createNewFiles, fileExistsAlready } from './new-file.js'
import { outFile, writeSecret } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'
import { printable } from './terminal.js'

/** `kpki kubeconfig user`: a kubeconfig, and the bindings that go with it. */
export const runKubeconfigUser: Run = async (invocation, io) => {
  const { flags } = invocation
  const { context, warnings } = listeningContext(invocation, io)
  const name = text(flags, 'client-name')
  if (name === undefined) throw usage('kubeconfig user needs --client-name NAME: who the kubeconfig is for')
  const isDryRun = flags['dry-run'] === true
  await checkOutputs(flags, isDryRun)
  const token = await readSecret(invocation, 'token', io)
  if (token !== undefined && text(flags, 'encryption-algorithm') !== undefined)
    throw usage('--encryption-algorithm is for the key of a client certificate, and a token has none')
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
  const begin = context.clock()
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
    io.stdout(`# ${summary(made, begin)}\n# Dry run, nothing was made\n${formatManifests(rbac)}`)
  } else if (flags['quiet'] !== true) {
    io.stderr(`kpki: ${summary(made, begin)}\n`)
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
  // One file has many names: . and .. are taken out of both.
  const place = (path: string) => movedPath(path, './here', '/')
  if (out !== undefined && rbacOut !== undefined && place(out) === place(rbacOut))
    throw usage('--out and --rbac-out name the same file')
  for (const path of [out, rbacOut]) {
    if (path !== undefined && (await fileExists(path)))
      throw fileExistsAlready(path, '; kpki kubeconfig merge puts a kubeconfig into one that is there')
    // Whether a file can be made there is known when one was.
    if (path !== undefined && !isDryRun) await (await placeFile(path, new Uint8Array(), 0o600)).takeBack()
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
  ] as const) {
    // apimachinery v0.20.2, pkg/api/validation/path/name.go
    if (value !== undefined && /[/%]|^\.\.?$|[\0-\x20\x7f]/.test(value))
      throw usage(`--${flag} ${JSON.stringify(value)}: it cannot be the name of one`)
  }
  // What a token says of itself is not verified: who gets a role is said by whom it is asked for.
  const said = token === undefined ? undefined : readJwtClaims(token)?.subject
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)
  if (said?.startsWith('system:serviceaccount:') && said !== name)
    throw usage(
      `the token says that it is that of ${quoted(said)}, and the binding would be for ${quoted(name)}, whom the API server does not take it for`,
      `for a binding of the one of the token: --client-name ${SERVICE_ACCOUNT.test(said) ? said : 'system:serviceaccount:NAMESPACE:NAME'}`,
    )
  const [, accountNamespace = '', accountName = ''] = token === undefined ? [] : (account ?? [])
  if (accountName !== '' && !SERVICE_ACCOUNT.test(name)) throw usage(`${quoted(name)} cannot be a service account`)
  const subject: RbacSubject =
    accountName === ''
      ? { kind: 'User', name }
      : { kind: 'ServiceAccount', name: accountName, namespace: accountNamespace }
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

/** Namespace: an RFC 1123 label; name: an RFC 1123 subdomain (kubernetes/kubernetes v1.20.2, pkg/apis/core/validation/validation.go). */
const SERVICE_ACCOUNT =
  /^system:serviceaccount:[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?:[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** A name that somebody else may have chosen. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 99)}…` : name)
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

/** Both files or none: a kubeconfig without its manifest would be in the way of the next run. */
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
  const files = [
    ...(out === undefined ? [] : [{ path: out, content: kubeconfig, mode: 0o600, about: '' }]),
    ...(rbacOut === undefined || rbac.length === 0
      ? []
      : [{ path: rbacOut, content: formatManifests(rbac), mode: 0o644, about: 'RBAC manifest ' }]),
  ]
  await createNewFiles(files)
  for (const { path, about } of files)
    if (!isForPrograms && flags['quiet'] !== true) io.stderr(`kpki: ${about}written to ${path}\n`)
  if (out === undefined) await writeSecret(kubeconfig, invocation, io)
  else if (rbacOut === undefined && rbac.length > 0 && !isForPrograms) io.stdout(formatManifests(rbac))
}

function summary({ name, groups, server, notAfter, contextName, namespace }: UserKubeconfig, begin: Date): string {
  const inGroups = groups.length > 0 ? ` in ${groups.join(', ')}` : ''
  // Certificates count whole seconds.
  const life = notAfter && span(+notAfter - Math.floor(+begin / 1000) * 1000)
  const end = notAfter ? `, until ${notAfter.toISOString().replace('.000Z', 'Z')} (${life})` : ', by a token'
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
