/** Runs programs and measures them. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'
import type { Pair } from './statistics.js'
import type { Side } from './types.js'

/** Threads of libuv, which make the keys: the same number on both sides, and what kpki sets itself. */
export const POOL = String(Math.max(4, availableParallelism()))

/** Runs a program to its end, in an environment without anything of the caller's but PATH. */
export function execute(
  dir: string,
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: dir,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: dir, TMPDIR: dir, LC_ALL: 'C', UV_THREADPOOL_SIZE: POOL, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error) throw new Error(`${program} ${args.join(' ')}: ${error.message}`)
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit status ${status}: ${stderr.trim()}`)
  return stdout
}

/** Whole processes, one after the other: from the start of the first to the end of the last. */
export function processes(
  dir: string,
  commands: (fresh: string) => readonly (readonly string[])[],
  env: Readonly<Record<string, string>> = {},
): Side {
  return () => {
    const fresh = mkdtempSync(join(dir, 'run-'))
    const lines = commands(fresh)
    const begun = process.hrtime.bigint()
    for (const command of lines) execute(dir, command, env)
    return Number(process.hrtime.bigint() - begun) / 1e6
  }
}

/** A process that measures a part of its work itself and prints milliseconds. */
export function selfTimed(dir: string, command: readonly string[], env: Readonly<Record<string, string>> = {}): Side {
  return () => {
    const milliseconds = Number(execute(dir, command, env))
    if (!(milliseconds > 0)) throw new Error(`${command.join(' ')}: printed no time`)
    return milliseconds
  }
}

/**
 * Measures A, B, A, B, …: whatever changes on the machine meanwhile meets both. Each has run once before that, so that the
 * files are in the system's cache.
 */
export function measure(a: Side, b: Side, pairs: number): readonly Pair[] {
  a()
  b()
  // No clock here is better than a microsecond.
  const rounded = (side: Side) => Math.round(side() * 1000) / 1000
  return Array.from({ length: pairs }, () => [rounded(a), rounded(b)] as const)
}

/** Makes a program of this folder ready to be run without a loader; types are taken off. */
export function compile(dir: string, name: string): string {
  const source = readFileSync(fileURLToPath(new URL(`workloads/${name}.ts`, import.meta.url)), 'utf8')
  mkdirSync(join(dir, 'workloads'), { recursive: true })
  const file = join(dir, 'workloads', `${name}.mjs`)
  writeFileSync(file, transformSync(source, { loader: 'ts', format: 'esm', target: 'node20.19' }).code)
  return file
}

/** Where a program is: in the folders named, then on PATH. */
export function find(program: string, folders: readonly string[] = []): string | undefined {
  return [...folders, ...(process.env['PATH'] ?? '').split(delimiter)]
    .filter(Boolean)
    .map(folder => join(folder, program))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Folders of Go that Debian's versioned packages and Go's own archive use, which are not on PATH. */
export function goFolders(): readonly string[] {
  const versioned = readable('/usr/lib')
    .filter(name => /^go-\d/.test(name))
    .sort()
    .reverse()
  return [...versioned.map(name => `/usr/lib/${name}/bin`), '/usr/local/go/bin']
}

function readable(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Begins a command that is to stay on one core, where `taskset` is there; else only threads are limited. */
export function onOneCore(): readonly string[] {
  const taskset = process.platform === 'linux' ? find('taskset') : undefined
  if (!taskset) return []
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return [taskset, '--cpu-list', allowed]
}
