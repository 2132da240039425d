import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VERSION } from '../../lib/cli/version.js'
import { filesBelow, importsOf, readText } from './source.js'

const manifest = JSON.parse(readText('package.json')) as {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, unknown>>
  readonly sideEffects: readonly string[]
}

test('the version is the one of the package', () => assert.is(VERSION, manifest.version))

test('the lock file names no registry: whoever installs has his own', () => {
  const lock = readText('package-lock.json')
  assert.not.match(lock, /"resolved"\s*:\s*"https?:/)
  assert.not.match(lock, /https?:\/\/[^"]*(registry|npmjs|artifactory|nexus|verdaccio|localhost|127\.0\.0\.1)/)
  const { version } = JSON.parse(lock) as { version: string }
  assert.is(version, manifest.version)
})

test('what is imported is depended on, and nothing else is', () => {
  const names = [...filesBelow('lib/'), ...filesBelow('bin/')]
    .flatMap(path => importsOf(path))
    .filter(name => !/^(lib|bin)\/|^node:/.test(name))
    .map(name =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
  assert.equal([...new Set(names)].sort(), Object.keys(manifest.dependencies).sort())
})

test('the one file with a side effect is told of', () => {
  const bare = filesBelow('lib/').filter(path => /^import '/m.test(readText(path)))
  assert.equal(
    bare.map(path => `./dist/${path.replace(/ts$/, 'js')}`),
    [...manifest.sideEffects],
  )
})

test('files end in one newline and hold no carriage return, tab or byte order mark', () => {
  for (const path of [...filesBelow('lib/'), ...filesBelow('bin/'), ...filesBelow('test/')]) {
    const bytes = readFileSync(new URL(`../../${path}`, import.meta.url))
    assert.is(bytes.at(-1), 0x0a, path)
    assert.not.ok(bytes.includes(0x0d) || bytes.includes(0x09) || bytes[0] === 0xef, path)
  }
})

test('every test file ends with its run, or none of it is run', () => {
  for (const path of filesBelow('test/').filter(file => file.endsWith('.test.ts') && !file.startsWith('test/e2e')))
    assert.match(readText(path), /\.run\(\)\n$/, path)
})

test.run()
