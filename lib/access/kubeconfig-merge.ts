import { formatBase64 } from '../crypto/bytes.js'
import { EncodingError, StoreError, UsageError } from '../errors.js'
import { parseYaml } from '../yaml.js'
import { editYaml, type YamlEdits } from '../yaml-edit.js'
import { isYamlObject, type YamlObject, type YamlValue } from '../yaml-scalars.js'
import { type EntryList, foreignKind, readKubeconfigEntries, sentenceOf } from './kubeconfig-entries.js'
import { showUrl } from './server-url.js'

/** A kubeconfig that is merged, or merged into. */
export interface MergeFile {
  /** YAML or JSON, at most 1 MiB. */
  readonly text: string
  /** Named in errors and changes, e.g. the file name. */
  readonly name: string
  /**
   * Makes a path that the file names one that leads to the same file from the target: relative paths start at the file that
   * they stand in. Default: paths stay as they are.
   */
  readonly rewritePath?: (path: string) => string
  /** Reads a file that it names, for {@link MergeOptions.flatten}. Default: that option is refused. */
  readonly readFile?: (path: string) => Promise<Uint8Array>
}

/** Options of {@link mergeKubeconfigs}. */
export interface MergeOptions {
  /**
   * What becomes of an entry whose name the target has for something else: `refuse` all, `rename` what comes in (`name-2`),
   * `overwrite` what is there. Default: refuse.
   */
  readonly onConflict?: 'refuse' | 'rename' | 'overwrite'
  /**
   * Name for the one context that comes in; its cluster and user get this name, too, where theirs are taken. Default: it keeps
   * its name.
   */
  readonly contextName?: string
  /** The current context of what comes in becomes the target's. Default: only where the target has none. */
  readonly useContext?: boolean
  /** Put the contents of CA, certificate and key files into the target. Default: false, they are named. */
  readonly flatten?: boolean
  /**
   * Kubeconfigs that kubectl reads together with the target, in their order: of each name the first entry counts, and the first
   * current context. Names that they have are taken, and their current context stays; none of them is changed. Their
   * `rewritePath` leads from the target, too. Default: none.
   */
  readonly beside?: { readonly before: readonly MergeFile[]; readonly after: readonly MergeFile[] }
}

/** What became of one entry that came in. */
export interface MergeChange {
  readonly list: EntryList
  /** In the target. */
  readonly name: string
  /** In its own file. */
  readonly originalName: string
  /** Name of that file. */
  readonly source: string
  /** `same`: the target had it already. */
  readonly action: 'add' | 'same' | 'overwrite'
}

/** A merged kubeconfig. */
export interface MergeResult {
  /** The target's new text, a secret. */
  readonly text: string
  /** In the order of the sources; clusters, users, contexts. */
  readonly changes: readonly MergeChange[]
  /** Of the target and what is read beside it. */
  readonly currentContext: string | undefined
  /** Before. */
  readonly previousContext: string | undefined
  /** Contexts that were there and go elsewhere or as somebody else now, because an entry was overwritten. */
  readonly affectedContexts: readonly string[]
  readonly isChanged: boolean
}

const LISTS = ['clusters', 'users', 'contexts'] as const
/** The field of an entry that holds what it says. */
const INNER = { clusters: 'cluster', users: 'user', contexts: 'context' } as const
/** Paths, as client-go knows them (v1.20.2, tools/clientcmd/loader.go: GetClusterFileReferences, GetAuthInfoFileReferences). */
const PATHS = {
  clusters: ['certificate-authority'],
  users: ['client-certificate', 'client-key', 'tokenFile'],
  contexts: [],
} as const
/** Of those, what can stand in the kubeconfig itself (tools/clientcmd/api/helpers.go: FlattenConfig). */
const EMBEDDABLE: readonly string[] = ['certificate-authority', 'client-certificate', 'client-key']

interface Entry {
  readonly name: string
  /** The whole item of the list. */
  readonly item: YamlObject
  readonly inner: YamlObject
}

type Entries = Readonly<Record<EntryList, readonly Entry[]>>

