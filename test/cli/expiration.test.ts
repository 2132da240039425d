import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type WatchWorld, watchExpiration } from '../../lib/cli/expiration-watch.js'
import type { Screen } from '../../lib/cli/io.js'
import { painter, type Terminal } from '../../lib/cli/terminal.js'
import { formatCertificate } from '../../lib/x509/certificate.js'
import { context, copyOf, put, read, reissue, wellTree } from '../audit/tree.js'
import { run } from '../support/cli.js'
import { NOW, testContext } from '../support/context.js'
import { inTempDir, snapshot } from '../support/temp.js'

const DAY = 86_400_000
const AT = ['--now', NOW.toISOString()]
/** A tree on the disk as kpki makes it: leaves end in a year, CAs in ten. */
function tree(dir: string, spoil: (store: ReturnType<typeof wellTree>) => void = () => {}): string {
  const store = wellTree()
  spoil(store)
  for (const [path, { bytes, mode }] of store.files) {
    const file = join(dir, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, bytes, { mode })
  }
  return dir
}
interface Item {
  readonly name: string
  readonly expirationDate: string | null
  readonly residualTime: number
  readonly externallyManaged: boolean
  readonly caName?: string
  readonly missing: boolean
  readonly state: string
  readonly path: string
  readonly problem?: string
}
interface Info {
  readonly apiVersion: string
  readonly kind: string
  readonly certificates: readonly Item[]
  readonly certificateAuthorities: readonly Item[]
}
async function info(expected: number, ...argv: readonly string[]): Promise<Info> {
  const { status, stdout, stderr } = await run(['expiration', ...argv, '-o', 'json'])
  assert.is(status, expected, stderr)
  return JSON.parse(stdout) as Info
}

const TABLES = `CERTIFICATE                EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED
admin.conf                 Jun 01, 2027 12:00 UTC   365d            ca                      no      
apiserver                  Jun 01, 2027 12:00 UTC   365d            ca                      no      
apiserver-etcd-client      Jun 01, 2027 12:00 UTC   365d            etcd-ca                 no      
apiserver-kubelet-client   Jun 01, 2027 12:00 UTC   365d            ca                      no      
controller-manager.conf    Jun 01, 2027 12:00 UTC   365d            ca                      no      
etcd-healthcheck-client    Jun 01, 2027 12:00 UTC   365d            etcd-ca                 no      
!MISSING! etcd-peer                                                                         
etcd-server                Jun 01, 2027 12:00 UTC   365d            etcd-ca                 no      
front-proxy-client         Jun 01, 2027 12:00 UTC   365d            front-proxy-ca          no      
scheduler.conf             Jun 01, 2027 12:00 UTC   365d            ca                      no      
super-admin.conf           Jun 01, 2027 12:00 UTC   365d            ca                      no      
kubelet.conf               Jun 01, 2027 12:00 UTC   365d            ca                      no      

CERTIFICATE AUTHORITY   EXPIRES                  RESIDUAL TIME   EXTERNALLY MANAGED
ca                      May 29, 2036 12:00 UTC   10y             no      
etcd-ca                 May 29, 2036 12:00 UTC   10y             no      
front-proxy-ca          May 29, 2036 12:00 UTC   10y             no      
`

test(
  "a pipe gets kubeadm's own layout; people are told what is next, unless they ask for quiet",
  inTempDir(async dir => {
    tree(dir, store => store.files.delete('pki/etcd/peer.crt'))
    const before = snapshot(dir)
    const piped = await run(['expiration', '--dir', dir, ...AT])
    assert.equal(piped, { status: 0, stdout: TABLES, stderr: 'kpki: next to end: admin.conf, in 365d\n' })
    assert.equal(await run(['expiration', '--dir', dir, ...AT, '--quiet']), { status: 0, stdout: TABLES, stderr: '' })
    assert.equal(await run(['certs', 'check-expiration', '--dir', dir, ...AT, '--kubeconfig', 'x']), piped)
    // kubeadm's spelling of where things are.
    const certDir = ['--cert-dir', join(dir, 'pki'), '--kubeconfig-dir', dir]
    assert.is((await run(['certs', 'check-expiration', ...certDir, ...AT, '-q'])).stdout, TABLES)
    assert.equal(snapshot(dir), before)
  }),
)

