import type { Certificate } from './certificate.js'
import { EXTENSIONS } from './extensions.js'
import { rawExtensions } from './raw-extensions.js'

/** An extension that neither Kubernetes nor kpki looks at. */
export interface FurtherExtension {
  /** Object identifier. */
  readonly oid: string
  /** e.g. `Certificate Policies`; the object identifier where nobody knows better. */
  readonly name: string
  readonly isCritical: boolean
  /** One line for people; octets in hex where the extension is not known. May hold any character. */
  readonly text: string
}

const KNOWN: readonly string[] = Object.values(EXTENSIONS)

/**
 * Says what stands in those extensions of a certificate that {@link Certificate} does not decode: policies, where its revocation list
 * is, and so on. Read by `@peculiar/x509`, which is loaded when there is one.
 *
 * @returns in the order of the certificate; empty when there is none
 */
export async function describeFurtherExtensions(certificate: Certificate): Promise<readonly FurtherExtension[]> {
  if (certificate.extensions.every(oid => KNOWN.includes(oid))) return []
  const { describeExtension } = await import('./peculiar.js')
  return rawExtensions(certificate).flatMap(({ oid, isCritical, der }) => {
    if (KNOWN.includes(oid)) return []
    const [head = '', ...lines] = describeExtension(der).split('\n')
    const [name = oid] = head.split(':')
    const text = [head.slice(name.length + 1).replace('critical', ''), ...lines]
      .map(line => line.trim())
      .filter(Boolean)
    return [{ oid, name, isCritical, text: text.join(' ').replace(/ {2,}/g, ' ') }]
  })
}
