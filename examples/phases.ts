// init as data: a phase of one's own before the control plane, one in the place of kube-proxy, and somebody who watches. Here the
// host is a directory, which runs nothing; `nodeHost` of kpki/node with `initCluster` in its place is the host itself.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  applyObjects,
  clusterObjects,
  INIT_PHASES,
  type InitRun,
  insertPhase,
  type Phase,
  parseControlPlane,
  parseDescription,
  prepareRender,
  renderHost,
  replacePhase,
  runPhases,
  writeFiles,
} from 'kpki'
import { createNodeContext, directoryHost, directoryStore } from 'kpki/node'

const print = (line: string) => void process.stdout.write(`${line}\n`)
const POLICY = '/etc/kubernetes/audit.yaml'
const text = `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
encryptionAlgorithm: ECDSA-P256
apiServer:
  extraArgs: [{ name: audit-policy-file, value: ${POLICY} }]
  extraVolumes: [{ name: audit, hostPath: ${POLICY}, mountPath: ${POLICY}, readOnly: true, pathType: File }]
`

// A phase is a row: a name, a line about it, and what is to be done, made of the facts of the run.
const auditPolicy: Phase<InitRun> = {
  name: 'audit-policy',
  about: 'what the API server writes down',
  plan: () => [
    writeFiles([
      {
        path: POLICY,
        mode: 0o600,
        bytes: new TextEncoder().encode('apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n'),
      },
    ]),
  ],
}
const replacement: Phase<InitRun> = {
  name: 'service-proxy',
  about: 'where the service proxy of our network finds the API server',
  plan: ({ controlPlane: { cluster } }) => [
    applyObjects([
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'service-proxy', namespace: 'kube-system' },
        data: { host: cluster.advertiseAddress.text, port: String(cluster.bindPort) },
      },
    ]),
  ],
}
const phases = replacePhase(
  insertPhase(INIT_PHASES, { before: 'control-plane' }, auditPolicy),
  'addon/kube-proxy',
  replacement,
)

const context = createNodeContext()
const flags = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10' }
const description = await parseDescription({ file: { name: 'kubeadm.yaml', text }, flags }, context)
const root = mkdtempSync(join(tmpdir(), 'kpki-phases-'))
const hands = {
  host: directoryHost(root),
  store: await directoryStore(root),
  context,
  connect: () => Promise.reject(new Error('a directory is no cluster')),
}
const run = await prepareRender(parseControlPlane(description), hands, { phases })

// On a running host this is `initCluster(parseControlPlane(description), hands, { phases, observe })`.
const paths = ['certs', 'kubeconfig', 'etcd', 'audit-policy', 'control-plane', 'kubelet-start']
await runPhases(phases, run, hands, {
  only: paths,
  observe: event => {
    if (event.type === 'ended') print(`${event.path}: ${event.result.state}, ${event.result.made.length} made`)
  },
})
// The second run finds everything as it is wanted.
const again = await renderHost(run, hands, { phases })
print(`again: ${again.filter(({ state }) => state === 'done').length} done`)
for (const { path, objects } of await clusterObjects(run, hands, { phases }))
  for (const { kind, metadata } of objects) if (path.startsWith('addon')) print(`${path}: ${kind} ${metadata.name}`)
