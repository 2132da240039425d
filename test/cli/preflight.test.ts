import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { type MemoryHostOptions, memoryHost } from '../support/memory-host.js'

const ARGS = [
  'preflight',
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.77.1.10',
  '--kubernetes-version',
  'v1.36.4',
]
const RELEASE = '6.1.0-18-amd64'
const CONFIG =
  'NAMESPACES NET_NS PID_NS IPC_NS UTS_NS CGROUPS CGROUP_SCHED CPUSETS MEMCG INET EXT4_FS PROC_FS NETFILTER_XT_TARGET_REDIRECT NETFILTER_XT_MATCH_COMMENT FAIR_GROUP_SCHED CGROUP_PIDS CGROUP_BPF'

/** Runs `kpki preflight` on a host in memory where all is well but what is said. */
function preflight(
  args: readonly string[],
  { files = {}, system = {} }: MemoryHostOptions = {},
  options: { readonly terminal?: boolean; readonly columns?: number } = {},
) {
  const host = memoryHost({
    files: {
      '/proc/sys/net/ipv4/ip_forward': '1\n',
      '/proc/mounts': 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n',
      '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids\n',
      [`/boot/config-${RELEASE}`]: CONFIG.split(' ')
        .map(name => `CONFIG_${name}=y\n`)
        .join(''),
      ...files,
    },
    system: {
      kernelRelease: RELEASE,
      serviceManager: 'systemd',
      names: { 'cp-1': ['10.77.1.10'] },
      programs: { mount: '', cp: '', losetup: '', touch: '', kubelet: 'Kubernetes v1.36.4\n' },
      ...system,
    },
  })
  host.onWrite = (what, path) => assert.unreachable(`${what} ${path}`)
  const opened = { host, store: host.store, connect: () => Promise.reject(new Error('nothing is asked of a cluster')) }
  return run([...ARGS, ...args], { host: opened, env: { LANG: 'C.UTF-8' }, ...options })
}

test('a host where all is well is said to be', async () => {
  const { status, stdout, stderr } = await preflight([])
  assert.is(stderr, '')
  assert.is(status, 0)
  assert.match(stdout, /^passed {3}CRI$/m)
  assert.match(stdout, /^ {9}containerd 1\.7\.2$/m)
  assert.match(stdout, /\n\n[0-9]+ passed\n$/)
  assert.ok(stdout.split('\n').every(line => line.length <= 80))
})

const BAD: MemoryHostOptions = {
  files: { '/etc/kubernetes/manifests/etcd.yaml': 'x' },
  system: { cpus: 1, ports: { 6443: 'taken' }, names: {} },
}

test('errors come first, each with how to mend it, and a count comes last', async () => {
  const { status, stdout } = await preflight(['--ignore-preflight-errors', 'numcpu,Port-644'], BAD)
  assert.is(status, 1)
  assert.match(
    stdout,
    /^error {4}Port-6443\n {9}Port 6443 is in use\n {9}hint: find out by whom \(ss -ltnp 'sport = :6443'\) and stop it:\n {9}kube-apiserver wants it\nerror {4}FileAvailable--etc-kubernetes-manifests-etcd\.yaml\n/,
  )
  assert.match(stdout, /^ignored {2}NumCPU\n {9}the number of available CPUs 1 is less than the required 2$/m)
  assert.match(stdout, /^warning {2}Hostname$/m)
  assert.match(stdout, /\n2 errors, 1 ignored, 1 warning, [0-9]+ passed\n$/)
})

test('quiet says errors alone; nothing where there is none', async () => {
  const { status, stdout } = await preflight(['--quiet', '--ignore-preflight-errors', 'Port-6443'], BAD)
  assert.is(status, 1)
  assert.match(stdout, /^error {4}NumCPU\n/)
  assert.not.match(stdout, /passed|warning|Port/)
  assert.equal(await preflight(['--quiet']), { status: 0, stdout: '', stderr: '' })
})

test('a name that cannot be ignored is said, with what was meant', async () => {
  const { stdout } = await preflight(['--ignore-preflight-errors', 'NumCPUs'])
  assert.match(stdout, /there is no check "numcpus"; did you mean NumCPU\?/)
})

test('single checks are made by name; a name that is none is refused', async () => {
  const { status, stdout } = await preflight(['--only', 'Mem,Port-6443'], { system: { memoryBytes: 1e9 } })
  assert.is(status, 1)
  assert.match(stdout, /^error {4}Mem\n/)
  assert.match(stdout, /\n1 error, 1 passed\n$/)
  const refused = await preflight(['--only', 'Memm'])
  assert.is(refused.status, 2)
  assert.match(refused.stderr, /there is no preflight check "Memm" for this host\nkpki: hint: did you mean Mem\?/)
})

test('programs are given every check', async () => {
  const { status, stdout } = await preflight(['-o', 'json', '--ignore-preflight-errors', 'NumCPU,NumCPUs'], BAD)
  assert.is(status, 1)
  const report = JSON.parse(stdout)
  assert.equal(
    [report.apiVersion, report.kind, report.role, report.nodeName],
    ['kpki.dev/v1alpha1', 'PreflightReport', 'init', 'cp-1'],
  )
  assert.is(report.passed, false)
  assert.equal({ ...report.counts, passed: 0 }, { error: 2, ignored: 1, warning: 1, skipped: 0, passed: 0 })
  const port = report.checks.find(({ name }: { name: string }) => name === 'Port-6443')
  assert.equal([port.state, port.origin, port.findings[0].severity], ['error', 'kubeadm', 'error'])
  assert.equal(report.unknownNames, [{ name: 'numcpus', nearest: 'NumCPU' }])
})

test('patches that are not there are one finding among others', async () => {
  const { status, stdout } = await preflight(['--patches', '/root/none'])
  assert.is(status, 1)
  assert.match(stdout, /^error {4}PatchesDir\n {9}\/root\/none is not a directory of this host\n/)
})

test('who joins is looked at for less', async () => {
  const { status, stdout } = await preflight(['--role', 'join-worker'], { system: { cpus: 1 } })
  assert.is(status, 0)
  assert.not.match(stdout, /6443|etcd/)
})

test('what others have named does nothing to a terminal', async () => {
  const runtimeFails = { status: 'evil \u001b[31m red' }
  const { stdout } = await preflight(['--only', 'CRI'], { system: { runtimeFails } }, { terminal: true, columns: 100 })
  assert.match(stdout, /evil \[U\+001B\]\[31m red/)
})

test.run()
