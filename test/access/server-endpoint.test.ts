import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseServerEndpoint } from '../../lib/access/server-endpoint.js'
import { UsageError } from '../../lib/errors.js'
import { rejects } from '../support/context.js'

for (const [text, host, port] of [
  ['api.example.org:6443', 'api.example.org', 6443],
  ['api.example.org', 'api.example.org', 6443],
  ['API.Example.org:1', 'api.example.org', 1],
  ['10.0.0.10', '10.0.0.10', 6443],
  ['10.0.0.10:443', '10.0.0.10', 443],
  ['[fd00::1]:6443', 'fd00::1', 6443],
  ['[::1]', '::1', 6443],
  ['::1', '::1', 6443],
  ['FD00:0::1', 'fd00::1', 6443],
  ['https://api.example.org:6443', 'api.example.org', 6443],
  ['https://api.example.org:6443/', 'api.example.org', 6443],
  ['HTTPS://[fd00::1]:65535', 'fd00::1', 65535],
  ['https://api.example.org', 'api.example.org', 443],
] as const) {
  test(`a server: ${text}`, () => {
    const found = parseServerEndpoint(text)
    assert.equal([found.host, found.port], [host, port])
    const url = new URL(found.url)
    assert.equal([url.hostname.replace(/^\[|\]$/g, ''), Number(url.port || 443)], [host, port])
  })
}

for (const text of [
  ...[
    '',
    ' ',
    'a b',
    'a:',
    'a:0',
    'a:65536',
    'a:x',
    'a:1:2',
    '[::1',
    '[::1]x',
    '[1.2.3.4]:1',
    '10.0.0.256',
    '-a',
    'a..b',
    '*.a:1',
  ],
  ...['http://a:1', 'ftp://a', 'https://', 'https:///x', 'https://a/b', 'https://a?b', 'https://a#b', 'a/b'],
  ...[
    'u@a:1',
    'u:hunter2@a',
    'https://u:hunter2@a:1',
    'https://hunter2@a',
    'a:1?token=hunter2',
    'a\n:1',
    'a\x1b[m',
    'fe80::1%eth0',
  ],
]) {
  test(`no server: ${JSON.stringify(text)}`, async () => {
    const error = await rejects(() => parseServerEndpoint(text, '--server'))
    assert.instance(error, UsageError)
    assert.is(error.code, 'KPKI_FIELD_VALUE')
    assert.match(error.message, /^--server: [\x20-\x7e…]+$/)
    assert.not.match(`${error.message}${error.hint}`, 'hunter2')
    assert.ok(error.hint)
  })
}

test('what is written is read again', () =>
  fc.assert(
    fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65535 }), (host, port) => {
      fc.pre(host.split('.').every(label => label.length < 64))
      const found = parseServerEndpoint(`${host.includes(':') ? `[${host}]` : host}:${port}`)
      assert.is(found.port, port)
      assert.equal(parseServerEndpoint(found.url), found)
    }),
  ))

test.run()
