import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ControlPlane } from '../../../lib/config/control-plane.js'
import { encodeUtf8 } from '../../../lib/crypto/bytes.js'
import { UsageError, WorkflowError } from '../../../lib/errors.js'
import { rowsOf } from '../../../lib/kubernetes/catalogue.js'
import type { HostFile } from '../../../lib/render/host-file.js'
import { generateTree } from '../../../lib/workflow/generate.js'
import { PREFLIGHT_CHECKS } from '../../../lib/workflow/preflight/checks.js'
import {
  assertPreflight,
  type PreflightOptions,
  type PreflightReport,
  runPreflight,
} from '../../../lib/workflow/preflight/run.js'
import { type PreflightSubjectOptions, preflightSubject } from '../../../lib/workflow/preflight/subject.js'
import { record } from '../../../lib/workflow/record.js'
import { rejects, testContext } from '../../support/context.js'
import { controlPlane } from '../../support/control-plane.js'
import { type MemoryHost, type MemoryHostOptions, memoryHost } from '../../support/memory-host.js'

const RELEASE = '6.1.0-18-amd64'
const CONFIG = [
  'NAMESPACES NET_NS PID_NS IPC_NS UTS_NS CGROUPS CGROUP_CPUACCT CGROUP_DEVICE CGROUP_FREEZER CGROUP_SCHED CPUSETS MEMCG',
  'INET EXT4_FS PROC_FS NETFILTER_XT_TARGET_REDIRECT NETFILTER_XT_MATCH_COMMENT FAIR_GROUP_SCHED CGROUP_PIDS CGROUP_BPF',
]
  .flatMap(line => line.split(' '))
  .map((name, index) => `CONFIG_${name}=${index % 3 === 0 ? 'm' : 'y'}`)
const kernelConfig = (lines: readonly string[]) => `# Linux\n# CONFIG_AUFS_FS is not set\n${lines.join('\n')}\n`

/** The files of a host where all is well, beside which a test puts its own. */
const FILES = {
  '/proc/swaps': 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
  '/proc/sys/net/ipv4/ip_forward': '1\n',
  '/proc/sys/net/ipv6/conf/default/forwarding': '1\n',
  '/proc/sys/net/bridge/bridge-nf-call-iptables': '1\n',
  '/proc/sys/net/bridge/bridge-nf-call-ip6tables': '1\n',
  '/proc/mounts': 'proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n',
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma\n',
  [`/boot/config-${RELEASE}`]: kernelConfig(CONFIG),
} as const
const USUAL = 'conntrack cp crictl ebtables ethtool ip iptables losetup mount nsenter socat tc touch'.split(' ')
const programs = (kubelet: string, without: readonly string[] = []) => ({
  ...Object.fromEntries(USUAL.filter(name => !without.includes(name)).map(name => [name, ''])),
  kubelet: `Kubernetes ${kubelet}\n`,
})

function aHost(version: string, { files = {}, system = {} }: MemoryHostOptions = {}): MemoryHost {
  return memoryHost({
    files: { ...FILES, ...files },
    system: {
      kernelRelease: RELEASE,
      serviceManager: 'systemd',
      names: { 'cp-1': ['10.77.1.10'] },
      programs: programs(version),
      ...system,
    },
  })
}

async function look(
  host: MemoryHost,
  subject: ControlPlane,
  options: PreflightOptions & PreflightSubjectOptions = {},
): Promise<PreflightReport> {
  return runPreflight(PREFLIGHT_CHECKS, host, preflightSubject(subject, options), testContext(), options)
}

/** What is not well, as kubeadm would say it: `ERROR Port-6443`. */
const found = ({ results }: PreflightReport) =>
  results.filter(({ state }) => !['passed', 'skipped'].includes(state)).map(({ name, state }) => `${state} ${name}`)
const noteOf = ({ results }: PreflightReport, name: string) => results.find(result => result.name === name)?.note ?? ''
const messagesOf = ({ results }: PreflightReport, name: string) =>
  results
    .filter(result => result.name === name)
    .flatMap(({ findings }) => findings.map(({ message }) => message))
    .join('\n')

for (const version of [
  'v1.20.2',
  'v1.27.1',
  'v1.28.4',
  'v1.30.14',
  'v1.31.1',
  'v1.32.2',
  'v1.33.5',
  'v1.35.8',
  'v1.36.4',
  'v1.37.1',
])
  test(`a host where all is well passes for ${version}, and nothing is changed on it`, async () => {
    const host = aHost(version)
    host.onWrite = what => assert.unreachable(what)
    const report = await look(host, await controlPlane(version))
    assert.equal(found(report), [])
    assert.equal(
      host.system?.log.filter(line => line !== 'kubelet --version'),
      [],
    )
    assertPreflight(report)
  })

// Names and order of kubeadm v1.20.2, RunInitNodeChecks and addCommonChecks, without Docker.
const NAMES_1_20 = [
  'IsPrivilegedUser',
  'NumCPU',
  'Mem',
  'Firewalld',
  'Port-6443',
  'Port-10259',
  'Port-10257',
  'FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml',
  'FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml',
  'FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml',
  'FileAvailable--etc-kubernetes-manifests-etcd.yaml',
  'HTTPProxy',
  'HTTPProxyCIDR',
  'HTTPProxyCIDR',
  'CRI',
  'Swap',
  'FileContent--proc-sys-net-bridge-bridge-nf-call-iptables',
  'FileContent--proc-sys-net-ipv4-ip_forward',
  'Hostname',
  ...'crictl conntrack ip iptables mount nsenter ebtables ethtool socat tc touch'
    .split(' ')
    .map(name => `FileExisting-${name}`),
  'SystemVerification',
  'KubeletVersion',
  'Service-Kubelet',
  'Port-10250',
  'Port-2379',
  'Port-2380',
  'DirAvailable--var-lib-etcd',
]