/**
 * Puts the clusters, users and contexts of kubeconfigs into another one. The target's text stays as it is around what is
 * added: comments, order, unknown fields, line ends. Entries that are there already, under their name and with the same
 * content, are not added again, so that merging twice is merging once. `exec`, `auth-provider` and fields that nobody knows
 * come along as they are.
 *
 * @param target - an empty text for a new file
 * @throws {@link EncodingError} `KPKI_KUBECONFIG_INVALID` for what kubectl would not load, or a context that leads nowhere;
 *   `KPKI_YAML_INVALID`, `KPKI_YAML_UNEDITABLE`, `KPKI_INPUT_TOO_LARGE`. {@link StoreError} `KPKI_MERGE_CONFLICT` with every
 *   conflict in `details.findings`. {@link UsageError} `KPKI_FIELD_VALUE` for options that do not go with what comes in
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/{loader,config}.go
 */
export async function mergeKubeconfigs(
  target: MergeFile,
  sources: readonly MergeFile[],
  options: MergeOptions = {},
): Promise<MergeResult> {
  const before = readTarget(target)
  const { beside = { before: [], after: [] } } = options
  const files = [...beside.before, target, ...beside.after]
  const all = files.map(file => ({ file, ...(file === target ? before : readTarget(file)) }))
  const merger = new Merger(all, target, options)
  let incoming: string | undefined
  for (const source of sources) {
    const entries = readSource(source)
    const current = merger.add(await prepared(entries.entries, source, options), entries.currentContext, source.name)
    incoming ??= current
  }
  merger.assertNoConflict()
  if (options.useContext && incoming === undefined) {
    throw new UsageError(
      'KPKI_FIELD_VALUE',
      'there is no context to use: what comes in has no current-context, and not one context alone',
      {
        hint: 'merge it without, and choose one: kubectl config use-context NAME',
      },
    )
  }
  const previous = all.find(({ currentContext }) => currentContext !== undefined)
  const previousContext = previous?.currentContext
  const currentContext =
    options.useContext || previousContext === undefined ? (incoming ?? previousContext) : previousContext
  if (previous && currentContext !== previousContext && beside.before.includes(previous.file)) {
    throw new StoreError(
      'KPKI_MERGE_CONFLICT',
      `the current context stands in ${previous.file.name}, which goes before ${target.name}; nothing was written`,
      {
        details: { findings: [] },
        hint: 'merge without --use-context, and choose it: kubectl config use-context NAME',
      },
    )
  }
  const edits: YamlEdits = {
    ...merger.edits(),
    set: {
      ...(before.isEmpty ? { apiVersion: 'v1', kind: 'Config' } : {}),
      ...(currentContext !== undefined && currentContext !== previousContext
        ? { 'current-context': currentContext }
        : {}),
    },
  }
  const isChanged = merger.changes.some(({ action }) => action !== 'same') || currentContext !== previousContext
  return {
    text: isChanged ? editYaml(target.text, edits, target.name) : target.text,
    changes: merger.changes,
    currentContext,
    previousContext,
    affectedContexts: merger.affectedContexts(),
    isChanged,
  }
}

function invalid({ name }: MergeFile, problem: string, hint?: string): EncodingError {
  return new EncodingError('KPKI_KUBECONFIG_INVALID', `${name}: ${problem}`, {
    details: { what: name },
    ...(hint === undefined ? {} : { hint }),
  })
}

interface Read {
  readonly entries: Entries
  readonly currentContext: string | undefined
  readonly isEmpty: boolean
}

/** What is there has to be found again by its names; whether it works is not asked. */
function readTarget(file: MergeFile): Read {
  const document = parseYaml(file.text, file.name)
  const root = document.value
  if (root === null || (isYamlObject(root) && Object.keys(root).length === 0))
    return { entries: { clusters: [], users: [], contexts: [] }, currentContext: undefined, isEmpty: true }
  const known = readKubeconfigEntries(root)
  if (!isYamlObject(root) || !known) throw invalid(file, foreignKind(root) ?? 'it is not a kubeconfig')
  const [twice] = document.duplicates
  if (twice)
    throw invalid(file, `line ${twice.line} has a field that stands there twice, of which programs take different ones`)
  const nameless = known.faults.find(({ name }) => name === undefined)
  if (nameless) throw invalid(file, sentenceOf(nameless))
  const read = (list: EntryList) => readList(root, list, file)
  const entries = { clusters: read('clusters'), users: read('users'), contexts: read('contexts') }
  return { entries, currentContext: known.currentContext, isEmpty: false }
}

