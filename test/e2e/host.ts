/**
 * Hosts that are not there: namespaces of network, mounts and host name, with an /etc of their own. What runs in one ends
 * with it, and all of them end with this process.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The CLI as a user has it: built. */
export const KPKI = fileURLToPath(new URL('../../dist/bin/kpki.js', import.meta.url))

/** What a program said. */
export interface Said {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** How to run a program. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Default: 60 seconds. */
  readonly timeoutSeconds?: number
}

const living = new Set<ChildProcess>()
const scratches: string[] = []
const networks = new Set<string>()
process.once('exit', () => {
  for (const network of networks) endNetwork(network)
  for (const child of living) child.kill('SIGKILL')
  for (const dir of scratches) rmSync(dir, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

/** A directory of one's own, gone at the end. Where everybody may look into, so that other users can be tried. */
export function scratch(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `kpki-e2e-${name}-`))
  scratches.push(dir)
  return dir
}

/** Ends whatever runs in a host's network: a container's shim, for one, is nobody's child, and stays when its runtime goes. */
function endNetwork(network: string, holder?: number): void {
  for (const pid of readdirSync('/proc')
    .filter(name => /^[0-9]+$/.test(name))
    .map(Number)) {
    if (pid === process.pid || pid === holder) continue
    try {
      if (readlinkSync(`/proc/${pid}/ns/net`) === network) process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

/** Why there can be no hosts here; `undefined` where there can. */
export function whyNoHosts(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.geteuid?.() !== 0) return 'needs root'
  for (const program of ['unshare', 'nsenter', 'setpriv', 'ip', 'mount', 'hostname'])
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `needs ${program}`
  const tried = spawnSync('unshare', ['--net', '--mount', '--uts', 'true'], { encoding: 'utf8' })
  return tried.status === 0 ? undefined : `namespaces cannot be made: ${tried.stderr.trim()}`
}

/** Starts a program that dies with this process. */
export function start(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
  output?: number,
): ChildProcess {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), LC_ALL: 'C', ...options.env },
    stdio: output === undefined ? ['pipe', 'pipe', 'pipe'] : ['ignore', output, output],
  })
  living.add(child)
  child.once('close', () => living.delete(child))
  return child
}

/** Runs a program to its end; a refusal is an answer, not an error. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Said> {
  return new Promise(resolve => {
    const child = start(program, args, options)
    let [stdout, stderr] = ['', '']
    const timer = setTimeout(
      () => {
        stderr += `\nkilled after its time was up: ${program} ${args.join(' ')}`
        child.kill('SIGKILL')
      },
      (options.timeoutSeconds ?? 60) * 1000,
    )
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
    child.once('error', error => {
      stderr += String(error)
    })
    child.once('close', status => {
      clearTimeout(timer)
      resolve({ status: status ?? -1, stdout, stderr })
    })
  })
}

/** Runs a program and wants it to succeed. */
export async function must(said: Said | Promise<Said>): Promise<string> {
  const { status, stdout, stderr } = await said
  if (status !== 0) throw new Error(`exit status ${status}\n${stdout}\n${stderr}`)
  return stdout
}

/** Asks again until it is so; throws what was wrong last when the time is up. */
export async function until<T>(what: string, seconds: number, ask: () => Promise<T> | T): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const last = error instanceof Error ? error.message : String(error)
      if (Date.now() > end) throw new Error(`${what}: not within ${seconds} seconds: ${last}`, { cause: error })
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

/** A wire between hosts: a bridge in a network namespace of its own. */
export class Switch {
  readonly #holder: ChildProcess
  #ports = 0

  private constructor(holder: ChildProcess) {
    this.#holder = holder
  }

  static async create(): Promise<Switch> {
    const holder = await hold('ip link add br0 type bridge && ip link set br0 up')
    return new Switch(holder)
  }