const kubeadmNames = ({ results }: PreflightReport) =>
  results.filter(({ origin }) => origin === 'kubeadm').map(({ name }) => name)
const PODS = { cluster: 'networking: {podSubnet: 10.244.0.0/16}' }

test('the checks of v1.20.2 are those of kubeadm v1.20.2', async () => {
  assert.equal(kubeadmNames(await look(aHost('v1.20.2'), await controlPlane('v1.20.2', PODS))), NAMES_1_20)
})

// Programs by minor: pull requests 126953, 127151, 129131, 129450, 130045, 124685 and 126596 of kubernetes/kubernetes.
for (const [version, names] of [
  ['v1.31.1', 'crictl conntrack ip iptables mount nsenter ebtables ethtool socat tc touch'],
  ['v1.32.2', 'ip iptables mount nsenter ethtool tc touch'],
  ['v1.33.5', 'mount cp losetup touch'],
  ['v1.37.1', 'mount cp losetup touch'],
] as const)
  test(`${version} looks for ${names}`, async () => {
    const report = await look(aHost(version), await controlPlane(version))
    const asked = kubeadmNames(report).filter(name => name.startsWith('FileExisting-'))
    assert.equal(
      asked,
      names.split(' ').map(name => `FileExisting-${name}`),
    )
    const empty = await look(
      aHost(version, { system: { programs: programs(version, USUAL) } }),
      await controlPlane(version),
    )
    const warnings = ['crictl', 'ebtables', 'ethtool', 'socat', 'tc', 'touch']
    assert.equal(
      found(empty),
      names.split(' ').map(name => `${warnings.includes(name) ? 'warning' : 'error'} FileExisting-${name}`),
    )
  })

const V = 'v1.36.4'
const system = (options: MemoryHostOptions['system']) => ({ system: options })
const at = (path: string, content: string) => ({ files: { [path]: content } })

/**
 * What kubeadm of that version says of a kernel on a host with cgroups v1.
 *
 * @see kubernetes/system-validators, validators/types_unix.go: v1.2.0 (kubernetes v1.20.2), PR 37 (v1.32), PR 48 and 49 (v1.34)
 */
const KERNELS: readonly (readonly [release: string, version: string, state: readonly string[], message?: RegExp])[] = [
  ['3.10.0-1160.el7.x86_64', 'v1.30.14', []],
  ['3.2.0', 'v1.30.14', ['error SystemVerification'], /^unsupported kernel release: 3\.2\.0$/],
  ['4.18.0-553.el8', 'v1.30.14', []],
  ['4.18.0-553.el8', 'v1.32.12', ['error SystemVerification'], /^unsupported kernel release: 4\.18\.0-553\.el8$/m],
  ['4.19.0-27-amd64', 'v1.33.8', ['warning SystemVerification'], /^cgroups v1 support[^\n]*$/],
  ['5.8.0', 'v1.33.8', []],
  ['5.8.0', 'v1.34.4', ['warning SystemVerification'], /^kernel release 5\.8\.0 is unsupported$/],
  ['5.15.0-113-generic', 'v1.36.4', []],
]
/** Options of kernels, as in the same file; with cgroups v1, newer versions warn or refuse in any case. */
const OPTIONS: readonly (readonly [name: string, version: string, mounted: 'v1' | 'v2', isMissed: boolean])[] = [
  ['FAIR_GROUP_SCHED', 'v1.20.2', 'v2', false],
  ['FAIR_GROUP_SCHED', 'v1.21.3', 'v2', true],
  ['FAIR_GROUP_SCHED', 'v1.36.4', 'v2', true],
  ['CGROUP_CPUACCT', 'v1.20.2', 'v1', true],
  ['CGROUP_CPUACCT', 'v1.30.14', 'v1', true],
  ['CGROUP_CPUACCT', 'v1.36.4', 'v2', false],
  ['CGROUP_SCHED', 'v1.30.14', 'v2', true],
  ['CGROUP_SCHED', 'v1.34.3', 'v2', false],
  ['CGROUP_SCHED', 'v1.35.8', 'v2', true],
  ['CGROUP_BPF', 'v1.34.3', 'v2', false],
  ['CGROUP_BPF', 'v1.35.8', 'v2', true],
  ['CGROUP_PIDS', 'v1.31.1', 'v2', false],
  ['CGROUP_PIDS', 'v1.35.8', 'v2', true],
]

