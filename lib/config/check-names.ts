import { SAN_SOURCES } from '../kubernetes/catalogue.js'
import type { Cluster } from '../kubernetes/cluster.js'
import { FEATURE_GATES } from '../kubernetes/cluster-fields.js'
import type { SubjectAltName } from '../kubernetes/net.js'
import type { ControlPlaneSubject, ReportAt } from './control-plane-subject.js'

const SOURCES = {
  apiServer: ['node', 'service-names', 'service-ip', 'advertise', 'endpoint'],
  etcd: ['node', 'localhost', 'loopback', 'advertise'],
} as const

/** Names of certificates that do nothing, and feature gates that kubeadm refuses. */
export function checkNames({ description }: ControlPlaneSubject, report: ReportAt): void {
  const { cluster } = description
  const lists = [
    [['apiServer', 'certSANs'], cluster.apiServerCertSans, SOURCES.apiServer],
    [['etcd', 'local', 'serverCertSANs'], cluster.etcdServerCertSans, SOURCES.etcd],
    [['etcd', 'local', 'peerCertSANs'], cluster.etcdPeerCertSans, SOURCES.etcd],
  ] as const
  for (const [path, names, sources] of lists) {
    const there = new Set(sources.flatMap(source => SAN_SOURCES[source](cluster)).map(textOf))
    const seen = new Set<string>()
    for (const [index, name] of names.entries()) {
      const text = textOf(name)
      const at = { kind: 'ClusterConfiguration', path: [...path, index] } as const
      if (there.has(text)) report('warning', at, `${text} is in the certificate anyway`)
      else if (seen.has(text)) report('warning', at, `${text} is in the list twice`)
      seen.add(text)
      // etcd client/pkg/transport/listener_tls.go (isHostInDNS)
      if (path[2] === 'peerCertSANs' && text.startsWith('*.'))
        report(
          'warning',
          at,
          `${text} counts with etcd only where the reverse lookup of a member's address gives such a name`,
        )
    }
  }
  for (const gate of unknownGates(cluster))
    report(
      'error',
      { kind: 'ClusterConfiguration', path: ['featureGates', gate] },
      'kubeadm has no such feature gate',
      {
        hint: "gates of components go into extraArgs: name feature-gates, value 'Name=true'",
      },
    )
}

function unknownGates({ featureGates }: Cluster): readonly string[] {
  return Object.keys(featureGates).filter(gate => !FEATURE_GATES.includes(gate))
}

function textOf(name: SubjectAltName): string {
  return name.type === 'ip' ? name.address.text : name.name
}
