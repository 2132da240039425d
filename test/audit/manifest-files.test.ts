/** Files that static Pods are told to use. What a component makes of each was seen with v1.20.2: it does not start. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readTree } from '../../lib/audit/tree.js'
import type { MemoryStore } from '../../lib/tree/store.js'
import { context, put, read, reissue, wellTree } from './tree.js'

const PKI = '/etc/kubernetes/pki'
/** What kubeadm v1.20.2 writes (cmd/kubeadm/app/phases/controlplane/manifests.go, phases/etcd/local.go): flags that name files. */
const FLAGS = {
  etcd: {
    'cert-file': `${PKI}/etcd/server.crt`,
    'key-file': `${PKI}/etcd/server.key`,
    'peer-cert-file': `${PKI}/etcd/peer.crt`,
    'peer-key-file': `${PKI}/etcd/peer.key`,
    'peer-trusted-ca-file': `${PKI}/etcd/ca.crt`,
    'trusted-ca-file': `${PKI}/etcd/ca.crt`,
  },
  'kube-apiserver': {
    'client-ca-file': `${PKI}/ca.crt`,
    'etcd-cafile': `${PKI}/etcd/ca.crt`,
    'etcd-certfile': `${PKI}/apiserver-etcd-client.crt`,
    'etcd-keyfile': `${PKI}/apiserver-etcd-client.key`,
    'kubelet-client-certificate': `${PKI}/apiserver-kubelet-client.crt`,
    'kubelet-client-key': `${PKI}/apiserver-kubelet-client.key`,
    'proxy-client-cert-file': `${PKI}/front-proxy-client.crt`,
    'proxy-client-key-file': `${PKI}/front-proxy-client.key`,
    'requestheader-client-ca-file': `${PKI}/front-proxy-ca.crt`,
    'service-account-key-file': `${PKI}/sa.pub`,
    'service-account-signing-key-file': `${PKI}/sa.key`,
    'tls-cert-file': `${PKI}/apiserver.crt`,
    'tls-private-key-file': `${PKI}/apiserver.key`,
  },
  'kube-controller-manager': {
    'authentication-kubeconfig': '/etc/kubernetes/controller-manager.conf',
    'authorization-kubeconfig': '/etc/kubernetes/controller-manager.conf',
    'client-ca-file': `${PKI}/ca.crt`,
    'cluster-signing-cert-file': `${PKI}/ca.crt`,
    'cluster-signing-key-file': `${PKI}/ca.key`,
    kubeconfig: '/etc/kubernetes/controller-manager.conf',
    'requestheader-client-ca-file': `${PKI}/front-proxy-ca.crt`,
    'root-ca-file': `${PKI}/ca.crt`,
    'service-account-private-key-file': `${PKI}/sa.key`,
  },
  'kube-scheduler': {
    'authentication-kubeconfig': '/etc/kubernetes/scheduler.conf',
    'authorization-kubeconfig': '/etc/kubernetes/scheduler.conf',
    kubeconfig: '/etc/kubernetes/scheduler.conf',
  },
} as const
type Component = keyof typeof FLAGS
type Changes = { readonly [Name in Component]?: Readonly<Record<string, string>> }

/** A tree whose manifests are kubeadm's, with other values of some flags. */
function treeWith(changes: Changes = {}, host = '/etc/kubernetes'): MemoryStore {
  const store = wellTree()
  for (const component of Object.keys(FLAGS) as Component[]) {
    const flags: Readonly<Record<string, string>> = { ...FLAGS[component], ...changes[component] }
    put(
      store,
      `manifests/${component}.yaml`,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: component },
        spec: {
          containers: [
            { name: component, command: [component, ...Object.entries(flags).map(([k, v]) => `--${k}=${v}`)] },
          ],
          volumes: [{ name: 'k8s', hostPath: { path: host } }],
        },
      }),
    )
  }
  return store
}
const findings = async (store: MemoryStore) => (await readTree(store, context)).findings
const told = async (store: MemoryStore) =>
  (await findings(store)).map(({ code, path, field = '' }) => `${code} ${path} ${field}`.trim())

