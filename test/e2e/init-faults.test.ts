/**
 * What goes wrong under `kpki init`, with the real control plane v1.20.2: each time a clear line, and a second `kpki init` that
 * completes. Static Pods run as processes here, see `stand-in.ts`.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { must, type Said, Switch, until } from './host.js'
import { CONFIG, describe, init, isKubeletReady, kpki, Running, ready } from './init.js'
import { CONTROL_PLANE_PROGRAMS, Node } from './node.js'
import { testWithAll } from './programs.js'
import { podsReady, standInState, startStandIn } from './static-pods.js'
import { damageOf, snapshot } from './tree.js'

const PROGRAMS = [...CONTROL_PLANE_PROGRAMS, 'kubelet'] as const
const PODS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const
/** Nothing is pulled where no runtime is; keys that are made fast. */
const WISHES = {
  cluster: 'encryptionAlgorithm: ECDSA-P256',
  isBare: true,
} as const
const test = suite('init, faults')

let net: Switch | undefined
let node: Node | undefined
let count = 0

test.after(async () => {
  await node?.close()
  net?.close()
})

/** A new machine with a description, nothing else. */
async function fresh(wishes: Parameters<typeof describe>[1] = {}): Promise<Node> {
  net ??= await Switch.create()
  await node?.close()
  node = await Node.create(net, 'cp-1', `10.77.21.${++count}`)
  describe(node, { ...WISHES, ...wishes })
  return node
}

const standIn = (host: Node) => () => startStandIn(host)
const runInit = (host: Node, ...args: string[]) => kpki(host, 'init', '--config', CONFIG, ...args)

/** Whoever reads it finds what happened, in one line for people, without a stack or a name of our code. */
function clear({ status, stderr }: Said, ...patterns: readonly RegExp[]): void {
  assert.is(status, 1, stderr)
  const line = /^kpki: error: .*$/m.exec(stderr)?.[0] ?? assert.unreachable(`no error: ${stderr}`)
  for (const pattern of patterns) assert.match(stderr.slice(stderr.indexOf(line ?? '')), pattern)
  assert.match(stderr, /^kpki: hint: /m)
  assert.not.match(stderr, /\bat .*\.js:\d|TypeError|KPKI_INTERNAL|BEGIN .*PRIVATE/)
}

/** That it serves, and that a further init finds nothing to do. */
async function serves(host: Node): Promise<void> {
  await ready(host)
  await podsReady(host, PODS)
  const { pods } = standInState(host)
  for (const name of PODS) assert.equal(pods[name]?.problems, [], name)
  assert.match(await must(host.kubectl('get', 'nodes')), /^cp-1\s+\S+\s+control-plane,master\s/m)
  assert.match(await must(host.kubectl('-n', 'kube-system', 'get', 'deployment,daemonset')), /coredns[\s\S]*kube-proxy/)
  const before = snapshot(host.host.tree)
  const said = await runInit(host)
  await must(said)
  assert.not.match(said.stdout + said.stderr, /^done /m)
  assert.equal(snapshot(host.host.tree), before)
}

testWithAll(PROGRAMS, test, 'nobody starts the kubelet: it is named, and a second init completes', async () => {
  const host = await fresh({ waitSeconds: 3 })
  const said = await runInit(host)
  clear(said, /wait-control-plane/, /kubelet/, /3 seconds|3s/)
  // It has said how to start it before it waited.
  assert.match(said.stdout + said.stderr, /^ +kubelet \\$[\s\S]*--config=\/var\/lib\/kubelet\/config\.yaml/m)
  describe(host, WISHES)
  // How long is waited stands in the startup probes, too: the files are to be replaced, which nobody has changed since.
  const again = await init(host, standIn(host), '--overwrite')
  await must(again)
  await serves(host)
})

testWithAll(
  PROGRAMS,
  test,
  'the API server never comes up: what answers what is said; it completes when it does',
  async () => {
    const host = await fresh({ waitSeconds: 5 })
    // Something else has the port; preflight is skipped, as somebody does who knows better.
    host.host.daemon('squatter', process.execPath, ['-e', `require('net').createServer(s => s.end()).listen(6443)`])
    await until('the port is taken', 10, () =>
      must(host.sh('ss -ltn | grep -q :6443').then(() => ({ status: 0, stdout: '', stderr: '' }))),
    )
    const taken = await runInit(host)
    assert.is(taken.status, 1)
    assert.match(taken.stderr, /Port-6443/)
    assert.not.ok(existsSync(join(host.host.tree, 'pki/ca.key')), 'preflight stands before everything')
    const said = await init(host, standIn(host), '--skip-phases', 'preflight')
    clear(said, /wait-control-plane/, /kube-apiserver/)
    await host.host.stop('squatter')
    await podsReady(host, PODS)
    const again = await runInit(host)
    await must(again)
    await serves(host)
  },
)

