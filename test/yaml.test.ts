import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseYaml, parseYamlStream, type YamlPath } from '../lib/yaml.js'
import { formatYaml, type YamlInput } from '../lib/yaml-format.js'
import { isYamlObject, type YamlValue } from '../lib/yaml-scalars.js'
import { rejects } from './support/context.js'

const vector = (name: string) =>
  readFileSync(new URL(`./vectors/config/kubeadm-v1.20.2/${name}`, import.meta.url), 'utf8')
const read = (text: string) => parseYaml(text, 'x.yaml').value

// What go-yaml v2 makes of plain text (kubernetes/kubernetes v1.20.2, vendor/gopkg.in/yaml.v2/resolve.go, decode_test.go).
const PLAIN: readonly [string, unknown][] = [
  ['', null],
  ['~', null],
  ['Null', null],
  ['yes', true],
  ['y', true],
  ['ON', true],
  ['no', false],
  ['Off', false],
  ['nO', 'nO'],
  ['0', 0],
  ['-7', -7],
  ['+1', 1],
  ['0x1F', 31],
  ['0b101', 5],
  ['0o17', 15],
  ['0777', 511],
  ['08', 8],
  ['1_000', 1000],
  ['1.30', 1.3],
  ['.5', 0.5],
  ['1.', 1],
  ['1e3', 1000],
  ['685_230.15', 685230.15],
  ['1e999', '1e999'],
  ['.inf', '.inf'],
  ['12:30:45', '12:30:45'],
  ['2020-01-01', '2020-01-01'],
  ['v1.36.4', 'v1.36.4'],
  ['10.0.0.1', '10.0.0.1'],
  ['fd00::1', 'fd00::1'],
  ['"yes"', 'yes'],
  ["'123'", '123'],
  ['!!str 123', '123'],
  ['!!int 0x10', 16],
  ['|\n  a\n  b\n', 'a\nb\n'],
  ['{"json": [1, "2", null, true]}', { json: [1, '2', null, true] }],
  ['\ufeffa: 1', { a: 1 }],
  ['1: a\nyes: b\n0x10: c', { '1': 'a', '16': 'c', true: 'b' }],
  ['a: &x {b: 1}\nc: *x', { a: { b: 1 }, c: { b: 1 } }],
  ['a: &x {b: 1, c: 2}\nd:\n  c: 3\n  <<: *x', { a: { b: 1, c: 2 }, d: { b: 1, c: 3 } }],
  ['<<: [{a: 1}, {a: 2, b: 2}]\nb: 3', { a: 1, b: 3 }],
  ['"<<": 1', { '<<': 1 }],
]
for (const [text, expected] of PLAIN) {
  test(`${JSON.stringify(text)} means what it means to kubeadm`, () => assert.equal(read(text), expected))
}

test('a document without content is null, and passed over in a stream', () => {
  assert.is(read(''), null)
  assert.is(read('# nothing\n'), null)
  assert.equal(
    parseYamlStream('# a\n---\n# b\n---\na: 1\n---\n---\nnull\n--- [2]\n...\n', 'x').map(({ value }) => value),
    [{ a: 1 }, null, [2]],
  )
})

