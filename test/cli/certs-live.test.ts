import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ApiError } from '../../lib/errors.js'
import { createContext, parseCertificates, parsePrivateKey } from '../../lib/index.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { run } from '../support/cli.js'
import { TestCa } from '../support/lying-server.js'
import { type MemoryServer, startMemoryServer } from '../support/memory-server.js'
import { inTempDir, snapshot } from '../support/temp.js'

const SECRET = 'Secret kube-system/kubeadm-certs'

/** Where nothing at all may be left of a key. */
const hidden = (dir: string) => readdirSync(dir).filter(name => name.startsWith('.'))
const secretsIn = ({ api }: MemoryServer) => [...api.objects.keys()].filter(key => key.startsWith('Secret'))

/** A tree, its API server, and how to upload from the one into the other. */
function withServer(
  work: (place: { dir: string; one: string; server: MemoryServer; live: readonly string[] }) => Promise<void>,
  initial: readonly KubernetesObject[] = [],
): () => Promise<void> {
  return inTempDir(async dir => {
    const one = join(dir, 'one')
    const facts = ['--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10']
    const made = await run(['gen', 'all', '--dir', one, ...facts, '--encryption-algorithm', 'ECDSA-P256'])
    assert.is(made.status, 0, made.stderr)
    const [certificate] = parseCertificates(readFileSync(join(one, 'pki/ca.crt'), 'utf8'))
    const key = await parsePrivateKey(readFileSync(join(one, 'pki/ca.key'), 'utf8'), createContext())
    const server = await startMemoryServer(dir, initial, TestCa.of({ certificate, key }))
    try {
      await work({ dir, one, server, live: ['--kubeconfig', server.kubeconfig] })
    } finally {
      await server.close()
    }
  })
}

test(
  'the key alone is on standard output, the rest is for people; the next host gets every file',
  withServer(async ({ dir, one, server, live }) => {
    const said = await run(['certs', 'upload', '--dir', one, ...live, '--now', '2026-06-01T12:00:00Z'])
    assert.is(said.status, 0, said.stderr)
    assert.match(said.stdout, /^[0-9a-f]{64}\n$/)
    assert.is(
      said.stderr,
      `kpki: 8 files are in ${SECRET} of ${server.url}, until 2026-06-01T14:00:00Z\nkpki: using certificate key:\n`,
    )
    const two = join(dir, 'two')
    const download = ['certs', 'download', '--dir', two, ...live, '--certificate-key', said.stdout.trim()]
    const got = await run(download)
    assert.equal([got.status, got.stderr], [0, ''])
    assert.match(got.stdout, `Done: 8 made, from ${server.url}\nCA pin: sha256:`)
    const [before, after] = [snapshot(one), snapshot(two)]
    for (const [path, file] of after) assert.equal(file, before.get(path), path)
    // Neither the key nor anything that it opens was ever said to the server.
    const bodies = server.requests.map(({ body = '' }) => body).join()
    assert.not.ok(bodies.includes(said.stdout.trim()) || bodies.includes('PRIVATE KEY'))
  }),
)

test(
  'a key that is given is not printed; a new one goes into its file, before anything is uploaded',
  withServer(async ({ dir, one, server, live }) => {
    const file = join(dir, 'cert.key')
    const upload = ['certs', 'upload', '--dir', one, ...live]
    const said = await run([...upload, '--certificate-key-out', file])
    assert.equal([said.status, said.stdout], [0, ''])
    assert.match(said.stderr, `kpki: the certificate key is in ${file}\n`)
    assert.is(statSync(file).mode & 0o7777, 0o600)
    const calls = server.api.calls.length
    const taken = await run([...upload, '--certificate-key-out', file])
    assert.equal([taken.status, taken.stdout, server.api.calls.length], [1, '', calls])
    assert.match(taken.stderr, 'exists already')
    const given = await run([...upload, '--certificate-key-file', file])
    assert.equal([given.status, given.stdout], [0, ''])
    assert.equal(await run([...upload, '--certificate-key-file', file, '-q']), { status: 0, stdout: '', stderr: '' })
    const exposed = await run(upload, { exposed: true })
    assert.match(exposed.stderr, /warning: the key is a secret.*--certificate-key-out/)
  }),
)

