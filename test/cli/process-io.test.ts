import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { processIo } from '../../lib/cli/process-io.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

for (const signal of SIGNALS)
  test(`${signal}: the run is told, and goes on to take back what it wrote`, () => {
    const before = SIGNALS.map(name => new Set(process.listeners(name)))
    const { signal: interrupt } = processIo()
    assert.is(interrupt.aborted, false)
    process.emit(signal)
    assert.is(interrupt.aborted, true)
    // Ctrl-C again ends it; a terminal that goes away says so twice by itself.
    const added = SIGNALS.map((name, index) => process.listeners(name).filter(each => !before[index]?.has(each)))
    assert.equal(
      added.map(listeners => listeners.length),
      SIGNALS.map(name => (name === signal && name !== 'SIGHUP' ? 0 : 1)),
    )
    for (const listener of process.listeners('exit')) if (listener.name === 'endByHangup') process.off('exit', listener)
    for (const [index, name] of SIGNALS.entries())
      for (const listener of added[index] ?? []) process.off(name, listener)
  })

test.run()
