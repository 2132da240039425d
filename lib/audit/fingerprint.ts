import type { Context } from '../context.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { sha256 } from '../crypto/digest.js'
import type { Finding, RuleId } from './rules.js'

/** What every new certificate has anew, so that what is found about it stays the same finding when it is renewed. */
const NEW_EACH_TIME: ReadonlySet<string> = new Set([
  'serialNumber',
  'subjectKeyIdentifier',
  'authorityKeyIdentifier',
  'authorityCertSerialNumber',
  'notBefore',
  'notAfter',
])

/** Who accepts that this certificate ends does not accept that the next one does. */
const OF_ONE_LIFE: ReadonlySet<RuleId> = new Set<RuleId>(['expired', 'not-yet-valid', 'ends-soon'])

// What a fingerprint is made of is bounded: a certificate may have 10,000 names.
const MAX_VALUE = 4096

/**
 * Names what was found without naming where: 32 hex digits over rule, field, expected and actual value. It stays when a
 * certificate is renewed with the same fault, and changes when the fault becomes another one. Messages are not part of it: they
 * may change with any version.
 */
export async function fingerprintOf(found: Finding, context: Context): Promise<string> {
  const { code, field = '', expected = '', actual = '' } = found
  // What is expected of a life is a question of the moment.
  const values = OF_ONE_LIFE.has(code) ? [actual] : NEW_EACH_TIME.has(field) ? [] : [expected, actual]
  const bytes = encodeUtf8(JSON.stringify([code, field, ...values.map(value => value.slice(0, MAX_VALUE))]))
  return (await sha256(bytes, context)).slice(0, 32)
}
