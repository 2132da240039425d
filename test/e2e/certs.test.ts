// The Secret kubeadm-certs between kpki and the real kubeadm, both ways, and its end by the real controllers.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFiles } from '../../lib/access/kubeadm-certs.js'
import { type Cluster, testWithCluster } from './cluster.js'
import { type Host, KPKI, must, run, scratch, until } from './host.js'
import { kube, testWithAll } from './programs.js'

const PATHS = sharedFiles().map(({ path = '' }) => path)
const SECRET = ['-n', 'kube-system', 'get', 'secret', 'kubeadm-certs'] as const

/** Every shared file of a tree is that of the cluster's first host, to the byte. */
function assertSame(cluster: Cluster, tree: string): void {
  for (const path of PATHS) assert.is(readFileSync(join(tree, path), 'latin1'), cluster.file(path), path)
}

/** What a host needs to find beside the Secret: cluster-info, kubeadm-config, a token; all by the real kubeadm. */
async function openCluster(cluster: Cluster): Promise<string> {
  const config = join(cluster.host.data, 'kubeadm.yaml')
  // kubeadm writes its CRI socket to the node, which no kubelet has made here.
  const { name } = cluster.host
  const metadata = { name, labels: { 'kubernetes.io/hostname': name } }
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata }))
  await must(cluster.kubeadm('init', 'phase', 'upload-config', 'all', '--config', config))
  await must(cluster.kubectl('delete', 'node', name))
  await must(cluster.kubeadm('init', 'phase', 'bootstrap-token', '--config', config, '--skip-token-print'))
  return (await must(cluster.kubeadm('token', 'create'))).trim()
}

/** The real kubeadm fetches the files into a new host. */
async function kubeadmDownloads(cluster: Cluster, host: Host, token: string, key: string): Promise<void> {
  const pin = (await must(cluster.kpki('hash'))).trim()
  const trust = ['--token', token, '--discovery-token-ca-cert-hash', pin]
  const endpoint = cluster.server.replace('https://', '')
  const phase = ['join', 'phase', 'control-plane-prepare', 'download-certs', endpoint, '--control-plane']
  await must(host.run(kube('kubeadm'), [...phase, ...trust, '--certificate-key', key]))
}

testWithCluster(test, 'the real kubeadm join downloads what kpki uploaded, live and as a manifest', async cluster => {
  const token = await openCluster(cluster)
  const live = (await must(cluster.kpki('certs', 'upload'))).trim()
  assert.match(live, /^[0-9a-f]{64}$/)
  const one = await cluster.addHost('certs-1')
  await kubeadmDownloads(cluster, one, token, live)
  assertSame(cluster, one.tree)
  await one.close()

  await must(cluster.kubectl('-n', 'kube-system', 'delete', 'secret', 'kubeadm-certs'))
  const key = join(cluster.host.data, 'manifest.key')
  const manifest = await must(cluster.kpki('certs', 'upload', '--certificate-key-out', key, '-o', 'yaml'))
  await cluster.apply(manifest)
  const two = await cluster.addHost('certs-2')
  await kubeadmDownloads(cluster, two, token, readFileSync(key, 'utf8').trim())
  assertSame(cluster, two.tree)
  await two.close()
})

testWithCluster(
  test,
  'kpki downloads what the real kubeadm uploaded, from the cluster and from a file',
  async cluster => {
    const said = await must(cluster.kubeadm('init', 'phase', 'upload-certs', '--upload-certs'))
    const key = /^[0-9a-f]{64}$/m.exec(said)?.[0] ?? ''
    const keyFile = join(cluster.host.data, 'kubeadm.key')
    writeFileSync(keyFile, `${key}\n`, { mode: 0o600 })
    const [live, file] = ['live', 'file'].map(name => join(cluster.host.data, `certs-${name}`))
    const download = ['certs', 'download', '--certificate-key-file', keyFile]
    const admin = ['--kubeconfig', '/etc/kubernetes/admin.conf']
    await must(cluster.kpki(...download, ...admin, '--dir', live ?? ''))
    assertSame(cluster, live ?? '')
    for (const path of PATHS)
      assert.is(statSync(join(live ?? '', path)).mode & 0o777, path.endsWith('.key') ? 0o600 : 0o644, path)
    const manifest = join(cluster.host.data, 'kubeadm-certs.yaml')
    writeFileSync(manifest, await must(cluster.kubectl(...SECRET, '-o', 'yaml')))
    await must(cluster.kpki(...download, '--from', manifest, '--dir', file ?? ''))
    assertSame(cluster, file ?? '')
    const wrong = await cluster.kpki(
      'certs',
      'download',
      ...admin,
      '--certificate-key',
      'a'.repeat(64),
      '--dir',
      `${file}-2`,
    )
    assert.is(wrong.status, 1)
    assert.match(wrong.stderr, 'the certificate key is not the one it was encrypted with, or the value was changed')
  },
)

