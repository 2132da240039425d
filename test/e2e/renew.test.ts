/**
 * A control plane with its kubelet whose certificates have all ended: it is down, and there is nobody to ask for new ones. Twice:
 * asleep for a year, and while it runs. Real programs of v1.20.2, with the arguments of kubeadm's manifests.
 */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commandOf, startApiServer, writeManifests } from './cluster.js'
import { finalizeKubelet } from './foreign.js'
import { Host, KPKI, must, run, Switch, scratch, until } from './host.js'
import { KUBELET_PROGRAMS, startContainerd, startKubelet } from './kubelet.js'
import { kube, missing, testWithAll } from './programs.js'
import { certificatesOf } from './tree.js'

const PROGRAMS = [
  ...[
    'kubeadm',
    'kubectl',
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
    'etcd',
    'etcdctl',
    'openssl',
  ],
  ...KUBELET_PROGRAMS,
]
const ADDRESS = '10.77.7.11'
const YEAR_SECONDS = 365 * 86_400
/** How long the first renewed certificates live: the time that a busy machine needs to bring everything up. */
const LIFE_SECONDS = 90

interface Renewal {
  readonly changes: readonly { readonly id: string; readonly paths: readonly string[] }[]
  readonly restarts: readonly { readonly component: string; readonly node?: string; readonly how: string }[]
}

const test = suite('renew')
let net: Switch | undefined
let made: Host | undefined
const host = (): Host => {
  if (!made) throw new Error('no host')
  return made
}

test.before(async () => {
  if (missing(PROGRAMS)) return
  net = await Switch.create()
  made = await Host.create('cp-1')
  await net.plug(made, ADDRESS)
})
test.after(async () => {
  await made?.close()
  net?.close()
})

const kubectl = (...args: readonly string[]) =>
  host().run(kube('kubectl'), ['--kubeconfig', '/etc/kubernetes/admin.conf', ...args])

/** How each component is started again; none of them is a Pod here. */
const START: Readonly<Record<string, () => void | Promise<void>>> = {
  etcd: () => {
    const [program = '', ...args] = commandOf(host(), 'etcd')
    host().daemon('etcd', program, args)
  },
  'kube-apiserver': () => startApiServer(host()),
  'kube-controller-manager': () => startFromManifest('kube-controller-manager'),
  'kube-scheduler': () => startFromManifest('kube-scheduler'),
  kubelet: () => startKubelet(host()),
}

function startFromManifest(component: string): void {
  const [, ...args] = commandOf(host(), component)
  host().daemon(component, kube(component), args)
}

/** Stops and starts components, in the order of a renewal's own list, and only those. */
async function restart(components: readonly string[]): Promise<void> {
  for (const component of components) {
    await host().stop(component)
    await START[component]?.()
    if (component === 'kube-apiserver')
      await until('the API server is ready', 90, async () => {
        const said = await kubectl('get', '--raw', '/readyz')
        if (said.stdout !== 'ok') throw new Error(`${said.stderr}\n${host().log('kube-apiserver')}`)
      })
  }
}

/** Renews a copy of what is on the host, and puts it back. */
async function renewCopy(...args: readonly string[]): Promise<Renewal> {
  const copy = scratch('copy')
  const sh = (line: string) => execFileSync('sh', ['-euc', line], { cwd: copy })
  sh(`mkdir -p etc var/lib && cp -a '${host().tree}' etc/kubernetes && cp -a '${host().kubeletDir}' var/lib/kubelet`)
  // Not on the host: nothing of it is asked, or needed.
  const said = JSON.parse(
    await must(
      run(process.execPath, [KPKI, 'renew', 'all', '--dir', join(copy, 'etc/kubernetes'), ...args, '-o', 'json']),
    ),
  )
  sh(`cp -a etc/kubernetes/. '${host().tree}' && cp -a var/lib/kubelet/pki/. '${host().kubeletDir}/pki'`)
  return said as Renewal
}

/** What openssl reads of all leaves of the host, by where they are. */
function leaves(): ReadonlyMap<string, X509Certificate> {
  const client = readFileSync(join(host().kubeletDir, 'pki/kubelet-client-2026-01-01-00-00-00.pem'), 'utf8')
  return new Map([
    ...[...certificatesOf(host().tree)].filter(([, certificate]) => !certificate.ca),
    ['kubelet-client', new X509Certificate(client)],
  ])
}

