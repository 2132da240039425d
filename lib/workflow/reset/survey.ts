import { manifestPath, STATIC_PODS } from '../../audit/manifests.js'
import type { Context } from '../../context.js'
import { StoreError } from '../../errors.js'
import { KUBECONFIG_IDS, ROW_IDS } from '../../kubernetes/rows.js'
import { filesOf, formatMode } from '../../tree/layout.js'
import { LEDGER_PATH } from '../../tree/ledger.js'
import type { Host } from '../host.js'
import { type HostRecord, isAsMade, isPlainPath, RECORD_DIR, RECORD_PATH, readRecord } from '../record.js'
import { type EtcdHere, findEtcd } from './etcd-here.js'

const [KUBERNETES_DIR, KUBELET_DIR, DEFAULT_PKI] = ['/etc/kubernetes', '/var/lib/kubelet', '/etc/kubernetes/pki']

/**
 * What a kubelet keeps in its directory, its configuration and its keys aside; everything that it has put there itself.
 *
 * @see kubernetes/kubernetes v1.20.2, pkg/kubelet/config/defaults.go, pkg/kubelet/cm; kubernetes/website, reference/node/kubelet-files
 */
const KUBELET_STATE: readonly string[] = [
  'actuated_pods_state',
  'allocated_pods_state',
  'checkpoints',
  'cpu_manager_state',
  'device-plugins',
  'dra_manager_state',
  'memory_manager_state',
  'plugin-containers',
  'plugins',
  'plugins_registry',
  'pod-resources',
  'pods',
]
/** What kubeadm writes beside it, in every version. */
const KUBELET_FILES: readonly string[] = ['config.yaml', 'instance-config.yaml', 'kubeadm-flags.env']
/** kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/util/certificate/certificate_store.go */
const KUBELET_KEYS = /^kubelet(-client|-server)?(-[^/]*)?\.(crt|key|pem)$/
const UNITS_DIR = '/etc/systemd/system'
/** Names of files that kpki was writing, as `Host.create` gives them. */
const UNFINISHED = /^\..+\.kpki-tmp-[0-9]+-[0-9]+$/
/** Keys that everything of a cluster hangs on. */
const SIGNING_KEY = /(^|\/)(ca|front-proxy-ca|sa)\.key$/
/** These, and what belongs to them. */
const SIGNING = /(^|\/)(ca|front-proxy-ca|sa)\.(key|crt|pub)$/

/** Something that a reset removes. */
export interface Removal {
  readonly path: string
  /** `tree`: with everything below it; `directory`: when nothing is left in it. */
  readonly type: 'file' | 'tree' | 'directory'
  /**
   * `recorded`: a run of kpki has made it; `known`: it is of kubeadm's list; `kubelet`: the kubelet keeps it there; `etcd`: etcd's
   * data; `asked`: somebody asked for it; `empty`: a directory in which nothing is left then.
   */
  readonly why: 'recorded' | 'known' | 'kubelet' | 'etcd' | 'asked' | 'empty'
  /** Somebody has changed it since it was made. */
  readonly isChanged: boolean
  /** The private key of a CA or of service accounts. */
  readonly isSigningKey: boolean
}

/** Something that a reset leaves. */
export interface Kept {
  readonly path: string
  /** As the end of a sentence. */
  readonly why: string
}

/** The facts of one `reset`: everything that its phases are planned from. */
export interface ResetRun {
  /** In the order in which it goes; the record last. */
  readonly remove: readonly Removal[]
  readonly keep: readonly Kept[]
  /** etcd's member on this host. */
  readonly etcd: EtcdHere | undefined
  /** With its scheme. */
  readonly criSocket: string
  /** Services of units that a run has made. */
  readonly units: readonly string[]
  /** In the words of ResetConfiguration, e.g. `MNT_DETACH`. */
  readonly unmountFlags: readonly string[]
  /** Lower-cased names of preflight checks. */
  readonly ignorePreflightErrors: readonly string[]
}

