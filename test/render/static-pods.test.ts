import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../lib/errors.js'
import { DIFFERENCES, has } from '../../lib/kubernetes/differences.js'
import { MINORS } from '../../lib/kubernetes/versions.js'
import { COMPONENT_ARGUMENTS, componentArguments, componentCommand } from '../../lib/render/component-args.js'
import type { HostTraits } from '../../lib/render/host-file.js'
import { PROBES } from '../../lib/render/probes.js'
import {
  OPTIONAL_CA_DIRS,
  STATIC_POD_COMPONENTS,
  type StaticPodComponent,
  staticPod,
  staticPodFile,
} from '../../lib/render/static-pods.js'
import { parseYaml } from '../../lib/yaml.js'
import { controlPlane } from '../support/control-plane.js'

interface Container {
  readonly command: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[]
  readonly ports?: unknown
  readonly livenessProbe: Probe
  readonly readinessProbe?: Probe
  readonly startupProbe: Probe
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
}
interface Probe {
  readonly httpGet: {
    readonly host?: string
    readonly path: string
    readonly port: number | string
    readonly scheme: string
  }
  readonly failureThreshold: number
}
interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>>; readonly creationTimestamp?: null }
  readonly spec: {
    readonly containers: readonly [Container]
    readonly priority?: number
    readonly securityContext?: unknown
    readonly volumes: readonly {
      readonly name: string
      readonly hostPath: { readonly path: string; readonly type: string }
    }[]
  }
}

/** A manifest as its reader has it. */
async function podOf(
  component: StaticPodComponent,
  version: string,
  cluster = '',
  traits: HostTraits = {},
): Promise<Pod> {
  const { bytes } = staticPodFile(component, await controlPlane(version, { cluster }), traits)
  return parseYaml(new TextDecoder().decode(bytes), 'a manifest').value as unknown as Pod
}
const containerOf = async (...args: Parameters<typeof podOf>) => (await podOf(...args)).spec.containers[0]

