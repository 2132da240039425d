/**
 * A stand-in for the kubelet's half that runs static Pods, and for its registration: started on a host, it runs the commands of
 * /etc/kubernetes/manifests as processes there, with their environment; makes or wants the hostPath volumes as their types say;
 * probes as the Pods say, and starts anew what fails; follows changes of the files; answers on 127.0.0.1:10248/healthz; and
 * makes the Node object with kubelet.conf, as a kubelet may. What it saw stands in the file that its second argument names.
 *
 * node --import tsx test/e2e/stand-in.ts FOLDER-OF-PROGRAMS STATE-FILE
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { parse } from 'yaml'
import type { PodState } from './static-pods.js'

interface Probe {
  readonly httpGet: {
    readonly scheme?: string
    readonly host?: string
    readonly port: number | string
    readonly path: string
  }
  readonly initialDelaySeconds?: number
  readonly periodSeconds?: number
  readonly failureThreshold?: number
}

interface Pod {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly hostNetwork?: boolean
    readonly containers: readonly {
      readonly name: string
      readonly command: readonly string[]
      readonly env?: readonly { readonly name: string; readonly value?: string }[]
      readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
      readonly startupProbe?: Probe
      readonly livenessProbe?: Probe
      readonly readinessProbe?: Probe
    }[]
    readonly volumes?: readonly {
      readonly name: string
      readonly hostPath: { readonly path: string; readonly type?: string }
    }[]
  }
}

interface Running {
  readonly text: string
  readonly pod: Pod
  child: ChildProcess | undefined
  startedAt: number
  restarts: number
  hasStarted: boolean
  isReady: boolean
  failures: number
  probedAt: number
  notBefore: number
  readonly problems: string[]
}

const [programs = '', stateFile = ''] = process.argv.slice(2)
const MANIFESTS = '/etc/kubernetes/manifests'
const pods = new Map<string, Running>()

const say = (text: string) => process.stdout.write(`${new Date().toISOString()} ${text}\n`)

createServer((_, response) => response.end('ok')).listen(10248, '127.0.0.1')
let isRegistered = false
let beats = 0
for (;;) {
  follow()
  for (const [file, running] of pods) await tend(file, running)
  if (!isRegistered && pods.get('kube-apiserver.yaml')?.isReady) isRegistered = register()
  save()
  beats++
  await new Promise(resolve => setTimeout(resolve, 250))
}

/** Takes up what is new in the directory, and drops what is gone or other than it was. */
function follow(): void {
  const files = existsSync(MANIFESTS)
    ? readdirSync(MANIFESTS).filter(name => !name.startsWith('.') && name.endsWith('.yaml'))
    : []
  for (const [file, running] of pods)
    if (!files.includes(file) || readFileSync(join(MANIFESTS, file), 'utf8') !== running.text) {
      say(`${file}: gone or changed`)
      running.child?.kill('SIGKILL')
      pods.delete(file)
    }
  for (const file of files) {
    if (pods.has(file)) continue
    const text = readFileSync(join(MANIFESTS, file), 'utf8')
    const pod = parse(text) as Pod
    const running: Running = {
      text,
      pod,
      child: undefined,
      startedAt: 0,
      restarts: -1,
      hasStarted: false,
      isReady: false,
      failures: 0,
      probedAt: 0,
      notBefore: 0,
      problems: checkPod(pod),
    }
    pods.set(file, running)
  }
}

function checkPod(pod: Pod): string[] {
  const problems: string[] = []
  if (pod.spec.hostNetwork !== true) problems.push('no hostNetwork')
  for (const container of pod.spec.containers)
    for (const { name } of container.volumeMounts ?? [])
      if (!pod.spec.volumes?.some(volume => volume.name === name)) problems.push(`mounts ${name}, which is no volume`)
  return problems
}

/** Host paths as the kubelet looks at them (pkg/volume/host_path/host_path.go, v1.20.2); whether the Pod can be run. */
function mount({ pod, problems }: Running): boolean {
  for (const { hostPath } of pod.spec.volumes ?? []) {
    const { path, type = '' } = hostPath
    const found = existsSync(path) ? statSync(path) : undefined
    if (type === 'DirectoryOrCreate' && !found) mkdirSync(path, { recursive: true })
    else if (type === 'FileOrCreate' && !found) {
      if (!existsSync(dirname(path))) return complain(problems, `${path}: its directory is not there`)
      writeFileSync(path, '')
    } else if (type !== '' && !found) return complain(problems, `${path} is not there`)
    if (/^Directory/.test(type) && found?.isFile()) return complain(problems, `${path} is a file`)
    if (/^File/.test(type) && found?.isDirectory()) return complain(problems, `${path} is a directory`)
  }
  return true
}