  /** Gives a host an interface `eth0` with an address and the default route through it. */
  async plug(host: Host, address: string): Promise<void> {
    const port = `p${this.#ports++}`
    const [here, there] = [String(this.#holder.pid), host.pid]
    const ip = (pid: string, ...args: string[]) => must(run('nsenter', ['-t', pid, '-n', 'ip', ...args]))
    await ip(here, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', there)
    await ip(here, 'link', 'set', port, 'master', 'br0', 'up')
    await ip(there, 'address', 'add', `${address}/24`, 'dev', 'eth0')
    await ip(there, 'link', 'set', 'eth0', 'up')
    await ip(there, 'route', 'add', 'default', 'dev', 'eth0')
  }

  close(): void {
    this.#holder.kill('SIGKILL')
  }
}

/** One host, with `/etc/kubernetes` and `/var/lib/kubelet` as its own directories. */
export class Host {
  readonly name: string
  readonly #holder: ChildProcess
  readonly #dir: string
  readonly #network: string
  readonly #daemons = new Map<string, ChildProcess>()
  #entrance: readonly string[]

  private constructor(name: string, dir: string, holder: ChildProcess) {
    this.name = name
    this.#dir = dir
    this.#holder = holder
    this.#network = readlinkSync(`/proc/${holder.pid}/ns/net`)
    networks.add(this.#network)
    this.#entrance = ['-t', String(holder.pid), '--net', '--mount', '--uts', '--']
  }

  static async create(name: string): Promise<Host> {
    const dir = scratch(name)
    cpSync('/etc', join(dir, 'etc'), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    rmSync(join(dir, 'etc/kubernetes'), { recursive: true, force: true })
    mkdirSync(join(dir, 'var'))
    // All of /var/lib, so that no machine needs a /var/lib/kubelet to mount it on.
    mkdirSync(join(dir, 'lib/kubelet'), { recursive: true })
    const mounts = `mount --bind "${dir}/etc" /etc && mount --bind "${dir}/lib" /var/lib`
    const holder = await hold(`mount --make-rprivate / && ${mounts} && hostname ${name} && ip link set lo up`)
    return new Host(name, dir, holder)
  }

  get pid(): string {
    return String(this.#holder.pid)
  }

  /** Where its /etc is, seen from outside. */
  get etc(): string {
    return join(this.#dir, 'etc')
  }

  /** Where its /etc/kubernetes is, seen from outside. */
  get tree(): string {
    return join(this.#dir, 'etc/kubernetes')
  }

  /** Where its /var/lib/kubelet is, seen from outside. */
  get kubeletDir(): string {
    return join(this.#dir, 'lib/kubelet')
  }

  /** Where its /var/lib is, seen from outside. */
  get lib(): string {
    return join(this.#dir, 'lib')
  }

  /** A directory for data, the same from inside and outside. */
  get data(): string {
    return join(this.#dir, 'var')
  }

  /** Runs a program on this host. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Said> {
    return run('nsenter', [...this.#entrance, program, ...args], options)
  }

  /** Starts a program on this host, to be watched; it dies with this process. */
  spawn(program: string, args: readonly string[], options?: RunOptions): ChildProcess {
    return start('nsenter', [...this.#entrance, program, ...args], options)
  }

  /** Runs kpki on this host. */
  kpki(...args: readonly string[]): Promise<Said> {
    return this.run(process.execPath, [KPKI, ...args])
  }

  /** Starts a program that stays; its output goes to a file. */
  daemon(name: string, program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
    const log = openSync(join(this.data, `${name}.log`), 'a')
    this.#daemons.set(name, start('nsenter', [...this.#entrance, program, ...args], { env }, log))
    closeSync(log)
  }

  /** Kills a program that stays. */
  async stop(name: string): Promise<void> {
    const child = this.#daemons.get(name)
    if (child) await kill(child)
    this.#daemons.delete(name)
  }

  /** Kills all that runs on it, whoever started that; its files and its network stay. */
  async stopAll(): Promise<void> {
    const daemons = [...this.#daemons.values()]
    this.#daemons.clear()
    this.#entrance = ['-t', this.pid, '--net', '--mount', '--uts', '--']
    endNetwork(this.#network, Number(this.pid))
    await Promise.all(daemons.map(kill))
  }

  /** Makes a directory of this host's own out of one that all hosts share; it starts empty. */
  async own(path: string): Promise<string> {
    const dir = join(this.#dir, 'own', path)
    mkdirSync(dir, { recursive: true })
    await must(this.run('sh', ['-euc', 'mkdir -p "$2"; mount --bind "$1" "$2"', 'sh', dir, path]))
    return dir
  }

  /** The process of a program that stays; `undefined` when it has ended. */
  daemonPid(name: string): number | undefined {
    const child = this.#daemons.get(name)
    return child?.exitCode === null && child.signalCode === null ? child.pid : undefined
  }

  /** The end of what a daemon has said; nothing of one that was never started. */
  log(name: string): string {
    const file = join(this.data, `${name}.log`)
    if (!existsSync(file)) return ''
    return readFileSync(file, 'utf8').split('\n').slice(-15).join('\n')
  }

  async close(): Promise<void> {
    endNetwork(this.#network)
    networks.delete(this.#network)
    await Promise.all([...this.#daemons.values(), this.#holder].map(kill))
    rmSync(this.#dir, { recursive: true, force: true })
  }

  /** From now on, what is run here runs beside a process of the host that has process ids (and mounts) of its own. */
  enterBeside(pid: number): void {
    this.#entrance = ['-t', String(pid), '--net', '--mount', '--uts', '--pid', '--']
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const end = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await end
}

/** A process that keeps new namespaces open until it dies, or this process does. */
async function hold(setup: string): Promise<ChildProcess> {
  const script = `set -e; ${setup}; echo ready; exec cat`
  const child = start('unshare', ['--net', '--mount', '--uts', 'sh', '-c', script])
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    child.stdout?.on('data', () => resolve())
    child.once('close', () => reject(new Error(`no namespace: ${said}`)))
  })
  return child
}
