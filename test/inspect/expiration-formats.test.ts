import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ExpirationReport, readExpiration } from '../../lib/inspect/expiration.js'
import { escapeText, foldLine, formatExpirationCalendar } from '../../lib/inspect/expiration-calendar.js'
import { escapeLabel, formatExpirationMetrics } from '../../lib/inspect/expiration-metrics.js'
import { formatExpirationTable } from '../../lib/inspect/expiration-table.js'
import { MemoryStore } from '../../lib/tree/store.js'
import { formatCertificate } from '../../lib/x509/certificate.js'
import { context, put, reissue, wellTree } from '../audit/tree.js'
import { NOW, testContext } from '../support/context.js'
import { skipped, testWith } from '../support/skip.js'
import { NASTY } from './pictures.js'

const DAY = 86_400_000
const report = (store: MemoryStore) => readExpiration(store, context)

/** A tree with everything in it that has a line: names that break lines, what has ended, is missing or cannot be read. */
async function wildTree(): Promise<MemoryStore> {
  const store = wellTree()
  await reissue(store, 'apiserver', { notBefore: new Date(0), notAfter: new Date(+NOW - DAY) })
  await reissue(
    store,
    'front-proxy-client',
    { notAfter: new Date('9999-12-31T23:59:59Z') },
    { ca: 'pki/front-proxy-ca' },
  )
  store.files.delete('pki/etcd/peer.crt')
  put(store, 'scheduler.conf', 'garbage')
  for (const [index, text] of [...NASTY, '\\ " \n ; , : =', 'ünïcødé 証明書 🔐'.repeat(12)].entries()) {
    const certificate = await reissue(store, 'apiserver', { commonName: text.slice(0, 64) || '-' }, { base: 'wild' })
    put(store, `more/${index} ${text.replaceAll('/', '_').slice(0, 40)}.crt`, formatCertificate(certificate))
  }
  return store
}

/** Reads what escapeLabel wrote, by the rules of the text format: \\, \" and \n. */
const unescapeLabel = (text: string) => text.replace(/\\(.)/gs, (_, c: string) => (c === 'n' ? '\n' : c))
test('labels of metrics: a round trip for any text, and no quote or line feed is left bare', () => {
  // prometheus/common, expfmt/text_create.go: escapes of label values.
  assert.is(escapeLabel('C:\\DIR\\"FILE"\n'), 'C:\\\\DIR\\\\\\"FILE\\"\\n')
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', '"', '\n', 'n', 'ü', '🔐', ' ') }), text => {
      const escaped = escapeLabel(text)
      assert.is(unescapeLabel(escaped), text)
      assert.not.match(escaped.replace(/\\./gs, ''), /["\n]/)
    }),
  )
})

test('metrics: one sample for each, moments in seconds', async () => {
  const store = wellTree()
  await reissue(store, 'apiserver', { notAfter: new Date('2027-01-02T03:04:05Z') })
  store.files.delete('pki/etcd/peer.crt')
  put(store, 'scheduler.conf', 'garbage')
  const lines = formatExpirationMetrics(await report(store), { locate: path => `/etc/kubernetes/${path}` }).split('\n')
  const apiserver = '{kind="certificate",name="apiserver",path="/etc/kubernetes/pki/apiserver.crt",ca="ca"}'
  assert.ok(lines.includes(`kpki_certificate_not_after_timestamp_seconds${apiserver} 1798859045`))
  assert.ok(lines.includes(`kpki_certificate_not_before_timestamp_seconds${apiserver} ${+NOW / 1000}`))
  assert.ok(lines.includes(`kpki_certificate_missing${apiserver} 0`))
  const one = lines.filter(line => / 1$/.test(line) && !line.startsWith('kpki_certificate_info'))
  assert.equal(one, [
    'kpki_certificate_missing{kind="certificate",name="etcd-peer",path="/etc/kubernetes/pki/etcd/peer.crt",ca=""} 1',
    'kpki_certificate_unreadable{kind="certificate",name="scheduler.conf",path="/etc/kubernetes/scheduler.conf",ca="ca"} 1',
  ])
  assert.is(lines.at(-2), `kpki_expiration_report_timestamp_seconds ${+NOW / 1000}`)
  const samples = lines.filter(line => !line.startsWith('#') && line !== '').map(line => line.replace(/ \S+$/, ''))
  assert.is(new Set(samples).size, samples.length)
})

test('names that are alike when they are printed are still told apart: else nobody reads any of the samples', async () => {
  const store = wellTree()
  const names = ['\u001b', '[U+001B]', `${'x'.repeat(300)}1`, `${'x'.repeat(300)}2`]
  for (const name of names) {
    const certificate = await reissue(store, 'apiserver', { commonName: 'x' }, { base: 'wild' })
    put(store, `more/${name}.crt`, formatCertificate(certificate))
  }
  const samples = formatExpirationMetrics(await report(store))
    .split('\n')
    .filter(line => line.startsWith('kpki_certificate_missing{'))
    .map(line => /name="([^"]*)"/.exec(line)?.[1])
  assert.is(new Set(samples).size, samples.length)
  assert.is(samples.filter(name => name?.startsWith('more/')).length, names.length)
})

