// What the built command line loads for a command, and what it must not: start-up is what users feel of everything else.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const KPKI = fileURLToPath(new URL('../../dist/bin/kpki.js', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'kpki-bundle-'))
test.after(() => rmSync(work, { recursive: true, force: true }))

/** Files of the bundle that a run loads. */
function chunksOf(args: readonly string[]): readonly string[] {
  const coverage = mkdtempSync(join(work, 'coverage-'))
  const { status, stderr } = spawnSync(process.execPath, [KPKI, ...args], {
    cwd: work,
    encoding: 'utf8',
    // Node writes down every script that it has loaded.
    env: { ...process.env, NODE_V8_COVERAGE: coverage },
  })
  assert.is(status, 0, stderr)
  const urls = readdirSync(coverage).flatMap(file => {
    const { result } = JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { result: readonly { url: string }[] }
    return result.map(({ url }) => url).filter(url => url.includes('/dist/bin/'))
  })
  assert.ok(urls.length > 2, 'the bundle was loaded')
  return urls
}

/** Packages, and rooms of lib, of which a run loads a file. */
function loadedBy(args: readonly string[]): readonly string[] {
  // esbuild says above each part of a chunk which file it is of.
  const files = chunksOf(args).flatMap(url => [
    ...readFileSync(new URL(url), 'utf8').matchAll(/^\/\/ (\S+\.[cm]?[jt]s)$/gm),
  ])
  return files.map(([, path = '']) => path)
}