test(
  'an upload that fails leaves neither a token nor the file of its key',
  withServer(async ({ dir, one, server, live }) => {
    const { create } = server.api
    server.api.create = object =>
      object.metadata.name === 'kubeadm-certs'
        ? Promise.reject(new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403, reason: 'Forbidden' } }))
        : create.call(server.api, object)
    const file = join(dir, 'cert.key')
    const said = await run(['certs', 'upload', '--dir', one, ...live, '--certificate-key-out', file, '-o', 'json'])
    assert.equal([said.status, said.stdout, existsSync(file)], [1, '', false])
    assert.is(JSON.parse(said.stderr).error.code, 'KPKI_API_FORBIDDEN')
    assert.equal(
      [...server.api.objects.keys()].filter(key => key.startsWith('Secret')),
      [],
    )
  }),
)

test(
  'a dry run asks and changes nothing',
  withServer(async ({ dir, one, server, live }) => {
    const upload = ['certs', 'upload', '--dir', one, ...live, '--dry-run']
    const first = await run(upload)
    assert.equal([first.status, first.stdout, server.api.calls.length], [0, '', 0])
    assert.match(
      first.stderr,
      `kpki: dry run: 8 files would go into ${SECRET} of ${server.url}, which would be created\n`,
    )
    assert.is((await run(['certs', 'upload', '--dir', one, ...live])).status, 0)
    assert.match((await run(upload)).stderr, 'which would be replaced')
    assert.not.ok(existsSync(join(dir, 'cert.key')))
  }),
)

test(
  'what is missing, and who may not: each with its code, and nothing is written',
  withServer(async ({ dir, one, server, live }) => {
    const download = ['certs', 'download', '--dir', join(dir, 'two'), '--certificate-key', '0'.repeat(64), '-o', 'json']
    const code = async (argv: readonly string[]) => JSON.parse((await run(argv)).stderr).error.code
    assert.is(await code([...download, ...live]), 'KPKI_API_NOT_FOUND')
    const stranger = join(dir, 'stranger.conf')
    writeFileSync(stranger, readFileSync(server.kubeconfig, 'utf8').replace('"memory"', '"stranger"'))
    assert.is(await code([...download, '--kubeconfig', stranger]), 'KPKI_API_UNAUTHORIZED')
    assert.is(await code([...download, '--kubeconfig', join(dir, 'none')]), 'KPKI_FILE_NOT_FOUND')
    assert.is((await run(['certs', 'upload', '--dir', one, ...live])).status, 0)
    assert.is(await code([...download, ...live]), 'KPKI_DECRYPT_FAILED')
    assert.not.ok(existsSync(join(dir, 'two')))
  }),
)

const etcd = (base: string) => `apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
etcd: {external: {endpoints: ['https://10.0.0.20:2379'], caFile: ${base}/etcd-external.crt,
  certFile: ${base}/apiserver-etcd-client.crt, keyFile: ${base}/apiserver-etcd-client.key}}
`
const kubeadmConfig = (data: Record<string, string>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'kube-system', name: 'kubeadm-config' },
  data,
})