testWith('promtool', test, 'promtool reads the metrics and has nothing against them, whatever the names', async () => {
  for (const store of [wellTree(), await wildTree(), new MemoryStore()]) {
    const input = formatExpirationMetrics(await report(store))
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
    assert.equal([status, stdout, stderr], [0, '', ''])
  }
})

/** RFC 5545 section 3.1: what a reader does first. */
const unfold = (text: string) => text.replace(/\r\n[ \t]/g, '')
const octets = (text: string) => Buffer.byteLength(text)

test('lines of a calendar: at most 75 octets, no character torn apart, and the same again when unfolded', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), text => {
      const line = text.replace(/[\r\n]/g, '')
      const folded = foldLine(line)
      for (const part of folded.split('\r\n')) {
        assert.ok(octets(part) <= 75, part)
        assert.not.match(part, /�/)
      }
      assert.is(unfold(folded), line)
    }),
  )
  assert.is(foldLine('a'.repeat(75)), 'a'.repeat(75))
  assert.is(foldLine('a'.repeat(76)), `${'a'.repeat(75)}\r\n a`)
  assert.is(foldLine(`${'a'.repeat(74)}ü`), `${'a'.repeat(74)}\r\n ü`)
})

/** RFC 5545 section 3.3.11: ESCAPED-CHAR. */
const unescapeText = (text: string) => text.replace(/\\([\\;,nN])/g, (_, c: string) => (/n/i.test(c) ? '\n' : c))
test('texts of a calendar: a round trip for any text', () => {
  assert.is(escapeText('a,b;c\\d\ne'), 'a\\,b\\;c\\\\d\\ne')
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', ',', ';', '\n', 'n', 'N', 'ü', ':') }), text => {
      assert.is(unescapeText(escapeText(text)), text)
      assert.not.match(escapeText(text), /\n|(?<!\\)(?:\\\\)*[,;]/)
    }),
  )
})

/** The values of a property, in order. */
const valuesOf = (calendar: string, name: string) =>
  unfold(calendar)
    .split('\r\n')
    .filter(line => line.startsWith(`${name}:`))
    .map(line => line.slice(name.length + 1))
const calendarOf = async (store: MemoryStore, now = NOW) =>
  formatExpirationCalendar(await readExpiration(store, testContext({ clock: () => now })), context)

test('a calendar: one event for every end, reminders once a day, in the last third of a life', async () => {
  const store = wellTree()
  await reissue(store, 'apiserver', { notAfter: new Date('2027-01-02T03:04:05Z') })
  await reissue(store, 'apiserver-kubelet-client', { notAfter: new Date(+NOW + 3 * DAY) })
  await reissue(
    store,
    'front-proxy-client',
    { notAfter: new Date('9999-12-31T23:59:59Z') },
    { ca: 'pki/front-proxy-ca' },
  )
  const calendar = await calendarOf(store)
  // 15 lines of the report, less the one without an end.
  assert.is(valuesOf(calendar, 'UID').length, 14)
  assert.is(new Set(valuesOf(calendar, 'UID')).size, 14)
  const events = unfold(calendar).split('BEGIN:VEVENT').slice(1)
  const triggers = events.map(event => valuesOf(event, 'TRIGGER'))
  assert.equal(
    triggers.filter(list => list.length > 0),
    [['-P1D'], ['-P30D', '-P7D', '-P1D'], ['-P30D', '-P7D', '-P1D'], ['-P30D', '-P7D', '-P1D']],
  )
  assert.match(events[0] ?? '', 'SUMMARY:certificate apiserver-kubelet-client of cp-1 ends\r\n')
  assert.match(events[1] ?? '', 'DTSTART:20270102T030405Z\r\n')
  assert.match(events[2] ?? '', /ends and 8 more on the same day: /)
  assert.match(events.at(-1) ?? '', 'SUMMARY:CA certificate ')
  assert.is(calendar.split('\r\n').join('').includes('\n'), false)
})

test('a calendar is the same at any moment, and a renewed certificate moves its event', async () => {
  const store = wellTree()
  const before = await calendarOf(store)
  assert.is(await calendarOf(store, new Date(+NOW + 100 * DAY)), before)
  await reissue(store, 'apiserver', { notAfter: new Date(+NOW + 500 * DAY) })
  const after = await calendarOf(store)
  assert.equal(valuesOf(after, 'UID').toSorted(), valuesOf(before, 'UID').toSorted())
  const sequenceOf = (calendar: string) => {
    const event = unfold(calendar)
      .split('BEGIN:VEVENT')
      .find(each => each.includes('SUMMARY:certificate apiserver of'))
    return Number(valuesOf(event ?? '', 'SEQUENCE')[0])
  }
  assert.ok(sequenceOf(after) > sequenceOf(before))
})