/** What must not change with a renewal: subject, names, usages, issuer. */
const identitiesOf = (certificates: ReadonlyMap<string, X509Certificate>) =>
  [...certificates].map(([path, { subject, subjectAltName, keyUsage, issuer }]) => [
    path,
    { subject, subjectAltName, keyUsage, issuer },
  ])

/** The serial number of the certificate that somebody serves. */
async function servedSerial(port: number, ...args: readonly string[]): Promise<string> {
  const { stdout } = await host().run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-showcerts', ...args])
  const pem = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(stdout)?.[0]
  if (pem === undefined) throw new Error(`nothing is served at ${port}: ${stdout}`)
  return new X509Certificate(pem).serialNumber
}

/** The moment at which the kubelet last said that it lives. */
async function heartbeat(): Promise<number> {
  const path = ['-n', 'kube-node-lease', 'get', 'lease', 'cp-1', '-o', 'jsonpath={.spec.renewTime}']
  return Date.parse(await must(kubectl(...path)))
}

/** The moment at which a controller last said that it leads. */
async function leaseOf(program: string): Promise<number> {
  const path = ['-n', 'kube-system', 'get', 'lease', program, '-o', 'jsonpath={.spec.renewTime}']
  return Date.parse(await must(kubectl(...path)))
}

async function nodeIsReady(): Promise<void> {
  const ready = '{.status.conditions[?(@.type=="Ready")].status}'
  const said = await kubectl('get', 'node', 'cp-1', '-o', `jsonpath=${ready}`)
  if (said.stdout !== 'True') throw new Error(`${said.stdout}${said.stderr}\n${host().log('kubelet')}`)
}

let token = ''

