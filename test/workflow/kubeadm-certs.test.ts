import { createPublicKey } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CertificateKey } from '../../lib/access/certificate-key.js'
import { decryptKubeadmCerts, KUBEADM_CERTS, sharedFiles } from '../../lib/access/kubeadm-certs.js'
import type { LogEvent } from '../../lib/context.js'
import { ApiError, NetworkError, StoreError } from '../../lib/errors.js'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { MemoryStore, type Store } from '../../lib/tree/store.js'
import { readSharedFiles, writeSharedFiles } from '../../lib/workflow/shared-files.js'
import { fetchKubeadmCerts, uploadKubeadmCerts } from '../../lib/workflow/upload-certs.js'
import { read, snapshot, wellTree } from '../audit/tree.js'
import { NOW, rejects, testContext } from '../support/context.js'
import { MemoryApi } from '../support/memory-api.js'

const context = testContext()
const KEY = new CertificateKey(new Uint8Array(32).fill(2))
const FILES = sharedFiles()
const NAME = { kind: 'Secret', ...KUBEADM_CERTS } as const
const contentsOf = async (store: Store = wellTree()) => (await readSharedFiles(FILES, store, context)).contents
const texts = (secret: KubernetesObject) =>
  Object.fromEntries(
    Object.entries(secret['data'] as Record<string, string>).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]),
  )

test('from one tree through a cluster into another, to the byte and with modes', async () => {
  const api = new MemoryApi()
  const source = wellTree()
  await uploadKubeadmCerts(await contentsOf(source), KEY, api, context)
  const target = new MemoryStore()
  const contents = await decryptKubeadmCerts(await fetchKubeadmCerts(api), FILES, KEY, context)
  const result = await writeSharedFiles(contents, FILES, target, context)
  assert.equal(snapshot(target), Object.fromEntries(FILES.map(({ path = '' }) => [path, snapshot(source)[path]])))
  assert.ok(result.files.every(({ action }) => action === 'create'))
  const again = await writeSharedFiles(contents, FILES, target, context)
  assert.ok(again.files.every(({ action }) => action === 'keep'))
})

test("the token that the Secret ends with: kubeadm's, for two hours, good for nothing", async () => {
  const api = new MemoryApi()
  const { tokenId, expires, action } = await uploadKubeadmCerts(await contentsOf(), KEY, api, context)
  const name = `bootstrap-token-${tokenId}`
  const token = await api.get({ kind: 'Secret', namespace: 'kube-system', name })
  assert.ok(token)
  const { 'token-secret': secret, ...data } = texts(token)
  assert.match(secret ?? '', /^[a-z0-9]{16}$/)
  // kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/copycerts/copycerts.go (createShortLivedBootstrapToken).
  assert.equal(data, {
    'token-id': tokenId,
    description: 'Proxy for managing TTL for the kubeadm-certs secret',
    expiration: '2026-06-01T14:00:00Z',
  })
  assert.equal(
    [token['type'], expires.getTime() - NOW.getTime(), action],
    ['bootstrap.kubernetes.io/token', 7_200_000, 'created'],
  )
  assert.equal((await fetchKubeadmCerts(api)).metadata['ownerReferences'], [
    { apiVersion: 'v1', kind: 'Secret', controller: true, blockOwnerDeletion: true, name, uid: token.metadata.uid },
  ])
  assert.equal(
    [...api.objects.keys()].filter(key => key.startsWith('Role')),
    ['Role kube-system/kubeadm:kubeadm-certs', 'RoleBinding kube-system/kubeadm:kubeadm-certs'],
  )
})

test('a second upload replaces the first whole: its values, and its owner', async () => {
  const api = new MemoryApi()
  await uploadKubeadmCerts(await contentsOf(), KEY, api, context)
  await api.patch(NAME, { data: { 'external-etcd.key': 'AAAA' }, metadata: { labels: { mine: 'kept' } } })
  const { action, tokenId } = await uploadKubeadmCerts(
    await contentsOf(),
    new CertificateKey(new Uint8Array(32)),
    api,
    context,
  )
  assert.is(action, 'replaced')
  const secret = await fetchKubeadmCerts(api)
  assert.equal(Object.keys(secret['data'] ?? {}).sort(), FILES.map(({ name }) => name).sort())
  const owners = secret.metadata['ownerReferences'] as readonly { name: string }[]
  assert.equal(
    owners.map(({ name }) => name),
    [`bootstrap-token-${tokenId}`],
  )
  assert.equal(secret.metadata['labels'], { mine: 'kept' })
  assert.is((await rejects(decryptKubeadmCerts(secret, FILES, KEY, context))).code, 'KPKI_DECRYPT_FAILED')
})