function readList(root: YamlObject, list: EntryList, file: MergeFile): Entry[] {
  const items = root[list] ?? []
  if (!Array.isArray(items)) throw invalid(file, `${list} is not a list`)
  const seen = new Set<string>()
  return (items as readonly YamlValue[]).map(item => {
    const name = isYamlObject(item) ? item['name'] : undefined
    if (!isYamlObject(item) || typeof name !== 'string') throw invalid(file, `${list} has an entry without a name`)
    // kubernetes/kubernetes v1.20.2, client-go/tools/clientcmd/api/v1/conversion.go: "duplicate name in list"
    if (seen.has(name))
      throw invalid(
        file,
        `the ${list.slice(0, -1)} ${JSON.stringify(name)} stands in it twice, for which kubectl refuses all of it`,
      )
    seen.add(name)
    const inner = item[INNER[list]]
    return { name, item, inner: isYamlObject(inner) ? inner : {} }
  })
}

/** What comes in must be whole: kubectl would refuse everything that it is merged with. */
function readSource(file: MergeFile): Read {
  const read = readTarget(file)
  const known = readKubeconfigEntries(parseYaml(file.text, file.name).value)
  if (!known || read.isEmpty) throw invalid(file, 'it is not a kubeconfig')
  const [fault] = known.faults
  if (fault) throw invalid(file, sentenceOf(fault))
  for (const { name, cluster, user } of known.contexts) {
    // In the target there may be another one of this name, and it would be shown these credentials.
    const isMissing = (wanted: string, entries: readonly { readonly name: string }[]) =>
      wanted !== '' && entries.every(entry => entry.name !== wanted)
    const missing =
      (isMissing(cluster, known.clusters) && `cluster ${JSON.stringify(cluster)}`) ||
      (isMissing(user, known.users) && `user ${JSON.stringify(user)}`)
    if (missing)
      throw invalid(
        file,
        `the context ${JSON.stringify(name)} names the ${missing}, which is not in it`,
        'take the context out of it (kubectl config delete-context), or put in what it names',
      )
  }
  const { currentContext } = known
  if (currentContext !== undefined && known.contexts.every(({ name }) => name !== currentContext))
    throw invalid(file, `current-context names the context ${JSON.stringify(currentContext)}, which is not in it`)
  const only = known.contexts.length === 1 ? known.contexts[0]?.name : undefined
  return { ...read, currentContext: currentContext ?? only }
}

/** The entries as they are to stand in the target. */
async function prepared(entries: Entries, file: MergeFile, { flatten = false }: MergeOptions): Promise<Entries> {
  const prepare = async (list: EntryList) => {
    const items: Entry[] = []
    for (const { name, item, inner } of entries[list]) {
      const own = flatten ? await embedded(list, inner, file) : inner
      const moved = withPaths(list, own, file.rewritePath)
      items.push({ name, item: { ...item, [INNER[list]]: moved }, inner: moved })
    }
    return items
  }
  return { clusters: await prepare('clusters'), users: await prepare('users'), contexts: await prepare('contexts') }
}

/** The same with its paths made to lead from elsewhere. */
function withPaths(list: EntryList, inner: YamlObject, rewrite: MergeFile['rewritePath']): YamlObject {
  if (!rewrite) return inner
  const moved: Record<string, YamlValue> = { ...inner }
  for (const field of PATHS[list]) {
    const path = inner[field]
    if (typeof path === 'string' && path !== '') moved[field] = rewrite(path)
  }
  const exec = list === 'users' ? inner['exec'] : undefined
  const command = isYamlObject(exec) ? exec['command'] : undefined
  // A bare command is looked for in PATH, and would be another program.
  if (isYamlObject(exec) && typeof command === 'string' && command.includes('/')) {
    const path = rewrite(command)
    moved['exec'] = { ...exec, command: /[\\/]/.test(path) ? path : `./${path}` }
  }
  return moved
}

async function embedded(list: EntryList, inner: YamlObject, file: MergeFile): Promise<YamlObject> {
  const own: Record<string, YamlValue> = { ...inner }
  for (const field of PATHS[list].filter(name => EMBEDDABLE.includes(name))) {
    const path = inner[field]
    if (typeof path !== 'string' || path === '') continue
    if (!file.readFile) throw new UsageError('KPKI_FIELD_VALUE', `${file.name}: its files cannot be read here`)
    // What stands in it counts more than what it names.
    if (!inner[`${field}-data`]) own[`${field}-data`] = formatBase64(await file.readFile(path))
    delete own[field]
  }
  return own
}

