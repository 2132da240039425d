import { formatHex } from '../crypto/bytes.js'
import { type DerNode, formatOid, parseDer, TAG, toBigInt } from '../crypto/der.js'
import { toIpAddress } from '../crypto/ip.js'
import { latin1, readName } from './name.js'

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

/** What the extensions of a certificate or of a request say. */
export interface ExtensionFacts {
  readonly isCa: boolean
  /** basicConstraints' pathLenConstraint. */
  readonly pathLength: number | undefined
  /** `undefined` when the extension is absent, which allows all. */
  readonly keyUsages: readonly KeyUsage[] | undefined
  /** Names of {@link EXT_KEY_USAGES}, others as OIDs; `undefined` when the extension is absent, which allows all. */
  readonly extKeyUsages: readonly string[] | undefined
  readonly dnsNames: readonly string[]
  /** As text, IPv6 in the form of RFC 5952. */
  readonly ipAddresses: readonly string[]
  /** Alternative names of other kinds, with their kind: `email:a@example.org`, `URI:spiffe://example.org/a`, `dirName:CN=x`. */
  readonly otherNames: readonly string[]
  /** IPv4 addresses among them that are written as IPv6 addresses (`::ffff:…`), which Go refuses. */
  readonly mappedAddresses: readonly string[]
  /** Hex. */
  readonly subjectKeyIdentifier: string | undefined
  /** Hex. */
  readonly authorityKeyIdentifier: string | undefined
  /**
   * Serial number of the issuer's certificate, where authorityKeyIdentifier names it, too: OpenSSL then takes no other certificate of
   * the same name and key for its issuer. Hex.
   */
  readonly authoritySerialNumber: string | undefined
  /** Object identifiers of all extensions. */
  readonly extensions: readonly string[]
  /** Object identifiers of the extensions marked critical. */
  readonly criticalExtensions: readonly string[]
}

/** Why extensions were refused. */
export interface ExtensionFault {
  readonly kind: 'extension-malformed' | 'extension-twice'
  /** Its name, or its object identifier; empty when it is about all of them. */
  readonly field: string
  /** The end of a sentence. */
  readonly problem: string
}

const NO_EXTENSIONS: ExtensionFacts = {
  isCa: false,
  pathLength: undefined,
  keyUsages: undefined,
  extKeyUsages: undefined,
  dnsNames: [],
  ipAddresses: [],
  otherNames: [],
  mappedAddresses: [],
  subjectKeyIdentifier: undefined,
  authorityKeyIdentifier: undefined,
  authoritySerialNumber: undefined,
  extensions: [],
  criticalExtensions: [],
}

/**
 * Reads a SEQUENCE of extensions. What is not in {@link EXTENSIONS} is only named.
 *
 * @returns the facts, or what is wrong
 * @see RFC 5280 section 4.2; as strict as Go's crypto/x509 (parser.go): one of each kind, and each well-formed
 */
export function readExtensions(node: DerNode | undefined): ExtensionFacts | ExtensionFault {
  if (!node) return NO_EXTENSIONS
  if (!isUniversal(node, TAG.sequence)) return malformed('', 'its extensions are no sequence')
  const found = new Map<string, DerNode | undefined>()
  const criticalExtensions: string[] = []
  for (const { children } of node.children) {
    const [type, ...rest] = children
    const [critical, value] = rest.length === 2 ? rest : [undefined, rest[0]]
    if (!isUniversal(type, TAG.oid) || !isUniversal(value, TAG.octetString) || rest.length > 2)
      return malformed('', 'an extension is malformed')
    if (critical && !isUniversal(critical, TAG.boolean)) return malformed('', 'an extension is malformed')
    const oid = formatOid(type.content)
    if (found.has(oid)) {
      const field = READERS[oid]?.[0] ?? oid
      return { kind: 'extension-twice', field, problem: `it has the extension ${field} twice` }
    }
    found.set(oid, value)
    if (critical?.content[0]) criticalExtensions.push(oid)
  }
  const facts: { -readonly [F in keyof ExtensionFacts]: ExtensionFacts[F] } = {
    ...NO_EXTENSIONS,
    extensions: [...found.keys()],
    criticalExtensions,
  }
  for (const [oid, [name, read]] of Object.entries(READERS)) {
    const value = found.get(oid)
    if (!value) continue
    const node = readValue(value.content)
    const part = node && read(node)
    if (!part) return malformed(name, `its ${name} is malformed`)
    Object.assign(facts, part)
  }
  return facts
}

function malformed(field: string, problem: string): ExtensionFault {
  return { kind: 'extension-malformed', field, problem }
}

