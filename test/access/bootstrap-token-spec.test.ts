import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bootstrapTokensOf } from '../../lib/access/bootstrap-token-config.js'
import { type BootstrapTokenOptions, resolveBootstrapToken } from '../../lib/access/bootstrap-token-spec.js'
import { parseConfiguration } from '../../lib/config/parse.js'
import { formatProblem } from '../../lib/config/problems.js'
import { NOW, rejects, testContext } from '../support/context.js'

const context = testContext()
const TOKEN = { id: 'abcdef', secret: 'k3v9w2x7y1z5q8rt' }
const NODE_GROUP = 'system:bootstrappers:kubeadm:default-node-token'

test('kubeadm’s defaults', () => {
  const { token, ...rest } = resolveBootstrapToken({}, context)
  assert.match(`${token.id}.${token.secret}`, /^[a-z0-9]{6}\.[a-z0-9]{16}$/)
  assert.equal(rest, {
    description: '',
    expires: new Date('2026-06-02T12:00:00Z'),
    usages: ['signing', 'authentication'],
    groups: [NODE_GROUP],
  })
})

test('a token that only signs is in no group; kubeadm could not make it', () =>
  assert.equal(resolveBootstrapToken({ usages: ['signing'] }, context).groups, []))

test('ends are whole seconds: Go cuts the rest off', () => {
  const late = testContext({ clock: () => new Date('2026-06-01T12:00:00.999Z') })
  assert.is(resolveBootstrapToken({ ttlSeconds: 1 }, late).expires?.toISOString(), '2026-06-01T12:00:01.000Z')
  const expires = new Date('2026-06-01T12:00:05.5Z')
  assert.is(resolveBootstrapToken({ expires }, late).expires?.toISOString(), '2026-06-01T12:00:05.000Z')
})

for (const [name, options, code, field] of [
  ['another usage', { usages: ['signing', 'dancing'] }, 'KPKI_FIELD_VALUE', 'usages'],
  ['a usage of another case', { usages: ['Signing'] }, 'KPKI_FIELD_VALUE', 'usages'],
  ['groups of a token that only signs', { usages: ['signing'], groups: [NODE_GROUP] }, 'KPKI_FIELD_CONFLICT', 'groups'],
  ['the administrators', { groups: ['system:masters'] }, 'KPKI_FIELD_VALUE', 'groups'],
  ['a group that every token is in', { groups: ['system:bootstrappers'] }, 'KPKI_FIELD_VALUE', 'groups'],
  ['a group of 257 characters', { groups: [`system:bootstrappers:${'a'.repeat(257)}`] }, 'KPKI_FIELD_VALUE', 'groups'],
  ['a group with a comma', { groups: ['system:bootstrappers:a,system:bootstrappers:b'] }, 'KPKI_FIELD_VALUE', 'groups'],
  ['a group that ends in a dash', { groups: ['system:bootstrappers:a-'] }, 'KPKI_FIELD_VALUE', 'groups'],
  ['a group with a newline', { groups: ['system:bootstrappers:a\n'] }, 'KPKI_FIELD_VALUE', 'groups'],
  ['a negative ttl', { ttlSeconds: -1 }, 'KPKI_FIELD_VALUE', 'ttl'],
  ['a ttl that is no number', { ttlSeconds: Number.NaN }, 'KPKI_FIELD_VALUE', 'ttl'],
  ['a ttl beyond what Go can say', { ttlSeconds: 1e10 }, 'KPKI_FIELD_VALUE', 'ttl'],
  ['an end that is past', { expires: NOW }, 'KPKI_FIELD_VALUE', 'expires'],
  ['two ends', { ttlSeconds: 1, expires: new Date('2030-01-01') }, 'KPKI_FIELD_CONFLICT', 'expires'],
  ['a bell in the description', { description: 'a\x07' }, 'KPKI_FIELD_VALUE', 'description'],
] as const satisfies readonly (readonly [string, BootstrapTokenOptions, string, string])[]) {
  test(`${name} is refused`, async () => {
    const error = await rejects(() => resolveBootstrapToken(options, context))
    assert.equal([error.code, error.details['field']], [code, field])
  })
}

const GROUP_MAX = `system:bootstrappers:${'a'.repeat(256)}`
test('a group of 256 characters is taken', () =>
  assert.equal(resolveBootstrapToken({ groups: [GROUP_MAX] }, context).groups, [GROUP_MAX]))

const read = (tokens: string, overrides: BootstrapTokenOptions = {}, version = 'v1beta4') => {
  const text = `apiVersion: kubeadm.k8s.io/${version}\nkind: InitConfiguration\n${tokens}`
  const parsed = parseConfiguration(text, 'k.yaml')
  return { parsed, ...bootstrapTokensOf(parsed, 'k.yaml', overrides, context) }
}

