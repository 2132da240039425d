// Everything that lets hosts join a new cluster, as one stream of YAML: make the first control plane's tree, start it, and then
//   node bootstrap-manifests.ts | kubectl apply -f -
// Here the tree is in memory; `new DiskStore('/etc/kubernetes')` of kpki/node in its place has it where the cluster's is.
import {
  BOOTSTRAP_RBAC,
  createContext,
  encryptKubeadmCerts,
  formatBootstrapTokenSecret,
  formatCertificate,
  formatClusterInfo,
  formatJoinCommand,
  formatManifests,
  generateCertificateKey,
  generateTree,
  KUBEADM_CERTS_RBAC,
  MemoryStore,
  parseCluster,
  rbacObjects,
  readSharedFiles,
  resolveBootstrapToken,
  rowsOf,
  sharedFiles,
} from 'kpki'

const context = createContext()
const cluster = parseCluster(
  {
    nodeName: 'cp-1',
    advertiseAddress: '10.0.0.10',
    controlPlaneEndpoint: 'api.example.org:6443',
    encryptionAlgorithm: 'ECDSA-P256',
  },
  context,
)
const store = new MemoryStore()
await generateTree(rowsOf(cluster, 'init'), cluster, store, context)
const { contents, caCertificates } = await readSharedFiles(sharedFiles(cluster), store, context)

// Two hours to join in. Whoever has token and pin gets a kubelet's identity; whoever has the certificate key too, the CAs.
const token = resolveBootstrapToken({ ttlSeconds: 7200, description: 'the first hosts' }, context)
const certificateKey = generateCertificateKey(context)
const { kubernetesVersion } = cluster
const server = 'https://api.example.org:6443'
const caPem = caCertificates.map(formatCertificate).join('')

process.stdout.write(
  formatManifests([
    formatBootstrapTokenSecret(token),
    // Signed here with the token, as the controller manager's bootstrapsigner signs it wherever that runs.
    await formatClusterInfo({ server, caPem, kubernetesVersion }, [token.token], context),
    ...rbacObjects(BOOTSTRAP_RBAC),
    await encryptKubeadmCerts(contents, certificateKey, context),
    ...rbacObjects(KUBEADM_CERTS_RBAC),
  ]),
)

// What to run on the next control planes: to the person, not into the stream. Both secrets are in it.
const join = { server, caCertificates, token: token.token, controlPlane: certificateKey, kubernetesVersion }
process.stderr.write(`${await formatJoinCommand(join, context)}\n`)
