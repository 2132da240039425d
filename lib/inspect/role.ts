import type { ExtensionFacts } from '../x509/extensions.js'

/** What a certificate is made for, in one word: `any` without usages at all, `other` for usages that are neither server nor client. */
export type CertificateRole = 'CA' | 'server' | 'client' | 'peer' | 'any' | 'other'

/** The role of a certificate, or the one that a request asks for; `peer` is server and client in one, as etcd's members are. */
export function roleOf({ isCa, extKeyUsages }: Pick<ExtensionFacts, 'isCa' | 'extKeyUsages'>): CertificateRole {
  if (isCa) return 'CA'
  if (extKeyUsages === undefined || extKeyUsages.includes('anyExtendedKeyUsage')) return 'any'
  const isServer = extKeyUsages.includes('serverAuth')
  const isClient = extKeyUsages.includes('clientAuth')
  if (isServer && isClient) return 'peer'
  return isServer ? 'server' : isClient ? 'client' : 'other'
}
