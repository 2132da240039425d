/** Static Pods beside those that the real kubeadm v1.20.2 writes for the same description: equal, or the difference has a name. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { resolveControlPlane } from '../../lib/config/control-plane.js'
import { resolveDescription } from '../../lib/config/resolve.js'
import { createContext } from '../../lib/context.js'
import type { HostTraits } from '../../lib/render/host-file.js'
import type { Patch } from '../../lib/render/patch.js'
import { parsePatchFile } from '../../lib/render/patches.js'
import {
  OPTIONAL_CA_DIRS,
  STATIC_POD_COMPONENTS,
  type StaticPodComponent,
  staticPodFile,
} from '../../lib/render/static-pods.js'
import { Host, must, Switch } from './host.js'
import { kube, testWithAll } from './programs.js'

const ADDRESS = '10.77.9.10'
const GUIDE = readFileSync(new URL('../../docs/guides/static-pods.md', import.meta.url), 'utf8')
const test = suite('manifests')
let net: Switch | undefined
let host: Host | undefined

test.after(async () => {
  await host?.close()
  net?.close()
})

interface Description {
  readonly cluster?: string
  readonly address?: string
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  readonly patches?: Readonly<Record<string, string>>
  /** There is a ca.crt without its key. */
  readonly isExternalCa?: boolean
  /** Directories that the host has. */
  readonly dirs?: readonly string[]
  /** What makes kubeadm's text ours, where they differ on purpose: see docs/guides/static-pods.md. */
  readonly differences?: readonly (readonly [
    why: string,
    kubeadm: string | RegExp,
    ours: string,
    /** Default: all */
    component?: StaticPodComponent,
  ])[]
}