interface Held extends Entry {
  readonly file: MergeFile
  /** Index in that file's list. */
  readonly index: number
  readonly state: 'there' | 'added' | 'replaced'
}

/** The target while entries come into it. */
class Merger {
  readonly changes: MergeChange[] = []
  readonly #held: Record<EntryList, Map<string, Held>>
  readonly #conflicts: { readonly file: MergeFile; readonly text: string }[] = []
  readonly #target: MergeFile
  readonly #options: MergeOptions

  /** @param files - the target and those beside it, in the order in which their entries count */
  constructor(
    files: readonly { readonly file: MergeFile; readonly entries: Entries }[],
    target: MergeFile,
    options: MergeOptions,
  ) {
    this.#target = target
    this.#options = options
    const hold = (list: EntryList) => {
      const held = new Map<string, Held>()
      for (const { file, entries } of files)
        for (const [index, entry] of entries[list].entries())
          if (!held.has(entry.name)) held.set(entry.name, { ...entry, file, index, state: 'there' })
      return held
    }
    this.#held = { clusters: hold('clusters'), users: hold('users'), contexts: hold('contexts') }
  }

  /** @returns what the source's current context is called now */
  add(entries: Entries, currentContext: string | undefined, source: string): string | undefined {
    const { contextName } = this.#options
    if (contextName !== undefined && entries.contexts.length !== 1) {
      throw new UsageError(
        'KPKI_FIELD_VALUE',
        `${source} has ${entries.contexts.length} contexts: only one can get a name`,
        {
          hint: 'merge it without, and rename them: kubectl config rename-context OLD NEW',
        },
      )
    }
    const names = { clusters: new Map<string, string>(), users: new Map<string, string>() }
    for (const list of ['clusters', 'users'] as const) {
      for (const entry of entries[list]) names[list].set(entry.name, this.#place(list, entry, entry.name, source))
    }
    let current: string | undefined
    for (const entry of entries.contexts) {
      const { cluster, user } = entry.inner
      const [newCluster, newUser] = [names.clusters.get(String(cluster)), names.users.get(String(user))]
      // kubectl config set-context makes contexts that name none.
      const inner = {
        ...entry.inner,
        ...(newCluster === undefined ? {} : { cluster: newCluster }),
        ...(newUser === undefined ? {} : { user: newUser }),
      }
      // kubeadm's and kubectl's habit of naming contexts.
      const isComposed = entry.name === `${user}@${cluster}`
      const wanted = contextName ?? (isComposed ? `${newUser}@${newCluster}` : entry.name)
      const placed = this.#place(
        'contexts',
        { ...entry, inner, item: { ...entry.item, context: inner } },
        wanted,
        source,
      )
      if (entry.name === currentContext) current = placed
    }
    return current
  }

