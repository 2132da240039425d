import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../support/cli.js'
import { inTempDir } from '../support/temp.js'

const TOKEN = 'abcdef.0123456789abcdef'
const KEY = 'ab'.repeat(32)
const HOST = ['--node-name', 'cp-1', '--apiserver-advertise-address', '10.0.0.1']
const TEXT = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{token: ${TOKEN}, ttl: 1h}]
certificateKey: ${KEY}
nodeRegistration:
  criSocket: /run/x.sock
  kubeletExtraArgs: [{name: v, value: "4"}]
  taints: [{key: a, value: b, effect: NoSchedule}]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 50
staticPodURLHeader: {Authorization: [Bearer xyz]}
`

test(
  'config show: every value of a control plane with its origin, and no secret',
  inTempDir(async dir => {
    const file = join(dir, 'k.yaml')
    writeFileSync(file, TEXT)
    const argv = [
      'config',
      'show',
      '--config',
      file,
      ...HOST,
      '--image-repository',
      'r.example.org',
      '--skip-phases',
      'addon,preflight',
    ]
    const { stdout, status } = await run(argv)
    assert.is(status, 0)
    const lines = new Map(stdout.split('\n').map(line => [line.split(/ +/)[0], line.split(/ {2,}/).slice(1)]))
    assert.equal(lines.get('imageRepository'), ['r.example.org', '--image-repository'])
    assert.equal(lines.get('skipPhases'), ['addon,preflight', '--skip-phases'])
    assert.equal(lines.get('nodeRegistration.criSocket'), ['unix:///run/x.sock', `${file}:6:14`])
    assert.equal(lines.get('nodeRegistration.kubeletExtraArgs'), ['v=4', `${file}:7:21`])
    assert.equal(lines.get('nodeRegistration.taints'), ['a=b:NoSchedule', `${file}:8:11`])
    assert.equal(lines.get('nodeRegistration.imagePullPolicy'), ['IfNotPresent', 'default'])
    assert.equal(lines.get('certificateKey'), ['***', `${file}:4:17`])
    assert.equal(lines.get('KubeletConfiguration.maxPods'), ['50', `${file}:12:10`])
    assert.equal(lines.get('KubeletConfiguration.staticPodURLHeader')?.[0], '***')
    assert.equal(lines.get('etcd.local.dataDir'), ['/var/lib/etcd', 'default'])
    assert.equal(lines.get('timeouts.tlsBootstrap'), ['5m0s', 'default'])
    assert.match(lines.get('bootstrapTokens')?.[0] ?? '', /"token":"abcdef\.\*\*\*"/)
    const json = (await run([...argv, '-o', 'json'])).stdout
    const { items } = JSON.parse(json) as { items: { field: string; value: unknown; origin: unknown }[] }
    assert.equal(items.find(({ field }) => field === 'nodeRegistration.kubeletExtraArgs')?.value, [
      { name: 'v', value: '4' },
    ])
    for (const text of [stdout, json]) {
      assert.not.match(text, /0123456789abcdef/)
      assert.not.match(text, /abababab/)
      assert.not.match(text, /xyz/)
    }
  }),
)

const head = (kind: string) => `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ${kind}\n`

test('config show: what is wrong with a control plane is said; versions without end are shown', async () => {
  const bad = await run(['config', 'show', ...HOST, '--cri-socket', 'tcp://x'])
  assert.is(bad.status, 2)
  assert.match(bad.stderr, /--cri-socket: nodeRegistration\.criSocket: /)
  assert.is((await run(['config', 'show', ...HOST, '--kubernetes-version', 'v1.99.0'])).status, 0)
})

test(
  'config validate judges control planes, and not by the address of this machine',
  inTempDir(async dir => {
    const file = join(dir, 'k.yaml')
    const validate = async (text: string) => {
      writeFileSync(file, `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n${text}`)
      return run(['config', 'validate', '--config', file, '--node-name', 'cp-1'])
    }
    const { status, stderr } = await validate(
      'networking: {podSubnet: 10.96.0.0/16}\napiServer: {extraArgs: [{name: --v}]}\n',
    )
    assert.is(status, 1)
    assert.match(stderr, /k\.yaml:3:25: networking\.podSubnet: /)
    assert.match(stderr, /k\.yaml:4:25: apiServer\.extraArgs\[0\]: /)
    // The addresses that documentation is written with (RFC 5737, RFC 3849) are networks as any other.
    for (const text of [
      'networking: {serviceSubnet: "fd00::/112", podSubnet: "fd01::/48"}\n',
      'networking: {serviceSubnet: 192.0.0.0/16}\n',
      'networking: {serviceSubnet: "2001:db8::/112"}\n',
      'apiServer: {extraArgs: [{name: advertise-address, value: 10.0.0.7}]}\n',
      `---\n${PROXY}bindAddress: "::"\n`,
      '',
    ]) {
      const { status, stdout, stderr } = await validate(text)
      assert.equal([status, stdout, stderr], [0, 'ok\n', ''], text)
    }
  }),
)

const PROXY = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n'
const KUBELET = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n'

for (const [what, lines, severity, place] of [
  [
    'a volume over one of the component',
    'apiServer: {extraVolumes: [{name: x, hostPath: /x, mountPath: /x}, {name: roots, hostPath: /r, mountPath: /etc/ssl/certs}]}\n',
    'error',
    '3:107: apiServer.extraVolumes[1].mountPath',
  ],
  [
    'no mapping in the place of one',
    `---\n${KUBELET}authentication: 5\n`,
    'error',
    '6:17: KubeletConfiguration.authentication',
  ],
  ['a port that is none', `---\n${KUBELET}healthzPort: abc\n`, 'error', '6:14: KubeletConfiguration.healthzPort'],
  ['another directory', `---\n${KUBELET}staticPodPath: /srv\n`, 'warning', '6:16: KubeletConfiguration.staticPodPath'],
  [
    'a value with spaces',
    `---\n${head('InitConfiguration')}nodeRegistration: {kubeletExtraArgs: [{name: node-labels, value: "a=b, c=d"}]}\n`,
    'warning',
    '6:38: nodeRegistration.kubeletExtraArgs',
  ],
] as const)
  test(
    `what a component would be given is judged before it is rendered: ${what}`,
    inTempDir(async dir => {
      const file = join(dir, 'k.yaml')
      writeFileSync(file, `${head('ClusterConfiguration')}${lines}`)
      const isError = severity === 'error'
      const validated = await run(['config', 'validate', '--config', file, ...HOST])
      assert.is(validated.status, isError ? 1 : 0)
      assert.ok(validated.stderr.includes(`${severity}: ${file}:${place}: `), validated.stderr)
      const rendered = await run(['render', '--root', join(dir, 'root'), '--dry-run', '--config', file, ...HOST])
      assert.is(rendered.status, isError ? 2 : 0, rendered.stderr)
      if (isError) assert.ok(rendered.stderr.includes(`${file}:${place}: `), rendered.stderr)
    }),
  )

test(
  'render: versions that nobody knows, hosts that join and secrets that are given twice are refused, and nothing is written',
  inTempDir(async dir => {
    const root = ['render', '--root', join(dir, 'root'), ...HOST]
    for (const version of ['v1.19.0', 'stable-1.12', 'v1.38.0']) {
      const { status, stderr } = await run([...root, '--kubernetes-version', version, '-o', 'json'])
      assert.is(status, 2)
      assert.match(stderr, /KPKI_VERSION_UNSUPPORTED/)
      assert.match(stderr, /1\.20 to 1\.37/)
    }
    // Nothing is done by the rules of another version, and nobody says so.
    const { stderr: told } = await run([...root, '--kubernetes-version', 'v1.38.0'])
    assert.not.match(told, /warning/)
    const file = join(dir, 'j.yaml')
    writeFileSync(
      file,
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: /d.conf}}\n',
    )
    assert.match((await run([...root, '--config', file, '-o', 'json'])).stderr, /KPKI_CONFIG_KIND/)
    assert.equal(readdirSync(dir), ['j.yaml'])
    assert.is((await run([...root, '--token', TOKEN, '--token-file', file])).status, 2)
  }),
)

test.run()
