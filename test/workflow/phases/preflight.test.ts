import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ControlPlane } from '../../../lib/config/control-plane.js'
import { WorkflowError } from '../../../lib/errors.js'
import { pullList } from '../../../lib/render/images.js'
import { initTokens } from '../../../lib/workflow/init-tokens.js'
import type { InitRun } from '../../../lib/workflow/phases/init-run.js'
import type { Hands } from '../../../lib/workflow/phases/phase.js'
import { PREFLIGHT } from '../../../lib/workflow/phases/preflight.js'
import { runPhases } from '../../../lib/workflow/phases/runner.js'
import { rejects, testContext } from '../../support/context.js'
import { controlPlane } from '../../support/control-plane.js'
import { type MemoryHost, type MemorySystemOptions, memoryHost } from '../../support/memory-host.js'

const ADDRESS = 'localAPIEndpoint: {advertiseAddress: 10.77.1.10}'
/** All checks but those that a test is about are left out of account. */
const plane = (node = '', ignored = 'SystemVerification, KubeletVersion, FileContent--proc-sys-net-ipv4-ip_forward') =>
  controlPlane('v1.36.4', {
    init: `${ADDRESS}\nnodeRegistration: {name: cp-1, ignorePreflightErrors: [${ignored}]${node === '' ? '' : `, ${node}`}}`,
  })

async function setting(
  system: MemorySystemOptions | undefined,
  described: ControlPlane,
  more: Partial<InitRun> = {},
): Promise<{ readonly host: MemoryHost; readonly run: InitRun }> {
  const context = testContext()
  const run: InitRun = {
    controlPlane: described,
    traits: {},
    patches: [],
    as: 'static-pods',
    tokens: initTokens(described, context),
    uploadCerts: undefined,
    overwrite: false,
    now: context.clock(),
    ...more,
  }
  return { host: memoryHost({ system }), run }
}

async function preflight(
  system: MemorySystemOptions | undefined,
  described: ControlPlane,
  more: Partial<InitRun> = {},
) {
  const logged: string[] = []
  const context = testContext({
    log: ({ level, message }) => void (level === 'progress' || logged.push(`${level}: ${message}`)),
  })
  const { host, run } = await setting(system, described, more)
  const hands: Hands = { host, store: host.store, context, connect: () => Promise.reject(new Error('no cluster')) }
  const results = runPhases([PREFLIGHT], run, hands)
  results.catch(() => {})
  return { host, logged, results, again: () => runPhases([PREFLIGHT], run, hands) }
}

const pulled = (host: MemoryHost) => (host.system?.log ?? []).filter(line => line.startsWith('pull '))

test('images are fetched where they are not there; a second run fetches none', async () => {
  const described = await plane()
  const [first = '', ...others] = pullList(described)
  const { host, results, again, logged } = await preflight({ images: [first] }, described)
  const [result] = await results
  assert.equal(
    pulled(host),
    others.map(image => `pull ${image}`),
  )
  assert.equal(result?.made, others)
  assert.is(result?.state, 'done')
  assert.ok(logged.some(line => /^warning: SystemVerification \(ignored\): /.test(line)))
  const [second] = await again()
  assert.is(second?.state, 'unchanged')
  assert.is(pulled(host).length, others.length)
})

test('images are fetched always, or never, or by nobody', async () => {
  const always = await plane('imagePullPolicy: Always')
  const every = await preflight({ images: pullList(always) }, always)
  await every.results
  assert.is(pulled(every.host).length, pullList(always).length)
  const never = await preflight({}, await plane('imagePullPolicy: Never'))
  assert.match((await never.results)[0]?.notes.join() ?? '', /imagePullPolicy is Never/)
  assert.equal(pulled(never.host), [])
  const units = await preflight({}, await plane(), { as: 'systemd' })
  await units.results
  assert.equal(pulled(units.host), [], 'units run programs, and not images')
})

test('an image that cannot be fetched is tried five times; all of them are named', async () => {
  const described = await plane('imagePullSerial: false')
  const { host, results } = await preflight({ runtimeFails: { pullImage: 'no such host' } }, described)
  const error = await rejects(results)
  assert.instance(error, WorkflowError)
  assert.is(error.code, 'KPKI_PREFLIGHT_FAILED')
  const images = pullList(described)
  assert.is(pulled(host).length, 5 * images.length)
  const findings = error.details['findings']
  assert.ok(Array.isArray(findings))
  for (const image of images)
    assert.ok(findings.includes(`ImagePull: failed to pull image ${image}: no such host`), image)
})

test('images that cannot be fetched can be ignored', async () => {
  for (const name of ['ImagePull', 'all']) {
    const { results, logged } = await preflight(
      { runtimeFails: { pullImage: 'no' } },
      await plane(
        '',
        `${name}, SystemVerification, KubeletVersion, FileContent--proc-sys-net-ipv4-ip_forward`.replace(
          /^all.*/,
          'all',
        ),
      ),
    )
    assert.is((await results)[0]?.state, 'unchanged', name)
    assert.ok(
      logged.some(line => line.startsWith('warning: ImagePull: failed to pull image registry.k8s.io/kube-apiserver')),
    )
  }
})

test('all errors are told at once, and nothing is fetched', async () => {
  const { host, results } = await preflight({ cpus: 1, ports: { 6443: 'taken' } }, await plane())
  const error = await rejects(results)
  assert.is(error.code, 'KPKI_PREFLIGHT_FAILED')
  assert.equal(error.details['checks'], ['NumCPU', 'Port-6443'])
  assert.match(error.message, /^2 preflight checks failed: NumCPU: .*; Port-6443: Port 6443 is in use/)
  assert.equal(pulled(host), [])
})

test('who interrupts does not wait for an image', async () => {
  const described = await plane()
  const controller = new AbortController()
  const { host, run } = await setting({}, described)
  assert.ok(host.system)
  const slow = host.system.runtime('')
  host.system.runtime = () => ({
    ...slow,
    pullImage: () => {
      setTimeout(() => controller.abort(), 10)
      return new Promise(() => {})
    },
  })
  const hands = {
    host,
    store: host.store,
    context: testContext(),
    connect: () => Promise.reject(new Error('no cluster')),
  }
  const error = await rejects(runPhases([PREFLIGHT], run, { ...hands, signal: controller.signal }))
  assert.is(error.code, 'KPKI_INTERRUPTED')
})

test('a directory that stands for a host is looked at, and nothing is fetched', async () => {
  const { results } = await preflight(undefined, await plane())
  assert.match((await results)[0]?.notes.join() ?? '', /no images are fetched/)
})

test.run()
