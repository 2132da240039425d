/** Real file systems that refuse, and runs that are killed: nothing half-made stays, and the next run completes it. */
import { type ChildProcess, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Host, KPKI, must, run, type Said, scratch, start } from './host.js'
import { testWithAll } from './programs.js'
import { damageOf, snapshot } from './tree.js'

const NOBODY = 65534
const FLAGS = [
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
  '--encryption-algorithm',
  'ECDSA-P256',
]
/** The ledger aside. */
const FILES = 27
const ROUNDS = 30

const test = suite('crash safety')
const base = scratch('crashes')
chmodSync(base, 0o755)
let host: Host | undefined
let count = 0

test.before(async () => {
  const created = await Host.create('cp-1').catch(() => undefined)
  host = created
})
test.after(async () => host?.close())

/** An empty directory that belongs to root. */
function fresh(): string {
  const dir = join(base, String(count++))
  mkdirSync(dir)
  return dir
}

const generate = (dir: string, ...more: readonly string[]) =>
  run(process.execPath, [KPKI, 'gen', 'all', '--dir', dir, ...FLAGS, '-o', 'json', ...more])
/** As another user, without any of root's rights. */
const generateAs = (uid: number, dir: string) =>
  run('setpriv', [
    ...['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'],
    ...[process.execPath, KPKI, 'gen', 'all', '--dir', dir, ...FLAGS, '-o', 'json'],
  ])

/** The refusal's code: exit status 1, an error object and nothing that is not for users. */
function refusal({ status, stdout, stderr }: Said): string {
  const text = stdout + stderr
  assert.is(status, 1, text)
  assert.not.match(text, /\n\s+at |PRIVATE KEY/)
  const found = /"?code"?: "?(KPKI_[A-Z_]+)/.exec(text)?.[1]
  assert.ok(found, text)
  return found
}

/** @param litter - hidden files that do no harm */
function assertWhole(dir: string): void {
  assert.equal(damageOf(dir), [])
  const files = Object.entries(snapshot(dir))
    .filter(([, file]) => !file.startsWith('directory'))
    .map(([path]) => path)
  const hidden = files.filter(path => /(^|\/)\./.test(path))
  assert.equal(hidden, [], 'nothing hidden stays')
  assert.is(files.length, FILES + 1, files.join())
}

/** Runs inside the mount namespace, so that what is mounted is gone with it. */
async function onMount(mount: string, dir: string, work: (dir: string) => Promise<void>): Promise<void> {
  if (!host) throw new Error('no host')
  await must(host.run('sh', ['-c', mount]))
  try {
    await work(dir)
  } finally {
    await host.run('umount', ['-R', dir])
  }
}

testWithAll([], test, 'a read-only mount: refused by name, untouched', async () => {
  for (const [what, prepare] of [
    ['empty', async () => {}],
    ['a tree with a file missing', async (dir: string) => void (await must(generate(dir)))],
  ] as const) {
    const dir = fresh()
    await prepare(dir)
    if (what !== 'empty') await must(run('rm', [join(dir, 'pki/apiserver.crt'), join(dir, 'scheduler.conf')]))
    const before = snapshot(dir)
    await onMount(`mount --bind ${dir} ${dir} && mount -o remount,ro,bind ${dir}`, dir, async () => {
      const said = await host?.kpki('gen', 'all', '--dir', dir, ...FLAGS, '-o', 'json')
      assert.is(refusal(said as Said), 'KPKI_DIR_NOT_WRITABLE', what)
    })
    assert.equal(snapshot(dir), before, what)
  }
})

testWithAll([], test, 'a complete tree on a read-only mount', async () => {
  const dir = fresh()
  await must(generate(dir))
  const before = snapshot(dir)
  await onMount(`mount --bind ${dir} ${dir} && mount -o remount,ro,bind ${dir}`, dir, async () => {
    const dry = await host?.kpki('gen', 'all', '--dir', dir, ...FLAGS, '--dry-run')
    assert.is(dry?.status, 0, dry?.stderr)
  })
  assert.equal(snapshot(dir), before)
})

testWithAll([], test, 'a full disk: refused at whatever file it fills up, and everything taken back', async () => {
  // A page per file and directory: the sizes end the run at its first file, at its last, and between.
  const dir = fresh()
  let [refused, made] = [0, 0]
  for (const kilobytes of [4, 8, 16, 32, 64, 96, 112, 128, 144, 256]) {
    await onMount(`mount -t tmpfs -o size=${kilobytes}k,mode=755 tmpfs ${dir}`, dir, async () => {
      const said = (await host?.kpki('gen', 'all', '--dir', dir, ...FLAGS, '-o', 'json')) as Said
      const left = (await must(host?.run('find', [dir, '-mindepth', '1']) as Promise<Said>)).trim()
      if (said.status === 0) {
        made++
        assert.is(left.split('\n').filter(path => /\.(crt|key|pub|conf)$/.test(path)).length, FILES)
        assert.match(left, 'pki/issued.jsonl')
        return
      }
      refused++
      assert.is(refusal(said), 'KPKI_DISK_FULL', `${kilobytes} KiB`)
      assert.is(left, '', `${kilobytes} KiB: nothing stays`)
    })
  }
  assert.ok(refused > 5 && made > 0, `${refused} refused, ${made} made`)
})

