/** Trees that break one rule about files as such, and kubeconfigs that are none of a tree's own. */
import { EncodingError, StoreError } from '../../../lib/errors.js'
import type { MemoryStore, Store } from '../../../lib/tree/store.js'
import { put, read } from '../tree.js'
import type { Break } from './break.js'

const mode =
  (path: string, bits: number): Break['spoil'] =>
  store => {
    put(store, path, read(store, path))
    const file = store.files.get(path)
    if (file) store.files.set(path, { ...file, mode: bits })
  }

/** A store that answers for one path as it does not in memory. */
const answering =
  (path: string, answer: () => ReturnType<Store['read']>): NonNullable<Break['wrap']> =>
  store => {
    const wrapped: MemoryStore = Object.create(store)
    wrapped.read = asked => (asked === path ? answer() : store.read(asked))
    return wrapped
  }

/** A store that names a file which cannot be looked at. */
const naming =
  (listed: NonNullable<Store['list']> extends () => AsyncIterable<infer T> ? T : never): NonNullable<Break['wrap']> =>
  store => {
    const wrapped: MemoryStore = Object.create(store)
    wrapped.list = async function* () {
      yield* store.list()
      yield listed
    }
    return wrapped
  }

const refused = (error: Error) => () => Promise.reject(error)
const nothing: Break['spoil'] = () => {}

/** A kubeconfig of somebody, beside those of the tree. */
const kubeconfig = (current: string, more = '') => `apiVersion: v1
kind: Config
current-context: ${current}
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: 'https://api.example.org:6443'}}]
users: [{name: me, user: {tokenFile: /run/token}}]
${more}`

export const FILE_BREAKS: readonly Break[] = [
  {
    rule: 'unreadable',
    about: 'a certificate that is cut off, and no row of the tree',
    spoil: store => put(store, 'pki/more.crt', read(store, 'pki/ca.crt').slice(0, 300)),
  },
  {
    rule: 'unreadable',
    about: 'a certificate of nothing but noise',
    spoil: store => store.files.set('pki/more.crt', { bytes: new Uint8Array(500).fill(0xfe), mode: 0o644 }),
  },
  {
    rule: 'unreadable',
    about: 'a file of a row that is not for this user',
    spoil: nothing,
    wrap: answering(
      'pki/front-proxy-client.key',
      refused(
        new StoreError('KPKI_FILE_UNREADABLE', 'pki/front-proxy-client.key cannot be read (EACCES)', {
          details: { errno: 'EACCES' },
        }),
      ),
    ),
  },
  {
    rule: 'unreadable',
    about: 'a file of a row that is too large',
    spoil: nothing,
    wrap: answering(
      'pki/front-proxy-client.key',
      refused(new EncodingError('KPKI_INPUT_TOO_LARGE', 'pki/front-proxy-client.key is larger than 1 MiB')),
    ),
  },
  { rule: 'nothing-found', about: 'a volume that is not mounted', spoil: store => store.files.clear() },
  {
    rule: 'nothing-found',
    about: 'a directory of something else',
    spoil: store => {
      store.files.clear()
      put(store, 'README', 'hello')
    },
  },
  {
    rule: 'not-opened',
    about: 'a backup that is packed',
    spoil: store => store.files.set('pki/backup.tgz', { bytes: new Uint8Array([0x1f, 0x8b, 8, 0]), mode: 0o600 }),
  },
  {
    rule: 'not-regular',
    about: 'a pipe in the place of a key',
    spoil: nothing,
    wrap: answering(
      'pki/front-proxy-client.key',
      refused(new StoreError('KPKI_FILE_NOT_REGULAR', 'pki/front-proxy-client.key is not a regular file')),
    ),
  },
  {
    rule: 'not-regular',
    about: 'a device that is called like a certificate, and is no row',
    spoil: nothing,
    wrap: naming({ path: 'pki/more.crt', problem: 'is a device, not a regular file', problemKind: 'not-regular' }),
  },
  {
    rule: 'link-outside',
    about: 'a link in the place of a key',
    spoil: nothing,
    wrap: answering(
      'pki/front-proxy-client.key',
      refused(new StoreError('KPKI_FILE_OUTSIDE', 'pki/front-proxy-client.key is a link out of the tree, to /x')),
    ),
  },
  {
    rule: 'link-outside',
    about: 'a link that is no row',
    spoil: nothing,
    wrap: naming({ path: 'pki/more.crt', problem: 'is a link out of the tree, to /x', problemKind: 'outside' }),
  },
  {
    rule: 'too-many',
    about: 'directories in directories without an end',
    spoil: nothing,
    wrap: naming({ path: 'a/a/a', problem: 'lies deeper than 32 levels', problemKind: 'too-deep' }),
  },
  {
    rule: 'field-twice',
    about: 'a kubeconfig with two lists of users',
    spoil: store => put(store, 'other.conf', kubeconfig('here', 'users: []\n')),
  },
  {
    rule: 'entry-missing',
    about: 'a kubeconfig whose current context is not in it',
    spoil: store => put(store, 'other.conf', kubeconfig('there')),
  },
  {
    rule: 'secret-exposed',
    about: 'a public file that holds a key, too',
    spoil: store => {
      put(store, 'pki/more.crt', read(store, 'pki/front-proxy-client.crt') + read(store, 'pki/front-proxy-client.key'))
      mode('pki/more.crt', 0o644)(store)
    },
  },
  { rule: 'mode-open', about: 'a key that everybody reads', spoil: mode('pki/front-proxy-client.key', 0o644) },
  { rule: 'mode-open', about: 'a kubeconfig that everybody reads', spoil: mode('scheduler.conf', 0o644) },
  { rule: 'mode-writable', about: 'a CA that everybody writes', spoil: mode('pki/ca.crt', 0o666) },
  {
    rule: 'owner-foreign',
    about: 'a CA of somebody else',
    spoil: nothing,
    wrap: store => {
      const wrapped: MemoryStore = Object.create(store)
      wrapped.read = async path => {
        const file = await store.read(path)
        return file && path === 'pki/ca.crt' ? { ...file, owner: 'foreign' } : file
      }
      return wrapped
    },
  },
  {
    rule: 'mode-open',
    about: 'a key that its group reads is a choice',
    spoil: mode('pki/front-proxy-client.key', 0o640),
    findings: [],
  },
  {
    rule: 'unreadable',
    about: 'files of other kinds',
    spoil: store => {
      put(store, 'README', 'hello')
      store.files.set('pki/picture', { bytes: new Uint8Array(5000).fill(7), mode: 0o644 })
    },
    findings: [],
  },
  {
    rule: 'expired',
    about: 'what the kubelet had before lies beside what it has',
    spoil: store => put(store, 'kubelet/pki/kubelet-client-2020-01-01-00-00-00.pem', 'broken'),
    findings: [],
  },
]
