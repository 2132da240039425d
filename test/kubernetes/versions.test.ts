import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  adminGroup,
  defaultVersion,
  etcdClientGroups,
  hasSuperAdmin,
  kubeadmAlgorithms,
  kubeletUsesLocalEndpoint,
  MINORS,
  parseVersion,
  writesPreferences,
} from '../../lib/kubernetes/versions.js'

const minor = (number: number) => {
  const version = parseVersion(`1.${number}.0`)
  if (!version) throw new Error(`1.${number}.0 is no version`)
  return version
}

for (const [text, expected] of [
  ['v1.36.4', 'v1.36.4'],
  ['1.36.4', 'v1.36.4'],
  ['v1.20.0', 'v1.20.0'],
  ['v1.30.0-rc.1', 'v1.30.0-rc.1'],
  ['v1.30.0-rc.1+abc', 'v1.30.0-rc.1+abc'],
  ['v1.29.4+k3s1', 'v1.29.4+k3s1'],
  ['v1.38.0', 'v1.38.0'],
  ['v1.100.0', 'v1.100.0'],
] as const)
  test(`version ${text}`, () => {
    const version = parseVersion(text)
    assert.is(version?.text, expected)
    assert.equal(
      [version?.major, version?.minor, version?.patch],
      expected.replace(/^v/, '').split(/[-+]/)[0]?.split('.').map(Number),
    )
  })

for (const [text, minorNumber] of [
  ['1.36', 36],
  ['v1.30', 30],
  ['stable', MINORS.default],
  ['stable-1', MINORS.default],
  ['latest', MINORS.default],
  ['latest-1', MINORS.default],
  ['stable-1.33', 33],
  ['latest-1.21', 21],
] as const)
  test(`the newest patch that is known: ${text}`, () => {
    const version = parseVersion(text)
    assert.is(version?.minor, minorNumber)
    assert.match(version?.text ?? '', new RegExp(`^v1\\.${minorNumber}\\.\\d+$`))
    assert.ok((version?.patch ?? 0) > 0)
  })

for (const text of [
  '',
  'v',
  '1',
  'v1',
  '36',
  '2.0.0',
  '0.9.0',
  'v1.19.16',
  '1.19',
  'stable-1.19',
  'v1.36.',
  'v1.36.4.1',
  'v1.-1.0',
  'V1.36.4',
  'vv1.36.4',
  ' v1.36.4',
  'v1.36.4 ',
  'v1.36.4\n',
  'v1.36.x',
  'v1.36.4-',
  'v1.36.4-a b',
  'v1.36.4-"',
  'stable-1.36.4',
  'stable-2',
  'stable-v1.36',
  'ci/latest',
  'release/stable',
  'https://dl.k8s.io/release/stable.txt',
  'v1.036.4',
  'v01.36.4',
  'v1.36.04',
  `v1.36.4-${'a'.repeat(101)}`,
  'v1.10000.0',
])
  test(`no version: ${JSON.stringify(text.slice(0, 40))}`, () => assert.is(parseVersion(text), undefined))

test('a version is read back from its text', () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 999 }),
      fc.integer({ min: 0, max: 9999 }),
      fc.constantFrom('', '-rc.0', '+k3s1', '-alpha.1+b'),
      (minorNumber, patch, suffix) => {
        const text = `v1.${minorNumber}.${patch}${suffix}`
        assert.equal(parseVersion(text), { major: 1, minor: minorNumber, patch, text })
        assert.equal(parseVersion(text.slice(1)), parseVersion(text))
      },
    ),
  ))

test('the default is a minor that is known', () => {
  assert.is(defaultVersion().minor, MINORS.default)
  assert.ok(MINORS.oldest <= MINORS.default && MINORS.default <= MINORS.newest)
  for (let number = MINORS.oldest; number <= MINORS.newest; number++)
    assert.ok((parseVersion(`1.${number}`)?.patch ?? 0) > 0, `1.${number}`)
})

// What changed when, as the release notes of kubeadm say (CHANGELOG-1.29.md, -1.31.md, -1.33.md, -1.34.md, -1.36.md).
test('groups changed with 1.29', () => {
  for (const [number, group] of [
    [20, 'system:masters'],
    [28, 'system:masters'],
    [29, 'kubeadm:cluster-admins'],
    [37, 'kubeadm:cluster-admins'],
  ] as const) {
    assert.is(adminGroup(minor(number)), group)
    assert.is(hasSuperAdmin(minor(number)), number >= 29)
    assert.equal(etcdClientGroups(minor(number)), number >= 29 ? [] : ['system:masters'])
  }
})

for (const [number, gate, expected] of [
  [30, undefined, false],
  [30, true, false],
  [31, undefined, false],
  [31, true, true],
  [31, false, false],
  [32, undefined, false],
  [32, true, true],
  [33, undefined, true],
  [33, false, false],
  [35, false, false],
  [36, undefined, true],
  [36, false, true],
] as const)
  test(`1.${number} with ControlPlaneKubeletLocalMode ${gate}: the kubelet goes to ${expected ? 'its own' : 'the common'} API server`, () =>
    assert.is(kubeletUsesLocalEndpoint(minor(number), gate), expected))

test('kubeconfigs lost their preferences with 1.34', () => {
  assert.ok(writesPreferences(minor(33)))
  assert.not.ok(writesPreferences(minor(34)))
})

test('algorithms that kubeadm of the version can make', () => {
  assert.equal(kubeadmAlgorithms(minor(30)), ['RSA-2048', 'ECDSA-P256'])
  assert.equal(kubeadmAlgorithms(minor(31)), ['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECDSA-P256'])
  assert.equal(kubeadmAlgorithms(minor(34)), ['RSA-2048', 'RSA-3072', 'RSA-4096', 'ECDSA-P256', 'ECDSA-P384'])
})

test.run()
