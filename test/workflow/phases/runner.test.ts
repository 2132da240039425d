import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KpkiError, StoreError, WorkflowError } from '../../../lib/errors.js'
import { insertPhase, removePhase, replacePhase } from '../../../lib/workflow/phases/edit.js'
import { findPhases, listPhases } from '../../../lib/workflow/phases/paths.js'
import type { Action, Hands, Phase } from '../../../lib/workflow/phases/phase.js'
import { type PhaseEvent, planPhases, runPhases } from '../../../lib/workflow/phases/runner.js'
import { rejects, testContext } from '../../support/context.js'
import { MemoryApi } from '../../support/memory-api.js'
import { memoryHost } from '../../support/memory-host.js'

interface Run {
  readonly log: string[]
  readonly isExternal?: boolean
}

const act = (path: string, apply?: () => void): Action => ({
  kind: 'test',
  about: `do ${path}`,
  apply: async () => {
    apply?.()
    return { state: 'done', made: [path] }
  },
})
const logging =
  (path: string) =>
  ({ log }: Run): readonly Action[] => [act(path, () => void log.push(path))]
const phase = (name: string, path = name, more: Partial<Phase<Run>> = {}): Phase<Run> => ({
  name,
  about: `About ${name}.`,
  plan: logging(path),
  ...more,
})

/** As kubeadm's own test of its runner has them: phases with and without work of their own, three levels deep. */
const PHASES: readonly Phase<Run>[] = [
  phase('preflight'),
  phase('certs', 'certs', {
    phases: [phase('ca', 'certs/ca'), phase('etcd', 'certs/etcd', { phases: [phase('server', 'certs/etcd/server')] })],
  }),
  phase('etcd', 'etcd', {
    skip: ({ isExternal }) => (isExternal ? 'etcd is elsewhere' : undefined),
    phases: [phase('local', 'etcd/local')],
  }),
  {
    name: 'cleanup-node',
    about: 'Only others.',
    aliases: ['cleanupnode'],
    phases: [phase('files', 'cleanup-node/files')],
  },
]
const ORDER = [
  'preflight',
  'certs',
  'certs/ca',
  'certs/etcd',
  'certs/etcd/server',
  'etcd',
  'etcd/local',
  'cleanup-node/files',
]

function hands(more: Partial<Hands> = {}): Hands {
  const host = memoryHost()
  return {
    host,
    store: host.store,
    context: testContext(),
    connect: () => Promise.reject(new Error('nobody asks')),
    ...more,
  }
}

test('every phase has a path, and runs before those below it, in the order of the table', async () => {
  assert.equal(
    listPhases(PHASES).map(({ path }) => path),
    [...ORDER.slice(0, 7), 'cleanup-node', 'cleanup-node/files'],
  )
  const run: Run = { log: [] }
  const results = await runPhases(PHASES, run, hands())
  assert.equal(run.log, ORDER)
  assert.equal(
    results.map(({ path, state, made }) => [path, state, ...made]),
    ORDER.map(path => [path, 'done', path]),
  )
})

const SELECTIONS: readonly [string, { only?: string[]; skip?: string[]; isExternal?: boolean }, string[]][] = [
  ['a leaf alone', { only: ['certs/ca'] }, ['certs/ca']],
  ['a phase with those below it', { only: ['certs'] }, ['certs', 'certs/ca', 'certs/etcd', 'certs/etcd/server']],
  ['in the middle', { only: ['certs/etcd'] }, ['certs/etcd', 'certs/etcd/server']],
  ['all below, without the phase itself', { only: ['certs/all'] }, ['certs/ca', 'certs/etcd', 'certs/etcd/server']],
  ['two, in the order of the table', { only: ['etcd/local', 'certs/ca'] }, ['certs/ca', 'etcd/local']],
  ['letter case does not count', { only: ['Certs/CA'] }, ['certs/ca']],
  ['another name', { only: ['cleanupnode'] }, ['cleanup-node/files']],
  ['another name of the one above', { only: ['cleanupnode/files'] }, ['cleanup-node/files']],
  [
    'skipping takes what is below along',
    { skip: ['certs'] },
    ['preflight', 'etcd', 'etcd/local', 'cleanup-node/files'],
  ],
  [
    'skipping one of several',
    { skip: ['certs/etcd', 'etcd', 'preflight'] },
    ['certs', 'certs/ca', 'cleanup-node/files'],
  ],
  ['skip counts more than only', { only: ['certs'], skip: ['certs/ca'] }, ['certs', 'certs/etcd', 'certs/etcd/server']],
  ['not for this run', { isExternal: true, skip: ['certs'] }, ['preflight', 'cleanup-node/files']],
  ['nor what is below, asked for or not', { isExternal: true, only: ['etcd/local'] }, []],
]

