import { readFileSync } from 'node:fs'
import type { Context } from '../../lib/context.js'
import { inspectFiles } from '../../lib/inspect/inspect.js'
import type { InspectInput, Inspection } from '../../lib/inspect/types.js'
import { testContext } from '../support/context.js'

/** All vectors were valid then, those made by inspect/make.sh, too. */
export const LATER = new Date('2027-06-01T12:00:00Z')

/** A vector as bytes. */
export const bytesOf = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../vectors/${path}`, import.meta.url)))

/** An input of text or bytes. */
export const input = (name: string, content: string | Uint8Array, mode?: number): InspectInput => ({
  name,
  bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content,
  ...(mode === undefined ? {} : { mode }),
})

/** Inspects files by name and content. */
export function inspect(
  files: Readonly<Record<string, string | Uint8Array>>,
  context: Context = testContext({ clock: () => LATER }),
): Promise<Inspection> {
  return inspectFiles(
    Object.entries(files).map(([name, content]) => input(name, content)),
    context,
  )
}

/** What an inspection found, in numbers and codes. */
export function factsOf(inspection: Inspection) {
  const { certificates, keys, requests, kubeconfigs, manifests, blocks, others, remarks } = inspection
  return {
    certificates: certificates.length,
    keys: keys.length,
    requests: requests.length,
    kubeconfigs: kubeconfigs.length,
    manifests: manifests.length,
    blocks: blocks.map(({ label }) => label),
    others,
    codes: remarks.map(({ code }) => code),
  }
}

export const base64 = (content: string | Uint8Array): string => Buffer.from(content).toString('base64')