const HOST = ['--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10']
const TREE = ['--dir', join(work, 'tree'), ...HOST]
const X509 = /@peculiar\/x509/
const WEBCRYPTO = /@peculiar\/webcrypto/
const YAML = /node_modules\/yaml/
const PARSER = /yargs-parser/
// Which word somebody meant is said by a file of config/; the rest of that room is large.
const ROOMS = /lib\/(x509|crypto|config\/(?!problems)|inspect)/
const ASN1 = /asn1js/
const NETWORK = /lib\/(host\/(https|tls-connect|discovery)|access\/discovery)/
const CLUSTER = /lib\/(host\/(api-|discovery)|access\/discovery)/
const RESET = /lib\/workflow\/reset\//
for (const [name, args, allowed, refused] of [
  // The parser comes with what every command loads: to look for another file would take longer than to pass over it.
  ['--version', ['--version'], [], [X509, WEBCRYPTO, YAML, ASN1, ROOMS]],
  ['--help', ['--help'], [], [X509, WEBCRYPTO, YAML, ASN1, ROOMS]],
  ['help of a command', ['gen', 'all', '--help'], [], [X509, WEBCRYPTO, YAML, ASN1, ROOMS]],
  ['completion', ['completion', 'bash'], [PARSER], [X509, WEBCRYPTO, YAML, ASN1]],
  [
    'gen all',
    ['gen', 'all', ...TREE, '--encryption-algorithm', 'ECDSA-P256', '--quiet'],
    [PARSER, ASN1],
    [X509, WEBCRYPTO, YAML, /lib\/inspect\//],
  ],
  [
    'hash',
    ['hash', join(work, 'tree/pki/ca.crt')],
    [PARSER],
    [X509, WEBCRYPTO, YAML, ASN1, NETWORK, /lib\/(config\/(parse|resolve|schema)|inspect\/)/],
  ],
  [
    'token generate',
    ['token', 'generate'],
    [PARSER],
    [X509, WEBCRYPTO, YAML, ASN1, /lib\/(config\/(parse|resolve|schema)|inspect|x509)\//],
  ],
  [
    'token create, as a manifest',
    ['token', 'create', '-o', 'yaml'],
    [PARSER],
    [X509, WEBCRYPTO, YAML, ASN1, /lib\/(config\/(parse|resolve)|inspect)\//],
  ],
  ['inspect', ['inspect', join(work, 'tree')], [PARSER, YAML], [X509, WEBCRYPTO]],
  [
    'check',
    ['check', '--dir', join(work, 'tree')],
    [PARSER, YAML],
    [X509, WEBCRYPTO, /lib\/inspect\/picture/, /lib\/access\/api/],
  ],
  [
    'check --explain',
    ['check', '--explain', 'expired'],
    [PARSER],
    [X509, WEBCRYPTO, YAML, ASN1, /lib\/(x509|inspect|host|tree)\//],
  ],
  [
    'expiration',
    ['expiration', '--dir', join(work, 'tree')],
    [PARSER, YAML],
    [X509, WEBCRYPTO, NETWORK, /lib\/(cli\/expiration-watch|workflow\/(?!phases\/[a-z]+-rows|preflight\/check))/],
  ],
  ...(
    [
      ['init, as a dry run', ['init', '--dry-run', ...HOST], []],
      ['a phase of init, as manifests', ['init', 'phase', 'addon', 'coredns', ...HOST, '-o', 'yaml'], []],
      ['render', ['render', '--root', join(work, 'root'), ...HOST, '--quiet'], [CLUSTER]],
      ['preflight', ['preflight', ...HOST, '--ignore-preflight-errors', 'all'], []],
    ] as const
  ).map(
    ([name, args, refused]) => [name, args, [PARSER, /lib\/render\//], [X509, WEBCRYPTO, RESET, ...refused]] as const,
  ),
  [
    'reset, as a dry run',
    ['reset', '--dry-run'],
    [PARSER, RESET],
    [X509, WEBCRYPTO, /lib\/render\/(static-pods|patches|coredns)/, /lib\/workflow\/preflight\/(?!check)/],
  ],
] as const) {
  test(`${name} loads what it needs`, () => {
    const files = loadedBy(args)
    for (const pattern of allowed)
      assert.ok(
        files.some(file => pattern.test(file)),
        `${name} was to load ${pattern}`,
      )
    for (const pattern of refused)
      assert.equal(
        files.filter(file => pattern.test(file)),
        [],
      )
  })
}

for (const [args, most] of [
  [['--version'], 4],
  [['token', 'generate'], 8],
  [['certs', 'key'], 8],
] as const) {
  const name = args.join(' ')
  test(`${name} is in ${most} files at most: each is looked for, read and linked`, () => {
    const chunks = chunksOf(args)
    assert.ok(chunks.length <= most, chunks.join('\n'))
  })

  test(`${name} has Node load no part of its own that nobody asked for`, () => {
    // An import of node:util or node:module asks for all that they export, and so loads it; process.stdout is made when asked for.
    const hook = join(work, 'hook.cjs')
    const list = join(work, 'list')
    writeFileSync(
      hook,
      `const before = new Set(process.moduleLoadList)
       process.once('exit', () => {
         const loaded = process.moduleLoadList.filter(name => !before.has(name)).join('\\n')
         require('node:fs').writeFileSync(${JSON.stringify(list)}, loaded)
       })`,
    )
    const { status, stderr } = spawnSync(process.execPath, ['-r', hook, KPKI, ...args], { cwd: work, encoding: 'utf8' })
    assert.is(status, 0, stderr)
    const loaded = readFileSync(list, 'utf8').split('\n')
    assert.ok(loaded.length > 2)
    // Node 20 reads modules with node:fs/promises itself.
    const parts = /^NativeModule (internal\/(repl|worker|util\/(parse_args|diff)|tty)|tty$|net$|module$|worker_threads)/
    assert.equal(
      loaded.filter(each => parts.test(each)),
      [],
    )
  })
}

test('the licences of what is in the bundle go with it', () => {
  const text = readFileSync(join(KPKI, '../THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const name of ['@peculiar/x509', '@peculiar/webcrypto', 'asn1js', 'yaml', 'yargs-parser', 'reflect-metadata'])
    assert.match(text, new RegExp(`^${name} [0-9.]+ \\(`, 'm'))
  assert.not.match(text, 'No licence file.')
})

test.run()
