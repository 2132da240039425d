import type { YamlObject } from '../../lib/yaml-scalars.js'

/** What is patched: a static Pod with something in every list that is merged. */
export const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'etcd',
    namespace: 'kube-system',
    labels: { tier: 'control-plane' },
    annotations: { a: '1', b: '2' },
    finalizers: ['x', 'y'],
  },
  spec: {
    containers: [
      {
        name: 'etcd',
        image: 'etcd:3',
        command: ['etcd', '--a=1'],
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
        ports: [
          { name: 'p', containerPort: 2379, protocol: 'TCP' },
          { name: 'q', containerPort: 2380, protocol: 'TCP' },
        ],
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'certs', mountPath: '/certs' },
        ],
        resources: { requests: { cpu: '100m', memory: '100Mi' } },
      },
    ],
    hostNetwork: true,
    tolerations: [{ operator: 'Exists' }],
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['a'] }],
    volumes: [
      { name: 'data', hostPath: { path: '/data', type: 'DirectoryOrCreate' } },
      { name: 'certs', hostPath: { path: '/certs' } },
    ],
  },
} as const satisfies YamlObject

const container = (fields: YamlObject) => ({ spec: { containers: [{ name: 'etcd', ...fields }] } })
const [CONTAINER] = POD.spec.containers
const withContainer = (fields: YamlObject) => ({
  ...POD,
  spec: { ...POD.spec, containers: [{ ...CONTAINER, ...fields }] },
})
const withSpec = (fields: YamlObject) => ({ ...POD, spec: { ...POD.spec, ...fields } })
const [DATA, CERTS] = POD.spec.volumes

/** Patches of {@link POD} and what comes of them, as kubectl v1.20.2 says (test/second-opinion/patches.test.ts). */
export const STRATEGIC_CASES: readonly (readonly [name: string, patch: YamlObject, expected: YamlObject])[] = [
  ['a scalar', { spec: { hostNetwork: false } }, withSpec({ hostNetwork: false })],
  [
    'a member more',
    { metadata: { labels: { x: 'y' } } },
    { ...POD, metadata: { ...POD.metadata, labels: { tier: 'control-plane', x: 'y' } } },
  ],
  [
    'null takes away',
    { metadata: { annotations: { a: null } } },
    { ...POD, metadata: { ...POD.metadata, annotations: { b: '2' } } },
  ],
  ['a container by its name', container({ image: 'etcd:4' }), withContainer({ image: 'etcd:4' })],
  [
    'a list without a key is replaced',
    container({ command: ['etcd', '--b=2'] }),
    withContainer({ command: ['etcd', '--b=2'] }),
  ],
  [
    'tolerations are replaced',
    { spec: { tolerations: [{ key: 'a', operator: 'Exists' }] } },
    withSpec({ tolerations: [{ key: 'a', operator: 'Exists' }] }),
  ],
  [
    'an environment variable that is there',
    container({ env: [{ name: 'B', value: '3' }] }),
    withContainer({
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '3' },
      ],
    }),
  ],
  [
    'one that is new stands first',
    container({ env: [{ name: 'C', value: '3' }] }),
    withContainer({
      env: [
        { name: 'C', value: '3' },
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
    }),
  ],
  [
    'new and old ones in their order',
    container({
      env: [
        { name: 'B', value: '3' },
        { name: 'C', value: '4' },
        { name: 'A', value: '5' },
      ],
    }),
    withContainer({
      env: [
        { name: 'B', value: '3' },
        { name: 'C', value: '4' },
        { name: 'A', value: '5' },
      ],
    }),
  ],
  [
    'ports by their number',
    container({ ports: [{ containerPort: 2380, name: 'r' }] }),
    withContainer({ ports: [CONTAINER.ports[0], { name: 'r', containerPort: 2380, protocol: 'TCP' }] }),
  ],
  [
    'mounts by their path',
    container({ volumeMounts: [{ mountPath: '/certs', name: 'certs', readOnly: true }] }),
    withContainer({
      volumeMounts: [CONTAINER.volumeMounts[0], { mountPath: '/certs', name: 'certs', readOnly: true }],
    }),
  ],
  [
    'volumes by their names',
    { spec: { volumes: [{ name: 'data', hostPath: { path: '/srv' } }] } },
    withSpec({ volumes: [{ name: 'data', hostPath: { path: '/srv', type: 'DirectoryOrCreate' } }, CERTS] }),
  ],
  ['a volume is deleted', { spec: { volumes: [{ name: 'data', $patch: 'delete' }] } }, withSpec({ volumes: [CERTS] })],
  [
    'one is deleted, one is new',
    {
      spec: {
        volumes: [
          { name: 'data', $patch: 'delete' },
          { name: 'x', emptyDir: {} },
        ],
      },
    },
    withSpec({ volumes: [{ name: 'x', emptyDir: {} }, CERTS] }),
  ],
  [
    'a list is replaced',
    { spec: { volumes: [{ $patch: 'replace' }, { name: 'x', emptyDir: {} }] } },
    withSpec({ volumes: [{ name: 'x', emptyDir: {} }] }),
  ],
  [
    'a mapping is replaced',
    { metadata: { annotations: { $patch: 'replace', c: '3' } } },
    { ...POD, metadata: { ...POD.metadata, annotations: { c: '3' } } },
  ],
  [
    'a volume keeps what it is told to',
    { spec: { volumes: [{ name: 'data', $retainKeys: ['name', 'emptyDir'], emptyDir: {} }] } },
    withSpec({ volumes: [{ name: 'data', emptyDir: {} }, CERTS] }),
  ],
  [
    'lists in another order',
    { spec: { '$setElementOrder/volumes': [{ name: 'certs' }, { name: 'data' }] } },
    withSpec({ volumes: [CERTS, DATA] }),
  ],
  [
    'an order for what is new',
    {
      spec: {
        '$setElementOrder/volumes': [{ name: 'data' }, { name: 'x' }, { name: 'certs' }],
        volumes: [{ name: 'x', emptyDir: {} }],
      },
    },
    withSpec({ volumes: [DATA, { name: 'x', emptyDir: {} }, CERTS] }),
  ],
  [
    'words are put together',
    { metadata: { finalizers: ['z', 'x'] } },
    { ...POD, metadata: { ...POD.metadata, finalizers: ['z', 'x', 'y'] } },
  ],
  [
    'a word is taken away',
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['x'] } },
    { ...POD, metadata: { ...POD.metadata, finalizers: ['y'] } },
  ],
  [
    'aliases by their address',
    { spec: { hostAliases: [{ ip: '10.0.0.1', hostnames: ['b'] }] } },
    withSpec({ hostAliases: [{ ip: '10.0.0.1', hostnames: ['b'] }] }),
  ],
  [
    'resources go deep',
    container({ resources: { requests: { cpu: '200m' }, limits: { memory: '1Gi' } } }),
    withContainer({ resources: { requests: { cpu: '200m', memory: '100Mi' }, limits: { memory: '1Gi' } } }),
  ],
  [
    'a list that was not there',
    { spec: { initContainers: [{ name: 'i', image: 'i' }] } },
    withSpec({ initContainers: [{ name: 'i', image: 'i' }] }),
  ],
  [
    'a second container',
    { spec: { containers: [{ name: 'side', image: 's' }] } },
    withSpec({ containers: [{ name: 'side', image: 's' }, CONTAINER] }),
  ],
]
