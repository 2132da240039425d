import type { Context } from '../context.js'
import { type ErrorDetails, KpkiError, NetworkError } from '../errors.js'
import { type Certificate, parseCertificate } from '../x509/certificate.js'
import { outsideValidity, verifyCertificate } from '../x509/verify.js'
import { caPin } from './pins.js'

/** How a TLS connection began. */
export interface DiscoveryHandshake {
  /** e.g. `TLSv1.3` */
  readonly protocol: string
  /** What the server showed, DER, its own certificate first. */
  readonly chain: readonly Uint8Array[]
}

/** Certificates of a handshake; from the first on that is none, they are left out. */
export function readChain({ chain }: DiscoveryHandshake): readonly Certificate[] {
  const certificates: Certificate[] = []
  for (const der of chain) {
    try {
      certificates.push(parseCertificate(der))
    } catch (error) {
      if (!(error instanceof KpkiError)) throw error
      break
    }
  }
  return certificates
}

/** Names of a server's certificate, as many as a person reads. */
const MOST_NAMES = 50

function namesOf({ dnsNames, ipAddresses }: Certificate): readonly string[] {
  return [...dnsNames, ...ipAddresses].slice(0, MOST_NAMES)
}

/** A server's certificate, for programs. */
export function handshakeDetails({ protocol, chain }: DiscoveryHandshake, leaf: Certificate | undefined): ErrorDetails {
  if (!leaf) return { protocol, sent: chain.length }
  return {
    protocol,
    sent: chain.length,
    subject: leaf.subject.text,
    issuer: leaf.issuer.text,
    notBefore: leaf.notBefore.toISOString(),
    notAfter: leaf.notAfter.toISOString(),
    names: namesOf(leaf),
  }
}

/** A server's certificate, for people. */
export function describeHandshake({ protocol }: DiscoveryHandshake, leaf: Certificate | undefined): string {
  if (!leaf) return `${protocol}; its certificate cannot be read`
  const names = namesOf(leaf)
  return (
    `${protocol}; certificate of ${leaf.subject.text}, issued by ${leaf.issuer.text}, valid from ` +
    `${dateText(leaf.notBefore)} to ${dateText(leaf.notAfter)}, for ${names.join(', ') || 'no name at all'}`
  )
}

/** What is known when a server's certificate was refused. */
export interface RefusedServer {
  readonly host: string
  readonly leaf: Certificate | undefined
  /** Whom the connection was to be verified with. */
  readonly roots: readonly Certificate[]
  /** All that `cluster-info` names. */
  readonly caCertificates: readonly Certificate[]
  /** The server's clock, as it told it before. */
  readonly serverDate: Date | undefined
}

/** Says why the certificate of a server was refused, with what discovery knows beyond the handshake; other errors stay as they are. */
export async function explainRefusal(error: KpkiError, refused: RefusedServer, context: Context): Promise<KpkiError> {
  const { host, leaf, roots, serverDate } = refused
  if (!leaf) return error
  const say = (
    code: 'KPKI_TLS_NAME' | 'KPKI_TLS_EXPIRED' | 'KPKI_TLS_UNTRUSTED',
    message: string,
    hint: string,
    more: ErrorDetails = {},
  ) => {
    const { details } = error
    return new NetworkError(code, message, { details: { ...details, ...more }, hint, cause: error })
  }
  switch (error.code) {
    case 'KPKI_TLS_NAME': {
      const names = namesOf(leaf)
      return say(
        'KPKI_TLS_NAME',
        `the server's certificate is for ${names.join(', ') || 'no name at all'}, and not for ${host}`,
        'join by one of these names, or give the API server a certificate that has this one, too (--apiserver-cert-extra-sans)',
        { names },
      )
    }
    case 'KPKI_TLS_EXPIRED': {
      const now = context.clock()
      const late = [leaf, ...roots].find(certificate => outsideValidity(certificate, now)) ?? leaf
      const clocks =
        `this machine's clock says ${dateText(now)}` +
        (serverDate === undefined ? '' : `, the server's ${dateText(serverDate)}`)
      const isSkewed = serverDate !== undefined && outsideValidity(late, serverDate) === undefined
      return say(
        'KPKI_TLS_EXPIRED',
        `the certificate of ${late.subject.text} ${outsideValidity(late, now) ?? 'is not valid now'}; ${clocks}`,
        isSkewed
          ? "set the clock: by the server's, the certificate is valid"
          : 'renew the certificates on the control planes (kubeadm certs renew all), or set the clock if it is wrong',
      )
    }
    case 'KPKI_TLS_UNTRUSTED': {
      // Something else is wrong with it, e.g. it is one for clients.
      if (await isIssuedBy(leaf, roots, context)) return error
      const other = await issuerBeside(refused, context)
      const issued = `the server's certificate was issued by ${leaf.issuer.text}`
      const wanted = roots.map(({ subject }) => subject.text).join(' or ')
      if (other) {
        const pin = await caPin(other, context)
        return say(
          'KPKI_TLS_UNTRUSTED',
          `${issued}, a CA that cluster-info names beside the pinned one, but with another pin: ${pin}`,
          "run kpki hash on a control plane: only if it prints this pin, too, it is of the cluster's CA; then give both",
          { pin },
        )
      }
      // All clusters' CAs are called kubernetes.
      const isNamesake = roots.some(({ subject }) => subject.text === leaf.issuer.text)
      return say(
        'KPKI_TLS_UNTRUSTED',
        `${issued}, ${isNamesake ? 'another CA of that name than' : 'and not by'} the pinned ${isNamesake ? 'one' : wanted}`,
        'do not join: somebody in between ends the TLS connection, a proxy or worse; connect past it, or look at what ' +
          'certificate the API server has',
      )
    }
    default:
      return error
  }
}

/** A CA that is not pinned, but published beside one that is, and has signed the server's certificate. */
async function issuerBeside(
  { leaf, roots, caCertificates }: RefusedServer,
  context: Context,
): Promise<Certificate | undefined> {
  for (const candidate of caCertificates.filter(certificate => !roots.includes(certificate)).slice(0, 10)) {
    if (leaf && (await isIssuedBy(leaf, [candidate], context))) return candidate
  }
  return undefined
}

async function isIssuedBy(leaf: Certificate, roots: readonly Certificate[], context: Context): Promise<boolean> {
  try {
    await verifyCertificate(leaf, { roots }, context)
    return true
  } catch (error) {
    if (error instanceof KpkiError) return false
    throw error
  }
}

/** RFC 3339 in UTC, without fractions. */
export function dateText(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}