/** Something amiss with a host, the version, and what is found. */
const CASES: readonly (readonly [
  what: string,
  version: string,
  host: MemoryHostOptions,
  expected: readonly string[],
  message?: RegExp | undefined,
])[] = [
  ['one CPU', V, system({ cpus: 1 }), ['error NumCPU']],
  ['1699 MB', V, system({ memoryBytes: 1700 * 1024 * 1024 - 1 }), ['error Mem'], /1699 MB.*1700 MB/],
  [
    'firewalld',
    V,
    system({
      services: {
        kubelet: { isInstalled: true, isEnabled: true, isActive: false },
        firewalld: { isInstalled: true, isEnabled: true, isActive: true },
      },
    }),
    ['warning Firewalld'],
    /6443 10250/,
  ],
  [
    'firewalld that does not run',
    V,
    system({
      services: {
        kubelet: { isInstalled: true, isEnabled: true, isActive: false },
        firewalld: { isInstalled: true, isEnabled: true, isActive: false },
      },
    }),
    [],
  ],
  ['a port that is taken', V, system({ ports: { 6443: 'taken' } }), ['error Port-6443'], /Port 6443 is in use/],
  ['a port on another address, up to 1.36', V, system({ ports: { '127.0.0.1:10259': 'taken' } }), []],
  [
    'a port on its address, since 1.37',
    'v1.37.1',
    system({ ports: { '127.0.0.1:10259': 'taken' } }),
    ['error Port-10259'],
  ],
  ['a port that nobody may have', V, system({ ports: { 2380: 'forbidden' } }), ['error Port-2380'], /may not listen/],
  ["the kubelet's port", V, system({ ports: { 10250: 'taken' } }), ['error Port-10250']],
  [
    'a manifest',
    V,
    at('/etc/kubernetes/manifests/etcd.yaml', 'kind: Pod\n'),
    ['error FileAvailable--etc-kubernetes-manifests-etcd.yaml'],
    /already exists/,
  ],
  [
    'a directory for a manifest',
    V,
    { files: { '/etc/kubernetes/manifests/etcd.yaml': { type: 'directory' } } },
    ['error FileAvailable--etc-kubernetes-manifests-etcd.yaml'],
    /no file/,
  ],
  [
    'a proxy for the API server',
    V,
    system({ proxies: { 'https://10.77.1.10': 'http://proxy:3128' } }),
    ['warning HTTPProxy'],
    /proxy:3128/,
  ],
  [
    'a proxy for Services',
    V,
    system({ proxies: { 'https://10.96.0.1:1234': 'http://proxy:3128' } }),
    ['warning HTTPProxyCIDR'],
    /10\.96\.0\.0\/12/,
  ],
  [
    'no runtime',
    V,
    system({ runtimeFails: { status: 'nobody listens' } }),
    ['error CRI'],
    /not running: nobody listens/,
  ],
  [
    'a runtime that is not ready',
    V,
    system({ runtimeStatus: { notReady: ['RuntimeReady (x)', 'NetworkReady (y)'] } }),
    ['error CRI'],
    /RuntimeReady \(x\)$/,
  ],
  ['a runtime without a network yet', V, system({ runtimeStatus: { notReady: ['NetworkReady (cni)'] } }), []],
  [
    'an old runtime, since 1.35',
    'v1.35.8',
    system({ runtimeStatus: { hasRuntimeConfig: false } }),
    ['warning ContainerRuntimeVersion'],
  ],
  ['an old runtime, before', 'v1.34.1', system({ runtimeStatus: { hasRuntimeConfig: false } }), []],
  ['swap', V, at('/proc/swaps', `${FILES['/proc/swaps']}/dev/sda2 partition 1 0 -2\n`), ['warning Swap']],
  [
    'swap, up to 1.27',
    'v1.27.1',
    at('/proc/swaps', `${FILES['/proc/swaps']}/dev/sda2 partition 1 0 -2\n`),
    ['error Swap'],
  ],
  ['a name that does not resolve', V, system({ names: {} }), ['warning Hostname'], /"cp-1" could not be reached/],
  [
    'no forwarding',
    V,
    at('/proc/sys/net/ipv4/ip_forward', '0\n'),
    ['error FileContent--proc-sys-net-ipv4-ip_forward'],
    /not set to 1/,
  ],
  ['no IPv6 forwarding, where there is no IPv6', V, at('/proc/sys/net/ipv6/conf/default/forwarding', '0\n'), []],
  [
    'no bridge filter, up to 1.29',
    'v1.29.15',
    at('/proc/sys/net/bridge/bridge-nf-call-iptables', '0\n'),
    ['error FileContent--proc-sys-net-bridge-bridge-nf-call-iptables'],
  ],
  ['no bridge filter, since 1.30', 'v1.30.14', at('/proc/sys/net/bridge/bridge-nf-call-iptables', '0\n'), []],
  [
    'no kubelet',
    V,
    system({ programs: programs('v1.36.4', []) && Object.fromEntries(USUAL.map(name => [name, ''])) }),
    ['error KubeletVersion'],
    /not found/,
  ],
  [
    'a kubelet that says nothing',
    V,
    system({ programs: { ...programs(V), kubelet: 'nothing\n' } }),
    ['error KubeletVersion'],
    /does not say it/,
  ],
  [
    'a newer kubelet',
    'v1.35.8',
    system({ programs: programs('v1.36.0') }),
    ['error KubeletVersion'],
    /higher than the control plane version/,
  ],
  ['a kubelet three minors older', V, system({ programs: programs('v1.33.9') }), []],
  [
    'a kubelet four minors older',
    V,
    system({ programs: programs('v1.32.9') }),
    ['error KubeletVersion'],
    /older than 1\.33/,
  ],
  ['a kubelet one minor older, up to 1.28', 'v1.28.4', system({ programs: programs('v1.27.1') }), []],
  [
    'a kubelet two minors older, up to 1.28',
    'v1.28.4',
    system({ programs: programs('v1.26.1') }),
    ['error KubeletVersion'],
  ],
  ['an ancient kubelet', 'v1.20.2', system({ programs: programs('v1.9.1') }), ['error KubeletVersion']],
  ['a kubelet that is no service', V, system({ services: {} }), ['warning Service-Kubelet'], /does not exist/],
  [
    'a kubelet that does not start with the host',
    V,
    system({ services: { kubelet: { isInstalled: true, isEnabled: false, isActive: false } } }),
    ['warning Service-Kubelet'],
    /not enabled/,
  ],
  [
    'data of an etcd',
    V,
    at('/var/lib/etcd/member/wal', ''),
    ['error DirAvailable--var-lib-etcd'],
    /is not empty: it holds the data of an etcd/,
  ],
  ['an empty data directory', V, { files: { '/var/lib/etcd': { type: 'directory' } } }, []],
  ['Windows', V, system({ platform: 'win32' }), ['error SystemVerification'], /unsupported operating system: win32/],
  [
    'Linux 2.6',
    V,
    { ...system({ kernelRelease: '2.6.32' }), ...at('/boot/config-2.6.32', kernelConfig(CONFIG)) },
    ['error SystemVerification'],
    /kernel release 2\.6\.32 is unsupported\nmissing required cgroups: freezer/,
  ],
  ...KERNELS.map(
    ([release, version, state, message]) =>
      [
        `Linux ${release} with ${version}`,
        version,
        {
          ...system({ kernelRelease: release }),
          files: { [`/boot/config-${release}`]: kernelConfig(CONFIG), ...(release.startsWith('5.') ? {} : V1_HOST()) },
        },
        state,
        message,
      ] as const,
  ),
  ...OPTIONS.map(
    ([name, version, mounted, isMissed]) =>
      [
        `a kernel without ${name} and with cgroups ${mounted} for ${version}`,
        version,
        {
          files: {
            ...(mounted === 'v1' ? V1_HOST() : {}),
            [`/boot/config-${RELEASE}`]: kernelConfig(CONFIG.filter(line => !line.startsWith(`CONFIG_${name}=`))),
          },
        },
        isMissed ? ['error SystemVerification'] : [],
        isMissed ? new RegExp(`unexpected kernel config: CONFIG_${name}$`, 'm') : undefined,
      ] as const,
  ),
  [
    'a kernel without a configuration',
    V,
    system({ kernelRelease: '6.1.99' }),
    ['warning SystemVerification'],
    /cannot be read/,
  ],
  [
    'a kernel without MEMCG',
    V,
    at(`/boot/config-${RELEASE}`, kernelConfig(CONFIG.filter(line => !line.includes('MEMCG')))),
    ['error SystemVerification'],
    /unexpected kernel config: CONFIG_MEMCG$/,
  ],
  [
    'a kernel that calls REDIRECT otherwise',
    V,
    at(
      `/boot/config-${RELEASE}`,
      kernelConfig(CONFIG).replace('NETFILTER_XT_TARGET_REDIRECT', 'IP_NF_TARGET_REDIRECT'),
    ),
    [],
  ],
  [
    'cgroups without pids',
    V,
    at('/sys/fs/cgroup/cgroup.controllers', 'cpuset cpu io memory hugetlb\n'),
    ['error SystemVerification'],
    /missing required cgroups: pids$/,
  ],
  [
    'cgroups without hugetlb',
    V,
    at('/sys/fs/cgroup/cgroup.controllers', 'cpuset cpu io memory pids\n'),
    ['warning SystemVerification'],
    /missing optional cgroups: hugetlb$/,
  ],
  [
    'cgroups without io',
    V,
    at('/sys/fs/cgroup/cgroup.controllers', 'cpuset cpu memory pids hugetlb\n'),
    ['warning SystemVerification'],
    /missing optional cgroups: io$/,
  ],
  [
    'cgroups without io, before 1.24',
    'v1.23.1',
    at('/sys/fs/cgroup/cgroup.controllers', 'cpuset cpu memory pids hugetlb\n'),
    [],
  ],
  ['no cgroups', V, at('/proc/mounts', 'proc /proc proc rw 0 0\n'), ['error SystemVerification'], /no control groups/],
  ...(
    [
      ['v1.30.14', []],
      ['v1.31.1', ['warning SystemVerification']],
      ['v1.35.8', ['error SystemVerification']],
    ] as const
  ).map(([version, expected]) => [`cgroups v1 with ${version}`, version, { files: V1_HOST() }, expected] as const),
  ['cgroups v1, and one controller of v2', 'v1.30.14', { files: hybridHost() }, []],
  [
    'world-writable /etc/kubernetes',
    V,
    { files: { '/etc/kubernetes': { type: 'directory', mode: 0o777 } } },
    ['error Permissions--etc-kubernetes'],
    /by everybody/,
  ],
  [
    '/etc/kubernetes of a user',
    V,
    { files: { '/etc/kubernetes': { type: 'directory', uid: 1000 } } },
    ['error Permissions--etc-kubernetes'],
    /user 1000/,
  ],
  [
    '/etc/kubernetes/pki of a group',
    V,
    { files: { '/etc/kubernetes/pki': { type: 'directory', mode: 0o775, gid: 50 } } },
    ['error Permissions--etc-kubernetes-pki'],
    /group 50/,
  ],
  ["root's group may", V, { files: { '/etc/kubernetes/pki': { type: 'directory', mode: 0o775 } } }, []],
  ['a file for a directory', V, at('/var/lib/kubelet', ''), ['error Permissions--var-lib-kubelet'], /not a directory/],
]

