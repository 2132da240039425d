import type { ServerCas } from '../index.js'
import { fetchServerCas } from '../node.js'
import type { Io } from './io.js'

/** What a server says its CAs are. A file of its own, since most pins need no network to be loaded. */
export function askServerCas(server: string, { env, signal }: Io): Promise<ServerCas> {
  return fetchServerCas(server, { env, signal })
}
