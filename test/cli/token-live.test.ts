import { createHash, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ApiError } from '../../lib/errors.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { run } from '../support/cli.js'
import { kubeconfigOf } from '../support/cluster-info.js'
import { TestCa } from '../support/lying-server.js'
import { type MemoryServer, startMemoryServer } from '../support/memory-server.js'
import { inTempDir } from '../support/temp.js'

const TOKEN = 'abcdef.k3v9w2x7y1z5q8rt'
const SECRET = TOKEN.slice(7)
const KEY = '0123456789abcdef'.repeat(4)
const NOW = ['--now', '2026-06-01T12:00:00Z']

/** A test with a cluster of its own, which holds these objects. */
function withServer(
  name: string,
  work: (server: MemoryServer, dir: string) => Promise<void>,
  initial: readonly KubernetesObject[] = [],
): void {
  test(
    name,
    inTempDir(async dir => {
      const server = await startMemoryServer(dir, initial)
      try {
        await work(server, dir)
      } finally {
        await server.close()
      }
    }),
  )
}

const secret = (id: string, data: Readonly<Record<string, string>> = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({ 'token-id': id, 'token-secret': SECRET, ...data }).map(([key, value]) => [
      key,
      Buffer.from(value).toString('base64'),
    ]),
  ),
})
/** The pin of the CA of a kubeconfig, by Node. */
function pinOf({ kubeconfig }: MemoryServer): string {
  const { clusters } = JSON.parse(readFileSync(kubeconfig, 'utf8'))
  const ca = new X509Certificate(Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64'))
  return `sha256:${createHash('sha256')
    .update(ca.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')}`
}

withServer('token create makes the Secret and prints the token alone', async ({ api, kubeconfig, url }) => {
  const { status, stdout, stderr } = await run(['token', 'create', '-', '--kubeconfig', kubeconfig, ...NOW], {
    stdin: `${TOKEN}\n`,
  })
  assert.equal([status, stdout], [0, `${TOKEN}\n`])
  assert.is(stderr, `kpki: ${url} knows token abcdef until 2026-06-02T12:00:00Z\n`)
  assert.equal(api.calls, ['create Secret kube-system/bootstrap-token-abcdef'])
})

withServer('the kubeconfig is looked for where kubeadm looks', async ({ kubeconfig }) => {
  const { status, stdout } = await run(['token', 'create', '-', '-q'], {
    stdin: TOKEN,
    env: { KUBECONFIG: kubeconfig },
  })
  assert.equal([status, stdout], [0, `${TOKEN}\n`])
})

withServer(
  'an id that is taken is not taken over',
  async ({ api, kubeconfig }) => {
    const said = await run(['token', 'create', '-', '--kubeconfig', kubeconfig], { stdin: TOKEN })
    assert.is(said.status, 1)
    assert.match(said.stderr, /has a token with id abcdef already/)
    assert.not.match(said.stdout + said.stderr, SECRET)
    assert.equal(api.calls, [])
  },
  [secret('abcdef')],
)

for (const [name, flags, end] of [
  ['a worker', [], ''],
  ['a control plane', ['--control-plane'], '--control-plane '],
  ['a control plane with a key', ['--certificate-key-file', 'KEY'], `--control-plane --certificate-key ${KEY}`],
] as const) {
  withServer(`--print-join-command for ${name}`, async (server, dir) => {
    writeFileSync(join(dir, 'key'), `${KEY}\n`)
    const argv = ['token', 'create', '-', '--print-join-command', '--kubeconfig', server.kubeconfig, '-q']
    const own = flags.map(flag => (flag === 'KEY' ? join(dir, 'key') : flag))
    const { stdout } = await run([...argv, ...own], { stdin: TOKEN })
    const endpoint = server.url.replace('https://', '')
    const pin = `--discovery-token-ca-cert-hash ${pinOf(server)} `
    assert.is(stdout, `kubeadm join ${endpoint} --token ${TOKEN} ${pin}${end}\n`)
  })
}

withServer('a token that only signs lets nobody join, and that is said', async ({ kubeconfig }) => {
  const argv = ['token', 'create', '--usages', 'signing', '--print-join-command', '--kubeconfig', kubeconfig]
  const { status, stderr } = await run(argv)
  assert.is(status, 0)
  assert.match(stderr, /no host joins with token [a-z0-9]{6} alone: it is not for authentication/)
})

withServer('--discovery-objects makes what hosts find', async ({ api, kubeconfig }) => {
  await run(['token', 'create', '-', '--discovery-objects', '--kubeconfig', kubeconfig], { stdin: TOKEN })
  assert.equal(api.calls, [
    'apply ClusterRole /kubeadm:get-nodes',
    'apply ClusterRoleBinding /kubeadm:get-nodes',
    'apply ClusterRoleBinding /kubeadm:kubelet-bootstrap',
    'apply ClusterRoleBinding /kubeadm:node-autoapprove-bootstrap',
    'apply ClusterRoleBinding /kubeadm:node-autoapprove-certificate-rotation',
    'apply ConfigMap kube-public/cluster-info',
    'apply Role kube-public/kubeadm:bootstrap-signer-clusterinfo',
    'apply RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo',
    'create Secret kube-system/bootstrap-token-abcdef',
  ])
})

withServer('--dry-run asks, prints what it would, and changes nothing', async ({ api, kubeconfig, requests }) => {
  const argv = ['token', 'create', '-', '--dry-run', '--discovery-objects', '--kubeconfig', kubeconfig]
  const { status, stdout, stderr } = await run(argv, { stdin: TOKEN })
  assert.equal([status, stdout, api.calls], [0, `${TOKEN}\n`, []])
  assert.match(stderr, /dry run: nothing was changed/)
  assert.ok(requests.length > 0 && requests.every(({ method }) => method === 'GET'))
})

withServer('a token whose place cannot be written is taken back', async ({ api, kubeconfig }, dir) => {
  writeFileSync(join(dir, 'token'), 'something else')
  const { status } = await run(['token', 'create', '--kubeconfig', kubeconfig, '--out', join(dir, 'token')])
  assert.is(status, 1)
  assert.is(api.objects.size, 0)
  assert.is(readFileSync(join(dir, 'token'), 'utf8'), 'something else')
})

withServer('no join command is made of a kubeconfig without a CA, and no token', async ({ api, kubeconfig }) => {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8'))
  delete config.clusters[0].cluster['certificate-authority-data']
  config.clusters[0].cluster['insecure-skip-tls-verify'] = true
  writeFileSync(kubeconfig, JSON.stringify(config))
  const { status, stderr } = await run(['token', 'create', '--print-join-command', '--kubeconfig', kubeconfig])
  assert.is(status, 1)
  assert.match(stderr, /names no CA/)
  assert.is(api.objects.size, 0)
})

withServer(
  'token list, inspect, delete',
  async ({ api, kubeconfig, requests }) => {
    const at = ['--kubeconfig', kubeconfig]
    const list = await run(['token', 'list', ...at, ...NOW])
    assert.match(list.stdout, new RegExp(`^TOKEN .*\n${TOKEN} +<forever> `))
    assert.match(list.stderr, /"bootstrap-token-wrong1" is misnamed/)
    assert.match(requests.at(-1)?.url ?? '', /fieldSelector=type%3Dbootstrap\.kubernetes\.io%2Ftoken/)
    const shown = await run(['token', 'inspect', TOKEN, ...at, ...NOW])
    assert.match(shown.stdout, /^cluster-info +does not exist/m)
    assert.match(shown.stdout, /^secret +the one that is known there$/m)
    assert.not.match(shown.stdout, SECRET)
    const gone = await run(['token', 'delete', 'abcdef', 'nobody', 'zyxwvu', ...at])
    assert.equal([gone.status, gone.stdout], [1, ''])
    assert.match(gone.stderr, /has no bootstrap token nobody; deleted: abcdef, zyxwvu$/m)
    assert.equal([...api.objects.keys()], ['Secret kube-system/bootstrap-token-wrong1'])
  },
  [
    secret('abcdef', { 'usage-bootstrap-signing': 'true' }),
    secret('zyxwvu'),
    { ...secret('wrong1'), data: secret('wrong2')['data'] ?? null },
  ],
)

withServer(
  'no secret is in an argument, a URL or an error of what a cluster refuses',
  async ({ kubeconfig, requests }, dir) => {
    rmSync(join(dir, 'nothing'), { force: true })
    const config = JSON.parse(readFileSync(kubeconfig, 'utf8'))
    config.users[0].user.token = 'another'
    writeFileSync(kubeconfig, JSON.stringify(config))
    for (const words of [['create', '-'], ['inspect', '--token-file', '-'], ['list'], ['delete', TOKEN]]) {
      const { status, stdout, stderr } = await run(['token', ...words, '--kubeconfig', kubeconfig, '-o', 'json'], {
        stdin: TOKEN,
      })
      assert.equal([status, stdout], [1, ''])
      assert.is(JSON.parse(stderr).error.code, 'KPKI_API_UNAUTHORIZED')
      assert.not.match(stderr, SECRET)
    }
    assert.not.match(requests.map(({ url }) => url).join(' '), SECRET)
  },
)

withServer('an interrupt while a token is made takes it back', async ({ api, kubeconfig }, dir) => {
  const file = join(dir, 'token')
  const stop = new AbortController()
  const { create } = api
  api.create = object => {
    stop.abort()
    return create.call(api, object)
  }
  const said = await run(['token', 'create', '--kubeconfig', kubeconfig, '--out', file], { signal: stop.signal })
  assert.equal([said.status, said.stdout, api.objects.size, existsSync(file)], [130, '', 0, false])
  assert.match(said.stderr, 'kpki: error: interrupted; what was made is taken back')
  assert.is(api.calls.length, 2)
})

withServer('an interrupt before a token is made ends it at once', async ({ api, kubeconfig }) => {
  api.get = () => new Promise(() => {})
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 200)
  const before = performance.now()
  const said = await run(['token', 'create', '--kubeconfig', kubeconfig], { signal: stop.signal })
  assert.is(said.status, 130)
  assert.ok(performance.now() - before < 5000)
  assert.equal(api.calls, [])
})

