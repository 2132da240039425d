import { parseKubeconfig } from '../../access/kubeconfig.js'
import { equalBytes } from '../../crypto/bytes.js'
import { KpkiError } from '../../errors.js'
import { MANIFESTS_DIR } from '../../kubernetes/paths.js'
import { CATALOGUE, type CertificateId, isKubeconfigId, issuerOf, ROW_IDS, type RowId } from '../../kubernetes/rows.js'
import { baseName } from '../../tree/layout.js'
import { type Certificate, parseCertificates } from '../../x509/certificate.js'
import { verifySignature } from '../../x509/signature.js'
import {
  CONTROL_PLANE_ROLES,
  error,
  type PreflightCheck,
  type PreflightVerdict,
  type Surroundings,
  together,
  well,
} from './check.js'

/** kpki was not written before; a clock that says so has not been set. */
const EARLIEST = new Date('2025-01-01T00:00:00Z')
const CERTIFICATE_IDS = Object.keys(CATALOGUE) as readonly CertificateId[]

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

async function lookAtTree(around: Surroundings): Promise<PreflightVerdict> {
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

async function readRow(id: RowId, around: Surroundings): Promise<Told | undefined> {
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

async function isOf(told: Told, cas: readonly Certificate[], { context }: Surroundings): Promise<boolean> {
  if ('trusted' in told) return told.trusted.some(({ spki }) => cas.some(ca => equalBytes(ca.spki, spki)))
  const [leaf, ...between] = told.chain
  for (const { spki } of [...cas, ...between]) if (leaf && (await verifySignature(leaf, spki, context))) return true
  return false
}

function pathOf(id: RowId, { subject }: Pick<Surroundings, 'subject'>): string {
  return isKubeconfigId(id) ? `/etc/kubernetes/${id}` : `${subject.certificatesDir}/${baseName(id)}.crt`
}

function placeOf(id: RowId, around: Surroundings): string {
  return around.host.locate(pathOf(id, around))
}

async function readCertificates(id: CertificateId, around: Surroundings): Promise<readonly Certificate[] | undefined> {
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

async function lookAtClock(around: Surroundings): Promise<PreflightVerdict> {
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

const PERMISSIONS: PreflightCheck = {
  name: 'Permissions-PATH',
  about: 'directories that init writes to are root’s, and others may not write there',
  severity: 'error',
  origin: 'kpki',
  mend: 'chown root:root PATH && chmod 0755 PATH, after a look at what is in there',
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: ({ certificatesDir, etcdDataDir }) =>
    [
      ...new Set([
        '/etc/kubernetes',
        MANIFESTS_DIR,
        certificatesDir,
        `${certificatesDir}/etcd`,
        '/var/lib/kubelet',
        ...(etcdDataDir === undefined ? [] : [etcdDataDir]),
      ]),
    ].map(path => ({
      name: `Permissions-${path.replaceAll('/', '-')}`,
      look: async ({ host, system }) => {
        const entry = await host.look(path)
        const place = host.locate(path)
        if (!entry) return well()
        if (entry.type !== 'directory') return error(`${place} is not a directory`, 'move it away')
        const hint = `look at what is in there, then: chown root:root ${place} && chmod go-w ${place}`
        // etcd's own user may have its data (CIS Kubernetes Benchmark, 1.1.12); what runs as root reads it all the same.
        if (path !== etcdDataDir && entry.uid !== 0 && entry.uid !== system.uid)
          return error(`${place} belongs to user ${entry.uid}, who can replace what is written there`, hint)
        if ((entry.mode & 0o002) !== 0) return error(`${place} can be written to by everybody`, hint)
        if ((entry.mode & 0o020) !== 0 && entry.gid !== 0)
          return error(`${place} can be written to by group ${entry.gid}`, hint)
        return well()
      },
    })),
}

const PATCHES: PreflightCheck = {
  name: 'PatchesDir',
  about: 'the directory of patches is there',
  severity: 'error',
  origin: 'kpki',
  mend: 'copy it to the host, or leave --patches out',
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: ({ patchesDir }) =>
    patchesDir === undefined
      ? []
      : [
          {
            name: 'PatchesDir',
            look: async ({ host }) =>
              (await host.look(patchesDir))?.type === 'directory'
                ? well()
                : error(
                    `${host.locate(patchesDir)} is not a directory of this host`,
                    'copy it to this host, or leave it out (--patches, patches.directory)',
                  ),
          },
        ],
}

/** What is on the host already, and under whose control. */
export const TREE_CHECKS: readonly PreflightCheck[] = [PERMISSIONS, PATCHES, FOREIGN_TREE, CLOCK]
