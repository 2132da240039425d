import type { Bytes } from '../crypto/bytes.js'
import type { HostFile } from '../render/host-file.js'

/** What stands at a path of a host; of a link, what it leads to. */
export interface HostEntry {
  readonly type: 'file' | 'directory' | 'socket' | 'other'
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** In bytes. */
  readonly size: number
}

/** How something is removed with everything in it. */
export interface RemoveAllOptions {
  /** `directory`: when it is empty, else it stays without a word; `tree`: with everything below it. */
  readonly type: 'file' | 'directory' | 'tree'
  /** Mount points, which are neither removed nor gone into. Default: those that the system knows to be some */
  readonly mounts?: readonly string[]
}

/** A host's files, as phases and preflight checks see them; all paths are absolute. */
export interface Host {
  /** For people, e.g. `this host` or the directory that stands for it. */
  readonly name: string
  /** What it can do beyond keeping files. `undefined` for a directory that stands for a host. */
  readonly system: HostSystem | undefined
  /** How people find a path, e.g. below a directory that stands for the host's `/`. */
  locate(path: string): string
  /** `undefined` where nothing is, or a link to nothing. */
  look(path: string): Promise<HostEntry | undefined>
  /**
   * Of a regular file; `undefined` where there is none.
   *
   * @param maxBytes - what is larger is refused. Default: 1 MiB
   * @throws `StoreError` `KPKI_FILE_UNREADABLE`, `KPKI_FILE_NOT_REGULAR`; `EncodingError` `KPKI_INPUT_TOO_LARGE`
   */
  read(path: string, maxBytes?: number): Promise<Bytes | undefined>
  /** Names of what is directly in a directory, sorted; `undefined` where there is none. */
  names(path: string): Promise<readonly string[] | undefined>
  /** Makes a directory with its parents (0755); whether there was none. One that is there keeps its mode. */
  makeDirectory(path: string, mode: number): Promise<boolean>
  /**
   * Writes a new file, whole and with its mode from its first moment on, or none; parents are made.
   *
   * @throws `StoreError` `KPKI_FILE_EXISTS`, `KPKI_FILE_NOT_REGULAR` for a link that stands there, `KPKI_DISK_FULL`,
   *   `KPKI_DIR_NOT_WRITABLE`, `KPKI_DIR_FOREIGN`, `KPKI_WRITE_FAILED`
   */
  create(file: HostFile): Promise<void>
  /**
   * Puts a file in the place of another in one step, if that one is still as expected; owner and mode are those of `file`.
   *
   * @throws `StoreError` `KPKI_FILE_CHANGED`, and as `create`
   */
  replace(file: HostFile, expected: Uint8Array): Promise<void>
  /** Removes a file or an empty directory; whether there was one. Links themselves are removed, never followed. */
  remove(path: string): Promise<boolean>
  /** What a link leads to, as it says so itself; `undefined` for all that is no link. Links in directories above are followed. */
  linkTarget(path: string): Promise<string | undefined>
  /**
   * Removes what is at a path. Goes through no link, neither above the path nor below it, nor where somebody puts one there in the
   * middle of it; links themselves are removed. Goes on where something cannot be removed.
   *
   * @returns what is left, and why, one thing each; nothing where nothing was
   */
  removeAll(path: string, options: RemoveAllOptions): Promise<readonly string[]>
}

/** What a program said. */
export interface ProgramResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** What a web server answered. */
export interface WebAnswer {
  readonly status: number
  readonly body: string
}

/** How to ask a web server. */
export interface WebOptions {
  /** PEM of the CAs that the server's certificate must be of. Default: nobody's certificate is checked, and nothing secret is sent */
  readonly ca?: string
  readonly certPem?: string
  /** PEM of a private key; a secret. */
  readonly keyPem?: string
  /** Default: 5000 */
  readonly timeoutMs?: number
  /** Default: GET without a body */
  readonly json?: unknown
}

/** Which program looks after services. */
export type ServiceManagerName = 'systemd' | 'openrc'

/** What looks after the host's services. */
export interface ServiceManager {
  readonly name: ServiceManagerName
  /** Whether it knows a service of that name. */
  isInstalled(service: string): Promise<boolean>
  /** Whether the service is started with the host. */
  isEnabled(service: string): Promise<boolean>
  /** Whether the service runs. */
  isActive(service: string): Promise<boolean>
  /** @throws `WorkflowError` `KPKI_SERVICE_FAILED` with what the manager says */
  stop(service: string): Promise<void>
  /** Starts it, or starts it anew; units are read again before. @throws `WorkflowError` `KPKI_SERVICE_FAILED` */
  restart(service: string): Promise<void>
  /** Has it started whenever the host starts. @throws `WorkflowError` `KPKI_SERVICE_FAILED` */
  enable(service: string): Promise<void>
}

/** A Pod's sandbox, as the container runtime knows it. */
export interface PodSandbox {
  readonly id: string
  readonly name: string
  readonly namespace: string
}

/** A container runtime (CRI). Every method throws `WorkflowError` `KPKI_CRI_FAILED`. */
export interface ContainerRuntime {
  /** e.g. `containerd 1.7.2`, and the conditions that are not met. */
  status(): Promise<{
    readonly runtime: string
    readonly notReady: readonly string[]
    /** It tells the kubelet its cgroup driver (RuntimeConfig). */
    readonly hasRuntimeConfig: boolean
  }>
  /** Whether the image is there. */
  hasImage(image: string): Promise<boolean>
  /** Fetches the image, also where it is there. */
  pullImage(image: string): Promise<void>
  /** Of all Pods, running or not. */
  sandboxes(): Promise<readonly PodSandbox[]>
  /** Stops and removes it, with its containers. */
  removeSandbox(id: string): Promise<void>
  /** Gives the connection free. */
  close(): void
}

/** What a running host can be asked, and be told to do. */
export interface HostSystem {
  readonly platform: string
  /** Effective user. */
  readonly uid: number
  readonly cpus: number
  readonly memoryBytes: number
  /** e.g. `6.1.0-18-amd64` */
  readonly kernelRelease: string
  readonly hostname: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** `undefined` where neither is in PATH. */
  services(): Promise<ServiceManager | undefined>
  /** Absolute path of a program in PATH. */
  which(program: string): Promise<string | undefined>
  /** @throws `WorkflowError` `KPKI_PROGRAM_FAILED` when it cannot be started or does not end in time */
  run(program: string, args: readonly string[], options?: { readonly timeoutMs?: number }): Promise<ProgramResult>
  /** Tries to listen there for a moment. `address` undefined: on all. */
  listen(address: string | undefined, port: number): Promise<'free' | 'taken' | 'forbidden' | 'no-such-address'>
  /** Addresses of a name; none where it resolves to nothing. */
  resolve(name: string): Promise<readonly string[]>
  /** @throws `NetworkError` */
  fetch(url: string, options?: WebOptions): Promise<WebAnswer>
  /** Connects on first use. */
  runtime(socket: string): ContainerRuntime
  /** Whether a URL would be asked through a proxy, by the environment; the proxy. */
  proxyFor(url: string): string | undefined
}
