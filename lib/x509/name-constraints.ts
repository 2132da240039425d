import { parseDer } from '../crypto/der.js'
import { parseIp } from '../crypto/ip.js'
import { EncodingError } from '../errors.js'
import type { Certificate } from './certificate.js'
import { rawExtensions } from './raw-extensions.js'

/** RFC 5280 section 4.2.1.10. */
export const NAME_CONSTRAINTS = '2.5.29.30'

const DNS = 2
const IP = 7

/** Names and networks, so kept that ten thousand names are held against thousands of them in time. */
interface Subtrees {
  /** In lower case; one that begins with a dot stands for what is below it alone. */
  readonly domains: ReadonlySet<string>
  /** By mask, networks of it; both in hex. */
  readonly networks: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * DNS names and IP addresses of a certificate for which its issuer's name constraints do not let it vouch.
 *
 * Other kinds of names are not looked at, and a certificate without alternative names has none.
 *
 * @returns as they stand in the certificate; empty as well where the constraints cannot be read
 * @see RFC 5280 section 4.2.1.10; golang/go, src/crypto/x509/verify.go (checkNameConstraints, matchDomainConstraint)
 */
export function namesOutside(certificate: Certificate, issuer: Certificate): readonly string[] {
  if (!issuer.extensions.includes(NAME_CONSTRAINTS)) return []
  const constraints = readConstraints(issuer)
  if (!constraints) return []
  const { permitted, excluded } = constraints
  const isOutside = (isIn: (subtrees: Subtrees) => boolean, isNarrowed: boolean) =>
    isIn(excluded) || (isNarrowed && !isIn(permitted))
  return [
    ...certificate.dnsNames.filter(name => isOutside(list => isInDomain(name, list), permitted.domains.size > 0)),
    ...certificate.ipAddresses.filter(name => isOutside(list => isInNetwork(name, list), permitted.networks.size > 0)),
  ]
}

function readConstraints(
  issuer: Certificate,
): { readonly permitted: Subtrees; readonly excluded: Subtrees } | undefined {
  try {
    const value = rawExtensions(issuer).find(({ oid }) => oid === NAME_CONSTRAINTS)?.value
    const lists = value ? parseDer(value, 'the extension').children : []
    const subtrees = (tag: number): Subtrees => {
      const domains = new Set<string>()
      const networks = new Map<string, Set<string>>()
      for (const { children } of lists.find(({ tagNumber }) => tagNumber === tag)?.children ?? []) {
        const [base] = children
        if (base?.tagClass !== 3) continue
        const { content, tagNumber } = base
        if (tagNumber === DNS) domains.add(new TextDecoder('latin1').decode(content).toLowerCase())
        if (tagNumber === IP && (content.length === 8 || content.length === 32)) addNetwork(content, networks)
      }
      return { domains, networks }
    }
    return { permitted: subtrees(0), excluded: subtrees(1) }
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error
    return undefined
  }
}

/** An address, and as many octets of a mask behind it. */
function addNetwork(content: Uint8Array, networks: Map<string, Set<string>>): void {
  const [address, mask] = [content.subarray(0, content.length / 2), content.subarray(content.length / 2)]
  const key = mask.join('.')
  const all = networks.get(key) ?? new Set()
  networks.set(key, all.add(masked(address, key)))
}

function masked(address: Uint8Array, mask: string): string {
  const octets = mask.split('.').map(Number)
  return address.length === octets.length ? address.map((octet, index) => octet & (octets[index] ?? 0)).join('.') : ''
}

function isInDomain(name: string, { domains }: Subtrees): boolean {
  const own = name.toLowerCase()
  if (domains.has('') || domains.has(own)) return true
  for (let dot = own.indexOf('.'); dot >= 0; dot = own.indexOf('.', dot + 1))
    if (domains.has(own.slice(dot)) || domains.has(own.slice(dot + 1))) return true
  return false
}

function isInNetwork(text: string, { networks }: Subtrees): boolean {
  const bytes = parseIp(text)?.bytes
  return bytes !== undefined && [...networks].some(([mask, all]) => all.has(masked(bytes, mask)))
}
