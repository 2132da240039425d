import type { RuleId } from './rules.js'

/**
 * What a finding is cured with. `reissue`: a new certificate, with the key that is there where one fits; `identity`: the same,
 * where another name, group or alternative name is wanted than is there; `new-key`: a new certificate for a new key; `longer`: a
 * new certificate, unless its CA ends before that helps; `ca-data`, `server`: a field of a kubeconfig; `derive`:
 * `sa.pub` out of `sa.key`; `none`: nothing that is planned, because somebody must decide, it is not about what a certificate
 * says, or it is merely older style, which the next renewal mends.
 */
export type Remedy = 'reissue' | 'identity' | 'new-key' | 'longer' | 'ca-data' | 'server' | 'derive' | 'none'

/** Remedies that are not `none`, which all others have. */
const REMEDIES: Partial<Record<RuleId, Remedy>> = {
  'key-unusable': 'new-key',
  'key-weak': 'new-key',
  'key-long': 'new-key',
  'key-missing': 'new-key',
  'key-mismatch': 'new-key',
  'key-algorithm': 'new-key',
  'secret-exposed': 'new-key',
  'file-missing': 'reissue',
  'no-credentials': 'new-key',
  'signature-weak': 'reissue',
  'serial-negative': 'reissue',
  'extension-unknown': 'reissue',
  'extension-critical': 'reissue',
  'address-mapped': 'reissue',
  'version-extensions': 'reissue',
  'authority-identifier': 'reissue',
  'issuer-name': 'reissue',
  chain: 'reissue',
  'chain-order': 'reissue',
  'never-valid': 'reissue',
  expired: 'reissue',
  'ends-soon': 'longer',
  validity: 'reissue',
  'common-name': 'identity',
  'groups-missing': 'identity',
  'groups-extra': 'identity',
  superuser: 'identity',
  'superuser-older': 'identity',
  'names-missing': 'identity',
  'names-extra': 'identity',
  'usage-missing': 'reissue',
  'ca-data': 'ca-data',
  'ca-data-partial': 'ca-data',
  server: 'server',
  'public-key-mismatch': 'derive',
}

/** What a finding of a rule is cured with. */
export function remedyOf(rule: RuleId): Remedy {
  return REMEDIES[rule] ?? 'none'
}
