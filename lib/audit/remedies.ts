import { RULES, type RuleId } from './rules.js'

/**
 * What a finding is cured with. `reissue`: a new certificate, with the key that is there where one fits; `new-key`: a new
 * certificate for a new key; `longer`: a new certificate, if it can end later; `ca-data`, `server`: a field of a kubeconfig;
 * `derive`: `sa.pub` out of `sa.key`; `none`: nothing that is planned, because somebody must decide, it is not about what a
 * certificate says, or it is merely older style, which the next renewal mends.
 */
export type Remedy = 'reissue' | 'new-key' | 'longer' | 'ca-data' | 'server' | 'derive' | 'none'

/** Remedies that are not `none`, which all others have; those of drift that are not named here are cured by a new certificate. */
const REMEDIES: Partial<Record<RuleId, Remedy>> = {
  'key-unusable': 'new-key',
  'key-weak': 'new-key',
  'key-missing': 'new-key',
  'key-mismatch': 'new-key',
  'key-algorithm': 'new-key',
  'secret-exposed': 'new-key',
  'no-credentials': 'new-key',
  'signature-weak': 'reissue',
  'serial-negative': 'reissue',
  'extension-unknown': 'reissue',
  chain: 'reissue',
  expired: 'reissue',
  'ends-soon': 'longer',
  'common-name': 'reissue',
  'groups-missing': 'reissue',
  'groups-extra': 'reissue',
  'names-missing': 'reissue',
  'usage-missing': 'reissue',
  'ca-data': 'ca-data',
  'ca-data-partial': 'ca-data',
  server: 'server',
  'public-key-mismatch': 'derive',
}

/** What a finding of a rule is cured with. */
export function remedyOf(rule: RuleId): Remedy {
  return REMEDIES[rule] ?? (RULES[rule].group === 'drift' ? 'reissue' : 'none')
}
