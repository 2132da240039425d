import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import type { KubernetesObject } from '../../lib/kubernetes/objects.js'
import { adminBinding } from '../../lib/render/admin-binding.js'
import { corednsAddon, defaultCorefiles } from '../../lib/render/coredns.js'
import { kubeProxyAddon } from '../../lib/render/kube-proxy-addon.js'
import { kubeadmConfigObjects, kubeletConfigObjects } from '../../lib/render/upload-config.js'
import { controlPlaneLabels } from '../../lib/workflow/phases/mark-control-plane.js'
import { rejects } from '../support/context.js'
import { controlPlane } from '../support/control-plane.js'

const MINORS = [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37]
const versionOf = (minor: number) => `v1.${minor}.1`
const find = (objects: readonly KubernetesObject[], kind: string) => {
  const object = objects.find(each => each.kind === kind)
  if (!object) throw new Error(`no ${kind}`)
  return object
}
/** A value deep within an object, by its keys. */
const at = (object: unknown, ...keys: readonly (string | number)[]): unknown =>
  keys.reduce<unknown>((value, key) => Object(value)[key], object)

/**
 * kubeadm's manifest of 2025, as it stands in kubernetes/kubernetes
 * cmd/kubeadm/app/phases/addons/dns/manifests.go at commit 008b365, with the values of a default cluster of v1.36.4 put in.
 */
const COREDNS_2025 = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: coredns
  namespace: kube-system
  labels: {k8s-app: kube-dns}
spec:
  replicas: 2
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      priorityClassName: system-cluster-critical
      serviceAccountName: coredns
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            podAffinityTerm:
              labelSelector:
                matchExpressions:
                - {key: k8s-app, operator: In, values: [kube-dns]}
              topologyKey: kubernetes.io/hostname
      tolerations:
      - {key: CriticalAddonsOnly, operator: Exists}
      - {key: node-role.kubernetes.io/control-plane, effect: NoSchedule}
      nodeSelector: {kubernetes.io/os: linux}
      containers:
      - name: coredns
        image: registry.k8s.io/coredns/coredns:v1.14.2
        imagePullPolicy: IfNotPresent
        resources: {limits: {memory: 170Mi}, requests: {cpu: 100m, memory: 70Mi}}
        args: [-conf, /etc/coredns/Corefile]
        volumeMounts:
        - {name: config-volume, mountPath: /etc/coredns, readOnly: true}
        ports:
        - {containerPort: 53, name: dns, protocol: UDP}
        - {containerPort: 53, name: dns-tcp, protocol: TCP}
        - {containerPort: 9153, name: metrics, protocol: TCP}
        - {containerPort: 8080, name: liveness-probe, protocol: TCP}
        - {containerPort: 8181, name: readiness-probe, protocol: TCP}
        livenessProbe:
          httpGet: {path: /health, port: liveness-probe, scheme: HTTP}
          initialDelaySeconds: 60
          timeoutSeconds: 5
          successThreshold: 1
          failureThreshold: 5
        readinessProbe:
          httpGet: {path: /ready, port: readiness-probe, scheme: HTTP}
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}
          readOnlyRootFilesystem: true
      dnsPolicy: Default
      volumes:
      - name: config-volume
        configMap: {name: coredns, items: [{key: Corefile, path: Corefile}]}
`

const COREFILE_2025 = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`

test("CoreDNS of v1.36 is that of kubeadm's manifest", async () => {
  const { objects, notes } = corednsAddon(await controlPlane('v1.36.4'))
  assert.equal(notes, [])
  assert.equal(
    objects.map(({ kind }) => kind),
    ['ConfigMap', 'ClusterRole', 'ClusterRoleBinding', 'ServiceAccount', 'Deployment', 'Service'],
  )
  assert.equal(find(objects, 'Deployment'), parse(COREDNS_2025))
  assert.is(at(find(objects, 'ConfigMap'), 'data', 'Corefile'), COREFILE_2025)
  assert.equal(find(objects, 'Service'), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
    },
    spec: {
      clusterIP: '10.96.0.10',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
      ],
      selector: { 'k8s-app': 'kube-dns' },
    },
  })
  assert.equal(find(objects, 'ClusterRole')['rules'], [
    { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ])
})