testWithCluster(test, 'an upload over one of kubeadm replaces it, with what programs are told', async cluster => {
  await must(cluster.kubeadm('init', 'phase', 'upload-certs', '--upload-certs'))
  const admin = ['--kubeconfig', '/etc/kubernetes/admin.conf']
  const { action, tokenId, certificateKey, server, items } = JSON.parse(
    await must(cluster.kpki('certs', 'upload', ...admin, '-o', 'json')),
  )
  assert.equal([action, server, items.length], ['replaced', cluster.server, 8])
  const { metadata, type, data } = JSON.parse(await must(cluster.kubectl(...SECRET, '-o', 'json')))
  const owner = JSON.parse(
    await must(cluster.kubectl('-n', 'kube-system', 'get', 'secret', `bootstrap-token-${tokenId}`, '-o', 'json')),
  )
  assert.equal(metadata.ownerReferences, [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      name: `bootstrap-token-${tokenId}`,
      uid: owner.metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ])
  assert.equal([type, Object.keys(data).length], ['Opaque', 8])
  // As kubeadm lists its own: no usages, no groups.
  const list = await must(cluster.kubeadm('token', 'list'))
  assert.match(
    list,
    new RegExp(`^${tokenId}\\..*<none>\\s+Proxy for managing TTL for the kubeadm-certs secret\\s+<none>`, 'm'),
  )
  const target = join(cluster.host.data, 'certs-replaced')
  await must(cluster.kpki('certs', 'download', ...admin, '--certificate-key', certificateKey, '--dir', target))
  assertSame(cluster, target)
  const dry = await must(cluster.kpki('certs', 'upload', ...admin, '--dry-run', '-o', 'json'))
  assert.equal([JSON.parse(dry).action, JSON.parse(dry).dryRun], ['replaced', true])
})

testWithCluster(
  test,
  'the Secret ends with its token: the real token cleaner, then the garbage collector',
  async cluster => {
    // As if it had been uploaded two hours ago, but for some seconds.
    const uploaded = new Date(Date.now() - 2 * 3600_000 + 8_000).toISOString()
    await must(cluster.kpki('certs', 'upload', '--now', uploaded))
    assert.is((await cluster.kubectl(...SECRET)).status, 0)
    await until('kubeadm-certs is gone', 60, async () => {
      const said = await cluster.kubectl(...SECRET)
      if (said.status === 0) throw new Error('it is still there')
      assert.match(said.stderr, 'NotFound')
    })
    const late = await cluster.kpki('certs', 'download', '--certificate-key', 'a'.repeat(64), '--dir', '/etc/none')
    assert.is(late.status, 1)
    assert.match(late.stderr, 'it ends two hours after its upload')
  },
)

testWithCluster(
  test,
  'the key is in nothing that was said but the key itself, and not in the audit log',
  async cluster => {
    const key = (await must(cluster.kpki('certs', 'key'))).trim()
    const file = join(cluster.host.data, 'given.key')
    writeFileSync(file, `${key}\n`, { mode: 0o600 })
    const { status, stdout, stderr } = await cluster.kpki('certs', 'upload', '--certificate-key-file', file)
    assert.equal([status, stdout], [0, ''])
    assert.match(stderr, /^kpki: 8 files are in Secret kube-system\/kubeadm-certs of https:\/\/\S+, until \S+Z\n$/)
    assert.not.ok(readFileSync(join(cluster.host.data, 'audit.log'), 'utf8').includes(key))
  },
)

// Two locks and eight files take their names by a link each; between two links lie all the states of a tree.
testWithAll(
  ['strace'],
  test,
  'a download that is killed leaves whole files only, and the next one completes it',
  async () => {
    const base = scratch('certs')
    const [one, key, manifest] = ['one', 'cert.key', 'certs.yaml'].map(name => join(base, name)) as [
      string,
      string,
      string,
    ]
    const kpki = (...args: readonly string[]) => run(process.execPath, [KPKI, ...args])
    const facts = ['--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10']
    await must(kpki('gen', 'all', '--dir', one, ...facts, '--encryption-algorithm', 'ECDSA-P256'))
    writeFileSync(
      manifest,
      await must(kpki('certs', 'upload', '--dir', one, '--certificate-key-out', key, '-o', 'yaml')),
    )
    for (let number = 1; number <= 2 + PATHS.length; number++) {
      const two = join(base, String(number))
      const download = ['certs', 'download', '--from', manifest, '--certificate-key-file', key, '--dir', two]
      const inject = ['-e', 'trace=link', '-e', `inject=link:signal=KILL:when=${number}`]
      const traced = ['-f', '-qq', '-o', '/dev/null', ...inject, process.execPath, KPKI, ...download]
      assert.is.not((await run('strace', traced, { env: { UV_THREADPOOL_SIZE: '1' } })).status, 0, `link ${number}`)
      const left = PATHS.filter(path => existsSync(join(two, path)))
      assert.equal(left, PATHS.slice(0, Math.max(0, number - 3)), `link ${number}`)
      for (const path of left)
        assert.is(readFileSync(join(two, path), 'latin1'), readFileSync(join(one, path), 'latin1'), path)
      assert.match(await must(kpki(...download)), `Done: ${PATHS.length - left.length} made`)
      const all = readdirSync(two, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
      assert.is(all.length, PATHS.length, all.map(({ name }) => name).join())
    }
  },
)

test.run()