for (const version of ['v1beta2', 'v1beta3', 'v1beta4']) {
  test(`the tokens of a configuration (${version}), with their defaults`, () => {
    const { tokens, problems, parsed } = read(
      `bootstrapTokens:
- {token: abcdef.k3v9w2x7y1z5q8rt, description: first, ttl: 1h30m}
- {expires: "2030-01-01T00:00:00+01:00", usages: [signing]}
- {ttl: "0", groups: ["system:bootstrappers:x"]}
`,
      {},
      version,
    )
    assert.equal(parsed.problems, [])
    assert.equal(problems, [])
    assert.equal(tokens[0], {
      token: TOKEN,
      description: 'first',
      expires: new Date('2026-06-01T13:30:00Z'),
      usages: ['signing', 'authentication'],
      groups: [NODE_GROUP],
    })
    assert.equal(
      [tokens[1]?.expires, tokens[1]?.usages, tokens[1]?.groups],
      [new Date('2029-12-31T23:00:00Z'), ['signing'], []],
    )
    assert.equal([tokens[2]?.expires, tokens[2]?.groups], [undefined, ['system:bootstrappers:x']])
  })
}

for (const [name, text] of [
  ['an empty list', 'bootstrapTokens: []\n'],
  ['no list', ''],
  ['a list of one empty token', 'bootstrapTokens: [{}]\n'],
] as const) {
  test(`${name} is one default token`, () => {
    const { tokens } = read(text)
    assert.is(tokens.length, 1)
    assert.equal([tokens[0]?.expires, tokens[0]?.groups], [new Date('2026-06-02T12:00:00Z'), [NODE_GROUP]])
  })
}

test('flags count over the file, for every token, and an end over an end', () => {
  const list = 'bootstrapTokens: [{expires: "2030-01-01T00:00:00Z", description: a}, {ttl: 1h}]\n'
  const { tokens, problems } = read(list, { ttlSeconds: 60, description: 'b' })
  assert.equal(problems, [])
  for (const { expires, description } of tokens)
    assert.equal([expires, description], [new Date('2026-06-01T12:01:00Z'), 'b'])
})

for (const [name, tokens, overrides, line] of [
  [
    'an end that is past',
    '- token: abcdef.k3v9w2x7y1z5q8rt\n  expires: "2020-01-01T00:00:00Z"\n',
    {},
    /^k\.yaml:5:12: bootstrapTokens\[0\]\.expires: 2020-01-01T00:00:00Z is past$/,
  ],
  [
    'two tokens of one id',
    '- token: abcdef.k3v9w2x7y1z5q8rt\n- token: abcdef.aaaaaaaaaaaaaaaa\n',
    {},
    /^k\.yaml:5:10: bootstrapTokens\[1\]\.token: another token of the list has the same id$/,
  ],
  [
    'a flag',
    '- token: abcdef.k3v9w2x7y1z5q8rt\n',
    { usages: ['x'] },
    /^--usages: "x" is no usage of a bootstrap token$/,
  ],
  [
    'groups of the file under the usages of a flag',
    '- groups: ["system:bootstrappers:x"]\n',
    { usages: ['signing'] },
    /^k\.yaml:4:11: bootstrapTokens\[0\]\.groups: /,
  ],
] as const) {
  test(`${name}: the problem has its place and no secret`, () => {
    const { problems } = read(`bootstrapTokens:\n${tokens}`, overrides)
    assert.is(problems.length, 1)
    const [problem] = problems
    if (!problem) throw new Error('none')
    assert.match(formatProblem(problem), line)
    assert.not(JSON.stringify(problem).includes(TOKEN.secret))
  })
}

for (const [name, tokens, line] of [
  ['a negative ttl', '- ttl: -1h\n', /^k\.yaml:4:8: bootstrapTokens\[0\]\.ttl: is negative/],
  [
    'two tokens of one id',
    '- token: abcdef.k3v9w2x7y1z5q8rt\n- token: abcdef.aaaaaaaaaaaaaaaa\n',
    /^k\.yaml:5:10: bootstrapTokens\[1\]\.token: another/,
  ],
  [
    'a token of upper case',
    '- token: ABCDEF.k3v9w2x7y1z5q8rt\n',
    /^k\.yaml:4:10: bootstrapTokens\[0\]\.token: is not a bootstrap token/,
  ],
] as const) {
  test(`${name} is found when the configuration is read, and never quoted`, () => {
    const { parsed } = read(`bootstrapTokens:\n${tokens}`)
    const [problem] = parsed.problems
    if (!problem) throw new Error('none')
    assert.match(formatProblem(problem), line)
    assert.not(JSON.stringify(problem).includes(TOKEN.secret))
  })
}

test.run()