testWithAll([], test, 'a full disk under a tree that is nearly complete: what was there stays', async () => {
  const [dir, full] = [fresh(), fresh()]
  await must(generate(full))
  await onMount(`mount -t tmpfs -o size=144k,mode=755 tmpfs ${dir}`, dir, async () => {
    const shell = (script: string) => must(host?.run('sh', ['-c', script]) as Promise<Said>)
    await shell(`cp -a ${full}/. ${dir} && rm ${dir}/*.conf && head -c 1M /dev/zero >${dir}/ballast || true`)
    const list = `cd ${dir} && find . -type f ! -name ballast -exec sha256sum {} + | sort`
    const before = await shell(list)
    const said = (await host?.kpki('gen', 'all', '--dir', dir, ...FLAGS, '-o', 'json')) as Said
    assert.is(refusal(said), 'KPKI_DISK_FULL')
    assert.is(await shell(list), before)
    await shell(`rm ${dir}/ballast`)
  })
})

testWithAll([], test, "somebody else's directory is refused, to root too", async () => {
  for (const [what, path] of [
    ['the tree', ''],
    ['its pki', 'pki'],
    ['its etcd', 'pki/etcd'],
  ] as const) {
    const dir = fresh()
    mkdirSync(join(dir, path), { recursive: true })
    chownSync(join(dir, path), NOBODY, NOBODY)
    const before = snapshot(dir)
    assert.is(refusal(await generate(dir)), 'KPKI_DIR_FOREIGN', what)
    assert.equal(snapshot(dir), before, what)
  }
  const open = fresh()
  chmodSync(open, 0o777)
  assert.is(refusal(await generate(open)), 'KPKI_DIR_FOREIGN', 'everybody may write')
})

testWithAll([], test, "root's directory is refused to others; one of their own serves them", async () => {
  const dir = fresh()
  assert.is(refusal(await generateAs(NOBODY, dir)), 'KPKI_DIR_NOT_WRITABLE')
  assert.equal(readdirSync(dir), [])
  chownSync(dir, NOBODY, NOBODY)
  await must(generateAs(NOBODY, dir))
  assertWhole(dir)
  assert.is(statSync(join(dir, 'pki/ca.key')).uid, NOBODY)
  // A tree that they may read in part: the keys are root's.
  const other = fresh()
  await must(generate(other))
  const before = snapshot(other)
  assert.is(refusal(await generateAs(NOBODY, other)), 'KPKI_DIR_NOT_WRITABLE')
  assert.equal(snapshot(other), before)
})

testWithAll([], test, 'links are not written through', async () => {
  const away = fresh()
  const places: readonly (readonly [path: string, target: string])[] = [
    ['pki/apiserver.key', join(away, 'stolen.key')],
    ['pki/apiserver.crt', join(away, 'stolen.crt')],
    ['admin.conf', join(away, 'nowhere/admin.conf')],
    ['pki', join(away, 'missing')],
    ['pki/etcd', join(away, 'missing')],
    ['pki/sa.pub', 'sa.pub'],
  ]
  for (const [path, target] of places) {
    const dir = fresh()
    mkdirSync(join(dir, path, '..'), { recursive: true })
    symlinkSync(target, join(dir, path))
    const before = snapshot(dir)
    assert.is(refusal(await generate(dir)), 'KPKI_FILE_NOT_REGULAR', path)
    assert.equal(snapshot(dir), before, path)
    assert.equal(readdirSync(away), [], path)
  }
})

testWithAll([], test, 'a pki that is a link to a directory is used; so is a whole file behind a link', async () => {
  const [dir, away] = [fresh(), fresh()]
  symlinkSync(away, join(dir, 'pki'))
  await must(generate(dir))
  assert.ok(readdirSync(away).includes('ca.key'))
  const [linked, other] = [fresh(), fresh()]
  await must(generate(other))
  mkdirSync(join(linked, 'pki'))
  for (const name of ['ca.crt', 'ca.key']) symlinkSync(join(other, 'pki', name), join(linked, 'pki', name))
  const before = snapshot(other)
  await must(generate(linked))
  assert.equal(snapshot(other), before)
  assert.is(readFileSync(join(linked, 'pki/ca.crt'), 'utf8'), readFileSync(join(other, 'pki/ca.crt'), 'utf8'))
})

