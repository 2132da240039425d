import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { run } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'

const IN = `kind: Config
clusters: [{name: x, cluster: {server: "https://in"}}]
users: [{name: u, user: {token: IN}}]
contexts: [{name: c, context: {cluster: x, user: u}}]
current-context: c
`
const OTHER = IN.replaceAll('IN', 'B').replace('https://in', 'https://b')

test(
  'into one of several files of KUBECONFIG: what kubectl reads of the others stays what it is',
  inTempDir(async dir => {
    const at = (name: string) => join(dir, name)
    const env = { KUBECONFIG: `${at('a')}:${at('gone')}:${at('b')}` }
    const write = () => {
      writeFileSync(at('a'), 'clusters: [{name: q, cluster: {server: "https://q"}}]\n')
      writeFileSync(at('b'), OTHER)
      writeFileSync(at('in'), IN)
    }
    const merge = (...argv: string[]) => run(['kubeconfig', 'merge', at('in'), ...argv], { env })
    write()
    const refused = await merge()
    assert.is(refused.status, 1)
    assert.match(refused.stderr, `${at('b')} has a cluster "x" for https://b, and not for https://in as in ${at('in')}`)
    const renamed = JSON.parse((await merge('--on-conflict', 'rename', '-o', 'json')).stdout)
    assert.equal([renamed.file, renamed.currentContext, renamed.previousContext], [at('a'), 'c', 'c'])
    assert.is((parse(readFileSync(at('a'), 'utf8')) as Record<string, unknown>)['current-context'], undefined)
    assert.is(readFileSync(at('b'), 'utf8'), OTHER)
    write()
    const into = await merge('--into', at('b'), '--on-conflict', 'overwrite')
    assert.is(into.status, 0, into.stderr)
    assert.match(into.stdout, '2 overwritten, 1 kept')
    assert.match(readFileSync(at('b'), 'utf8'), 'https://in')
    // What is not among them is looked at alone.
    assert.is((await merge('--into', at('alone'))).status, 0)
  }),
)

test(
  'where none of KUBECONFIG is there, the last is made, as by kubectl',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'in'), IN)
    const env = { KUBECONFIG: ['a', 'b', 'c'].map(name => join(dir, name)).join(':') }
    await run(['kubeconfig', 'merge', join(dir, 'in')], { env })
    assert.equal(
      ['a', 'b', 'c'].map(name => existsSync(join(dir, name))),
      [false, false, true],
    )
  }),
)

test(
  'standard input is no file to merge into; what it names is said to be named by it',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'in'), IN)
    const dash = await run(['kubeconfig', 'merge', join(dir, 'in'), '--into', '-'])
    assert.is(dash.status, 2)
    assert.match(dash.stderr, './-')
    assert.is(existsSync('-'), false)
    const flat = await run(['kubeconfig', 'merge', '-', '--into', join(dir, 't'), '--flatten'], {
      stdin: IN.replace('server: "https://in"', 'server: "https://in", certificate-authority: /nowhere/ca.crt'),
    })
    assert.match(flat.stderr, '/nowhere/ca.crt, which standard input names, does not exist')
  }),
)

test(
  'the program of a user beside the kubeconfig is still that one',
  inTempDir(async dir => {
    const exec = (command: string) =>
      `kind: Config\nusers: [{name: e, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ${command}}}}]\n`
    mkdirSync(join(dir, 'below'))
    for (const [command, into, expected] of [
      ['./auth', 't', './auth'],
      ['auth', 't2', 'auth'],
      ['./below/../auth', 't3', './auth'],
      ['./auth', 'below/t', join(dir, 'auth')],
      ['below/auth', 'below/t2', './auth'],
    ] as const) {
      writeFileSync(join(dir, 'in'), exec(command))
      const said = await run(['kubeconfig', 'merge', join(dir, 'in'), '--into', join(dir, into)])
      assert.is(said.status, 0, said.stderr)
      const { users } = parse(readFileSync(join(dir, into), 'utf8')) as {
        users: { user: { exec: { command: string } } }[]
      }
      assert.is(users[0]?.user.exec.command, expected)
      const again = await run(['kubeconfig', 'merge', join(dir, 'in'), '--into', join(dir, into)])
      assert.match(again.stdout, 'Nothing to do')
    }
  }),
)

test(
  'a byte order mark stays, and a line end that was missing makes no empty line',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'in'), IN)
    const merged = async (text: string) => {
      writeFileSync(join(dir, 't'), text)
      const said = await run(['kubeconfig', 'merge', join(dir, 'in'), '--into', join(dir, 't')])
      assert.is(said.status, 0, said.stderr)
      return readFileSync(join(dir, 't'), 'utf8')
    }
    const bare = 'clusters:\n- name: a\n  cluster:\n    server: https://a'
    const expected = `${bare}
- cluster:
    server: https://in
  name: x
users:
- name: u
  user:
    token: IN
contexts:
- context:
    cluster: x
    user: u
  name: c
current-context: c
`
    for (const text of [bare, `${bare}\n`, `\ufeff${bare}\n`, `\ufeff${bare}`]) {
      const after = await merged(text)
      assert.not.match(after, /\n\n/)
      assert.ok(after.startsWith(text))
      assert.equal(parse(after.replace('\ufeff', '')), parse(expected))
    }
    assert.not.match(await merged(bare.replaceAll('\n', '\r\n')), /[^\r]\n|\r\n\r\n/)
    const json = await merged('{"clusters": []}')
    assert.is(json.at(-1), '}')
  }),
)

test(
  'where nobody may write, the file is named, and a flag that there is',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'in'), IN)
    // sysfs takes no new file of anybody.
    const { status, stderr } = await run(['kubeconfig', 'merge', join(dir, 'in'), '--into', '/sys/t'])
    assert.is(status, 1)
    assert.not.match(stderr, /\.lock|--dir/)
    assert.match(stderr, '/sys/t cannot be changed: its directory cannot be written to')
  }),
)

test(
  'an interrupt while it waits for a lock is one',
  inTempDir(async dir => {
    writeFileSync(join(dir, 'in'), IN)
    writeFileSync(join(dir, 't.lock'), '')
    const line = ['kubeconfig', 'merge', join(dir, 'in'), '--into', join(dir, 't')]
    const { status } = await run(line, { signal: AbortSignal.timeout(50) })
    assert.is(status, 130)
    const waited = await run(line)
    assert.match(waited.stderr, `its lock ${join(dir, 't.lock')} is there`)
  }),
)

test.run()