test('names are escaped as texts', async () => {
  const wild = await report(await wildTree())
  const said = valuesOf(await formatExpirationCalendar(wild, context), 'SUMMARY').map(unescapeText)
  const escaped = valuesOf(await formatExpirationCalendar(wild, context), 'SUMMARY').join('')
  assert.match(escaped, '\\\\ " ')
  const names = [...wild.certificates].filter(({ found, name }) => found && name.startsWith('more/'))
  assert.ok(names.length > 5)
  for (const { name } of names.filter(({ name }) => !/\p{C}|\p{Zl}|\p{Zp}|\p{M}/u.test(name)))
    assert.ok(said.includes(`certificate ${name} of cp-1 ends`), name)
})

test('another cluster and another node have other events', async () => {
  const here = await report(wellTree())
  const uids = async (changed: ExpirationReport) => valuesOf(await formatExpirationCalendar(changed, context), 'UID')
  const others = [...(await uids({ ...here, node: 'cp-2' })), ...(await uids({ ...here, certificateAuthorities: [] }))]
  const own = new Set(await uids(here))
  assert.equal(
    others.filter(uid => own.has(uid)),
    [],
  )
})

const READ = `import sys, icalendar
calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
for event in calendar.walk('VEVENT'):
    assert not event.errors, event.errors
    for name in ('UID', 'DTSTAMP', 'DTSTART', 'SUMMARY'): assert name in event, name
    alarms = [str(alarm['TRIGGER'].dt) for alarm in event.walk('VALARM')]
    print(event['DTSTART'].dt.isoformat(), event['SUMMARY'], alarms, sep='|')
`
/** Debian's own python has Debian's modules, whatever stands before it on PATH. */
const python = ['/usr/bin/python3', 'python3'].find(
  program => spawnSync(program, ['-c', 'import icalendar']).status === 0,
)
if (python === undefined) {
  skipped.push('a calendar as icalendar of Python reads it (needs python3-icalendar)')
  test.skip()
} else
  test('a calendar as icalendar of Python reads it, whatever the names', async () => {
    for (const store of [wellTree(), await wildTree()]) {
      const made = await report(store)
      const input = await formatExpirationCalendar(made, context)
      const { status, stdout, stderr } = spawnSync(python, ['-c', READ], { input, encoding: 'utf8' })
      assert.equal([status, stderr], [0, ''])
      const ends = [...made.certificates, ...made.certificateAuthorities].flatMap(({ expirationDate: end }) =>
        end && end.getUTCFullYear() < 9999 ? `${end.toISOString().slice(0, 19)}+00:00` : [],
      )
      const read = stdout.trimEnd().split('\n')
      assert.equal(read.map(line => line.split('|')[0]).sort(), ends.sort())
      assert.match(stdout, /\|certificate admin\.conf of cp-1 ends\|/)
    }
  })

test('whatever is done to the bytes of a tree, it has a report in every format', async () => {
  const whole = wellTree()
  const paths = [...whole.files.keys()].filter(path => /crt$|conf$/.test(path))
  const change = fc.record({
    path: fc.constantFrom(...paths),
    at: fc.nat(3000),
    bytes: fc.uint8Array({ maxLength: 40 }),
    isCut: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async changes => {
      const store = wellTree()
      for (const { path, at, bytes, isCut } of changes) {
        const file = store.files.get(path)
        if (!file) continue
        const old = file.bytes
        const rest = isCut ? [] : old.slice(at + bytes.length)
        store.files.set(path, { ...file, bytes: new Uint8Array([...old.slice(0, at), ...bytes, ...rest]) })
      }
      const made = await report(store)
      const lines = [...made.certificates, ...made.certificateAuthorities]
      assert.ok(lines.length >= 15)
      for (const { state, expirationDate, problem } of lines)
        assert.is(expirationDate === undefined, problem !== undefined || state === 'missing')
      formatExpirationTable(made)
      formatExpirationMetrics(made)
      await formatExpirationCalendar(made, context)
    }),
    { numRuns: 30 },
  )
})

test('nothing that a terminal would obey is in any of them', async () => {
  const wild = await report(await wildTree())
  for (const text of [formatExpirationMetrics(wild), await formatExpirationCalendar(wild, context)])
    assert.not.match(text.replace(/\r\n/g, '\n'), /[^\P{C}\n]/u)
})

test('a calendar in which nothing ends is one still: it has a component', async () => {
  // RFC 5545 section 3.6: "The body of the iCalendar object consists of … one or more iCalendar components".
  const lines = (await formatExpirationCalendar(await report(new MemoryStore()), context)).split('\r\n')
  assert.equal(
    lines.filter(line => line.startsWith('BEGIN:')),
    ['BEGIN:VCALENDAR', 'BEGIN:VTIMEZONE', 'BEGIN:STANDARD'],
  )
  // Section 3.6.5: what each of them must have.
  for (const name of ['TZID', 'DTSTART', 'TZOFFSETFROM', 'TZOFFSETTO'])
    assert.is(lines.filter(line => line.startsWith(`${name}:`)).length, 1, name)
  assert.not.match(await formatExpirationCalendar(await report(wellTree()), context), 'VTIMEZONE')
})

test.run()
