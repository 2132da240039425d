import { readdirSync, statSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CERTIFICATE_IDS, ROW_IDS } from '../../lib/kubernetes/rows.js'
import { certificatePath, filesOf, keyPath } from '../../lib/tree/layout.js'

// What `kubeadm init` leaves in /etc/kubernetes (kubernetes.io/docs/setup/best-practices/certificates/); keys before what is
// made with them.
const LAYOUT = {
  ca: ['pki/ca.key', 'pki/ca.crt'],
  apiserver: ['pki/apiserver.key', 'pki/apiserver.crt'],
  'apiserver-kubelet-client': ['pki/apiserver-kubelet-client.key', 'pki/apiserver-kubelet-client.crt'],
  'front-proxy-ca': ['pki/front-proxy-ca.key', 'pki/front-proxy-ca.crt'],
  'front-proxy-client': ['pki/front-proxy-client.key', 'pki/front-proxy-client.crt'],
  'etcd-ca': ['pki/etcd/ca.key', 'pki/etcd/ca.crt'],
  'etcd-server': ['pki/etcd/server.key', 'pki/etcd/server.crt'],
  'etcd-peer': ['pki/etcd/peer.key', 'pki/etcd/peer.crt'],
  'etcd-healthcheck-client': ['pki/etcd/healthcheck-client.key', 'pki/etcd/healthcheck-client.crt'],
  'apiserver-etcd-client': ['pki/apiserver-etcd-client.key', 'pki/apiserver-etcd-client.crt'],
  sa: ['pki/sa.key', 'pki/sa.pub'],
  'admin.conf': ['admin.conf'],
  'super-admin.conf': ['super-admin.conf'],
  'kubelet.conf': ['kubelet.conf'],
  'controller-manager.conf': ['controller-manager.conf'],
  'scheduler.conf': ['scheduler.conf'],
} as const

test('every row has its place', () => assert.equal(Object.keys(LAYOUT), [...ROW_IDS]))

for (const [id, paths] of Object.entries(LAYOUT) as [keyof typeof LAYOUT, readonly string[]][]) {
  test(`files of ${id}`, () => {
    assert.equal(
      filesOf(id).map(({ path }) => path),
      [...paths],
    )
    for (const { path, mode, kind } of filesOf(id)) {
      // Secrets are for their owner alone; certificates and sa.pub are for all.
      const isPublic = path.endsWith('.crt') || path.endsWith('.pub')
      assert.is(mode, isPublic ? 0o644 : 0o600, path)
      assert.is(
        kind,
        path.endsWith('.crt')
          ? 'certificate'
          : path.endsWith('.pub')
            ? 'public-key'
            : path.endsWith('.key')
              ? 'private-key'
              : 'kubeconfig',
      )
    }
  })
}

test('the files are those that kubeadm v1.20.2 made, and their modes, save that of sa.pub', () => {
  const here = new URL('../vectors/kubeadm/v1.20.2/', import.meta.url)
  const theirs = (readdirSync(here, { recursive: true }) as string[])
    .filter(path => statSync(new URL(path, here)).isFile() && path !== 'cluster.yaml')
    .map(path => path.replaceAll('\\', '/'))
  const ours = ROW_IDS.filter(id => id !== 'super-admin.conf').flatMap(id => filesOf(id).map(({ path }) => path))
  assert.equal(theirs.sort(), ours.sort())
})

test('paths and names by id', () => {
  for (const id of CERTIFICATE_IDS) {
    assert.equal([keyPath(id), certificatePath(id)], [...LAYOUT[id]])
  }
  assert.is(keyPath('sa'), 'pki/sa.key')
})

test.run()
