import { parseManifests } from '../index.js'
import { readInput, withHint } from './input.js'
import type { Io } from './io.js'
import { manifestSource, type TokenSource } from './token-source.js'

/** Tokens of a file. A file of its own, since a cluster needs no YAML reader to be loaded. */
export async function readManifestSource(file: string, io: Io): Promise<TokenSource> {
  return withHint(
    'kubectl -n kube-system get secret --field-selector type=bootstrap.kubernetes.io/token -o yaml',
    async () => {
      const { text, name } = await readInput(file, io)
      return manifestSource(name, parseManifests(text, name))
    },
  )
}
