/** Descriptions at the edges: dates where the encoding changes, both address families, many names, etcd elsewhere. */
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testWith } from '../support/skip.js'
import { asn1Of, derOf, openssl, scratch, shownOf } from './openssl.js'
import { fieldOf, fileOf, makeTree, pooledKeyPair, spread } from './trees.js'

const dir = scratch()
const BASE = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' }
let count = 0

/** Both moments of a certificate as they are encoded. */
async function timesOf(pem: string): Promise<readonly string[]> {
  const file = join(dir, `${count++}.der`)
  writeFileSync(file, derOf(pem))
  const [lines = []] = await asn1Of(file)
  return lines.filter(line => /TIME/.test(line)).map(line => line.slice(2))
}

async function namesOf(pem: string): Promise<string> {
  const file = join(dir, `${count++}.pem`)
  writeFileSync(file, pem)
  return (await shownOf(file))[0]?.names ?? ''
}

/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. Periods count from `now`. */
const DATES: readonly (readonly [now: string, leaf: string, ca: string, times: readonly string[]])[] = [
  [
    '2049-12-31T22:59:59Z',
    '1h',
    '1h0m1s',
    ['UTCTIME 491231225459Z', 'UTCTIME 491231235959Z', 'UTCTIME 491231225459Z', 'GENERALIZEDTIME 20500101000000Z'],
  ],
  [
    '2050-01-01T00:04:59Z',
    '1s',
    '2s',
    [
      'UTCTIME 491231235959Z',
      'GENERALIZEDTIME 20500101000500Z',
      'UTCTIME 491231235959Z',
      'GENERALIZEDTIME 20500101000501Z',
    ],
  ],
  [
    '2050-01-01T00:05:00.999Z',
    '8760h',
    '87600h',
    [
      'GENERALIZEDTIME 20500101000000Z',
      'GENERALIZEDTIME 20510101000500Z',
      'GENERALIZEDTIME 20500101000000Z',
      'GENERALIZEDTIME 20591230000500Z',
    ],
  ],
  [
    '2028-02-29T12:00:00Z',
    '8760h',
    '87600h',
    ['UTCTIME 280229115500Z', 'UTCTIME 290228120000Z', 'UTCTIME 280229115500Z', 'UTCTIME 380226120000Z'],
  ],
  [
    '9999-12-31T20:59:59Z',
    '2h',
    '3h',
    [
      'GENERALIZEDTIME 99991231205459Z',
      'GENERALIZEDTIME 99991231225959Z',
      'GENERALIZEDTIME 99991231205459Z',
      'GENERALIZEDTIME 99991231235959Z',
    ],
  ],
  // A leaf that would outlive its CA ends with it.
  [
    '2026-06-01T12:00:00Z',
    '48h',
    '24h',
    ['UTCTIME 260601115500Z', 'UTCTIME 260602120000Z', 'UTCTIME 260601115500Z', 'UTCTIME 260602120000Z'],
  ],
]

for (const [now, certificateValidityPeriod, caCertificateValidityPeriod, times] of DATES) {
  testWith(
    'openssl',
    test,
    `made at ${now} for ${certificateValidityPeriod}: dates are encoded as RFC 5280 says`,
    async () => {
      const files = await makeTree(
        { ...BASE, certificateValidityPeriod, caCertificateValidityPeriod },
        { clock: () => new Date(now) },
      )
      const [leaf, ca] = [fileOf(files, 'pki/apiserver.crt'), fileOf(files, 'pki/ca.crt')]
      assert.equal([...(await timesOf(leaf)), ...(await timesOf(ca))], times)
      const client = fieldOf(fileOf(files, 'admin.conf'), 'client-certificate-data')
      assert.equal(await timesOf(client), times.slice(0, 2))
    },
  )
}

/** Description, the API server's names, those of etcd, and where controller-manager.conf and admin.conf go. */
const NETWORKS: readonly (readonly [string, object, string, string, string, string])[] = [
  [
    'IPv6 alone',
    { advertiseAddress: 'fd00:0:0::000A', serviceSubnet: 'fd00:10:96::/112', bindPort: 443 },
    'IP Address:FD00:10:96:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:0:A',
    'IP Address:FD00:0:0:0:0:0:0:A, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    'https://[fd00::a]:443',
    'https://[fd00::a]:443',
  ],
  [
    'dual-stack, IPv4 first',
    { serviceSubnet: '10.96.0.0/16,fd00:10:96::/112', podSubnet: '10.244.0.0/16,fd00:10:244::/56' },
    'IP Address:10.96.0.1, IP Address:10.0.0.10',
    'IP Address:10.0.0.10, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    'https://10.0.0.10:6443',
    'https://10.0.0.10:6443',
  ],
  [
    'dual-stack, IPv6 first',
    { advertiseAddress: '2001:db8::1', serviceSubnet: 'fd00:10:96::/112,10.96.0.0/16' },
    'IP Address:FD00:10:96:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:1',
    'IP Address:2001:DB8:0:0:0:0:0:1, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    'https://[2001:db8::1]:6443',
    'https://[2001:db8::1]:6443',
  ],
  [
    'an address in front',
    { controlPlaneEndpoint: '[2001:db8::100]:8443' },
    'IP Address:10.96.0.1, IP Address:10.0.0.10, IP Address:2001:DB8:0:0:0:0:0:100',
    'IP Address:10.0.0.10, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    'https://10.0.0.10:6443',
    'https://[2001:db8::100]:8443',
  ],
  [
    'an address in front that is this host itself',
    {
      controlPlaneEndpoint: '10.0.0.10',
      bindPort: 7443,
      apiServerCertSans: ['10.0.0.10', '10.96.0.1', '::ffff:10.0.0.10'],
    },
    'IP Address:10.96.0.1, IP Address:10.0.0.10',
    'IP Address:10.0.0.10, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    'https://10.0.0.10:7443',
    'https://10.0.0.10:7443',
  ],
]
const NAMES = [
  'DNS:cp-1',
  'DNS:kubernetes',
  'DNS:kubernetes.default',
  'DNS:kubernetes.default.svc',
  'DNS:kubernetes.default.svc.cluster.local',
]