const REFUSED: readonly [name: string, text: string, line: number, column: number][] = [
  ['a tab as indentation', 'a:\n\tb: 1\n', 2, 1],
  ['binary', 'a: 1\nb: \u0000\n', 2, 4],
  ['an unclosed quote', 'a: 1\nb: "x\n', 2, 4],
  ['an unclosed list', 'a: [1,\n', 1, 4],
  ['a value with a colon', 'a: 1\nb: c: d\n', 2, 4],
  ['a missing colon', 'a: 1\nb\n', 2, 1],
  ['an unknown tag', 'a: !!binary aGk=\n', 1, 13],
  ['a tag that does not fit', 'a: !!int x\n', 1, 10],
  ['an unknown alias', 'a: *b\n', 1, 4],
  ['an alias within itself', 'a: &a [*a]\n', 1, 8],
  ['an alias before its anchor', 'a: *x\nb: &x 1\n', 1, 4],
  ['a huge integer', 'a: 1\nb: 12345678901234567890\n', 2, 4],
  ['a list as key', '? [a]\n: b\n', 1, 3],
  ['a null key', 'a: 1\n~: b\n', 2, 1],
  ['<< of no mapping', '<<: [1]\n', 1, 5],
  ['deep lists', `a: ${'['.repeat(100)}\n`, 1, 66],
  ['very deep lists', '['.repeat(500_000), 1, 64],
  ['deep block lists', '- '.repeat(100), 1, 129],
  ['deep mappings', Array.from({ length: 100 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'), 65, 65],
  ['deep flow mappings', '{a: '.repeat(200_000), 1, 253],
  ['many documents', '---\n'.repeat(2000), 1001, 1],
  ['many directives', '%A\n'.repeat(100_000), 17, 1],
  ['many brackets', ']'.repeat(250_000), 1, 1],
  ['many values', '- a\n'.repeat(250_000), 75_001, 1],
  ['a second document', 'a: 1\n---\nb: 1\n', 3, 1],
]
for (const [name, text, line, column] of REFUSED) {
  test(`refused with its place: ${name}`, async () => {
    const started = performance.now()
    const { code, details } = await rejects(() => parseYaml(text, 'x.yaml'))
    assert.is(code, 'KPKI_YAML_INVALID')
    if (name !== 'many values' && name !== 'an unclosed quote' && name !== 'an unclosed list')
      assert.equal([details['line'], details['column']], [line, column])
    assert.ok(performance.now() - started < 5000, 'refused, not chewed')
  })
}

test('aliases that blow up are refused: nodes, characters, number', async () => {
  const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`)
  const bombs = [
    `l0: &l0 [x]\n${levels.join('\n')}\n`,
    `a: &a ${'x'.repeat(500_000)}\nb: [${'*a,'.repeat(100)}]\n`,
    `a: &a 1\nb: [${'*a,'.repeat(1100)}]\n`,
    `a: &a [${'x,'.repeat(100)}]\nb: [${'*a,'.repeat(500)}]\n`,
    `l0: &l0 {x: 1}\n${levels.map(line => line.replace('[', '{<<: [').replace(']', ']}')).join('\n')}\n`,
  ]
  for (const bomb of bombs) assert.is((await rejects(() => parseYaml(bomb, 'x'))).code, 'KPKI_YAML_INVALID')
})

test('over 1 MiB is refused, counted in bytes', async () => {
  assert.is((await rejects(() => parseYaml(`a: ${'x'.repeat(1024 * 1024)}`, 'x'))).code, 'KPKI_INPUT_TOO_LARGE')
  assert.is((await rejects(() => parseYaml(`a: ${'é'.repeat(600_000)}`, 'x'))).code, 'KPKI_INPUT_TOO_LARGE')
  assert.is(read('x'.repeat(1024 * 1024)), 'x'.repeat(1024 * 1024))
})

test('an error never quotes the text, which may be a secret', async () => {
  for (const text of ['a: "hunter2', '*hunter2', 'a: b: hunter2', '!hunter2 a', ']hunter2']) {
    const { message, details } = await rejects(() => parseYaml(text, 'x'))
    assert.not.match(message + JSON.stringify(details), 'hunter2')
  }
})

test('__proto__ and constructor are keys like any other', () => {
  const value = read('__proto__: {polluted: 1}\nconstructor: 2\na: {__proto__: 3}\n')
  assert.equal(Object.keys(value as object), ['__proto__', 'constructor', 'a'])
  assert.is(Object.getPrototypeOf(value), Object.prototype)
  assert.is(Reflect.get({}, 'polluted'), undefined)
  assert.is(formatYaml(value as YamlInput), '__proto__:\n  polluted: 1\na:\n  __proto__: 3\nconstructor: 2\n')
})

const PLACES: readonly [path: YamlPath, key: string | undefined, value: string | undefined][] = [
  [[], '2:1', '2:1'],
  [['a'], '2:1', '2:4'],
  [['b', 0], '4:3', '4:3'],
  [['b', 1, 'c'], '5:5', '5:8'],
  [['d', 'e'], '6:5', '6:8'],
  [['d', 'f', 1], '6:18', '6:18'],
  [['m', 'x'], '8:8', '8:11'],
  [['none'], undefined, undefined],
  [['a', 'b'], undefined, undefined],
  [['b', 7], undefined, undefined],
  [['b', '0'], undefined, undefined],
  [['toString'], undefined, undefined],
]
test('every key and value has its place', () => {
  const document = parseYaml('# first\na: 1\nb:\n- x\n-   c: é\nd: {e: 1, f: [2, 3]}\nm:\n  <<: {x: 4}\n', 'x')
  const text = (position: { line: number; column: number } | undefined) =>
    position && `${position.line}:${position.column}`
  for (const [path, key, value] of PLACES) {
    assert.is(text(document.keyPosition(path)), key, `key ${path.join('.')}`)
    assert.is(text(document.valuePosition(path)), value, `value ${path.join('.')}`)
  }
})

test('duplicate keys are told with their place, and the first one counts', () => {
  const { value, duplicates } = parseYaml('a: 1\nb: {c: 1, c: 2}\n"a": 3\n', 'x')
  assert.equal(value, { a: 1, b: { c: 1 } })
  assert.equal(duplicates, [
    { path: ['b', 'c'], line: 2, column: 11 },
    { path: ['a'], line: 3, column: 1 },
  ])
})

for (const name of ['init-defaults.v1beta2.yaml', 'join-defaults.v1beta2.yaml', 'full.v1beta2.yaml', 'admin.conf']) {
  test(`what kubeadm wrote is written again byte for byte: ${name}`, () => {
    const documents = parseYamlStream(vector(name), name)
    assert.is(documents.map(({ value }) => formatYaml(value)).join('---\n'), vector(name))
  })
}

/** The same value with its keys the other way round. */
function backwards(value: YamlValue): YamlValue {
  return isYamlObject(value)
    ? Object.fromEntries(
        Object.entries(value)
          .map(([key, child]) => [key, backwards(child)] as const)
          .reverse(),
      )
    : value
}

test('strings are quoted, folded and sorted as kubeadm does', () => {
  const text = vector('strings.v1beta2.yaml')
  // The departure that formatYaml documents: a line separator is escaped.
  const expected = text.replace("'\u2028      x'", '"\\Lx"')
  assert.is.not(expected, text)
  const { value } = parseYaml(expected, 'x')
  assert.is(formatYaml(backwards(value)), expected)
})

const WRITTEN: readonly [YamlInput, string][] = [
  [{}, '{}\n'],
  [[], '[]\n'],
  [null, 'null\n'],
  [{ a: [], b: {}, c: undefined, d: null }, 'a: []\nb: {}\nd: null\n'],
  [{ b: [{ y: 1, x: [1] }, [2, [3]]] }, 'b:\n- x:\n  - 1\n  "y": 1\n- - 2\n  - - 3\n'],
  [{ f: 1.5, g: 1e21, h: 1e-7, i: -0, j: 1234567.5 }, 'f: 1.5\ng: 1e+21\nh: 1e-07\ni: 0\nj: 1.2345675e+06\n'],
  ['a long line', 'a long line\n'],
]
for (const [value, expected] of WRITTEN) {
  test(`${JSON.stringify(value)} is written as go-yaml does`, () => assert.is(formatYaml(value), expected))
}

const SPECIAL = 'yes No on y ~ null 0x1f 0o17 017 1_000 1e3 .5 1. .inf 12:30 2020-01-01 << = --- ... 1e999 a:b'.split(
  ' ',
)
const NASTY = [...' \n\t:#-?\'"\\{}[],&*!|>%@`~.0189eExy_\r\u0085\u2028\ufeffé😀', '\ud800']
const value = fc.letrec<{ node: YamlInput }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false, ...SPECIAL, '', '- a', '? a', 'a: b'),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => (number === 0 ? 0 : number)),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...NASTY), maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom('a', 'bc', ' ', ' ', '  ', "'", '"', ': ', '#', '\n', '\t', '-', 'é'),
      maxLength: 200,
    }),
    fc.array(tie('node'), { maxLength: 5 }),
    fc.dictionary(
      fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('__proto__', 'constructor', ...SPECIAL),
      ),
      tie('node'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
}))
test('reads back what it wrote, whatever the text', () => {
  const survives = (input: YamlInput) => isDeepStrictEqual(read(formatYaml(input)), input)
  fc.assert(fc.property(value.node, survives), { numRuns: 2000 })
})

test.run()