withServer('a token that cannot be printed is taken back, or named', async ({ api, kubeconfig }) => {
  const argv = ['token', 'create', '--kubeconfig', kubeconfig]
  assert.is((await run(argv, { full: true })).status, 1)
  assert.is(api.objects.size, 0)
  api.delete = () => Promise.reject(new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403 } }))
  const said = await run(argv, { full: true })
  assert.match(said.stderr, /warning: ([a-z0-9]{6}) could not be taken back: kpki token delete \1$/m)
})

withServer(
  'of several tokens, those that were deleted before something went wrong',
  async ({ api, kubeconfig }) => {
    const { delete: remove } = api
    api.delete = name =>
      name.name === 'bootstrap-token-abcdef'
        ? remove.call(api, name)
        : Promise.reject(new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403, reason: 'Forbidden' } }))
    const said = await run(['token', 'delete', 'abcdef', 'zyxwvu', '--kubeconfig', kubeconfig])
    assert.equal([said.status, said.stdout], [1, ''])
    assert.match(said.stderr, 'kpki: deleted before that: abcdef\n')
  },
  [secret('abcdef'), secret('zyxwvu')],
)

const clusterInfo = (server: string, caPem: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'kube-public', name: 'cluster-info' },
  data: { kubeconfig: kubeconfigOf(caPem, server) },
})
const caOf = ({ kubeconfig }: MemoryServer) =>
  Buffer.from(
    JSON.parse(readFileSync(kubeconfig, 'utf8')).clusters[0].cluster['certificate-authority-data'],
    'base64',
  ).toString()

