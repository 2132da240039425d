import { concatBytes } from '../../crypto/bytes.js'
import { KpkiError } from '../../errors.js'
import { has } from '../../kubernetes/differences.js'
import type { KubernetesVersion } from '../../kubernetes/versions.js'
import { inflate } from '../../tree/inflate.js'
import type { Host } from '../host.js'
import {
  error,
  PREFLIGHT_ROLES,
  type PreflightCheck,
  type PreflightSurroundings,
  type PreflightVerdict,
  together,
  warning,
  well,
} from './check.js'

/**
 * What a kernel must be built with, and what else it may be called.
 *
 * @see kubernetes/system-validators, validators/types_unix.go (as in kubernetes/kubernetes v1.20.2, and of about v1.35)
 */
const REQUIRED_CONFIG: readonly (readonly string[])[] = [
  ['NAMESPACES'],
  ['NET_NS'],
  ['PID_NS'],
  ['IPC_NS'],
  ['UTS_NS'],
  ['CGROUPS'],
  ['CPUSETS'],
  ['MEMCG'],
  ['INET'],
  ['EXT4_FS'],
  ['PROC_FS'],
  ['NETFILTER_XT_TARGET_REDIRECT', 'IP_NF_TARGET_REDIRECT'],
  ['NETFILTER_XT_MATCH_COMMENT'],
]

/**
 * Up to 1.31 kubeadm wants all of those of v1 with v2, too, where kernels may lack them and nothing is amiss (issue 51 of
 * kubernetes/system-validators): here they are asked for with v1 alone.
 */
function cgroupOptions(version: KubernetesVersion, mounted: 'v1' | 'v2'): readonly string[] {
  const ofV1 = ['CGROUP_CPUACCT', 'CGROUP_DEVICE', 'CGROUP_FREEZER']
  if (has(version, 'preflightCgroupOptions')) return mounted === 'v1' ? [...ofV1, 'CGROUP_SCHED'] : ['CGROUP_SCHED']
  if (!has(version, 'preflightCgroupOptionsByVersion')) return []
  return mounted === 'v1' ? [...ofV1, 'CGROUP_PIDS', 'CGROUP_SCHED'] : ['CGROUP_BPF', 'CGROUP_PIDS', 'CGROUP_SCHED']
}

const CGROUPS = {
  v1: {
    required: ['cpu', 'cpuacct', 'cpuset', 'devices', 'freezer', 'memory', 'pids'],
    optional: ['hugetlb'],
    blockIo: 'blkio',
  },
  v2: {
    required: ['cpu', 'cpuset', 'devices', 'freezer', 'memory', 'pids'],
    optional: ['hugetlb'],
    blockIo: 'io',
  },
} as const

/** Kernel and control groups. */
export const SYSTEM: PreflightCheck = {
  name: 'SystemVerification',
  about:
    'a kernel that the version takes (1.32: 4.19 or newer, before 3.10; from 1.34 on it warns before 5.4), built with what containers take, and with the control groups that the kubelet wants',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'use a kernel of the distribution with cgroups v2 (systemd.unified_cgroup_hierarchy=1)',
  roles: PREFLIGHT_ROLES,
  probes: () => [
    {
      name: 'SystemVerification',
      look: async around => {
        const { system } = around
        if (system.platform !== 'linux')
          return error(`unsupported operating system: ${system.platform}`, 'a control plane runs on Linux')
        const cgroups = await readCgroups(around)
        return together([
          judgeKernel(system.kernelRelease, around.subject.version),
          await judgeConfig(around, cgroups),
          judgeCgroups(around, cgroups),
        ])
      },
    },
  ],
}

/** The expressions are those of types_unix.go. */
const KERNELS = {
  lts: [/^5\.4/, /^5\.10/, /^5\.15/, /^([6-9]|[1-9][0-9]+)\.([0-9]+)\.([0-9]+)/],
  '4.19': [/^4\.19/, /^4\.[2-9][0-9]/, /^([5-9]|[1-9][0-9]+)\.([0-9]+)\.([0-9]+)/],
  '3.10': [/^3\.[1-9][0-9]/, /^([4-9]|[1-9][0-9]+)\.([0-9]+)\.([0-9]+)/],
} as const

function judgeKernel(release: string, version: KubernetesVersion): PreflightVerdict {
  const isOneOf = (kernels: readonly RegExp[]) => kernels.some(kernel => kernel.test(release))
  if (has(version, 'preflightKernel54')) {
    return isOneOf(KERNELS.lts)
      ? well()
      : warning(
          `kernel release ${release} is unsupported`,
          'update the kernel: of 5.x the long term releases 5.4, 5.10 and 5.15 are supported, and all from 6.0 on',
        )
  }
  const oldest = has(version, 'preflightKernel419') ? '4.19' : '3.10'
  return isOneOf(KERNELS[oldest])
    ? well()
    : error(`unsupported kernel release: ${release}`, `update the kernel: Linux ${oldest} is the oldest`)
}

/** Where kernels keep what they were built with. */
function configPaths(release: string): readonly string[] {
  return [
    '/proc/config.gz',
    `/boot/config-${release}`,
    `/usr/src/linux-${release}/.config`,
    '/usr/src/linux/.config',
    `/usr/lib/modules/${release}/config`,
    `/usr/lib/ostree-boot/config-${release}`,
    `/usr/lib/kernel/config-${release}`,
    `/usr/src/linux-headers-${release}/.config`,
    `/lib/modules/${release}/build/.config`,
  ]
}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024

