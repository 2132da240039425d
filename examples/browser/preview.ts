/** What a description will give, before anything is made. */
import {
  CERTIFICATE_IDS,
  type Cluster,
  filesOf,
  issuerOf,
  KUBECONFIG_IDS,
  type KubeconfigId,
  rowsOf,
  serverOf,
  wantedCertificate,
} from 'kpki'
import type { Read } from './description.js'
import { byId, element } from './dom.js'
import { count, dayOf } from './words.js'

const body = byId('preview-body', HTMLElement)

/** Shows what will be made of a cluster, or what is still in the way of that. */
export function showPreview({ cluster, flags, problems }: Read): void {
  const isEmpty = Object.keys(flags).length === 0 && problems.every(({ line }) => line === undefined)
  body.replaceChildren(cluster ? factsOf(cluster, new Date()) : element('p', {}, isEmpty ? NOTHING_YET : NOT_YET))
}

const NOTHING_YET =
  'A node name and its address are enough: everything else has the defaults of kubeadm. What comes of it is shown here before anything is made.'
const NOT_YET = 'Something is still missing or not right; then what comes of it is shown here.'

function factsOf(cluster: Cluster, now: Date): HTMLElement {
  const rows = rowsOf(cluster, 'init')
  const certificates = CERTIFICATE_IDS.filter(id => rows.includes(id))
  const cas = certificates.filter(id => issuerOf(id) === undefined)
  const kubeconfigs = KUBECONFIG_IDS.filter(id => rows.includes(id))
  const ends = (seconds: number) => dayOf(new Date(now.getTime() + seconds * 1000))
  const { dnsNames, ipAddresses } = wantedCertificate('apiserver', cluster)
  const facts: readonly (readonly [term: string, ...values: (string | Node)[]])[] = [
    ['Kubernetes', cluster.kubernetesVersion.text],
    ['Keys', cluster.encryptionAlgorithm],
    [
      'Valid until',
      `${ends(Math.min(cluster.certificateValiditySeconds, cluster.caCertificateValiditySeconds))}, CAs until ${ends(cluster.caCertificateValiditySeconds)}`,
    ],
    ['The API server answers to', nameList([...dnsNames, ...ipAddresses])],
    ['Kubeconfigs lead to', ...serversOf(kubeconfigs, cluster)],
    [
      count(rows.flatMap(filesOf).length, 'file'),
      [
        count(cas.length, 'CA'),
        count(certificates.length - cas.length, 'certificate'),
        count(kubeconfigs.length, 'kubeconfig'),
        'the key pair of service accounts',
      ].join(', '),
    ],
  ]
  return element(
    'dl',
    {},
    ...facts.flatMap(([term, ...values]) => [
      element('dt', {}, term),
      ...values.map(value => element('dd', {}, value)),
    ]),
  )
}

/** Each server once, with the kubeconfigs that name it. */
function serversOf(ids: readonly KubeconfigId[], cluster: Cluster): readonly Node[] {
  const servers = [...new Set(ids.map(id => serverOf(id, cluster, 'init')))]
  return servers.map(server => {
    const files = ids.filter(id => serverOf(id, cluster, 'init') === server)
    const who = servers.length === 1 ? [] : [element('span', { class: 'hint' }, ` ${files.join(', ')}`)]
    return element('div', {}, element('code', {}, server), ...who)
  })
}

/** Names as a list that wraps between them. */
export function nameList(names: readonly string[]): HTMLElement {
  return element('ul', { class: 'names' }, ...names.map(name => element('li', {}, element('code', {}, name))))
}