testWithAll(PROGRAMS, test, 'a tree whose every leaf expired a year ago: renewed, everything starts', async () => {
  const born = new Date(Date.now() - 2 * YEAR_SECONDS * 1000).toISOString().replace(/\.[0-9]+/, '')
  const shape = ['--kubernetes-version', 'v1.20.2', '--encryption-algorithm', 'ECDSA-P256']
  await must(host().kpki('gen', 'all', '--now', born, ...shape, '--control-plane-endpoint', `${ADDRESS}:6443`))
  await writeManifests(host(), ADDRESS, ADDRESS)
  await finalizeKubelet(host())
  const before = leaves()
  assert.is(before.size, 11)
  for (const [path, { validTo }] of before)
    assert.ok(Date.parse(validTo) < Date.now() - (YEAR_SECONDS - 86_400) * 1000, path)

  const { restarts } = await renewCopy('--certificate-validity-period', `${LIFE_SECONDS}s`)
  const after = leaves()
  assert.equal(identitiesOf(after), identitiesOf(before))
  for (const [path, { validTo }] of after) {
    const rest = (Date.parse(validTo) - Date.now()) / 1000
    assert.ok(rest > LIFE_SECONDS - 30 && rest <= LIFE_SECONDS, `${path}: ${rest} s`)
  }
  const order = restarts.map(({ component }) => component)
  assert.equal(order, ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet'])
  assert.ok(restarts.every(({ node }) => node === 'cp-1'))
  startContainerd(host())
  await restart(order)
  await until('the node is ready', 60, nodeIsReady)
  await until('the controllers work', 60, () =>
    must(kubectl('-n', 'kube-public', 'get', 'serviceaccount', 'default', '-o', 'name')),
  )
  // The way from the API server to the kubelet, as kubectl logs takes it.
  assert.is(await must(kubectl('get', '--raw', '/api/v1/nodes/cp-1/proxy/healthz')), 'ok')
  const request = '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":7200}}'
  const path = '/api/v1/namespaces/kube-public/serviceaccounts/default/token'
  const admin = ['--kubeconfig', '/etc/kubernetes/admin.conf']
  const said = host().run(kube('kubectl'), [...admin, 'create', '--raw', path, '-f', '-'], { input: request })
  token = (JSON.parse(await must(said)) as { status: { token: string } }).status.token
})

testWithAll(PROGRAMS, test, 'when they have ended nobody is let in anywhere', async () => {
  const end = Math.max(...[...leaves().values()].map(({ validTo }) => Date.parse(validTo)))
  assert.ok(Date.now() < end, 'they have ended too early for this machine')
  await new Promise(resolve => setTimeout(resolve, end + 1500 - Date.now()))
  assert.match((await kubectl('get', 'nodes')).stderr, /certificate has expired or is not yet valid/)
  const blind = await kubectl('get', 'nodes', '--insecure-skip-tls-verify=true', '--certificate-authority=')
  assert.match(blind.stderr, /must be logged in|Unauthorized/)
  const etcd = await host().run('etcdctl', [
    ...['--endpoints', 'https://127.0.0.1:2379', '--cacert', '/etc/kubernetes/pki/etcd/ca.crt', '--dial-timeout=2s'],
    ...['--cert', '/etc/kubernetes/pki/etcd/healthcheck-client.crt'],
    ...['--key', '/etc/kubernetes/pki/etcd/healthcheck-client.key', 'endpoint', 'health'],
  ])
  assert.is.not(etcd.status, 0)
  await until('the kubelet is refused', 30, () => assert.match(host().log('kubelet'), /x509: certificate has expired/))
})

testWithAll(PROGRAMS, test, 'renewed from a copy and restarted as told, everything is as before', async () => {
  const before = leaves()
  const cas = ['ca', 'front-proxy-ca', 'etcd/ca'].flatMap(ca => [`pki/${ca}.crt`, `pki/${ca}.key`])
  const kept = [...cas, 'pki/sa.key', 'pki/sa.pub']
  const read = () => kept.map(path => readFileSync(join(host().tree, path), 'utf8'))
  const anchors = read()
  const { restarts } = await renewCopy('--certificate-validity-period', '8760h')
  const after = leaves()
  assert.equal(identitiesOf(after), identitiesOf(before))
  assert.equal(read(), anchors)
  for (const [path, { serialNumber, validTo }] of after) {
    assert.is.not(serialNumber, before.get(path)?.serialNumber, path)
    assert.ok(Date.parse(validTo) > Date.now() + (YEAR_SECONDS - 600) * 1000, path)
  }
  // etcd reads its files with every handshake; the order says so.
  const pair = ['healthcheck-client.crt', 'healthcheck-client.key'].map(file => `/etc/kubernetes/pki/etcd/${file}`)
  const served = await servedSerial(2379, '-cert', pair[0] ?? '', '-key', pair[1] ?? '')
  assert.is(served === after.get('pki/etcd/server.crt')?.serialNumber, howOf(restarts, 'etcd') === 'reloads')
  // The API server looks at its files once a minute; it is not touched.
  const pid = host().daemonPid('kube-apiserver')
  await until('the API server takes it up', 75, () => must(kubectl('get', 'nodes')))
  assert.equal([howOf(restarts, 'kube-apiserver'), host().daemonPid('kube-apiserver')], ['reloads', pid])
  // The others go on with what they have read, if they are still there at all.
  const told = restarts.filter(({ how }) => how === 'restart').map(({ component }) => component)
  assert.equal(told, ['kube-controller-manager', 'kube-scheduler', 'kubelet'])
  const restarted = Date.now()
  await new Promise(resolve => setTimeout(resolve, 5000))
  for (const renewedAt of [
    await heartbeat(),
    await leaseOf('kube-controller-manager'),
    await leaseOf('kube-scheduler'),
  ])
    assert.ok(renewedAt < restarted, `${new Date(renewedAt)}`)
  await restart(told)
  await until('the node is ready', 60, nodeIsReady)
  await until('the kubelet reports', 60, async () => assert.ok((await heartbeat()) > restarted))
  for (const program of ['kube-controller-manager', 'kube-scheduler'])
    await until(`${program} leads`, 60, async () =>
      assert.ok((await leaseOf(program)) > restarted, host().log(program)),
    )
  await must(kubectl('get', 'nodes'))
  await until('the API server reaches the kubelet', 30, async () =>
    assert.is(await must(kubectl('get', '--raw', '/api/v1/nodes/cp-1/proxy/healthz')), 'ok'),
  )
  // Neither is there anything to say of it, the certificate that the kubelet has made for itself included.
  assert.ok(existsSync(join(host().kubeletDir, 'pki/kubelet.crt')))
  const { status: found, stdout } = await host().kpki('check')
  assert.is(found, 0, stdout)
  await must(host().kpki('plan'))
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }
  const admin = ['--kubeconfig', '/etc/kubernetes/admin.conf']
  const args = [...admin, 'create', '-f', '-', '-o', 'json', '--validate=false']
  const { status } = JSON.parse(await must(host().run(kube('kubectl'), args, { input: JSON.stringify(review) })))
  assert.equal([status.authenticated, status.user.username], [true, 'system:serviceaccount:kube-public:default'])
})

function howOf(restarts: Renewal['restarts'], component: string): string | undefined {
  return restarts.find(restart => restart.component === component)?.how
}

test.run()
