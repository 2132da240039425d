/** kpki and kubeadm v1.20.2 look for the same cluster, and come to the same end. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TestCa } from '../support/lying-server.js'
import { type Cluster, testWithCluster } from './cluster.js'
import { type Host, must, type Said, until } from './host.js'
import { kube } from './programs.js'

const TOKEN = 'disco1.0123456789abcdef'
const OTHER_PIN = `sha256:${'0'.repeat(64)}`

interface Place {
  readonly cluster: Cluster
  /** Where somebody wants to join. */
  readonly joiner: Host
  readonly pin: string
}

let place: Promise<Place> | undefined

/** The cluster set up for bootstrap tokens by the real kubeadm, and a host that wants to join it. */
function prepare(cluster: Cluster): Promise<Place> {
  place ??= (async () => {
    const config = join(cluster.host.data, 'bootstrap.yaml')
    writeFileSync(
      config,
      `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration: {name: cp-1, criSocket: /run/containerd/containerd.sock}
localAPIEndpoint: {advertiseAddress: ${cluster.address}}
bootstrapTokens: [{token: ${TOKEN}, ttl: 1h0m0s}]
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: ${cluster.address}:6443
`,
    )
    await must(cluster.kubeadm('init', 'phase', 'upload-config', 'kubeadm', '--config', config))
    // It writes the ConfigMap that who joins reads, and then waits for a Node, of which there is none.
    const kubelet = ['init', 'phase', 'upload-config', 'kubelet', '--config', config]
    await cluster.host.run(kube('kubeadm'), kubelet, { timeoutSeconds: 8 })
    await must(cluster.kubeadm('init', 'phase', 'bootstrap-token', '--config', config))
    await until('the token signs', 60, () => signedWith(cluster, TOKEN, true))
    const pin = (await must(cluster.kpki('hash'))).trim()
    return { cluster, joiner: await cluster.addHost('w-1'), pin }
  })()
  return place
}

async function signedWith(cluster: Cluster, token: string, wanted: boolean): Promise<void> {
  const json = await must(cluster.kubectl('-n', 'kube-public', 'get', 'configmap', 'cluster-info', '-o', 'json'))
  const { data } = JSON.parse(json) as { data: Record<string, string> }
  assert.is(Object.hasOwn(data, `jws-kubeconfig-${token.slice(0, 6)}`), wanted)
}

interface Attempt {
  readonly server: string
  readonly token: string
  readonly pin: string
}

/** `kpki hash verify` and `kubeadm join phase preflight` from the same host, with the same words. */
async function both({ joiner }: Place, { server, token, pin }: Attempt): Promise<{ kpki: Said; kubeadm: Said }> {
  const config = join(joiner.data, 'join.yaml')
  writeFileSync(
    config,
    `apiVersion: kubeadm.k8s.io/v1beta2
kind: JoinConfiguration
nodeRegistration: {name: w-1, criSocket: /run/containerd/containerd.sock}
discovery:
  timeout: 3s
  tlsBootstrapToken: ${token}
  bootstrapToken: {apiServerEndpoint: "${server}", token: ${token}, caCertHashes: ["${pin}"]}
`,
  )
  const args = ['join', 'phase', 'preflight', '--config', config, '--ignore-preflight-errors=all']
  const kubeadm = await joiner.run(kube('kubeadm'), args)
  const file = join(joiner.data, 'token')
  writeFileSync(file, `${token}\n`)
  const kpki = await joiner.kpki('hash', 'verify', pin, '--server', server, '--token-file', file, '--timeout', '3s')
  return { kpki, kubeadm }
}

const REFUSED = "couldn't validate the identity of the API Server"