testWithAll([], test, 'of two runs at once one makes the tree, the other is refused or finds it made', async () => {
  for (let round = 0; round < 8; round++) {
    const dir = fresh()
    const said = await Promise.all([generate(dir), generate(dir), generate(dir)])
    const made = said.filter(({ status, stdout }) => status === 0 && stdout.includes('"action": "create"'))
    assert.is(made.length, 1, said.map(({ status, stderr }) => `${status} ${stderr}`).join('\n'))
    for (const one of said) {
      if (one === made[0]) continue
      if (one.status === 0) assert.not.match(one.stdout, /"action": "(create|complete)"/)
      else assert.is(refusal(one), 'KPKI_LOCKED')
    }
    assertWhole(dir)
  }
})

/** Watches for secrets that others could read, as fast as the file system answers. */
function watch(dir: string): ChildProcess {
  const script = `
const fs = require('node:fs')
const seen = new Set()
const look = dir => {
  let entries = []
  try { entries = fs.readdirSync(dir, { withFileTypes: true }) } catch {}
  for (const entry of entries) {
    const path = dir + '/' + entry.name
    if (entry.isDirectory()) { look(path); continue }
    if (!/\\.(key|conf)(\\.|$)/.test(entry.name)) continue
    try {
      const { mode } = fs.lstatSync(path)
      seen.add(path)
      if (mode & 0o077) console.log(mode.toString(8) + ' ' + path)
    } catch {}
  }
}
let goesOn = true
process.stdin.on('end', () => { goesOn = false }).resume()
const turn = () => { look(${JSON.stringify(dir)}); goesOn ? setImmediate(turn) : console.error(seen.size) }
console.log('ready')
turn()`
  return start(process.execPath, ['-e', script])
}

/** Whether the first file of a tree is being written. */
function isWriting(tree: string): boolean {
  try {
    return readdirSync(join(tree, 'pki')).some(name => name.includes('.kpki-tmp-'))
  } catch {
    return false
  }
}

testWithAll(
  [],
  test,
  'killed at any moment: files are whole, secrets stay secret, the next run completes',
  async () => {
    const dir = fresh()
    const watcher = watch(dir)
    let [exposed, watched] = ['', '']
    watcher.stdout?.on('data', (chunk: Buffer) => {
      exposed += chunk.toString()
    })
    watcher.stderr?.on('data', (chunk: Buffer) => {
      watched += chunk.toString()
    })
    let [kills, partial] = [0, 0]
    for (let round = 0; round < ROUNDS; round++) {
      const tree = join(dir, String(round))
      const child = start(process.execPath, [KPKI, 'gen', 'all', '--dir', tree, ...FLAGS])
      child.stdout?.resume()
      const end = new Promise<number | null>(resolve => child.once('close', resolve))
      // Most of a run loads the program and makes keys; what can be torn are the moments after that.
      const begun = Date.now()
      while (!isWriting(tree) && child.exitCode === null && Date.now() - begun < 20_000)
        await new Promise(resolve => setTimeout(resolve, 1))
      const timer = setTimeout(() => child.kill('SIGKILL'), randomInt(20))
      if ((await end) === null) kills++
      clearTimeout(timer)
      assert.equal(damageOf(tree), [], `round ${round}`)
      const found = spawnSync('find', [tree, '-type', 'f', '-not', '-name', '.*', '-not', '-name', '*.jsonl'], {
        encoding: 'utf8',
      }).stdout
      if (found.split('\n').filter(Boolean).length < FILES) partial++
      const said = await generate(tree)
      assert.is(said.status, 0, `round ${round}: ${said.stdout}${said.stderr}`)
      assertWhole(tree)
    }
    assert.ok(partial > 0, `${kills} of ${ROUNDS} runs were killed, none with the tree half-made`)
    watcher.stdin?.end()
    await new Promise(resolve => watcher.once('close', resolve))
    assert.is(exposed, 'ready\n', 'a secret was readable by others')
    assert.ok(Number(watched) >= 30 * 15, `${watched.trim()} secrets were watched`)
    assert.ok(kills >= 15, `${kills} of 60 runs were killed`)
    process.stdout.write(
      `\n  ${kills} runs killed, ${partial} of them with the tree half-made; ${watched.trim()} secrets watched\n`,
    )
  },
)

/**
 * System calls by which a tree changes, how many of each a run makes at least, and which of them are tried: between two
 * links lie all the states of a file, so the others are samples. Files are made by one thread here, so that the n-th call is
 * the same in every run; strace kills as the call begins.
 */
