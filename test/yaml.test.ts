import { readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatYaml, parseYaml, parseYamlStream, type YamlInput } from '../lib/yaml.js'
import { rejects } from './support/context.js'

const value = fc.letrec<{ node: YamlInput }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => (number === 0 ? 0 : number)),
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom(...' \n\t:#-?\'"\\{}[],&*!|>%@`~.0189eExy_\r\u0085\u2028\ufeff\u00e9😀'),
      maxLength: 30,
    }),
    fc.string({
      unit: fc.constantFrom('a', 'bc', ' ', ' ', '  ', "'", '"', ': ', '#', '\n', '\t', '-', 'é'),
      maxLength: 200,
    }),
    fc.constantFrom(
      'yes',
      'No',
      'on',
      'y',
      '~',
      'null',
      '',
      '0x1f',
      '0o17',
      '017',
      '1_000',
      '1e3',
      '.5',
      '1.',
      '.inf',
      '12:30',
      '2020-01-01',
      '<<',
      '=',
      '---',
      '...',
      '- a',
      '? a',
      'a: b',
      '1e999',
    ),
    fc.array(tie('node'), { maxLength: 5 }),
    fc.dictionary(
      fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('__proto__', 'yes', '1', '<<', 'constructor'),
      ),
      tie('node'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
}))
test('reads back what it wrote, whatever the text', () => {
  fc.assert(
    fc.property(value.node, input => isDeepStrictEqual(parseYaml(formatYaml(input), 'x').value, input)),
    { numRuns: Number(process.env['RUNS'] ?? 2000) },
  )
})
test.run()
