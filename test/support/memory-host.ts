import { type Bytes, encodeUtf8, equalBytes } from '../../lib/crypto/bytes.js'
import { EncodingError, NetworkError, StoreError, WorkflowError } from '../../lib/errors.js'
import { MAX_INPUT_BYTES } from '../../lib/limits.js'
import type { HostFile } from '../../lib/render/host-file.js'
import { fileChanged, type MemoryFile, MemoryStore } from '../../lib/tree/store.js'
import type {
  ContainerRuntime,
  Host,
  HostEntry,
  HostSystem,
  PodSandbox,
  ProgramResult,
  RemoveAllOptions,
  ServiceManager,
  ServiceManagerName,
  WebAnswer,
  WebOptions,
} from '../../lib/workflow/host.js'

/** Something at a path, beyond a text. */
export interface MemoryEntry {
  readonly type?: HostEntry['type']
  /** Default: 0644 of a file, 0755 of anything else */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly content?: string | Uint8Array
}

interface Kept {
  type: HostEntry['type']
  mode: number
  uid: number
  gid: number
  bytes: Bytes
}

/** What a program does when it is run; a string is its stdout with status 0. */
export type MemoryProgram = string | ProgramResult | ((args: readonly string[]) => ProgramResult | string)
/** What a server says; an error is thrown. */
export type MemoryAnswer = WebAnswer | Error | ((url: string, options: WebOptions) => WebAnswer | Error)

/** A service as its manager has it. */
export interface MemoryService {
  isInstalled: boolean
  isEnabled: boolean
  isActive: boolean
}

/** What the system of a host in memory is made of; every field may be changed while it is in use. */
export interface MemorySystemOptions {
  readonly platform?: string
  readonly uid?: number
  readonly cpus?: number
  readonly memoryBytes?: number
  readonly kernelRelease?: string
  readonly hostname?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** By name; those named are in PATH. Default: `mount`, `losetup`, `cp`, `ip`, … that say nothing */
  readonly programs?: Record<string, MemoryProgram>
  /** Default: no manager */
  readonly serviceManager?: ServiceManagerName
  /** Default: an installed and enabled kubelet that does not run */
  readonly services?: Record<string, MemoryService>
  /** Ports, or `address:port`, and what trying to listen there comes to. Default: free */
  readonly ports?: Record<string, 'taken' | 'forbidden' | 'no-such-address'>
  /** Addresses by name. Default: none resolves */
  readonly names?: Record<string, readonly string[]>
  /** By URL. Default: connection refused */
  readonly answers?: Record<string, MemoryAnswer>
  /** What is asked in place of `answers`. */
  readonly fetch?: (url: string, options: WebOptions) => WebAnswer | Promise<WebAnswer>
  /** By URL prefix. Default: no proxy */
  readonly proxies?: Record<string, string>
  readonly images?: readonly string[]
  readonly sandboxes?: readonly PodSandbox[]
  readonly runtimeStatus?: Partial<Awaited<ReturnType<ContainerRuntime['status']>>>
  /** Says why the runtime does not do something, by method, e.g. `removeSandbox`; `status` for one that is not there. */
  readonly runtimeFails?: Partial<Record<keyof ContainerRuntime, string>>
}

/** A host in memory. */
export interface MemoryHostOptions {
  /** By absolute path; a string is a file's content, with mode 0644. Directories above are made. */
  readonly files?: Readonly<Record<string, string | Uint8Array | MemoryEntry>>
  /** `undefined` in so many words: it is a directory that stands for a host. Default: a system with everything in order */
  readonly system?: MemorySystemOptions | undefined
  /** Called before each write (create, replace, remove, makeDirectory, of the store, too); throws for a fault. */
  readonly onWrite?: (what: 'create' | 'replace' | 'remove' | 'makeDirectory', path: string) => void
}

/** A {@link HostSystem} that does what it was told, and tells what it was asked. */
export class MemorySystem implements HostSystem {
  readonly platform: string
  readonly uid: number
  readonly cpus: number
  readonly memoryBytes: number
  readonly kernelRelease: string
  readonly hostname: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly programs: Record<string, MemoryProgram>
  serviceManager: ServiceManagerName | undefined
  readonly serviceTable: Record<string, MemoryService>
  readonly ports: Record<string, 'taken' | 'forbidden' | 'no-such-address'>
  readonly nameTable: Record<string, readonly string[]>
  readonly answers: Record<string, MemoryAnswer>
  readonly proxies: Record<string, string>
  readonly images: Set<string>
  sandboxTable: PodSandbox[]
  readonly runtimeStatus: Partial<Awaited<ReturnType<ContainerRuntime['status']>>>
  readonly runtimeFails: Partial<Record<keyof ContainerRuntime, string>>
  /** Everything that was changed or run, one a line: `restart kubelet`, `umount /x`, `pull image`, `remove sandbox id`. */
  readonly log: string[] = []
  /** Every web request. */
  readonly requests: { readonly url: string; readonly options: WebOptions }[] = []
  readonly #fetch: MemorySystemOptions['fetch']

