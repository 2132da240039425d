/** Kubeconfigs of people at a real API server: they may do what their RBAC says, and nothing else; until they end. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, testWithCluster } from './cluster.js'
import { must, type Said, until } from './host.js'
import { kube } from './programs.js'

function kubectlAs(cluster: Cluster, kubeconfig: string, ...args: readonly string[]): Promise<Said> {
  return cluster.host.run(kube('kubectl'), ['--kubeconfig', kubeconfig, ...args])
}

const canI = async (cluster: Cluster, kubeconfig: string, ...args: readonly string[]) =>
  (await kubectlAs(cluster, kubeconfig, 'auth', 'can-i', ...args)).stdout.trim()

const VERIFICATION = ['-o', 'json', '--live', '--ca-cert', '/etc/kubernetes/pki/ca.crt'] as const

testWithCluster(test, 'a user with a ClusterRole in a namespace works there, and nowhere else', async cluster => {
  const path = join(cluster.host.data, 'jane.conf')
  await cluster.apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n')
  const made = cluster.kpki(
    ...['kubeconfig', 'user', '--client-name', 'jane', '--group', 'dev'],
    ...['--cluster-role', 'edit', '--namespace', 'shop', '--out', path],
  )
  const manifest = await must(made)
  assert.is(statSync(path).mode & 0o777, 0o600)

  // Known to the server, and let do nothing yet.
  assert.match((await kubectlAs(cluster, path, 'get', 'configmaps')).stderr, /Forbidden.*"jane"/)
  await cluster.apply(manifest)
  // The namespace is that of the context.
  await until('the binding is in force', 20, () => must(kubectlAs(cluster, path, 'get', 'configmaps')))
  await must(kubectlAs(cluster, path, 'create', 'configmap', 'mine', '--from-literal', 'a=b'))
  assert.match((await cluster.kubectl('get', 'configmap', 'mine', '-n', 'shop', '-o', 'name')).stdout, 'configmap/mine')
  for (const args of [
    ['get', 'configmaps', '-n', 'default'],
    ['get', 'configmaps', '--all-namespaces'],
    ['get', 'nodes'],
    ['create', 'rolebinding', 'more', '--clusterrole', 'admin', '--user', 'jane'],
  ])
    assert.match((await kubectlAs(cluster, path, ...args)).stderr, /forbidden/i, args.join(' '))
  assert.is(await canI(cluster, path, 'create', 'pods'), 'yes')
  assert.is(await canI(cluster, path, 'create', 'pods', '-n', 'kube-system'), 'no')
  assert.is(await canI(cluster, path, '*', '*', '--all-namespaces'), 'no')

  const verified = await cluster.kpki('kubeconfig', 'verify', path, ...VERIFICATION)
  assert.is(verified.status, 0, verified.stderr + verified.stdout)
  const { valid, identities, problems } = JSON.parse(verified.stdout)
  assert.equal(problems, [])
  assert.is(valid, true)
  // v1.20 has no SelfSubjectReview.
  assert.equal(identities, [{ context: 'jane@kubernetes', groups: [], via: 'SelfSubjectAccessReview' }])
  const mine = cluster.audit().filter(({ user }) => user.username === 'jane')
  assert.equal(mine[0]?.user.groups, ['dev', 'system:authenticated'])
  assert.ok(mine.some(({ userAgent = '' }) => userAgent.startsWith('kpki/')))
})

testWithCluster(test, 'a user with a Role of their own may do what is in it', async cluster => {
  const path = join(cluster.host.data, 'joe.conf')
  await cluster.apply(`apiVersion: v1
kind: Namespace
metadata: {name: yard}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: yard}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get, list]}]
`)
  const manifest = join(cluster.host.data, 'joe.yaml')
  // A name that no path segment can have.
  const flags = ['--client-name', 'joe/50%', '--role', 'reader', '--namespace', 'yard', '--rbac-out', manifest]
  writeFileSync(path, await must(cluster.kpki('kubeconfig', 'user', ...flags)), { mode: 0o600 })
  await cluster.apply(readFileSync(manifest, 'utf8'))
  await until('the binding is in force', 20, () => must(kubectlAs(cluster, path, 'get', 'secrets')))
  assert.is(await canI(cluster, path, 'delete', 'secrets'), 'no')
  assert.is(await canI(cluster, path, 'list', 'secrets', '-n', 'shop'), 'no')
})

testWithCluster(test, 'a group is let do what the group may', async cluster => {
  const path = join(cluster.host.data, 'ann.conf')
  await must(cluster.kubectl('create', 'clusterrolebinding', 'viewers', '--clusterrole', 'view', '--group', 'viewers'))
  await must(cluster.kpki('kubeconfig', 'user', '--client-name', 'ann', '--org', 'viewers,others', '--out', path))
  assert.is(await canI(cluster, path, 'list', 'pods', '--all-namespaces'), 'yes')
  assert.is(await canI(cluster, path, 'delete', 'pods', '--all-namespaces'), 'no')
})

testWithCluster(test, 'a token of the cluster in a kubeconfig, and its service account bound', async cluster => {
  const { data } = cluster.host
  const [path, token] = [join(data, 'ci.conf'), join(data, 'ci.token')]
  await must(cluster.kubectl('create', 'serviceaccount', 'ci', '-n', 'default'))
  const encoded = await until('the controller has made a token', 30, async () => {
    const secret = await must(cluster.kubectl('get', 'serviceaccount', 'ci', '-o', 'jsonpath={.secrets[0].name}'))
    if (secret === '') throw new Error('no token yet')
    return must(cluster.kubectl('get', 'secret', secret, '-o', 'jsonpath={.data.token}'))
  })
  writeFileSync(token, Buffer.from(encoded, 'base64').toString(), { mode: 0o600 })
  const said = await cluster.kpki(
    ...['kubeconfig', 'user', '--client-name', 'system:serviceaccount:default:ci', '--token-file', token],
    ...['--cluster-role', 'view', '--out', path],
  )
  await cluster.apply(await must(said))
  assert.not.match(said.stderr, 'warning')
  await until('the binding is in force', 20, () => must(kubectlAs(cluster, path, 'get', 'pods', '--all-namespaces')))
  assert.is(await canI(cluster, path, 'delete', 'pods'), 'no')
  const verified = await cluster.kpki('kubeconfig', 'verify', path, '--live')
  assert.is(verified.status, 0, verified.stderr)
  const shown = await must(cluster.kpki('kubeconfig', 'show', path))
  assert.match(shown, 'system:serviceaccount:default:ci')
  assert.not.match(shown, Buffer.from(encoded, 'base64').toString().slice(-40))
})

testWithCluster(
  test,
  'who has ended, is of another CA or shows nothing is not let in, and verify says why',
  async cluster => {
    const { data } = cluster.host
    const short = join(data, 'short.conf')
    await must(cluster.kpki('kubeconfig', 'user', '--client-name', 'short', '--validity-period', '2s', '--out', short))
    await new Promise(resolve => setTimeout(resolve, 3500))
    assert.match((await kubectlAs(cluster, short, 'get', 'pods')).stderr, /Unauthorized|must be logged in/)
    const codes = async (...args: readonly string[]) => {
      const said = await cluster.kpki('kubeconfig', 'verify', ...args, ...VERIFICATION)
      assert.is(said.status, 1, said.stderr)
      const { problems } = JSON.parse(said.stdout) as { problems: { severity: string; code: string; error?: string }[] }
      return problems
        .filter(({ severity }) => severity === 'error')
        .map(({ code, error }) => [code, error].filter(Boolean).join(' '))
    }
    assert.equal(await codes(short), ['expired', 'live-failed KPKI_API_UNAUTHORIZED'])

    const other = join(data, 'other')
    await must(cluster.kpki('gen', 'all', '-q', '--dir', other, '--encryption-algorithm', 'ECDSA-P256'))
    const stranger = join(data, 'stranger.conf')
    await must(
      cluster.kpki(
        'kubeconfig',
        'user',
        '--client-name',
        'jane',
        '--dir',
        other,
        '--server',
        cluster.server,
        '--out',
        stranger,
      ),
    )
    // It trusts its own CA, and so is not even asked who it is.
    assert.equal(await codes(stranger), ['chain', 'live-failed KPKI_TLS_UNTRUSTED'])
    const ca = (file: string) => /certificate-authority-data: (.*)/.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
    const mixed = join(data, 'mixed.conf')
    writeFileSync(mixed, readFileSync(stranger, 'utf8').replace(ca(stranger), ca(short)), { mode: 0o600 })
    assert.equal(await codes(mixed), ['chain', 'live-failed KPKI_API_UNAUTHORIZED'])
    const nobody = join(data, 'nobody.conf')
    writeFileSync(
      nobody,
      readFileSync(mixed, 'utf8')
        .replace(/^ {4}client-.*\n/gm, '')
        .replace(/user:\n$/, 'user: {}\n'),
      { mode: 0o600 },
    )
    assert.equal(await codes(nobody), ['no-credentials', 'live-identity KPKI_API_FORBIDDEN'])
  },
)

testWithCluster(test, 'what is merged is what kubectl works with', async cluster => {
  const { data } = cluster.host
  const [into, jane] = [join(data, 'all.conf'), join(data, 'merge-jane.conf')]
  await must(cluster.kpki('kubeconfig', 'user', '--client-name', 'jane', '--out', jane))
  await must(cluster.kpki('kubeconfig', 'merge', '/etc/kubernetes/admin.conf', jane, '--into', into))
  const contexts = await must(kubectlAs(cluster, into, 'config', 'get-contexts', '-o', 'name'))
  assert.equal(contexts.trim().split('\n').sort(), ['jane@kubernetes', 'kubernetes-admin@kubernetes'])
  await must(kubectlAs(cluster, into, 'get', 'nodes'))
  assert.match(
    (await kubectlAs(cluster, into, '--context', 'jane@kubernetes', 'get', 'nodes')).stderr,
    /Forbidden.*"jane"/,
  )
  // While kubectl holds its lock, nothing is written.
  writeFileSync(`${into}.lock`, '')
  const locked = await cluster.kpki(
    'kubeconfig',
    'merge',
    jane,
    '--into',
    into,
    '--on-conflict',
    'rename',
    '--use-context',
  )
  assert.match(locked.stderr, 'another program is changing')
  assert.match((await kubectlAs(cluster, into, 'config', 'use-context', 'jane@kubernetes')).stderr, /lock.*exists/)
})

test.run()
