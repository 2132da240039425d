import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boundedLookup, type NameSources } from '../../lib/host/lookup.js'
import { inTempDir } from '../support/temp.js'

interface NameServer {
  readonly sources: NameSources
  /** Questions that came in. */
  readonly asked: Buffer[]
  /** Names that the system was asked for. */
  readonly looked: string[]
  readonly close: () => void
}

/** A name server that answers so, or not at all; and a system that knows every name. */
async function nameServer(dir: string, answer: (question: Buffer) => Buffer | undefined): Promise<NameServer> {
  const asked: Buffer[] = []
  const looked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => {
    asked.push(question)
    const answered = answer(question)
    if (answered) socket.send(answered, port, address)
  })
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  writeFileSync(join(dir, 'hosts'), '127.0.0.1 localhost\n10.0.0.10 cp-1 CP-One # cp-2\n')
  writeFileSync(join(dir, 'nsswitch'), 'hosts: files dns\n')
  const lookup: NonNullable<NameSources['lookup']> = (name, _options, callback) => {
    looked.push(name)
    callback(null, '10.0.0.1', 4)
  }
  const servers = [`127.0.0.1:${socket.address().port}`]
  const sources = { servers, lookup, hostsFile: join(dir, 'hosts'), nsswitchFile: join(dir, 'nsswitch') }
  return { sources, asked, looked, close: () => socket.close() }
}

/** The question with other flags, and nothing else: RFC 1035 section 4.1.1. */
const withCode = (code: number) => (question: Buffer) => {
  const answer = Buffer.from(question)
  answer.writeUInt16BE(0x8180 | code, 2)
  return answer
}
const ask = (name: string, sources: NameSources, signal = new AbortController().signal) =>
  new Promise<string>((resolve, reject) => {
    boundedLookup(signal, sources)(name, {}, (error, address) => (error ? reject(error) : resolve(String(address))))
  })

// RFC 1035 section 4.1.1: 0 is no error (and here no address), 2 a failure, 3 no such name, 5 refused.
for (const code of [0, 2, 3, 5]) {
  test(
    `a name server that answers ${code}: the system's answer counts`,
    inTempDir(async dir => {
      const { sources, asked, looked, close } = await nameServer(dir, withCode(code))
      assert.is(await ask('api.example.org', sources), '10.0.0.1')
      assert.equal([asked.length > 0, looked], [true, ['api.example.org']])
      close()
    }),
  )
}

test(
  'a name server that does not answer: the system is not asked, and a signal ends it at once',
  inTempDir(async dir => {
    const { sources, asked, looked, close } = await nameServer(dir, () => undefined)
    const stop = new AbortController()
    const before = performance.now()
    setTimeout(() => stop.abort(), 300)
    let isOver = false
    ask('api.example.org', sources, stop.signal).finally(() => {
      isOver = true
    })
    await new Promise(resolve => setTimeout(resolve, 600))
    assert.equal([asked.length, looked, isOver], [1, [], false])
    assert.ok(performance.now() - before < 2000)
    close()
  }),
)

test(
  'what the system knows without a name server is not asked for',
  inTempDir(async dir => {
    const { sources, asked, looked, close } = await nameServer(dir, () => undefined)
    for (const name of ['localhost', 'cp-1', 'cp-one', 'CP-1.', hostname()])
      assert.is(await ask(name, sources), '10.0.0.1', name)
    writeFileSync(join(dir, 'nsswitch'), '# dns\nhosts: files ldap # dns\n')
    assert.is(await ask('api.example.org', sources), '10.0.0.1')
    assert.equal([asked.length, looked.length], [0, 6])
    close()
  }),
)

test(
  'a comment names nobody',
  inTempDir(async dir => {
    const { sources, asked, close } = await nameServer(dir, withCode(3))
    await ask('cp-2', sources)
    assert.ok(asked.length > 0)
    close()
  }),
)

test.run()