  constructor(options: MemorySystemOptions = {}) {
    this.platform = options.platform ?? 'linux'
    this.uid = options.uid ?? 0
    this.cpus = options.cpus ?? 4
    this.memoryBytes = options.memoryBytes ?? 4 * 1024 ** 3
    this.kernelRelease = options.kernelRelease ?? '6.1.0-18-amd64'
    this.hostname = options.hostname ?? 'node-1'
    this.env = options.env ?? {}
    const usual = ['conntrack', 'cp', 'crictl', 'ebtables', 'ethtool', 'ip', 'iptables', 'losetup', 'mount', 'nsenter']
    this.programs =
      options.programs ??
      Object.fromEntries([
        ...[...usual, 'socat', 'tc', 'touch', 'umount'].map(name => [name, '']),
        ['readlink', (args: readonly string[]) => `${args.at(-1)}\n`],
      ])
    this.serviceManager = options.serviceManager
    this.serviceTable = options.services ?? { kubelet: { isInstalled: true, isEnabled: true, isActive: false } }
    this.ports = options.ports ?? {}
    this.nameTable = options.names ?? {}
    this.answers = options.answers ?? {}
    this.proxies = options.proxies ?? {}
    this.images = new Set(options.images)
    this.sandboxTable = [...(options.sandboxes ?? [])]
    this.runtimeStatus = options.runtimeStatus ?? {}
    this.runtimeFails = options.runtimeFails ?? {}
    this.#fetch = options.fetch
  }

  async services(): Promise<ServiceManager | undefined> {
    if (this.serviceManager === undefined) return undefined
    const change = (verb: string, name: string, isActive: boolean) => {
      this.log.push(`${verb} ${name}`)
      const service = this.serviceTable[name]
      if (!service?.isInstalled) throw new WorkflowError('KPKI_SERVICE_FAILED', `Unit ${name}.service not found`)
      service.isActive = isActive
    }
    return {
      name: this.serviceManager,
      isInstalled: async name => this.serviceTable[name]?.isInstalled ?? false,
      isEnabled: async name => this.serviceTable[name]?.isEnabled ?? false,
      isActive: async name => this.serviceTable[name]?.isActive ?? false,
      stop: async name => change('stop', name, false),
      restart: async name => change('restart', name, true),
      enable: async name => {
        this.log.push(`enable ${name}`)
        const service = this.serviceTable[name]
        if (!service?.isInstalled) throw new WorkflowError('KPKI_SERVICE_FAILED', `Unit ${name}.service not found`)
        service.isEnabled = true
      },
    }
  }

  async which(program: string): Promise<string | undefined> {
    return this.programs[program] === undefined ? undefined : `/usr/bin/${program}`
  }