/** How a host is reset. */
export interface ResetOptions {
  /** Default: where a run of kpki has put them, else `/etc/kubernetes/pki` */
  readonly certificatesDir?: string
  /** Default: what the kubelet's files name, else containerd's */
  readonly criSocket?: string
  /** Also what is in `/etc/kubernetes/tmp`, and what `kpki apply` and `renew` have kept of what they replaced. Default: false */
  readonly cleanupTmpDir?: boolean
  /** Leave certificates and keys. Default: false */
  readonly keepPki?: boolean
  /** Leave etcd's data. Default: false */
  readonly keepEtcd?: boolean
  /** Also files of kubeadm's list that no run of kpki has made, where it has made others. Default: false */
  readonly all?: boolean
  /** Default: none */
  readonly unmountFlags?: readonly string[]
  /** Default: none */
  readonly ignorePreflightErrors?: readonly string[]
}

/**
 * Looks at what `init` or `join` have made on a host, and says what of it goes and what stays. By the record that they keep; where
 * there is none, by kubeadm's list. Looks only: see `RESET_PHASES`.
 *
 * @throws `StoreError` `KPKI_FILE_FOREIGN` for a record that somebody else may have written; as `Host.read`
 */
export async function surveyReset(
  host: Host,
  context: Pick<Context, 'crypto'>,
  options: ResetOptions = {},
): Promise<ResetRun> {
  const made = await readTrustedRecord(host)
  const survey = new Survey(host, context, made, options)
  await survey.look()
  return {
    remove: survey.inOrder(),
    keep: survey.keep,
    etcd: survey.etcd,
    criSocket: options.criSocket ?? (await criSocketOf(host)),
    units: [...survey.paths].flatMap(
      path => /^\/etc\/systemd\/system\/([A-Za-z0-9@._-]+)\.service$/.exec(path)?.[1] ?? [],
    ),
    unmountFlags: options.unmountFlags ?? [],
    ignorePreflightErrors: (options.ignorePreflightErrors ?? []).map(name => name.toLowerCase()),
  }
}

/** What it says is removed as root: nobody else may have written it. */
async function readTrustedRecord(host: Host): Promise<HostRecord> {
  const entry = await host.look(RECORD_PATH)
  const isForeign = entry !== undefined && ((entry.mode & 0o022) !== 0 || (host.system?.uid === 0 && entry.uid !== 0))
  const place = host.locate(RECORD_PATH)
  if (!isForeign) {
    const made = await readRecord(host)
    if (entry === undefined || made.entries.length > 0) return made
    // None at all would have everything of kubeadm's list go, what was brought along too.
    throw new StoreError('KPKI_FILE_UNREADABLE', `${place} says what is to be removed, and no line of it can be read`, {
      details: { path: place, unreadLines: made.unreadLines },
      hint: "a later kpki may have written it: use that one; or move it away to have kubeadm's list taken",
    })
  }
  throw new StoreError('KPKI_FILE_FOREIGN', `${place} says what is to be removed, and others may have written it`, {
    details: { path: place, mode: formatMode(entry.mode), uid: entry.uid },
    hint: "look at it; chown root and chmod 0600 it, or move it away to have kubeadm's list taken",
  })
}

class Survey {
  readonly keep: Kept[] = []
  readonly paths = new Set<string>()
  etcd: EtcdHere | undefined
  readonly #removals: Removal[] = []
  readonly #host: Host
  readonly #context: Pick<Context, 'crypto'>
  readonly #made: HostRecord
  readonly #recorded: ReadonlyMap<string, 'file' | 'directory'>
  readonly #options: ResetOptions
  readonly #pki: string
  /** What the links among all paths that were looked at lead to. */
  readonly #links = new Map<string, string | undefined>()