/** First and last minor of what CoreDNS and kube-proxy have not in all of them. */
const CHANGES: readonly (readonly [string, number, number, (objects: readonly KubernetesObject[]) => boolean])[] = [
  ['named probes', 34, 37, all => /"port":"liveness-probe"/.test(JSON.stringify(find(all, 'Deployment')))],
  ['numbered probes', 20, 33, all => /"port":8080/.test(JSON.stringify(find(all, 'Deployment')))],
  ['anti-affinity', 25, 37, all => /podAntiAffinity/.test(JSON.stringify(find(all, 'Deployment')))],
  ['tolerates master', 20, 25, all => /node-role.kubernetes.io\/master/.test(JSON.stringify(find(all, 'Deployment')))],
  ['drops ALL', 29, 37, all => /"drop":\["ALL"\]/.test(JSON.stringify(find(all, 'Deployment')))],
  ['cluster not cached', 32, 37, all => /disable success/.test(JSON.stringify(find(all, 'ConfigMap')))],
  ['reads nodes', 20, 27, all => /"nodes"/.test(JSON.stringify(find(all, 'ClusterRole')))],
  ['reads EndpointSlices', 22, 37, all => /"endpointslices"/.test(JSON.stringify(find(all, 'ClusterRole')))],
  ['KubeDNS label', 20, 20, all => /"KubeDNS"/.test(JSON.stringify(find(all, 'Service')))],
  ['CriticalAddonsOnly', 20, 21, all => /CriticalAddonsOnly/.test(JSON.stringify(find(all, 'DaemonSet')))],
]

for (const minor of MINORS) {
  test(`v1.${minor}: what changed between minors`, async () => {
    const made = await controlPlane(versionOf(minor))
    const all = [...corednsAddon(made).objects, ...kubeProxyAddon(made).objects]
    for (const [name, since, until, has] of CHANGES) assert.is(has(all), since <= minor && minor <= until, name)
    assert.equal(at(find(all, 'DaemonSet'), 'spec', 'template', 'spec', 'tolerations', minor <= 21 ? 1 : 0), {
      operator: 'Exists',
    })
  })
}

const LABELS: readonly (readonly [number, number, readonly string[]])[] = [
  [20, 20, ['node-role.kubernetes.io/master', 'node-role.kubernetes.io/control-plane']],
  [
    21,
    23,
    [
      'node-role.kubernetes.io/master',
      'node-role.kubernetes.io/control-plane',
      'node.kubernetes.io/exclude-from-external-load-balancers',
    ],
  ],
  [24, 37, ['node-role.kubernetes.io/control-plane', 'node.kubernetes.io/exclude-from-external-load-balancers']],
]
const TAINTS: readonly (readonly [number, number, readonly string[]])[] = [
  [20, 23, ['master']],
  [24, 24, ['master', 'control-plane']],
  [25, 37, ['control-plane']],
]

for (const minor of MINORS) {
  test(`v1.${minor}: labels, taints, names and formats`, async () => {
    const made = await controlPlane(versionOf(minor))
    const row = <T>(rows: readonly (readonly [number, number, T])[]) =>
      rows.find(([since, until]) => since <= minor && minor <= until)?.[2]
    assert.equal(controlPlaneLabels(made.cluster.kubernetesVersion), row(LABELS))
    assert.equal(
      made.node.taints.map(({ key = '' }) => key.replace('node-role.kubernetes.io/', '')),
      row(TAINTS),
    )
    const config = find(kubeadmConfigObjects(made), 'ConfigMap')
    const [, apiVersion] =
      /apiVersion: kubeadm.k8s.io\/(\S+)/.exec(String(at(config, 'data', 'ClusterConfiguration'))) ?? []
    assert.is(apiVersion, minor <= 21 ? 'v1beta2' : minor <= 30 ? 'v1beta3' : 'v1beta4')
    assert.equal(
      Object.keys(Object(config['data'])),
      minor <= 21 ? ['ClusterConfiguration', 'ClusterStatus'] : ['ClusterConfiguration'],
    )
    const kubelet = kubeletConfigObjects(made, {})
    const name = minor <= 23 ? `kubelet-config-1.${minor}` : 'kubelet-config'
    assert.equal(
      kubelet.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      [`ConfigMap ${name}`, `Role kubeadm:${name}`, `RoleBinding kubeadm:${name}`],
    )
    assert.equal(at(kubelet, 1, 'rules', 0, 'resourceNames'), [name])
    assert.is(
      adminBinding(made.cluster.kubernetesVersion)?.metadata.name,
      minor <= 28 ? undefined : 'kubeadm:cluster-admins',
    )
  })
}

test("administrators of v1.29 and up have cluster-admin by their group's binding", async () => {
  const { cluster } = await controlPlane('v1.29.0')
  const apiGroup = 'rbac.authorization.k8s.io'
  assert.equal(adminBinding(cluster.kubernetesVersion), {
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'kubeadm:cluster-admins' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup, kind: 'Group', name: 'kubeadm:cluster-admins' }],
  })
})

