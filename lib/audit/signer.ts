import type { Context } from '../context.js'
import type { Certificate } from '../x509/certificate.js'
import { canSign, outsideValidity } from '../x509/verify.js'
import type { ActualRow } from './actual.js'

/**
 * The certificate of a CA row that belongs to its key: the one that signs. A renewed CA has several for one key, of which
 * the first that is good at the context's moment counts.
 */
export function signerOf({ certificates, key }: ActualRow, context: Context): Certificate | undefined {
  const own = certificates.filter(({ spki }) => key?.isKeyOf(spki))
  return (
    own.find(certificate => canSign(certificate) && outsideValidity(certificate, context.clock()) === undefined) ??
    own[0]
  )
}