  /** Finds an entry its name, and notes what is to be done. */
  #place(list: EntryList, entry: Entry, wanted: string, source: string): string {
    const { onConflict = 'refuse', contextName } = this.#options
    const held = this.#held[list]
    const note = (name: string, action: MergeChange['action']) => {
      this.changes.push({ list, name, originalName: entry.name, source, action })
      return name
    }
    const put = (name: string, index?: number) =>
      held.set(name, {
        name,
        item: { ...entry.item, name },
        inner: entry.inner,
        file: this.#target,
        index: index ?? -1,
        state: index === undefined ? 'added' : 'replaced',
      })
    const candidates = [
      wanted,
      ...(contextName !== undefined && contextName !== wanted && list !== 'contexts' ? [contextName] : []),
    ]
    for (const name of candidates) {
      const present = held.get(name)
      if (present && this.#isSame(list, present, entry)) return note(name, 'same')
      if (!present) {
        put(name)
        return note(name, 'add')
      }
    }
    if (onConflict === 'rename') {
      for (let number = 2; ; number++) {
        const name = `${wanted}-${number}`
        const present = held.get(name)
        if (present && !this.#isSame(list, present, entry)) continue
        if (!present) put(name)
        return note(name, present ? 'same' : 'add')
      }
    }
    const present = held.get(wanted)
    if (onConflict === 'overwrite' && present?.state === 'there' && present.file === this.#target) {
      put(wanted, present.index)
      return note(wanted, 'overwrite')
    }
    this.#conflicts.push({
      file: present?.file ?? this.#target,
      text: `${describe(list, wanted, entry, present)} in ${source}`,
    })
    return wanted
  }

  #isSame(list: EntryList, present: Held, entry: Entry): boolean {
    const here = present.state === 'there' ? withPaths(list, present.inner, present.file.rewritePath) : present.inner
    return (
      canonical({ ...present.item, name: '', [INNER[list]]: here }) ===
      canonical({ ...entry.item, name: '', [INNER[list]]: entry.inner })
    )
  }

  assertNoConflict(): void {
    const [first] = this.#conflicts
    if (first === undefined) return
    const more = this.#conflicts.length > 1 ? ` (and ${this.#conflicts.length - 1} more)` : ''
    const other = this.#conflicts.find(({ file }) => file !== this.#target)?.file.name
    const replacing =
      other === undefined
        ? '--on-conflict overwrite replaces what is there'
        : `what stands in ${other} is replaced there only: --into ${other} --on-conflict overwrite`
    throw new StoreError('KPKI_MERGE_CONFLICT', `${first.file.name} has ${first.text}${more}; nothing was written`, {
      details: { findings: this.#conflicts.map(({ file, text }) => `${file.name} has ${text}`) },
      hint: `give what comes in another name: --context-name NAME, or --on-conflict rename; ${replacing}`,
    })
  }

  /** Contexts of the target, other than those that came in, that name what was overwritten. */
  affectedContexts(): readonly string[] {
    const replaced = (list: 'clusters' | 'users', name: YamlValue | undefined) =>
      typeof name === 'string' && this.#held[list].get(name)?.state === 'replaced'
    const own = new Set(this.changes.filter(({ list }) => list === 'contexts').map(({ name }) => name))
    return [...this.#held.contexts.values()]
      .filter(
        ({ name, inner }) =>
          !own.has(name) && (replaced('clusters', inner['cluster']) || replaced('users', inner['user'])),
      )
      .map(({ name }) => name)
  }

  edits(): YamlEdits {
    const of = (list: EntryList) => [...this.#held[list].values()]
    return {
      append: Object.fromEntries(
        LISTS.map(list => [list, of(list).flatMap(({ state, item }) => (state === 'added' ? [item] : []))]),
      ),
      replace: LISTS.flatMap(list =>
        of(list).flatMap(({ index, item, state }) => (state === 'replaced' ? [{ key: list, index, item }] : [])),
      ),
    }
  }
}

/** What of an entry counts: no order, nothing that is empty, no white space within base64. */
function canonical(value: YamlValue, field = ''): string {
  if (Array.isArray(value)) return `[${(value as readonly YamlValue[]).map(item => canonical(item)).join()}]`
  if (isYamlObject(value)) {
    const isEmpty = (item: YamlValue) =>
      item === null || item === '' || item === false || (typeof item === 'object' && Object.keys(item).length === 0)
    const fields = Object.entries(value).filter(([, item]) => !isEmpty(item))
    return `{${fields
      .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item, key)}`)
      .sort()
      .join()}}`
  }
  return JSON.stringify(typeof value === 'string' && field.endsWith('-data') ? value.replace(/\s+/g, '') : value)
}

/** A conflict in words, without a secret. */
function describe(list: EntryList, name: string, entry: Entry, present: Entry | undefined): string {
  const server = (of: Entry | undefined) => showUrl(String(of?.inner['server'] ?? '')).text || 'no server'
  const what = `a ${list.slice(0, -1)} ${JSON.stringify(name)}`
  if (list === 'clusters') {
    const [here, there] = [server(present), server(entry)]
    return here === there
      ? `${what} (${here}) that differs from the one`
      : `${what} for ${here}, and not for ${there} as`
  }
  const goal = (of: Entry | undefined) => `${String(of?.inner['user'])} at ${String(of?.inner['cluster'])}`
  if (list === 'contexts' && goal(entry) !== goal(present))
    return `${what} for ${goal(present)}, and not for ${goal(entry)} as`
  return `${what} that differs from the one`
}