/** As it was seen on a machine: v1 with all that is wanted, and a v2 beside it that has got one controller. */
function hybridHost(): Readonly<Record<string, string>> {
  const host = V1_HOST()
  return {
    ...host,
    '/proc/mounts': `tmpfs /sys/fs/cgroup tmpfs ro,mode=755 0 0\n${host['/proc/mounts']}`,
    '/sys/fs/cgroup/unified/cgroup.controllers': 'hugetlb\n',
  }
}

function V1_HOST(): Readonly<Record<string, string>> {
  const controllers = ['cpu', 'cpuacct', 'cpuset', 'devices', 'freezer', 'memory', 'pids', 'hugetlb', 'blkio']
  return {
    '/proc/mounts': 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n',
    '/sys/fs/cgroup/unified/cgroup.controllers': '\n',
    '/proc/cgroups': `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${controllers.map(name => `${name}\t3\t80\t1`).join('\n')}\n`,
  }
}

for (const [what, version, options, expected, message] of CASES)
  test(`preflight finds: ${what}`, async () => {
    const report = await look(aHost(version, options), await controlPlane(version))
    assert.equal(found(report), expected)
    const [first] = expected
    if (message) assert.match(messagesOf(report, first?.split(' ')[1] ?? ''), message)
    for (const { findings } of report.results)
      for (const { hint } of findings) assert.ok(hint.length > 3, 'every finding says how to mend it')
  })

