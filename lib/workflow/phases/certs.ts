import { rowsOf } from '../../kubernetes/catalogue.js'
import { CATALOGUE, CERTIFICATE_IDS, type CertificateId } from '../../kubernetes/rows.js'
import { makeRows } from './actions.js'
import type { InitRun } from './init-run.js'
import type { Phase } from './phase.js'

function rowPhase(id: CertificateId | 'sa', about: string): Phase<InitRun> {
  return {
    name: id,
    about,
    skip: ({ controlPlane: { cluster } }) => (rowsOf(cluster, 'init').includes(id) ? undefined : 'etcd is elsewhere'),
    plan: ({ controlPlane: { cluster } }) => [makeRows([id], cluster)],
  }
}

/**
 * The certificates and keys of a first control plane, a phase for each row of the catalogue. What is there is verified and kept;
 * a CA certificate without its key is a mode: then all that it signs must be there.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/certs.go
 */
export const CERTS: Phase<InitRun> = {
  name: 'certs',
  about: 'make certificates and keys, or verify those that are there',
  phases: [
    ...CERTIFICATE_IDS.map(id => rowPhase(id, CATALOGUE[id].about)),
    rowPhase('sa', 'the key pair that service-account tokens are signed with'),
  ],
}
