import { ApiError } from '../../errors.js'
import type { KubernetesObject } from '../../kubernetes/objects.js'
import { type AddonObjects, COREDNS, corednsAddon, defaultCorefiles } from '../../render/coredns.js'
import { kubeProxyAddon } from '../../render/kube-proxy-addon.js'
import { mappingOf } from '../patch-node.js'
import { type Adjusted, applyAdjusted } from './adjusted-objects.js'
import type { InitRun } from './init-run.js'
import type { Action, Phase } from './phase.js'

/**
 * What every cluster needs beside its control plane: names, and a way to Services.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/addons.go
 */
export const ADDON: Phase<InitRun> = {
  name: 'addon',
  about: 'put CoreDNS and kube-proxy into the cluster',
  isInCluster: true,
  phases: [
    {
      name: 'coredns',
      about: "CoreDNS, the cluster's DNS server; how many there are and a Corefile that somebody changed stay",
      skip: ({ controlPlane: { dns } }) => (dns.isDisabled ? 'dns.disabled is set' : undefined),
      plan: ({ controlPlane, patches }) => [
        applyAddon(corednsAddon(controlPlane, patches), (object, existing) =>
          adjustCoredns(object, existing, { controlPlane, patches }),
        ),
      ],
    },
    {
      name: 'kube-proxy',
      about: 'kube-proxy, which makes Services reachable, on every node',
      skip: ({ controlPlane: { proxy } }) => (proxy.isDisabled ? 'proxy.disabled is set' : undefined),
      plan: ({ controlPlane, patches, traits }) => [
        applyAddon(kubeProxyAddon(controlPlane, traits, patches), object => ({ object })),
      ],
    },
  ],
}

function applyAddon({ objects, notes }: AddonObjects, adjust: Parameters<typeof applyAdjusted>[1]): Action {
  return applyAdjusted(objects, adjust, notes)
}

/**
 * What of CoreDNS stays as the cluster has it: the number of replicas, unless a patch says it, and a Corefile that somebody has
 * changed. kubeadm would migrate that one to a newer CoreDNS, where it can; here it is kept as it is, and said.
 *
 * @throws {@link ApiError} `KPKI_API_CONFLICT` for a Service with another address, which can never change
 */
function adjustCoredns(
  object: KubernetesObject,
  existing: KubernetesObject,
  facts: Pick<InitRun, 'controlPlane' | 'patches'>,
): Adjusted {
  switch (object.kind) {
    case 'ConfigMap':
      return adjustCorefile(object, existing, facts.controlPlane.cluster.dnsDomain)
    case 'Deployment':
      return { object: withReplicas(object, existing, facts) }
    case 'Service':
      assertSameAddress(object, existing)
      return { object }
    default:
      return { object }
  }
}

function adjustCorefile(object: KubernetesObject, existing: KubernetesObject, dnsDomain: string): Adjusted {
  const { Corefile: found } = mappingOf(existing['data'])
  const isOurs = typeof found !== 'string' || found.trim() === '' || defaultCorefiles(dnsDomain).includes(found)
  if (isOurs) return { object }
  return {
    object: undefined,
    note: `the Corefile of ConfigMap ${COREDNS.namespace}/${COREDNS.name} was changed by somebody and is kept; kpki init phase addon coredns -o yaml shows the usual one`,
  }
}

/** Patched anew with the number that the cluster has: what a patch says counts, be it the usual number. */
function withReplicas(
  object: KubernetesObject,
  existing: KubernetesObject,
  { controlPlane, patches }: Pick<InitRun, 'controlPlane' | 'patches'>,
): KubernetesObject {
  const { replicas } = mappingOf(existing['spec'])
  if (typeof replicas !== 'number') return object
  const { objects } = corednsAddon(controlPlane, patches, { replicas })
  return objects.find(({ kind }) => kind === object.kind) ?? object
}

function assertSameAddress(object: KubernetesObject, existing: KubernetesObject): void {
  const { clusterIP: wanted } = mappingOf(object['spec'])
  const { clusterIP: found } = mappingOf(existing['spec'])
  if (found === undefined || found === '' || found === wanted) return
  const name = `${COREDNS.namespace}/${COREDNS.service}`
  throw new ApiError(
    'KPKI_API_CONFLICT',
    `Service ${name} is there with clusterIP ${JSON.stringify(found)}, and the address of this cluster's DNS server is ${JSON.stringify(wanted)}: that never changes`,
    {
      details: { status: 409, what: name },
      hint: `describe the serviceSubnet that the cluster has, or delete the Service (names are not found until the next run): kubectl -n ${COREDNS.namespace} delete service ${COREDNS.service}`,
    },
  )
}
