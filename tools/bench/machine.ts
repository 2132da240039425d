import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { findGo } from './library.js'
import { execute, find } from './run.js'
import { findKubeadm, kubeadmVersion } from './trees.js'
import type { Machine } from './types.js'

/** Says where a bench runs. */
export function describeMachine(dir: string): Machine {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    kpki: version,
    date: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    tools: Object.fromEntries(
      Object.entries(TOOLS).flatMap(([name, versionOf]) => {
        const version = versionOf(dir)
        return version === undefined ? [] : [[name, version]]
      }),
    ),
  }
}

const TOOLS: Readonly<Record<string, (dir: string) => string | undefined>> = {
  kubeadm: dir => {
    const kubeadm = findKubeadm()
    return kubeadm && kubeadmVersion(dir, kubeadm)
  },
  go: dir => ask(dir, findGo(), ['version'], /go(\d\S*)/),
  openssl: dir => ask(dir, find('openssl'), ['version'], /OpenSSL (\S+)/),
  cfssl: dir => ask(dir, find('cfssl'), ['version'], /Version: (\S+)/),
}

function ask(dir: string, program: string | undefined, args: readonly string[], version: RegExp): string | undefined {
  return program && (version.exec(execute(dir, [program, ...args], { GOCACHE: dir }))?.[1] ?? 'unknown')
}
