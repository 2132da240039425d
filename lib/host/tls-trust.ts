import type { X509Certificate } from 'node:crypto'
import { NetworkError } from '../errors.js'
import { isForServer } from '../x509/server-names.js'
import { type Peer, peerDetails, peerName } from './network-errors.js'
import { serverNames } from './server-identity.js'

/**
 * Whose certificates are taken: of the CAs in a PEM bundle, of the CAs that this host trusts, or anybody's, which is for looking
 * at a server that is not known yet.
 */
export type Trust = { readonly caPem: string } | 'system' | 'unverified'

/** A server, and who is trusted to vouch for it. */
export interface TrustedPeer extends Peer {
  readonly trust: Trust
}

/** What OpenSSL says of a certificate whose time is not now. */
const OUT_OF_TIME: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
}

/** A certificate that is not of a CA that is trusted, or whose time is not now. */
export function toTrustError(problem: string, target: TrustedPeer, leaf: X509Certificate | undefined): NetworkError {
  const details = { ...peerDetails(target, 'tls'), problem }
  const outOfTime = OUT_OF_TIME[problem]
  if (outOfTime !== undefined && leaf) {
    const [from, to] = [leaf.validFrom, leaf.validTo].map(text => new Date(text).toISOString())
    return new NetworkError(
      'KPKI_TLS_EXPIRED',
      `the certificate of ${peerName(target)}, or its CA's, ${outOfTime} by this host's clock: it is valid from ${from} to ${to}`,
      {
        details: { ...details, notBefore: from ?? '', notAfter: to ?? '' },
        hint: "check this host's clock first; if it is right, the server's certificate has to be renewed",
      },
    )
  }
  if (problem === 'INVALID_PURPOSE') {
    return new NetworkError(
      'KPKI_TLS_UNTRUSTED',
      `the certificate of ${peerName(target)} is not for servers (${problem})`,
      { details, hint: 'its extended key usage must have serverAuth: has the server been given that of a client?' },
    )
  }
  return new NetworkError(
    'KPKI_TLS_UNTRUSTED',
    `the certificate of ${peerName(target)} is not of a CA that is trusted here (${problem})`,
    {
      details,
      hint:
        target.trust === 'system'
          ? "give the server's CA: this host does not trust it"
          : 'it is another cluster, its CA was made anew, or something stands between: compare the CA',
    },
  )
}

/** @throws {@link NetworkError} `KPKI_TLS_NAME` */
export function checkName(leaf: X509Certificate, name: string, target: Peer): void {
  const names = serverNames(leaf)
  if (isForServer(names, name)) return
  const all = [...names.dns.map(showName), ...names.ips.map(({ text }) => text)]
  const some =
    all.length === 0 ? 'no name at all' : all.length > 12 ? `${all.slice(0, 12).join(', ')}, …` : all.join(', ')
  throw new NetworkError(
    'KPKI_TLS_NAME',
    `the certificate of ${peerName(target)} is not for ${name}, but for ${some}`,
    {
      details: { ...peerDetails(target, 'tls'), serverName: name, names: all.slice(0, 100) },
      hint: 'use one of these names, or have the certificate made anew with this one (apiserver-cert-extra-sans)',
    },
  )
}

/** A name out of a certificate that may hold anything. */
function showName(name: string): string {
  return name.length > 253 || /[^\x21-\x7e]/.test(name) ? '?' : name
}
