import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'

const MAKE = ['gen', 'all', '--encryption-algorithm', 'ECDSA-P256', '--node-name', 'cp-1']
const ADDRESS = ['--apiserver-advertise-address', '10.0.0.10']

test(
  'config show --from: what the tree says, and which file says it',
  inTempDir(async dir => {
    const tree = join(dir, 'tree')
    await run([...MAKE, ...ADDRESS, '--control-plane-endpoint', 'api.example.org:8443', '--dir', tree])
    const { stdout, status, stderr } = await run(['config', 'show', '--from', tree])
    assert.equal([status, stderr], [0, ''])
    assert.match(stdout, /^nodeRegistration\.name +cp-1 +kubelet\.conf$/m)
    assert.match(stdout, /^controlPlaneEndpoint +api\.example\.org:8443 +admin\.conf$/m)
    assert.match(stdout, /^encryptionAlgorithm +ECDSA-P256 +pki\/ca\.crt$/m)
    assert.match(stdout, /^networking\.podSubnet +- +not said$/m)
    assert.match(stdout, /^networking\.serviceSubnet +- +it begins before 10\.96\.0\.1/m)
  }),
)

test(
  'config show --from: origins stand below each other, and beside no value where a terminal is too narrow',
  inTempDir(async dir => {
    const tree = join(dir, 'tree')
    await run([...MAKE, ...ADDRESS, '--apiserver-cert-extra-sans', 'lb.example.org,192.0.2.7', '--dir', tree])
    const argv = ['config', 'show', '--from', tree]
    const piped = (await run(argv)).stdout.split('\n').filter(line => line !== '')
    const fields = piped.map(line => line.split(' ')[0])
    assert.is(new Set(fields).size, fields.length)
    const column = piped[0]?.indexOf('kubelet.conf') ?? -1
    for (const line of piped) assert.match(line.slice(column - 2), /^ {2}[^ ]/)
    for (const columns of [80, 60]) {
      const shown = (await run(argv, { terminal: true, columns })).stdout.split('\n')
      for (const line of shown) assert.ok(line.length <= columns, line)
      assert.equal(
        shown.flatMap(line => (/^[a-z]/.test(line) ? [line.split(' ')[0]] : [])),
        fields,
      )
      if (columns === 60) assert.match(shown.join('\n'), /^networking\.serviceSubnet +-\n +it begins/m)
    }
  }),
)

test(
  'config show --from -o yaml: a file that asks nothing of its tree, and makes another one like it',
  inTempDir(async dir => {
    const [tree, other, file] = [join(dir, 'tree'), join(dir, 'other'), join(dir, 'kubeadm.yaml')]
    await run([...MAKE, ...ADDRESS, '--apiserver-cert-extra-sans', 'a.example.org', '--dir', tree])
    writeFileSync(file, (await run(['config', 'show', '--from', tree, '-o', 'yaml'])).stdout)
    const { status } = await run(['config', 'validate', '--config', file])
    assert.is(status, 0)
    const again = await run(['gen', 'all', '--config', file, '--dir', other])
    assert.is(again.status, 0, again.stderr)
    const [one, two] = await Promise.all(
      [tree, other].map(async from => (await run(['config', 'show', '--from', from])).stdout),
    )
    assert.is(two, one)
    const json = JSON.parse((await run(['config', 'show', '--from', tree, '-o', 'json'])).stdout)
    assert.equal(
      [json.kind, json.documents.map(({ kind }: { kind: string }) => kind)],
      ['ConfigurationList', ['InitConfiguration', 'ClusterConfiguration']],
    )
    assert.not.match(readFileSync(file, 'utf8'), /PRIVATE|key-data/)
  }),
)

test(
  'config show --from: only the tree is asked, and it must be there',
  inTempDir(async dir => {
    for (const other of [
      ['--node-name', 'x'],
      ['--config', join(dir, 'kubeadm.yaml')],
    ]) {
      const { status, stderr } = await run(['config', 'show', '--from', dir, ...other])
      assert.is(status, 2)
      assert.match(stderr, other[0] ?? '')
    }
    writeFileSync(join(dir, 'kube-api-server.crt'), 'of another layout')
    const empty = await run(['config', 'show', '--from', dir])
    assert.equal([empty.status, empty.stdout, /holds no tree/.test(empty.stderr)], [1, '', true])
    const { status, stderr } = await run(['config', 'show', '--from', join(dir, 'nothing')])
    assert.equal([status, /KPKI_FILE_NOT_FOUND|nothing/.test(stderr)], [1, true])
  }),
)

test.run()
