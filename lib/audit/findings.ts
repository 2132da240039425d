import type { RowId } from '../kubernetes/rows.js'
import type { TreePath } from '../tree/layout.js'

/**
 * What can be wrong with a file that exists. An error means that something would break, so that nothing is written; a
 * warning that it works, but is weaker than what kpki makes.
 */
export const FINDINGS = {
  unreadable: { severity: 'error', about: 'the file cannot be read as what it should be' },
  'key-missing': { severity: 'error', about: 'the certificate is there without its private key' },
  'key-mismatch': { severity: 'error', about: 'the private key belongs to another certificate' },
  'key-unusable': { severity: 'error', about: 'the key is of a type that no program of Kubernetes takes' },
  'key-weak': { severity: 'warning', about: 'the key is shorter than RSA-2048' },
  'key-algorithm': { severity: 'warning', about: 'the key is of another type than the description asks for' },
  'missing-external': {
    severity: 'error',
    about: 'the file is missing, and its CA key is elsewhere, so that it cannot be made here',
  },
  'ca-restricted': { severity: 'error', about: 'the CA may not vouch for what it is to sign' },
  'ca-profile': { severity: 'warning', about: 'the CA certificate lacks what RFC 5280 asks of one' },
  'not-a-ca': { severity: 'error', about: 'the certificate may not sign others' },
  'not-yet-valid': { severity: 'error', about: 'the certificate is not valid yet' },
  'ends-soon': { severity: 'warning', about: 'the certificate ends within 30 days, and most of its life is over' },
  expired: { severity: 'error', about: 'the certificate has expired' },
  chain: { severity: 'error', about: 'the certificate is not signed by its CA' },
  'common-name': { severity: 'error', about: 'the certificate is for somebody else' },
  'groups-missing': { severity: 'error', about: 'the certificate lacks a group, so that its bearer would be refused' },
  'groups-extra': { severity: 'warning', about: 'the certificate has more rights than its role needs' },
  'names-missing': { severity: 'error', about: 'the certificate lacks names under which it is asked for' },
  'usage-missing': { severity: 'error', about: 'the certificate is not made for what it is used for' },
  wider: { severity: 'warning', about: 'the certificate is good for more than its role needs' },
  'signature-weak': { severity: 'error', about: 'the certificate is signed with SHA-1 or MD5, which Go refuses' },
  'outlives-ca': { severity: 'warning', about: 'the certificate ends after its CA' },
  'serial-short': { severity: 'warning', about: 'the serial number has fewer than 64 bits' },
  'serial-negative': { severity: 'error', about: 'the serial number is negative, which Go refuses since 1.23' },
  'extension-unknown': { severity: 'error', about: 'the certificate has a critical extension that Go does not know' },
  'no-key-identifier': { severity: 'warning', about: 'the certificate has no subject key identifier' },
  'ec-key-encipherment': { severity: 'warning', about: 'a certificate with an EC key claims keyEncipherment' },
  'ca-data': { severity: 'error', about: 'the kubeconfig trusts another CA' },
  'ca-data-partial': { severity: 'warning', about: 'the kubeconfig trusts only a part of the CA bundle' },
  'kubeconfig-extra': { severity: 'warning', about: 'the kubeconfig does more than name a server and a certificate' },
  server: { severity: 'warning', about: 'the kubeconfig names another API server than the description asks for' },
  'no-credentials': { severity: 'error', about: 'the kubeconfig has no client certificate with its key' },
  'entry-missing': { severity: 'warning', about: 'the kubeconfig names an entry of its own that is not in it' },
  'field-twice': { severity: 'warning', about: 'the file has a field twice, of which programs take different ones' },
  'live-failed': { severity: 'error', about: 'the API server could not be asked, or does not let this user in' },
  'live-identity': {
    severity: 'warning',
    about: 'the API server takes the user for somebody else than the certificate names',
  },
  'request-unproven': { severity: 'error', about: 'the request is not signed with the key that it is for' },
  'public-key-mismatch': { severity: 'error', about: 'sa.pub is not the public half of sa.key' },
  'secret-exposed': { severity: 'error', about: 'a private key stands in a file that is public' },
  'mode-writable': { severity: 'warning', about: 'others can write to the file' },
  'mode-open': { severity: 'warning', about: 'others can read a secret' },
  'owner-foreign': { severity: 'warning', about: 'the file belongs to somebody else' },
  'too-many': { severity: 'warning', about: 'there is more than is looked at' },
  'source-differs': { severity: 'error', about: 'the file is another one than in the directory named with --ca-from' },
} as const satisfies Record<string, { readonly severity: 'error' | 'warning'; readonly about: string }>
/** Stable id of a finding. */
export type FindingCode = keyof typeof FINDINGS

/** Something about one file that exists, or should. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: 'error' | 'warning'
  readonly row: RowId
  /** Tree path. */
  readonly path: TreePath
  /** Where the file is, when it is not in the tree but in the one that is taken over from. */
  readonly place?: string
  /** One sentence without the path. */
  readonly message: string
  /** What to do. */
  readonly hint?: string
}

/** Makes a finding; the severity comes from {@link FINDINGS}. */
export function finding(code: FindingCode, row: RowId, path: TreePath, message: string, hint?: string): Finding {
  return { code, severity: FINDINGS[code].severity, row, path, message, ...(hint === undefined ? {} : { hint }) }
}