const DESCRIPTIONS: Readonly<Record<string, Description>> = {
  'as it comes': {},
  'an endpoint, a pod network, another name': {
    cluster:
      'controlPlaneEndpoint: api.example.org:8443\nclusterName: lab\nnetworking: {podSubnet: 10.244.0.0/16, dnsDomain: lab.internal}',
    port: 8443,
  },
  'both families': {
    cluster:
      'featureGates: {IPv6DualStack: true}\nnetworking: {podSubnet: "10.244.0.0/16,fd00:10::/56", serviceSubnet: "10.96.0.0/16,fd00:20::/112"}',
  },
  'IPv6 alone': {
    address: 'fd00:77::10',
    cluster: 'networking: {podSubnet: "fd00:10::/56", serviceSubnet: "fd00:20::/112"}',
  },
  'etcd elsewhere': {
    cluster:
      'etcd: {external: {endpoints: ["https://etcd-1.example.org:2379", "https://etcd-2.example.org:2379"], caFile: /etc/etcd/ca.crt, certFile: /etc/etcd/client/api.crt, keyFile: /srv/keys/api.key}}',
  },
  'etcd elsewhere, its files in ours': {
    cluster:
      'etcd: {external: {endpoints: ["https://etcd-1.example.org:2379"], caFile: /etc/kubernetes/pki/etcd/ca.crt, certFile: /etc/kubernetes/pki/api.crt, keyFile: /etc/kubernetes/pki/api.key}}',
  },
  'etcd elsewhere, without TLS': { cluster: 'etcd: {external: {endpoints: ["http://10.0.0.7:2379"]}}' },
  'arguments of all': {
    cluster: `apiServer:
  extraArgs: {audit-log-path: /var/log/audit.log, enable-admission-plugins: "NodeRestriction,PodSecurityPolicy", feature-gates: "A=true,B=false", authorization-mode: "RBAC,Node", v: "4", anything: ""}
  timeoutForControlPlane: 6m30s
controllerManager:
  extraArgs: {bind-address: 0.0.0.0, node-cidr-mask-size: "25", flex-volume-plugin-dir: /opt/flex, cluster-signing-duration: 8760h0m0s}
scheduler:
  extraArgs: {bind-address: 10.77.9.10, leader-elect: "false", profiling: "false"}
etcd:
  local:
    dataDir: /srv/etcd
    extraArgs: {listen-metrics-urls: "https://10.77.9.10:12381,http://127.0.0.1:2381", quota-backend-bytes: "8589934592", advertise-client-urls: "https://10.77.9.10:2379,https://[fd00::7]:2379"}`,
  },
  'text that YAML would misread': {
    cluster: `apiServer:
  extraArgs: {a: "yes", b: "a: b # c", d: "'\\"\\\\", e: "- x", f: "☃ 𝄞", g: "0x10", h: "${'long words '.repeat(20)}"}`,
  },
  volumes: {
    cluster: `apiServer:
  extraVolumes:
  - {name: zz-audit, hostPath: /var/log/k8s, mountPath: /var/log/audit, pathType: DirectoryOrCreate}
  - {name: a-file, hostPath: /etc/kubernetes/policy.yaml, mountPath: /etc/policy.yaml, readOnly: true, pathType: File}
controllerManager:
  extraVolumes: [{name: ca-certs, hostPath: /opt/roots, mountPath: /etc/ssl/certs, readOnly: true}]
scheduler:
  extraVolumes: [{name: config, hostPath: /etc/scheduler, mountPath: /etc/scheduler, readOnly: true}]`,
  },
  'another directory of certificates': { cluster: 'certificatesDir: /srv/pki' },
  'a directory of certificates with a slash at its end': {
    cluster: 'certificatesDir: /srv/pki/',
    differences: [
      ['paths are written clean', 'path: /srv/pki/\n', 'path: /srv/pki\n'],
      ['paths are written clean', 'mountPath: /srv/pki/\n', 'mountPath: /srv/pki\n'],
      ['paths are written clean', /\/srv\/pki\/\/etcd/g, '/srv/pki/etcd'],
    ],
  },
  'directories of trusted roots': { dirs: ['/etc/pki', '/etc/ca-certificates'] },
  proxies: {
    env: {
      HTTPS_PROXY: 'http://proxy.example.org:3128',
      no_proxy: '10.0.0.0/8,.cluster.local',
      ftp_proxy: '',
      NOT_A_PROXY_AT_ALL: 'x',
    },
  },
  'proxies in no order': {
    env: { no_proxy: '10.0.0.0/8', HTTP_PROXY: 'http://proxy.example.org:3128' },
    differences: [
      [
        'sorted by name',
        '    - name: no_proxy\n      value: 10.0.0.0/8\n    - name: HTTP_PROXY\n      value: http://proxy.example.org:3128\n',
        '    - name: HTTP_PROXY\n      value: http://proxy.example.org:3128\n    - name: no_proxy\n      value: 10.0.0.0/8\n',
      ],
    ],
  },
  'images from elsewhere': {
    cluster:
      'imageRepository: mirror.example.org/k8s\netcd: {local: {imageRepository: quay.io/coreos, imageTag: v3.4.13}}',
  },
  'a CA whose key is elsewhere': { isExternalCa: true },
  patches: {
    patches: {
      'kube-apiserver0+strategic.yaml':
        'metadata: {annotations: {team: pki}}\nspec: {containers: [{name: kube-apiserver, resources: {requests: {memory: 1Gi}}, env: [{name: GOGC, value: "50"}]}]}\n',
      'kube-apiserver1+json.yaml':
        '- {op: replace, path: /spec/containers/0/livenessProbe/timeoutSeconds, value: 30}\n',
      'kube-controller-manager+merge.yaml': 'spec: {dnsPolicy: ClusterFirstWithHostNet, priorityClassName: null}\n',
      'kube-scheduler.json':
        '{"spec": {"containers": [{"name": "kube-scheduler", "volumeMounts": [{"mountPath": "/x", "name": "x"}]}], "volumes": [{"name": "x", "emptyDir": {}}]}}',
      'etcd.yaml': 'spec: {containers: [{name: etcd, resources: {requests: {ephemeral-storage: 1Gi}}}]}\n',
    },
  },
  'a mode of authorization that there is not': {
    cluster: 'apiServer: {extraArgs: {authorization-mode: "Node,RBAC,None"}}',
    differences: [
      [
        'a mode that there is not is not taken out without a word: the API server refuses to start',
        'authorization-mode=Node,RBAC\n',
        'authorization-mode=Node,RBAC,None\n',
        'kube-apiserver',
      ],
    ],
  },
  'the beginning of a path': {
    cluster:
      'etcd: {external: {endpoints: ["https://etcd-1.example.org:2379"], caFile: /etc/kubernetes/pki-etcd/ca.crt, certFile: /etc/kubernetes/pki-etcd/api.crt, keyFile: /etc/kubernetes/pki-etcd/api.key}}',
    differences: [
      [
        'what lies beside a directory is not in it',
        '    - mountPath: /etc/kubernetes/pki\n',
        '    - mountPath: /etc/kubernetes/pki-etcd\n      name: etcd-certs-0\n      readOnly: true\n    - mountPath: /etc/kubernetes/pki\n',
        'kube-apiserver',
      ],
      [
        'what lies beside a directory is not in it',
        '  - hostPath:\n      path: /etc/kubernetes/pki\n',
        '  - hostPath:\n      path: /etc/kubernetes/pki-etcd\n      type: DirectoryOrCreate\n    name: etcd-certs-0\n  - hostPath:\n      path: /etc/kubernetes/pki\n',
        'kube-apiserver',
      ],
    ],
  },
}

