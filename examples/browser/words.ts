/** How the page says what is in a PKI. */
import { CATALOGUE, type CertificateId, filesOf, issuerOf, KUBECONFIGS, type RowId, type WantedCertificate } from 'kpki'

/** The groups that a PKI is shown in: an issuer with what it signs, and the key pair that nobody signs. */
export const GROUPS: readonly (readonly [issuer: CertificateId | undefined, title: string])[] = [
  ['ca', 'Cluster CA'],
  ['etcd-ca', 'etcd CA'],
  ['front-proxy-ca', 'Front-proxy CA'],
  [undefined, 'Service accounts'],
]

/** The rows of a group, its issuer first. */
export function rowsOfGroup<R extends { readonly id: RowId }>(rows: readonly R[], issuer?: CertificateId): R[] {
  return rows.filter(({ id }) => (issuer === undefined ? id === 'sa' : id === issuer || issuerOf(id) === issuer))
}

/** What a row is for, e.g. `what the API server shows its clients`. */
export function aboutOf(id: RowId): string {
  if (id === 'sa') return 'signs and verifies the tokens of service accounts'
  return (id in CATALOGUE ? CATALOGUE[id as CertificateId] : KUBECONFIGS[id as keyof typeof KUBECONFIGS]).about
}

/** The file that a row is called by: the certificate, the kubeconfig, the public key. */
export const fileOf = (id: RowId): string => filesOf(id).at(-1)?.path ?? id

/** `CA`, `server`, `client`, `server and client`. */
export function purposeOf({ profile }: WantedCertificate): string {
  const words = { serverAuth: 'server', clientAuth: 'client' } as const
  const usages = profile.extKeyUsages.flatMap(usage => (usage in words ? words[usage as keyof typeof words] : []))
  return profile.isCa ? 'CA' : usages.join(' and ')
}

/** `2027-06-01`: certificates count in UTC. */
export const dayOf = (moment: Date): string => moment.toISOString().slice(0, 10)

/** `1 key`, `2 keys`. */
export const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`
