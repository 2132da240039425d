/** Changes of a tree that are killed, hindered or raced: what is there afterwards is the old tree or the new one, whole. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Host, KPKI, must, run, type Said, scratch } from './host.js'
import { testWithAll } from './programs.js'
import { damageOf } from './tree.js'

const FLAGS = [
  '--node-name',
  'cp-1',
  '--apiserver-advertise-address',
  '10.0.0.10',
  '--encryption-algorithm',
  'ECDSA-P256',
]
const DATED = 'var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem'
const CURRENT = 'var/lib/kubelet/pki/kubelet-client-current.pem'
/** Seven pairs, five kubeconfigs, and the kubelet's file. */
const FILES = 20

const test = suite('changes that are killed')
const base = scratch('changes')
let host: Host | undefined
let count = 0

test.before(async () => {
  chmodSync(base, 0o755)
  host = await Host.create('cp-1').catch(() => undefined)
  const tree = join(model(), 'etc/kubernetes')
  await must(run(process.execPath, [KPKI, 'gen', 'all', '--dir', tree, ...FLAGS, '--quiet']))
  // As after an upgrade from what kept it: the kubelet's own file, by a link that leads to the host's directory.
  const kubeconfig = readFileSync(join(tree, 'kubelet.conf'), 'utf8')
  const pem = ['client-certificate-data', 'client-key-data'].map(field =>
    Buffer.from(new RegExp(`${field}: (.*)`).exec(kubeconfig)?.[1] ?? '', 'base64').toString(),
  )
  mkdirSync(join(model(), 'var/lib/kubelet/pki'), { recursive: true })
  writeFileSync(join(model(), DATED), pem.join(''), { mode: 0o600 })
  symlinkSync(`/${DATED}`, join(model(), CURRENT))
  chownSync(join(tree, 'pki/etcd/peer.key'), 1234, 1235)
  chownSync(join(tree, 'pki/apiserver.key'), 0, 1235)
  chmodSync(join(tree, 'pki/apiserver.key'), 0o640)
})
test.after(async () => host?.close())

const model = () => join(base, 'model')

/** A host's root directory of one's own, with a tree that is as it was made. */
function fresh(): string {
  const root = join(base, String(count++))
  copy(model(), root)
  return root
}

function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true })
  // cp(1) with -a keeps owners; this is for what Node's copy leaves.
  for (const path of readdirSync(from, { recursive: true }) as string[]) {
    const { uid, gid, mode } = lstatSync(join(from, path))
    if (lstatSync(join(to, path)).isSymbolicLink()) continue
    chownSync(join(to, path), uid, gid)
    chmodSync(join(to, path), mode & 0o7777)
  }
}

/** Everything but backups, locks, the ledger and what the next run sweeps: type, mode, owner, content. */
function picture(root: string): readonly string[] {
  return (readdirSync(root, { recursive: true }) as string[])
    .filter(path => !/\.kpki|issued\.jsonl/.test(path))
    .sort()
    .map(path => {
      const stats = lstatSync(join(root, path))
      const access = `${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`
      if (stats.isDirectory()) return `${path} directory ${access}`
      if (stats.isSymbolicLink()) return `${path} ${readlinkSync(join(root, path))}`
      return `${path} ${access} ${createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest('hex')}`
    })
}

const kpki = (root: string, ...args: readonly string[]) =>
  run(process.execPath, [KPKI, ...args, '--dir', root, '-o', 'json'])