const refusal = async (run: () => unknown): Promise<UsageError> => {
  try {
    await run()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const vector = (name: string) => readFileSync(new URL(`../vectors/manifests/${name}.yaml`, import.meta.url), 'utf8')
for (const [version, components, caDirs] of [
  [
    'v1.31.0',
    ['kube-apiserver'],
    ['/etc/ca-certificates', '/usr/share/ca-certificates', '/usr/local/share/ca-certificates'],
  ],
  // /etc/pki itself is there, too: it is not mounted any more.
  ['v1.34.3', STATIC_POD_COMPONENTS, ['/etc/pki', '/etc/pki/tls/certs']],
] as const)
  for (const component of components)
    test(`${component} of ${version} is what kubeadm wrote elsewhere`, async () => {
      const file = staticPodFile(component, await controlPlane(version), { caDirs })
      assert.is(file.path, `/etc/kubernetes/manifests/${component}.yaml`)
      assert.is(file.mode, 0o600)
      assert.fixture(new TextDecoder().decode(file.bytes), vector(`${version}-${component}`))
    })

// What is said of each minor by the facts, by pull requests and by what real clusters were seen with.
for (const [minor, scheduler, etcd, ports, timestamp] of [
  [20, ['/healthz', undefined, '/healthz'], ['/health', undefined, '/health'], false, true],
  [24, ['/healthz', undefined, '/healthz'], ['/health', undefined, '/health'], false, true],
  [
    30,
    ['/healthz', undefined, '/healthz'],
    ['/health?exclude=NOSPACE&serializable=true', undefined, '/health?serializable=false'],
    false,
    true,
  ],
  [31, ['/healthz', undefined, '/healthz'], ['/livez', '/readyz', '/readyz'], false, true],
  [32, ['/livez', '/readyz', '/livez'], ['/livez', '/readyz', '/readyz'], false, true],
  [33, ['/livez', '/readyz', '/livez'], ['/livez', '/readyz', '/readyz'], false, true],
  [34, ['/livez', '/readyz', '/livez'], ['/livez', '/readyz', '/readyz'], true, false],
  [35, ['/livez', '/readyz', '/livez'], ['/livez', '/readyz', '/readyz'], true, false],
  [36, ['/livez', '/readyz', '/livez'], ['/livez', '/readyz', '/readyz'], true, false],
  [37, ['/livez', '/readyz', '/livez'], ['/livez', '/readyz', '/readyz'], true, false],
] as const)
  test(`probes, ports and timestamps of 1.${minor}`, async () => {
    const version = `v1.${minor}.0`
    const paths = ({ livenessProbe, readinessProbe, startupProbe }: Container) =>
      [livenessProbe, readinessProbe, startupProbe].map(probe => probe?.httpGet.path)
    assert.equal(paths(await containerOf('kube-scheduler', version)), scheduler)
    assert.equal(paths(await containerOf('etcd', version)), etcd)
    assert.equal(paths(await containerOf('kube-controller-manager', version)), ['/healthz', undefined, '/healthz'])
    assert.equal(paths(await containerOf('kube-apiserver', version)), ['/livez', '/readyz', '/livez'])
    for (const [component, port, scheme] of [
      ['etcd', 2381, 'HTTP'],
      ['kube-apiserver', 6443, 'HTTPS'],
      ['kube-controller-manager', 10257, 'HTTPS'],
      ['kube-scheduler', 10259, 'HTTPS'],
    ] as const) {
      const pod = await podOf(component, version)
      const [container] = pod.spec.containers
      assert.is(container.livenessProbe.httpGet.port, ports ? 'probe-port' : port)
      assert.is(container.livenessProbe.httpGet.scheme, scheme)
      assert.equal(container.ports, ports ? [{ containerPort: port, name: 'probe-port', protocol: 'TCP' }] : undefined)
      assert.is('creationTimestamp' in pod.metadata, timestamp)
      assert.is(pod.spec.priority, minor >= 27 ? 2_000_001_000 : undefined)
      assert.equal(pod.spec.securityContext, minor >= 22 ? { seccompProfile: { type: 'RuntimeDefault' } } : undefined)
    }
  })

const ETCD_OLD = ['experimental-initial-corrupt-check=true', 'experimental-watch-progress-notify-interval=5s']
const ETCD_NEW = ['feature-gates=InitialCorruptCheck=true', 'watch-progress-notify-interval=5s']
for (const [version, tag, expected] of [
  ['v1.20.2', '', []],
  ['v1.22.9', '', []],
  ['v1.22.10', '', ['experimental-initial-corrupt-check=true']],
  ['v1.23.17', '', ['experimental-initial-corrupt-check=true']],
  ['v1.24.0', '', ['experimental-initial-corrupt-check=true']],
  ['v1.25.0', '', ETCD_OLD],
  ['v1.30.0', '', ETCD_OLD],
  ['v1.33.4', '', ETCD_OLD],
  ['v1.33.4', '3.6.5-0', ETCD_OLD],
  ['v1.34.3', '', ETCD_NEW],
  ['v1.34.3', '3.5.24-0', ETCD_OLD],
  ['v1.35.0', 'v3.5.24', ETCD_OLD],
  ['v1.35.0', '3.10.0', ETCD_NEW],
  ['v1.35.0', 'mine', ETCD_NEW],
  ['v1.36.4', '3.5.24-0', ETCD_NEW],
  ['v1.37.1', '', ETCD_NEW],
] as const)
  test(`etcd's flags of ${version}, ${tag || 'the usual etcd'}`, async () => {
    const cluster = tag === '' ? '' : `etcd: {local: {imageTag: "${tag}"}}`
    const { command } = await containerOf('etcd', version, cluster)
    const special = command.filter(argument => /corrupt|Corrupt|progress/.test(argument)).map(text => text.slice(2))
    assert.equal(special, expected)
  })

for (const [version, apiServer, others] of [
  ['v1.20.2', true, true],
  ['v1.21.0', true, true],
  ['v1.22.0', false, true],
  ['v1.23.0', false, false],
  ['v1.36.4', false, false],
] as const)
  test(`insecure ports are closed in ${version} where there are any`, async () => {
    const says = async (component: StaticPodComponent, argument: string) =>
      (await containerOf(component, version)).command.includes(argument)
    assert.is(await says('kube-apiserver', '--insecure-port=0'), apiServer)
    assert.is(await says('kube-controller-manager', '--port=0'), others)
    assert.is(await says('kube-scheduler', '--port=0'), others)
  })

for (const [version, expected] of [
  ['v1.30.0', ['/etc/pki', '/etc/ca-certificates', '/usr/share/ca-certificates', '/usr/local/share/ca-certificates']],
  [
    'v1.31.0',
    [
      '/etc/pki/ca-trust',
      '/etc/pki/tls/certs',
      '/etc/ca-certificates',
      '/usr/share/ca-certificates',
      '/usr/local/share/ca-certificates',
    ],
  ],
] as const)
  test(`trusted roots that ${version} mounts`, async () => {
    for (const component of ['kube-apiserver', 'kube-controller-manager'] as const) {
      const { volumes } = (await podOf(component, version, '', { caDirs: OPTIONAL_CA_DIRS })).spec
      const roots = volumes.map(({ hostPath }) => hostPath.path).filter(path => OPTIONAL_CA_DIRS.includes(path))
      assert.equal(roots.toSorted(), expected.toSorted())
      assert.equal(
        volumes.map(({ name }) => name),
        volumes.map(({ name }) => name).toSorted(),
      )
    }
    const { volumes } = (await podOf('kube-scheduler', version, '', { caDirs: OPTIONAL_CA_DIRS })).spec
    assert.equal(
      volumes.map(({ name }) => name),
      ['kubeconfig'],
    )
  })

const ISSUERS = `apiServer:
  extraArgs:
  - {name: service-account-issuer, value: https://new.example.org}
  - {name: service-account-issuer, value: https://kubernetes.default.svc.cluster.local}
  - {name: audit-log-path, value: "-"}`
for (const version of ['v1.32.12', 'v1.34.4', 'v1.35.1', 'v1.36.0', 'v1.37.1'])
  test(`arguments of the description stand behind the defaults in their own order: ${version}`, async () => {
    const { command } = await containerOf('kube-apiserver', version, ISSUERS)
    assert.equal(command.slice(-3), [
      '--service-account-issuer=https://new.example.org',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      '--audit-log-path=-',
    ])
    assert.is(command[1], '--advertise-address=10.77.1.10')
    assert.is(command.filter(argument => argument.startsWith('--service-account-issuer=')).length, 2)
  })
for (const version of ['v1.20.2', 'v1.31.14', 'v1.32.11', 'v1.34.3', 'v1.35.0'])
  test(`and are sorted with them before: ${version}`, async () => {
    const { command } = await containerOf('kube-apiserver', version, ISSUERS)
    assert.equal(command.slice(1), command.slice(1).toSorted())
    assert.ok(command.indexOf('--audit-log-path=-') < command.indexOf('--authorization-mode=Node,RBAC'))
    assert.is(command.filter(argument => argument.startsWith('--service-account-issuer=')).length, 2)
  })

test('a configuration of authorization leaves no mode beside it', async () => {
  const cluster = 'apiServer: {extraArgs: [{name: authorization-config, value: /etc/authorization.yaml}]}'
  const { command } = await containerOf('kube-apiserver', 'v1.36.4', cluster)
  assert.is(command.filter(argument => argument.includes('authorization')).length, 1)
})

test('a CA whose key is elsewhere leaves the controller that signs without one', async () => {
  const { command } = await containerOf('kube-controller-manager', 'v1.36.4', '', { isExternalCa: true })
  assert.ok(command.includes('--cluster-signing-cert-file=') && command.includes('--cluster-signing-key-file='))
})

// cmd/kubeadm/app/util/staticpod/utils_test.go (TestGetEtcdProbeEndpoint) has the like of these.
for (const [urls, expected] of [
  ['http://0.0.0.0:2381', ['0.0.0.0', 2381, 'HTTP']],
  ['https://10.0.0.1:9999,http://127.0.0.1:2381', ['10.0.0.1', 9999, 'HTTPS']],
  ['http://[::1]:2382', ['::1', 2382, 'HTTP']],
  ['http://:2383', ['127.0.0.1', 2383, 'HTTP']],
  ['http://10.0.0.1', ['10.0.0.1', 2381, 'HTTP']],
  ['http://10.0.0.1:70000', ['10.0.0.1', 2381, 'HTTP']],
  ['10.0.0.1:2381', ['127.0.0.1', 2381, 'HTTP']],
] as const)
  test(`etcd is probed where it serves metrics: ${urls}`, async () => {
    const cluster = `etcd: {local: {extraArgs: [{name: listen-metrics-urls, value: "${urls}"}]}}`
    const { livenessProbe } = await containerOf('etcd', 'v1.33.0', cluster)
    const { host, port, scheme } = livenessProbe.httpGet
    assert.equal([host, port, scheme], expected)
  })

for (const [address, expected] of [
  ['0.0.0.0', undefined],
  ['::', undefined],
  ['10.0.0.1', '10.0.0.1'],
] as const)
  test(`a scheduler bound to ${address}`, async () => {
    const cluster = `scheduler: {extraArgs: [{name: bind-address, value: "${address}"}]}`
    assert.is((await containerOf('kube-scheduler', 'v1.36.4', cluster)).livenessProbe.httpGet.host, expected)
  })

test('starting may take as long as init waits for it', async () => {
  const patient = await controlPlane('v1.36.4', {
    init: 'localAPIEndpoint: {advertiseAddress: 10.77.1.10}\nnodeRegistration: {name: cp-1}\ntimeouts: {controlPlaneComponentHealthCheck: 6m1s}',
  })
  const { spec } = staticPod('etcd', patient) as unknown as Pod
  assert.is(spec.containers[0].startupProbe.failureThreshold, 37)
})

test('environment: proxies for all but etcd, and what the description says', async () => {
  const cluster = `apiServer:
  extraEnvs:
  - {name: no_proxy, value: "*"}
  - {name: GOGC, value: "50"}
  - {name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
etcd: {local: {extraEnvs: [{name: ETCD_DEBUG, value: ""}]}}`
  const traits = { proxyEnv: { no_proxy: '10.0.0.0/8', HTTP_PROXY: 'http://proxy:3128' } }
  assert.equal((await containerOf('kube-apiserver', 'v1.36.4', cluster, traits)).env, [
    { name: 'GOGC', value: '50' },
    { name: 'HOST', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.hostIP' } } },
    { name: 'HTTP_PROXY', value: 'http://proxy:3128' },
    { name: 'no_proxy', value: '*' },
  ])
  assert.equal((await containerOf('etcd', 'v1.36.4', cluster, traits)).env, [{ name: 'ETCD_DEBUG' }])
  assert.equal((await containerOf('kube-scheduler', 'v1.36.4', cluster)).env, undefined)
})

const volume = (name: string, hostPath: string, mountPath = hostPath) => ({
  name,
  hostPath,
  mountPath,
  readOnly: false,
  pathType: '',
})
for (const [name, extraVolumes, field] of [
  ['mounted over another', [volume('mine', '/opt/roots', '/etc/ssl/certs')], 'apiServer.extraVolumes[0].mountPath'],
  ['mounted at one place', [volume('a', '/a', '/x'), volume('b', '/b', '/x')], 'apiServer.extraVolumes[0].mountPath'],
] as const)
  test(`volumes ${name} are refused`, async () => {
    const base = await controlPlane('v1.36.4')
    const described = { ...base, apiServer: { ...base.apiServer, extraVolumes } }
    const error = await refusal(() => staticPod('kube-apiserver', described))
    assert.is(error.code, 'KPKI_FIELD_CONFLICT')
    assert.is(error.details['field'], field)
  })

test('etcd that is elsewhere has no static Pod here', async () => {
  const cluster = 'etcd: {external: {endpoints: ["http://10.0.0.7:2379"]}}'
  const error = await refusal(() => podOf('etcd', 'v1.36.4', cluster))
  assert.is(error.code, 'KPKI_FIELD_CONFLICT')
})

test('directories of certificates of an etcd that is elsewhere: each one once, the outermost', async () => {
  const cluster = (files: string) => `etcd: {external: {endpoints: ["https://e:2379"], ${files}}}`
  const dirs = async (files: string, traits: HostTraits = {}) =>
    (await podOf('kube-apiserver', 'v1.36.4', cluster(files), traits)).spec.volumes
      .filter(({ name }) => name.startsWith('etcd-certs'))
      .map(({ name, hostPath }) => [name, hostPath.path])
  assert.equal(await dirs('caFile: /srv/b/ca.crt, certFile: /srv/b/c/x.crt, keyFile: /srv/a/x.key'), [
    ['etcd-certs-0', '/srv/a'],
    ['etcd-certs-1', '/srv/b'],
  ])
  assert.equal(await dirs('caFile: /etc/kubernetes/pki/x/ca.crt'), [])
  // kubeadm takes the beginning of a text for the beginning of a path.
  assert.equal(await dirs('caFile: /etc/kubernetes/pki-etcd/ca.crt'), [['etcd-certs-0', '/etc/kubernetes/pki-etcd']])
  assert.equal(await dirs('caFile: /etc/pki/tls/certs/ca.crt', { caDirs: ['/etc/pki/tls/certs'] }), [])
  assert.equal(await dirs('caFile: /etc/pki/tls/certs/ca.crt'), [['etcd-certs-0', '/etc/pki/tls/certs']])
})

test('whatever arguments say, they are arguments: nothing of a manifest can be written by them', async () => {
  const base = await controlPlane('v1.36.4')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (name, value) => {
      const described = { ...base, apiServer: { ...base.apiServer, extraArgs: [{ name: `x${name}`, value }] } }
      const text = new TextDecoder().decode(staticPodFile('kube-apiserver', described).bytes)
      const pod = parseYaml(text, 'a manifest').value as unknown as Pod
      assert.equal(pod.spec.containers[0].command, componentCommand('kube-apiserver', described))
      assert.is(pod.spec.containers[0].command.at(-1), `--x${name}=${value}`)
    }),
  )
})

test('every row resolves in every version, and no component has an argument twice', async () => {
  for (let minor: number = MINORS.oldest; minor <= MINORS.newest; minor++) {
    for (const cluster of [
      '',
      'networking: {podSubnet: 10.244.0.0/16}\nfeatureGates: {IPv6DualStack: true}',
      'etcd: {external: {endpoints: ["https://e:2379"], caFile: /a/ca.crt, certFile: /a/x.crt, keyFile: /a/x.key}}',
    ]) {
      const described = await controlPlane(`v1.${minor}.0`, { cluster })
      for (const component of STATIC_POD_COMPONENTS) {
        const names = componentArguments(component, described).map(({ name }) => name)
        assert.is(new Set(names).size, names.length, `${component} of 1.${minor}`)
        assert.ok(componentArguments(component, described).every(({ value }) => !/[{}]|undefined/.test(value)))
      }
    }
  }
})

test('every row is there in some version', async () => {
  const versions = await Promise.all(
    Array.from({ length: MINORS.newest - MINORS.oldest + 1 }, (_, index) =>
      controlPlane(`v1.${MINORS.oldest + index}.0`),
    ),
  )
  const reached = (when: string) =>
    !(when in DIFFERENCES) ||
    versions.some(({ cluster }) => has(cluster.kubernetesVersion, when as keyof typeof DIFFERENCES))
  for (const rows of Object.values(COMPONENT_ARGUMENTS))
    for (const { flag, when = [] } of rows) assert.ok(when.every(reached), flag)
  for (const { component, path, when } of PROBES) assert.ok(when === undefined || reached(when), `${component} ${path}`)
})

test.run()
