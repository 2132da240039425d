import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ControlPlane } from '../../lib/config/control-plane.js'
import { UsageError } from '../../lib/errors.js'
import { componentCommand } from '../../lib/render/component-args.js'
import type { HostFile } from '../../lib/render/host-file.js'
import { STATIC_POD_COMPONENTS, type StaticPodComponent } from '../../lib/render/static-pods.js'
import { environmentLine, unitWord } from '../../lib/render/systemd-text.js'
import { systemdFiles } from '../../lib/render/units.js'
import { controlPlane } from '../support/control-plane.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

function refusal(run: () => unknown): UsageError {
  try {
    run()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** The unit, without the file of its environment. */
function unitOf(...args: Parameters<typeof systemdFiles>): HostFile {
  const [unit] = systemdFiles(...args).files
  if (!unit) throw new Error('no unit')
  return unit
}

/** The words of a command line as systemd takes it apart: systemd.syntax(7), systemd.service(5), systemd.unit(5). */
function words(line: string): readonly string[] {
  const found: string[] = []
  let [word, isIn, quote] = ['', false, '']
  const text = line.replace(/\\\n/g, ' ')
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? ''
    if (character === '\\') {
      const next = text[++index] ?? ''
      if (next !== '\\' && next !== '"') throw new Error(`\\${next} is not what is written`)
      word += next
    } else if (character === quote) quote = ''
    else if (quote === '' && (character === '"' || character === "'")) [quote, isIn] = [character, true]
    else if (quote === '' && /\s/.test(character)) {
      if (isIn) found.push(word)
      ;[word, isIn] = ['', false]
    } else if (character === '%' || character === '$') {
      if (text[++index] !== character) throw new Error(`a single ${character} in ${line}`)
      ;[word, isIn] = [word + character, true]
    } else [word, isIn] = [word + character, true]
  }
  return isIn ? [...found, word] : found
}

const execStart = (unit: string) => /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit)?.[1] ?? ''

for (const [text, expected] of [
  ['--v=4', '--v=4'],
  ['--a=b c', '"--a=b c"'],
  ['--a=100%', '--a=100%%'],
  ['--a=$HOME', '--a=$$HOME'],
  ['--a="x"', '"--a=\\"x\\""'],
  ['--a=C:\\', '"--a=C:\\\\"'],
  ["--a=it's", '"--a=it\'s"'],
  ['--a=;', '"--a=;"'],
  ['--a=#', '"--a=#"'],
  ['--a=☃', '"--a=☃"'],
  ['--controllers=*,bootstrapsigner', '--controllers=*,bootstrapsigner'],
] as const)
  test(`a word of a unit: ${text}`, () => {
    assert.is(unitWord(text, 'x'), expected)
    assert.equal(words(expected), [text])
  })

for (const text of ['a\nb', 'a\u0000b', 'a\u001b[31m', 'a\u0085b', 'a\u2028b', '\r'])
  test(`no unit holds ${JSON.stringify(text)}`, () => {
    assert.is(refusal(() => unitWord(text, 'apiServer.extraArgs')).code, 'KPKI_FIELD_VALUE')
    assert.is(refusal(() => environmentLine('A', text, 'apiServer.extraEnvs')).code, 'KPKI_FIELD_VALUE')
  })

test('a program is named by its path', async () => {
  const described = await controlPlane('v1.36.4')
  const error = refusal(() => unitOf('etcd', described, {}, { binDir: 'bin' }))
  assert.is(error.code, 'KPKI_FIELD_VALUE')
  assert.is(refusal(() => unitOf('etcd', described, {}, { binDir: '/a\nExecStart=/b' })).code, 'KPKI_FIELD_VALUE')
})

for (const name of ['', 'A B', '1A', 'A-B', 'A.B', 'A=B', 'Ä', 'A\n'])
  test(`systemd takes no variable ${JSON.stringify(name)}`, () => {
    const error = refusal(() => environmentLine(name, 'x', 'apiServer.extraEnvs'))
    assert.is(error.code, 'KPKI_FIELD_VALUE')
    assert.is(error.details['field'], 'apiServer.extraEnvs')
  })

test('an environment file says what it should: shells read it alike', () => {
  const values = ['x y', '$HOME', '`id`', '"', '\\', "'", '%h', '#', 'a=b', 'ü']
  for (const value of values) {
    const line = environmentLine('KPKI_X', value, 'x')
    const said = spawnSync('sh', ['-c', `${line}\nprintf %s "$KPKI_X"`], { encoding: 'utf8' })
    assert.is(said.stdout, value, line)
  }
})

