/** Bootstrap tokens with kubeadm, kube-apiserver and the controller manager v1.20.2: each takes what the other made. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'
import { parseBootstrapToken } from '../../lib/access/bootstrap-token.js'
import { signDetached } from '../../lib/access/detached-jws.js'
import { testContext } from '../support/context.js'
import { type Cluster, testWithCluster } from './cluster.js'
import { must, type Said, until } from './host.js'
import { kube } from './programs.js'

const test = suite('tokens')
const ADMIN = ['--kubeconfig', '/etc/kubernetes/admin.conf']
const VERSION = ['--kubernetes-version', 'v1.20.2']
const PIN = /sha256:[0-9a-f]{64}/

interface Item {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly data?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

const idOf = (token: string) => token.split('.')[0] ?? ''
const kubeadm = (cluster: Cluster, ...args: string[]) => must(cluster.kubeadm(...args, ...ADMIN))
const said = ({ stdout, stderr, status }: Said) => `${status}: ${stdout}${stderr}`
/** A token that no other test has. */
const newToken = async (cluster: Cluster) => (await must(cluster.kpki('token', 'generate'))).trim()

async function get(cluster: Cluster, ...args: string[]): Promise<Item | undefined> {
  const { status, stdout, stderr } = await cluster.kubectl('get', '-o', 'json', ...args)
  if (status === 0) return JSON.parse(stdout) as Item
  assert.match(stderr, 'NotFound')
  return undefined
}

/** What kubeadm's phase makes beside tokens. */
const OBJECTS = [
  ['clusterrole', 'kubeadm:get-nodes'],
  ['clusterrolebinding', 'kubeadm:get-nodes'],
  ['clusterrolebinding', 'kubeadm:kubelet-bootstrap'],
  ['clusterrolebinding', 'kubeadm:node-autoapprove-bootstrap'],
  ['clusterrolebinding', 'kubeadm:node-autoapprove-certificate-rotation'],
  ['configmap', 'cluster-info', '-n', 'kube-public'],
  ['role', 'kubeadm:bootstrap-signer-clusterinfo', '-n', 'kube-public'],
  ['rolebinding', 'kubeadm:bootstrap-signer-clusterinfo', '-n', 'kube-public'],
] as const

/** The objects, without what the server and the bootstrapsigner add. */
async function snapshot(cluster: Cluster): Promise<readonly unknown[]> {
  const items = await Promise.all(OBJECTS.map(names => get(cluster, ...names)))
  return items.map(item => {
    if (!item) return undefined
    const { metadata, data, ...rest } = item
    const own = data && Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith('jws-')))
    return { ...rest, name: metadata.name, namespace: metadata.namespace, ...(own ? { data: own } : {}) }
  })
}

async function removeObjects(cluster: Cluster): Promise<void> {
  for (const names of OBJECTS) await must(cluster.kubectl('delete', '--ignore-not-found', ...names))
}

function writeConfig(cluster: Cluster, init = ''): string {
  const file = join(cluster.host.data, 'tokens.yaml')
  writeFileSync(
    file,
    `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration: {name: cp-1, criSocket: /run/containerd/containerd.sock}
localAPIEndpoint: {advertiseAddress: ${cluster.address}}
${init}---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: ${cluster.address}:6443
`,
  )
  return file
}

testWithCluster(test, 'what hosts find is made as kubeadm makes it, live, and by kubectl apply', async cluster => {
  await removeObjects(cluster)
  await kubeadm(cluster, 'init', 'phase', 'bootstrap-token', '--config', writeConfig(cluster), '--skip-token-print')
  const theirs = await snapshot(cluster)
  assert.ok(theirs.every(item => item !== undefined))
  await removeObjects(cluster)
  await must(cluster.kpki('token', 'create', '--discovery-objects', ...VERSION))
  assert.equal(await snapshot(cluster), theirs)
  await removeObjects(cluster)
  const printed = await must(cluster.kpki('token', 'create', '-o', 'yaml', '--discovery-objects', ...VERSION))
  assert.is((await snapshot(cluster)).filter(item => item !== undefined).length, 0)
  await cluster.apply(printed)
  assert.equal(await snapshot(cluster), theirs)
  // And once more over what is there.
  await must(cluster.kpki('token', 'create', '--discovery-objects', ...VERSION))
  assert.equal(await snapshot(cluster), theirs)
})

