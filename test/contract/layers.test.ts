import { existsSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codeOf, filesBelow, importsOf } from './source.js'

/** Rooms and their height. A file imports from lower rooms and from its own; rooms of one height do not know each other. */
const ROOMS: Readonly<Record<string, number>> = {
  'lib/ahead.ts': 0,
  'lib/errors.ts': 0,
  'lib/context.ts': 0,
  'lib/json.ts': 0,
  'lib/limits.ts': 0,
  'lib/crypto/': 1,
  'lib/yaml': 1,
  'lib/x509/': 2,
  'lib/kubernetes/': 3,
  'lib/config/': 4,
  'lib/tree/': 4,
  'lib/access/': 5,
  'lib/audit/': 6,
  'lib/render/': 6,
  'lib/workflow/': 7,
  'lib/inspect/': 7,
  'lib/host/': 8,
  'lib/index.ts': 9,
  'lib/node.ts': 9,
  'lib/cli/': 10,
  'bin/': 11,
}
const DOORS = ['lib/index.ts', 'lib/node.ts']

/** Where each foreign package and Node itself come in. */
const BORDERS: Readonly<Record<string, RegExp>> = {
  asn1js: /^lib\/crypto\/der-write\.ts$/,
  '@peculiar/x509': /^lib\/x509\/peculiar\.ts$/,
  'reflect-metadata': /^lib\/x509\/peculiar\.ts$/,
  '@peculiar/webcrypto': /^lib\/host\//,
  yaml: /^lib\/yaml[^/]*\.ts$/,
  yargs: /^lib\/cli\//,
  'node:': /^(lib\/host\/|lib\/cli\/process-io\.ts$|bin\/)/,
}

const files = [...filesBelow('lib/'), ...filesBelow('bin/')]
const roomOf = (path: string) => Object.keys(ROOMS).find(prefix => path.startsWith(prefix))
const isOwn = (name: string) => /^(lib|bin)\//.test(name)

test('there are files, every one in a room, and every import of ours exists', () => {
  assert.ok(files.length > 30)
  for (const path of files) {
    assert.ok(roomOf(path), `${path} is in no room`)
    for (const name of importsOf(path).filter(isOwn))
      assert.ok(existsSync(new URL(`../../${name}`, import.meta.url)), `${path} imports ${name}`)
  }
})

test('a file imports from lower rooms and its own', () => {
  const wrong = files.flatMap(path => {
    const own = roomOf(path) ?? ''
    return importsOf(path)
      .filter(isOwn)
      .filter(name => {
        const room = roomOf(name) ?? ''
        return room !== own && (ROOMS[room] ?? 99) >= (ROOMS[own] ?? 0)
      })
      .map(name => `${path} imports ${name}`)
  })
  assert.equal(wrong, [])
})

test('only the command line comes through the doors, and it comes through nothing else', () => {
  const wrong = files.flatMap(path =>
    importsOf(path)
      .filter(isOwn)
      .filter(name =>
        roomOf(path) === 'lib/cli/' ? !DOORS.includes(name) && !name.startsWith('lib/cli/') : DOORS.includes(name),
      )
      .map(name => `${path} imports ${name}`),
  )
  assert.equal(wrong, [])
})

test('the doors have no logic', () => {
  for (const door of DOORS)
    assert.is(
      codeOf(door)
        .replace(/export (type )?\{[^}]*\} from '[^']+'/g, '')
        .trim(),
      '',
    )
})

test('the pure door leads to no Node module and to nothing that knows one', () => {
  const seen = new Set<string>()
  const walk = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const name of importsOf(path)) {
      assert.not.ok(name.startsWith('node:'), `${path} imports ${name}`)
      assert.not.ok(/^lib\/(host|cli)\//.test(name), `${path} imports ${name}`)
      if (isOwn(name)) walk(name)
    }
  }
  walk('lib/index.ts')
  assert.ok(seen.size > 25)
})

test('no file loads itself over others', () => {
  const done = new Set<string>()
  const walk = (path: string, way: readonly string[]): void => {
    const circle = way.indexOf(path)
    if (circle >= 0) assert.unreachable([...way.slice(circle), path].join(' -> '))
    if (done.has(path)) return
    for (const name of importsOf(path, 'loaded').filter(isOwn)) walk(name, [...way, path])
    done.add(path)
  }
  for (const path of files) walk(path, [])
})

test('each foreign package enters at one border', () => {
  const wrong = files.flatMap(path =>
    importsOf(path)
      .filter(name => !isOwn(name))
      .filter(name => {
        const border = Object.keys(BORDERS).find(
          key => name === key || name.startsWith(key.endsWith(':') ? key : `${key}/`),
        )
        return border === undefined || !BORDERS[border]?.test(path)
      })
      .map(name => `${path} imports ${name}`),
  )
  assert.equal(wrong, [])
})

test('nothing is imported in another way', () => {
  for (const path of files)
    assert.not.match(codeOf(path), /\brequire\s*\(|createRequire|import\.meta\.resolve|\bimport\(\s*[^'\s]/, path)
})

// What would be ambient comes in a Context. Where it may be taken from the air: once, with the reason.
const AMBIENT: readonly (readonly [string, RegExp, readonly string[]])[] = [
  ['the clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b/, ['lib/context.ts', 'lib/cli/']],
  ['the global crypto', /\bglobalThis\b/, ['lib/context.ts']],
  ['other randomness', /\bMath\.random\b|\brandomUUID\b/, ['lib/host/context.ts']],
  [
    'the environment',
    /\bprocess\.(env|argv|exit|cwd|on|once|stdout|stderr|stdin|getuid|geteuid|kill|pid|umask)\b/,
    ['lib/host/', 'lib/cli/process-io.ts', 'bin/'],
  ],
  ['the console', /\bconsole\./, []],
  ['Buffer', /\bBuffer\b/, ['lib/host/', 'lib/cli/process-io.ts']],
  ['timers', /\bset(Timeout|Interval|Immediate)\b/, ['lib/context.ts', 'lib/host/', 'lib/cli/']],
  // A host's own (`HostSystem.fetch`) is handed in: declared in lib/workflow/host.ts, and called as a method of it.
  ['the network', /(?<!\bsystem\.)\bfetch\(|\bglobalThis\.fetch|\bWebSocket\b/, ['lib/host/', 'lib/workflow/host.ts']],
  ['the place of the file', /\b__dirname\b|\bimport\.meta\b/, ['lib/host/', 'bin/']],
]
for (const [what, pattern, places] of AMBIENT) {
  test(`nobody takes ${what} from the air`, () => {
    const wrong = files.filter(path => !places.some(place => path.startsWith(place)) && pattern.test(codeOf(path)))
    assert.equal(wrong, [])
  })
}

test.run()