test('the kernel configuration is read where it is gzipped, too', async () => {
  const gzip = (lines: readonly string[]) => gzipSync(kernelConfig(lines))
  const one = aHost(V, { files: { '/proc/config.gz': gzip(CONFIG) } })
  assert.equal(found(await look(one, await controlPlane(V))), [])
  const other = aHost(V, { files: { '/proc/config.gz': gzip(CONFIG.slice(1)) } })
  assert.match(messagesOf(await look(other, await controlPlane(V)), 'SystemVerification'), /CONFIG_NAMESPACES/)
  const damaged = aHost(V, { files: { '/proc/config.gz': Buffer.from('1f8b0800', 'hex') } })
  assert.equal(found(await look(damaged, await controlPlane(V))), [], 'the next one is read')
})

test("etcd's own user may have its data directory", async () => {
  const dir = { '/var/lib/etcd': { type: 'directory', mode: 0o700, uid: 102, gid: 102 } } as const
  assert.equal(found(await look(aHost(V, { files: dir }), await controlPlane(V))), [])
})

test('what the KubeletConfiguration allows is well', async () => {
  const swap = { '/proc/swaps': `${FILES['/proc/swaps']}/dev/sda2 partition 1 0 -2\n` }
  const more =
    'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailSwapOn: false\nfailCgroupV1: false'
  const report = await look(aHost(V, { files: { ...V1_HOST(), ...swap } }), await controlPlane(V, { more }))
  assert.equal(found(report), ['warning SystemVerification'])
  assert.match(noteOf(report, 'Swap'), /failSwapOn: false/)
})

test('who is not root is told that, and nothing else', async () => {
  const report = await look(aHost(V, system({ uid: 1000, cpus: 1 })), await controlPlane(V))
  assert.equal(found(report), ['error IsPrivilegedUser'])
  assert.ok(report.results.slice(1).every(({ state, note }) => state === 'skipped' && note === 'the user is not root'))
  const ignored = await look(aHost(V, system({ uid: 1000, cpus: 1 })), await controlPlane(V), {
    ignore: ['isprivilegeduser'],
  })
  assert.equal(found(ignored), ['ignored IsPrivilegedUser', 'error NumCPU'])
})

test('errors are ignored by name in any case, or all; unknown names are said, with what was meant', async () => {
  const host = aHost(V, system({ cpus: 1, ports: { 6443: 'taken' } }))
  const plane = await controlPlane(V)
  const some = await look(host, plane, { ignore: ['NUMCPU', 'Port-6434', 'Swpa', 'FileExisting-crictl', 'ImagePull'] })
  assert.equal(found(some), ['ignored NumCPU', 'error Port-6443'])
  assert.equal(some.unknown, [{ name: 'Swpa', nearest: 'Swap' }])
  const error = await rejects(() => assertPreflight(some))
  assert.instance(error, WorkflowError)
  assert.is(error.code, 'KPKI_PREFLIGHT_FAILED')
  assert.equal(error.details['checks'], ['Port-6443'])
  assert.match(error.hint ?? '', /--ignore-preflight-errors=Port-6443$/)
  const all = await look(host, plane, { ignore: ['all'] })
  assert.equal(found(all), ['ignored NumCPU', 'ignored Port-6443'])
  assertPreflight(all)
})

test('single checks are made by name, or all of a row', async () => {
  const plane = await controlPlane(V)
  const names = async (only: readonly string[]) =>
    (await look(aHost(V), plane, { only })).results.map(({ name }) => name)
  assert.equal(await names(['mem', 'Port-6443']), ['Mem', 'Port-6443'])
  assert.equal(await names(['Port-N']), [
    'Port-6443',
    'Port-10259',
    'Port-10257',
    'Port-10250',
    'Port-2379',
    'Port-2380',
  ])
  const error = await rejects(names(['Port-6444']))
  assert.instance(error, UsageError)
  assert.match(error.hint ?? '', /Port-6443/)
})

const manifest = (component: string, text: string): HostFile => ({
  path: `/etc/kubernetes/manifests/${component}.yaml`,
  mode: 0o600,
  bytes: encodeUtf8(text),
})
const PLANNED = [
  manifest('etcd', '- --name=cp-1\n'),
  manifest('kube-apiserver', '- --advertise-address=10.77.1.10\n'),
  { path: '/var/lib/kubelet/config.yaml', mode: 0o644, bytes: encodeUtf8('kind: KubeletConfiguration\n') },
]