for (const [name, { isExternal = false, ...selection }, expected] of SELECTIONS) {
  test(`selection: ${name}`, async () => {
    const run: Run = { log: [], isExternal }
    await runPhases(PHASES, run, hands(), selection)
    assert.equal(run.log, expected)
  })
}

test('what is skipped is told with the reason, once', async () => {
  const results = await runPhases(PHASES, { log: [], isExternal: true }, hands(), { skip: ['certs'] })
  assert.equal(
    results.flatMap(({ path, reason }) => (reason === undefined ? [] : [[path, reason]])),
    [
      ['certs', 'as asked'],
      ['etcd', 'etcd is elsewhere'],
    ],
  )
})

const UNKNOWN: readonly [string, RegExp][] = [
  ['cert', /did you mean certs\?/],
  ['server', /did you mean certs\/etcd\/server\?/],
  ['certs/etc', /did you mean certs\/etcd\?/],
  ['xyzzy-nothing', /there are preflight, certs, etcd, cleanup-node/],
  ['preflight/all', /./],
  ['', /./],
]

for (const [name, hint] of UNKNOWN) {
  test(`there is no phase ${JSON.stringify(name)}`, async () => {
    for (const selection of [{ only: [name] }, { skip: [name] }]) {
      const run: Run = { log: [] }
      const error = await rejects(runPhases(PHASES, run, hands(), selection))
      assert.is(error.code, 'KPKI_PHASE_UNKNOWN')
      assert.match(error.hint ?? '', hint)
      assert.equal(run.log, [])
    }
    assert.is((await rejects(() => findPhases(name, PHASES))).code, 'KPKI_PHASE_UNKNOWN')
  })
}

test('all is planned before anything is done', async () => {
  const broken = phase('broken', 'broken', {
    plan: () => {
      throw new StoreError('KPKI_FILE_EXISTS', 'a plan that cannot be made')
    },
  })
  const run: Run = { log: [] }
  assert.is((await rejects(runPhases([...PHASES, broken], run, hands()))).code, 'KPKI_FILE_EXISTS')
  assert.equal(run.log, [])
  assert.equal(
    planPhases(PHASES, run, { only: ['certs/ca'] }).map(({ path, actions }) => [path, actions.map(a => a.about)]),
    [['certs/ca', ['do certs/ca']]],
  )
})

test('the first error ends the run, names its phase and what is done, and says how to go on', async () => {
  const failing = (error: unknown) =>
    replacePhase(PHASES, 'certs/etcd/server', {
      name: 'server',
      about: '',
      plan: () => [
        act('x', () => {
          throw error
        }),
      ],
    })
  const run: Run = { log: [] }
  const cause = new StoreError('KPKI_DISK_FULL', 'no space is left', {
    details: { path: '/x' },
    hint: 'make room and run again',
  })
  const error = await rejects(runPhases(failing(cause), run, hands(), { command: 'kpki init' }))
  assert.instance(error, WorkflowError)
  assert.is(error.code, 'KPKI_PHASE_FAILED')
  assert.is(error.message, 'phase certs/etcd/server: no space is left')
  assert.equal(error.details, {
    path: '/x',
    phase: 'certs/etcd/server',
    error: 'KPKI_DISK_FULL',
    done: ['preflight', 'certs', 'certs/ca', 'certs/etcd'],
  })
  assert.is(error.cause, cause)
  assert.match(error.hint ?? '', /^make room; then run kpki init again.*kpki init phase certs etcd server/)
  assert.equal(run.log, ['preflight', 'certs', 'certs/ca', 'certs/etcd'])
  const foreign = await rejects(runPhases(failing(new Error('of somebody else')), run, hands()))
  assert.equal([foreign.code, foreign.details['error']], ['KPKI_PHASE_FAILED', 'KPKI_INTERNAL'])
  const preflight = new WorkflowError('KPKI_PREFLIGHT_FAILED', 'two checks')
  assert.is(await rejects(runPhases(failing(preflight), run, hands())), preflight)
})