testWithCluster(test, 'a token of ours is signed for by the controller manager, with our very bytes', async cluster => {
  const token = (await must(cluster.kpki('token', 'create', '--ttl', '1h', '--description', 'ours'))).trim()
  const key = `jws-kubeconfig-${idOf(token)}`
  const info = await until('the bootstrapsigner has signed', 30, async () => {
    const { data } = (await get(cluster, 'configmap', 'cluster-info', '-n', 'kube-public')) ?? {}
    if (!data?.[key]) throw new Error(JSON.stringify(Object.keys(data ?? {})))
    return data
  })
  assert.is(info[key], await signDetached(info['kubeconfig'] ?? '', parseBootstrapToken(token), testContext()))
  const { items } = JSON.parse(await must(cluster.kpki('token', 'inspect', token, '-o', 'json')))
  assert.equal([items[0].clusterInfo, items[0].secretMatches, items[0].authentication], ['right', true, 'yes'])
  // It lets one in as somebody, as inspect says.
  const server = ['--server', cluster.server, '--certificate-authority', '/etc/kubernetes/pki/ca.crt']
  const asToken = (...args: string[]) =>
    cluster.host.run(kube('kubectl'), ['--kubeconfig', '/dev/null', ...server, '--token', token, ...args])
  assert.match(
    (await asToken('auth', 'can-i', 'create', 'certificatesigningrequests.certificates.k8s.io')).stdout,
    /^yes/,
  )
  assert.match((await asToken('get', 'secrets', '-A')).stderr, `User "${items[0].user.name}" cannot list`)
  // The Secret is kubeadm's: its real one reads it, and prints the same line.
  const secret = await get(cluster, 'secret', `bootstrap-token-${idOf(token)}`, '-n', 'kube-system')
  assert.is(secret?.['type'], 'bootstrap.kubernetes.io/token')
  const [line] = (await kubeadm(cluster, 'token', 'list')).split('\n').filter(text => text.startsWith(token))
  assert.match(line ?? '', /authentication,signing +ours /)
  await must(cluster.kpki('token', 'delete', token))
  assert.not.match(await kubeadm(cluster, 'token', 'list'), token)
})

testWithCluster(test, 'a token of kubeadm is listed, inspected and deleted', async cluster => {
  const token = (await kubeadm(cluster, 'token', 'create', '--description', 'theirs', '--ttl', '30m')).trim()
  const { items } = JSON.parse(await must(cluster.kpki('token', 'list', '-o', 'json')))
  const found = items.find((item: { token: string }) => item.token === token)
  assert.equal([found?.description, found?.signing, found?.expired], ['theirs', 'yes', false])
  const shown = await must(cluster.kpki('token', 'inspect', idOf(token)))
  assert.match(shown, /^description +theirs$/m)
  assert.not.match(shown, token.slice(7))
  assert.is(await must(cluster.kpki('token', 'delete', token)), `bootstrap token "${idOf(token)}" deleted\n`)
  const again = await cluster.kpki('token', 'delete', idOf(token))
  assert.is(again.status, 1, said(again))
  assert.match(again.stderr, `has no bootstrap token ${idOf(token)}`)
  const gone = await cluster.kpki('token', 'inspect', token)
  assert.is(gone.status, 1, said(gone))
  assert.not.match(gone.stderr, token.slice(7))
})

testWithCluster(test, 'the table is that of kubeadm, to the byte', async cluster => {
  await must(
    cluster.kpki('token', 'create', '--ttl', '0', '--description', 'for ever, and longer than the column is: ßü😀 …'),
  )
  await must(cluster.kpki('token', 'create', '--usages', 'signing', '--ttl', '9000h'))
  await must(
    cluster.kpki(
      'token',
      'create',
      '--usages',
      'authentication',
      '--groups',
      'system:bootstrappers:a,system:bootstrappers:b',
    ),
  )
  const bare = await newToken(cluster)
  await cluster.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `bootstrap-token-${idOf(bare)}`, namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: { 'token-id': idOf(bare), 'token-secret': bare.slice(7), description: `very ${'long '.repeat(30)}` },
    }),
  )
  // An hour may end between the two.
  await until('both say the same', 20, async () => {
    const theirs = await kubeadm(cluster, 'token', 'list')
    assert.is(await must(cluster.kpki('token', 'list')), theirs)
    assert.ok(theirs.split('\n').length > 4)
  })
})

