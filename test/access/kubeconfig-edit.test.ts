import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { editKubeconfig } from '../../lib/access/kubeconfig-edit.js'
import { rejects } from '../support/context.js'
import { vector } from '../vectors/read.js'

const edit = (text: string, edits: Parameters<typeof editKubeconfig>[1]) => editKubeconfig(text, edits, 'x.conf')
const base64 = (text: string) => Buffer.from(text).toString('base64')

const MINE = `# of the night shift
apiVersion: v1
kind: Config
current-context: "here"   # not there
clusters:
- name: other
  cluster: {server: 'https://other:6443'}
- cluster:
    server: https://a:6443 # the balancer
    certificate-authority-data: >-
      QUFB
      QUFB
  name: one
contexts:
- {name: here, context: {cluster: one, user: me}}
- {name: there, context: {cluster: other, user: me}}
users:
- name: me
  user: {client-certificate-data: Qg==, client-key-data: Qw==} # keep out
`

test('what the current context names changes, and not a byte beside it', async () => {
  const client = { certificatePem: 'cert', keyPem: 'key' }
  const text = await edit(MINE, { caPem: 'ca', server: 'https://b:6443', client })
  const expected = MINE.replace('https://a:6443', 'https://b:6443')
    .replace('>-\n      QUFB\n      QUFB', base64('ca'))
    .replace('Qg==', JSON.stringify(base64('cert')))
    .replace('Qw==', JSON.stringify(base64('key')))
  assert.is(text, expected)
  assert.is(await edit(MINE, {}), MINE)
})

test("kubeadm's own files: fields in their place, a missing one is added, JSON stays JSON", async () => {
  const admin = vector('kubeadm/v1.20.2/admin.conf')
  assert.is(await edit(admin, { server: 'https://b:6443' }), admin.replace(/server: .*/, 'server: https://b:6443'))
  const bare = admin.replace(/ {4}certificate-authority-data: .*\n/, '')
  assert.match(await edit(bare, { caPem: 'ca' }), `    certificate-authority-data: ${base64('ca')}\n`)
  const json = JSON.stringify({
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://a' } }],
    users: [{ name: 'u', user: { token: 't' } }],
  })
  assert.is(await edit(json, { server: 'https://b' }), json.replace('https://a', 'https://b'))
})

test('what cannot be changed in place, or is none, is refused', async () => {
  const shared = MINE.replace('{client-certificate-data', '&u {client-certificate-data')
  const anchored = `${shared}- name: you\n  user: *u\n`
  assert.is(
    (await rejects(edit(anchored, { client: { certificatePem: 'a', keyPem: 'b' } }))).code,
    'KPKI_YAML_UNEDITABLE',
  )
  assert.is((await rejects(edit('a: 1\n', { server: 'https://b' }))).code, 'KPKI_KUBECONFIG_INVALID')
  const typed = MINE.replace('name: here', 'name: 1').replace('"here"', '1')
  assert.is((await rejects(edit(typed, { server: 'https://b' }))).code, 'KPKI_KUBECONFIG_INVALID')
})

test.run()
