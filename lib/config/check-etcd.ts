import { quote } from '../kubernetes/cluster-fields.js'
import { has } from '../kubernetes/differences.js'
import { isWithin } from '../kubernetes/paths.js'
import type { ControlPlaneSubject, ReportAt } from './control-plane-subject.js'

/** Where etcd is. */
export function checkEtcd({ configuration, description }: ControlPlaneSubject, report: ReportAt): void {
  const { etcd } = configuration.ClusterConfiguration ?? {}
  const at = (...path: (string | number)[]) => ({ kind: 'ClusterConfiguration', path: ['etcd', ...path] }) as const
  const { httpEndpoints = [], caFile, certFile, keyFile } = etcd?.external ?? {}
  for (const [index, url] of httpEndpoints.entries())
    if (!/^https?:\/\/[^/\s]+\/?$/.test(url))
      report('error', at('external', 'httpEndpoints', index), `${quote(url)} is not a URL of an etcd member`)
  if (httpEndpoints.length > 0 && !has(description.cluster.kubernetesVersion, 'etcdHttpEndpoints'))
    report('warning', at('external', 'httpEndpoints'), 'kubeadm reads these since 1.35')
  const { certificatesDir } = description.cluster
  for (const [name, file = ''] of Object.entries({ caFile, certFile, keyFile }))
    if (
      file !== '' &&
      isWithin(file, certificatesDir) &&
      /\/(?:ca|front-proxy-ca)\.(?:crt|key)$/.test(file) &&
      !file.includes('/etcd/')
    )
      report(
        'warning',
        at('external', name),
        `${quote(file)} is a CA of this cluster: an etcd that trusts it trusts all its clients`,
      )
}