const CALLS: readonly (readonly [call: string, number: number, step: number])[] = [
  ['mkdir', 3, 1],
  ['link', FILES + 2, 2],
  ['unlink', FILES + 2, 5],
  ['fchmod', FILES + 1, 9],
  // Every file and the ledger, its directory at once, and each of the three directories.
  ['fsync', FILES + 5, 7],
]

/** Runs with a signal put into one of its system calls. */
function interrupt(call: string, signal: string, number: number, dir: string): Promise<Said> {
  const inject = `inject=${call}:signal=${signal}:when=${number}`
  const command = [process.execPath, KPKI, 'gen', 'all', '--dir', dir, ...FLAGS]
  return run('strace', ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject, ...command], {
    env: { UV_THREADPOOL_SIZE: '1' },
  })
}

/** Works through a list, two at a time: there are hardly machines with fewer cores. */
async function inPairs<T>(list: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...list]
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all([worker(), worker()])
}

/** Kills a run, looks at what it left, and lets further ones complete it. */
async function killAndComplete(kills: readonly (readonly [call: string, number: number])[]): Promise<void> {
  const tree = join(fresh(), 'tree')
  const what = kills.map(kill => kill.join(' ')).join(', then ')
  for (const [call, number] of kills) {
    assert.is.not((await interrupt(call, 'KILL', number, tree)).status, 0, `${what}: was not killed`)
    assert.equal(damageOf(tree), [], what)
  }
  const said = await generate(tree)
  assert.is(said.status, 0, `${what}: ${said.stdout}${said.stderr}`)
  assertWhole(tree)
}

for (const [call, last, step] of CALLS) {
  const title = step === 1 ? `killed at every ${call}: the next run completes` : `killed at calls of ${call}: the same`
  testWithAll(['strace'], test, title, async () => {
    const numbers = Array.from({ length: Math.ceil(last / step) + 1 }, (_, index) => Math.min(1 + index * step, last))
    await inPairs([...new Set(numbers)], number => killAndComplete([[call, number]]))
  })
}

testWithAll(
  ['strace'],
  test,
  'killed, and killed again while clearing up after that: the third completes',
  async () => {
    const numbers = [1, 2, 3, 4]
    const second = ['link', 'unlink'].flatMap(call => numbers.map(number => [call, number] as const))
    await inPairs(second, kill => killAndComplete([['link', 12], kill]))
  },
)

testWithAll(['strace'], test, 'asked to end at any moment: everything is taken back', async () => {
  const dir = fresh()
  await inPairs([2, 3, 10, 17, 24, FILES], async number => {
    const tree = join(dir, String(number))
    const signal = number % 2 === 0 ? 'INT' : 'TERM'
    const { status, stdout, stderr } = await interrupt('link', signal, number, tree)
    assert.is.not(status, 0, `${signal} ${number}`)
    assert.not.match(stdout + stderr, /\n\s+at |PRIVATE KEY/)
    const left = spawnSync('find', [dir, '-path', `${tree}*`], { encoding: 'utf8' }).stdout
    assert.is(left, '', `${signal} ${number}: ${stderr}`)
  })
})

testWithAll(['strace'], test, 'every file is born private, and takes its place only when whole', async () => {
  const dir = fresh()
  const trace = join(base, 'trace.txt')
  const calls =
    'openat,open,creat,write,pwrite64,writev,fchmod,chmod,fchmodat,fsync,link,linkat,rename,renameat,renameat2,close'
  await must(
    run(
      'strace',
      [
        '-f',
        '-qq',
        '-s',
        '0',
        '-y',
        '-o',
        trace,
        '-e',
        `trace=${calls}`,
        process.execPath,
        KPKI,
        'gen',
        'all',
        '--dir',
        dir,
        ...FLAGS,
      ],
      { env: { UV_THREADPOOL_SIZE: '1' } },
    ),
  )
  const lines = readFileSync(trace, 'utf8')
    .split('\n')
    .filter(line => line.includes(dir))
  const created = lines.filter(line => /O_CREAT/.test(line) && !line.includes('.kpki.lock'))
  assert.is(created.length, FILES + 1)
  for (const line of created) assert.match(line, /O_EXCL.*, 0600(\)| <unfinished)/)
  for (const line of created) {
    const temporary = /"([^"]+)"/.exec(line)?.[1] ?? ''
    const steps = lines
      .filter(text => text.includes(temporary))
      .map(text => /^[0-9]+ +(?:<\.\.\. )?([a-z0-9]+)/.exec(text)?.[1] ?? '')
    const order = ['openat', 'write', 'fsync', 'link'].map(step =>
      steps.findIndex(name => name.replace(/^(p?write(64|v)?)$/, 'write').replace('linkat', 'link') === step),
    )
    assert.ok(
      order.every((place, index) => place >= 0 && place > (order[index - 1] ?? -1)),
      `${temporary}: ${steps.join()}`,
    )
  }
})

test.run()