const ADDRESSES: readonly (readonly [string, string])[] = [
  ['10.96.0.0/12', '10.96.0.10'],
  ['192.168.128.0/17', '192.168.128.10'],
  ['fd00:10:96::/112', 'fd00:10:96::a'],
  ['10.96.0.0/16,fd00:10:96::/112', '10.96.0.10'],
  ['fd00:10:96::/112,10.96.0.0/16', 'fd00:10:96::a'],
]
for (const [subnet, address] of ADDRESSES) {
  test(`the DNS server of ${subnet} is ${address}`, async () => {
    const init = `localAPIEndpoint: {advertiseAddress: "${subnet.startsWith('fd') ? 'fd00:77::10' : '10.77.1.10'}"}\nnodeRegistration: {name: cp-1}`
    const made = await controlPlane('v1.36.4', { cluster: `networking: {serviceSubnet: "${subnet}"}`, init })
    assert.is(at(find(corednsAddon(made).objects, 'Service'), 'spec', 'clusterIP'), address)
  })
}

test('the domain of the cluster is in the Corefile, and every default of it is known', async () => {
  const made = await controlPlane('v1.36.4', { cluster: 'networking: {dnsDomain: k8s.example.org}' })
  const text = String(at(find(corednsAddon(made).objects, 'ConfigMap'), 'data', 'Corefile'))
  assert.is(text, COREFILE_2025.replaceAll('cluster.local', 'k8s.example.org'))
  assert.ok(defaultCorefiles('k8s.example.org').includes(text))
  assert.ok(defaultCorefiles('cluster.local').includes(COREFILE_2025))
})

test('proxies of the host are handed to kube-proxy, sorted', async () => {
  const { objects } = kubeProxyAddon(await controlPlane('v1.36.4'), {
    proxyEnv: { no_proxy: '10.0.0.0/8', HTTPS_PROXY: 'http://proxy:3128' },
  })
  assert.equal(at(find(objects, 'DaemonSet'), 'spec', 'template', 'spec', 'containers', 0, 'env'), [
    { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
    { name: 'no_proxy', value: '10.0.0.0/8' },
  ])
})

const HASH = 'kubeadm.kubernetes.io/component-config.hash'

test('what a person has written of a component is not signed as kubeadm would sign its own', async () => {
  const own = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 50'
  const proxy = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs'
  const usual = await controlPlane('v1.36.4')
  const written = await controlPlane('v1.36.4', { more: `${own}\n---\n${proxy}` })
  for (const [made, isSigned] of [
    [usual, true],
    [written, false],
  ] as const)
    for (const objects of [kubeletConfigObjects(made, {}), kubeProxyAddon(made).objects])
      assert.is(HASH in Object(find(objects, 'ConfigMap').metadata['annotations']), isSigned)
  assert.match(String(at(find(kubeProxyAddon(written).objects, 'ConfigMap'), 'data', 'config.conf')), 'mode: ipvs')
})

test('the hashes of v1.20.2 are those of kubeadm', async () => {
  // kubeadm v1.20.2 init --dry-run, for a cluster of this address and nothing else said.
  const made = await controlPlane('v1.20.2')
  assert.equal(
    [kubeletConfigObjects(made, {}), kubeProxyAddon(made).objects].map(
      objects => Object(find(objects, 'ConfigMap').metadata['annotations'])[HASH],
    ),
    [
      'sha256:0af81a488165c9cf834468fb5bf575c23380eb498a0ef1b55b67d189a6852261',
      'sha256:b0f18183dc3d86bd13ae6dfe693be1ed845b684f78c276832dda05431486a61d',
    ],
  )
})

test('patches are applied to the Deployment and to the DaemonSet, and break neither', async () => {
  const made = await controlPlane('v1.37.1')
  const patch = (target: 'corednsdeployment' | 'kubeproxydaemonset', content: object) =>
    [{ target, type: 'strategic', content, file: `${target}.yaml` }] as const
  const spec = { template: { spec: { containers: [{ name: 'coredns', resources: { limits: { memory: '1Gi' } } }] } } }
  const deployment = find(corednsAddon(made, patch('corednsdeployment', { spec })).objects, 'Deployment')
  assert.equal(at(deployment, 'spec', 'template', 'spec', 'containers', 0, 'resources'), {
    limits: { memory: '1Gi' },
    requests: { cpu: '100m', memory: '70Mi' },
  })
  const labels = { metadata: { labels: { a: 'b' } } }
  const daemonSet = find(kubeProxyAddon(made, {}, patch('kubeproxydaemonset', labels)).objects, 'DaemonSet')
  assert.equal(daemonSet.metadata['labels'], { 'k8s-app': 'kube-proxy', a: 'b' })
  const other = patch('corednsdeployment', { metadata: { name: 'other' } })
  assert.is((await rejects(() => corednsAddon(made, other))).code, 'KPKI_PATCH_INVALID')
})

test.run()