test('a second run finds its own control plane, and passes', async () => {
  const files = {
    ...Object.fromEntries(PLANNED.map(({ path, mode, bytes }) => [path, { mode, content: bytes }])),
    '/var/lib/etcd/member/wal': '',
  }
  const ports = { 6443: 'taken', 10250: 'taken', 2379: 'taken', 2380: 'taken' } as const
  const report = await look(aHost(V, { files, system: { ports } }), await controlPlane(V), { files: PLANNED })
  assert.equal(found(report), [])
  assert.match(noteOf(report, 'Port-6443'), /kube-apiserver runs: \/etc\/kubernetes\/manifests\/kube-apiserver\.yaml/)
  assert.match(noteOf(report, 'Port-10250'), /\/var\/lib\/kubelet\/config\.yaml/)
  assert.match(noteOf(report, 'DirAvailable--var-lib-etcd'), /this cluster's etcd/)
  assert.match(noteOf(report, 'FileAvailable--etc-kubernetes-manifests-etcd.yaml'), /as it is to be/)
})

const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml'
const LEFT: readonly (readonly [what: string, files: MemoryHostOptions['files'], name: string, message: RegExp])[] = [
  [
    'another configuration of a kubelet',
    { [KUBELET_CONFIG]: 'failSwapOn: false\n' },
    'FileAvailable--var-lib-kubelet-config.yaml',
    /differs from what would be written, first in line 1$/,
  ],
  [
    'a directory in its place',
    { [KUBELET_CONFIG]: { type: 'directory' } },
    'FileAvailable--var-lib-kubelet-config.yaml',
    /is no file$/,
  ],
  ['a FIFO', { [KUBELET_CONFIG]: { type: 'other' } }, 'FileAvailable--var-lib-kubelet-config.yaml', /is no file$/],
  [
    'a manifest that others can read',
    { '/etc/kubernetes/manifests/etcd.yaml': '- --name=cp-1\n' },
    'FileAvailable--etc-kubernetes-manifests-etcd.yaml',
    /has mode 0644, which lets more people at it than 0600$/,
  ],
  ['a record that is no file', { '/etc/kubernetes/.kpki/made.jsonl': { type: 'directory' } }, 'Record', /made\.jsonl/],
  [
    'a record that others may write',
    { '/etc/kubernetes/.kpki': { type: 'directory', mode: 0o777 } },
    'Permissions--etc-kubernetes-.kpki',
    /by everybody/,
  ],
]

for (const [what, files, name, message] of LEFT)
  test(`what a phase would stop at is found before any: ${what}`, async () => {
    const report = await look(aHost(V, files === undefined ? {} : { files }), await controlPlane(V), { files: PLANNED })
    assert.equal(found(report), [`error ${name}`])
    assert.match(messagesOf(report, name), message)
  })

/** A host with links in it, which a host in memory has none of. */
function linkedHost(links: Readonly<Record<string, string>>, options: MemoryHostOptions = {}): MemoryHost {
  const host = aHost(V, options)
  host.linkTarget = async path => links[path]
  return host
}

test('a link to nothing is in the way', async () => {
  const host = linkedHost({ [KUBELET_CONFIG]: '/nowhere' })
  const report = await look(host, await controlPlane(V), { files: PLANNED })
  assert.equal(found(report), ['error FileAvailable--var-lib-kubelet-config.yaml'])
  assert.match(messagesOf(report, 'FileAvailable--var-lib-kubelet-config.yaml'), /is a link to nothing$/)
})

test('the way that a link leads is looked at', async () => {
  const MANIFESTS = '/etc/kubernetes/manifests'
  const name = 'Permissions--etc-kubernetes-manifests'
  const dir = (mode: number) => ({ type: 'directory', mode }) as const
  const OPEN: readonly (readonly [links: Record<string, string>, mode: number, isFound: boolean])[] = [
    [{ [MANIFESTS]: '/some/p/else' }, 0o777, true],
    [{ [MANIFESTS]: '../../some/p/else' }, 0o777, true],
    [{ [MANIFESTS]: '/other', '/other': 'some/p/else' }, 0o777, true],
    [{ [MANIFESTS]: '/some/p/else' }, 0o1777, false],
    [{ [MANIFESTS]: '/some/p/else' }, 0o755, false],
    [{}, 0o777, false],
    [{ [MANIFESTS]: MANIFESTS }, 0o777, false],
  ]
  for (const [links, mode, isFound] of OPEN) {
    const files = { [MANIFESTS]: dir(0o755), '/some': dir(0o755), '/some/p': dir(mode) }
    const report = await look(linkedHost(links, { files }), await controlPlane(V))
    assert.equal(found(report), isFound ? [`error ${name}`] : [], JSON.stringify(links))
    if (isFound) assert.match(messagesOf(report, name), /leads through \/some\/p, which can be written to by everybody/)
  }
})

test('what another cluster has left is named, and by what it shows', async () => {
  for (const [content, message] of [
    ['- --name=cp-9\n', /is of the node cp-9, not of cp-1$/],
    ['- --name=cp-1\n- --more\n', /first in line 2$/],
    ['- --advertise-address=10.9.9.9\n', /advertises 10\.9\.9\.9, not 10\.77\.1\.10$/],
  ] as const) {
    const files = { '/etc/kubernetes/manifests/etcd.yaml': content, '/var/lib/etcd/member/wal': '' }
    const host = aHost(V, { files, system: { ports: { 2379: 'taken' } } })
    const report = await look(host, await controlPlane(V), { files: PLANNED })
    assert.equal(found(report), [
      'error FileAvailable--etc-kubernetes-manifests-etcd.yaml',
      'error Port-2379',
      'error DirAvailable--var-lib-etcd',
    ])
    assert.match(messagesOf(report, 'FileAvailable--etc-kubernetes-manifests-etcd.yaml'), message)
  }
})

test('what an earlier run has made of another description is replaced where that is asked for', async () => {
  const host = aHost(V)
  const context = testContext()
  const earlier = manifest('etcd', '- --name=cp-1\n- --old\n')
  await record([earlier], { host, context })
  await host.create(earlier)
  const plane = await controlPlane(V)
  const name = 'FileAvailable--etc-kubernetes-manifests-etcd.yaml'
  const refused = await look(host, plane, { files: PLANNED })
  assert.equal(found(refused), [`error ${name}`])
  assert.match(messagesOf(refused, name), /earlier run of kpki/)
  const taken = await look(host, plane, { files: PLANNED, overwrite: true })
  assert.equal(found(taken), [])
  assert.match(noteOf(taken, name), /is replaced/)
})

test('certificates of two clusters are told apart', async () => {
  const plane = await controlPlane(V, { cluster: 'encryptionAlgorithm: ECDSA-P256' })
  const make = async () => {
    const host = aHost(V)
    await generateTree(rowsOf(plane.cluster, 'init'), plane.cluster, host.store, testContext())
    return host
  }
  const [one, other] = [await make(), await make()]
  assert.equal(found(await look(one, plane)), [], 'a whole tree of its own')
  one.put('/etc/kubernetes/pki/ca.crt', other.text('/etc/kubernetes/pki/ca.crt') ?? '')
  one.put('/etc/kubernetes/pki/etcd/peer.crt', other.text('/etc/kubernetes/pki/etcd/peer.crt') ?? '')
  const mixed = await look(one, plane)
  assert.equal(found(mixed), ['error CertificateTree'])
  const messages = messagesOf(mixed, 'CertificateTree')
  for (const file of ['pki/apiserver.crt', 'pki/apiserver-kubelet-client.crt', 'pki/etcd/peer.crt', 'admin.conf'])
    assert.match(messages, new RegExp(`/etc/kubernetes/${file} is not of /etc/kubernetes/pki/`))
  assert.not.match(messages, /front-proxy|etcd\/server/)
  await other.remove('/etc/kubernetes/pki/ca.crt')
  assert.match(messagesOf(await look(other, plane), 'CertificateTree'), /apiserver\.crt is there without .*ca\.crt/)
  other.put('/etc/kubernetes/pki/apiserver.crt', 'no certificate')
  assert.match(messagesOf(await look(other, plane), 'CertificateTree'), /apiserver\.crt cannot be read/)
})

test("an external etcd's CA stands where the description says", async () => {
  const cluster =
    'encryptionAlgorithm: ECDSA-P256\netcd: {external: {endpoints: ["https://10.0.0.1:2379"], caFile: /e/ca.crt, certFile: /etc/kubernetes/pki/apiserver-etcd-client.crt, keyFile: /etc/kubernetes/pki/apiserver-etcd-client.key}}'
  const stacked = await controlPlane(V, { cluster: 'encryptionAlgorithm: ECDSA-P256' })
  const other = aHost(V)
  await generateTree(rowsOf(stacked.cluster, 'init'), stacked.cluster, other.store, testContext())
  const file = '/etc/kubernetes/pki/apiserver-etcd-client.crt'
  const host = aHost(V, { files: { [file]: other.text(file) ?? '' } })
  assert.equal(found(await look(host, await controlPlane(V, { cluster }), { only: ['CertificateTree'] })), [])
  assert.equal(found(await look(host, stacked, { only: ['CertificateTree'] })), ['error CertificateTree'])
})

test('a clock that is not set is seen by itself, and by certificates', async () => {
  const plane = await controlPlane(V, { cluster: 'encryptionAlgorithm: ECDSA-P256' })
  const host = aHost(V)
  await generateTree(rowsOf(plane.cluster, 'init'), plane.cluster, host.store, testContext())
  const atTime = async (time: string) => {
    const context = testContext({ clock: () => new Date(time) })
    return runPreflight(PREFLIGHT_CHECKS, host, preflightSubject(plane), context)
  }
  assert.match(messagesOf(await atTime('1970-01-01T00:05:00Z'), 'Clock'), /clock says 1970-01-01/)
  assert.match(messagesOf(await atTime('2026-01-01T00:00:00Z'), 'Clock'), /ca\.crt is not valid before 2026-0/)
  const later = messagesOf(await atTime('2028-01-01T00:00:00Z'), 'Clock')
  assert.match(later, /apiserver\.crt has expired/)
  assert.not.match(later, /\/ca\.crt/)
})

test('an external etcd is asked for its version, with its files', async () => {
  const cluster =
    'etcd: {external: {endpoints: ["https://10.0.0.1:2379", "https://10.0.0.2:2379"], caFile: /e/ca.crt, certFile: /e/c.crt, keyFile: /e/c.key}}'
  const plane = await controlPlane(V, { cluster })
  const files = { '/e/ca.crt': 'CA', '/e/c.crt': 'CERT', '/e/c.key': 'KEY' }
  const answer = (version: string) => ({ status: 200, body: `{"etcdserver":"${version}","etcdcluster":"3.6.0"}` })
  const answers = {
    'https://10.0.0.1:2379/version': answer('3.6.1'),
    'https://10.0.0.2:2379/version': answer('3.5.24'),
  }
  const host = aHost(V, { files, system: { answers, ports: { 2379: 'taken' } } })
  const report = await look(host, plane)
  assert.equal(found(report), [])
  assert.ok(!kubeadmNames(report).some(name => /Port-23|DirAvailable/.test(name)), 'no etcd of its own')
  assert.equal(host.system?.requests[0]?.options, { ca: 'CA', certPem: 'CERT', keyPem: 'KEY', timeoutMs: 10_000 })
  const old = { ...answers, 'https://10.0.0.2:2379/version': answer('3.5.9') }
  assert.match(
    messagesOf(await look(aHost(V, { files, system: { answers: old } }), plane), 'ExternalEtcdVersion'),
    /3\.5\.9, and older than 3\.5\.24/,
  )
  const silent = await look(aHost(V, { files }), plane)
  assert.equal(found(silent), ['error ExternalEtcdVersion'])
  const without = await look(aHost(V, system({ answers })), plane)
  assert.equal(found(without), Array(3).fill('error ExternalEtcdClientCertificates'))
})

test('IPv6 is wanted to be forwarded where it is used', async () => {
  const none = { '/proc/sys/net/ipv4/ip_forward': '0', '/proc/sys/net/ipv6/conf/default/forwarding': '0' }
  const dual = await controlPlane(V, {
    cluster: 'networking: {podSubnet: "10.244.0.0/16,fd00:1::/56", serviceSubnet: "10.96.0.0/12,fd00:2::/112"}',
  })
  assert.equal(found(await look(aHost(V, { files: none }), dual)), [
    'error FileContent--proc-sys-net-ipv4-ip_forward',
    'error FileContent--proc-sys-net-ipv6-conf-default-forwarding',
  ])
  const init = 'localAPIEndpoint: {advertiseAddress: "fd00::10"}\nnodeRegistration: {name: cp-1}'
  const six = await controlPlane(V, {
    init,
    cluster: 'networking: {podSubnet: "fd00:1::/56", serviceSubnet: "fd00:2::/112"}',
  })
  assert.equal(found(await look(aHost(V, { files: none }), six)), [
    'error FileContent--proc-sys-net-ipv6-conf-default-forwarding',
  ])
})

test('what the description says and the host does not bear out is a warning', async () => {
  const plane = await controlPlane(V, {
    cluster: 'controlPlaneEndpoint: api.example.org\napiServer: {certSANs: [more.example.org]}',
  })
  const files = { '/etc/kubernetes/pki/ca.crt': 'x' }
  const report = await look(aHost(V, { files }), plane, { only: ['ControlPlaneEndpoint', 'CertSANs'] })
  assert.equal(found(report), ['warning ControlPlaneEndpoint', 'warning CertSANs'])
  assert.match(messagesOf(report, 'ControlPlaneEndpoint'), /api\.example\.org resolves to nothing/)
})

test('patches have to be there', async () => {
  const init =
    'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1}\npatches: {directory: /root/patches}'
  const plane = await controlPlane(V, { init })
  assert.equal(found(await look(aHost(V), plane)), ['error PatchesDir'])
  assert.equal(found(await look(aHost(V, { files: { '/root/patches': { type: 'directory' } } }), plane)), [])
})

test('of a directory that stands for a host, files alone are looked at', async () => {
  const host = memoryHost({ files: { '/etc/kubernetes/manifests/etcd.yaml': 'x' }, system: undefined })
  const report = await look(host, await controlPlane(V))
  assert.equal(found(report), ['error FileAvailable--etc-kubernetes-manifests-etcd.yaml'])
  assert.is(report.results.find(({ name }) => name === 'NumCPU')?.state, 'skipped')
  assert.is(report.results.find(({ name }) => name === 'DirAvailable--var-lib-etcd')?.state, 'passed')
})

test('a host that joins is looked at for less, and for what its kubelet has left', async () => {
  const plane = await controlPlane(V, { cluster: 'controlPlaneEndpoint: 10.0.0.5:6443' })
  const files = { '/etc/kubernetes/kubelet.conf': 'x', '/etc/kubernetes/pki/ca.crt': 'x' }
  const worker = await look(aHost(V, { files, system: { cpus: 1 } }), plane, { role: 'join-worker' })
  assert.equal(found(worker), [
    'error FileAvailable--etc-kubernetes-kubelet.conf',
    'error FileAvailable--etc-kubernetes-pki-ca.crt',
  ])
  assert.ok(!kubeadmNames(worker).some(name => /6443|NumCPU|manifests|etcd/.test(name)))
  const second = await look(aHost(V, system({ cpus: 1 })), plane, { role: 'join-control-plane' })
  assert.equal(found(second), ['error NumCPU'])
})

test('Docker behind a kubelet that does not run is not asked', async () => {
  const init =
    'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1, criSocket: unix:///var/run/dockershim.sock}'
  const report = await look(
    aHost('v1.20.2', system({ runtimeFails: { status: 'no' } })),
    await controlPlane('v1.20.2', { init }),
  )
  assert.equal(found(report), [])
})

test('rows say how to mend what they find, and what they are for', () => {
  for (const { name, about, mend, roles, origin } of PREFLIGHT_CHECKS) {
    assert.ok(about.length > 10 && mend.length > 5 && roles.length > 0 && /^(kubeadm|kpki)$/.test(origin), name)
    assert.match(name, /^[A-Z]/)
  }
})

test('a run that is stopped ends between two checks', async () => {
  const controller = new AbortController()
  controller.abort(new WorkflowError('KPKI_INTERRUPTED', 'stopped'))
  const error = await rejects(look(aHost(V), await controlPlane(V), { signal: controller.signal }))
  assert.is(error.code, 'KPKI_INTERRUPTED')
})

test.run()
