// A whole PKI in memory: works the same in a browser, where `createContext()` uses the platform's WebCrypto.
import { createContext, generateTree, MemoryStore, parseCluster, rowsOf } from 'kpki'

const context = createContext()
const cluster = parseCluster(
  { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' },
  context,
)
const store = new MemoryStore()
const { rows } = await generateTree(rowsOf(cluster, 'init'), cluster, store, context)

for (const { id, certificate } of rows) process.stdout.write(`${id}: ${certificate?.subject.text ?? 'key pair'}\n`)
process.stdout.write(`${store.files.size} files\n`)
