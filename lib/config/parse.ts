import { EncodingError } from '../errors.js'
import { parseYamlStream, type YamlDocument, type YamlPath, type YamlPosition } from '../yaml.js'
import { isYamlObject, type YamlObject } from '../yaml-scalars.js'
import { convertDecoded, type Decoded } from './convert.js'
import { decodeStruct } from './decode.js'
import { type ConfigProblem, formatPath, nearestName, type Report } from './problems.js'
import {
  API_VERSIONS,
  type ApiVersion,
  CARRIED,
  type CarriedKind,
  KINDS,
  KUBEADM_GROUP,
  type KubeadmKind,
  LAST_KUBEADM,
} from './schema.js'
import type { Configuration } from './types.js'

/** A configuration that has been read, right or wrong. */
export interface ParsedConfiguration {
  /** Everything that was right, as v1beta4. */
  readonly configuration: Configuration
  /** All problems, in the order of the text. */
  readonly problems: readonly ConfigProblem[]
  /** The kubeadm documents that the text holds, and the version each is written in. */
  readonly versions: Readonly<Partial<Record<KubeadmKind, ApiVersion>>>
  /** Where the value (or else what it would stand in) at a path of a document stands. */
  readonly locate: (kind: KubeadmKind | CarriedKind, path: YamlPath) => YamlPosition | undefined
}

/**
 * Reads a kubeadm configuration: a YAML stream of kubeadm's kinds in v1beta4, v1beta3 or v1beta2 and of the component
 * configurations that go with them.
 *
 * Never throws for what the text says: everything that is wrong with it is in `problems`. Unknown and duplicate fields are
 * errors, which kubeadm tells only in `config validate`; documents of other groups too, which kubeadm passes over.
 *
 * @param text - YAML or JSON, at most 1 MiB
 * @param what - the file's name, for problems
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`
 */
export function parseConfiguration(text: string, what: string): ParsedConfiguration {
  const reader = new Reader(what)
  for (const document of reader.split(text)) reader.take(document)
  return reader.finish()
}

class Reader {
  private readonly problems: ConfigProblem[] = []
  private readonly documents = new Map<string, YamlDocument>()
  private readonly versions: Partial<Record<KubeadmKind, ApiVersion>> = {}
  private readonly decoded: Decoded = {}
  private readonly carried: YamlObject[] = []

  private readonly what: string

  constructor(what: string) {
    this.what = what
  }

  split(text: string): YamlDocument[] {
    try {
      return parseYamlStream(text, this.what)
    } catch (error) {
      if (!(error instanceof EncodingError) || error.code !== 'KPKI_YAML_INVALID') throw error
      const { line, column } = error.details
      this.problems.push({
        severity: 'error',
        code: 'KPKI_CONFIG_SYNTAX',
        field: '',
        message: error.message.slice(`${this.what}:${line}:${column}: `.length),
        file: this.what,
        line: Number(line),
        column: Number(column),
      })
      return []
    }
  }

  take(document: YamlDocument): void {
    const report = this.reportOn(document)
    const { value } = document
    if (value === null) return
    if (!isYamlObject(value)) {
      report([], 'KPKI_CONFIG_KIND', 'the document is no mapping with apiVersion and kind')
      return
    }
    for (const { path, line, column } of document.duplicates)
      report(path, 'KPKI_FIELD_DUPLICATE', 'the field is given twice', { isKey: true, position: { line, column } })
    const kind = this.known(value, report)
    if (kind === undefined) return
    if (this.documents.has(kind)) {
      report(['kind'], 'KPKI_CONFIG_KIND', `there is more than one ${kind}`)
      return
    }
    this.documents.set(kind, document)
    if (kind in CARRIED) this.carried.push(value)
    else this.decode(kind as KubeadmKind, value, report)
  }

  finish(): ParsedConfiguration {
    const converted = convertDecoded(this.decoded, this.versions, kind => {
      const document = this.documents.get(kind)
      return document ? this.reportOn(document) : () => {}
    })
    const order = ({ line = 0, column = 0 }: ConfigProblem) => line * 1e6 + column
    return {
      // Every value has been decoded by the table that the type is made from.
      configuration: { ...converted, carried: this.carried } as Configuration,
      problems: this.problems.sort((a, b) => order(a) - order(b)),
      versions: this.versions,
      locate: (kind, path) => {
        const document = this.documents.get(kind)
        return document && nearestPosition(document, path)
      },
    }
  }