testWithCluster(test, 'the cluster is found by both', async cluster => {
  const at = await prepare(cluster)
  const before = cluster.audit().length
  const { kpki, kubeadm } = await both(at, { server: `${cluster.address}:6443`, token: TOKEN, pin: at.pin })
  assert.equal([kubeadm.status, kpki.status, kpki.stderr], [0, 0, ''], `${kubeadm.stderr}\n${kpki.stdout}`)
  assert.match(kpki.stdout, `verified: ${cluster.server}\n`)
  // Nobody has shown the token: all that was asked for cluster-info was asked by anybody.
  const asked = cluster
    .audit()
    .slice(before)
    // Every request is there twice: when it came in, and when it was answered.
    .filter(({ requestURI, responseStatus }) => requestURI.includes('/configmaps/cluster-info') && responseStatus)
    .map(({ user, userAgent }) => [user.username, /kubeadm|Go-http/.test(userAgent ?? '')])
  assert.equal(
    asked.filter(([, isKubeadm]) => !isKubeadm),
    [
      ['system:anonymous', false],
      ['system:anonymous', false],
    ],
  )
})

testWithCluster(test, 'by name and address the answers are as structured output has them', async cluster => {
  const { joiner, pin } = await prepare(cluster)
  const args = ['hash', 'verify', pin, '--server', cluster.server, '--token', TOKEN, '-o', 'json']
  const { kind, verified, matches, clusterServer, steps } = JSON.parse(await must(joiner.kpki(...args)))
  assert.equal([kind, verified, matches, clusterServer], ['ClusterVerification', true, true, cluster.server])
  assert.equal(
    steps.map(({ result }: { result: string }) => result),
    Array(9).fill('ok'),
  )
  const handshake = steps.find(({ name }: { name: string }) => name === 'tls').details
  assert.equal([handshake.subject, handshake.issuer], ['CN=kube-apiserver', 'CN=kubernetes'])
  for (const name of ['cp-1', 'kubernetes', 'localhost', cluster.address]) assert.ok(handshake.names.includes(name))
})

testWithCluster(test, 'a pin of this cluster, out of everything that has its CA', async cluster => {
  const { joiner, pin } = await prepare(cluster)
  const fromServer = await joiner.kpki('hash', `${cluster.address}:6443`)
  assert.is(fromServer.stdout, `${pin}\n`)
  assert.match(fromServer.stderr, 'is not verified')
  await until('the root CA is published', 30, () =>
    must(cluster.kubectl('-n', 'kube-public', 'get', 'configmap', 'kube-root-ca.crt')),
  )
  for (const [what, format] of [
    ['cluster-info', 'yaml'],
    ['cluster-info', 'json'],
    ['kube-root-ca.crt', 'yaml'],
    ['kube-root-ca.crt', 'json'],
  ] as const) {
    const file = join(joiner.data, `manifest.${format}`)
    writeFileSync(file, await must(cluster.kubectl('-n', 'kube-public', 'get', 'configmap', what, '-o', format)))
    assert.is(await must(joiner.kpki('hash', file)), `${pin}\n`, `${what} ${format}`)
  }
  // Of service accounts, v1.20 has Secrets with the CA.
  const secrets = join(joiner.data, 'secrets.yaml')
  await until('a service account has a token', 30, async () => {
    const type = 'type=kubernetes.io/service-account-token'
    const yaml = await must(
      cluster.kubectl('-n', 'kube-public', 'get', 'secret', '--field-selector', type, '-o', 'yaml'),
    )
    assert.match(yaml, 'ca.crt')
    writeFileSync(secrets, yaml)
  })
  assert.is(await must(joiner.kpki('hash', secrets)), `${pin}\n`)
})

testWithCluster(test, 'another pin is refused by both', async cluster => {
  const at = await prepare(cluster)
  const { kpki, kubeadm } = await both(at, { server: `${cluster.address}:6443`, token: TOKEN, pin: OTHER_PIN })
  assert.match(kubeadm.stderr, /none of the public keys .* are pinned/)
  assert.match(kubeadm.stderr, at.pin)
  assert.is(kpki.status, 3)
  assert.match(kpki.stdout, /^FAILED pin: /m)
  assert.match(kpki.stdout, at.pin)
})