for (const [name, description] of Object.entries(DESCRIPTIONS)) {
  testWithAll(['kubeadm'], test, name, () => compare(description))
}

async function compare(description: Description): Promise<void> {
  const { cluster = '', address = ADDRESS, port = 6443, env = {}, patches = {}, dirs = [] } = description
  const on = await freshHost()
  const init = `nodeRegistration: {name: cp-1, criSocket: /run/containerd/containerd.sock}
localAPIEndpoint: {advertiseAddress: "${address}", bindPort: ${port}}`
  const config = `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
${init}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
${cluster}
`
  const file = join(on.data, 'kubeadm.yaml')
  writeFileSync(file, config)
  for (const dir of dirs) mkdirSync(join(on.etc, dir.replace(/^\/etc\//, '')), { recursive: true })
  const patchesDir = join(on.data, 'patches')
  rmSync(patchesDir, { recursive: true, force: true })
  mkdirSync(patchesDir)
  for (const [path, text] of Object.entries(patches)) writeFileSync(join(patchesDir, path), text)
  const kubeadm = (...args: string[]) =>
    must(on.run(kube('kubeadm'), ['init', 'phase', ...args, '--config', file], { env }))
  if (description.isExternalCa) {
    await kubeadm('certs', 'all')
    await kubeadm('kubeconfig', 'all')
    rmSync(join(on.tree, 'pki/ca.key'))
  }
  const options = Object.keys(patches).length > 0 ? ['--experimental-patches', patchesDir] : []
  await kubeadm('control-plane', 'all', ...options)
  const hasEtcd = !cluster.includes('external:')
  if (hasEtcd) await kubeadm('etcd', 'local', ...options)

  const controlPlane = await controlPlaneOf(config)
  const traits: HostTraits = {
    caDirs: await existing(on),
    proxyEnv: Object.fromEntries(
      Object.entries(env).filter(([variable, value]) => variable.toLowerCase().endsWith('_proxy') && value !== ''),
    ),
    isExternalCa: description.isExternalCa ?? false,
  }
  const read = Object.entries(patches).flatMap(([path, text]): readonly Patch[] => parsePatchFile(path, text).patches)
  for (const component of STATIC_POD_COMPONENTS) {
    if (component === 'etcd' && !hasEtcd) continue
    const ours = staticPodFile(component, controlPlane, traits, read)
    assert.is(ours.path, `/etc/kubernetes/manifests/${component}.yaml`)
    let theirs = readFileSync(join(on.tree, `manifests/${component}.yaml`), 'utf8')
    for (const [, kubeadmText, ourText, only = component] of description.differences ?? [])
      if (only === component) theirs = theirs.replace(kubeadmText, ourText)
    assert.fixture(new TextDecoder().decode(ours.bytes), theirs, component)
  }
  // A difference that is none any more is a line too much in the guide.
  for (const [why, kubeadmText, , only] of description.differences ?? []) {
    const texts = STATIC_POD_COMPONENTS.filter(
      component => (only ?? component) === component && (component !== 'etcd' || hasEtcd),
    ).map(component => readFileSync(join(on.tree, `manifests/${component}.yaml`), 'utf8'))
    assert.ok(
      texts.some(text => text.replace(kubeadmText, '') !== text),
      why,
    )
    assert.ok(GUIDE.includes(why), `docs/guides/static-pods.md does not say: ${why}`)
  }
}

async function controlPlaneOf(config: string) {
  const described = await resolveDescription({ file: { text: config, name: 'kubeadm.yaml' } }, createContext())
  const { cluster } = described
  if (!cluster) throw new Error(described.problems.map(({ field, message }) => `${field}: ${message}`).join('\n'))
  const { controlPlane, problems } = resolveControlPlane({ ...described, cluster })
  if (!controlPlane) throw new Error(problems.map(({ field, message }) => `${field}: ${message}`).join('\n'))
  return controlPlane
}

async function existing(on: Host): Promise<readonly string[]> {
  const said = await must(
    on.run('sh', ['-c', `for dir in ${OPTIONAL_CA_DIRS.join(' ')}; do test -e $dir && echo $dir; done; true`]),
  )
  return said.split('\n').filter(line => line !== '')
}

async function freshHost(): Promise<Host> {
  net ??= await Switch.create()
  if (!host) {
    host = await Host.create('cp-1')
    await net.plug(host, ADDRESS)
    await must(host.run('ip', ['-6', 'address', 'add', 'fd00:77::10/64', 'dev', 'eth0', 'nodad']))
  }
  for (const dir of ['kubernetes', 'pki', 'ca-certificates'])
    rmSync(join(host.etc, dir), { recursive: true, force: true })
  return host
}

test.run()