  private decode(kind: KubeadmKind, value: YamlObject, report: Report): void {
    const version = API_VERSIONS.find(name => value['apiVersion'] === `${KUBEADM_GROUP}/${name}`)
    if (!version) return
    this.versions[kind] = version
    this.decoded[kind] = decodeStruct(value, kind, version, [], report)
  }

  /** The kind of a document that is read; every other one is a problem. */
  private known(value: YamlObject, report: Report): string | undefined {
    const { apiVersion, kind } = value
    const absent = apiVersion === undefined ? 'apiVersion' : 'kind'
    if (typeof apiVersion !== 'string' || apiVersion === '' || typeof kind !== 'string' || kind === '') {
      const code = absent === 'kind' && typeof apiVersion === 'string' ? 'KPKI_CONFIG_KIND' : 'KPKI_CONFIG_API_VERSION'
      report([], code, 'the document needs an apiVersion and a kind', {
        hint: `begin it with apiVersion: ${KUBEADM_GROUP}/${API_VERSIONS.at(-1)} and kind: ClusterConfiguration`,
      })
      return undefined
    }
    if (apiVersion.startsWith('kpki.dev/')) {
      report(['kind'], 'KPKI_CONFIG_KIND', `${kind} (${apiVersion}) is not supported yet`, {
        hint: 'describe one host per file',
      })
      return undefined
    }
    const carriedVersion = Object.entries(CARRIED).find(([name]) => name === kind)?.[1]
    if (carriedVersion !== undefined) {
      if (apiVersion === carriedVersion) return kind
      report(['apiVersion'], 'KPKI_CONFIG_API_VERSION', `${quote(apiVersion)} is not read for ${kind}`, {
        hint: `write apiVersion: ${carriedVersion}`,
      })
      return undefined
    }
    return this.knownKubeadm(apiVersion, kind, report)
  }

  private knownKubeadm(apiVersion: string, kind: string, report: Report): string | undefined {
    const [group, version = ''] = apiVersion.split('/')
    const current = API_VERSIONS.find(name => name === version)
    if (group !== KUBEADM_GROUP || !current) {
      const last = group === KUBEADM_GROUP ? LAST_KUBEADM[version] : undefined
      const nearest = nearestName(apiVersion, [
        // Newest first: of equally near ones the first is taken.
        ...API_VERSIONS.toReversed().map(name => `${KUBEADM_GROUP}/${name}`),
        ...Object.values(CARRIED),
      ])
      const message = last ? `${apiVersion} is read no more` : `${quote(apiVersion)} is not read here`
      const hint = last
        ? `kubeadm ${last} was the last to read it: have it write a newer version with kubeadm config migrate`
        : `write ${nearest ?? `${KUBEADM_GROUP}/${API_VERSIONS.at(-1)}`}, or keep other objects in files of their own`
      report(['apiVersion'], 'KPKI_CONFIG_API_VERSION', message, { hint })
      return undefined
    }
    if (kind === 'ClusterStatus' && current === 'v1beta2') {
      report(['kind'], 'KPKI_CONFIG_KIND', 'ClusterStatus is left out: no kubeadm reads it since v1.22', {
        severity: 'warning',
      })
      return undefined
    }
    const since = Object.entries(KINDS).find(([name]) => name === kind)?.[1]
    if (since !== undefined && API_VERSIONS.indexOf(since) <= API_VERSIONS.indexOf(current)) return kind
    const nearest = nearestName(kind, [...Object.keys(KINDS), ...Object.keys(CARRIED)])
    const hint = since ? `write apiVersion: ${KUBEADM_GROUP}/${since}` : nearest && `did you mean ${nearest}?`
    report(
      ['kind'],
      'KPKI_CONFIG_KIND',
      since ? `${kind} came with ${since}` : `${quote(kind)} is no kind of ${apiVersion}`,
      hint === undefined ? {} : { hint },
    )
    return undefined
  }

  private reportOn(document: YamlDocument): Report {
    return (path, code, message, { hint, severity, isKey, position } = {}) => {
      const place = position ?? (isKey ? document.keyPosition(path) : undefined) ?? nearestPosition(document, path)
      this.problems.push({
        severity: severity ?? 'error',
        code,
        field: formatPath(path),
        message,
        ...(hint === undefined ? {} : { hint }),
        file: this.what,
        ...place,
      })
    }
  }
}

/** The place of a value, or of the innermost thing around it that is there. */
function nearestPosition(document: YamlDocument, path: YamlPath): YamlPosition {
  for (let length = path.length; length > 0; length--) {
    const position = document.valuePosition(path.slice(0, length))
    if (position) return position
  }
  return document.start
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text)
}