test(
  'a terminal gets as much as there is room for; colours where something is wrong',
  inTempDir(async dir => {
    tree(dir, store => {
      store.files.delete('pki/etcd/peer.crt')
      put(store, `more/${'long-name-'.repeat(7)}.crt`, read(store, 'pki/etcd/server.crt'))
      store.files.delete('pki/etcd/server.crt')
    })
    for (const columns of [60, 80, 100]) {
      const { stdout } = await run(['expiration', '--dir', dir, ...AT], {
        terminal: true,
        columns,
        env: { NO_COLOR: '1' },
      })
      for (const line of stdout.split('\n')) assert.ok(line.length <= columns, `${columns}: ${line}`)
      assert.match(stdout, /^CERTIFICATE +EXPIRES \(UTC\) +RESIDUAL/)
      assert.match(stdout, 'admin.conf  ')
      assert.match(stdout, '2027-06-01 12:00')
      assert.is(stdout.replaceAll(/\s/g, '').includes(`more/${'long-name-'.repeat(7)}.crt`), true)
      assert.is(/AUTHORITY +EXTERNAL/.test(stdout), columns > 60)
    }
    const wide = await run(['expiration', '--dir', dir, ...AT], {
      terminal: true,
      columns: 140,
      env: { NO_COLOR: '1' },
    })
    assert.match(wide.stdout, 'EXTERNALLY MANAGED')
    const coloured = await run(['expiration', '--dir', dir, '--now', '2028-01-01'], { terminal: true, columns: 140 })
    assert.match(coloured.stdout, '\x1b[31madmin.conf')
    assert.match(coloured.stdout, '\x1b[33m!MISSING! etcd-peer')
    assert.match(coloured.stdout, '<invalid>')
    assert.match(coloured.stderr, 'kpki: warning: ended: admin.conf, apiserver, ')
    assert.match(coloured.stderr, ' and 5 more\n')
    const plain = await run(['expiration', '--dir', dir, '--now', '2028-01-01'], {
      terminal: true,
      env: { NO_COLOR: '1' },
    })
    assert.not.match(plain.stdout + plain.stderr, '\x1b')
  }),
)