async function readConfig(host: Host, release: string): Promise<string | undefined> {
  for (const path of configPaths(release)) {
    try {
      const bytes = await host.read(path)
      if (bytes === undefined) continue
      const pieces: Uint8Array[] = []
      let length = 0
      for await (const piece of inflate(asStream(bytes))) {
        pieces.push(piece)
        length += piece.length
        if (length > MAX_CONFIG_BYTES) break
      }
      return new TextDecoder().decode(concatBytes(pieces))
    } catch (failure) {
      if (!(failure instanceof KpkiError)) throw failure
    }
  }
  return undefined
}

async function* asStream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function judgeConfig(
  { host, system, subject: { version } }: PreflightSurroundings,
  cgroups: Cgroups,
): Promise<PreflightVerdict> {
  const text = await readConfig(host, system.kernelRelease)
  if (text === undefined) {
    // kubeadm v1.20.2 takes that for an error, after it has loaded the module `configs`; later ones warn.
    return warning(
      'what the kernel was built with cannot be read: there is neither /proc/config.gz nor /boot/config-*',
      'modprobe configs, or go by what the distribution says of its kernel',
    )
  }
  const set = new Set([...text.matchAll(/^CONFIG_([A-Z0-9_]+)=[ym]/gm)].map(([, name]) => name))
  const more = [
    ...(has(version, 'preflightFairGroupSched') ? ['FAIR_GROUP_SCHED'] : []),
    ...(cgroups.version === 'none' ? [] : cgroupOptions(version, cgroups.version)),
  ]
  const required = [...REQUIRED_CONFIG, ...more.map(name => [name])]
  const missing = required.filter(names => !names.some(name => set.has(name)))
  if (missing.length === 0) return well()
  return error(
    `unexpected kernel config: ${missing.map(([name]) => `CONFIG_${name}`).join(' ')}`,
    'the kernel was built without them: use one of the distribution, or build it with them',
  )
}

interface Cgroups {
  readonly version: 'v1' | 'v2' | 'none'
  readonly controllers: readonly string[]
}

/** What is at the usual place decides, else v2 wherever it is mounted, as system-validators has it; some controllers have no file. */
async function readCgroups({ host, system }: PreflightSurroundings): Promise<Cgroups> {
  const read = async (path: string) => new TextDecoder().decode((await host.read(path)) ?? new Uint8Array())
  const mounts = (await read('/proc/mounts')).split('\n').map(line => line.split(' '))
  const usual = mounts.filter(([, path]) => path === '/sys/fs/cgroup').at(-1)?.[2]
  const v2 = usual === 'tmpfs' ? undefined : mounts.find(([, , type]) => type === 'cgroup2')?.[1]
  const [, major = '0', minor = '0'] = /^([0-9]+)\.([0-9]+)/.exec(system.kernelRelease) ?? []
  if (v2 !== undefined) {
    const names = (await read(`${v2}/cgroup.controllers`)).split(/\s+/).filter(name => name !== '')
    // systemd's hybrid: v2 is there for its own use, and has no controllers.
    if (names.length > 0 || !mounts.some(([, , type]) => type === 'cgroup')) {
      const hasFreezer = Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 2)
      return { version: 'v2', controllers: ['devices', ...(hasFreezer ? ['freezer'] : []), ...names] }
    }
  }
  const rows = (await read('/proc/cgroups')).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const controllers = rows.map(line => line.split(/\s+/)).flatMap(([name = '', , , on]) => (on === '1' ? [name] : []))
  return { version: mounts.some(([, , type]) => type === 'cgroup') ? 'v1' : 'none', controllers }
}

function judgeCgroups({ subject }: PreflightSurroundings, { version, controllers }: Cgroups): PreflightVerdict {
  const hint =
    'boot with cgroups v2 (kernel parameter systemd.unified_cgroup_hierarchy=1), or mount them at /sys/fs/cgroup'
  if (version === 'none') return error('no control groups are mounted', hint)
  const { required, optional, blockIo } = CGROUPS[version]
  const wished = [...optional, ...(has(subject.version, 'preflightBlockIo') ? [blockIo] : [])]
  const without = (names: readonly string[]) => names.filter(name => !controllers.includes(name)).join(' ')
  const verdicts: PreflightVerdict[] = []
  if (version === 'v1') verdicts.push(judgeV1(subject, hint))
  if (without(required) !== '') {
    verdicts.push(
      error(
        `missing required cgroups: ${without(required)}`,
        'turn them on: cgroup_enable=… on the kernel command line, or in the parent cgroup (cgroup.subtree_control)',
      ),
    )
  }
  if (without(wished) !== '')
    verdicts.push(
      warning(
        `missing optional cgroups: ${without(wished)}`,
        'nothing, unless Pods ask for huge pages (hugetlb) or limits of block devices (blkio, io)',
      ),
    )
  return together(verdicts)
}

function judgeV1({ version, allowsCgroupV1 }: PreflightSurroundings['subject'], hint: string): PreflightVerdict {
  if (has(version, 'preflightRefusesCgroupV1') && !allowsCgroupV1) {
    return error(
      'the host has cgroups v1, with which the kubelet does not start',
      `${hint}; or say failCgroupV1: false in a KubeletConfiguration`,
    )
  }
  return has(version, 'preflightWarnsOfCgroupV1')
    ? warning('cgroups v1 support is in maintenance mode, please migrate to cgroups v2', hint)
    : well()
}
