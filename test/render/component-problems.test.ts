import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../lib/errors.js'
import { componentProblems } from '../../lib/render/component-problems.js'
import { prepareInit } from '../../lib/workflow/init-cluster.js'
import { testContext } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'
import { memoryHost } from '../support/memory-host.js'

const KUBELET = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n'
const PROXY = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n'
const INIT =
  'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1, kubeletExtraArgs: [{name: v, value: "4"}, {name: node-labels, value: "a=b, c=d"}]}'

const fieldsOf = async (text: Parameters<typeof controlPlane>[1]) =>
  componentProblems(await controlPlane('v1.36.0', text), {}).map(({ severity, field }) => [severity, field])

for (const [what, text, expected] of [
  ['nothing is written', {}, []],
  [
    'the kubelet looks elsewhere for static Pods',
    { more: `${KUBELET}staticPodPath: /srv` },
    ['KubeletConfiguration.staticPodPath'],
  ],
  [
    'kube-proxy has an address of its own',
    { more: `${PROXY}bindAddress: 10.0.0.1` },
    ['KubeProxyConfiguration.bindAddress'],
  ],
  ['kube-proxy is not wanted', { cluster: 'proxy: {disabled: true}', more: `${PROXY}bindAddress: 10.0.0.1` }, []],
  ['an argument has spaces', { init: INIT }, ['nodeRegistration.kubeletExtraArgs']],
] as const)
  test(`what is doubtful where ${what}`, async () => {
    assert.equal(
      await fieldsOf(text),
      expected.map(field => ['warning', field]),
    )
  })

test('what cannot be made, or no kubelet would run, is an error, all of them at once', async () => {
  const cluster =
    'scheduler: {extraVolumes: [{name: x, hostPath: /x, mountPath: /etc/kubernetes/scheduler.conf}]}\napiServer: {extraVolumes: [{name: x, hostPath: /x, mountPath: /etc/ssl/certs}, {name: z, hostPath: /x, mountPath: /etc/kubernetes/pki}]}'
  const broken = { cluster, more: `${KUBELET}authentication: 5\n---\n${PROXY}conntrack: []` }
  const expected = [
    'KubeletConfiguration.authentication',
    'KubeProxyConfiguration.conntrack',
    'apiServer.extraVolumes[0].mountPath',
    'apiServer.extraVolumes[1].mountPath',
    'scheduler.extraVolumes[0].mountPath',
  ]
  assert.equal(
    await fieldsOf(broken),
    expected.map(field => ['error', field]),
  )
  const host = memoryHost()
  const error = await prepareInit(await controlPlane('v1.36.0', broken), {
    host,
    store: host.store,
    context: testContext(),
  }).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof UsageError)
  assert.is(error.details['field'], expected[0])
})

for (const port of ['abc', '"10248"', '70000', '-1', '1.5', '[]'])
  test(`${port} is not a port that the kubelet is asked at`, async () => {
    const broken = { more: `${KUBELET}healthzPort: ${port}` }
    assert.equal(await fieldsOf(broken), [['error', 'KubeletConfiguration.healthzPort']])
  })

test('an init says it once, beforehand', async () => {
  const host = memoryHost()
  const context = testContext()
  const said: string[] = []
  const log = ({ level, message }: { level: string; message: string }) => void said.push(`${level}: ${message}`)
  const plane = await controlPlane('v1.36.0', { more: `${KUBELET}staticPodPath: /srv` })
  await prepareInit(plane, { host, store: host.store, context: { ...context, log } })
  assert.equal(
    said.filter(line => line.includes('staticPodPath')).map(line => line.split(' ').slice(0, 2).join(' ')),
    ['warning: KubeletConfiguration.staticPodPath:'],
  )
})

test.run()
