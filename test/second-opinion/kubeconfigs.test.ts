/** Kubernetes' own client for JavaScript reads our kubeconfigs and is let in with them. */
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clientNode as kubernetes, testWithClient } from '../support/client-node.js'
import { type Files, fileOf, makeTree, pooledKeyPair } from './trees.js'

/** File, user, and who the server is to see. */
const IDENTITIES: readonly (readonly [file: string, user: string, subject: Readonly<Record<string, string>>])[] = [
  ['admin.conf', 'kubernetes-admin', { O: 'kubeadm:cluster-admins', CN: 'kubernetes-admin' }],
  ['super-admin.conf', 'kubernetes-super-admin', { O: 'system:masters', CN: 'kubernetes-super-admin' }],
  ['kubelet.conf', 'system:node:cp-1', { O: 'system:nodes', CN: 'system:node:cp-1' }],
  ['controller-manager.conf', 'system:kube-controller-manager', { CN: 'system:kube-controller-manager' }],
  ['scheduler.conf', 'system:kube-scheduler', { CN: 'system:kube-scheduler' }],
]

/** A stand-in for an API server: asks for a certificate of its CA and says whose it got. */
async function apiServer(algorithm: string): Promise<{ server: Server; files: Files; port: number; seen: object[] }> {
  const seen: object[] = []
  const server = createServer({ requestCert: true, rejectUnauthorized: true }, (request, response) => {
    seen.push({ ...(request.socket as TLSSocket).getPeerCertificate().subject })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ kind: 'NamespaceList', apiVersion: 'v1', metadata: {}, items: [] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const files = await makeTree(
    { nodeName: 'cp-1', advertiseAddress: '127.0.0.1', bindPort: port, encryptionAlgorithm: algorithm },
    { clock: () => new Date(), generateKeyPair: pooledKeyPair },
  )
  server.setSecureContext({
    cert: fileOf(files, 'pki/apiserver.crt'),
    key: fileOf(files, 'pki/apiserver.key'),
    ca: fileOf(files, 'pki/ca.crt'),
  })
  return { server, files, port, seen }
}

function clientOf(text: string): { client: CoreV1Api; config: KubeConfig } {
  if (!kubernetes) throw new Error('no client')
  const config = new kubernetes.KubeConfig()
  config.loadFromString(text)
  return { client: config.makeApiClient(kubernetes.CoreV1Api), config }
}

for (const algorithm of ['RSA-2048', 'ECDSA-P256', 'ECDSA-P384']) {
  testWithClient(
    test,
    `${algorithm}: every kubeconfig opens a server that wants certificates, as the one it is for`,
    async () => {
      const { server, files, port, seen } = await apiServer(algorithm)
      try {
        for (const [file, user, subject] of IDENTITIES) {
          const { client, config } = clientOf(fileOf(files, file))
          assert.is(config.getCurrentContext(), `${user}@kubernetes`)
          assert.equal(
            config.getContexts().map(({ cluster, user: name }) => ({ cluster, user: name })),
            [{ cluster: 'kubernetes', user }],
          )
          assert.is(config.getCurrentCluster()?.server, `https://127.0.0.1:${port}`)
          assert.is(config.getCurrentCluster()?.skipTLSVerify, false)
          assert.equal((await client.listNamespace()).items, [])
          assert.equal(seen.pop(), subject, file)
        }
      } finally {
        server.close()
      }
    },
  )
}

testWithClient(test, 'a kubeconfig of another cluster neither trusts the server nor is trusted', async () => {
  const { server, files, port, seen } = await apiServer('ECDSA-P256')
  try {
    const other = await makeTree(
      { nodeName: 'cp-1', advertiseAddress: '127.0.0.1', bindPort: port, encryptionAlgorithm: 'ECDSA-P256' },
      { clock: () => new Date() },
    )
    const refusal = async (text: string) => {
      try {
        await clientOf(text).client.listNamespace()
      } catch (error) {
        const causes: string[] = []
        for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause.message)
        return causes.join(': ')
      }
      return 'let in'
    }
    assert.match(await refusal(fileOf(other, 'admin.conf')), /unable to verify|self.signed|UNABLE_TO_VERIFY|signature/i)
    const field = (text: string) => /certificate-authority-data: (.*)/.exec(text)?.[1] ?? ''
    const [mine, theirs] = [fileOf(files, 'admin.conf'), fileOf(other, 'admin.conf')]
    const stranger = theirs.replace(field(theirs), field(mine))
    assert.match(await refusal(stranger), /alert|ECONNRESET|hang up|EPIPE|other side closed/i)
    assert.equal(seen, [])
  } finally {
    server.close()
  }
})

test.run()