withServer('a cluster-info of another server or CA is not written over', async server => {
  const { api, kubeconfig, url } = server
  const argv = ['token', 'create', '--discovery-objects', '--kubeconfig', kubeconfig]
  const { pem: otherCa } = await TestCa.create()
  const key = 'ConfigMap kube-public/cluster-info'
  for (const [info, problem] of [
    [
      clusterInfo('https://10.77.3.11:6443', caOf(server)),
      `names https://10.77.3.11:6443; the kubeconfig names ${url}`,
    ],
    [clusterInfo(url, otherCa), "with another CA than the kubeconfig's"],
  ] as const) {
    api.objects.set(key, info)
    for (const more of [[], ['--dry-run']]) {
      const said = await run([...argv, ...more])
      assert.equal([said.status, said.stdout, api.calls.length], [1, '', 0])
      assert.match(said.stderr, problem)
      assert.match(said.stderr, 'leave --discovery-objects out')
    }
    assert.is(JSON.parse((await run([...argv, '-o', 'json'])).stderr).error.code, 'KPKI_API_EXISTS')
    assert.is(api.objects.get(key), info)
  }
  // Its own, written another way, and one that is of no use to anybody.
  for (const info of [
    clusterInfo(`${url}/`, otherCa + caOf(server)),
    { ...clusterInfo(url, ''), data: { kubeconfig: 'hello' } },
    { ...clusterInfo(url, ''), data: {} },
  ]) {
    api.objects.set(key, info)
    const said = await run(argv)
    assert.is(said.status, 0, said.stderr)
  }
})

withServer(
  'hosts that would be led to themselves are warned of, where something is made for hosts',
  async ({ kubeconfig, url }) => {
    const warning = `kpki: warning: ${url} leads every host that joins to itself`
    for (const [flags, isWarned] of [
      [['--print-join-command'], true],
      [['--discovery-objects'], true],
      [['--discovery-objects', '-o', 'yaml'], false],
      [['--print-join-command', '-q'], false],
      [[], false],
    ] as const) {
      const isOffline = flags.some(flag => flag === '-o')
      const where = isOffline ? [] : ['--kubeconfig', kubeconfig]
      const said = await run(['token', 'create', ...flags, ...where], { env: { KUBECONFIG: kubeconfig } })
      assert.equal([said.status, said.stderr.includes(warning)], [0, isWarned], said.stderr)
    }
  },
)

withServer('a kubeconfig from standard input is read once for all that it is needed for', async ({ kubeconfig }) => {
  const argv = ['token', 'create', '--print-join-command', '--discovery-objects', '--kubeconfig', '-']
  let left = readFileSync(kubeconfig, 'utf8')
  const said = await run(argv, {
    stdin: () => {
      const now = left
      left = ''
      return now
    },
  })
  assert.is(said.status, 0, said.stderr)
})

test('standard input can be one thing only, whatever the command', async () => {
  for (const argv of [
    ['create', '--token-file', '-', '--config', '-'],
    ['create', '--print-join-command', '--token-file', '-', '--certificate-key-file', '-'],
    ['create', '-', '--kubeconfig', '-'],
    ['inspect', '--token-file', '-', '--from', '-'],
  ]) {
    const said = await run(['token', ...argv], { stdin: TOKEN })
    assert.equal([said.status, said.stdout], [2, ''])
    assert.match(said.stderr, 'standard input can be one thing only: ')
  }
  // Standard output is another matter.
  assert.is((await run(['token', 'create', '-', '-o', 'yaml', '--out', '-'], { stdin: TOKEN })).status, 0)
})

test.run()