test(
  'external etcd is found in the kubeadm-config of the cluster, at both ends',
  withServer(
    async ({ dir, one, server, live }) => {
      const ca = readFileSync(join(one, 'pki/etcd/ca.crt'))
      writeFileSync(join(one, 'pki/etcd-external.crt'), ca)
      rmSync(join(one, 'pki/etcd'), { recursive: true })
      const said = await run(['certs', 'upload', '--dir', one, ...live])
      assert.is(said.status, 0, said.stderr)
      const data = server.api.objects.get(SECRET)?.['data'] ?? {}
      assert.equal(
        Object.keys(Object(data)).filter(name => name.includes('etcd')),
        ['external-etcd-ca.crt', 'external-etcd.crt', 'external-etcd.key'],
      )
      const two = join(dir, 'two')
      const download = ['certs', 'download', '--dir', two, ...live, '--certificate-key', said.stdout.trim()]
      assert.is((await run(download)).status, 0)
      assert.equal(readFileSync(join(two, 'pki/etcd-external.crt')), ca)
      // Who may not read it has to say it.
      const { get } = server.api
      server.api.get = name =>
        name.name === 'kubeadm-config'
          ? Promise.reject(new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403, reason: 'Forbidden' } }))
          : get.call(server.api, name)
      const refused = await run(download)
      assert.equal([refused.status, refused.stderr.includes('--config FILE')], [2, true], refused.stderr)
      const config = join(dir, 'kubeadm.yaml')
      writeFileSync(config, etcd('/etc/kubernetes/pki'))
      assert.match((await run([...download, '--config', config])).stdout, 'Done: 9 kept')
    },
    [kubeadmConfig({ ClusterConfiguration: etcd('/etc/kubernetes/pki') })],
  ),
)

test(
  'a kubeadm-config that says nothing of the kind is as good as none',
  withServer(
    async ({ one, live }) => {
      const said = await run(['certs', 'upload', '--dir', one, ...live])
      assert.is(said.status, 0, said.stderr)
    },
    [kubeadmConfig({ ClusterStatus: '{}' })],
  ),
)

for (const step of ['apply', 'token', 'Secret'] as const) {
  test(
    `an interrupt of an upload (${step}): nothing is left, or all of it is there`,
    withServer(async ({ dir, one, server, live }) => {
      const stop = new AbortController()
      const { api } = server
      const { create, apply } = api
      api.apply = object => {
        if (step === 'apply') stop.abort()
        return apply.call(api, object)
      }
      api.create = object => {
        if ((object.metadata.name === 'kubeadm-certs') === (step === 'Secret') && step !== 'apply') stop.abort()
        return create.call(api, object)
      }
      const file = join(dir, 'cert.key')
      const upload = ['certs', 'upload', '--dir', one, ...live, '--certificate-key-out', file]
      const said = await run(upload, { signal: stop.signal })
      assert.equal(hidden(dir), [])
      if (step === 'Secret') {
        assert.equal([said.status, existsSync(file)], [0, true], said.stderr)
        assert.match(said.stderr, `the certificate key is in ${file}`)
      } else {
        assert.equal([said.status, said.stdout, existsSync(file)], [130, '', false])
        assert.match(said.stderr, 'kpki: error: interrupted; nothing was uploaded')
        assert.equal(secretsIn(server), [])
      }
    }),
  )
}

test(
  'an interrupt before anything is done ends an upload, with or without a server',
  withServer(async ({ dir, one, server, live }) => {
    const file = join(dir, 'cert.key')
    for (const more of [live, ['-o', 'yaml'], [...live, '--dry-run']]) {
      const argv = ['certs', 'upload', '--dir', one, '--certificate-key-out', file, ...more]
      const said = await run(argv, { signal: AbortSignal.abort() })
      assert.equal([said.status, said.stdout, existsSync(file), hidden(dir)], [130, '', false, []])
    }
    assert.equal(server.api.calls, [])
  }),
)

test(
  'the file of the key is there before anything is uploaded; one that others make meanwhile is not in the way',
  withServer(async ({ dir, one, server, live }) => {
    const file = join(dir, 'cert.key')
    const { apply } = server.api
    let seen = ''
    server.api.apply = object => {
      seen = readFileSync(file, 'utf8')
      return apply.call(server.api, object)
    }
    const upload = ['certs', 'upload', '--dir', one, ...live, '--certificate-key-out', file]
    assert.is((await run(upload)).status, 0)
    assert.match(seen, /^[0-9a-f]{64}\n$/)
    assert.is(readFileSync(file, 'utf8'), seen)
    // Somebody removes it while it is needed.
    rmSync(file)
    server.api.apply = object => {
      rmSync(file, { force: true })
      return apply.call(server.api, object)
    }
    const lost = await run(upload)
    assert.is(lost.status, 1)
    assert.match(lost.stderr, `${file} is not there any more; ${SECRET} was replaced, and its key is lost`)
    assert.match(lost.stderr, 'kpki: hint: upload again')
  }),
)