testWithCluster(test, 'a token that nobody knows, and one with another secret, are refused by both', async cluster => {
  const at = await prepare(cluster)
  const server = `${cluster.address}:6443`
  const unknown = await both(at, { server, token: 'nobody.0123456789abcdef', pin: at.pin })
  assert.match(unknown.kubeadm.stderr, 'could not find a JWS signature')
  assert.is(unknown.kpki.status, 1)
  assert.match(unknown.kpki.stdout, /^FAILED token: /m)
  assert.match(unknown.kpki.stdout, /signed with [a-z0-9, \n]*disco1/)
  assert.match(unknown.kpki.stdout, /^ok pin: /m)
  const mistyped = await both(at, { server, token: 'disco1.fedcba9876543210', pin: at.pin })
  assert.match(mistyped.kubeadm.stderr, 'failed to verify JWS signature')
  assert.is(mistyped.kpki.status, 1)
  assert.match(mistyped.kpki.stdout, /^FAILED signature: /m)
})

testWithCluster(
  test,
  'a token that has expired is refused by both, once the controllers have seen it',
  async cluster => {
    const at = await prepare(cluster)
    const token = 'expire.0123456789abcdef'
    await must(cluster.kubeadm('token', 'create', token, '--ttl', '8s', '--kubeconfig', '/etc/kubernetes/admin.conf'))
    await until('it signs', 30, () => signedWith(cluster, token, true))
    await until('it does so no more', 60, () => signedWith(cluster, token, false))
    const { kpki, kubeadm } = await both(at, { server: `${cluster.address}:6443`, token, pin: at.pin })
    assert.match(kubeadm.stderr, REFUSED)
    assert.is(kpki.status, 1)
    assert.match(kpki.stdout, /^FAILED token: /m)
    assert.match(kpki.stdout, 'expired')
  },
)

/** Ends TLS with a certificate of its own, and asks the real API server for every answer. */
const INTERCEPTOR = `
const https = require('node:https')
const [, dir, upstream] = process.argv
const fs = require('node:fs')
const options = { cert: fs.readFileSync(dir + '/mitm.crt'), key: fs.readFileSync(dir + '/mitm.key') }
https.createServer(options, (request, response) => {
  const { method, url, headers } = request
  const answer = https.request(upstream + url, { method, headers, rejectUnauthorized: false }, said => {
    response.writeHead(said.statusCode, said.headers)
    said.pipe(response)
  })
  answer.on('error', () => response.destroy())
  request.pipe(answer)
}).listen(6443)`

/** Hands every byte on. */
const FORWARDER = `
const net = require('node:net')
net.createServer(here => {
  const there = net.connect(6443, process.argv[1])
  here.on('error', () => there.destroy())
  there.on('error', () => here.destroy())
  here.pipe(there).pipe(here)
}).listen(6443)`

async function addressOf(host: Host): Promise<string> {
  const said = await must(host.run('ip', ['-4', '-o', 'address', 'show', 'dev', 'eth0']))
  return /inet ([0-9.]+)/.exec(said)?.[1] ?? ''
}

testWithCluster(test, 'somebody in between who ends TLS is found out by both', async cluster => {
  const at = await prepare(cluster)
  const host = await cluster.addHost('mitm')
  const address = await addressOf(host)
  const { cert, key } = await (await TestCa.create('Example Inspection')).issue({ ipAddresses: [address] })
  writeFileSync(join(host.data, 'mitm.crt'), cert)
  writeFileSync(join(host.data, 'mitm.key'), key)
  host.daemon('interceptor', process.execPath, ['-e', INTERCEPTOR, host.data, cluster.server])
  try {
    await until('it listens', 20, () => must(at.joiner.kpki('hash', `${address}:6443`)))
    const { kpki, kubeadm } = await both(at, { server: `${address}:6443`, token: TOKEN, pin: at.pin })
    assert.match(kubeadm.stderr, 'x509: certificate signed by unknown authority')
    assert.is(kpki.status, 1)
    assert.match(kpki.stdout, /^ok signature: /m)
    assert.match(kpki.stdout, /^ok pin: /m)
    assert.match(kpki.stdout, /^FAILED verified-tls: /m)
    assert.match(kpki.stdout, 'CN=Example Inspection')
    assert.match(kpki.stderr, 'KPKI_TLS_UNTRUSTED')
  } finally {
    await host.close()
  }
})

