import { quote } from '../kubernetes/cluster-fields.js'
import { isWithin, joinPath, MANIFESTS_DIR } from '../kubernetes/paths.js'
import type { ControlPlaneSubject, ReportAt } from './control-plane-subject.js'

/** Directories that others share. */
const SHARED: readonly string[] = ['/', '/etc', '/etc/kubernetes', '/var', '/var/lib']
/** Directories in which everything is the kubelet's: it runs what it finds in the one, and reset empties both. */
const KUBELETS: readonly string[] = [MANIFESTS_DIR, '/var/lib/kubelet']
const DEFAULT_PKI = '/etc/kubernetes/pki'

/**
 * Where certificates and etcd's data are: each in a directory of its own. Both are mounted into Pods, etcd makes its own
 * writable for etcd alone, and reset empties them.
 */
export function checkDirectories({ configuration, description }: ControlPlaneSubject, report: ReportAt): void {
  const { certificatesDir } = description.cluster
  const { etcd, certificatesDir: stated = certificatesDir } = configuration.ClusterConfiguration ?? {}
  const cluster = (...path: string[]) => ({ kind: 'ClusterConfiguration', path }) as const
  const isPkiOthers = isOthers(certificatesDir)
  if (isPkiOthers)
    report('error', cluster('certificatesDir'), `${quote(stated)} is no directory of certificates alone`, {
      hint: `e.g. ${DEFAULT_PKI}`,
    })
  if (!etcd?.local) return
  const { dataDir = '' } = etcd.local
  const pkis = isPkiOthers ? [DEFAULT_PKI] : [certificatesDir, DEFAULT_PKI]
  if (
    isOthers(dataDir) ||
    dataDir.split('/').includes('..') ||
    pkis.some(pki => isWithin(dataDir, pki) || isWithin(pki, dataDir))
  )
    report('error', cluster('etcd', 'local', 'dataDir'), `${quote(dataDir)} is no directory of etcd's own`, {
      hint: 'e.g. /var/lib/etcd',
    })
}

function isOthers(path: string): boolean {
  return SHARED.includes(joinPath(path)) || KUBELETS.some(directory => isWithin(path, directory))
}