  async run(program: string, args: readonly string[]): Promise<ProgramResult> {
    this.log.push([program, ...args].join(' '))
    const known = this.programs[program.replace(/^.*\//, '')]
    if (known === undefined) throw new WorkflowError('KPKI_PROGRAM_FAILED', `${program} is not there`)
    const result = typeof known === 'function' ? known(args) : known
    return typeof result === 'string' ? { status: 0, stdout: result, stderr: '' } : result
  }

  async listen(address: string | undefined, port: number): Promise<'free' | 'taken' | 'forbidden' | 'no-such-address'> {
    return this.ports[`${address}:${port}`] ?? this.ports[`${port}`] ?? 'free'
  }

  async resolve(name: string): Promise<readonly string[]> {
    return this.nameTable[name] ?? []
  }

  async fetch(url: string, options: WebOptions = {}): Promise<WebAnswer> {
    this.requests.push({ url, options })
    if (this.#fetch) return this.#fetch(url, options)
    const known = this.answers[url]
    const answer = typeof known === 'function' ? known(url, options) : known
    if (answer === undefined) throw new NetworkError('KPKI_NET_UNREACHABLE', `${url}: connection refused`)
    if (answer instanceof Error) throw answer
    return answer
  }

  runtime(_socket: string): ContainerRuntime {
    const assertDoes = (method: keyof ContainerRuntime) => {
      const problem = this.runtimeFails[method] ?? this.runtimeFails.status
      if (problem !== undefined) throw new WorkflowError('KPKI_CRI_FAILED', problem)
    }
    return {
      status: async () => {
        assertDoes('status')
        return { runtime: 'containerd 1.7.2', notReady: [], hasRuntimeConfig: true, ...this.runtimeStatus }
      },
      hasImage: async image => {
        assertDoes('hasImage')
        return this.images.has(image)
      },
      pullImage: async image => {
        this.log.push(`pull ${image}`)
        assertDoes('pullImage')
        this.images.add(image)
      },
      sandboxes: async () => {
        assertDoes('sandboxes')
        return this.sandboxTable
      },
      removeSandbox: async id => {
        this.log.push(`remove sandbox ${id}`)
        assertDoes('removeSandbox')
        this.sandboxTable = this.sandboxTable.filter(sandbox => sandbox.id !== id)
      },
      close: () => {},
    }
  }

  proxyFor(url: string): string | undefined {
    return Object.entries(this.proxies).find(([prefix]) => url.startsWith(prefix))?.[1]
  }
}

/** A {@link Host} in memory; its `store` is the tree of the same files. */
export class MemoryHost implements Host {
  readonly name = 'a host in memory'
  readonly system: MemorySystem | undefined
  readonly store: MemoryStore
  /** Everything that is there, by absolute path. */
  readonly entries: Map<string, Kept> = new Map([['/', made('directory', 0o755)]])
  onWrite: MemoryHostOptions['onWrite']

  constructor(options: MemoryHostOptions = {}) {
    this.system = 'system' in options && options.system === undefined ? undefined : new MemorySystem(options.system)
    for (const [path, entry] of Object.entries(options.files ?? {})) this.put(path, entry)
    this.onWrite = options.onWrite
    this.store = new HostStore(this)
  }

  /** Puts something there, whatever there is. */
  put(path: string, entry: string | Uint8Array | MemoryEntry): void {
    const isContent = typeof entry === 'string' || entry instanceof Uint8Array
    const { type = 'file', mode, uid = 0, gid = 0, content = '' } = isContent ? { content: entry } : entry
    this.#makeParents(path)
    const bytes = typeof content === 'string' ? encodeUtf8(content) : new Uint8Array(content)
    this.entries.set(path, { type, mode: mode ?? (type === 'file' ? 0o644 : 0o755), uid, gid, bytes })
  }

  /** The text of a file; `undefined` where none is. */
  text(path: string): string | undefined {
    const entry = this.entries.get(path)
    return entry?.type === 'file' ? new TextDecoder().decode(entry.bytes) : undefined
  }

  /** Paths of all files below a directory, in order, with mode and text: to compare hosts. */
  snapshot(below = '/'): Readonly<Record<string, string>> {
    const prefix = below === '/' ? '/' : `${below}/`
    const rows = [...this.entries].filter(([path, { type }]) => type === 'file' && path.startsWith(prefix))
    rows.sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(
      rows.map(([path, { mode }]) => [path, `${mode.toString(8).padStart(4, '0')} ${this.text(path)}`]),
    )
  }

  locate(path: string): string {
    return path
  }

  async look(path: string): Promise<HostEntry | undefined> {
    const entry = this.entries.get(trim(path))
    if (!entry) return undefined
    const { type, mode, uid, gid, bytes } = entry
    return { type, mode, uid, gid, size: bytes.length }
  }

  async read(path: string, maxBytes = MAX_INPUT_BYTES): Promise<Bytes | undefined> {
    const entry = this.entries.get(trim(path))
    if (!entry) return undefined
    if (entry.bytes.length > maxBytes) throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${path} is too large`)
    if (entry.type !== 'file')
      throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is not a regular file`, { details: { path } })
    return new Uint8Array(entry.bytes)
  }

  async names(path: string): Promise<readonly string[] | undefined> {
    const dir = trim(path)
    if (this.entries.get(dir)?.type !== 'directory') return undefined
    const prefix = dir === '/' ? '/' : `${dir}/`
    const below = [...this.entries.keys()].filter(name => name.startsWith(prefix) && name !== '/')
    return below
      .map(name => name.slice(prefix.length))
      .filter(name => !name.includes('/'))
      .sort()
  }

  async makeDirectory(path: string, mode: number): Promise<boolean> {
    const dir = trim(path)
    const there = this.entries.get(dir)
    if (there?.type === 'directory') return false
    if (there) throw new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is not a directory`, { details: { path } })
    this.onWrite?.('makeDirectory', dir)
    this.#makeParents(dir)
    this.entries.set(dir, made('directory', mode))
    return true
  }

  async create(file: HostFile): Promise<void> {
    const { path, mode, bytes } = file
    this.onWrite?.('create', path)
    if (this.entries.has(path))
      throw new StoreError('KPKI_FILE_EXISTS', `${path} exists already`, { details: { path } })
    this.#makeParents(path)
    this.entries.set(path, { ...made('file', mode), bytes: new Uint8Array(bytes) })
  }

  async replace(file: HostFile, expected: Uint8Array): Promise<void> {
    const there = this.entries.get(file.path)
    if (there?.type !== 'file' || !equalBytes(there.bytes, expected)) throw fileChanged(file.path)
    this.onWrite?.('replace', file.path)
    this.entries.set(file.path, { ...there, mode: file.mode, bytes: new Uint8Array(file.bytes) })
  }

  async remove(path: string): Promise<boolean> {
    const name = trim(path)
    if (!this.entries.has(name)) return false
    const inside = await this.names(name)
    if (inside !== undefined && inside.length > 0)
      throw new StoreError('KPKI_WRITE_FAILED', `${path} is not empty`, { details: { path, errno: 'ENOTEMPTY' } })
    this.onWrite?.('remove', name)
    return this.entries.delete(name)
  }

  /** There are no links in memory. */
  async linkTarget(_path: string): Promise<string | undefined> {
    return undefined
  }

  async removeAll(path: string, options: RemoveAllOptions): Promise<readonly string[]> {
    const { type, mounts = [] } = options
    if (type === 'tree' && mounts.includes(path)) return [`${path} is a mount point`]
    const problems: string[] = []
    if (type === 'tree')
      for (const name of (await this.names(path)) ?? [])
        problems.push(...(await this.removeAll(`${path}/${name}`, options)))
    if (problems.length > 0) return problems
    try {
      await this.remove(path)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (type !== 'directory' || error.details['errno'] !== 'ENOTEMPTY') problems.push(error.message)
    }
    return problems
  }

  #makeParents(path: string): void {
    const parts = path.split('/').slice(1, -1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const dir = `/${parts.slice(0, depth).join('/')}`
      if (!this.entries.has(dir)) this.entries.set(dir, made('directory', 0o755))
    }
  }
}

/** A host in memory: its files, and a system that does what it is told. */
export function memoryHost(options: MemoryHostOptions = {}): MemoryHost {
  return new MemoryHost(options)
}

function made(type: HostEntry['type'], mode: number): Kept {
  return { type, mode, uid: 0, gid: 0, bytes: new Uint8Array() }
}

function trim(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path
}

/** The tree of a host: `/etc/kubernetes`, with the kubelet's directory. */
class HostStore extends MemoryStore {
  override readonly files: Map<string, MemoryFile>

  constructor(host: MemoryHost) {
    super()
    this.files = new TreeFiles(host)
  }

  override locate(path: string): string {
    return hostPath(path)
  }
}

function hostPath(path: string): string {
  if (path.startsWith('/')) return path
  return path.startsWith('kubelet/') ? `/var/lib/${path}` : `/etc/kubernetes/${path}`
}

/** Those files of a host that belong to its tree, by tree path. */
class TreeFiles extends Map<string, MemoryFile> {
  readonly #host: MemoryHost

  constructor(host: MemoryHost) {
    super()
    this.#host = host
  }

  override get(path: string): MemoryFile | undefined {
    const entry = this.#host.entries.get(hostPath(path))
    return entry?.type === 'file' ? entry : undefined
  }

  override has(path: string): boolean {
    return this.get(path) !== undefined
  }

  override set(path: string, file: MemoryFile): this {
    const name = hostPath(path)
    this.#host.onWrite?.(this.has(path) ? 'replace' : 'create', name)
    this.#host.put(name, { content: file.bytes, mode: file.mode })
    return this
  }

  override delete(path: string): boolean {
    if (!this.has(path)) return false
    this.#host.onWrite?.('remove', hostPath(path))
    return this.#host.entries.delete(hostPath(path))
  }

  override keys(): MapIterator<string> {
    const paths: string[] = []
    for (const [path, { type }] of this.#host.entries) {
      if (type !== 'file') continue
      if (path.startsWith('/etc/kubernetes/')) paths.push(path.slice('/etc/kubernetes/'.length))
      else if (path.startsWith('/var/lib/kubelet/')) paths.push(path.slice('/var/lib/'.length))
    }
    return paths[Symbol.iterator]() as MapIterator<string>
  }

  override get size(): number {
    return [...this.keys()].length
  }
}
