import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MINORS, parseVersion } from '../../lib/kubernetes/versions.js'
import { IMAGE_NAMES, IMAGE_TAGS, imageOf, imageTags, pullList } from '../../lib/render/images.js'
import { controlPlane } from '../support/control-plane.js'

// What `kubeadm config images list` has been seen to print, in its order (v1.20.2 with its own: coredns last).
for (const [version, expected] of [
  [
    'v1.20.2',
    [
      'k8s.gcr.io/kube-apiserver:v1.20.2',
      'k8s.gcr.io/kube-controller-manager:v1.20.2',
      'k8s.gcr.io/kube-scheduler:v1.20.2',
      'k8s.gcr.io/kube-proxy:v1.20.2',
      'k8s.gcr.io/coredns:1.7.0',
      'k8s.gcr.io/pause:3.2',
      'k8s.gcr.io/etcd:3.4.13-0',
    ],
  ],
  [
    'v1.30.14',
    [
      'registry.k8s.io/kube-apiserver:v1.30.14',
      'registry.k8s.io/kube-controller-manager:v1.30.14',
      'registry.k8s.io/kube-scheduler:v1.30.14',
      'registry.k8s.io/kube-proxy:v1.30.14',
      'registry.k8s.io/coredns/coredns:v1.11.3',
      'registry.k8s.io/pause:3.9',
      'registry.k8s.io/etcd:3.5.15-0',
    ],
  ],
  [
    'v1.31.14',
    [
      'registry.k8s.io/kube-apiserver:v1.31.14',
      'registry.k8s.io/kube-controller-manager:v1.31.14',
      'registry.k8s.io/kube-scheduler:v1.31.14',
      'registry.k8s.io/kube-proxy:v1.31.14',
      'registry.k8s.io/coredns/coredns:v1.11.3',
      'registry.k8s.io/pause:3.10',
      'registry.k8s.io/etcd:3.5.24-0',
    ],
  ],
  [
    'v1.36.4',
    [
      'registry.k8s.io/kube-apiserver:v1.36.4',
      'registry.k8s.io/kube-controller-manager:v1.36.4',
      'registry.k8s.io/kube-scheduler:v1.36.4',
      'registry.k8s.io/kube-proxy:v1.36.4',
      'registry.k8s.io/coredns/coredns:v1.14.2',
      'registry.k8s.io/pause:3.10.2',
      'registry.k8s.io/etcd:3.6.8-0',
    ],
  ],
] as const)
  test(`images of ${version}`, async () => assert.equal(pullList(await controlPlane(version)), expected))

for (const [version, etcd, coredns, pause] of [
  ['v1.21.14', 'k8s.gcr.io/etcd:3.4.13-0', 'k8s.gcr.io/coredns/coredns:v1.8.0', 'k8s.gcr.io/pause:3.4.1'],
  ['v1.22.17', 'registry.k8s.io/etcd:3.5.6-0', 'registry.k8s.io/coredns/coredns:v1.8.4', 'registry.k8s.io/pause:3.5'],
  ['v1.23.17', 'registry.k8s.io/etcd:3.5.6-0', 'registry.k8s.io/coredns/coredns:v1.8.6', 'registry.k8s.io/pause:3.6'],
  ['v1.24.17', 'registry.k8s.io/etcd:3.5.6-0', 'registry.k8s.io/coredns/coredns:v1.8.6', 'registry.k8s.io/pause:3.7'],
  ['v1.25.16', 'registry.k8s.io/etcd:3.5.9-0', 'registry.k8s.io/coredns/coredns:v1.9.3', 'registry.k8s.io/pause:3.8'],
  ['v1.26.15', 'registry.k8s.io/etcd:3.5.10-0', 'registry.k8s.io/coredns/coredns:v1.9.3', 'registry.k8s.io/pause:3.9'],
  ['v1.27.16', 'registry.k8s.io/etcd:3.5.12-0', 'registry.k8s.io/coredns/coredns:v1.10.1', 'registry.k8s.io/pause:3.9'],
  ['v1.28.15', 'registry.k8s.io/etcd:3.5.15-0', 'registry.k8s.io/coredns/coredns:v1.10.1', 'registry.k8s.io/pause:3.9'],
  ['v1.29.15', 'registry.k8s.io/etcd:3.5.16-0', 'registry.k8s.io/coredns/coredns:v1.11.1', 'registry.k8s.io/pause:3.9'],
  [
    'v1.32.13',
    'registry.k8s.io/etcd:3.5.24-0',
    'registry.k8s.io/coredns/coredns:v1.11.3',
    'registry.k8s.io/pause:3.10',
  ],
  // `kubeadm config images list` of 1.33.5 and its table of etcd in late patches; constants.go of v1.35.8; changelog of 1.34.
  [
    'v1.33.13',
    'registry.k8s.io/etcd:3.5.24-0',
    'registry.k8s.io/coredns/coredns:v1.12.0',
    'registry.k8s.io/pause:3.10',
  ],
  [
    'v1.34.10',
    'registry.k8s.io/etcd:3.6.5-0',
    'registry.k8s.io/coredns/coredns:v1.12.1',
    'registry.k8s.io/pause:3.10.1',
  ],
  [
    'v1.35.8',
    'registry.k8s.io/etcd:3.6.6-0',
    'registry.k8s.io/coredns/coredns:v1.13.1',
    'registry.k8s.io/pause:3.10.1',
  ],
  [
    'v1.37.1',
    'registry.k8s.io/etcd:3.7.0-0',
    'registry.k8s.io/coredns/coredns:v1.14.6',
    'registry.k8s.io/pause:3.10.2',
  ],
] as const)
  test(`images beside Kubernetes' own of ${version}`, async () => {
    const described = await controlPlane(version)
    assert.equal(
      (['etcd', 'coredns', 'pause'] as const).map(name => imageOf(name, described)),
      [etcd, coredns, pause],
    )
  })

