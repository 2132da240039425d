/** Makes the PKI: in memory, with the platform's WebCrypto, and nowhere else. */
import {
  type Cluster,
  caPin,
  createContext,
  type GenerateResult,
  generateTree,
  type Inspection,
  inspectFiles,
  MemoryStore,
  rowsOf,
} from 'kpki'

/** A PKI in memory. */
export interface Made {
  readonly cluster: Cluster
  readonly rows: GenerateResult['rows']
  readonly store: MemoryStore
  readonly moment: Date
  /** Pin of the cluster's CA, `sha256:…`. */
  readonly pin: string
  /** What the library finds in the files when it reads them as anybody's. */
  readonly inspection: Inspection
  /** Sentences about what is unusual, without full stops. */
  readonly warnings: readonly string[]
}

/**
 * Makes everything that the first control plane of a cluster needs. Keys are made by the browser off the main thread, so that
 * the page stays as it is used to.
 *
 * @param onProgress - keys made, and keys in all
 * @throws KpkiError
 */
export async function makePki(
  cluster: Cluster,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Made> {
  const moment = new Date()
  const warnings: string[] = []
  const context = createContext({
    clock: () => moment,
    log: ({ level, message, done = 0, total = 0 }) => {
      if (level === 'warning') warnings.push(message)
      if (level === 'progress') onProgress(done, total)
    },
  })
  const store = new MemoryStore()
  try {
    const { rows, plan } = await generateTree(rowsOf(cluster, 'init'), cluster, store, context, { signal })
    const ca = rows.find(({ id }) => id === 'ca')?.certificate
    if (!ca) throw new TypeError('a control plane has a CA')
    const inputs = [...store.files].map(([name, file]) => ({ name, ...file }))
    const inspection = await inspectFiles(inputs, context)
    const findings = plan.findings.map(({ path, message }) => `${path} ${message}`)
    const remarks = inspection.remarks.map(({ place, message }) => `${place.file}: ${message}`)
    const pin = await caPin(ca, context)
    // Who cancels at the last moment is to have nothing either.
    signal.throwIfAborted()
    return { cluster, rows, store, moment, pin, inspection, warnings: [...warnings, ...findings, ...remarks] }
  } catch (error) {
    wipe(store)
    throw error
  }
}

/** Forgets a PKI: its bytes are overwritten, as far as a page can do that. */
export function wipe(store: MemoryStore): void {
  for (const { bytes } of store.files.values()) bytes.fill(0)
  store.files.clear()
}