test('somebody else uploads at the same moment: one of the two is told, and leaves no token', async () => {
  for (const existed of [true, false]) {
    const api = new MemoryApi()
    if (existed) await uploadKubeadmCerts(await contentsOf(), KEY, api, context)
    const before = [...api.objects.keys()].filter(key => key.includes('bootstrap-token'))
    const get = api.get.bind(api)
    let raced = false
    api.get = async name => {
      const found = await get(name)
      if (!raced) {
        raced = true
        if (existed) await api.patch(NAME, { data: { other: 'AAAA' } })
        else await api.create({ apiVersion: 'v1', kind: 'Secret', metadata: { ...KUBEADM_CERTS }, data: {} })
      }
      return found
    }
    const upload = uploadKubeadmCerts(await contentsOf(), KEY, api, context)
    if (!existed) assert.is((await upload).action, 'replaced')
    else {
      assert.is((await rejects(upload)).code, 'KPKI_API_CONFLICT')
      assert.equal(
        [...api.objects.keys()].filter(key => key.includes('bootstrap-token')),
        before,
      )
    }
  }
})

test('an upload that is refused leaves no token, also when that cannot be said', async () => {
  const api = new MemoryApi()
  const { create } = api
  api.create = object =>
    object.metadata.name === 'kubeadm-certs'
      ? Promise.reject(new ApiError('KPKI_API_FORBIDDEN', 'no', { details: { status: 403 } }))
      : create.call(api, object)
  assert.is((await rejects(uploadKubeadmCerts(await contentsOf(), KEY, api, context))).code, 'KPKI_API_FORBIDDEN')
  assert.equal(
    [...api.objects.keys()].filter(key => key.startsWith('Secret')),
    [],
  )
  api.delete = () => Promise.reject(new Error('gone'))
  assert.is((await rejects(uploadKubeadmCerts(await contentsOf(), KEY, api, context))).code, 'KPKI_API_FORBIDDEN')
})

test('a server that gives a token no uid, to which the Secret could belong, keeps no token', async () => {
  const api = new MemoryApi()
  const { create } = api
  api.create = async object => {
    await create.call(api, object)
    return object
  }
  assert.is((await rejects(uploadKubeadmCerts(await contentsOf(), KEY, api, context))).code, 'KPKI_NET_RESPONSE')
  assert.equal(
    [...api.objects.keys()].filter(key => key.startsWith('Secret')),
    [],
  )
})

test('a server that says of the Secret that it is there, and that it is not, is asked three times', async () => {
  const api = new MemoryApi()
  const { get, create } = api
  let asked = 0
  api.get = name => (name.name === 'kubeadm-certs' ? Promise.resolve(undefined) : get.call(api, name))
  api.create = object => {
    if (object.metadata.name !== 'kubeadm-certs') return create.call(api, object)
    asked++
    return Promise.reject(new ApiError('KPKI_API_EXISTS', 'already exists', { details: { status: 409 } }))
  }
  assert.is((await rejects(uploadKubeadmCerts(await contentsOf(), KEY, api, context))).code, 'KPKI_API_EXISTS')
  assert.is(asked, 3)
})