test(
  "JSON and YAML are kubeadm's kind with its fields always there, and ours behind them",
  inTempDir(async dir => {
    tree(dir, store => {
      store.files.delete('pki/etcd/peer.crt')
      put(store, 'scheduler.conf', 'garbage')
      store.files.delete('pki/ca.key')
    })
    const found = await info(1, '--dir', dir, ...AT)
    assert.equal([found.apiVersion, found.kind], ['output.kubeadm.k8s.io/v1alpha3', 'CertificateExpirationInfo'])
    const all = [...found.certificates, ...found.certificateAuthorities]
    assert.is(all.length, 15)
    for (const item of all) {
      // cmd/kubeadm/app/apis/output/v1alpha3/types.go: everything but caName is always there.
      const kinds = [item.name, item.residualTime, item.externallyManaged, item.missing].map(value => typeof value)
      assert.equal(kinds, ['string', 'number', 'boolean', 'boolean'], item.name)
      assert.ok(Number.isSafeInteger(item.residualTime))
      assert.match(String(item.expirationDate), /^(null|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/)
      assert.is(item.expirationDate === null, item.missing || item.state === 'unreadable')
    }
    const of = (name: string) => all.find(item => item.name === name)
    const { path, caName, externallyManaged, residualTime } = of('apiserver') ?? {}
    assert.equal(
      [path, caName, externallyManaged, residualTime],
      [join(dir, 'pki/apiserver.crt'), 'ca', true, 365 * 86_400],
    )
    assert.is(of('etcd-peer')?.missing, true)
    assert.match(of('scheduler.conf')?.problem ?? '', /./)
    assert.is('caName' in (of('ca') ?? {}), false)
    const yaml = await run(['expiration', '--dir', dir, ...AT, '-o', 'yaml'])
    assert.match(yaml.stdout, /^apiVersion: output\.kubeadm\.k8s\.io\/v1alpha3\n/)
    assert.match(yaml.stdout, 'expirationDate: null')
    assert.is(yaml.stderr, '')
  }),
)

test(
  '--within lists what ends by then, and says so by its status',
  inTempDir(async dir => {
    const store = wellTree()
    await reissue(store, 'apiserver', { notAfter: new Date(+NOW + 30 * DAY) })
    tree(dir, made => {
      for (const [path, file] of store.files) made.files.set(path, file)
    })
    const within = (time: string, ...more: string[]) =>
      run(['expiration', '--dir', dir, ...AT, '--within', time, ...more])
    const near = await within('30d')
    assert.is(near.status, 3)
    assert.match(near.stdout, /^CERTIFICATE .*\napiserver .*30d .*\n$/)
    assert.match(near.stderr, ': kpki renew all --if-within 30d\n')
    assert.not.match((await within('30d', '--quiet')).stderr, 'renew')
    assert.equal(await within('29d', '--quiet'), { status: 0, stdout: '', stderr: '' })
    assert.match((await within('719h')).stderr, 'kpki: nothing of 15 ends within 719h\n')
    assert.is((await within('720h', '-o', 'yaml')).status, 3)
    assert.is((await within('52w1d')).stdout.split('\n').length, 14)
    assert.equal(
      (await info(3, '--dir', dir, ...AT, '--within', '30d')).certificates.map(({ name }) => name),
      ['apiserver'],
    )
    assert.equal((await info(0, '--dir', dir, ...AT, '--within', '0')).certificates, [])
    // What has ended ends within any time.
    const over = await run(['expiration', '--dir', dir, '--now', '2026-08-01', '--within', '0', '-q'])
    assert.is(over.status, 3)
    assert.match(over.stdout, /\napiserver .*<invalid>/)
    for (const [time, message] of [
      ['soon', '--within soon is no length of time'],
      ['-1d', '--within -1d is no length of time'],
      ['1000000d', 'is no length of time'],
    ] as const) {
      const { status, stderr } = await run(['expiration', '--dir', dir, `--within=${time}`])
      assert.is(status, 2)
      assert.match(stderr, message)
    }
    for (const output of ['prometheus', 'html', 'svg']) assert.is((await within('30d', '-o', output)).status, 2)
  }),
)

test(
  'what cannot be read is told, everything else is shown, and nobody takes that for good news',
  inTempDir(async dir => {
    tree(dir)
    writeFileSync(join(dir, 'pki/apiserver.crt'), Buffer.alloc(5000, 7))
    writeFileSync(join(dir, 'admin.conf'), '%!\x1b[31m')
    rmSync(join(dir, 'scheduler.conf'))
    mkdirSync(join(dir, 'scheduler.conf'))
    rmSync(join(dir, 'pki/etcd/server.crt'))
    symlinkSync('/etc/passwd', join(dir, 'pki/etcd/server.crt'))
    rmSync(join(dir, 'pki/etcd/peer.crt'))
    symlinkSync('peer.crt', join(dir, 'pki/etcd/peer.crt'))
    for (const argv of [[], ['--within', '1d'], ['--quiet']]) {
      const { status, stdout, stderr } = await run(['expiration', '--dir', dir, ...AT, ...argv])
      assert.is(status, 1)
      for (const name of ['admin.conf', 'apiserver', 'etcd-peer', 'etcd-server'])
        assert.match(stdout, new RegExp(`^!UNREADABLE! ${name} `, 'm'))
      assert.match(stderr, `kpki: error: ${join(dir, 'pki/apiserver.crt')} `)
      assert.is(stderr.includes('kpki: hint: restore it from a backup, or move it away\n'), !argv.includes('--quiet'))
      assert.not.match(stdout + stderr, /root:|[^\P{C}\n]/u)
    }
    assert.match((await run(['expiration', '--dir', dir, ...AT])).stdout, /^front-proxy-client .*365d/m)
  }),
)

test(
  'a directory without anything of the kind, and none at all',
  inTempDir(async dir => {
    const empty = await run(['expiration', '--dir', dir])
    assert.is(empty.status, 1)
    assert.match(empty.stderr, 'holds no certificate and no kubeconfig')
    const none = await run(['expiration', '--dir', join(dir, 'none'), '-o', 'json'])
    assert.is(none.status, 1)
    assert.is((JSON.parse(none.stderr) as { error: { code: string } }).error.code, 'KPKI_FILE_NOT_FOUND')
  }),
)

test(
  '--out is whole at every moment, replaces an earlier report and nothing else',
  inTempDir(async dir => {
    const host = tree(join(dir, 'host'))
    const file = join(dir, 'kpki.prom')
    const write = (...argv: string[]) => run(['expiration', '--dir', host, ...AT, ...argv])
    const first = await write('-o', 'prometheus', '--out', file)
    assert.equal([first.status, first.stdout], [0, ''])
    const printed = (await write('-o', 'prometheus')).stdout
    assert.is(readFileSync(file, 'utf8'), printed)
    assert.is(statSync(file).mode & 0o777, 0o644)
    chmodSync(file, 0o640)
    const { ino } = statSync(file)
    assert.is((await write('-o', 'prometheus', '--out', file, '--now', '2026-07-01')).status, 2)
    assert.is(
      (await run(['expiration', '--dir', host, '--now', '2026-07-01', '-o', 'prometheus', '--out', file])).status,
      0,
    )
    assert.is.not(statSync(file).ino, ino)
    assert.is(statSync(file).mode & 0o777, 0o640)
    assert.is.not(readFileSync(file, 'utf8'), printed)
    assert.equal(readdirSync(dir).sort(), ['host', 'kpki.prom'])

    // The name of a key, mistyped.
    const before = snapshot(host)
    for (const output of ['text', 'json', 'yaml', 'prometheus', 'ical', 'html', 'svg'])
      for (const path of ['pki/ca.key', 'pki/ca.crt', 'admin.conf']) {
        const { status, stderr } = await write('-o', output, '--out', join(host, path))
        assert.is(status, 1)
        assert.match(stderr, 'exists already')
      }
    assert.equal(snapshot(host), before)
    for (const output of ['text', 'json', 'yaml', 'ical', 'html', 'svg']) {
      const report = join(dir, `report.${output}`)
      for (let times = 0; times < 2; times++) assert.is((await write('-o', output, '--out', report)).status, 0)
      assert.is(readFileSync(report, 'utf8'), (await write('-o', output)).stdout)
    }
    // Through a link, which stays; not over what is no file.
    symlinkSync(file, join(dir, 'link.prom'))
    assert.is((await write('-o', 'prometheus', '--out', join(dir, 'link.prom'))).status, 0)
    assert.is(readFileSync(file, 'utf8'), printed)
    assert.is((await write('--out', dir)).status, 1)
    const nowhere = await write('--out', join(dir, 'none/report'))
    assert.is(nowhere.status, 1)
    assert.match(nowhere.stderr, /its directory does not exist\n(.*\n)?kpki: hint: make the directory/)
    assert.is((await write('--out', '/dev/null')).status, 1)
    assert.ok(statSync('/dev/null').isCharacterDevice())
    assert.is((await write('--out', '-')).stdout.startsWith('CERTIFICATE '), true)
  }),
)

test(
  'no secret in any format',
  inTempDir(async dir => {
    tree(dir)
    const data = /client-key-data: (\S+)/.exec(readFileSync(join(dir, 'admin.conf'), 'utf8'))?.[1] ?? ''
    const keys = [data, Buffer.from(data, 'base64').toString(), readFileSync(join(dir, 'pki/ca.key'), 'utf8')]
    const bodies = keys.map(key => key.replace(/-----[^-]+-----|\s/g, '').slice(20, 80))
    for (const output of ['text', 'json', 'yaml', 'prometheus', 'ical', 'html', 'svg']) {
      const { status, stdout, stderr } = await run(['expiration', '--dir', dir, ...AT, '-o', output])
      assert.is(status, 0)
      for (const body of bodies) assert.is(`${stdout}${stderr}`.includes(body), false, output)
    }
  }),
)

test(
  'a picture: one file, of everything in the tree',
  inTempDir(async dir => {
    tree(dir)
    for (const output of ['html', 'svg']) {
      const { stdout } = await run(['expiration', '--dir', dir, ...AT, '-o', output])
      assert.match(stdout, 'kube-apiserver-kubelet-client')
      assert.match(stdout, dir)
      assert.match(stdout.trimEnd(), new RegExp(`</${output}>$`))
    }
  }),
)

test(
  'what is of another host is found in a copy of its root directory',
  inTempDir(async dir => {
    tree(join(dir, 'etc/kubernetes'), store => {
      const pem = read(store, 'pki/apiserver-kubelet-client.crt')
      put(store, '../../var/lib/kubelet/pki/kubelet-client-2026-06-01-12-00-00.pem', pem)
      put(store, '../../var/lib/kubelet/pki/kubelet.crt', pem)
    })
    symlinkSync(
      '/var/lib/kubelet/pki/kubelet-client-2026-06-01-12-00-00.pem',
      join(dir, 'var/lib/kubelet/pki/kubelet-client-current.pem'),
    )
    const { certificates } = await info(0, '--dir', dir, ...AT)
    assert.equal(
      certificates.slice(-3).map(({ name, path }) => [name, path.slice(dir.length + 1)]),
      [
        ['kubelet.conf', 'etc/kubernetes/kubelet.conf'],
        ['kubelet-client', 'var/lib/kubelet/pki/kubelet-client-current.pem'],
        ['kubelet-server', 'var/lib/kubelet/pki/kubelet.crt'],
      ],
    )
    renameSync(join(dir, 'var/lib/kubelet'), join(dir, 'moved'))
    assert.is((await info(0, '--dir', dir, ...AT)).certificates.length, 12)
    assert.is((await info(0, '--dir', dir, ...AT, '--kubelet-dir', join(dir, 'moved'))).certificates.length, 14)
  }),
)

test('--watch is refused where it could not draw', async () => {
  for (const [argv, terminal, message] of [
    [['--watch'], false, 'needs a terminal'],
    [['--watch'], true, 'needs a terminal'],
    [['--watch', '-o', 'json'], true, 'draws on a terminal'],
    [['--watch', '--out', 'x'], true, 'draws on a terminal'],
  ] as const) {
    const { status, stderr, stdout } = await run(['expiration', ...argv], { terminal })
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, message)
  }
  assert.is(existsSync('x'), false)
})

