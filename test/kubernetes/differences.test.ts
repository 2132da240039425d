import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DIFFERENCES, type Difference, type DifferenceName, has } from '../../lib/kubernetes/differences.js'
import { MINORS, parseVersion } from '../../lib/kubernetes/versions.js'

const NAMES = Object.keys(DIFFERENCES) as DifferenceName[]

for (const [name, version, expected] of [
  ['namedProbePorts', 'v1.33.13', false],
  ['namedProbePorts', 'v1.34.0', true],
  ['namedProbePorts', 'v1.37.1', true],
  ['insecurePortFlag', 'v1.21.14', true],
  ['insecurePortFlag', 'v1.22.0', false],
  ['etcdSerializableProbes', 'v1.24.17', false],
  ['etcdSerializableProbes', 'v1.25.0', true],
  ['etcdSerializableProbes', 'v1.30.14', true],
  ['etcdSerializableProbes', 'v1.31.0', false],
  // A patch brings it.
  ['argumentsKeepOrder', 'v1.31.14', false],
  ['argumentsKeepOrder', 'v1.34.3', false],
  ['argumentsKeepOrder', 'v1.34.4', true],
  ['argumentsKeepOrder', 'v1.36.0', true],
  // A patch takes it away.
  ['etcdStorageRequest', 'v1.20.7', true],
  ['etcdStorageRequest', 'v1.20.8', false],
  ['etcdStorageRequest', 'v1.22.0', false],
  ['oldImageRegistry', 'v1.24.8', true],
  ['oldImageRegistry', 'v1.24.9', false],
  ['oldImageRegistry', 'v1.25.0', false],
] as const)
  test(`${version} ${expected ? 'has' : 'has not'} ${name}`, () => {
    const parsed = parseVersion(version)
    assert.is(parsed && has(parsed, name), expected)
  })

test('every row is a difference: of a minor that is supported, with patches only where its minors are not', () => {
  for (const name of NAMES) {
    const { since, until, patches = {}, about, source }: Difference = DIFFERENCES[name]
    assert.ok(since !== undefined || until !== undefined, name)
    assert.ok((since ?? MINORS.oldest) >= MINORS.oldest && (since ?? 0) <= MINORS.newest, name)
    assert.ok((until ?? 0) < MINORS.newest, name)
    assert.ok(about !== '' && /kube|system-validators|moby|containerd/.test(source), name)
    for (const minor of Object.keys(patches).map(Number))
      assert.ok(minor < (since ?? Number.POSITIVE_INFINITY) && minor > (until ?? 0), name)
  }
})

// Rows that are of one thing: whoever moves one of them moves the other.
for (const rows of [
  ['wholePkiDir', 'pkiSubdirs'],
  ['schedulerHealthzProbes', 'schedulerLivezProbes'],
  ['etcdHealthProbe', 'etcdSerializableProbes', 'etcdLivezProbes'],
] as const)
  test(`of ${rows.join(', ')}, every version has one`, () => {
    for (let minor: number = MINORS.oldest; minor <= MINORS.newest; minor++)
      for (const patch of [0, 1, 5, 20]) {
        const version = { major: 1, minor, patch, text: '' } as const
        assert.is(rows.filter(name => has(version, name)).length, 1, `1.${minor}.${patch}`)
      }
  })

test('a row that has both ends has no patches: nobody could say which end they are of', () => {
  for (const name of NAMES) {
    const { since, until, patches }: Difference = DIFFERENCES[name]
    assert.ok(since === undefined || until === undefined || patches === undefined, name)
  }
})

test.run()