  constructor(host: Host, context: Pick<Context, 'crypto'>, made: HostRecord, options: ResetOptions) {
    this.#host = host
    this.#context = context
    this.#made = made
    this.#recorded = new Map(made.entries.map(({ path, type }) => [path, type]))
    this.#options = options
    const home = made.entries.map(({ path }) => /^(.*)\/(ca|apiserver|sa)\.(crt|key|pub)$/.exec(path)?.[1])
    this.#pki = options.certificatesDir ?? home.find(dir => dir !== undefined && !dir.endsWith('/etcd')) ?? DEFAULT_PKI
  }

  /** Directories after what is in them, the record at the very end. */
  inOrder(): readonly Removal[] {
    // The ledger goes while the CA is still there to say whose it is.
    const rank = ({ path, type }: Removal) =>
      path === RECORD_PATH
        ? 2
        : path === RECORD_DIR
          ? 3
          : type === 'directory'
            ? 1
            : path.endsWith(LEDGER_PATH.slice('pki'.length))
              ? -1
              : 0
    const depth = ({ path }: Removal) => path.split('/').length
    return [...this.#removals].sort((a, b) => rank(a) - rank(b) || (rank(a) === 1 ? depth(b) - depth(a) : 0))
  }

  async look(): Promise<void> {
    await this.#lookAtKubelet()
    await this.#lookAtEtcd()
    await this.#lookAtTree()
    for (const [path, type] of this.#recorded) if (!this.#isNamed(path)) await this.#consider(path, type)
    await this.#lookAtUnits()
    for (const dir of [`${KUBERNETES_DIR}/manifests`, `${this.#pki}/etcd`, this.#pki]) await this.#removeEmptied(dir)
    await this.#lookAtOwn()
    await this.#lookAtOthers()
  }

  async #lookAtKubelet(): Promise<void> {
    const ours = [`${KUBERNETES_DIR}/kubelet.conf`, ...KUBELET_FILES.map(name => `${KUBELET_DIR}/${name}`)]
    for (const path of ours.slice(1)) await this.#consider(path, 'file')
    const isOurs = ours.some(path => this.#recorded.has(path)) || (await this.#mayGo(ours))
    for (const name of await this.#namesIn(KUBELET_DIR)) {
      const path = `${KUBELET_DIR}/${name}`
      if (KUBELET_FILES.includes(name)) continue
      if (isOurs && KUBELET_STATE.includes(name)) this.#remove(path, 'tree', 'kubelet')
      else if (isOurs && name === 'pki') await this.#lookAtKubeletKeys()
      else
        this.#stays(
          path,
          isOurs ? 'is not of the kubelet, as far as kpki knows' : 'no run of kpki has set up this kubelet',
        )
    }
  }

  async #lookAtKubeletKeys(): Promise<void> {
    const dir = `${KUBELET_DIR}/pki`
    if (!(await this.#isReached(dir))) return
    for (const name of (await this.#host.names(dir)) ?? []) {
      if (KUBELET_KEYS.test(name)) this.#remove(`${dir}/${name}`, 'file', 'kubelet')
      else this.#stays(`${dir}/${name}`, 'is not of the kubelet, as far as kpki knows')
    }
    this.#remove(dir, 'directory', 'kubelet')
  }

  /** Without a record, kubeadm's list goes where a file of it is there. */
  async #mayGo(paths: readonly string[]): Promise<boolean> {
    if (this.#recorded.size > 0 && !this.#options.all) return false
    for (const path of paths) if (await isThere(path, this.#host)) return true
    return false
  }

  async #lookAtEtcd(): Promise<void> {
    const manifest = `${KUBERNETES_DIR}/${manifestPath('etcd')}`
    const here = await findEtcd(this.#host, this.#pki)
    const isMade = here !== undefined && (this.#recorded.has(here.source) || (await this.#mayGo([manifest])))
    // The member of another etcd is not ours to remove.
    if (isMade) this.etcd = here
    const recorded = [...this.#recorded].flatMap(([path, type]) =>
      type === 'directory' && path !== KUBELET_DIR && !path.startsWith(`${KUBERNETES_DIR}/`) ? [path] : [],
    )
    // A directory that was there before init, empty, is etcd's all the same, where its manifest or unit is ours.
    const found = here && plainDir(here.dataDir)
    const dirs = new Set([...(found === undefined ? [] : [found]), ...recorded])
    for (const dir of dirs) {
      if (!isPlainPath(dir)) {
        this.#stays(
          dir,
          'is the data directory of etcd, and no path that says where it leads: remove what is in it by hand',
        )
        continue
      }
      for (const name of await this.#namesIn(dir)) {
        const path = `${dir}/${name}`
        const isOurs = this.#recorded.has(dir) || (isMade && dir === found)
        // etcd has nothing else in its data directory: what else is there belongs to somebody.
        if (name !== 'member') this.#stays(path, 'is not of etcd, as far as kpki knows')
        else if (this.#options.keepEtcd) this.#stays(path, 'data of etcd stay without the phase remove-etcd-member')
        else if (isOurs) this.#remove(path, 'tree', 'etcd')
        else this.#stays(path, 'no run of kpki has made this directory for etcd')
      }
    }
  }

  async #lookAtTree(): Promise<void> {
    for (const path of this.#knownFiles()) await this.#consider(path, 'file')
    // Under TLS bootstrap the kubelet writes its kubeconfig itself.
    const [conf, bootstrap] = [`${KUBERNETES_DIR}/kubelet.conf`, `${KUBERNETES_DIR}/bootstrap-kubelet.conf`]
    const isKubelets = this.#recorded.has(bootstrap) && !this.#recorded.has(conf)
    if (isKubelets && (await this.#isReached(KUBERNETES_DIR)) && (await isThere(conf, this.#host)))
      this.#remove(conf, 'file', 'kubelet')
    else await this.#consider(conf, 'file')
    const isCaGone = [...this.paths].some(path => path === `${this.#pki}/ca.key` || path === `${this.#pki}/ca.crt`)
    const ledger = `${this.#pki}/${LEDGER_PATH.slice('pki/'.length)}`
    if (isCaGone && (await isThere(ledger, this.#host))) this.#remove(ledger, 'file', 'known')
    for (const dir of [KUBERNETES_DIR, `${KUBERNETES_DIR}/manifests`, this.#pki, `${this.#pki}/etcd`])
      await this.#nameUnknown(dir)
  }

  #knownFiles(): readonly string[] {
    const rows = ROW_IDS.flatMap(id => filesOf(id)).map(({ path }) => path)
    const pki = rows.flatMap(path => (path.startsWith('pki/') ? [`${this.#pki}/${path.slice('pki/'.length)}`] : []))
    const confs = KUBECONFIG_IDS.filter(id => id !== 'kubelet.conf').map(id => `${KUBERNETES_DIR}/${id}`)
    const manifests = STATIC_PODS.map(component => `${KUBERNETES_DIR}/${manifestPath(component)}`)
    return [...manifests, ...confs, `${KUBERNETES_DIR}/bootstrap-kubelet.conf`, ...pki]
  }

  async #nameUnknown(dir: string): Promise<void> {
    const own = ['manifests', 'pki', 'tmp', '.kpki', '.kpki.lock', 'etcd']
    for (const name of await this.#namesIn(dir)) {
      const path = `${dir}/${name}`
      // What a killed run has left half-written; a key may be in it.
      if (UNFINISHED.test(name)) this.#remove(path, 'file', 'recorded')
      if (own.includes(name) || path === this.#pki || this.#isNamed(path) || this.#recorded.has(path)) continue
      this.#stays(path, 'is none of the files that kubeadm or kpki make')
    }
  }

  #isNamed(path: string): boolean {
    return this.paths.has(path) || this.keep.some(kept => kept.path === path)
  }

  /** A file that is there goes if a run has made it, or if there is no record to say so. */
  async #consider(path: string, type: 'file' | 'directory'): Promise<void> {
    if (path === RECORD_PATH || this.#isNamed(path) || !(await isThere(path, this.#host))) return
    if (!(await this.#isReached(path.slice(0, path.lastIndexOf('/'))))) return
    const isRecorded = this.#recorded.has(path)
    if (this.#options.keepPki && path.startsWith(`${this.#pki}/`))
      this.#stays(path, 'certificates and keys stay, as asked')
    else if (isRecorded) {
      const isChanged = type === 'file' && (await this.#isChanged(path))
      // A CA in the place of one that was made, or was about to be, is somebody's own.
      if (isChanged && SIGNING.test(path) && !this.#options.all)
        this.#stays(path, 'is another one than a run of kpki has made; --all removes it')
      else this.#remove(path, type, 'recorded', isChanged)
    } else if (this.#recorded.size === 0) this.#remove(path, type, 'known')
    else if (this.#options.all) this.#remove(path, type, 'asked')
    else this.#stays(path, 'no run of kpki has made it')
  }

  async #isChanged(path: string): Promise<boolean> {
    const known = this.#made.entries.filter(entry => entry.path === path)
    if (known.some(entry => entry.sha256 === undefined)) return false
    // What cannot be read is not what was written.
    const bytes = await this.#host.read(path).catch(() => undefined)
    return bytes === undefined || !(await isAsMade(this.#made, path, bytes, this.#context))
  }

  /** Links by which systemd starts units that go. */
  async #lookAtUnits(): Promise<void> {
    const units = [...this.paths].flatMap(path =>
      path.startsWith(`${UNITS_DIR}/`) ? [path.slice(UNITS_DIR.length)] : [],
    )
    if (units.length === 0) return
    const dirs = (await this.#namesIn(UNITS_DIR)).filter(name => /\.(wants|requires)$/.test(name))
    for (const [dir, unit] of dirs.flatMap(each => units.map(name => [each, name] as const))) {
      const path = `${UNITS_DIR}/${dir}${unit}`
      const target = await this.#host.linkTarget(path)
      // A unit of the same name that a package has brought is enabled by such a link, too.
      if (target === `${UNITS_DIR}${unit}` || target === `..${unit}`) this.#remove(path, 'file', 'recorded')
    }
  }

  /** A directory in which nothing is left goes as well. */
  async #removeEmptied(dir: string): Promise<void> {
    if (this.#isNamed(dir) || (await this.#linkIn(dir)) !== undefined) return
    const names = (await this.#host.names(dir)) ?? []
    if (names.length > 0 && names.every(name => this.paths.has(`${dir}/${name}`)))
      this.#remove(dir, 'directory', 'empty')
  }

  /** What kpki keeps for itself. */
  async #lookAtOwn(): Promise<void> {
    for (const dir of [`${KUBERNETES_DIR}/tmp`, `${RECORD_DIR}/backups`]) {
      const names = await this.#namesIn(dir)
      if (this.#options.cleanupTmpDir) for (const name of names) this.#remove(`${dir}/${name}`, 'tree', 'asked')
      else if (names.length > 0) this.#stays(dir, 'holds what was replaced, old keys too; --cleanup-tmp-dir removes it')
    }
    await this.#removeEmptied(`${RECORD_DIR}/backups`)
    if (!(await isThere(RECORD_PATH, this.#host))) return
    const isKept = (path: string) => this.keep.some(kept => path === kept.path || path.startsWith(`${kept.path}/`))
    if (this.#made.unreadLines > 0)
      this.#stays(RECORD_PATH, `${this.#made.unreadLines} of its lines cannot be read: what they name stays, too`)
    else if ([...this.#recorded.keys()].some(path => !this.paths.has(path) && isKept(path)))
      this.#stays(RECORD_PATH, 'something of what it names stays')
    else if (await this.#isReached(RECORD_DIR)) this.#remove(RECORD_PATH, 'file', 'recorded')
    await this.#removeEmptied(RECORD_DIR)
  }

  /** What is no file of ours, and yet of the cluster. */
  async #lookAtOthers(): Promise<void> {
    const { system } = this.#host
    if (((await this.#host.names('/etc/cni/net.d')) ?? []).length > 0)
      this.#stays('/etc/cni/net.d', 'is of the network plugin: remove it by hand')
    const home = system?.env['HOME']
    if (home !== undefined && isPlainPath(home) && (await isThere(`${home}/.kube/config`, this.#host)))
      this.#stays(`${home}/.kube/config`, 'may know the cluster still: look at it')
    if (system && this.paths.size > 0)
      this.#stays('iptables, nftables and IPVS rules', 'are of kube-proxy and the network plugin: a reboot clears them')
  }

  /** The first link on the way to a path, itself included. */
  async #linkIn(path: string): Promise<string | undefined> {
    const parts = path.split('/').slice(1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const place = `/${parts.slice(0, depth).join('/')}`
      if (!this.#links.has(place)) this.#links.set(place, await this.#host.linkTarget(place))
      if (this.#links.get(place) !== undefined) return place
    }
    return undefined
  }

  /** Whether a directory is reached without a link; one that is not stays with all that is in it, and is named. */
  async #isReached(dir: string): Promise<boolean> {
    const link = await this.#linkIn(dir)
    if (link === undefined) return true
    const way = link === dir ? 'is a link' : `is reached through a link, ${link}`
    this.#stays(dir, `${way} to ${this.#links.get(link)}: nothing is removed through one`)
    return false
  }

  async #namesIn(dir: string): Promise<readonly string[]> {
    return (await this.#isReached(dir)) ? ((await this.#host.names(dir)) ?? []) : []
  }

  #remove(path: string, type: Removal['type'], why: Removal['why'], isChanged = false): void {
    if (this.paths.has(path)) return
    this.paths.add(path)
    this.#removals.push({ path, type, why, isChanged, isSigningKey: SIGNING_KEY.test(path) })
  }

  #stays(path: string, why: string): void {
    if (!this.#isNamed(path)) this.keep.push({ path, why })
  }
}

/** A directory as it is named without slashes and dots that mean nothing. */
function plainDir(dir: string): string {
  return dir.startsWith('/')
    ? `/${dir
        .split('/')
        .filter(part => part !== '' && part !== '.')
        .join('/')}`
    : dir
}

/** Whether a name is there: links that lead nowhere are, too. */
export async function isThere(path: string, host: Host): Promise<boolean> {
  const at = path.lastIndexOf('/')
  return (await host.names(path.slice(0, at) || '/'))?.includes(path.slice(at + 1)) ?? false
}

/** kubernetes/kubernetes v1.31, cmd/kubeadm/app/constants/constants_unix.go */
const DEFAULT_SOCKET = 'unix:///var/run/containerd/containerd.sock'

/** The runtime that the kubelet was told to use: by its flags, or by its configuration. */
async function criSocketOf(host: Host): Promise<string> {
  const patterns = [
    ['kubeadm-flags.env', /--container-runtime-endpoint=([^\s"']+)/],
    ['instance-config.yaml', /^containerRuntimeEndpoint:\s*["']?([^\s"']+)/m],
    ['config.yaml', /^containerRuntimeEndpoint:\s*["']?([^\s"']+)/m],
  ] as const
  for (const [name, pattern] of patterns) {
    const bytes = await host.read(`${KUBELET_DIR}/${name}`).catch(() => undefined)
    const socket = bytes && pattern.exec(new TextDecoder().decode(bytes))?.[1]
    if (socket) return socket.includes('://') ? socket : `unix://${socket}`
  }
  return DEFAULT_SOCKET
}