function codeOf({ status, stdout, stderr }: Said): string {
  assert.not.match(stdout + stderr, /\n\s+at |PRIVATE KEY/)
  return status === 0 ? '' : (/"code": "(KPKI_[A-Z_]+)/.exec(stderr)?.[1] ?? stderr)
}

/** All files are new ones that fit each other, with the modes and owners that the old ones had. */
function assertRenewed(root: string, before: readonly string[], what: string): void {
  const after = picture(root)
  const access = (line: string) => line.split(' ').slice(0, 3).join(' ')
  assert.equal(after.map(access), before.map(access), what)
  assert.is(after.filter((line, index) => line !== before[index]).length, FILES, what)
  const tree = join(root, 'etc/kubernetes')
  const damage = damageOf(tree).filter(line => !/\.kpki|apiserver\.key: mode 100640/.test(line))
  assert.equal(damage, [], what)
}

/** Takes back everything that there is, and looks whether it is the tree that it was. */
async function assertUndone(root: string, before: readonly string[], what: string): Promise<void> {
  for (let turn = 0; ; turn++) {
    const code = codeOf(await kpki(root, 'undo'))
    if (code === 'KPKI_NOTHING_TO_UNDO') break
    assert.is(code, '', what)
    assert.ok(turn < 5, what)
  }
  assert.equal(picture(root), before, what)
}

/** Runs with a signal put into one of its system calls; files are written by one thread, so that it is the same one in every run. */
function interrupt(
  root: string,
  command: readonly string[],
  call: string,
  number: number,
  signal = 'KILL',
): Promise<Said> {
  const inject = `inject=${call}:signal=${signal}:when=${number}`
  return run(
    'strace',
    [
      ...['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject],
      ...[process.execPath, KPKI, ...command, '--dir', root, '-o', 'json'],
    ],
    { env: { UV_THREADPOOL_SIZE: '1' } },
  )
}

/** Works through a list, two at a time: there are hardly machines with fewer cores. */
async function inPairs<T>(list: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...list]
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all([worker(), worker()])
}

/** Calls by which a tree changes, and which of them are tried: all states of a tree lie between two renames. */
const KILLS: readonly (readonly [call: string, numbers: readonly number[]])[] = [
  ['rename', [1, 2, 3, 8, 14, FILES - 1, FILES]],
  ['link', [1, 3, FILES + 2, 2 * FILES + 1]],
  ['unlink', [1, 3, FILES, FILES + 4]],
  ['mkdir', [1, 3, 5]],
  ['fsync', [1, FILES + 4, 2 * FILES + 6]],
]
for (const [call, numbers] of KILLS) {
  testWithAll(
    ['strace'],
    test,
    `killed at calls of ${call}: undo gives the old tree, the next run the new one`,
    async () => {
      let killed = 0
      await inPairs(numbers, async number => {
        const root = fresh()
        const before = picture(root)
        const what = `${call} ${number}`
        if ((await interrupt(root, ['renew', 'all'], call, number)).status !== 0) killed++
        const other = `${root}-other`
        copy(root, other)
        await assertUndone(root, before, `${what}: undone`)
        const said = await kpki(other, 'renew', 'all')
        assert.is(codeOf(said), '', what)
        assertRenewed(other, before, what)
        await assertUndone(other, before, `${what}: renewed and undone`)
      })
      assert.is(killed, numbers.length, 'runs that were killed')
    },
  )
}

testWithAll(['strace'], test, 'an undo that is killed is completed by the next one', async () => {
  await inPairs([1, 2, 9, 15, FILES], async number => {
    const root = fresh()
    const before = picture(root)
    await must(kpki(root, 'renew', 'all'))
    assert.is.not((await interrupt(root, ['undo'], 'rename', number)).status, 0, `rename ${number}`)
    assert.is(codeOf(await kpki(root, 'plan')), 'KPKI_CHANGE_UNFINISHED', `rename ${number}`)
    assert.is(codeOf(await kpki(root, 'undo')), '', `rename ${number}`)
    assert.equal(picture(root), before, `rename ${number}`)
  })
})

testWithAll(
  ['strace'],
  test,
  'killed, and killed again while that is taken back: undo gives the old tree',
  async () => {
    await inPairs(
      [
        [12, 1],
        [12, 6],
        [20, 11],
        [5, 3],
      ] as const,
      async ([first, second]) => {
        const root = fresh()
        const before = picture(root)
        await interrupt(root, ['renew', 'all'], 'rename', first)
        await interrupt(root, ['renew', 'all'], 'rename', second)
        await assertUndone(root, before, `${first}, then ${second}`)
      },
    )
  },
)

/** By a person, by the machine, by a connection that was lost. */
const SIGNALS = ['TERM', 'INT', 'HUP']
testWithAll(['strace'], test, 'asked to end at any moment: everything is taken back at once', async () => {
  await inPairs([1, 2, 9, FILES - 1], async number => {
    const root = fresh()
    const before = picture(root)
    const said = await interrupt(root, ['renew', 'all'], 'rename', number, SIGNALS[number % 3])
    assert.is(codeOf(said), 'KPKI_INTERRUPTED', `${number}: ${said.stderr}`)
    // Who was hung up on ends by that, once all is done.
    if (SIGNALS[number % 3] !== 'HUP') assert.is(said.status, 130)
    assert.equal(picture(root), before, `rename ${number}`)
    assert.not.ok(existsSync(join(root, 'etc/kubernetes/.kpki')), 'no backup of what did not happen')
  })
})

testWithAll(
  ['strace'],
  test,
  'what is replaced is safe before anything is, secrets are born private, and all is synced',
  async () => {
    const root = fresh()
    const trace = join(base, 'trace.txt')
    const calls = 'openat,write,pwrite64,writev,fchmod,fchown,fsync,link,rename,unlink'
    await must(
      run(
        'strace',
        [
          ...['-f', '-qq', '-s', '0', '-y', '-o', trace, '-e', `trace=${calls}`],
          ...[process.execPath, KPKI, 'renew', 'all', '--dir', root],
        ],
        { env: { UV_THREADPOOL_SIZE: '1' } },
      ),
    )
    const lines = readFileSync(trace, 'utf8')
      .split('\n')
      .filter(line => line.includes(root))
    for (const line of lines.filter(text => text.includes('O_CREAT')))
      assert.match(line, /O_EXCL.*, 0600(\)| <unfinished)/)
    const first = (pattern: RegExp) => {
      const index = lines.findIndex(line => pattern.test(line))
      assert.ok(index >= 0, String(pattern))
      return index
    }
    const rename = first(/ rename\("[^"]*\.kpki-tmp-[^"]*", "[^"]*"/)
    assert.ok(first(/link\(.*manifest\.json"\)/) < rename, 'the manifest stands before the first rename')
    assert.ok(
      first(/(write|writev|pwrite64)\(.*issued\.jsonl/) < rename,
      'the ledger has its lines before the first rename',
    )
    const dir = /backups\/[^/">]+/
    const synced = lines.findIndex(line => /fsync\(\d+<[^>]*backups>/.test(line))
    assert.ok(synced >= 0 && synced < rename, 'the directory of backups is synced before the first rename')
    assert.is(lines.filter(line => / rename\(/.test(line)).length, FILES)
    const temporaries = lines.flatMap(line => / rename\("([^"]+)"/.exec(line)?.[1] ?? [])
    for (const temporary of temporaries) {
      const steps = lines.filter(line => line.includes(temporary))
      const at = (pattern: RegExp) => steps.findIndex(line => pattern.test(line))
      const order = [at(/ openat/), at(/ p?write/), at(/ fchmod/), at(/ fsync/), at(/ rename/)]
      assert.ok(
        order.every((place, index) => place >= 0 && place > (order[index - 1] ?? -1)),
        `${temporary}: ${order}`,
      )
    }
    const last = lines.findLastIndex(line => / rename\(/.test(line))
    const mark = lines.findLastIndex(line => / unlink\(.*\/unfinished"/.test(line))
    const between = lines.slice(last, mark).join('\n')
    for (const synchronized of ['/pki>', '/pki/etcd>', '/etc/kubernetes>', '/var/lib/kubelet/pki>'])
      assert.match(between, new RegExp(`fsync\\(\\d+<[^>]*${synchronized}`), synchronized)
    assert.ok(dir.test(lines[mark] ?? ''))
  },
)

/** Runs inside the mount namespace of a host, so that what is mounted is gone with it. */
async function onMount(mount: string, dir: string, work: () => Promise<void>): Promise<void> {
  if (!host) throw new Error('no host')
  await must(host.run('sh', ['-c', mount]))
  try {
    await work()
  } finally {
    await host.run('umount', ['-R', dir])
  }
}
const onHost = async (...args: readonly string[]) => (await host?.kpki(...args)) as Said
const shell = async (script: string) => must(host?.run('sh', ['-c', script]) as Promise<Said>)

testWithAll([], test, 'a full disk: whatever it is full at, nothing is changed and nothing stays', async () => {
  const dir = join(base, 'full')
  mkdirSync(dir)
  let [refused, done] = [0, 0]
  for (const free of [0, 1, 4, 12, 22, 30, 40, 46, 60, 120]) {
    await onMount(`mount -t tmpfs -o size=2m,mode=755 tmpfs ${dir}`, dir, async () => {
      await shell(`cp -a ${model()}/. ${dir} && cd ${dir} && (head -c 4M /dev/zero >ballast || true)`)
      await shell(`cd ${dir} && truncate -s -${free * 4096} ballast`)
      const list = `cd ${dir} && find . ! -name ballast ! -path '*issued.jsonl*' ! -path '*.kpki*' -printf '%p %m %U:%G\\n' | sort; find . -type f ! -name ballast ! -name issued.jsonl ! -path '*.kpki*' -exec sha256sum {} + | sort`
      const before = await shell(list)
      const code = codeOf(await onHost('renew', 'all', '--dir', dir, '-o', 'json'))
      if (code === '') {
        done++
        assert.is.not(await shell(list), before)
        // To put it back takes room for what is in its place now.
        await shell(`rm ${dir}/ballast`)
        await must(onHost('undo', '--dir', dir))
        assert.is(await shell(list), before)
        return
      }
      refused++
      assert.is(code, 'KPKI_DISK_FULL', `${free} pages`)
      assert.is(await shell(list), before, `${free} pages`)
      assert.is((await shell(`find ${dir} -name '*kpki*'`)).trim(), '', `${free} pages: nothing stays`)
    })
  }
  assert.ok(refused >= 5 && done >= 1, `${refused} refused, ${done} done`)
})

testWithAll(
  [],
  test,
  'a full disk while something is taken back: it is the new tree still, and the next undo does it',
  async () => {
    const dir = join(base, 'full-undo')
    mkdirSync(dir)
    await onMount(`mount -t tmpfs -o size=2m,mode=755 tmpfs ${dir}`, dir, async () => {
      const list = `cd ${dir} && find . -type f ! -name ballast ! -name issued.jsonl ! -path '*.kpki*' -exec sha256sum {} + | sort`
      await shell(`cp -a ${model()}/. ${dir}`)
      const before = await shell(list)
      await must(onHost('renew', 'all', '--dir', dir))
      const renewed = await shell(list)
      await shell(`cd ${dir} && (head -c 4M /dev/zero >ballast || true)`)
      for (const free of [0, 3, 10, 25]) {
        await shell(`cd ${dir} && (head -c 4M /dev/zero >>ballast || true); truncate -s -${free * 4096} ballast`)
        assert.is(codeOf(await onHost('undo', '--dir', dir, '-o', 'json')), 'KPKI_DISK_FULL', `${free} pages`)
        assert.is(await shell(list), renewed, `${free} pages`)
      }
      await shell(`rm ${dir}/ballast`)
      await must(onHost('undo', '--dir', dir))
      assert.is(await shell(list), before)
    })
  },
)

testWithAll(
  [],
  test,
  'a read-only mount, and a file that is mounted by itself: refused by name, untouched',
  async () => {
    const root = fresh()
    const before = picture(root)
    await onMount(`mount --bind ${root} ${root} && mount -o remount,ro,bind ${root}`, root, async () => {
      assert.is(codeOf(await onHost('renew', 'all', '--dir', root, '-o', 'json')), 'KPKI_DIR_NOT_WRITABLE')
      assert.is((await onHost('renew', 'all', '--dir', root, '--dry-run')).status, 0)
      assert.is((await onHost('plan', '--dir', root)).status, 0)
    })
    assert.equal(picture(root), before)
    const file = join(root, 'etc/kubernetes/scheduler.conf')
    await onMount(`mount --bind ${file} ${file}`, file, async () => {
      const said = await onHost('renew', 'all', '--dir', root, '-o', 'json')
      assert.is(codeOf(said), 'KPKI_WRITE_FAILED', said.stderr)
      assert.match(said.stderr, 'mounted by itself')
    })
    assert.equal(picture(root), before)
  },
)

testWithAll(
  [],
  test,
  'runs at once: each is whole or refused, and as many undos as there were changes give the old tree',
  async () => {
    for (const others of [
      ['renew', 'all'],
      ['apply', '--yes', '--apiserver-cert-extra-sans', 'lb.example.org'],
      ['undo'],
      ['gen', 'all', ...FLAGS],
    ]) {
      const root = fresh()
      const tree = join(root, 'etc/kubernetes')
      const before = picture(root)
      const said = await Promise.all([kpki(root, 'renew', 'all'), kpki(tree, ...others), kpki(root, 'renew', 'all')])
      for (const one of said)
        assert.ok(
          ['', 'KPKI_LOCKED', 'KPKI_NOTHING_TO_UNDO', 'KPKI_CHANGE_UNFINISHED'].includes(codeOf(one)),
          one.stderr,
        )
      assert.ok(said.some(({ status }) => status === 0))
      const damage = damageOf(tree).filter(line => !/\.kpki|apiserver\.key: mode 100640/.test(line))
      assert.equal(damage, [], others.join(' '))
      await assertUndone(root, before, others.join(' '))
    }
  },
)

testWithAll([], test, 'who is not root renews a tree of his own, and not one with files of others in it', async () => {
  const root = fresh()
  spawnSync('chown', ['-R', '65534:65534', root])
  const as = (uid: number, ...args: readonly string[]) =>
    run('setpriv', [
      ...['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'],
      ...[process.execPath, KPKI, ...args, '--dir', root, '-o', 'json'],
    ])
  const before = picture(root)
  await must(as(65534, 'renew', 'all'))
  await must(as(65534, 'undo'))
  assert.equal(picture(root), before)
  chownSync(join(root, 'etc/kubernetes/scheduler.conf'), 0, 65534)
  chmodSync(join(root, 'etc/kubernetes/scheduler.conf'), 0o640)
  const foreign = picture(root)
  assert.is(codeOf(await as(65534, 'renew', 'all')), 'KPKI_FILE_FOREIGN')
  assert.equal(picture(root), foreign)
})

test.run()
