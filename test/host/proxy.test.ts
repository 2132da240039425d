/** Which proxy Go's programs would take: its own tables (golang/net, http/httpproxy/proxy_test.go), and what is ours. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findProxy, parseProxy, usesProxy } from '../../lib/host/proxy.js'
import { rejects } from '../support/context.js'

// TestUseProxy: all hosts are asked for at port 80.
const NO_PROXY =
  'foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, ' +
  '2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64'
const HOSTS: readonly (readonly [host: string, isProxied: boolean])[] = [
  ['localhost', false],
  ['127.0.0.1', false],
  ['127.0.0.2', false],
  ['[::1]', false],
  ['[::2]', true],
  ['192.168.1.1', false],
  ['192.168.1.2', true],
  ['192.168.1.3', false],
  ['192.168.1.4', true],
  ['10.0.0.2', false],
  ['[2001:db8::52:0:1]', false],
  ['[2001:db8::52:0:2]', true],
  ['[2001:db8::52:0:3]', false],
  ['[2002:db8:a::123]', false],
  ['[fe80::424b:c8be:1643:a1b6]', true],
  ['barbaz.net', true],
  ['www.barbaz.net', false],
  ['foobar.com', false],
  ['www.foobar.com', false],
  ['foofoobar.com', true],
  ['baz.com', true],
  ['localhost.net', true],
  ['local.localhost', true],
  ['barbarbaz.net', true],
  ['wildcard.io', true],
  ['nested.wildcard.io', false],
  ['awildcard.io', true],
]
for (const [host, isProxied] of HOSTS) {
  test(`${host}: ${isProxied ? 'by the proxy' : 'directly'}`, () => {
    assert.is(usesProxy(`https://${host}:80`, NO_PROXY), isProxied)
    assert.is(usesProxy(`https://${host}:80`, '*'), false)
    assert.is(usesProxy(`https://${host}:80`, `x.org,*`), false)
  })
}

// TestProxyForURL, those that are about NO_PROXY, and TestInvalidNoProxy.
const RULES: readonly (readonly [noProxy: string, url: string, isProxied: boolean])[] = [
  ['', 'https://example.com/', true],
  ['example.com', 'https://example.com/', false],
  ['.example.com', 'https://example.com/', true],
  ['ample.com', 'https://example.com/', true],
  ['example.com', 'https://foo.example.com/', false],
  ['.foo.com', 'https://example.com/', true],
  ['.示例.com', 'https://www.示例.com', false],
  ['xn--fsq092h.com', 'https://www.示例.com', false],
  ['示例.com', 'https://www.xn--fsq092h.com', false],
  [':1', 'https://example.com:80', true],
  // Ours: the port of https, letters of either case, blanks, what nobody understands.
  ['example.com:443', 'https://example.com/', false],
  ['example.com:6443', 'https://example.com/', true],
  [' EXAMPLE.com ,', 'https://Example.COM/', false],
  ['10.0.0.0/8', 'https://10.255.0.1:6443', false],
  ['10.0.0.0/8', 'https://11.0.0.1:6443', true],
  ['fd00::/8', 'https://[fd12::1]:6443', false],
  ['0.0.0.0/0', 'https://[fd12::1]:6443', true],
  ['10.0.0.1', 'https://10.0.0.10:6443', true],
  ['10.0.0', 'https://10.0.0.10:6443', true],
  ['http://example.com', 'https://example.com', true],
  ['[', 'https://example.com', true],
]
for (const [noProxy, url, isProxied] of RULES)
  test(`NO_PROXY=${noProxy} ${url}`, () => assert.is(usesProxy(url, noProxy), isProxied))

const none = undefined
const PROXIES: readonly (readonly [
  text: string,
  protocol: string,
  host: string,
  port: number,
  user: string | undefined,
])[] = [
  ['127.0.0.1:8080', 'http', '127.0.0.1', 8080, none],
  ['cache.corp.example.com:1234', 'http', 'cache.corp.example.com', 1234, none],
  ['cache.corp.example.com', 'http', 'cache.corp.example.com', 80, none],
  ['localhost', 'http', 'localhost', 80, none],
  ['https://cache.corp.example.com', 'https', 'cache.corp.example.com', 443, none],
  ['HTTP://127.0.0.1:8080/', 'http', '127.0.0.1', 8080, none],
  ['http://[::1]:3128', 'http', '::1', 3128, none],
  ['http://jane@p:1', 'http', 'p', 1, 'jane:'],
  ['http://jane:a%3Ab%40%25ä@p:1', 'http', 'p', 1, 'jane:a:b@%ä'],
]
for (const [text, protocol, host, port, user] of PROXIES) {
  test(`proxy ${text}`, () => {
    const authorization = user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`
    assert.equal(parseProxy(text, 'x'), { protocol, host, port, authorization })
  })
}

for (const text of [
  'socks5://jane:hunter2@p:1',
  'foo://jane:hunter2@host',
  'http://',
  'http://p:99999',
  'http://jane:hunter2%@p',
  'jane:hunter2@[',
]) {
  test(`refused: ${text}`, async () => {
    const error = await rejects(() => parseProxy(text, 'HTTPS_PROXY'))
    assert.is(error.code, 'KPKI_NET_PROXY')
    assert.not.match(`${error.message}${error.hint}`, /hunter2/)
  })
}

test('the environment', async () => {
  const url = 'https://10.0.0.1:6443'
  const hostOf = (env: Readonly<Record<string, string>>) => findProxy(url, env)?.host
  assert.is(hostOf({}), undefined)
  assert.is(hostOf({ HTTPS_PROXY: 'upper', https_proxy: 'lower' }), 'upper')
  assert.is(hostOf({ HTTPS_PROXY: '', https_proxy: 'lower' }), 'lower')
  assert.is(hostOf({ HTTP_PROXY: 'plain', http_proxy: 'plain', ALL_PROXY: 'all' }), undefined)
  assert.is(hostOf({ HTTPS_PROXY: 'p', NO_PROXY: '10.0.0.0/8', no_proxy: 'x' }), undefined)
  assert.is(hostOf({ HTTPS_PROXY: 'p', NO_PROXY: '', no_proxy: '10.0.0.1' }), undefined)
  assert.is(hostOf({ HTTPS_PROXY: 'p', NO_PROXY: 'x', no_proxy: '10.0.0.1' }), 'p')
  // A proxy that is none harms only who would go through it.
  assert.is(hostOf({ HTTPS_PROXY: 'socks5://p', NO_PROXY: '*' }), undefined)
  assert.is((await rejects(() => findProxy(url, { https_proxy: 'socks5://p' }))).code, 'KPKI_NET_PROXY')
})

test.run()
