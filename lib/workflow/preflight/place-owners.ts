import { joinPath, MANIFESTS_DIR } from '../../kubernetes/paths.js'
import { KUBELET_DIR } from '../../render/kubelet-flags.js'
import type { Host } from '../host.js'
import { RECORD_DIR, RECORD_PATH, readRecord } from '../record.js'
import { CONTROL_PLANE_ROLES, dashed, error, type PreflightCheck, type PreflightVerdict, well } from './check.js'

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
        RECORD_DIR,
        KUBELET_DIR,
        ...(etcdDataDir === undefined ? [] : [etcdDataDir]),
      ]),
    ].map(path => ({
      name: `Permissions-${dashed(path)}`,
      look: async ({ host, system }) => {
        const entry = await host.look(path)
        const place = host.locate(path)
        if (!entry) return well()
        if (entry.type !== 'directory') return error(`${place} is not a directory`, 'move it away')
        const hint = `look at what is in there, then: chown root:root ${place} && chmod go-w ${place}`
        // A directory that stands for a host is of whoever packs it up. etcd's own user may have its data (CIS Kubernetes Benchmark, 1.1.12); what runs as root reads it all the same.
        if (path !== etcdDataDir && entry.uid !== 0 && system !== undefined && entry.uid !== system.uid)
          return error(`${place} belongs to user ${entry.uid}, who can replace what is written there`, hint)
        if ((entry.mode & 0o002) !== 0) return error(`${place} can be written to by everybody`, hint)
        if ((entry.mode & 0o020) !== 0 && entry.gid !== 0)
          return error(`${place} can be written to by group ${entry.gid}`, hint)
        return lookAtWay(path, host)
      },
    })),
}

/** Who may write to a directory that a link's way leads through can put another one in the place of what it leads to. */
async function lookAtWay(path: string, host: Host): Promise<PreflightVerdict> {
  for (const dir of await dirsBehindLinks(path, host)) {
    const entry = await host.look(dir)
    const isOpen = entry !== undefined && (entry.mode & 0o002) !== 0 && (entry.mode & 0o1000) === 0
    if (isOpen)
      return error(
        `${host.locate(path)} leads through ${host.locate(dir)}, which can be written to by everybody`,
        `look at where the link leads, then: chmod go-w ${host.locate(dir)}; or put a directory in the place of the link`,
      )
  }
  return well()
}

const MOST_LINKS = 40

/** The directories above what the links on the way to a path lead to. */
async function dirsBehindLinks(path: string, host: Host): Promise<readonly string[]> {
  const dirs: string[] = []
  let [place, left] = ['/', path.split('/').filter(part => part !== '')]
  for (let links = 0; left.length > 0; ) {
    const [name = '', ...rest] = left
    const here = joinPath(place, name)
    const target = await host.linkTarget(here)
    if (links > 0) dirs.push(place)
    if (target === undefined) [place, left] = [here, rest]
    else {
      if (++links > MOST_LINKS) break
      const parts = target.split('/').filter(part => part !== '')
      if (target.startsWith('/')) place = '/'
      left = [...parts, ...rest]
    }
  }
  return [...new Set(dirs)]
}

const RECORD: PreflightCheck = {
  name: 'Record',
  about: 'what earlier runs of kpki have made on this host can be read, where they have written it down',
  severity: 'error',
  origin: 'kpki',
  mend: `look at ${RECORD_PATH}, and move it away: what earlier runs have made is nobody's then`,
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: () => [
    {
      name: 'Record',
      look: async ({ host }) => {
        await readRecord(host)
        return well()
      },
    },
  ],
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

/** Under whose control the places are that init writes to and reads from. */
export const OWNER_CHECKS: readonly PreflightCheck[] = [PERMISSIONS, RECORD, PATCHES]
