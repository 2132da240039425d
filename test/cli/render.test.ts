import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
// The default export on purpose: faults are put into single calls of it.
import fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  HOST_PHASES,
  INIT_PHASES,
  parseControlPlane,
  parseDescription,
  prepareInit,
  runPhases,
} from '../../lib/index.js'
import { parseYamlStream } from '../../lib/yaml.js'
import { run } from '../support/cli.js'
import { testContext } from '../support/context.js'
import { memoryHost } from '../support/memory-host.js'
import { snapshot } from '../support/temp.js'

const DESCRIPTION = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
nodeRegistration: {name: cp-1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.4
encryptionAlgorithm: ECDSA-P256
`

const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kpki-test-'))
test.after(() => rmSync(scratch, { recursive: true, force: true }))
let rooms = 0

/** A directory with a description in it, and how it is rendered. */
function room(description = DESCRIPTION) {
  const dir = join(scratch, `${rooms++}`)
  mkdirSync(dir)
  const [config, root] = [join(dir, 'kubeadm.yaml'), join(dir, 'host')]
  writeFileSync(config, description)
  const render = (...more: string[]) => run(['render', '--config', config, '--root', root, ...more])
  const read = (path: string) => readFileSync(join(root, path), 'utf8')
  return { dir, config, root, render, read }
}

/** Everything below a directory as `mode path`, without what is random in its name. */
const filesOf = (root: string) =>
  [...snapshot(root)].filter(([, { content }]) => content !== undefined).map(([path]) => path)

test('a host below a directory is what init would have written on it', async () => {
  const { root, render, read } = room()
  const { status, stderr } = await render()
  assert.is(status, 0, stderr)
  // The phases of init, on a host in memory.
  const host = memoryHost({ system: undefined })
  const hands = {
    host,
    store: host.store,
    context: testContext(),
    connect: () => Promise.reject(new Error('no cluster is asked')),
  }
  const description = await parseDescription({ file: { text: DESCRIPTION, name: 'kubeadm.yaml' } }, hands.context)
  const init = await prepareInit(parseControlPlane(description), hands)
  await runPhases(INIT_PHASES, init, hands, { only: HOST_PHASES })
  const expected = Object.keys(host.snapshot()).map(path => path.slice(1))
  assert.equal(filesOf(root).sort(), expected.sort())
  for (const path of expected) {
    const mode = statSync(join(root, path)).mode & 0o777
    assert.is(mode, (await host.look(`/${path}`))?.mode, path)
    // Keys, and what is signed with them, are others each time.
    const isRandom = /\/pki\/|\.conf$|\.jsonl$/.test(path)
    if (!isRandom) assert.is(read(path), host.text(`/${path}`), path)
  }
  assert.is(statSync(join(root, 'var/lib/etcd')).mode & 0o777, 0o700)
})

test('kpki check finds nothing amiss in it', async () => {
  const { root, render } = room()
  await render()
  const { status, stdout } = await run(['check', '--dir', join(root, 'etc/kubernetes')])
  assert.is(status, 0, stdout)
  assert.match(stdout, /nothing amiss/)
})

test('a second run changes nothing', async () => {
  const { root, render } = room()
  await render()
  const times = () =>
    filesOf(root).map(path => `${path} ${statSync(join(root, path)).mtimeMs} ${statSync(join(root, path)).ino}`)
  const before = times()
  const { status, stdout } = await render()
  assert.is(status, 0)
  assert.not.match(stdout, /^done/m)
  assert.match(stdout, /nothing\s+was\s+changed/)
  assert.equal(times(), before)
})

test('a file that says something else is named, and stays; one of ours is replaced when that is asked for', async () => {
  const { root, config, render, read } = room()
  await render()
  const manifest = 'etc/kubernetes/manifests/kube-scheduler.yaml'
  writeFileSync(config, DESCRIPTION.replace('v1.36.4', 'v1.36.3'))
  const before = read(manifest)
  const refused = await render('--skip-phases', 'etcd')
  assert.is(refused.status, 1)
  assert.match(refused.stderr, /manifests\/kube-[a-z-]+\.yaml/)
  assert.match(refused.stderr, /--overwrite/)
  assert.is(read(manifest), before)
  assert.is((await render('--overwrite')).status, 0)
  assert.match(read(manifest), /kube-scheduler:v1\.36\.3/)
  writeFileSync(join(root, manifest), 'mine\n')
  writeFileSync(config, DESCRIPTION)
  const foreign = await render('--overwrite')
  assert.is(foreign.status, 1)
  assert.is(read(manifest), 'mine\n')
})

test('a run that was cut short is completed by the next one', async () => {
  const { root, render } = room()
  await render()
  const all = filesOf(root)
  for (const path of ['etc/kubernetes/manifests/etcd.yaml', 'etc/kubernetes/admin.conf', 'var/lib/kubelet/config.yaml'])
    rmSync(join(root, path))
  assert.is((await render()).status, 0)
  assert.equal(filesOf(root), all)
})

test('node and address are never those of this machine', async () => {
  const { root, render } = room(DESCRIPTION.replace(/localAPIEndpoint.*\n.*\n/, ''))
  const { status, stderr } = await render()
  assert.is(status, 2)
  assert.match(stderr, /--node-name.*--apiserver-advertise-address/)
  assert.not(existsSync(root))
  const told = await render('--node-name', 'cp-9', '--apiserver-advertise-address', '10.0.0.9')
  assert.is(told.status, 0, told.stderr)
})

test('without --root nothing is written anywhere', async () => {
  const { config } = room()
  const { status, stderr } = await run(['render', '--config', config])
  assert.is(status, 2)
  assert.match(stderr, /--root DIR/)
})

test('patches are read on this machine', async () => {
  const { dir, render, read } = room()
  const patches = join(dir, 'patches')
  mkdirSync(patches)
  writeFileSync(join(patches, 'kube-scheduler+merge.yaml'), 'metadata: {annotations: {mine: here}}\n')
  const { status, stderr } = await render('--patches', patches)
  assert.is(status, 0, stderr)
  assert.match(read('etc/kubernetes/manifests/kube-scheduler.yaml'), /mine: here/)
  const missing = await room().render('--patches', join(dir, 'nowhere'))
  assert.is(missing.status, 2)
})

test('traits of the host are told by flags', async () => {
  const { render, read } = room()
  await render('--ca-dirs', '/usr/share/ca-certificates', '--systemd-resolved')
  const apiserver = read('etc/kubernetes/manifests/kube-apiserver.yaml')
  assert.match(apiserver, /path: \/usr\/share\/ca-certificates/)
  assert.match(read('var/lib/kubelet/config.yaml'), /resolvConf: \/run\/systemd\/resolve\/resolv\.conf/)
  const bare = room()
  await bare.render()
  assert.not.match(bare.read('etc/kubernetes/manifests/kube-apiserver.yaml'), /usr\/share\/ca-certificates/)
})

test('units of systemd in place of static Pods', async () => {
  const { root, render, read } = room()
  const { status, stdout, stderr } = await render('--as', 'systemd')
  assert.is(status, 0, stderr)
  const manifests = filesOf(root).filter(path => path.startsWith('etc/kubernetes/manifests/'))
  assert.equal(manifests, [])
  assert.match(read('etc/systemd/system/kube-apiserver.service'), /ExecStart=/)
  assert.match(stdout, /systemctl/)
})

test('certificates are where the description has them', async () => {
  const { render, read } = room(`${DESCRIPTION}certificatesDir: /srv/pki\n`)
  assert.is((await render()).status, 0)
  assert.match(read('srv/pki/ca.crt'), /BEGIN CERTIFICATE/)
  assert.match(read('etc/kubernetes/manifests/kube-apiserver.yaml'), /client-ca-file=\/srv\/pki\/ca\.crt/)
})

test('nothing is written through a link out of the directory', async () => {
  const { dir, root, render } = room()
  const elsewhere = join(dir, 'elsewhere')
  mkdirSync(elsewhere)
  mkdirSync(root)
  mkdirSync(join(root, 'etc'))
  symlinkSync(elsewhere, join(root, 'etc/kubernetes'))
  const { status, stderr } = await render()
  assert.is(status, 1)
  assert.match(stderr, /is a link to \S+elsewhere, which is not there in the directory/)
  assert.equal(filesOf(elsewhere), [])
})

test('an absolute link means the directory itself; one to nothing is named before anything is written', async () => {
  const { root, read, render } = room()
  mkdirSync(join(root, 'etc/kubernetes'), { recursive: true })
  symlinkSync('/srv/manifests', join(root, 'etc/kubernetes/manifests'))
  const refused = await render()
  assert.is(refused.status, 1)
  assert.not.match(refused.stderr, /render phase/)
  assert.match(refused.stderr, /manifests is a link to \/srv\/manifests/)
  assert.equal(readdirSync(join(root, 'etc/kubernetes')), ['manifests'])
  mkdirSync(join(root, 'srv/manifests'), { recursive: true })
  assert.is((await render()).status, 0)
  assert.match(read('srv/manifests/etcd.yaml'), /kind: Pod/)
  assert.match((await render()).stdout, /nothing\s+was\s+changed/)
})

test('units are not put beside static Pods, nor the other way round', async () => {
  const { root, render } = room()
  assert.is((await render('-q')).status, 0)
  const units = await render('--as', 'systemd', '-q')
  assert.is(units.status, 1)
  assert.match(units.stderr, /manifests\/etcd\.yaml is there: etcd would run as a static Pod and as a unit/)
  assert.not(existsSync(join(root, 'etc/systemd')))
  const other = room()
  assert.is((await other.render('--as', 'systemd', '-q')).status, 0)
  assert.is((await other.render('--as', 'systemd', '-q')).status, 0)
  const pods = await other.render('-q')
  assert.is(pods.status, 1)
  assert.match(pods.stderr, /etcd\.service is there/)
  // One that no run has made is somebody's own.
  const third = room()
  mkdirSync(join(third.root, 'etc/systemd/system'), { recursive: true })
  writeFileSync(join(third.root, 'etc/systemd/system/etcd.service'), '[Unit]')
  assert.is((await third.render('-q')).status, 0)
})

test('flags that would do nothing are refused', async () => {
  const { dir, root, render } = room()
  for (const flags of [
    ['--with-secrets'],
    ['--dry-run', '--manifests', join(dir, 'objects')],
    ['--ca-dirs', 'relative'],
    ['--ca-dirs', '/etc/pki/tls/certs,/etc/foo'],
  ]) {
    const { status, stderr } = await render(...flags)
    assert.is(status, 2, flags.join(' '))
    assert.match(stderr, new RegExp(flags[0] ?? ''))
  }
  assert.not(existsSync(root))
})

test('directories of trusted roots as the version mounts them', async () => {
  const at = async (version: string) => {
    const { read, render } = room(DESCRIPTION.replace('v1.36.4', version))
    assert.is((await render('--ca-dirs', '/etc/pki/tls/certs/,/usr/share/ca-certificates/', '-q')).status, 0)
    const manifest = read('etc/kubernetes/manifests/kube-apiserver.yaml')
    return [...manifest.matchAll(/mountPath: (\/etc\/pki\S*|\/usr\S*)/g)].map(([, path]) => path)
  }
  assert.equal(await at('v1.36.4'), ['/etc/pki/tls/certs', '/usr/share/ca-certificates'])
  assert.equal(await at('v1.30.4'), ['/etc/pki', '/usr/share/ca-certificates'])
})

test('what is said at the end is true of what was made', async () => {
  const { dir, render } = room()
  const flat = (text: string) => text.replaceAll(/\s+/g, ' ')
  const first = await render('--skip-phases', 'certs,kubeconfig')
  assert.match(flat(first.stdout), /Done: the host is below/)
  assert.not.match(flat(first.stdout), /Its keys are in there/)
  const objects = ['--manifests', join(dir, 'objects'), '--with-secrets']
  const refused = await render(...objects, '--skip-phases', 'certs,kubeconfig')
  assert.is(refused.status, 1)
  assert.not.match(flat(refused.stderr), /kpki init phase/)
  const { stdout } = await render(...objects)
  assert.match(flat(stdout), /Its keys are in there/)
  assert.match(flat(stdout), /No Secret is among them/)
})

test('a dry run says what patches come to, as the run itself does', async () => {
  const { dir, render } = room()
  mkdirSync(join(dir, 'patches'))
  writeFileSync(join(dir, 'patches/etcd.yaml'), 'spec: {hostNetwork: true}')
  writeFileSync(join(dir, 'patches/kubeletconfiguration.yaml'), '{}')
  const patches = ['--patches', join(dir, 'patches')]
  const flat = (text: string) => text.replaceAll(/\s+/g, ' ')
  const stdout = flat((await render(...patches, '--dry-run')).stdout)
  assert.match(stdout, /note: \S+\/etcd\.yaml: changes nothing in etcd/)
  assert.match(stdout, /note: \S+\/kubeletconfiguration\.yaml: changes nothing/)
  assert.match(
    flat((await render(...patches, '--dry-run', '--as', 'systemd')).stdout),
    /etcd\.yaml is a patch for a static Pod/,
  )
  assert.match((await render(...patches, '--dry-run', '-o', 'json')).stdout, /changes nothing in etcd/)
})

test('a dry run touches nothing, and twice says the same', async () => {
  const { root, render } = room()
  const first = await render('--dry-run')
  assert.is(first.status, 0)
  assert.not(existsSync(root))
  assert.match(first.stdout, /new +0600 \/etc\/kubernetes\/manifests\/etcd\.yaml/)
  assert.is((await render('--dry-run')).stdout, first.stdout)
  await render()
  const after = await render('--dry-run')
  assert.match(after.stdout, /0 files new/)
  writeFileSync(join(root, 'etc/kubernetes/manifests/etcd.yaml'), 'kind: Other\n')
  const differs = await render('--dry-run')
  assert.is(differs.status, 1)
  assert.match(differs.stdout, /-kind: Other/)
  const told = JSON.parse((await render('--dry-run', '-o', 'json')).stdout)
  assert.equal(told.conflicts, ['/etc/kubernetes/manifests/etcd.yaml'])
})

const TOKEN = 'abcdef.0123456789abcdef'
const WITH_TOKEN = DESCRIPTION.replace('localAPIEndpoint', `bootstrapTokens: [{token: ${TOKEN}}]\nlocalAPIEndpoint`)

test('objects of the cluster come in a file for each phase, without secrets', async () => {
  const { dir, render } = room(WITH_TOKEN)
  const manifests = join(dir, 'cluster')
  const { status, stdout, stderr } = await render('--manifests', manifests)
  assert.is(status, 0, stderr)
  assert.match(stdout, /1\s+Secret\s+was\s+left\s+out/)
  const names = filesOf(manifests).sort()
  assert.equal(names, [
    'addon-coredns.yaml',
    'addon-kube-proxy.yaml',
    'bootstrap-token.yaml',
    'upload-config-kubeadm.yaml',
    'upload-config-kubelet.yaml',
  ])
  for (const name of names) {
    const text = readFileSync(join(manifests, name), 'utf8')
    const kinds = parseYamlStream(text, name).map(({ value }) => (value as { kind: string }).kind)
    assert.ok(kinds.length > 0)
    assert.not(kinds.includes('Secret'))
    assert.not.match(text, /0123456789abcdef/)
  }
  const again = await render('--manifests', manifests)
  assert.match(again.stdout, /0\s+files\s+written,\s+5\s+unchanged/)
})

test('files of objects are replaced when that is asked for, unless somebody has changed them', async () => {
  const { dir, config, render } = room()
  const manifests = join(dir, 'cluster')
  const coredns = join(manifests, 'addon-coredns.yaml')
  await render('--manifests', manifests)
  writeFileSync(config, DESCRIPTION.replace('v1.36.4', 'v1.36.3\ndns: {imageTag: v1.2.3}'))
  const refused = await render('--manifests', manifests, '--overwrite')
  assert.is(refused.status, 0, refused.stderr)
  assert.match(readFileSync(coredns, 'utf8'), /coredns:v1\.2\.3/)
  const edited = readFileSync(coredns, 'utf8').replace('replicas: 2', 'replicas: 3')
  const [uploaded, before] = [join(manifests, 'upload-config-kubeadm.yaml'), DESCRIPTION]
  const uploadedText = readFileSync(uploaded, 'utf8')
  writeFileSync(config, before)
  for (const text of [edited, 'mine\n', readFileSync(coredns, 'utf8').replace(/^#.*\n/, '')]) {
    writeFileSync(coredns, text)
    const foreign = await render('--manifests', manifests, '--overwrite')
    assert.is(foreign.status, 1)
    assert.match(foreign.stderr, /addon-coredns\.yaml is not as a run of kpki has made it/)
    assert.is(readFileSync(coredns, 'utf8'), text)
    assert.is(readFileSync(uploaded, 'utf8'), uploadedText, 'all or none')
  }
  const without = await render('--manifests', manifests, '--overwrite')
  assert.not.match(without.stderr, /--overwrite/, 'is no way')
  const told = await render('--manifests', manifests)
  assert.is(told.status, 1)
})

test('secrets are written when that is asked for, for their owner alone', async () => {
  const { dir, render } = room(WITH_TOKEN)
  const manifests = join(dir, 'cluster')
  await render('--manifests', manifests, '--with-secrets')
  const file = join(manifests, 'secrets.yaml')
  assert.is(statSync(file).mode & 0o777, 0o600)
  assert.match(readFileSync(file, 'utf8'), /bootstrap-token-abcdef/)
})

test('a token that is there already stays until it expires; who else can read it is looked at', async () => {
  const { dir, config, render } = room(WITH_TOKEN)
  const manifests = join(dir, 'cluster')
  const file = join(manifests, 'secrets.yaml')
  const at = (time: string) => render('--manifests', manifests, '--with-secrets', '--now', time)
  assert.is((await at('2026-06-15T12:00:00Z')).status, 0)
  const first = readFileSync(file, 'utf8')
  const second = await at('2026-06-15T18:00:00Z')
  assert.is(second.status, 0, second.stderr)
  assert.match(second.stdout, /0\s+files\s+written,\s+6\s+unchanged/)
  assert.is(readFileSync(file, 'utf8'), first)
  chmodSync(file, 0o644)
  const open = await at('2026-06-15T18:00:00Z')
  assert.is(open.status, 1)
  assert.match(open.stderr, /secrets\.yaml is there, and has mode 0644/)
  assert.is(
    (await render('--manifests', manifests, '--with-secrets', '--now', '2026-06-15T18:00:00Z', '--overwrite')).status,
    0,
  )
  assert.is(statSync(file).mode & 0o777, 0o600)
  const expired = await at('2026-06-17T12:00:00Z')
  assert.is(expired.status, 1)
  assert.match(expired.stderr, /secrets\.yaml is there, and says something else/)
  // A shorter life, or other groups, are another token.
  for (const more of ['ttl: 1h', 'groups: [system:bootstrappers:mine]', 'expires: 2026-06-15T13:00:00Z']) {
    writeFileSync(config, WITH_TOKEN.replace(`{token: ${TOKEN}}`, `{token: ${TOKEN}, ${more}}`))
    assert.is((await at('2026-06-15T12:00:01Z')).status, 1, more)
    assert.is(readFileSync(file, 'utf8'), first)
  }
})

test('for programs: phases, and what was written', async () => {
  const { dir, root, render } = room()
  const told = JSON.parse((await render('-o', 'json', '--manifests', join(dir, 'cluster'))).stdout)
  assert.is(told.kind, 'RenderResult')
  assert.is(told.root, root)
  assert.is(told.nodeName, 'cp-1')
  assert.is(told.manifests.written.length, 5)
  assert.ok(told.phases.some(({ made }: { made: string[] }) => made.includes(join(root, 'etc/kubernetes/pki/ca.crt'))))
})

test('a directory that cannot be written to is named', async () => {
  const { root, render } = room()
  const { mkdir } = fs
  // What the kernel says to everybody but root.
  Object.assign(fs, { mkdir: async () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) })
  const { status, stderr } = await render().finally(() => Object.assign(fs, { mkdir }))
  assert.is(status, 1)
  assert.match(stderr, /cannot be written to/)
  assert.not(existsSync(root))
})

test.run()
