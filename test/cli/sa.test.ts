import { createPublicKey, type JsonWebKey, sign as signWith, verify } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'

const NOW = ['--now', '2026-06-01T12:00:00Z']
const UID = '3a0e3a7e-5f0e-4a5c-9b51-0d2f7d5e3f10'
const ISSUER = 'https://kubernetes.default.svc.cluster.local'

/** A tree with sa.key and sa.pub of P-256. */
async function keys(dir: string): Promise<void> {
  const made = await run([
    'gen',
    'sa',
    '--dir',
    dir,
    '--encryption-algorithm',
    'ECDSA-P256',
    '--node-name',
    'a',
    '--apiserver-advertise-address',
    '10.0.0.1',
  ])
  assert.is(made.status, 0, made.stderr)
}
const sign = (dir: string, ...more: string[]) =>
  run(['sa', 'token', 'builder', '-n', 'ci', '--uid', UID, '--dir', dir, ...NOW, ...more])
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

test(
  'a token is all of stdout; who, and until when, is for people; the key set verifies it: the word of Node',
  inTempDir(async dir => {
    await keys(dir)
    const { status, stdout, stderr } = await sign(dir)
    assert.is(status, 0, stderr)
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    assert.match(stderr, 'kpki: system:serviceaccount:ci:builder until 2026-06-01 13:00 UTC')
    const set = JSON.parse((await run(['sa', 'jwks', '--dir', dir])).stdout) as { keys: JsonWebKey[] }
    assert.is(set.keys.length, 1)
    const [header, claims, signature = ''] = stdout.trim().split('.')
    assert.is(JSON.parse(Buffer.from(header ?? '', 'base64url').toString()).kid, set.keys[0]?.['kid'])
    const key = createPublicKey({ key: set.keys[0] ?? {}, format: 'jwk' })
    const bytes = Buffer.from(signature, 'base64url')
    assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), { key, dsaEncoding: 'ieee-p1363' }, bytes))
    assert.is((await sign(dir, '--quiet')).stderr, '')
  }),
)

