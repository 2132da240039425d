/** Kubernetes' own client for JavaScript reads of kubeconfigs to connect with what we read of them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { stringify } from 'yaml'
import { readClusterConnection } from '../../lib/access/kubeconfig-connection.js'
import { testWithClient } from '../support/client-node.js'
import { inTempDir } from '../support/temp.js'
import { vector } from '../vectors/read.js'

const CA = vector('kubeadm/v1.20.2/pki/ca.crt')
const CERT = vector('kubeadm/v1.20.2/pki/apiserver-kubelet-client.crt')
const KEY = vector('kubeadm/v1.20.2/pki/apiserver-kubelet-client.key')
const base64 = (text: string) => Buffer.from(text).toString('base64')

type Fields = Readonly<Record<string, unknown>>

const within = { 'client-certificate-data': base64(CERT), 'client-key-data': base64(KEY) }
const beside = { 'client-certificate': 'pki/jane.crt', 'client-key': './pki/jane.key' }
// Without tokenFile and as-groups, which it does not know; kubectl is asked for those (test/e2e/api-client.test.ts).
const CONFIGS: readonly (readonly [what: string, cluster: Fields, user: Fields])[] = [
  ['a pair within', { 'certificate-authority-data': base64(CA) }, within],
  ['a pair beside', { 'certificate-authority': 'pki/ca.crt' }, beside],
  ['a token', { 'certificate-authority-data': base64(CA) }, { token: 'abc.def-ghi' }],
  ['a password', { 'certificate-authority-data': base64(CA) }, { username: 'jane', password: 'hünter:2' }],
  ['somebody else', { 'certificate-authority-data': base64(CA) }, { ...within, as: 'joe' }],
  ['a server name', { 'certificate-authority-data': base64(CA), 'tls-server-name': 'kubernetes' }, within],
  ['insecure', { 'insecure-skip-tls-verify': true }, { token: 'abc' }],
  ['the CAs of the host', {}, { token: 'abc' }],
  ['a proxy', { 'proxy-url': 'http://jane:hunter2@p:3128' }, { token: 'abc' }],
]

for (const [what, cluster, user] of CONFIGS) {
  testWithClient(test, what, async ({ KubeConfig }) => {
    await inTempDir(async folder => {
      mkdirSync(join(folder, 'pki'))
      const files = { 'pki/ca.crt': CA, 'pki/jane.crt': CERT, 'pki/jane.key': KEY }
      for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content)
      const text = stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.10:6443', ...cluster } }],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'web' } }],
        'current-context': 'x',
      })
      const path = join(folder, 'config')
      writeFileSync(path, text)
      const ours = await readClusterConnection(text, { folder, readFile: file => readFile(file) })

      const config = new KubeConfig()
      config.loadFromFile(path)
      const theirs = await config.applyToFetchOptions({})
      const options: {
        ca?: unknown
        cert?: unknown
        key?: unknown
        rejectUnauthorized?: boolean
        servername?: string
      } = {}
      await config.applyToHTTPSOptions(options)
      const header = (name: string) => (theirs.headers as { get(name: string): string | null }).get(name) ?? undefined
      const pem = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : undefined)
      assert.equal(
        {
          server: ours.server,
          ca: ours.caPem,
          cert: ours.client?.certificatePem,
          key: ours.client?.keyPem,
          isInsecure: ours.isInsecure,
          serverName: ours.serverName,
          proxy: ours.proxyUrl,
          authorization: ours.authorization,
          user: ours.impersonation?.user,
          namespace: ours.namespace,
        },
        {
          server: config.getCurrentCluster()?.server,
          ca: pem(options.ca),
          cert: pem(options.cert),
          key: pem(options.key),
          isInsecure: options.rejectUnauthorized === false,
          serverName: options.servername,
          proxy: config.getCurrentCluster()?.proxyUrl,
          authorization: header('authorization'),
          user: header('impersonate-user'),
          namespace: config.getContextObject('x')?.namespace,
        },
      )
    })()
  })
}

test.run()
