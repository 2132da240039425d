import { decodeUtf8, equalBytes, parseBase64 } from '../crypto/bytes.js'
import { describeLabels, parsePem } from '../crypto/pem.js'
import { EncodingError } from '../errors.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { type Certificate, parseCertificates } from '../x509/certificate.js'
import type { YamlDocument } from '../yaml.js'
import type { YamlValue } from '../yaml-scalars.js'
import { duplicateFields, twiceOf } from './kubeconfig-duplicates.js'
import { type KubeconfigEntries, readKubeconfigEntries } from './kubeconfig-entries.js'

/** A certificate, and where in a text it stands. */
export interface PlacedCertificate {
  readonly certificate: Certificate
  /** e.g. `ConfigMap kube-public/cluster-info, kubeconfig`; `undefined` when it is the text that holds it. */
  readonly part: string | undefined
}

/**
 * Reads the certificates that a text offers for a CA: all of PEM; those of the cluster that a kubeconfig goes to; those in the
 * values of Secrets and ConfigMaps, PEM or kubeconfigs. In the order of the text; of manifests, each once.
 *
 * @param text - PEM, YAML or JSON, at most 1 MiB
 * @param what - named in errors, e.g. a file name
 * @returns certificates of CAs and others; of manifests, those of CAs alone
 * @throws {@link EncodingError} `KPKI_KUBECONFIG_INVALID`, `KPKI_MANIFEST_INVALID`, `KPKI_PEM_INVALID`, `KPKI_PEM_LABEL`,
 *   `KPKI_CERT_INVALID`, `KPKI_YAML_INVALID`, `KPKI_INPUT_TOO_LARGE`; never with anything of a value in the message
 */
export async function readCaCertificates(text: string, what: string): Promise<readonly PlacedCertificate[]> {
  if (isPem(text)) return place(undefined, parseCertificates(text, what))
  // Loaded here: a certificate's pin needs no YAML.
  const { parseYamlStream } = await import('../yaml.js')
  const documents = parseYamlStream(text, what)
  const [first] = documents
  const entries = first && documents.length === 1 ? entriesOf(first, what) : undefined
  if (entries) return place(undefined, casOfKubeconfig(entries, what))
  const { parseManifests } = await import('../kubernetes/manifests.js')
  const holders = parseManifests(text, what).filter(({ kind }) => kind === 'Secret' || kind === 'ConfigMap')
  if (holders.length === 0) {
    throw new EncodingError('KPKI_PEM_LABEL', `${what} ${describeLabels('certificate', [])}`, {
      details: { what },
      hint: 'name a PEM file, a kubeconfig, or the manifest of a Secret or ConfigMap',
    })
  }
  const readText = (value: string, part: string) => {
    // Anything may stand in a ConfigMap, and most of it is nobody's business here.
    const document = /\bkind["']?\s*:\s*["']?Config\b/.test(value) ? parseYamlStream(value, part)[0] : undefined
    return document && entriesOf(document, part)
  }
  const all = holders.flatMap(holder => casOfValues(holder, what, readText))
  return all.filter(
    ({ certificate }, index) => !all.slice(0, index).some(other => isSame(other.certificate, certificate)),
  )
}

/** Blocks in YAML are indented, and in JSON a part of a line; PEM stands on lines of its own. */
function isPem(text: string): boolean {
  return (
    /^\ufeff?-----BEGIN /m.test(text) ||
    (text.includes('-----BEGIN ') && !/^\s*[[{]|^["']?kind["']?[ \t]*:/m.test(text))
  )
}

/** @throws where a field stands twice: who trusts another CA than was meant is not safe */
function entriesOf(document: YamlDocument, what: string): KubeconfigEntries | undefined {
  const entries = readKubeconfigEntries(document.value)
  const [twice] = entries ? duplicateFields(document) : []
  if (!twice) return entries
  throw new EncodingError('KPKI_KUBECONFIG_INVALID', `${what}: ${twiceOf(twice)}`, { details: { what } })
}

/** Of the current context; of a kubeconfig for discovery, which has none, of its only cluster. */
function casOfKubeconfig({ currentContext, clusters, contexts, faults }: KubeconfigEntries, what: string) {
  const invalid = (problem: string, hint?: string) =>
    new EncodingError('KPKI_KUBECONFIG_INVALID', `${what}: ${problem}`, {
      details: { what },
      ...(hint === undefined ? {} : { hint }),
    })
  const wanted = contexts.find(({ name }) => name === currentContext)?.cluster
  if (currentContext !== undefined && wanted === undefined) {
    throw invalid(`names the context ${JSON.stringify(currentContext)}, which is not in it`)
  }
  if (currentContext === undefined && clusters.length !== 1) {
    throw invalid(`has no current-context, and ${clusters.length === 0 ? 'no cluster' : 'several clusters'}`)
  }
  const cluster = wanted === undefined ? clusters[0] : clusters.find(({ name }) => name === wanted)
  const fault = faults.find(({ list, name }) => list === 'clusters' && (name === undefined || name === cluster?.name))
  if (fault) throw invalid(`the cluster ${JSON.stringify(fault.name ?? '')} ${fault.problem}`)
  if (!cluster) throw invalid(`names the cluster ${JSON.stringify(wanted)}, which is not in it`)
  if (cluster.caPem !== undefined) return parseCertificates(cluster.caPem, `certificate-authority-data of ${what}`)
  throw invalid(
    `the cluster ${JSON.stringify(cluster.name)} has no certificate-authority-data`,
    cluster.caFile === undefined ? undefined : 'its CA is in the file that certificate-authority names',
  )
}

function casOfValues(
  object: KubernetesObject,
  what: string,
  readText: (value: string, part: string) => KubeconfigEntries | undefined,
): readonly PlacedCertificate[] {
  const { kind, metadata } = object
  const name =
    `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`.trim()
  const isSecret = kind === 'Secret'
  // What stringData says wins over data (kubernetes/kubernetes v1.20.2, staging/src/k8s.io/api/core/v1/types.go, Secret).
  const values = { ...fieldsOf(object['data']), ...(isSecret ? fieldsOf(object['stringData']) : {}) }
  return Object.entries(values).flatMap(([key, raw]) => {
    const part = `${name}, ${key}`
    const isEncoded = isSecret && !Object.hasOwn(fieldsOf(object['stringData']), key)
    const bytes = typeof raw === 'string' && isEncoded ? parseBase64(raw) : undefined
    const value = isEncoded ? bytes && decodeUtf8(bytes) : raw
    if (typeof value !== 'string') return []
    const found = certificatesOf(value, `${what}, ${part}`, readText).filter(({ isCa }) => isCa)
    return place(part, found)
  })
}

function certificatesOf(
  value: string,
  what: string,
  readText: (value: string, part: string) => KubeconfigEntries | undefined,
): readonly Certificate[] {
  if (/^-----BEGIN /m.test(value)) {
    const isAny = parsePem(value, what).some(({ label }) => label === 'CERTIFICATE')
    return isAny ? parseCertificates(value, what) : []
  }
  const entries = readText(value, what)
  return entries ? casOfKubeconfig(entries, what) : []
}

function place(part: string | undefined, certificates: readonly Certificate[]): readonly PlacedCertificate[] {
  return certificates.map(certificate => ({ certificate, part }))
}

function isSame(a: Certificate, b: Certificate): boolean {
  return equalBytes(a.der, b.der)
}

function fieldsOf(value: unknown): Readonly<Record<string, YamlValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, YamlValue>>)
    : {}
}
