import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { connectToTakeBack } from '../../lib/cli/connect-to-take-back.js'
import type { Io } from '../../lib/cli/io.js'
import { readClusterConnection, resolveBootstrapToken } from '../../lib/index.js'
import { createBootstrapTokens } from '../../lib/workflow/create-tokens.js'
import { rejects, testContext } from '../support/context.js'
import { startMemoryServer } from '../support/memory-server.js'
import { inTempDir } from '../support/temp.js'

const io = (signal: AbortSignal): Io => ({
  stdout: () => {},
  stderr: () => {},
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
  stdoutIsExposed: false,
  columns: 80,
  env: {},
  readStdin: async () => new Uint8Array(),
  signal,
})

for (const isMade of [true, false]) {
  test(
    `a creation that hangs (${isMade ? 'done' : 'not done'}) is cut some time after an interrupt, and taken back`,
    inTempDir(async dir => {
      const server = await startMemoryServer(dir)
      const context = testContext()
      const { create } = server.api
      server.api.create = async object => {
        if (isMade) await create.call(server.api, object)
        return new Promise(() => {})
      }
      const connection = await readClusterConnection(readFileSync(server.kubeconfig, 'utf8'))
      const stop = new AbortController()
      const api = connectToTakeBack(connection, io(stop.signal), context, 300)
      setTimeout(() => stop.abort(), 200)
      const before = performance.now()
      try {
        const tokens = [resolveBootstrapToken({}, context)]
        const error = await rejects(createBootstrapTokens(tokens, api, { signal: stop.signal }))
        assert.equal([error.code, error.details['mayExist']], ['KPKI_INTERRUPTED', undefined], error.message)
        assert.is(server.api.objects.size, 0)
        assert.is(server.api.calls.at(-1), `delete Secret kube-system/bootstrap-token-${tokens[0]?.token.id}`)
        const took = performance.now() - before
        assert.ok(took > 450 && took < 3000, String(took))
      } finally {
        api.close()
        await server.close()
      }
    }),
  )
}

test.run()