test('a signal ends the run between two actions', async () => {
  const stop = new AbortController()
  const interrupting = replacePhase(PHASES, 'certs/ca', {
    name: 'ca',
    about: '',
    plan: ({ log }) => [act('one', () => stop.abort()), act('two', () => void log.push('two'))],
  })
  const run: Run = { log: [] }
  const error = await rejects(runPhases(interrupting, run, hands({ signal: stop.signal })))
  assert.is(error.code, 'KPKI_INTERRUPTED')
  assert.equal([error.details['phase'], error.details['done']], ['certs/ca', ['preflight', 'certs']])
  assert.match(error.message, /interrupted in the phase certs\/ca; done before: preflight, certs$/)
  assert.equal(run.log, ['preflight', 'certs'])
  const early = await rejects(runPhases(PHASES, run, hands({ signal: AbortSignal.abort() })))
  assert.match(early.message, /interrupted in the phase preflight; no phase was done/)
})

test('observers are told what happens, in order', async () => {
  const events: PhaseEvent[] = []
  await runPhases(PHASES, { log: [], isExternal: true }, hands(), {
    only: ['certs/ca', 'etcd'],
    observe: event => events.push(event),
  })
  assert.equal(
    events.map(({ type, path }) => `${type} ${path}`),
    ['started certs/ca', 'action certs/ca', 'ended certs/ca', 'ended etcd'],
  )
  const failed: PhaseEvent[] = []
  const phases = [{ name: 'a', about: '', plan: () => [act('a', () => assert.unreachable())] }]
  await runPhases(phases, {}, hands(), { observe: event => failed.push(event) }).catch(() => {})
  assert.equal(
    failed.map(({ type }) => type),
    ['started', 'failed'],
  )
  const [, last] = failed
  assert.ok(last?.type === 'failed' && last.error instanceof KpkiError)
})

test('a phase that only finds everything as it should be is unchanged', async () => {
  const idle: Action = {
    kind: 'test',
    about: '',
    apply: async () => ({ state: 'unchanged', made: [], notes: ['well'] }),
  }
  const [result] = await runPhases([{ name: 'a', about: '', plan: () => [idle, idle] }], {}, hands())
  assert.equal(result, { path: 'a', state: 'unchanged', made: [], notes: ['well', 'well'], handed: [] })
})

test('tables are edited into new ones', async () => {
  const own = phase('own', 'own')
  const paths = (phases: readonly Phase<Run>[]) => listPhases(phases).map(({ path }) => path)
  const before = paths(PHASES)
  assert.equal(paths(insertPhase(PHASES, { before: 'certs' }, own)).slice(0, 3), ['preflight', 'own', 'certs'])
  assert.equal(paths(insertPhase(PHASES, { after: 'certs/ca' }, own)).slice(2, 4), ['certs/ca', 'certs/own'])
  assert.equal(paths(insertPhase(PHASES, { in: 'etcd' }, own)).slice(6, 8), ['etcd/local', 'etcd/own'])
  assert.equal(paths(insertPhase(PHASES, { in: 'preflight' }, own)).slice(0, 2), ['preflight', 'preflight/own'])
  assert.equal(paths(replacePhase(PHASES, 'certs', own)).slice(0, 3), ['preflight', 'own', 'etcd'])
  assert.equal(paths(removePhase(PHASES, 'certs')).slice(0, 2), ['preflight', 'etcd'])
  assert.equal(paths(PHASES), before)
  assert.is((await rejects(() => removePhase(PHASES, 'nothing'))).code, 'KPKI_PHASE_UNKNOWN')
  assert.is((await rejects(() => insertPhase(PHASES, { after: 'certs' }, phase('etcd')))).code, 'KPKI_USAGE')
  assert.is((await rejects(() => removePhase(PHASES, 'certs/all'))).code, 'KPKI_USAGE')
})

test('a run connects once, and again only where it could not', async () => {
  const host = memoryHost()
  const api = new MemoryApi()
  let count = 0
  const connect = async () => {
    if (++count === 1) throw new StoreError('KPKI_FILE_NOT_FOUND', 'no admin.conf yet')
    return api
  }
  const asks = phase('asks', 'asks', {
    plan: () =>
      [act('first'), act('second')].map(action => ({
        ...action,
        apply: async ({ connect: ask }: Hands) => {
          await ask().catch(() => ask())
          return { state: 'done' as const, made: [] }
        },
      })),
  })
  await runPhases([asks], { log: [] }, { host, store: host.store, context: testContext(), connect })
  assert.is(count, 2)
})

test.run()
