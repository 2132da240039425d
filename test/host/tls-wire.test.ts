import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createContext } from '../../lib/host/tls-wire.js'
import { rejects } from '../support/context.js'
import { vector } from '../vectors/read.js'

test('what is wrong with a pair is said in words, not in those of OpenSSL', async () => {
  const cert = vector('kubeadm/v1.20.2/pki/apiserver-kubelet-client.crt')
  const key = vector('kubeadm/v1.20.2/pki/apiserver.key')
  for (const [pair, words] of [
    [{ cert, key }, /: the key is not that of the certificate$/],
    [{ cert, key: 'x' }, /cannot be used: [a-z ]+$/],
    [{ cert: 'x', key }, /cannot be used: [a-z ]+$/],
  ] as const) {
    const error = await rejects(() => createContext({ ...pair, allowPartialTrustChain: true }))
    assert.is(error.code, 'KPKI_TLS_FAILED')
    assert.match(error.message, words)
  }
})

test.run()
