import { type IpAddress, parseIp } from '../crypto/ip.js'
import type { ErrorCode } from '../errors.js'
import { type Cidr, hostBits, parseCidr, parseSubjectAltName, splitHostPort } from './net.js'

/** Something about a field: an error makes the description unusable, a warning does not. */
export interface FieldProblem {
  readonly severity: 'error' | 'warning'
  readonly code: Extract<ErrorCode, 'KPKI_FIELD_VALUE' | 'KPKI_FIELD_CONFLICT' | 'KPKI_VERSION_UNSUPPORTED'>
  /** kubeadm's path, e.g. `apiServer.certSANs[2]`. */
  readonly field: string
  readonly message: string
  readonly hint?: string
}

/** What `etcd.external` of a ClusterConfiguration says. */
export interface ExternalEtcd {
  readonly endpoints: readonly string[]
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

/** Takes a problem with a field. */
export type Report = (field: string, message: string, hint?: string) => void

/** One network, or two of different families. */
export function subnets(
  text: string,
  field: string,
  { least, mostHostBits = 128 }: { readonly least: number; readonly mostHostBits?: number },
  error: Report,
  warn: Report,
): readonly Cidr[] {
  const parts = text.split(',').map(part => part.trim())
  const parsed = parts.flatMap(part => {
    const cidr = parseCidr(part)
    if (!cidr) error(field, `${quote(part)} is not a subnet`, 'write address/prefix length, e.g. 10.96.0.0/12')
    return cidr ? [cidr] : []
  })
  const [first, second] = parsed
  if (parsed.length !== parts.length) return parsed
  if (parsed.length > 2 || (second && first?.address.family === second.address.family)) {
    error(field, `${quote(text)} must be one subnet, or one of IPv4 and one of IPv6`)
  }
  for (const cidr of parsed) {
    if (2 ** hostBits(cidr) < least) error(field, `${cidr.text} is too small: at least ${least} addresses are needed`)
    if (hostBits(cidr) > mostHostBits) {
      error(
        field,
        `${cidr.text} is too large: at most ${mostHostBits} bits of addresses, i.e. /${cidr.address.bytes.length * 8 - mostHostBits} or longer`,
      )
    }
    if (cidr.hadHostBits) warn(field, `the subnet has address bits behind its prefix; ${cidr.text} is used`)
    if (cidr.address.family === 6 && cidr.address.bytes[0] === 0xfe && ((cidr.address.bytes[1] ?? 0) & 0xc0) === 0xc0) {
      warn(field, `${cidr.text} is site-local, which RFC 3879 deprecates`)
    }
  }
  return parsed
}

/** `host`, `host:port`, addresses of both families; the port is filled in. */
export function endpoint(
  text: string,
  field: string,
  bindPort: number,
  error: Report,
): { readonly host: string; readonly port: number } | undefined {
  if (/^[a-z]+:\/\//i.test(text)) {
    error(field, `${quote(text)} is a URL`, 'write host:port alone, e.g. api.example.org:6443')
    return undefined
  }
  const split = splitHostPort(text)
  const address = split && parseIp(split.host)
  const name = split && parseSubjectAltName(split.host.toLowerCase())
  if (!split || (!address && (name?.type !== 'dns' || name.name.startsWith('*')))) {
    error(
      field,
      `${quote(text)} is not a host, or host:port`,
      'write e.g. api.example.org:6443, 10.0.0.1 or [fd00::1]:6443',
    )
    return undefined
  }
  if (split.port !== undefined && !(/^[0-9]{1,5}$/.test(split.port) && isPort(Number(split.port)))) {
    error(field, `${quote(split.port)} is not a port: 1 to 65535`)
    return undefined
  }
  return {
    host: address?.text ?? split.host.toLowerCase(),
    port: split.port === undefined ? bindPort : Number(split.port),
  }
}

/** URLs, and certificate files that go together. */
export function checkExternalEtcd(etcd: ExternalEtcd, field: string, error: Report): void {
  const { endpoints = [], caFile = '', certFile = '', keyFile = '' } = etcd
  if (endpoints.length === 0) error(`${field}.endpoints`, 'at least one endpoint is needed')
  const secure = caFile !== '' || certFile !== '' || keyFile !== ''
  for (const [index, text] of endpoints.entries()) {
    const scheme = /^(https?):\/\/[^/\s]+$/.exec(text)?.[1]
    if (!scheme || (scheme === 'http' && secure)) {
      error(`${field}.endpoints[${index}]`, `${quote(text)} is not ${secure ? 'an https' : 'a'} URL of an etcd member`)
    }
  }
  if ((certFile === '') !== (keyFile === '')) error(field, 'certFile and keyFile go together')
  if (certFile !== '' && caFile === '')
    error(`${field}.caFile`, 'a client certificate needs the CA that etcd shows its own under')
  for (const [name, path] of Object.entries({ caFile, certFile, keyFile })) {
    if (path !== '' && !path.startsWith('/')) error(`${field}.${name}`, `${quote(path)} is not an absolute path`)
  }
}

/** Global unicast or loopback, as Go's `net.IP` has it (240.0.0.0/4 included); kubeadm takes no other (ValidateAPIEndpoint). */
export function isUsableAddress({ family, bytes }: IpAddress): boolean {
  const [first = 0, second = 0] = bytes
  if (bytes.every(byte => byte === 0)) return false
  return family === 4
    ? (first < 224 || (first >= 240 && bytes.some(byte => byte !== 255))) && !(first === 169 && second === 254)
    : first !== 0xff && !(first === 0xfe && (second & 0xc0) === 0x80)
}

/** Whoever connects to it reaches himself. */
export function isLoopbackAddress({ family, bytes, text }: IpAddress): boolean {
  return family === 4 ? bytes[0] === 127 : text === '::1'
}

/** 1 to 65535. */
export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535
}

/** Whether a text would disturb a terminal or a file. */
export function hasControlCharacter(text: string): boolean {
  return [...text].some(character => (character.codePointAt(0) ?? 0) < 0x20 || character === '\x7f')
}

/** Quotes a value for a message: one line, no control characters, at most 80 characters. */
export function quote(text: string): string {
  const json = JSON.stringify(text)
  return json.length > 80 ? `${json.slice(0, 76)}…"` : json
}

/**
 * Feature gates that kubeadm has had since 1.20.
 *
 * @see kubernetes/kubernetes, cmd/kubeadm/app/features/features.go
 */
export const FEATURE_GATES: readonly string[] = [
  'IPv6DualStack',
  'PublicKeysECDSA',
  'UnversionedKubeletConfigMap',
  'RootlessControlPlane',
  'EtcdLearnerMode',
  'UpgradeAddonsBeforeControlPlane',
  'WaitForAllControlPlaneComponents',
  'ControlPlaneKubeletLocalMode',
  'NodeLocalCRISocket',
]

/** Remarks on gates that kubeadm does not know, which do nothing: most likely a slip. */
export function checkFeatureGates(gates: Readonly<Record<string, boolean>>, field: string, warn: Report): void {
  for (const name of Object.keys(gates)) {
    if (FEATURE_GATES.includes(name)) continue
    const meant = FEATURE_GATES.find(known => known.toLowerCase() === name.toLowerCase())
    warn(
      `${field}.${name}`,
      `is no feature gate of kubeadm that is known here${meant ? `; did you mean ${meant}?` : ''}`,
    )
  }
}
