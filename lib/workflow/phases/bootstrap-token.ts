import type { ClusterApi } from '../../access/api.js'
import { BOOTSTRAP_RBAC, KUBELET_API_RBAC, type RbacRow, rbacObjects } from '../../access/bootstrap-rbac.js'
import { formatBootstrapTokenSecret } from '../../access/bootstrap-token-secret.js'
import type { BootstrapTokenSpec } from '../../access/bootstrap-token-spec.js'
import { CLUSTER_INFO } from '../../access/cluster-info.js'
import { formatClusterInfo } from '../../access/cluster-info-format.js'
import { readRow } from '../../audit/actual.js'
import type { ControlPlane } from '../../config/control-plane.js'
import { formatPem } from '../../crypto/pem.js'
import { PolicyError } from '../../errors.js'
import { serverOf } from '../../kubernetes/catalogue.js'
import { has } from '../../kubernetes/differences.js'
import type { KubernetesObject } from '../../kubernetes/objects.js'
import { formatTime } from '../../kubernetes/time.js'
import { createTokenSecret, tokenObjectName } from '../create-tokens.js'
import { stopIfInterrupted } from '../interruption.js'
import { mappingOf } from '../patch-node.js'
import { applyObjects, describeObject, outcomeOf } from './actions.js'
import { type Adjusted, applyAdjusted } from './adjusted-objects.js'
import type { InitRun, InitToken } from './init-run.js'
import type { Action, Hands, Phase } from './phase.js'
import { tokensInForce } from './tokens-in-force.js'

/** What everybody may read of a cluster goes behind what is read. */
const RBAC: readonly RbacRow[] = BOOTSTRAP_RBAC
const isPublic = ({ namespace }: RbacRow) => namespace === CLUSTER_INFO.namespace

/**
 * Lets hosts join with a bootstrap token: the tokens, what they are allowed, and the cluster-info by which hosts know the cluster.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/bootstraptoken.go
 */
export const BOOTSTRAP_TOKEN: Phase<InitRun> = {
  name: 'bootstrap-token',
  about: 'make bootstrap tokens, allow hosts to join with them, and publish cluster-info',
  isInCluster: true,
  plan: run => [
    ...makeTokens(run),
    applyObjects(
      rbacObjects([
        ...RBAC.filter(row => !isPublic(row)),
        ...(has(run.controlPlane.cluster.kubernetesVersion, 'kubeletApiBinding') ? KUBELET_API_RBAC : []),
      ]),
    ),
    publishClusterInfo(run.controlPlane),
    applyObjects(rbacObjects(RBAC.filter(isPublic))),
  ],
}

/** Tokens that the cluster has already stay as they are until they expire; see `tokensInForce`. */
function makeTokens(run: InitRun): readonly Action[] {
  const named = run.tokens.filter(({ isRandom }) => !isRandom)
  const random = run.tokens.filter(({ isRandom }) => isRandom)
  const one = random.length === 1 ? 'make a bootstrap token' : `make ${random.length} bootstrap tokens`
  return [
    ...(named.length > 0
      ? [tokenAction(`make bootstrap tokens ${named.map(idOf).join(', ')}`, named, false, run)]
      : []),
    // What is another one in every run is in no plan.
    ...(random.length > 0 ? [tokenAction(one, [], true, run)] : []),
  ]
}

function tokenAction(about: string, shown: readonly InitToken[], isRandom: boolean, run: InitRun): Action {
  return {
    kind: 'tokens',
    about,
    objects: shown.map(formatBootstrapTokenSecret),
    async apply({ connect, signal }) {
      const api = await connect()
      const { missing, kept } = await tokensInForce(run, api)
      const made: string[] = []
      for (const spec of missing.filter(each => (each.isRandom === true) === isRandom)) {
        stopIfInterrupted(signal, made.length === 0 ? 'no token was made' : `${made.join(', ')} stays`)
        await putToken(spec, api)
        made.push(describeObject(formatBootstrapTokenSecret(spec)))
      }
      return outcomeOf(made, isRandom ? kept.map(describeKept) : [])
    },
  }
}

function describeKept({ token, expires }: BootstrapTokenSpec): string {
  return `token ${token.id} of an earlier run is kept, and ${expires ? `ends at ${formatTime(expires)}` : 'never ends'}`
}

function idOf({ token }: BootstrapTokenSpec): string {
  return token.id
}

/** Makes the Secret, or makes another one of it that says this and nothing more: a usage that was left would be a right. */
async function putToken(spec: BootstrapTokenSpec, api: ClusterApi): Promise<void> {
  const name = tokenObjectName(spec.token.id)
  const existing = await api.get(name)
  if (!existing) {
    await createTokenSecret(spec, api)
    return
  }
  const gone = Object.fromEntries(Object.keys(mappingOf(existing['data'])).map(key => [key, null]))
  await api.patch(name, {
    metadata: { resourceVersion: existing.metadata.resourceVersion },
    data: { ...gone, ...mappingOf(formatBootstrapTokenSecret(spec)['data']) },
  })
}

function publishClusterInfo(controlPlane: ControlPlane): Action {
  const read = async (hands: Pick<Hands, 'store' | 'context'>) => [await readClusterInfo(controlPlane, hands)]
  return {
    kind: 'objects',
    about: `apply ConfigMap ${CLUSTER_INFO.namespace}/${CLUSTER_INFO.name}`,
    readObjects: read,
    async apply(hands) {
      // Signatures in it are the controller manager's, and stay: they are fields that this does not name.
      return applyAdjusted(await read(hands), noteOtherServer).apply(hands)
    },
  }
}

/** Hosts that were told to join there find another server from now on: the endpoint was changed, or this is another cluster. */
function noteOtherServer(object: KubernetesObject, existing: KubernetesObject): Adjusted {
  const [wanted, found] = [object, existing].map(each => /^ *server: (\S+)$/m.exec(kubeconfigOf(each))?.[1])
  if (found === undefined || found === wanted) return { object }
  const name = `${CLUSTER_INFO.namespace}/${CLUSTER_INFO.name}`
  return { object, note: `ConfigMap ${name} named ${JSON.stringify(found)} before, and now ${wanted}` }
}

function kubeconfigOf({ data }: KubernetesObject): string {
  const { kubeconfig } = mappingOf(data)
  return typeof kubeconfig === 'string' ? kubeconfig : ''
}

/** The cluster as a host that joins has to know it: where it is, and its CA, which `ca.crt` says. */
async function readClusterInfo({ cluster }: ControlPlane, { store, context }: Pick<Hands, 'store' | 'context'>) {
  const { certificates } = await readRow('ca', store, context, { kinds: ['certificate'] })
  if (certificates.length === 0) {
    const place = store.locate('pki/ca.crt')
    throw new PolicyError('KPKI_ISSUER_MISSING', `${place} does not exist, and cluster-info needs the cluster's CA`, {
      details: { path: place },
      hint: 'do not skip the phase certs/ca, which makes it; that of a cluster that is there already is copied to its place',
    })
  }
  const caPem = certificates.map(({ der }) => formatPem('CERTIFICATE', der)).join('')
  const { kubernetesVersion } = cluster
  return formatClusterInfo({ server: serverOf('admin.conf', cluster, 'init'), caPem, kubernetesVersion }, [], context)
}
