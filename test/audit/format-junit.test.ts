import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatJunit } from '../../lib/audit/format-junit.js'
import { testWith } from '../support/skip.js'
import { REPORT, reports } from './reports.js'

test('rules without findings pass, those with fail, accepted ones are skipped', () => {
  const xml = formatJunit(REPORT)
  assert.match(
    xml,
    '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="kpki check" tests="5" failures="2" errors="0">',
  )
  assert.match(xml, /<testcase classname="kpki.certificates" name="key-weak: [^"]+"\/>/)
  assert.match(
    xml,
    /name="names-missing: demo\/pki\/apiserver.crt" file="demo\/pki\/apiserver.crt">\n +<failure message="lacks the names api.example.org" type="error">/,
  )
  assert.match(xml, /name="expired: \/srv\/ca bundle.pem"[^>]*>\n +<failure message="2nd certificate: expired on/)
  assert.match(xml, /name="serial-short: demo\/pki\/ca.crt"[^>]*>\n +<system-out>/)
  assert.match(xml, '<skipped message="accepted: has mode 0644 (a &lt;test&gt; &amp; nothing else)"/>')
})

test('what is a failure is said by failOn', () => {
  assert.match(formatJunit({ ...REPORT, failOn: 'info' }), 'tests="5" failures="3"')
  assert.match(formatJunit({ ...REPORT, findings: [] }), 'tests="5" failures="0"')
})

// Reads documents one after the other, each behind its length, and prints for each what it counts to.
const READER = `
import sys, json, xml.etree.ElementTree as tree
out = []
for text in json.load(sys.stdin):
    root = tree.fromstring(text.encode('utf-8'))
    cases = root.findall('./testsuite/testcase')
    counts = [len(cases), len(root.findall('.//failure')), len(root.findall('.//skipped'))]
    said = [int(root.get('tests')), int(root.get('failures')), sum(int(s.get('skipped')) for s in root)]
    out.append([counts, said, [c.get('name') for c in cases]])
json.dump(out, sys.stdout)
`

testWith('python3', test, 'any report is well-formed XML, and counts right', () => {
  const samples = fc.sample(reports, { numRuns: 200, seed: 7 })
  const { stdout, stderr, status } = spawnSync('python3', ['-c', READER], {
    encoding: 'utf8',
    input: JSON.stringify(samples.map(formatJunit)),
  })
  assert.is(status, 0, stderr)
  const read = JSON.parse(stdout) as [number[], number[], string[]][]
  assert.is(read.length, samples.length)
  for (const [index, [counts, said, names]] of read.entries()) {
    assert.equal(counts, said)
    for (const { found, file } of samples[index]?.findings ?? []) {
      // Characters that XML cannot have at all are replaced, and so are other controls.
      const plain = file.replace(/(?![\t\n\r])[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd')
      assert.ok(names.includes(`${found.code}: ${plain}`), JSON.stringify([names, plain]))
    }
  }
})

test.run()