testWithCluster(test, 'the Secret of ours is the one that kubeadm makes of the same wishes', async cluster => {
  const token = await newToken(cluster)
  const wishes = [
    '--ttl',
    '0',
    '--description',
    'the same',
    '--groups',
    'system:bootstrappers:x,system:bootstrappers:y',
  ]
  const read = async () => {
    const item = await get(cluster, 'secret', `bootstrap-token-${idOf(token)}`, '-n', 'kube-system')
    await must(cluster.kpki('token', 'delete', idOf(token)))
    return [item?.data, item?.['type']]
  }
  await kubeadm(cluster, 'token', 'create', token, ...wishes)
  const taken = await cluster.kpki('token', 'create', token, ...wishes)
  assert.is(taken.status, 1, said(taken))
  assert.match(taken.stderr, `has a token with id ${idOf(token)} already`)
  assert.not.match(taken.stderr, token.slice(7))
  const theirs = await read()
  await must(cluster.kpki('token', 'create', token, ...wishes))
  assert.equal(await read(), theirs)
  await cluster.apply(await must(cluster.kpki('token', 'create', token, ...wishes, '-o', 'json')))
  assert.equal(await read(), theirs)
})

testWithCluster(test, 'the tokens of a configuration are those that kubeadm makes of it', async cluster => {
  const [one, two] = [await newToken(cluster), await newToken(cluster)]
  const config = writeConfig(
    cluster,
    `bootstrapTokens:
- {token: ${one}, ttl: "0s", description: first}
- {token: ${two}, ttl: "0s", usages: [authentication]}
`,
  )
  const read = async () =>
    Promise.all(
      [one, two].map(async token => {
        const item = await get(cluster, 'secret', `bootstrap-token-${idOf(token)}`, '-n', 'kube-system')
        return item?.data
      }),
    )
  await kubeadm(cluster, 'token', 'create', '--config', config)
  const theirs = await read()
  await must(cluster.kpki('token', 'delete', one, two))
  assert.is(await must(cluster.kpki('token', 'create', '--config', config)), `${one}\n${two}\n`)
  assert.equal(await read(), theirs)
  await must(cluster.kpki('token', 'delete', one, two))
})

for (const [name, flags] of [
  ['a worker', []],
  ['a control plane', ['--certificate-key', '0123456789abcdef'.repeat(4)]],
] as const) {
  testWithCluster(test, `${name} joins by the command that kubeadm v1.20.2 prints, to the byte`, async cluster => {
    const token = await newToken(cluster)
    const theirs = await kubeadm(cluster, 'token', 'create', token, '--print-join-command', ...flags)
    await must(cluster.kpki('token', 'delete', idOf(token)))
    const ours = await must(cluster.kpki('token', 'create', token, '--print-join-command', ...flags, ...VERSION))
    assert.is(ours, theirs)
    assert.match(ours, PIN)
    await must(cluster.kpki('token', 'delete', idOf(token)))
  })
}

testWithCluster(test, 'a dry run asks, and makes nothing', async cluster => {
  const token = await newToken(cluster)
  const { status, stdout, stderr } = await cluster.kpki('token', 'create', token, '--dry-run')
  assert.equal([status, stdout], [0, `${token}\n`])
  assert.match(stderr, /dry run: nothing was changed/)
  assert.is(await get(cluster, 'secret', `bootstrap-token-${idOf(token)}`, '-n', 'kube-system'), undefined)
  await must(cluster.kpki('token', 'create', token))
  assert.is((await cluster.kpki('token', 'create', token, '--dry-run')).status, 1)
  assert.match(await must(cluster.kpki('token', 'delete', token, '--dry-run')), /would be deleted/)
  assert.match(await must(cluster.kpki('token', 'delete', token)), /deleted/)
})