for (const [what, facts, api, etcd, local, endpoint] of NETWORKS) {
  testWith('openssl', test, `${what}: addresses and servers`, async () => {
    const files = await makeTree({ ...BASE, ...facts })
    assert.is(await namesOf(fileOf(files, 'pki/apiserver.crt')), [...NAMES, api].join(', '))
    assert.is(await namesOf(fileOf(files, 'pki/etcd/server.crt')), `DNS:cp-1, DNS:localhost, ${etcd}`)
    assert.is(await namesOf(fileOf(files, 'pki/etcd/peer.crt')), `DNS:cp-1, DNS:localhost, ${etcd}`)
    const server = (file: string) => /server: (.*)/.exec(fileOf(files, file))?.[1]
    const quoted = (url: string) => [url, `"${url}"`, `'${url}'`]
    assert.ok(quoted(local).includes(server('controller-manager.conf') ?? ''), server('controller-manager.conf'))
    assert.is(server('admin.conf'), endpoint)
  })
}

testWith('openssl', test, 'hundreds of names: all of them, each once, sorted bytewise', async () => {
  const extra = Array.from({ length: 300 }, (_, index) => `host-${(index * 7919) % 1000}.example.org`)
  const addresses = Array.from({ length: 100 }, (_, index) => `172.16.${index % 10}.${index}`)
  const files = await makeTree({ ...BASE, apiServerCertSans: [...extra, '*.example.org', ...addresses, ...extra] })
  const wanted = [...new Set([...extra, '*.example.org', ...NAMES.map(name => name.slice('DNS:'.length))])]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(name => `DNS:${name}`)
  const text = await namesOf(fileOf(files, 'pki/apiserver.crt'))
  assert.is(text, [...wanted, ...['10.96.0.1', '10.0.0.10', ...addresses].map(ip => `IP Address:${ip}`)].join(', '))
  const tree = spread(files, join(dir, 'many'))
  for (const [flag, name] of [
    ['-verify_hostname', 'host-7.example.org'],
    ['-verify_hostname', 'anything.example.org'],
    ['-verify_ip', '172.16.9.99'],
  ] as const) {
    const at = String(Date.parse('2026-06-01T12:00:00Z') / 1000)
    const { status, stderr } = await openssl(
      ...['verify', '-x509_strict', '-attime', at, '-purpose', 'sslserver', flag, name],
      ...['-CAfile', join(tree, 'pki/ca.crt'), join(tree, 'pki/apiserver.crt')],
    )
    assert.is(status, 0, stderr)
  }
})

test('etcd elsewhere: nothing is made for it', async () => {
  const externalEtcd = {
    endpoints: ['https://10.9.0.1:2379'],
    caFile: '/etc/etcd/ca.crt',
    certFile: '/etc/etcd/client.crt',
    keyFile: '/etc/etcd/client.key',
  }
  const files = await makeTree({ ...BASE, externalEtcd, kubernetesVersion: 'v1.36.0' })
  assert.equal([...files.keys()].sort(), [
    'admin.conf',
    'controller-manager.conf',
    'kubelet.conf',
    'pki/apiserver-kubelet-client.crt',
    'pki/apiserver-kubelet-client.key',
    'pki/apiserver.crt',
    'pki/apiserver.key',
    'pki/ca.crt',
    'pki/ca.key',
    'pki/front-proxy-ca.crt',
    'pki/front-proxy-ca.key',
    'pki/front-proxy-client.crt',
    'pki/front-proxy-client.key',
    'pki/issued.jsonl',
    'pki/sa.key',
    'pki/sa.pub',
    'scheduler.conf',
    'super-admin.conf',
  ])
})

test('long names: the common name is whole, also over the 64 characters of RFC 5280', async () => {
  const nodeName = `${'a'.repeat(63)}.${'b'.repeat(63)}.example.org`
  const files = await makeTree({ ...BASE, nodeName })
  const text = fileOf(files, 'kubelet.conf')
  assert.is(
    new X509Certificate(fieldOf(text, 'client-certificate-data')).subject,
    `O=system:nodes\nCN=system:node:${nodeName}`,
  )
  assert.match(text, `  name: system:node:${nodeName}@kubernetes\n`)
})

/** Keys of other libraries than the one that signs: both providers and node:crypto make trees that fit together. */
test('keys made by node:crypto serve as well as those of the provider', async () => {
  const files = await makeTree({ ...BASE, encryptionAlgorithm: 'RSA-2048' }, { generateKeyPair: pooledKeyPair })
  const [ca, leaf] = ['pki/ca.crt', 'pki/apiserver.crt'].map(path => new X509Certificate(fileOf(files, path)))
  assert.ok(ca && leaf?.verify(ca.publicKey))
})

test.run()
