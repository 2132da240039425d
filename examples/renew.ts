// The night after everything has expired: what is wrong, what is the smallest change, do it, look again. No API server is asked.
// Here the tree is in memory; `new DiskStore('/etc/kubernetes')` of kpki/node in its place is the host's own.
import {
  applyPlan,
  checkTree,
  createContext,
  describeChange,
  generateTree,
  MemoryStore,
  parseCluster,
  planStore,
  renew,
  rowsOf,
  savePlan,
} from 'kpki'

const print = (line: string) => void process.stdout.write(`${line}\n`)
const now = new Date()
const lastYear = new Date(now.getTime() - 400 * 86_400_000)
const context = createContext({ clock: () => now })
const store = new MemoryStore()

// A tree of last year, whose leaves lived for a year.
const then = createContext({ clock: () => lastYear })
const facts = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' }
const cluster = parseCluster(facts, then)
await generateTree(rowsOf(cluster, 'init'), cluster, store, then)

const { findings } = await checkTree(store, {}, context)
for (const { code, path, message } of findings) print(`${code}: ${path} ${message}`)

// Nothing is asked: every name, group and server is wanted as it is.
const { plan } = await renew(store, ['all'], {}, context)
for (const { component, node, how } of plan.restarts) print(`${how}: ${component} on ${node}`)
print(`after renewal: ${(await checkTree(store, {}, context)).findings.length} findings`)

// One more name: exactly what it touches is planned, and applied only if nothing has changed in between.
const asked = { facts: { apiServerCertSans: ['api.example.org'] } }
const planned = await planStore(store, asked, context)
for (const change of planned.plan.changes) print(describeChange(change))
await applyPlan(savePlan(planned.plan, { facts: asked.facts, options: {} }), store, context)
print(`left to do: ${(await planStore(store, asked, context)).plan.changes.length}`)
