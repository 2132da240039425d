import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readPatches } from '../../lib/workflow/read-patches.js'
import { rejects } from '../support/context.js'
import { memoryHost } from '../support/memory-host.js'

test('a directory is read in the order of its names, what is no patch is told', async () => {
  const host = memoryHost({
    files: {
      '/p/kube-apiserver1+json.yaml': '- {op: add, path: /a, value: 1}\n',
      '/p/etcd.yaml': 'a: 1\n---\nb: 2\n',
      '/p/kube-apiserver0.json': '{"a": 1}',
      '/p/notes.txt': 'x',
      '/p/sub/etcd.yaml': 'a: 1\n',
      '/p/..data': 'x',
    },
  })
  const { patches, notes } = await readPatches(host, '/p/')
  assert.equal(
    patches.map(({ file, type }) => [file, type]),
    [
      ['/p/etcd.yaml', 'strategic'],
      ['/p/etcd.yaml', 'strategic'],
      ['/p/kube-apiserver0.json', 'strategic'],
      ['/p/kube-apiserver1+json.yaml', 'json'],
    ],
  )
  assert.is(notes.length, 2)
  assert.match(notes[0] ?? '', /^\/p\/notes\.txt: /)
  assert.match(notes[1] ?? '', /^\/p\/sub: /)
})

test('no directory, a file in its place, and a file that is no text are refused', async () => {
  const host = memoryHost({ files: { '/file': 'x', '/p/etcd.yaml': { content: new Uint8Array([0xff, 0xfe]) } } })
  assert.is((await rejects(readPatches(host, '/nowhere'))).code, 'KPKI_PATCH_INVALID')
  assert.is((await rejects(readPatches(host, '/file'))).code, 'KPKI_PATCH_INVALID')
  assert.is((await rejects(readPatches(host, '/p'))).code, 'KPKI_YAML_INVALID')
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`/q/etcd${index}.yaml`, 'a: 1']))
  assert.is((await rejects(readPatches(memoryHost({ files: many }), '/q'))).code, 'KPKI_PATCH_INVALID')
})

test.run()