testWithAll(PROGRAMS, test, 'the API server comes up late: init waits, and says for what', async () => {
  const host = await fresh()
  const running = new Running(host, ['init', '--config', CONFIG])
  await until('the kubelet has its files', 30, async () => assert.ok(await isKubeletReady(host)))
  await new Promise(resolve => setTimeout(resolve, 8000))
  startStandIn(host)
  const said = await running.done
  await must(said)
  await serves(host)
})

testWithAll(
  PROGRAMS,
  test,
  'the API server dies between two phases: the phase is named, and the next init goes on',
  async () => {
    const host = await fresh()
    const running = new Running(host, ['init', '--config', CONFIG])
    await until('the kubelet has its files', 30, async () => assert.ok(await isKubeletReady(host)))
    startStandIn(host)
    await running.says(/^(done|unchanged) +upload-config\/kubelet/m)
    // With it, the processes that it runs.
    await host.host.stop('kubelet')
    const said = await running.done
    clear(said, /phase (mark-control-plane|bootstrap-token|addon)/)
    const again = await init(host, standIn(host))
    await must(again)
    await serves(host)
  },
)

testWithAll(PROGRAMS, test, 'the disk is full: no file is cut short, and with more space it completes', async () => {
  const host = await fresh()
  await host.sh('mkdir -p /etc/kubernetes; mount -t tmpfs -o size=48k,mode=755 tmpfs /etc/kubernetes')
  const tree = '/etc/kubernetes'
  // Names of lib/host/files.ts; what is cut off has no end of its last line, which a list of lines may lack.
  const cut = `find . -type f ! -name '*.jsonl' | while read -r file; do test -z "$(tail -c 1 "$file")" || echo "$file"; done`
  const list = () => host.sh(`cd ${tree}; find . -type f -size 0; find . -name '.*.kpki-tmp-*'; ${cut}`)
  const said = await runInit(host)
  clear(said, /no space|disk is full|full/i)
  assert.is(await list(), '')
  await host.sh(`mount -o remount,size=10m ${tree}`)
  const again = await init(host, standIn(host))
  await must(again)
  await ready(host)
})

testWithAll(PROGRAMS, test, 'killed at every phase boundary, again and again, it comes to the same end', async () => {
  const host = await fresh()
  const seen = new Set<string>()
  let isOver = false
  for (let runs = 1; !isOver; runs++) {
    if (runs > 60) throw new Error(`no end: ${[...seen].join(', ')}`)
    const running = new Running(host, ['init', '--config', CONFIG])
    const files = ['kubelet/config.yaml', 'kubelet/kubeadm-flags.env'].map(path => join(host.host.lib, path))
    await Promise.race([
      running.done.then(({ status, stdout, stderr }) => {
        assert.is(status, 0, `run ${runs} after ${[...seen].join(', ')}:\n${stdout}${stderr}`)
        isOver = true
      }),
      until('a phase that no run before has ended', 90, () => {
        if (files.every(existsSync) && host.host.daemonPid('kubelet') === undefined) startStandIn(host)
        const ended = [...running.output.matchAll(/^(?:done|unchanged|skipped) +([a-z/-]+)/gm)].map(
          ([, path = '']) => path,
        )
        const next = ended.find(path => !seen.has(path))
        if (next === undefined) throw new Error(running.output)
        seen.add(next)
        running.kill()
      }),
    ])
    await running.done
    if (isOver) break
    assert.equal(damageOf(host.host.tree), [], `after ${[...seen].at(-1)}`)
  }
  assert.ok(seen.size >= 25, [...seen].join(', '))
  await serves(host)
  assert.is(
    (await must(host.kubectl('-n', 'kube-system', 'get', 'secrets', '-o', 'name')))
      .split('\n')
      .filter(name => name.includes('bootstrap-token')).length,
    1,
    'one token',
  )
  assert.equal(
    readdirSync(join(host.host.tree, 'manifests')).sort(),
    PODS.map(name => `${name}.yaml`),
  )
})

test.run()
