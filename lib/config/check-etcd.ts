import { quote } from '../kubernetes/cluster-fields.js'
import { has } from '../kubernetes/differences.js'
import type { ControlPlaneSubject, ReportAt } from './control-plane-subject.js'

/** Directories that are somebody else's, and emptied by reset or read by the kubelet. */
const TAKEN = [
  '/',
  '/etc',
  '/etc/kubernetes',
  '/etc/kubernetes/manifests',
  '/etc/kubernetes/pki',
  '/var',
  '/var/lib',
  '/var/lib/kubelet',
]

/** Where etcd is, and where its data are. */
export function checkEtcd({ configuration, description }: ControlPlaneSubject, report: ReportAt): void {
  const { etcd } = configuration.ClusterConfiguration ?? {}
  const dataDir = etcd?.local?.dataDir ?? ''
  const at = (...path: (string | number)[]) => ({ kind: 'ClusterConfiguration', path: ['etcd', ...path] }) as const
  const plain = dataDir.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')
  if (
    etcd?.local &&
    (TAKEN.includes(plain) || plain.split('/').includes('..') || plain.startsWith('/etc/kubernetes/manifests/'))
  )
    report('error', at('local', 'dataDir'), `${quote(dataDir)} is no directory of etcd's own`, {
      hint: 'e.g. /var/lib/etcd',
    })
  const { httpEndpoints = [], caFile, certFile, keyFile } = etcd?.external ?? {}
  for (const [index, url] of httpEndpoints.entries())
    if (!/^https?:\/\/[^/\s]+\/?$/.test(url))
      report('error', at('external', 'httpEndpoints', index), `${quote(url)} is not a URL of an etcd member`)
  if (httpEndpoints.length > 0 && !has(description.cluster.kubernetesVersion, 'etcdHttpEndpoints'))
    report('warning', at('external', 'httpEndpoints'), 'kubeadm reads these since 1.35')
  const { certificatesDir } = description.cluster
  for (const [name, file = ''] of Object.entries({ caFile, certFile, keyFile }))
    if (
      file.startsWith(`${certificatesDir.replace(/\/$/, '')}/`) &&
      /\/(?:ca|front-proxy-ca)\.(?:crt|key)$/.test(file) &&
      !file.includes('/etcd/')
    )
      report(
        'warning',
        at('external', name),
        `${quote(file)} is a CA of this cluster: an etcd that trusts it trusts all its clients`,
      )
}