const cut = () => new NetworkError('KPKI_NET_UNREACHABLE', 'cut the connection', { details: { phase: 'head' } })
for (const existed of [true, false]) {
  const verb = existed ? 'patch' : 'create'
  /** The answer to the last question is lost. */
  const lossy = async (isDone: boolean) => {
    const api = new MemoryApi()
    if (existed) await uploadKubeadmCerts(await contentsOf(), new CertificateKey(new Uint8Array(32)), api, context)
    const { create, patch } = api
    api.create = async object => {
      if (object.metadata.name !== 'kubeadm-certs') return create.call(api, object)
      if (isDone) await create.call(api, object)
      throw cut()
    }
    api.patch = async (name, change) => {
      if (isDone) await patch.call(api, name, change)
      throw cut()
    }
    return api
  }

  test(`the answer to ${verb} is lost: what is there to the byte was put`, async () => {
    const done = await lossy(true)
    assert.is(
      (await uploadKubeadmCerts(await contentsOf(), KEY, done, context)).action,
      existed ? 'replaced' : 'created',
    )
    assert.is((await decryptKubeadmCerts(await fetchKubeadmCerts(done), FILES, KEY, context)).size, FILES.length)
    const lost = await lossy(false)
    const before = lost.objects.size
    const failure = await rejects(uploadKubeadmCerts(await contentsOf(), KEY, lost, context))
    assert.equal([failure.code, failure.details['mayExist']], ['KPKI_NET_UNREACHABLE', undefined])
    // The role and its binding are new where there was no upload before; a token is not.
    assert.is(lost.objects.size, existed ? before : before + 2)
  })

  test(`the answer to ${verb} is lost, and then the server: that is said, and which token is left`, async () => {
    const api = await lossy(true)
    const { get } = api
    let isGone = false
    api.get = name => (isGone ? Promise.reject(cut()) : get.call(api, name))
    const { create, patch } = api
    const last = <T>(work: Promise<T>) => {
      isGone = true
      return work
    }
    api.patch = (name, change) => last(patch.call(api, name, change))
    api.create = object =>
      object.metadata.name === 'kubeadm-certs' ? last(create.call(api, object)) : create.call(api, object)
    api.delete = () => Promise.reject(cut())
    const failure = await rejects(uploadKubeadmCerts(await contentsOf(), KEY, api, context))
    const [first, second] = failure.details['mayExist'] as readonly string[]
    assert.is(first, 'kube-system/kubeadm-certs')
    assert.match(second ?? '', /^kube-system\/bootstrap-token-[a-z0-9]{6}$/)
    assert.match(failure.message, 'nobody knows whether Secret kube-system/kubeadm-certs was put; token')
  })
}

test('an interrupt before the Secret is put leaves no token; one that comes later comes too late', async () => {
  for (const late of [false, true]) {
    const stop = new AbortController()
    const api = new MemoryApi()
    const { create } = api
    api.create = object => {
      if ((object.metadata.name === 'kubeadm-certs') === late) stop.abort()
      return create.call(api, object)
    }
    const upload = uploadKubeadmCerts(await contentsOf(), KEY, api, context, { signal: stop.signal })
    if (late) assert.is((await upload).action, 'created')
    else {
      assert.is((await rejects(upload)).code, 'KPKI_INTERRUPTED')
      assert.equal(
        [...api.objects.keys()].filter(key => key.startsWith('Secret')),
        [],
      )
    }
  }
})

test('a Secret that is not there has probably ended', async () => {
  const error = await rejects(fetchKubeadmCerts(new MemoryApi()))
  assert.is(error.code, 'KPKI_API_NOT_FOUND')
  assert.match(error.message, 'two hours after its upload')
})

test("what is missing: CAs' keys with a warning, sa.pub derived, all else refused", async () => {
  const warnings: LogEvent[] = []
  const store = wellTree()
  for (const path of ['pki/ca.key', 'pki/etcd/ca.key', 'pki/sa.pub']) store.files.delete(path)
  const { contents } = await readSharedFiles(FILES, store, testContext({ log: event => void warnings.push(event) }))
  assert.equal(
    warnings.map(({ level, message }) => [level, message.split(' ')[0]]),
    [
      ['warning', 'pki/ca.key'],
      ['warning', 'pki/etcd/ca.key'],
    ],
  )
  assert.equal([contents.get('ca.key')?.length, contents.get('etcd-ca.key')?.length], [0, 0])
  const derived = createPublicKey(read(store, 'pki/sa.key')).export({ type: 'spki', format: 'pem' })
  assert.is(Buffer.from(contents.get('sa.pub') ?? []).toString(), derived)
  for (const path of ['pki/ca.crt', 'pki/front-proxy-ca.crt', 'pki/sa.key', 'pki/etcd/ca.crt']) {
    const spoilt = wellTree()
    spoilt.files.delete(path)
    const { code, hint = '' } = await rejects(readSharedFiles(FILES, spoilt, context))
    assert.is(code, 'KPKI_FILE_NOT_FOUND', path)
    assert.is(hint.includes('--config'), path.includes('etcd'))
  }
})

