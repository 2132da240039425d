/** node:tls shakes hands with our certificates on both sides, and refuses those of strangers. */
import type { AddressInfo } from 'node:net'
import { connect, createServer, type PeerCertificate } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Files, fileOf, makeTree, pooledKeyPair } from './trees.js'

const ALGORITHMS = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECDSA-P256', 'ECDSA-P384'] as const

interface Outcome {
  /** Common name of the client as the server saw it; `refused` where either side had an error. */
  readonly client: string
  /** Common name of the server as the client saw it, or that error. */
  readonly server: string
}

interface Parties {
  /** Base of the server's pair, e.g. `pki/apiserver`, and the CA that it asks its clients to be of. */
  readonly server: string
  readonly clientCa: string
  /** Base of the client's pair, and the CA it trusts. `undefined`: no certificate. */
  readonly client: string | undefined
  readonly trusted: string
  readonly name: string
}

function pair(files: Files, base: string) {
  return { cert: fileOf(files, `${base}.crt`), key: fileOf(files, `${base}.key`) }
}

/** One connection over TLS 1.2, where a refused client certificate fails the handshake itself. */
function shakeHands(ours: Files, theirs: Files, parties: Parties, version: 'TLSv1.2' | 'TLSv1.3'): Promise<Outcome> {
  return new Promise(resolve => {
    const commonName = (certificate: PeerCertificate) => String(certificate.subject?.CN ?? 'nobody')
    const server = createServer({
      ...pair(ours, parties.server),
      ca: fileOf(ours, parties.clientCa),
      requestCert: true,
      // So that it can be told why; below, who is not authorized is refused.
      rejectUnauthorized: false,
    })
    let [seenByServer, seenByClient] = ['', '']
    const finish = (failure?: string) => {
      clearTimeout(timer)
      socket?.destroy()
      server.close()
      resolve(failure ? { client: 'refused', server: failure } : { client: seenByServer, server: seenByClient })
    }
    const timer = setTimeout(() => finish('timeout'), 10_000)
    let socket: ReturnType<typeof connect> | undefined
    server.on('tlsClientError', error => finish(`server: ${error.message}`))
    server.on('secureConnection', peer => {
      seenByServer = commonName(peer.getPeerCertificate())
      peer.on('error', () => {})
      // The type says Error, which it is not: Node sets the code's text.
      if (!peer.authorized) return finish(`server: ${peer.authorizationError}`)
      peer.end('hello')
    })
    server.listen(0, '127.0.0.1', () => {
      socket = connect({
        port: (server.address() as AddressInfo).port,
        host: '127.0.0.1',
        servername: parties.name,
        ca: fileOf(theirs, parties.trusted),
        minVersion: version,
        maxVersion: version,
        ...(parties.client === undefined ? {} : pair(theirs, parties.client)),
      })
      socket.on('secureConnect', () => {
        if (socket) seenByClient = commonName(socket.getPeerCertificate())
      })
      socket.on('data', () => finish())
      socket.on('error', error => finish(`client: ${error.message}`))
    })
  })
}

const API: Parties = {
  server: 'pki/apiserver',
  clientCa: 'pki/ca.crt',
  client: 'pki/apiserver-kubelet-client',
  trusted: 'pki/ca.crt',
  name: 'kubernetes.default.svc',
}
const ETCD: Parties = {
  server: 'pki/etcd/server',
  clientCa: 'pki/etcd/ca.crt',
  client: 'pki/apiserver-etcd-client',
  trusted: 'pki/etcd/ca.crt',
  name: 'localhost',
}

const ACCEPTED: readonly (readonly [what: string, parties: Parties, client: string, server: string])[] = [
  ['the API server and its client', API, 'kube-apiserver-kubelet-client', 'kube-apiserver'],
  ['etcd and the API server', ETCD, 'kube-apiserver-etcd-client', 'cp-1'],
  [
    'etcd and its health check',
    { ...ETCD, client: 'pki/etcd/healthcheck-client' },
    'kube-etcd-healthcheck-client',
    'cp-1',
  ],
  [
    'two members of etcd',
    { ...ETCD, server: 'pki/etcd/peer', client: 'pki/etcd/peer', name: 'etcd.example.org' },
    'cp-1',
    'cp-1',
  ],
  ['etcd as a client of itself', { ...ETCD, client: 'pki/etcd/server' }, 'cp-1', 'cp-1'],
  [
    'an extension server and the front proxy',
    { ...API, clientCa: 'pki/front-proxy-ca.crt', client: 'pki/front-proxy-client' },
    'front-proxy-client',
    'kube-apiserver',
  ],
]

const STRANGER = /^server: UNABLE_TO_VERIFY_LEAF_SIGNATURE$/
const REFUSED: readonly (readonly [what: string, parties: Parties, by: RegExp])[] = [
  ['a client without a certificate', { ...API, client: undefined }, /^server: UNABLE_TO_GET_ISSUER_CERT$/],
  ['a client of the etcd CA at the API server', { ...API, client: 'pki/apiserver-etcd-client' }, STRANGER],
  ['a client of the cluster CA at etcd', { ...ETCD, client: 'pki/apiserver-kubelet-client' }, STRANGER],
  ['a front proxy as a client', { ...API, client: 'pki/front-proxy-client' }, STRANGER],
  ["a server's certificate as a client's", { ...API, client: 'pki/apiserver' }, /^server: INVALID_PURPOSE$/],
  ["a client's certificate as a server's", { ...API, server: 'pki/apiserver-kubelet-client' }, /^client: .*purpose$/],
  [
    'a name that is not in the certificate',
    { ...API, name: 'kubernetes.example.org' },
    /^client: Hostname\/IP does not/,
  ],
  ['a server of another CA', { ...API, trusted: 'pki/etcd/ca.crt' }, /^client: (self-signed|unable to)/],
]

for (const algorithm of ALGORITHMS) {
  const facts = {
    nodeName: 'cp-1',
    advertiseAddress: '10.0.0.10',
    encryptionAlgorithm: algorithm,
    etcdPeerCertSans: ['etcd.example.org'],
  }
  const make = () => makeTree(facts, { clock: () => new Date(), generateKeyPair: pooledKeyPair })
  let tree: Promise<Files> | undefined

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${algorithm}, ${version}: all who belong together talk`, async () => {
      tree ??= make()
      const files = await tree
      for (const [what, parties, client, server] of ACCEPTED)
        assert.equal(await shakeHands(files, files, parties, version), { client, server }, what)
    })
  }

  test(`${algorithm}: strangers are refused`, async () => {
    tree ??= make()
    const files = await tree
    for (const [what, parties, by] of REFUSED) {
      const outcome = await shakeHands(files, files, parties, 'TLSv1.2')
      assert.is(outcome.client, 'refused', what)
      assert.match(outcome.server, by, what)
    }
  })
}

test('two clusters with the same names do not trust each other', async () => {
  const facts = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' }
  const [one, other] = await Promise.all([1, 2].map(() => makeTree(facts, { clock: () => new Date() })))
  if (!one || !other) throw new Error('no trees')
  const outcome = await shakeHands(one, other, API, 'TLSv1.2')
  assert.is(outcome.client, 'refused')
  assert.match(outcome.server, /self-signed|SELF_SIGNED|signature|SIGNATURE/)
})

test.run()
