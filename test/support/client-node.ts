import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import { skipped } from './skip.js'

/** From 2.0 on the client needs Zstandard, which came with Node 22.15; its import fails in ways that cannot be caught. */
const { version } = createRequire(import.meta.url)('@kubernetes/client-node/package.json') as { version: string }
const isLoadable = Number.parseInt(version, 10) < 2 || 'createZstdDecompress' in zlib

/** Kubernetes' own client for JavaScript; `undefined` where it does not load. */
export const clientNode = isLoadable ? await import('@kubernetes/client-node') : undefined

interface Tests {
  (name: string, handler: () => void | Promise<void>): void
  skip(): void
}

/** Registers a test that needs Kubernetes' own client; without it the test is counted as skipped, with the reason. */
export function testWithClient(
  tests: Tests,
  name: string,
  handler: (client: typeof import('@kubernetes/client-node')) => Promise<void>,
): void {
  if (clientNode) {
    tests(name, () => handler(clientNode))
    return
  }
  skipped.push(`${name} (@kubernetes/client-node ${version} does not load on Node ${process.version})`)
  tests.skip()
}