test(
  'into a file of mode 0600; never over one; a warning where others can read stdout',
  inTempDir(async dir => {
    await keys(dir)
    const file = join(dir, 'token')
    const said = await sign(dir, '--out', file)
    assert.equal([said.status, said.stdout], [0, ''])
    assert.is(statSync(file).mode & 0o777, 0o600)
    const again = await sign(dir, '--out', file)
    assert.is(again.status, 1)
    assert.match(again.stderr, /exists already\nkpki: hint: name another file, or move it away\n$/)
    // As where a file is read: standard input and output.
    const printed = await sign(dir, '--out', '-')
    assert.match(printed.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    assert.not.ok(existsSync('-'))
    const exposed = await run(['sa', 'token', 'a', '--uid', 'b', '--dir', dir], { exposed: true })
    assert.match(exposed.stderr, 'others can read')
  }),
)

test(
  'audiences, time, issuer, what it ends with, the version',
  inTempDir(async dir => {
    await keys(dir)
    const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', 'p', '--bound-object-uid', 'u']
    const flags = ['--audience', 'vault,db,vault', '--duration', '1h30m', '--issuer', 'https://a.example.org', ...bound]
    const claims = claimsOf((await sign(dir, ...flags, '--kubernetes-version', '1.29')).stdout)
    const seconds = Date.parse('2026-06-01T12:00:00Z') / 1000
    assert.equal(claims, {
      aud: ['vault', 'db'],
      exp: seconds + 5400,
      iat: seconds,
      iss: 'https://a.example.org',
      'kubernetes.io': { namespace: 'ci', pod: { name: 'p', uid: 'u' }, serviceaccount: { name: 'builder', uid: UID } },
      nbf: seconds,
      sub: 'system:serviceaccount:ci:builder',
    })
    assert.ok('jti' in claimsOf((await sign(dir)).stdout))
  }),
)

const REFUSED: readonly (readonly [name: string, argv: readonly string[], status: number, says: RegExp])[] = [
  ['no uid', ['sa', 'token', 'a'], 2, /compares it\n.*--uid .*--kubeconfig FILE/],
  ['no name', ['sa', 'token', '--uid', 'u'], 2, /service-account/],
  ['half of what it is bound to', ['sa', 'token', 'a', '--uid', 'u', '--bound-object-kind', 'Pod'], 2, /go together/],
  ['a duration in words', ['sa', 'token', 'a', '--uid', 'u', '--duration', 'tomorrow'], 2, /--duration tomorrow/],
  ['no duration', ['sa', 'token', 'a', '--uid', 'u', '--duration', '0s'], 2, /--duration 0s/],
  ['days', ['sa', 'token', 'a', '--uid', 'u', '--duration', '30d'], 2, /30d is no duration\n.*write 720h/],
  [
    'more than Go can say',
    ['sa', 'token', 'a', '--uid', 'u', '--duration', '9999999999h'],
    2,
    /9999999999h is longer than any duration\n.*2562047h/,
  ],
  [
    'more than a TokenRequest may ask for',
    ['sa', 'token', 'a', '--uid', 'u', '--duration', '2000000h'],
    1,
    /1 second to 2\^32 seconds/,
  ],
  ['an empty audience', ['sa', 'token', 'a', '--uid', 'u', '--audience', 'a,,b'], 2, /--audience a,,b: .*empty/],
  [
    'a Node where none is known',
    [
      ...['sa', 'token', 'a', '--uid', 'u', '--bound-object-kind', 'Node', '--bound-object-name', 'n'],
      ...['--bound-object-uid', 'u', '--kubernetes-version', 'v1.28.0'],
    ],
    1,
    /since v1\.30, and v1\.28\.0/,
  ],
  [
    'an old version',
    ['sa', 'token', 'a', '--uid', 'u', '--kubernetes-version', '1.10'],
    2,
    /--kubernetes-version 1.10/,
  ],
  ['a namespace that is none', ['sa', 'token', 'a', '-n', 'A', '--uid', 'u'], 1, /namespace/],
  ['an issuer that is no URL', ['sa', 'openid-configuration', '--issuer', 'kubernetes'], 1, /the issuer is no URL/],
]
for (const [name, argv, status, says] of REFUSED) {
  test(
    `refused: ${name}`,
    inTempDir(async dir => {
      await keys(dir)
      const said = await run([...argv, '--dir', dir])
      assert.equal([said.status, said.stdout], [status, ''])
      assert.match(said.stderr, says)
    }),
  )
}

test(
  'verify: what the token says; why another one is not taken; the token itself is never shown',
  inTempDir(async dir => {
    await keys(dir)
    const token = (await sign(dir)).stdout
    const verifyWith = (stdin: string, ...more: string[]) =>
      run(['sa', 'verify', '--dir', dir, ...NOW, ...more], { stdin })
    const good = await verifyWith(token)
    assert.is(good.status, 0, good.stderr)
    assert.match(good.stdout, /^system:serviceaccount:ci:builder\n {2}until 2026-06-01 13:00 UTC, 60 min\n {2}uid 3a0e/)
    for (const line of good.stdout.split('\n')) assert.ok(line.length <= 80, line)
    assert.match(good.stderr, 'only the API server knows')
    const structured = JSON.parse((await verifyWith(token, '-o', 'json')).stdout)
    assert.equal(
      [structured.kind, structured.name, structured.audiences],
      ['ServiceAccountTokenVerification', 'builder', [ISSUER]],
    )
    const file = join(dir, 'token')
    writeFileSync(file, token)
    assert.is((await run(['sa', 'verify', file, '--dir', dir, ...NOW])).status, 0)
    const [first = '', second = ''] = token.split('.')
    for (const [code, said] of [
      [
        'KPKI_JWT_EXPIRED',
        await run(['sa', 'verify', file, '--dir', dir, '--now', '2026-06-01T13:01:01Z', '-o', 'json']),
      ],
      ['KPKI_JWT_AUDIENCE', await verifyWith(token, '--audience', 'vault', '-o', 'json')],
      ['KPKI_JWT_ISSUER', await verifyWith(token, '--issuer', 'https://a.example.org', '-o', 'json')],
      ['KPKI_JWT_SIGNATURE', await verifyWith(`${first}.${second}.${'A'.repeat(86)}`, '-o', 'json')],
      ['KPKI_JWT_INVALID', await verifyWith(`${first}.${second}`, '-o', 'json')],
    ] as const) {
      assert.equal([said.status, said.stdout], [1, ''], code)
      assert.is(JSON.parse(said.stderr).error.code, code)
      assert.not.ok(said.stderr.includes(second), code)
    }
  }),
)

/** A token with a header and claims of one's own, signed by node:crypto with the sa.key of a tree. */
function forge(dir: string, change: object, header: object = {}): string {
  const seconds = Date.parse('2026-06-01T12:00:00Z') / 1000
  const claims = {
    iss: ISSUER,
    aud: [ISSUER],
    sub: 'system:serviceaccount:ci:builder',
    exp: seconds + 3600,
    'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'builder', uid: UID } },
    ...change,
  }
  const input = [{ alg: 'ES256', ...header }, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const key = { key: readFileSync(join(dir, 'pki/sa.key'), 'utf8'), dsaEncoding: 'ieee-p1363' as const }
  return `${input}.${signWith('sha256', Buffer.from(input), key).toString('base64url')}`
}

test(
  'verify says what one would not think of: the minute of leeway, times far away, another key id, no audience',
  inTempDir(async dir => {
    await keys(dir)
    const seconds = Date.parse('2026-06-01T12:00:00Z') / 1000
    const verified = async (token: string, ...more: string[]) => {
      const said = await run(['sa', 'verify', '--dir', dir, ...NOW, ...more], { stdin: token })
      assert.is(said.status, 0, said.stderr)
      return said.stdout.replace(/\s+/g, ' ')
    }
    assert.match(
      await verified(forge(dir, { exp: seconds - 38 })),
      'until 2026-06-01 11:59 UTC, expired 38 s ago, taken since clocks may differ by a minute uid',
    )
    assert.match(
      await verified(forge(dir, { iat: seconds + 38 })),
      'UTC, starts in 38 s, taken since clocks may differ by a minute uid',
    )
    const far = forge(dir, { exp: 253402300800 })
    assert.match(await verified(far), 'until 9999-12-31 23:59 UTC or later uid')
    assert.is(JSON.parse(await verified(far, '-o', 'json')).expiresAt, '9999-12-31T23:59:59.000Z')
    const other = forge(dir, {}, { kid: 'other' })
    assert.match(await verified(other), 'names another key, other: API servers since v1.31 do not take it')
    assert.is(JSON.parse(await verified(other, '-o', 'json')).namedKeyId, 'other')
    assert.match(await verified(forge(dir, { aud: [] })), 'for the API server, since it names nobody')
  }),
)

test(
  'a rotation: one file with both keys, two files, and a key set with both in their order',
  inTempDir(async dir => {
    const [old, young] = [join(dir, 'old'), join(dir, 'new')]
    await keys(old)
    await keys(young)
    const [oldKey, newKey] = [join(old, 'pki/sa.pub'), join(young, 'pki/sa.pub')]
    const token = (await sign(old)).stdout
    const unknown = await run(['sa', 'verify', '--key', newKey, ...NOW, '-o', 'json'], { stdin: token })
    assert.is(JSON.parse(unknown.stderr).error.code, 'KPKI_JWT_KEY_UNKNOWN')
    assert.is((await run(['sa', 'verify', '--key', `${newKey},${oldKey}`, ...NOW], { stdin: token })).status, 0)
    const listed = await run(['sa', 'jwks', `${newKey},${oldKey}`])
    assert.equal([listed.status, listed.stdout], [1, ''])
    assert.match(listed.stderr, 'hint: files that are arguments have spaces between them, no commas')
    const two = await run(['sa', 'jwks', newKey, oldKey])
    appendFileSync(newKey, readFileSync(oldKey))
    assert.is((await run(['sa', 'jwks', newKey])).stdout, two.stdout)
    assert.is((JSON.parse(two.stdout) as { keys: unknown[] }).keys.length, 2)
    assert.is((await run(['sa', 'verify', '--key', newKey, ...NOW], { stdin: token })).status, 0)
  }),
)

test(
  'documents for other programs are those of the API server; with -o they say what they are',
  inTempDir(async dir => {
    await keys(dir)
    const plain = await run(['sa', 'openid-configuration', '--dir', dir])
    assert.is(
      plain.stdout,
      `{"issuer":"${ISSUER}","jwks_uri":"${ISSUER}/openid/v1/jwks","response_types_supported":["id_token"],` +
        '"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}\n',
    )
    const { apiVersion, kind, ...rest } = JSON.parse(
      (await run(['sa', 'openid-configuration', '--dir', dir, '-o', 'json'])).stdout,
    )
    assert.equal([apiVersion, kind], ['kpki.dev/v1alpha1', 'OpenIDConfiguration'])
    assert.equal(rest, JSON.parse(plain.stdout))
  }),
)

test.run()
