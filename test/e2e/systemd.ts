/**
 * systemd on a node: the real one, as the first process of a process namespace, with no units but those that are put there. On a
 * machine that is run by systemd itself there is no second one: they would share their cgroups.
 */
import { existsSync, readdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasTool, skipped } from '../support/skip.js'
import { type Host, must, until } from './host.js'
import type { Node } from './node.js'
import { kube, testWithAll } from './programs.js'

const SYSTEMD = '/usr/lib/systemd/systemd'
const TARGETS = ['sysinit', 'basic', 'multi-user', 'shutdown', 'network-online']

/** Registers a test that wants systemd on a node. */
export function testWithSystemd(
  programs: readonly string[],
  tests: Parameters<typeof testWithAll>[1],
  name: string,
  handler: () => Promise<void>,
): void {
  const reason =
    !existsSync(SYSTEMD) || !hasTool('systemctl')
      ? 'needs systemd'
      : existsSync('/run/systemd/system')
        ? 'needs a machine that is not run by systemd'
        : undefined
  if (reason === undefined) testWithAll(programs, tests, name, handler)
  else {
    skipped.push(`${name} (${reason})`)
    tests.skip()
  }
}

/**
 * Starts it, with the kubelet's unit and kubeadm's drop-in as the packages bring them; from now on everything on the node is run
 * beside it. All programs are in /usr/local/bin.
 *
 * @see kubernetes/release, cmd/krel/templates/latest/{kubelet/kubelet.service,kubeadm/10-kubeadm.conf}
 */
export async function startSystemd(node: Node): Promise<void> {
  const { host } = node
  const units = await host.own('/usr/lib/systemd/system')
  for (const path of ['system-generators', 'system-environment-generators', 'system-preset'])
    await host.own(`/usr/lib/systemd/${path}`)
  await host.own('/etc/systemd/system')
  for (const name of TARGETS) writeFileSync(join(units, `${name}.target`), '[Unit]\nDefaultDependencies=no\n')
  // It names the host after that file.
  writeFileSync(join(host.etc, 'hostname'), `${host.name}\n`)
  const programs = await host.own('/usr/local/bin')
  const folder = join(kube('kubelet'), '..')
  for (const name of readdirSync(folder)) symlinkSync(join(folder, name), join(programs, name))
  symlinkSync('/usr/bin/etcd', join(programs, 'etcd'))
  writeFileSync(
    join(units, 'kubelet.service'),
    `[Unit]
Description=kubelet: The Kubernetes Node Agent
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS
Restart=always
StartLimitInterval=0
RestartSec=1
[Install]
WantedBy=multi-user.target
`,
  )
  // What says `container` leaves the machine's clock, limits and modules alone.
  const command = `mount -t proc proc /proc; exec env -i container=kpki PATH=/usr/local/bin:$PATH ${SYSTEMD} --system --unit=multi-user.target --log-target=console --show-status=false`
  const namespaces = ['--pid', '--fork', '--kill-child', '--cgroup', '--mount', '--propagation', 'unchanged']
  host.daemon('systemd', 'unshare', [...namespaces, 'sh', '-euc', command])
  const pid = await until('systemd has started', 10, async () => {
    const found = /^\d+/m.exec(await must(host.run('pgrep', ['-P', String(host.daemonPid('systemd')), 'systemd'])))
    if (!found) throw new Error(host.log('systemd'))
    return Number(found[0])
  })
  await until('systemd listens', 10, () => must(host.run('test', ['-S', '/run/systemd/private'])))
  host.enterBeside(pid)
  await until('systemd runs', 10, async () => {
    const { stdout, stderr } = await host.run('systemctl', ['is-system-running'])
    if (!/running|degraded/.test(stdout)) throw new Error(`${stdout}${stderr}${host.log('systemd')}`)
  })
}

/** What a unit has said; there is no journal here. */
export const systemdLog = (host: Host) => host.log('systemd')

/** Takes away the cgroups that it leaves when it is killed, which no namespace hides. */
export function removeSystemdCgroups(): void {
  const root = '/sys/fs/cgroup'
  for (const hierarchy of ['', ...readdirSync(root)])
    for (const slice of ['init.scope', 'system.slice'])
      for (const path of [...below(join(root, hierarchy, slice)), join(root, hierarchy, slice)])
        try {
          rmdirSync(path)
        } catch {
          // Not there, or not empty: somebody else's.
        }
}

function below(dir: string): readonly string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => join(dir, entry.name))
  } catch {
    return []
  }
}
