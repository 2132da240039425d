/** What people give in the wrong place is not repeated: logs keep it. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../lib/cli/commands.js'
import { withholder } from '../../lib/cli/withhold.js'
import { run } from '../support/cli.js'

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const key = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey
const SECRETS: Readonly<Record<string, string>> = {
  jwt: `${b64({ alg: 'RS256', kid: 'x' })}.${b64({ sub: 'system:serviceaccount:ops:ci' })}.${randomBytes(256).toString('base64url')}`,
  pem: key,
  'base64 of it': Buffer.from(key).toString('base64'),
  kubeconfig: `apiVersion: v1\nkind: Config\nusers: [{name: a, user: {token: hidden-in-it}}]\n`,
  'a certificate key': randomBytes(32).toString('hex'),
  'a static token': `x${randomBytes(30).toString('base64url')}`,
  'a long line': 'hidden '.repeat(50),
}

/** The middle of it, and its last line: nothing of a secret is to be seen, cut off or not. */
function assertHidden(said: { stdout: string; stderr: string }, secret: string, what: string): void {
  const lines = secret.split('\n').filter(line => !line.startsWith('-----') && line.length > 15)
  for (const line of lines)
    for (const part of [line.slice(0, 16), line.slice(-12)])
      assert.not.ok((said.stdout + said.stderr).includes(part), `${what}: ${said.stderr}`)
}

const LOADED = Object.entries(COMMANDS).filter(([, { load }]) => load)
for (const [kind, secret] of Object.entries(SECRETS)) {
  test(`${kind} in the place of an argument is not repeated by any command`, async () => {
    for (const [path, { args, flags = {} }] of LOADED) {
      // What a shell is asked for completions, it wants back.
      if (path === '__complete' || path.startsWith('completion')) continue
      const words = path.split(' ')
      const most = args?.most ?? 0
      const lines = [
        [...words, ...Array<string>(most > 9 ? 0 : most).fill('x'), secret, secret],
        [...words, `--tokn=${secret}`],
        ...('output' in flags
          ? [
              [...words, '--output', secret],
              [...words, `--quiet=${secret}`],
            ]
          : []),
        // Of these each takes a file, or a word of a few, and writes none.
        ...(most > 0 && most < 9 && !path.startsWith('token')
          ? [
              [...words, secret],
              [...words, secret, '-o', 'json'],
            ]
          : []),
      ]
      for (const line of lines)
        assertHidden(await run(line, { env: { HOME: '/nowhere' } }), secret, line.slice(0, 3).join(' '))
    }
  })

  test(`${kind} in the place of a file is not repeated`, async () => {
    for (const line of [
      ['kubeconfig', 'show', secret],
      ['kubeconfig', 'verify', '--kubeconfig', secret],
      ['kubeconfig', 'merge', secret, '--into', '/nowhere/x'],
      ['kubeconfig', 'user', '--client-name', 'ci', '--token-file', secret],
      ['kubeconfig', 'user', '--client-name', 'ci', '--token', 'abc', secret],
      ['kubeconfig', 'user', '--client-name', 'ci', '--role', 'x', '--namespace', secret],
      ['kubeconfig', 'user', '--client-name', 'ci', '--out', `no-such/${secret}`],
      ['sa', 'verify', secret],
      ['sa', 'verify', '--key', secret, '/nowhere'],
      ['sa', 'jwks', secret],
      ['inspect', secret],
      ['issued', secret],
      ['token', 'list', '--kubeconfig', secret],
      [secret],
    ]) {
      for (const output of [[], ['-o', 'json']]) {
        const said = await run([...line, ...output], { env: { HOME: '/nowhere', KPKI_DEBUG: '1' } })
        assert.ok(said.status > 0, line[0])
        assertHidden(said, secret, line.slice(0, 2).join(' '))
      }
    }
  })
}

test('how a secret is passed is said', async () => {
  const file = await run(['inspect', SECRETS['jwt'] ?? ''])
  assert.equal(
    [file.status, /hint: (.*)/.exec(file.stderr)?.[1]],
    [1, 'name a file that holds it, or give it by standard input, whose name is -'],
  )
  const stray = await run(['kubeconfig', 'user', '--client-name', 'ci', SECRETS['jwt'] ?? '', '-o', 'json'])
  assert.match(stray.stderr, 'by standard input, whose name is -')
  const name = await run(['kubeconfig', 'show', './no-such.conf'])
  assert.match(name.stderr, './no-such.conf does not exist')
})

test('a secret is taken out of a text whole, however much of it stands there', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 16, max: SECRETS['jwt']?.length ?? 0 }),
      fc.string(),
      fc.string(),
      (length, before, after) => {
        const secret = SECRETS['jwt'] ?? ''
        const text = withholder(['x', `--y=${secret}`])(`${before} ${secret.slice(0, length)} ${after}`)
        assert.is(text, `${before} *** ${after}`)
      },
    ),
  )
  assert.is(withholder([key])(`a ${JSON.stringify(key).slice(0, 80)}… b`), 'a "***… b')
  assert.is(withholder(['ca.crt', '--out', 'x'])('ca.crt x'), 'ca.crt x')
})

test.run()