/** A terminal that is typed on by a script, with the clock in its hand. */
function stage({ columns = 80, rows = 24 } = {}) {
  const frames: string[] = []
  let size = { columns, rows }
  let key: (text: string) => void = () => {}
  let resize: () => void = () => {}
  let isOpen = true
  let now = +NOW
  const abort = new AbortController()
  const screen: Screen = {
    size: () => size,
    onKey: listener => {
      key = listener
    },
    onResize: listener => {
      resize = listener
    },
    close: () => {
      isOpen = false
    },
  }
  /** What happens while it waits, one for each time. */
  const script: (() => void)[] = []
  const terminal: Terminal = {
    columns,
    paint: painter(false),
    glyphs: {
      branch: '',
      last: '',
      trunk: '',
      full: '#',
      empty: '.',
      ellipsis: '...',
      ok: '',
      failed: '',
      skipped: '',
    },
    show: text => text,
  }
  const world: WatchWorld = {
    screen,
    draw: text => void frames.push(text),
    terminal,
    clock: () => new Date(now),
    wait: async milliseconds => {
      now += milliseconds
      const next = script.shift()
      if (!next) throw new Error('it waits, and nothing is to come')
      next()
    },
    signal: abort.signal,
  }
  return {
    world,
    script,
    frames,
    /** What a terminal would show of the last frame: lines without control sequences. */
    shown: () => (frames.at(-1) ?? '').replace(/\p{Cc}\[[0-9;?]*[A-Za-z]/gu, '').split('\r\n'),
    type: (text: string) => () => key(text),
    sleep: (milliseconds: number) => () => {
      now += milliseconds
    },
    resizeTo: (next: { columns: number; rows: number }) => () => {
      size = next
      resize()
    },
    interrupt: () => abort.abort(),
    isOpen: () => isOpen,
  }
}

test('--watch counts down, reads again what was renewed, and ends with q', async () => {
  const store = wellTree()
  await reissue(store, 'apiserver', { notAfter: new Date(+NOW + 90_061_000) })
  const renewed = copyOf(store)
  await reissue(renewed, 'apiserver', { notAfter: new Date(+NOW + 2 * 90_061_000) })
  const { world, script, frames, shown, type, sleep, isOpen } = stage()
  const seen: string[][] = []
  const look = () => void seen.push(shown())
  script.push(
    look,
    look,
    () => put(store, 'pki/apiserver.crt', read(renewed, 'pki/apiserver.crt')),
    sleep(9000),
    look,
    type('q'),
  )
  const status = await watchExpiration({ store, name: '/etc/kubernetes', context, within: undefined }, world)
  assert.is(status, 0)
  assert.is(isOpen(), false)
  // xterm: its own screen without a cursor, and back.
  assert.is(frames[0], '\x1b[?1049h\x1b[?25l')
  assert.is(frames.at(-1), '\x1b[?25h\x1b[?1049l')
  const first = seen[0] ?? []
  assert.match(first[0] ?? '', /^\/etc\/kubernetes +2026-06-01 12:00:00 UTC$/)
  assert.match(first[3] ?? '', /^apiserver +1d 01:01:01 {2}#+\.*$/)
  assert.match(first[4] ?? '', /^admin\.conf +365d 00:00:00 /)
  assert.match(seen[1]?.[3] ?? '', /^apiserver +1d 01:01:00 /)
  assert.match(seen[2]?.find(line => line.startsWith('apiserver  ')) ?? '', /2d 02:0/)
})

test('--watch fits any terminal, scrolls, and follows its size', async () => {
  const { world, script, shown, type, resizeTo } = stage({ columns: 40, rows: 8 })
  const seen: string[][] = []
  const look = () => void seen.push(shown())
  script.push(
    look,
    type('\x1b[B\x1b[B'),
    look,
    type('\x1b[F'),
    look,
    type('k'),
    look,
    resizeTo({ columns: 120, rows: 40 }),
    look,
    type('\x1b'),
  )
  const status = await watchExpiration({ store: wellTree(), name: '/a/'.repeat(30), context, within: undefined }, world)
  assert.is(status, 0)
  const names = seen.map(lines => lines.slice(3, -1).map(line => line.split(' ')[0]))
  assert.is(names[0]?.length, 4)
  assert.equal(names[1]?.slice(0, 2), names[0]?.slice(2, 4))
  assert.equal(names[2]?.slice(-3), ['ca', 'etcd-ca', 'front-proxy-ca'])
  assert.equal(names[3]?.slice(-2), ['ca', 'etcd-ca'])
  assert.is(names[4]?.length, 15)
  for (const [index, lines] of seen.entries()) {
    assert.ok(lines.length <= (index < 4 ? 8 : 40))
    for (const line of lines) assert.ok(line.length <= (index < 4 ? 40 : 120), line)
  }
})

test('--watch gives the terminal back when it is interrupted, and when the tree is gone', async () => {
  for (const how of ['key', 'signal', 'error'] as const) {
    const { world, script, frames, type, interrupt, sleep, isOpen } = stage()
    const store = wellTree()
    let isGone = false
    const failing = Object.assign(Object.create(store) as typeof store, {
      list: () => {
        if (isGone) throw new Error('gone')
        return store.list()
      },
    })
    script.push(
      how === 'key'
        ? type('\x03')
        : how === 'signal'
          ? interrupt
          : () => {
              isGone = true
              sleep(20_000)()
            },
    )
    const watch = watchExpiration({ store: failing, name: 'x', context: testContext(), within: undefined }, world)
    const status = await watch.catch((error: Error) => error.message)
    assert.is(status, how === 'error' ? 'gone' : 130)
    assert.is(frames.at(-1), '\x1b[?25h\x1b[?1049l')
    assert.is(isOpen(), false)
  }
})

test(
  '--watch from the command line, with --within and a rehearsed clock',
  inTempDir(async dir => {
    const store = wellTree()
    const certificate = await reissue(store, 'apiserver', { notAfter: new Date(+NOW + DAY) })
    tree(dir, made => put(made, 'pki/apiserver.crt', formatCertificate(certificate)))
    const { world } = stage()
    let typed: (key: string) => void = () => {}
    const onKey = (listener: (key: string) => void) => {
      typed = listener
    }
    // It asks for the size before each picture.
    const size = () => {
      setTimeout(() => typed('q'), 10)
      return { columns: 80, rows: 24 }
    }
    const screen: Screen = { ...world.screen, onKey, size }
    const { status, stdout } = await run(['expiration', '--dir', dir, ...AT, '--within', '30d', '--watch'], {
      terminal: true,
      env: { NO_COLOR: '1' },
      screen,
    })
    assert.is(status, 0)
    assert.match(stdout, /apiserver +(1d 00:00:00|0d 23:5\d:\d\d)/)
    assert.not.match(stdout, 'admin.conf')
  }),
)

test.run()