test('external etcd: its files from where they are, into where they go', async () => {
  const files = sharedFiles({
    externalEtcd: {
      endpoints: ['https://10.0.0.20:2379'],
      caFile: '/etc/ssl/etcd/ca.crt',
      certFile: '/etc/kubernetes/pki/apiserver-etcd-client.crt',
      keyFile: '/etc/kubernetes/pki/apiserver-etcd-client.key',
    },
  })
  const store = wellTree()
  assert.is((await rejects(readSharedFiles(files, store, context))).code, 'KPKI_FILE_NOT_FOUND')
  await store.create('/etc/ssl/etcd/ca.crt', store.files.get('pki/etcd/ca.crt')?.bytes ?? new Uint8Array(), 0o644)
  const { contents } = await readSharedFiles(files, store, context)
  const api = new MemoryApi()
  await uploadKubeadmCerts(contents, KEY, api, context)
  const target = new MemoryStore()
  const secret = await fetchKubeadmCerts(api)
  await writeSharedFiles(await decryptKubeadmCerts(secret, files, KEY, context), files, target, context)
  assert.equal(
    [...target.files].slice(6).map(([path, { mode }]) => [path, mode]),
    [
      ['/etc/ssl/etcd/ca.crt', 0o644],
      ['pki/apiserver-etcd-client.key', 0o600],
      ['pki/apiserver-etcd-client.crt', 0o644],
    ],
  )
  assert.is(read(target, '/etc/ssl/etcd/ca.crt'), read(store, 'pki/etcd/ca.crt'))
  const without = sharedFiles({ externalEtcd: { endpoints: ['http://10.0.0.20:2379'] } })
  const plain = await readSharedFiles(without, store, context)
  assert.equal(
    without.slice(6).map(({ name }) => plain.contents.get(name)?.length),
    [0, 0, 0],
  )
})

test('nothing is overwritten: every file in the way is named, and nothing is written', async () => {
  const contents = await contentsOf()
  const target = new MemoryStore({ 'pki/ca.crt': 'other', 'pki/sa.key': 'other' })
  const before = snapshot(target)
  for (const dryRun of [true, false]) {
    const error = await rejects(writeSharedFiles(contents, FILES, target, context, { dryRun }))
    assert.is(error.code, 'KPKI_FILE_EXISTS')
    assert.equal(error.details['findings'], [
      'pki/ca.crt exists with other content',
      'pki/sa.key exists with other content',
    ])
  }
  assert.equal(snapshot(target), before)
})

test('a dry run says what would be done and writes nothing', async () => {
  const target = new MemoryStore()
  const { files } = await writeSharedFiles(await contentsOf(), FILES, target, context, { dryRun: true })
  assert.ok(files.every(({ action }) => action === 'create'))
  assert.is(target.files.size, 0)
})

test('what does not belong together is not written', async () => {
  const contents = new Map(await contentsOf())
  contents.set('ca.key', contents.get('sa.key') ?? new Uint8Array())
  const target = new MemoryStore()
  assert.is((await rejects(writeSharedFiles(contents, FILES, target, context))).code, 'KPKI_CERTS_MISMATCH')
  assert.is(target.files.size, 0)
})

test('what fails in the middle is taken back, whichever file it is; the lock is given free', async () => {
  const contents = await contentsOf()
  for (const { path = '' } of FILES) {
    const target = new MemoryStore()
    const create = target.create.bind(target)
    target.create = (at, bytes, mode) =>
      at === path ? Promise.reject(new StoreError('KPKI_DISK_FULL', 'no space')) : create(at, bytes, mode)
    assert.is((await rejects(writeSharedFiles(contents, FILES, target, context))).code, 'KPKI_DISK_FULL')
    assert.is(target.files.size, 0)
    await (await target.lock())()
  }
  const signal = AbortSignal.abort()
  const target = new MemoryStore()
  assert.is((await rejects(writeSharedFiles(contents, FILES, target, context, { signal }))).code, 'KPKI_INTERRUPTED')
  assert.is(target.files.size, 0)
})

test.run()