/** The value of an extension; `undefined` when it is not DER. */
function readValue(content: Uint8Array): DerNode | undefined {
  try {
    return parseDer(content, 'the extension')
  } catch {
    return undefined
  }
}

type Reader = (node: DerNode) => Partial<ExtensionFacts> | undefined

const READERS: Readonly<Record<string, readonly [name: string, read: Reader]>> = {
  [EXTENSIONS.basicConstraints]: ['basicConstraints', readConstraints],
  [EXTENSIONS.keyUsage]: ['keyUsage', readKeyUsage],
  [EXTENSIONS.extKeyUsage]: ['extKeyUsage', readExtKeyUsage],
  [EXTENSIONS.subjectAltName]: ['subjectAltName', readNames],
  [EXTENSIONS.subjectKeyIdentifier]: [
    'subjectKeyIdentifier',
    node => (isUniversal(node, TAG.octetString) ? { subjectKeyIdentifier: formatHex(node.content) } : undefined),
  ],
  [EXTENSIONS.authorityKeyIdentifier]: ['authorityKeyIdentifier', readAuthority],
}

function readConstraints(node: DerNode): Partial<ExtensionFacts> | undefined {
  if (!isUniversal(node, TAG.sequence) || node.children.length > 2) return undefined
  const rest = [...node.children]
  // FALSE is the default and need not be written; many write it.
  const isCa = isUniversal(rest[0], TAG.boolean) && rest.shift()?.content[0] === 0xff
  const [length] = rest
  if (!length) return { isCa, pathLength: undefined }
  if (rest.length > 1 || !isUniversal(length, TAG.integer) || length.content.length > 4) return undefined
  const negative = ((length.content[0] ?? 0) & 0x80) !== 0
  return negative ? undefined : { isCa, pathLength: Number(toBigInt(length.content)) }
}

function readKeyUsage(node: DerNode): Partial<ExtensionFacts> | undefined {
  if (!isUniversal(node, TAG.bitString)) return undefined
  const bits = node.content.subarray(1)
  return { keyUsages: KEY_USAGES.filter((_, bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) }
}

function readExtKeyUsage(node: DerNode): Partial<ExtensionFacts> | undefined {
  if (!isUniversal(node, TAG.sequence) || !node.children.every(child => isUniversal(child, TAG.oid))) return undefined
  const nameOf = (oid: string) => Object.entries(EXT_KEY_USAGES).find(([, value]) => value === oid)?.[0] ?? oid
  return { extKeyUsages: node.children.map(({ content }) => nameOf(formatOid(content))) }
}

/** RFC 5280 section 4.2.1.6. */
function readNames(node: DerNode): Partial<ExtensionFacts> | undefined {
  if (!isUniversal(node, TAG.sequence)) return undefined
  const dnsNames: string[] = []
  const ipAddresses: string[] = []
  const otherNames: string[] = []
  const mappedAddresses: string[] = []
  for (const name of node.children) {
    if (name.tagClass !== 3) return undefined
    if (name.tagNumber === 7) {
      const address = toIpAddress(name.content)
      if (!address) return undefined
      ipAddresses.push(address.text)
      if (address.bytes.length < name.content.length) mappedAddresses.push(address.text)
      continue
    }
    const isText = name.tagNumber === 1 || name.tagNumber === 2 || name.tagNumber === 6
    if (isText && name.content.some(byte => byte >= 0x80)) return undefined
    if (name.tagNumber === 2) dnsNames.push(latin1(name.content))
    else otherNames.push(describeName(name))
  }
  return { dnsNames, ipAddresses, otherNames, mappedAddresses }
}

function describeName({ tagNumber, content, children }: DerNode): string {
  if (tagNumber === 1) return `email:${latin1(content)}`
  if (tagNumber === 6) return `URI:${latin1(content)}`
  if (tagNumber === 8) return `registeredID:${formatOid(content)}`
  if (tagNumber === 4) return `dirName:${readName(children[0])?.text ?? ''}`
  const [type] = children
  if (tagNumber === 0 && isUniversal(type, TAG.oid)) return `otherName:${formatOid(type.content)}`
  return `[${tagNumber}]`
}

function readAuthority(node: DerNode): Partial<ExtensionFacts> | undefined {
  if (!isUniversal(node, TAG.sequence)) return undefined
  const part = (number: number) => {
    const found = node.children.find(({ tagClass, tagNumber }) => tagClass === 3 && tagNumber === number)
    return found && formatHex(found.content)
  }
  return { authorityKeyIdentifier: part(0), authoritySerialNumber: part(2) }
}

/** Whether an element is there and of a universal type. */
export function isUniversal(node: DerNode | undefined, tagNumber: number): node is DerNode {
  return node?.tagClass === 1 && node.tagNumber === tagNumber
}