test('whatever arguments say, systemd has the same words as the kubelet', async () => {
  const base = await controlPlane('v1.36.4')
  const character = fc.oneof(
    fc.constantFrom(...'%$"\'\\;#`{}()<>|& =-.,'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  )
  const printable = fc
    .array(character)
    .map(list => list.join(''))
    .filter(text => !/\p{Cc}|\u2028|\u2029/u.test(text))
  fc.assert(
    fc.property(printable, value => {
      const described = { ...base, scheduler: { ...base.scheduler, extraArgs: [{ name: 'x', value }] } }
      const unit = textOf(unitOf('kube-scheduler', described).bytes)
      const [program = '', ...args] = words(execStart(unit))
      assert.equal([program.replace(/.*\//, ''), ...args], componentCommand('kube-scheduler', described))
    }),
  )
})

for (const [component, type, after] of [
  ['etcd', 'notify', 'network-online.target'],
  ['kube-apiserver', 'notify', 'network-online.target etcd.service'],
  ['kube-controller-manager', 'exec', 'network-online.target kube-apiserver.service'],
  ['kube-scheduler', 'exec', 'network-online.target kube-apiserver.service'],
] as const)
  test(`the unit of ${component}`, async () => {
    const described = await controlPlane('v1.36.4')
    const { files, notes } = systemdFiles(component, described)
    assert.equal(notes, [])
    const [file, ...others] = files
    assert.equal(others, [])
    assert.is(file?.path, `/etc/systemd/system/${component}.service`)
    assert.is(file?.mode, 0o644)
    const unit = textOf(file?.bytes ?? new Uint8Array())
    assert.ok(unit.includes(`\nType=${type}\n`), unit)
    assert.ok(unit.includes(`\nAfter=${after}\n`), unit)
    assert.is(unit.includes('\nTimeoutStartSec=240\n'), type === 'notify')
    assert.equal(words(execStart(unit)), [
      `/usr/local/bin/${component}`,
      ...componentCommand(component, described).slice(1),
    ])
  })

test('an API server without an etcd beside it waits for none', async () => {
  const described = await controlPlane('v1.36.4', {
    cluster: 'etcd: {external: {endpoints: ["http://10.0.0.7:2379"]}}',
  })
  assert.not(textOf(unitOf('kube-apiserver', described).bytes).includes('etcd.service'))
  assert.is(refusal(() => systemdFiles('etcd', described)).code, 'KPKI_FIELD_CONFLICT')
})

test('the environment is in a file that only root reads: systemd tells everybody what stands in a unit', async () => {
  const described = await controlPlane('v1.36.4', {
    cluster: 'apiServer: {extraEnvs: [{name: GOGC, value: "50"}, {name: TOKEN, value: "a$b\\"c"}]}',
  })
  const traits = { proxyEnv: { HTTPS_PROXY: 'http://me:secret@proxy:3128' } }
  const { files } = systemdFiles('kube-apiserver', described, traits)
  const [unit, env, ...more] = files
  assert.equal(more, [])
  assert.not(textOf(unit?.bytes ?? new Uint8Array()).includes('secret'))
  assert.ok(
    textOf(unit?.bytes ?? new Uint8Array()).includes('\nEnvironmentFile=/etc/kubernetes/systemd/kube-apiserver.env\n'),
  )
  assert.is(env?.path, '/etc/kubernetes/systemd/kube-apiserver.env')
  assert.is(env?.mode, 0o600)
  assert.is(env?.isSecret, true)
  assert.is(
    textOf(env?.bytes ?? new Uint8Array()),
    'GOGC="50"\nHTTPS_PROXY="http://me:secret@proxy:3128"\nTOKEN="a\\$b\\"c"\n',
  )
})

for (const [name, cluster, field] of [
  [
    'a volume that is somewhere else in the container',
    'controllerManager: {extraVolumes: [{name: cloud, hostPath: /etc/cloud.conf, mountPath: /etc/kubernetes/cloud.conf}]}',
    'controllerManager.extraVolumes[0].mountPath',
  ],
  [
    'a variable that is taken from a Pod',
    'scheduler: {extraEnvs: [{name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]}',
    'scheduler.extraEnvs',
  ],
] as const)
  test(`${name} is refused`, async () => {
    const described = await controlPlane('v1.36.4', { cluster })
    const component: StaticPodComponent = field.startsWith('scheduler') ? 'kube-scheduler' : 'kube-controller-manager'
    const error = refusal(() => systemdFiles(component, described))
    assert.is(error.code, 'KPKI_FIELD_CONFLICT')
    assert.is(error.details['field'], field)
  })

test('what a static Pod would have and a unit has not is said', async () => {
  const cluster = `apiServer:
  extraVolumes: [{name: audit, hostPath: /var/log/audit, mountPath: /var/log/audit}]
  extraArgs: [{name: x, value: "$(HOST)"}]`
  const described = await controlPlane('v1.36.4', { cluster })
  const patch = (target: 'kube-apiserver' | 'etcd', file: string) =>
    ({ target, type: 'merge', content: {}, file }) as const
  const patches = [patch('kube-apiserver', 'p/kube-apiserver.yaml'), patch('etcd', 'p/etcd.yaml')]
  const { notes } = systemdFiles('kube-apiserver', described, {}, { patches })
  assert.is(notes.length, 3)
  for (const word of ['apiServer.extraVolumes', 'p/kube-apiserver.yaml', '--x'])
    assert.ok(
      notes.some(note => note.includes(word)),
      word,
    )
})

testWith(
  'systemd-analyze',
  test,
  'systemd finds nothing to say about the units',
  inTempDir(async dir => {
    const bin = join(dir, 'bin with spaces, 100% $HOME')
    mkdirSync(bin)
    for (const component of STATIC_POD_COMPONENTS) writeFileSync(join(bin, component), '#!/bin/sh\n', { mode: 0o755 })
    const described: ControlPlane = await controlPlane('v1.36.4', {
      cluster: `apiServer:
  extraArgs: [{name: odd, value: "a b;c \\"d\\" 100% $HOME \\\\ it's # ☃"}]
  extraEnvs: [{name: GOGC, value: "50"}]`,
    })
    const units = STATIC_POD_COMPONENTS.map(component => {
      const path = join(dir, `${component}.service`)
      writeFileSync(path, unitOf(component, described, {}, { binDir: bin }).bytes)
      return path
    })
    const said = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8' })
    const about = `${said.stdout}${said.stderr}`
      .split('\n')
      .filter(line => line.includes(dir) || /kube-|etcd/.test(line))
    assert.equal(about, [])
    // And it would say something: one that it cannot read.
    const broken = join(dir, 'broken.service')
    writeFileSync(broken, textOf(unitOf('etcd', described, {}, { binDir: '/nowhere' }).bytes))
    assert.is.not(spawnSync('systemd-analyze', ['verify', '--man=no', broken]).status, 0)
  }),
)

test.run()