test('a registry of one’s own has no directory for CoreDNS', async () => {
  const described = await controlPlane('v1.31.6', { cluster: 'imageRepository: my.repo' })
  assert.is(imageOf('coredns', described), 'my.repo/coredns:v1.11.3')
  assert.is(imageOf('etcd', described), 'my.repo/etcd:3.5.24-0')
})

test('CoreDNS is where it is in the registry that is not the default, too', async () => {
  const imageIn = async (version: string, registry: string) =>
    imageOf('coredns', await controlPlane(version, { cluster: `imageRepository: ${registry}` }))
  assert.is(await imageIn('v1.36.4', 'k8s.gcr.io'), 'k8s.gcr.io/coredns/coredns:v1.14.2')
  assert.is(await imageIn('v1.21.14', 'registry.k8s.io'), 'registry.k8s.io/coredns/coredns:v1.8.0')
  assert.is(await imageIn('v1.20.2', 'registry.k8s.io'), 'registry.k8s.io/coredns:1.7.0')
})

test('images of etcd and CoreDNS from elsewhere', async () => {
  const cluster = `imageRepository: my.repo
etcd: {local: {imageRepository: quay.io/coreos, imageTag: v3.5.9}}
dns: {imageRepository: registry.k8s.io, imageTag: v1.13.0}`
  const described = await controlPlane('v1.34.0', { cluster })
  assert.is(imageOf('etcd', described), 'quay.io/coreos/etcd:v3.5.9')
  assert.is(imageOf('coredns', described), 'registry.k8s.io/coredns/coredns:v1.13.0')
  assert.is(imageOf('pause', described), 'my.repo/pause:3.10.1')
})

test('what is disabled or elsewhere is not pulled', async () => {
  const cluster =
    'dns: {disabled: true}\nproxy: {disabled: true}\netcd: {external: {endpoints: ["http://10.0.0.7:2379"]}}'
  const described = await controlPlane('v1.36.4', { cluster })
  assert.equal(
    pullList(described).map(image => image.replace(/:.*/, '')),
    [
      'registry.k8s.io/kube-apiserver',
      'registry.k8s.io/kube-controller-manager',
      'registry.k8s.io/kube-scheduler',
      'registry.k8s.io/pause',
    ],
  )
})

test('a build between two releases has a tag without a plus', async () => {
  const described = await controlPlane('v1.36.0-alpha.1.42+0123456789abcd')
  assert.is(imageOf('kube-proxy', described), 'registry.k8s.io/kube-proxy:v1.36.0-alpha.1.42_0123456789abcd')
})

test('every minor has tags, one beyond them those of the newest', () => {
  for (let minor: number = MINORS.oldest; minor <= MINORS.newest; minor++) {
    const version = parseVersion(`v1.${minor}.0`)
    if (!version) throw new Error(`1.${minor}`)
    const { etcd, coredns, pause } = imageTags(version)
    assert.match(etcd, /^3\.[4-9]\.\d+-0$/)
    assert.match(coredns, minor === 20 ? /^1\./ : /^v1\./)
    assert.match(pause, /^3\.\d+(\.\d+)?$/)
  }
  assert.equal(imageTags({ major: 1, minor: 99, patch: 0, text: 'v1.99.0' }), IMAGE_TAGS[MINORS.newest])
  assert.is(IMAGE_NAMES.length, 7)
})

test.run()
