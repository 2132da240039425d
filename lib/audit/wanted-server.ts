import type { FactName } from '../config/facts.js'
import { parseIp } from '../crypto/ip.js'
import { serverOf } from '../kubernetes/catalogue.js'
import type { ClusterFacts } from '../kubernetes/cluster.js'
import { KUBECONFIGS, type KubeconfigId } from '../kubernetes/rows.js'
import { splitServer } from './items.js'
import type { Wanting } from './wanting.js'

/** The facts that decide where kubeconfigs go. */
const SERVER_FACTS: readonly FactName[] = ['controlPlaneEndpoint', 'advertiseAddress', 'bindPort']

/** The server that a kubeconfig is to name: the one it names, unless something is stated that it does not follow. */
export function wantedServer(id: KubeconfigId, wanting: Wanting): string | undefined {
  const { stated, facts, inference, draft, role = 'control-plane', tree } = wanting
  const found = tree.rows.get(id)?.kubeconfig?.server
  const isKnown =
    facts.advertiseAddress !== undefined || (role === 'worker' && facts.controlPlaneEndpoint !== undefined)
  const described = draft && isKnown ? serverOf(id, draft, role) : undefined
  if (found === undefined) return wanting.cluster || role === 'worker' ? described : undefined
  if (!draft || !SERVER_FACTS.some(name => stated[name] !== undefined)) return found
  // Before it went to the endpoint or to this host, and it is not for us to send it elsewhere: kubeadm has changed its mind on that.
  const [local, endpoint] = [false, true].map(isEndpoint => ends(facts, isEndpoint))
  const [oldLocal, oldEndpoint] = [false, true].map(isEndpoint => ends(inference.facts, isEndpoint))
  const at = splitServer(found)
  const goesTo = (end: ReturnType<typeof ends>) => end !== undefined && at?.host === end.host && at.port === end.port
  const canBeEither = KUBECONFIGS[id].server !== 'endpoint'
  const isEither = goesTo(endpoint) || goesTo(local)
  if (canBeEither && isEither) return found
  if (canBeEither && goesTo(oldEndpoint) && !goesTo(oldLocal) && endpoint) return urlOf(endpoint)
  if (canBeEither && goesTo(oldLocal) && local) return urlOf(local)
  if (described === undefined || at === undefined) return found
  const target = splitServer(described)
  return goesTo(target) ? found : described
}

function ends(
  { controlPlaneEndpoint, advertiseAddress, bindPort = 6443 }: Partial<ClusterFacts>,
  isEndpoint: boolean,
): { readonly host: string; readonly port: number } | undefined {
  if (!isEndpoint)
    return advertiseAddress === undefined
      ? undefined
      : { host: parseIp(advertiseAddress)?.text ?? advertiseAddress, port: bindPort }
  if (controlPlaneEndpoint === undefined) return undefined
  const host = parseIp(controlPlaneEndpoint)
  const split = splitServer(`https://${host?.family === 6 ? `[${host.text}]` : controlPlaneEndpoint}`)
  const hasPort = !host && /:[0-9]+$/.test(controlPlaneEndpoint)
  return split && { host: split.host, port: hasPort ? split.port : bindPort }
}

function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}