testWithCluster(
  test,
  'an address that the certificate is not for is refused by both, and the names are said',
  async cluster => {
    const at = await prepare(cluster)
    const host = await cluster.addHost('balancer')
    const address = await addressOf(host)
    host.daemon('forwarder', process.execPath, ['-e', FORWARDER, cluster.address])
    try {
      await until('it listens', 20, () => must(at.joiner.kpki('hash', `${address}:6443`)))
      const { kpki, kubeadm } = await both(at, { server: `${address}:6443`, token: TOKEN, pin: at.pin })
      assert.match(kubeadm.stderr, /x509: certificate is valid for .*, not /)
      assert.is(kpki.status, 1)
      assert.match(kpki.stdout, /^FAILED verified-tls: /m)
      assert.match(kpki.stdout.replaceAll('\n  ', ' '), `, and not for ${address}`)
      assert.match(kpki.stderr, 'KPKI_TLS_NAME')
    } finally {
      host.close()
    }
  },
)

testWithCluster(test, 'without the rule that everybody may read cluster-info, that is said', async cluster => {
  const at = await prepare(cluster)
  const names = ['-n', 'kube-public', 'rolebinding', 'kubeadm:bootstrap-signer-clusterinfo'] as const
  const kept = await must(cluster.kubectl('get', ...names, '-o', 'json'))
  await must(cluster.kubectl('delete', ...names))
  try {
    const attempt = { server: `${cluster.address}:6443`, token: TOKEN, pin: at.pin }
    const { kpki, kubeadm } = await both(at, attempt)
    assert.match(kubeadm.stderr, 'forbidden')
    assert.is(kpki.status, 1)
    assert.match(kpki.stderr, 'KPKI_API_FORBIDDEN')
    assert.match(kpki.stdout, 'kubeadm:bootstrap-signer-clusterinfo')
  } finally {
    const { metadata, ...object } = JSON.parse(kept)
    await cluster.apply(JSON.stringify({ ...object, metadata: { name: metadata.name, namespace: metadata.namespace } }))
  }
})

testWithCluster(test, 'what kpki publishes is found by both, signed by the real controller', async cluster => {
  const at = await prepare(cluster)
  await must(cluster.kubectl('-n', 'kube-public', 'delete', 'configmap', 'cluster-info'))
  const made = ['--ttl', '1h', '--discovery-objects', '--kubernetes-version', 'v1.20.2'] as const
  const token = (await must(cluster.kpki('token', 'create', ...made))).trim()
  // Longer than the 3 seconds of the two: what is not there yet is waited for.
  const file = join(at.joiner.data, 'token')
  writeFileSync(file, token)
  const { address } = cluster
  const args = ['hash', 'verify', at.pin, '--server', `${address}:6443`, '--token-file', file, '--timeout', '1m']
  assert.match(await must(at.joiner.kpki(...args)), /^ok unchanged: /m)
  const { kpki, kubeadm } = await both(at, { server: `${address}:6443`, token, pin: at.pin })
  assert.equal([kubeadm.status, kpki.status], [0, 0], kubeadm.stderr)
})

testWithCluster(test, 'nobody listens', async cluster => {
  const { joiner, pin } = await prepare(cluster)
  const said = await joiner.kpki('hash', 'verify', pin, '--server', `${cluster.address}:1`, '--timeout', '2s')
  assert.is(said.status, 1)
  assert.match(said.stdout, /^FAILED connect: /m)
  assert.match(said.stderr, 'KPKI_NET_UNREACHABLE')
  assert.ok(readFileSync(join(joiner.data, 'token')).length > 0)
})

test.run()
