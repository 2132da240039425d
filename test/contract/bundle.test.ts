// What the built command line loads for a command, and what it must not: start-up is what users feel of everything else.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const KPKI = fileURLToPath(new URL('../../dist/bin/kpki.js', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'kpki-bundle-'))
test.after(() => rmSync(work, { recursive: true, force: true }))

/** Packages, and rooms of lib, of which a run loads a file. */
function loadedBy(args: readonly string[]): readonly string[] {
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
  // esbuild says above each part of a chunk which file it is of.
  const files = urls.flatMap(url => [...readFileSync(new URL(url), 'utf8').matchAll(/^\/\/ (\S+\.[cm]?[jt]s)$/gm)])
  return files.map(([, path = '']) => path)
}

const TREE = ['--dir', join(work, 'tree'), '--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.10']
const X509 = /@peculiar\/x509/
const WEBCRYPTO = /@peculiar\/webcrypto/
const YAML = /node_modules\/yaml/
const PARSER = /yargs-parser/
const ASN1 = /asn1js/
const NETWORK = /lib\/(host\/(https|tls-connect|discovery)|access\/discovery)/
for (const [name, args, allowed, refused] of [
  ['--version', ['--version'], [], [X509, WEBCRYPTO, YAML, PARSER, ASN1, /lib\/(x509|crypto|config|inspect)\//]],
  ['--help', ['--help'], [], [X509, WEBCRYPTO, YAML, PARSER, ASN1, /lib\/(x509|crypto|config|inspect)\//]],
  ['help of a command', ['gen', 'all', '--help'], [], [X509, WEBCRYPTO, YAML, PARSER, ASN1]],
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

test('the licences of what is in the bundle go with it', () => {
  const text = readFileSync(join(KPKI, '../THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const name of ['@peculiar/x509', '@peculiar/webcrypto', 'asn1js', 'yaml', 'yargs-parser', 'reflect-metadata'])
    assert.match(text, new RegExp(`^${name} [0-9.]+ \\(`, 'm'))
  assert.not.match(text, 'No licence file.')
})

test.run()
