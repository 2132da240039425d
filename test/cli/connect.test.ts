/** Which cluster commands talk to: kubeadm's search for a kubeconfig, and how it is said when there is none. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { stringify } from 'yaml'
import { connectCluster } from '../../lib/cli/connect.js'
import type { Io } from '../../lib/cli/io.js'
import type { ClusterApi } from '../../lib/index.js'
import { rejects, testContext } from '../support/context.js'
import { answerJson, FakeServer, TestCa } from '../support/lying-server.js'
import { inTempDir } from '../support/temp.js'

const ca = await TestCa.create()

function connect(flags: Readonly<Record<string, string>>, env: Io['env'], stdin = ''): Promise<ClusterApi> {
  const io = { env, signal: new AbortController().signal, readStdin: async () => new TextEncoder().encode(stdin) } as Io
  return connectCluster({ path: 'token list', flags, args: [] }, io, testContext())
}

function kubeconfig(server: string, cluster: object = {}, user: object = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
}

test(
  'the flag, KUBECONFIG, the home directory, in this order',
  inTempDir(async dir => {
    mkdirSync(join(dir, '.kube'))
    const write = (name: string) => {
      writeFileSync(join(dir, name), kubeconfig(`https://${name.replace(/.*\//, '')}:6443`))
      return join(dir, name)
    }
    const [flag, one, two] = ['flag', 'one', 'two'].map(write)
    write('.kube/config')
    const serverOf = async (flags: Record<string, string>, env: Io['env']) => (await connect(flags, env)).server
    const KUBECONFIG = `${dir}/gone::${one}:${two}`
    assert.is(await serverOf({ kubeconfig: flag ?? '' }, { KUBECONFIG, HOME: dir }), 'https://flag:6443')
    // kubeadm takes the first that exists, and merges none.
    assert.is(await serverOf({}, { KUBECONFIG, HOME: dir }), 'https://one:6443')
    assert.is(await serverOf({}, { HOME: dir }), 'https://config:6443')
    assert.is(await serverOf({}, { KUBECONFIG: '', HOME: dir }), 'https://config:6443')
    assert.is((await connect({ kubeconfig: '-' }, {}, kubeconfig('https://stdin:6443'))).server, 'https://stdin:6443')
    const named = await rejects(connect({ kubeconfig: `${dir}/gone` }, { HOME: dir }))
    assert.is(named.code, 'KPKI_FILE_NOT_FOUND')
  }),
)

test(
  'none at all: every place that was looked at is named',
  inTempDir(async dir => {
    const error = await rejects(connect({}, { KUBECONFIG: `${dir}/a:${dir}/b`, HOME: dir }))
    assert.is(error.code, 'KPKI_FILE_NOT_FOUND')
    assert.equal(error.details['paths'], [`${dir}/a`, `${dir}/b`, '/etc/kubernetes/admin.conf'])
    assert.match(error.hint ?? '', /--kubeconfig/)
  }),
)

test(
  'files beside the kubeconfig, and the environment',
  inTempDir(async dir => {
    const server = await FakeServer.start({
      pair: await ca.issue(),
      answer: (_request, response) => answerJson(response, 200, { kind: 'SecretList', metadata: {}, items: [] }),
    })
    writeFileSync(join(dir, 'ca.crt'), ca.pem)
    writeFileSync(join(dir, 'token'), 'from-a-file\n')
    const path = join(dir, 'config')
    writeFileSync(path, kubeconfig(server.url, { 'certificate-authority': 'ca.crt' }, { tokenFile: './token' }))
    const api = await connect({ kubeconfig: path }, { HTTPS_PROXY: 'http://10.0.0.9:1' })
    assert.equal(await api.list('Secret'), [])
    assert.is(server.requests[0]?.headers.authorization, 'Bearer from-a-file')
    assert.match(server.requests[0]?.headers['user-agent'] ?? '', /^kpki\/\d/)
    api.close()
    await server.close()
  }),
)

test(
  'a kubeconfig that runs a program is refused',
  inTempDir(async dir => {
    const path = join(dir, 'config')
    writeFileSync(path, kubeconfig('https://h', {}, { exec: { command: `touch ${dir}/run` } }))
    assert.is((await rejects(connect({ kubeconfig: path }, {}))).code, 'KPKI_KUBECONFIG_PLUGIN')
  }),
)

test.run()
