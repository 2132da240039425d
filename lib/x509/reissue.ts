import { type Bytes, encodeUtf8, equalBytes, parseHex } from '../crypto/bytes.js'
import { parseDer } from '../crypto/der.js'
import { der } from '../crypto/der-write.js'
import { parseIp, toIpAddress } from '../crypto/ip.js'
import type { KeyType } from '../crypto/keys.js'
import type { Certificate } from './certificate.js'
import { EXTENSIONS, type KeyUsage } from './extensions.js'
import type { CertificateSpec } from './issue.js'
import { latin1 } from './name.js'
import { rawAlternativeNames, rawExtensions } from './raw-extensions.js'

/** What a certificate says that no longer holds, or never meant anything to those who read it. */
const LEFT_BEHIND = [
  // Netscape's extensions, which OpenSSL's old configuration writes.
  /^2\.16\.840\.1\.113730\./,
  // RFC 6962: timestamps and the poison are of the very certificate that was logged.
  /^1\.3\.6\.1\.4\.1\.11129\.2\.4\./,
  // RFC 3280 section 4.2.1.4: the private key's own period.
  /^2\.5\.29\.16$/,
]

/** What is taken over from a certificate that is replaced. */
export type Inheritance = Pick<CertificateSpec, 'subjectDer' | 'alternativeNames' | 'keyUsages' | 'furtherExtensions'>

/** What the new certificate is to say. */
export interface ReissueNames {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

/**
 * What a new certificate takes over from the one that it replaces: the subject octet for octet where name and groups stay,
 * alternative names in their order and also those of other kinds, key usages that its key can have, further extensions.
 *
 * What is left behind: Netscape's extensions, signed certificate timestamps, the private key's usage period, and extensions that are
 * critical and that nobody understands.
 *
 * @param keyUsages - what its role needs
 * @param key - of the new certificate
 */
export function inherit(
  old: Certificate,
  names: ReissueNames,
  keyUsages: readonly KeyUsage[],
  key: KeyType,
): Inheritance {
  const isSameName =
    old.subject.commonName === names.commonName && isSameSet(old.subject.organizations, names.organizations)
  return {
    ...(isSameName ? { subjectDer: old.subject.der } : {}),
    alternativeNames: alternativeNames(old, names),
    keyUsages: inheritUsages(old, keyUsages, key),
    furtherExtensions: furtherExtensions(old, old.isCa),
  }
}

/** The octets by which what a CA has signed knows it. */
export function keyIdentifierOf({ subjectKeyIdentifier }: Certificate): Bytes | undefined {
  return subjectKeyIdentifier === undefined ? undefined : parseHex(subjectKeyIdentifier)
}

/** Whether two lists have the same items, in whatever order and however often. */
export function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  const [one, other] = [new Set(a), new Set(b)]
  return one.size === other.size && a.every(item => other.has(item))
}

function alternativeNames(old: Certificate, { dnsNames, ipAddresses }: ReissueNames): readonly Bytes[] {
  const dns = new Set(dnsNames.filter(name => name !== ''))
  const ips = new Set(ipAddresses)
  const list: Bytes[] = []
  const addDns = (name: string) => dns.delete(name) && list.push(der.implicit(2, encodeUtf8(name)))
  const addIp = (text: string) => {
    const address = parseIp(text)
    if (ips.delete(text) && address) list.push(der.implicit(7, address.bytes))
  }
  for (const name of rawAlternativeNames(old)) {
    const { tagNumber, content } = parseDer(name, 'the name')
    if (tagNumber === 2) addDns(latin1(content))
    else if (tagNumber === 7) addIp(toIpAddress(content)?.text ?? '')
    // An empty address of mail or URL is for nobody, as an empty DNS name is.
    else if (content.length > 0 && !list.some(known => equalBytes(known, name))) list.push(name)
  }
  for (const name of [...dns]) addDns(name)
  for (const address of [...ips]) addIp(address)
  return list
}

/** Usages beyond those of the role stay, as far as the key has them: an EC key enciphers nothing (RFC 8813 section 3). */
function inheritUsages(old: Certificate, wanted: readonly KeyUsage[], { kind }: KeyType): readonly KeyUsage[] {
  const unfit: readonly KeyUsage[] = [
    ...(kind === 'RSA' ? [] : (['keyEncipherment', 'dataEncipherment'] as const)),
    ...(kind === 'RSA' ? (['keyAgreement'] as const) : []),
    ...(old.isCa ? [] : (['keyCertSign', 'cRLSign'] as const)),
    'encipherOnly',
    'decipherOnly',
  ]
  const kept = (old.keyUsages ?? []).filter(usage => !unfit.includes(usage))
  return [...new Set([...wanted, ...kept])]
}

function furtherExtensions(old: Certificate, keepsCritical: boolean): readonly Bytes[] {
  const own: readonly string[] = Object.values(EXTENSIONS)
  return rawExtensions(old)
    .filter(({ oid, isCritical }) => !own.includes(oid) && (!isCritical || keepsCritical))
    .filter(({ oid }) => !LEFT_BEHIND.some(pattern => pattern.test(oid)))
    .map(extension => extension.der)
}
