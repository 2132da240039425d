import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hasTool, skipped } from './skip.js'

/** Where a program of Kubernetes is: in KUBE_BINARIES, else on PATH; `undefined` where it is in neither. */
export function findKubeProgram(name: string): string | undefined {
  const folder = process.env['KUBE_BINARIES']
  const own = folder === undefined ? '' : join(folder, name)
  return existsSync(own) ? own : hasTool(name) ? name : undefined
}

const hasNamespaces = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

/** kubeadm, where it can have an /etc/kubernetes of its own. */
export const KUBEADM = hasNamespaces ? findKubeProgram('kubeadm') : undefined

/** Runs {@link KUBEADM}, which writes below /etc/kubernetes even where it is to do nothing: into one of its own. */
export function runKubeadm(args: readonly string[]): SpawnSyncReturns<string> {
  const script =
    'mkdir -p /etc/kubernetes && mount -t tmpfs tmpfs /mnt && mkdir /mnt/k && mount --bind /mnt/k /etc/kubernetes && exec "$0" "$@"'
  return spawnSync('unshare', ['--mount', 'sh', '-c', script, KUBEADM ?? '', ...args], { encoding: 'utf8' })
}

interface Tests {
  (name: string, handler: () => void | Promise<void>): void
  skip(): void
}

/** Registers a test that needs a program of Kubernetes; without it the test is counted as skipped, with the reason. */
export function testBy(
  program: string | undefined,
  tests: Tests,
  name: string,
  handler: () => void | Promise<void>,
): void {
  if (program !== undefined) tests(name, handler)
  else {
    skipped.push(`${name} (needs kubectl, or kubeadm and namespaces of mounts, on PATH or in KUBE_BINARIES)`)
    tests.skip()
  }
}