testWithCluster(
  test,
  'what a secret ends with, ends it: an expired token is shown as one and lets nobody in',
  async cluster => {
    const token = (await must(cluster.kpki('token', 'create', '--ttl', '600s'))).trim()
    const later = new Date(Date.now() + 700_000).toISOString().replace(/\.\d+/, '')
    const { items } = JSON.parse(await must(cluster.kpki('token', 'inspect', token, '-o', 'json', '--now', later)))
    assert.equal([items[0].signing, items[0].authentication, items[0].expired], ['expired', 'expired', true])
    const short = (await must(cluster.kpki('token', 'create', '--ttl', '2s'))).trim()
    // The tokencleaner's work: what we write as the end is an end to it.
    await until('the cluster has deleted it', 60, async () => {
      assert.is(await get(cluster, 'secret', `bootstrap-token-${idOf(short)}`, '-n', 'kube-system'), undefined)
    })
    await must(cluster.kpki('token', 'delete', token))
  },
)

testWithCluster(test, 'kubeadm finds the cluster by our token, our cluster-info and our command', async cluster => {
  await removeObjects(cluster)
  const [command = ''] = (
    await must(cluster.kpki('token', 'create', '--discovery-objects', '--print-join-command', ...VERSION))
  ).split('\n')
  const [token = ''] = /[a-z0-9]{6}\.[a-z0-9]{16}/.exec(command) ?? []
  await until('the bootstrapsigner has signed', 30, async () => {
    const { items } = JSON.parse(await must(cluster.kpki('token', 'inspect', idOf(token), '-o', 'json')))
    assert.is(items[0].clusterInfo, 'right')
  })
  const worker = await cluster.addHost('w-1')
  try {
    const [, , ...args] = command.split(/ +/).filter(Boolean)
    const join = (...more: string[]) =>
      worker.run(kube('kubeadm'), [
        'join',
        'phase',
        'preflight',
        ...more,
        '--ignore-preflight-errors',
        'all',
        '-v',
        '1',
      ])
    const found = await join(...args)
    const text = said(found)
    // Behind discovery it wants kubeadm-config, which is of no concern here.
    assert.match(
      text,
      /validated against pinned public keys|TLS certificate validates against pinned roots|cluster info signature and contents are valid/i,
    )
    const [mistyped] = [...token.slice(0, 22), token.endsWith('a') ? 'b' : 'a'].join('').split(' ')
    const wrong = await worker.run(
      kube('kubeadm'),
      [
        'join',
        'phase',
        'preflight',
        ...args.map(word => (word === token ? (mistyped ?? '') : word)),
        '--ignore-preflight-errors',
        'all',
        '-v',
        '1',
      ],
      { timeoutSeconds: 20 },
    )
    assert.not.match(said(wrong), /signature and contents are valid/)
  } finally {
    await worker.close()
  }
})

testWithCluster(test, 'Secrets that are no tokens are named, and passed over', async cluster => {
  const wrong = { 'token-id': 'zzzzzz', 'token-secret': 'k3v9w2x7y1z5q8rt' }
  await cluster.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'bootstrap-token-yyyyyy', namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: wrong,
    }),
  )
  const { status, stdout, stderr } = await cluster.kpki('token', 'list')
  assert.is(status, 0)
  assert.match(stderr, '"bootstrap-token-yyyyyy" is misnamed')
  assert.not.match(stdout + stderr, wrong['token-secret'])
  const listed = parseAllDocuments(await must(cluster.kubectl('-n', 'kube-system', 'get', 'secret', '-o', 'yaml')))
  assert.is(listed.length, 1)
  // Saved by kubectl, read without the cluster.
  const file = join(cluster.host.data, 'saved.yaml')
  writeFileSync(file, await must(cluster.kubectl('-n', 'kube-system', 'get', 'secret', '-o', 'yaml')))
  assert.is((await must(cluster.kpki('token', 'list', '--from', file))).split('\n').length, stdout.split('\n').length)
  await must(cluster.kubectl('-n', 'kube-system', 'delete', 'secret', 'bootstrap-token-yyyyyy'))
})

test.run()
