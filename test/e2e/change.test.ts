/** What a plan says beside what running components do: a name is added to the API server's certificate, and taken back. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, testWithCluster } from './cluster.js'
import { must, type Said, until } from './host.js'
import { type Snapshot, snapshot } from './tree.js'

const test = suite('change')
const NAME = 'api.kpki.example'
/** What the cluster was made with, and one name more. */
const ASKED = ['--apiserver-cert-extra-sans', `127.0.0.1,localhost,${NAME}`]
/** The API server looks at its files once a minute. */
const RELOAD_SECONDS = 75

interface Plan {
  readonly changes: readonly {
    readonly name: string
    readonly action: string
    readonly key: string
    readonly files: readonly string[]
    readonly reasons: readonly { readonly rule: string; readonly message: string }[]
  }[]
  readonly restarts: readonly { readonly component: string; readonly node?: string; readonly how: string }[]
}

/** A client that knows the API server by the new name. */
const dial = (cluster: Cluster): Promise<Said> =>
  cluster.kubectl('get', '--raw', '/version', `--tls-server-name=${NAME}`)

/** Bytes, modes and owners; not when or in which inode, and not what is there to take things back. */
function lasting(dir: string): Snapshot {
  const entries = Object.entries(snapshot(dir, /^\.kpki(\/|$)|issued\.jsonl$/))
  return Object.fromEntries(entries.map(([path, text]) => [path, text.replace(/^(\d+) \d+ [\d.]+ /, '$1 ')]))
}

let before: Snapshot = {}

testWithCluster(test, 'a client that asks for a new name is refused; the plan is the one row', async cluster => {
  assert.match((await dial(cluster)).stderr, /x509: certificate is valid for .*, not api\.kpki\.example/)
  before = lasting(cluster.host.tree)
  const clean = await cluster.kpki('plan', '-o', 'json')
  assert.is(clean.status, 0, clean.stdout + clean.stderr)
  const said = await cluster.kpki('plan', ...ASKED, '-o', 'json')
  assert.is(said.status, 3, said.stderr)
  const { changes, restarts } = JSON.parse(said.stdout) as Plan
  assert.equal(
    changes.map(({ name, action, key, files, reasons }) => [name, action, key, files, reasons.map(({ rule }) => rule)]),
    [['apiserver', 'reissue', 'keep', ['pki/apiserver.crt'], ['names-missing']]],
  )
  assert.match(changes[0]?.reasons[0]?.message ?? '', /api\.kpki\.example/)
  assert.equal(
    restarts.map(({ component, node, how }) => [component, node, how]),
    [['kube-apiserver', 'cp-1', 'reloads']],
  )
  assert.equal(lasting(cluster.host.tree), before)
})

testWithCluster(test, 'applied, the API server takes it up while it runs, and lets the client in', async cluster => {
  const key = readFileSync(join(cluster.host.tree, 'pki/apiserver.key'), 'utf8')
  const pid = cluster.host.daemonPid('kube-apiserver')
  await must(cluster.kpki('apply', ...ASKED, '--yes'))
  await until('the new name is answered to', RELOAD_SECONDS, () => must(dial(cluster)))
  assert.type(pid, 'number')
  assert.is(cluster.host.daemonPid('kube-apiserver'), pid)
  assert.is(readFileSync(join(cluster.host.tree, 'pki/apiserver.key'), 'utf8'), key)
  const again = await cluster.kpki('plan', ...ASKED)
  assert.is(again.status, 0, again.stdout)
  // Who asks for nothing gets what is there.
  assert.is((await cluster.kpki('plan')).status, 0)
})

testWithCluster(test, 'undo brings back what was there, byte for byte', async cluster => {
  await must(cluster.kpki('undo'))
  assert.equal(lasting(cluster.host.tree), before)
  assert.is((await cluster.kpki('plan', ...ASKED)).status, 3)
})

test.run()