test("kubeadm's own manifests: nothing is said", async () => assert.equal(await told(treeWith()), []))

for (const component of Object.keys(FLAGS) as Component[])
  for (const [flag, value] of Object.entries(FLAGS[component]))
    test(`${component} --${flag}: a file that is not there is missing`, async () => {
      const isConf = value.endsWith('.conf')
      const gone = isConf ? '/etc/kubernetes/gone.conf' : `${PKI}/gone/x.pem`
      const found = await findings(treeWith({ [component]: { [flag]: gone } }))
      assert.equal(
        found.map(({ code, path }) => `${code} ${path}`),
        [`file-missing ${isConf ? 'gone.conf' : 'pki/gone/x.pem'}`],
      )
      assert.is(found[0]?.message, `is missing: ${component} is told to use it with --${flag}`)
      assert.match(found[0]?.hint ?? '', `manifests/${component}.yaml`)
    })

test('a client certificate of another CA with another key: etcd refuses it, and the API server does not start', async () => {
  const apiserver = { 'etcd-certfile': `${PKI}/apiserver-kubelet-client.crt` }
  assert.equal(await told(treeWith({ 'kube-apiserver': apiserver })), [
    'key-mismatch manifests/kube-apiserver.yaml --etcd-keyfile',
    'chain manifests/kube-apiserver.yaml --etcd-certfile',
  ])
  const whole = { ...apiserver, 'etcd-keyfile': `${PKI}/apiserver-kubelet-client.key` }
  assert.equal(await told(treeWith({ 'kube-apiserver': whole })), [
    'chain manifests/kube-apiserver.yaml --etcd-certfile',
  ])
})

test('another certificate of the same CA with its key is as good', async () => {
  const healthcheck = {
    'etcd-certfile': `${PKI}/etcd/healthcheck-client.crt`,
    'etcd-keyfile': `${PKI}/etcd/healthcheck-client.key`,
  }
  assert.equal(await told(treeWith({ 'kube-apiserver': healthcheck })), [])
})

test('a file beside those of kubeadm is looked at, too', async () => {
  const flags = { 'tls-cert-file': `${PKI}/own/tls.crt`, 'tls-private-key-file': `${PKI}/own/tls.key` }
  const store = treeWith({ 'kube-apiserver': flags })
  await reissue(store, 'apiserver', {}, { base: 'pki/own/tls' })
  assert.equal(await told(store), [])
  put(store, 'pki/own/tls.key', read(store, 'pki/sa.key'))
  assert.equal(await told(store), ['key-mismatch manifests/kube-apiserver.yaml --tls-private-key-file'])
  put(store, 'pki/own/tls.key', read(store, 'pki/own/tls.crt'))
  assert.equal(await told(store), ['unreadable manifests/kube-apiserver.yaml --tls-private-key-file'])
})

test('servers of etcd under a CA that is not trusted', async () => {
  assert.equal(await told(treeWith({ 'kube-apiserver': { 'etcd-cafile': `${PKI}/ca.crt` } })), [
    'chain manifests/etcd.yaml --cert-file',
  ])
  assert.equal(await told(treeWith({ etcd: { 'peer-trusted-ca-file': `${PKI}/front-proxy-ca.crt` } })), [
    'chain manifests/etcd.yaml --peer-cert-file',
  ])
})

test('what a Pod is not given from the host, what is outside of the tree and what climbs out of it is not looked at', async () => {
  const gone = (value: string): Changes => ({ 'kube-apiserver': { 'oidc-ca-file': value } })
  assert.equal(await told(treeWith(gone(`${PKI}/gone.crt`), '/srv')), [])
  for (const value of ['/etc/ssl/gone.crt', `${PKI}/../../shadow`, `${PKI}//x`, '/etc/kubernetes/tmp/x.yaml', ''])
    assert.equal(await told(treeWith(gone(value))), [], value)
  assert.equal(await told(treeWith({ 'kube-apiserver': { 'log-file': `${PKI}/log.crt` } })), [])
})

test.run()
