/** Key usages in the bit order of RFC 5280 section 4.2.1.3. */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const
/** A key usage of RFC 5280 section 4.2.1.3. */
export type KeyUsage = (typeof KEY_USAGES)[number]

/** Object identifiers of the extended key usages that Kubernetes looks at (RFC 5280 section 4.2.1.12). */
export const EXT_KEY_USAGES = {
  anyExtendedKeyUsage: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const
/** An extended key usage that Kubernetes looks at. */
export type ExtKeyUsage = keyof typeof EXT_KEY_USAGES

/** Object identifiers of the certificate extensions that kpki understands (RFC 5280 section 4.2.1). */
export const EXTENSIONS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
} as const
