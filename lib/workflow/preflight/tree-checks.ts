import { parseKubeconfig } from '../../access/kubeconfig.js'
import { equalBytes } from '../../crypto/bytes.js'
import { KpkiError } from '../../errors.js'
import {
  CERTIFICATE_IDS,
  type CertificateId,
  isKubeconfigId,
  issuerOf,
  ROW_IDS,
  type RowId,
} from '../../kubernetes/rows.js'
import { baseName } from '../../tree/layout.js'
import { type Certificate, parseCertificates } from '../../x509/certificate.js'
import { verifySignature } from '../../x509/signature.js'
import {
  CONTROL_PLANE_ROLES,
  error,
  type PreflightCheck,
  type PreflightFiles,
  type PreflightVerdict,
  together,
} from './check.js'

/** kpki was not written before; a clock that says so has not been set. */
const EARLIEST = new Date('2025-01-01T00:00:00Z')

const FOREIGN_TREE: PreflightCheck = {
  name: 'CertificateTree',
  about:
    'certificates and kubeconfigs that are there are of the CAs that stand beside them, and not of another cluster',
  severity: 'error',
  origin: 'kpki',
  mend: 'move the other cluster’s files away, or take it down with kpki reset; kpki check tells more',
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: () => [{ name: 'CertificateTree', look: lookAtTree }],
}

async function lookAtTree(around: PreflightFiles): Promise<PreflightVerdict> {
  const verdicts: PreflightVerdict[] = []
  for (const id of ROW_IDS) {
    const issuer = issuerOf(id)
    if (issuer === undefined) continue
    // Whose CA that of an external etcd is, and where it stands, says the description.
    if (issuer === 'etcd-ca' && around.subject.externalEtcd) continue
    const place = placeOf(id, around)
    try {
      const there = await readRow(id, around)
      if (!there) continue
      const cas = (await readCertificates(issuer, around)) ?? []
      const caPlace = placeOf(issuer, around)
      if (cas.length === 0) {
        verdicts.push(
          error(
            `${place} is there without ${caPlace}: it is of another cluster than the one whose CA would be made`,
            `put the CA that it is of to ${caPlace}, or move ${place} away; nothing of it is overwritten`,
          ),
        )
      } else if (!(await isOf(there, cas, around))) {
        verdicts.push(
          error(
            `${place} is not of ${caPlace}: one of them is of another cluster`,
            `move away what is of the other cluster (kpki inspect shows both); nothing of it is overwritten`,
          ),
        )
      }
    } catch (failure) {
      if (!(failure instanceof KpkiError)) throw failure
      verdicts.push(error(`${place} cannot be read: ${failure.message}`, failure.hint ?? `move ${place} away`))
    }
  }
  return together(verdicts)
}

/** What a row says of who has signed it: its certificates, or the CA that a kubeconfig trusts. */
type Told = { readonly chain: readonly Certificate[] } | { readonly trusted: readonly Certificate[] }

async function readRow(id: RowId, around: PreflightFiles): Promise<Told | undefined> {
  if (!isKubeconfigId(id)) {
    const chain = id === 'sa' ? undefined : await readCertificates(id, around)
    return chain && { chain }
  }
  const bytes = await around.host.read(pathOf(id, around))
  if (bytes === undefined) return undefined
  const place = placeOf(id, around)
  const { caCertificates } = await parseKubeconfig(new TextDecoder().decode(bytes), around.context, place)
  // One that names its CA by a file trusts whatever stands there.
  return caCertificates.length === 0 ? undefined : { trusted: caCertificates }
}

async function isOf(told: Told, cas: readonly Certificate[], { context }: PreflightFiles): Promise<boolean> {
  if ('trusted' in told) return told.trusted.some(({ spki }) => cas.some(ca => equalBytes(ca.spki, spki)))
  const [leaf, ...between] = told.chain
  for (const { spki } of [...cas, ...between]) if (leaf && (await verifySignature(leaf, spki, context))) return true
  return false
}

function pathOf(id: RowId, { subject }: Pick<PreflightFiles, 'subject'>): string {
  return isKubeconfigId(id) ? `/etc/kubernetes/${id}` : `${subject.certificatesDir}/${baseName(id)}.crt`
}

function placeOf(id: RowId, around: PreflightFiles): string {
  return around.host.locate(pathOf(id, around))
}

async function readCertificates(
  id: CertificateId,
  around: PreflightFiles,
): Promise<readonly Certificate[] | undefined> {
  const bytes = await around.host.read(pathOf(id, around))
  return bytes && parseCertificates(new TextDecoder().decode(bytes), placeOf(id, around))
}

const CLOCK: PreflightCheck = {
  name: 'Clock',
  about: "the host's clock is set, and certificates that are there are valid by it",
  severity: 'error',
  origin: 'kpki',
  mend: 'set the clock (timedatectl set-ntp true); renew what has expired (kpki renew)',
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: () => [{ name: 'Clock', look: lookAtClock }],
}

async function lookAtClock(around: PreflightFiles): Promise<PreflightVerdict> {
  const now = around.context.clock()
  const hint = 'set the clock (timedatectl set-ntp true), and run again'
  if (now < EARLIEST)
    return error(
      `the host's clock says ${now.toISOString()}: certificates made by it would be expired or not valid yet`,
      hint,
    )
  const verdicts: PreflightVerdict[] = []
  for (const id of CERTIFICATE_IDS) {
    const place = placeOf(id, around)
    try {
      const [leaf] = (await readCertificates(id, around)) ?? []
      if (leaf && leaf.notBefore > now)
        verdicts.push(
          error(
            `${place} is not valid before ${leaf.notBefore.toISOString()}, and the host's clock says ${now.toISOString()}`,
            hint,
          ),
        )
      if (leaf && leaf.notAfter < now) {
        const renew = issuerOf(id) === undefined ? 'kpki renew --ca makes it anew' : 'kpki renew makes it anew'
        verdicts.push(
          error(`${place} has expired on ${leaf.notAfter.toISOString()}`, `${renew}; or the clock is wrong`),
        )
      }
    } catch (failure) {
      // CertificateTree says what cannot be read.
      if (!(failure instanceof KpkiError)) throw failure
    }
  }
  return together(verdicts)
}

/** What certificates are on the host already, and whether it knows the time. */
export const TREE_CHECKS: readonly PreflightCheck[] = [FOREIGN_TREE, CLOCK]
