// Three control planes and a worker of one cluster, each in a directory of its own, from one kubeadm configuration.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateTree, parseDescription, type Role, rowsOf } from 'kpki'
import { createNodeContext, DiskStore } from 'kpki/node'

const configuration = `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.4
controlPlaneEndpoint: api.example.org:6443
encryptionAlgorithm: ECDSA-P256
`

const context = createNodeContext()
const root = await mkdtemp(join(tmpdir(), 'kpki-example-'))
const hosts: readonly (readonly [name: string, address: string, role: Role])[] = [
  ['cp-1', '10.0.0.11', 'init'],
  ['cp-2', '10.0.0.12', 'control-plane'],
  ['cp-3', '10.0.0.13', 'control-plane'],
  ['worker-1', '10.0.0.21', 'worker'],
]

for (const [nodeName, advertiseAddress, role] of hosts) {
  const { cluster } = await parseDescription(
    { file: { name: 'kubeadm.yaml', text: configuration }, flags: { nodeName, advertiseAddress } },
    context,
  )
  // The first control plane makes the CAs; every other host takes them over from its directory.
  const options = role === 'init' ? { role } : { role, source: new DiskStore(join(root, 'cp-1')) }
  const { rows } = await generateTree(
    rowsOf(cluster, role),
    cluster,
    new DiskStore(join(root, nodeName)),
    context,
    options,
  )
  process.stdout.write(`${join(root, nodeName)}: ${rows.map(({ id }) => id).join(' ')}\n`)
}