test(
  'a key that cannot be printed is said to be lost; manifests that cannot be printed leave no key',
  withServer(async ({ dir, one, live }) => {
    const upload = ['certs', 'upload', '--dir', one]
    const said = await run([...upload, ...live], { full: true })
    assert.is(said.status, 1)
    assert.match(said.stderr, `cannot be written (ENOSPC); ${SECRET} was created, and its key is lost`)
    const file = join(dir, 'cert.key')
    const printed = await run([...upload, '-o', 'yaml', '--certificate-key-out', file], { full: true })
    assert.equal([printed.status, existsSync(file), hidden(dir)], [1, false, []])
    const given = await run([...upload, ...live, '--certificate-key', '0'.repeat(64), '-o', 'json'], { full: true })
    assert.equal([given.status, given.stderr.includes('lost')], [1, false])
  }),
)

test(
  'whether the Secret was put is not known: the key stays in its file',
  withServer(async ({ dir, one, server, live }) => {
    const { api } = server
    const { create, get } = api
    const broken = new ApiError('KPKI_API_REFUSED', 'etcd is gone', { details: { status: 504, reason: 'Timeout' } })
    api.create = async object => {
      const made = await create.call(api, object)
      if (object.metadata.name !== 'kubeadm-certs') return made
      const refuse = () =>
        Promise.reject(new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403, reason: 'Forbidden' } }))
      api.get = refuse
      api.delete = refuse
      throw broken
    }
    const file = join(dir, 'cert.key')
    const said = await run(['certs', 'upload', '--dir', one, ...live, '--certificate-key-out', file])
    assert.is(said.status, 1)
    assert.ok(said.stderr.includes(`nobody knows whether ${SECRET} was put; token `), said.stderr)
    api.get = get
    const two = join(dir, 'two')
    const download = ['certs', 'download', '--dir', two, ...live, '--certificate-key-file', file]
    assert.is((await run(download)).status, 0)
  }),
)

test(
  'another cluster than that of the tree: neither upload nor download, unless one says so',
  withServer(async ({ dir, one, server, live }) => {
    const upload = ['certs', 'upload', '--dir', one, ...live]
    const key = (await run(upload)).stdout.trim()
    const calls = server.api.calls.length
    const two = join(dir, 'two')
    const facts = ['--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10']
    assert.is((await run(['gen', 'all', '--dir', two, ...facts, '--encryption-algorithm', 'ECDSA-P256'])).status, 0)
    const pin = async (tree: string) => (await run(['hash', '--dir', tree])).stdout.trim()
    const other = ['certs', 'upload', '--dir', two, ...live]
    const file = join(dir, 'cert.key')
    for (const more of [[], ['--dry-run'], ['--certificate-key-out', file]]) {
      const said = await run([...other, ...more])
      assert.equal([said.status, said.stdout, existsSync(file), server.api.calls.length], [1, '', false, calls])
      assert.ok(
        said.stderr.includes(`CN=kubernetes (${await pin(two)}), and CN=kubernetes (${await pin(one)})`),
        said.stderr,
      )
      assert.match(said.stderr, '--allow-other-ca')
    }
    assert.is(JSON.parse((await run([...other, '-o', 'json'])).stderr).error.code, 'KPKI_CERTS_MISMATCH')
    const taken = await run([...other, '--allow-other-ca', '--certificate-key', key])
    assert.is(taken.status, 0, taken.stderr)
    const three = join(dir, 'three')
    const download = ['certs', 'download', '--dir', three, ...live, '--certificate-key', key]
    const refused = await run([...download, '-o', 'json'])
    assert.equal(
      [refused.status, JSON.parse(refused.stderr).error.code, existsSync(three)],
      [1, 'KPKI_CERTS_MISMATCH', false],
    )
    assert.is((await run([...download, '--allow-other-ca'])).status, 0)
  }),
)

test.run()