function complain(problems: string[], text: string): false {
  if (!problems.includes(text)) problems.push(text)
  return false
}

async function tend(file: string, running: Running): Promise<void> {
  const { pod } = running
  const [container] = pod.spec.containers
  if (!container || pod.spec.containers.length !== 1) {
    complain(running.problems, 'not one container')
    return
  }
  if (!running.child) {
    if (Date.now() < running.notBefore || !mount(running)) return
    const [program = '', ...args] = container.command
    const path = existsSync(join(programs, basename(program))) ? join(programs, basename(program)) : program
    const log = openSync(`/var/log/${pod.metadata.name}.log`, 'a')
    const env = Object.fromEntries((container.env ?? []).map(({ name, value = '' }) => [name, value]))
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', path, ...args], {
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'] ?? '', ...env },
    })
    running.child = child
    running.startedAt = running.probedAt = Date.now()
    running.restarts++
    running.hasStarted = running.isReady = false
    running.failures = 0
    say(`${file}: started, ${child.pid}`)
    child.once('exit', (code, signal) => {
      say(`${file}: ended, ${code ?? signal}`)
      if (running.child === child) running.child = undefined
      running.isReady = false
      // The kubelet waits 10 seconds and more; this is to be over sooner.
      running.notBefore = Date.now() + 1000
    })
    return
  }
  const probe = running.hasStarted ? container.livenessProbe : (container.startupProbe ?? container.livenessProbe)
  if (!probe) {
    running.hasStarted = running.isReady = true
    return
  }
  // Before it has started, it is asked more often than the Pod says: waiting is no test.
  const period = running.hasStarted ? (probe.periodSeconds ?? 10) * 1000 : 500
  if (Date.now() - running.probedAt < period) return
  running.probedAt = Date.now()
  const answer = await ask(probe, container.ports ?? [])
  if (answer === undefined) {
    running.failures = 0
    running.hasStarted = true
    running.isReady = container.readinessProbe
      ? (await ask(container.readinessProbe, container.ports ?? [])) === undefined
      : true
    return
  }
  running.isReady = false
  running.failures++
  const patience =
    ((probe.initialDelaySeconds ?? 0) + (probe.failureThreshold ?? 3) * (probe.periodSeconds ?? 10)) * 1000
  const isOver = running.hasStarted
    ? running.failures >= (probe.failureThreshold ?? 3)
    : Date.now() - running.startedAt > patience
  if (!isOver) return
  say(`${file}: ${answer}; killed`)
  running.child.kill('SIGKILL')
}

/** What is wrong; `undefined` where all is well. */
function ask(
  { httpGet }: Probe,
  ports: NonNullable<Pod['spec']['containers'][number]['ports']>,
): Promise<string | undefined> {
  const { scheme = 'HTTP', host = '127.0.0.1', path } = httpGet
  const port =
    typeof httpGet.port === 'number' ? httpGet.port : ports.find(({ name }) => name === httpGet.port)?.containerPort
  if (port === undefined) return Promise.resolve(`${httpGet.port} is no port`)
  const options = { host, port, path, timeout: 5000 }
  return new Promise(resolve => {
    const request = scheme === 'HTTPS' ? requestHttps({ ...options, rejectUnauthorized: false }) : requestHttp(options)
    request.once('response', response => {
      response.resume()
      const { statusCode = 0 } = response
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `${path} answers ${statusCode}`)
    })
    request.once('timeout', () => request.destroy(new Error('no answer')))
    request.once('error', error => resolve(`${path}: ${error.message}`))
    request.end()
  })
}

/** As pkg/kubelet/kubelet_node_status.go does it: with the labels that a kubelet may set for itself. */
function register(): boolean {
  const name = hostname()
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' }
  const node = JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } })
  const kubectl = ['--kubeconfig', '/etc/kubernetes/kubelet.conf']
  const run = (args: readonly string[], input = '') =>
    execFileSync(join(programs, 'kubectl'), [...kubectl, ...args], { input, stdio: ['pipe', 'ignore', 'pipe'] })
  try {
    run(['get', 'node', name])
    return true
  } catch {
    try {
      run(['create', '-f', '-'], node)
      say('registered')
      return true
    } catch (error) {
      say(`not registered: ${String(error)}`)
      return false
    }
  }
}

function save(): void {
  const state: Record<string, PodState> = {}
  for (const { pod, child, restarts, hasStarted, isReady, problems } of pods.values())
    state[pod.metadata.name] = { pid: child?.pid, restarts: Math.max(restarts, 0), hasStarted, isReady, problems }
  writeFileSync(`${stateFile}.new`, JSON.stringify({ beats, isRegistered, pods: state }))
  renameSync(`${stateFile}.new`, stateFile)
}
