import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPicture, PICTURE_FORMATS } from '../../lib/inspect/picture.js'
import { HTML_STYLE, HTML_STYLE_HASH } from '../../lib/inspect/picture-html-style.js'
import type { InspectedCertificate, Inspection } from '../../lib/inspect/types.js'
import { vector } from '../vectors/read.js'
import { fresh, hostileInspection, INSPECTIONS, NASTY, treeFiles } from './pictures.js'
import { inspect } from './support.js'
import { parseXml } from './xml.js'

// All that a picture is made of. Nothing of it runs, loads, embeds or leads out; links there are none.
const ELEMENTS: Readonly<Record<(typeof PICTURE_FORMATS)[number], string>> = {
  html: `b bdi body caption circle defs g h1 h2 head header html li line main meta p path pattern rect section span style svg
    table tbody td text th thead time title tr ul use`,
  svg: 'circle defs desc g line path pattern rect style svg text title',
}
const ATTRIBUTES = `aria-hidden aria-label aria-labelledby charset class content cx cy d datetime height href http-equiv id lang
  name overflow patternTransform patternUnits r role rx scope text-anchor viewBox width x x1 x2 xmlns y y1 y2`
const words = (text: string) => new Set(text.trim().split(/\s+/))

/** Everything that has to be true of any picture. */
function checkPicture(picture: string, format: (typeof PICTURE_FORMATS)[number]): string {
  const { elements, text } = parseXml(picture)
  const [allowed, attributesAllowed] = [words(ELEMENTS[format]), words(ATTRIBUTES)]
  const ids = new Set<string>()
  for (const { name, attributes } of elements) {
    assert.ok(allowed.has(name), `<${name}>`)
    for (const [key, value] of attributes) {
      assert.ok(attributesAllowed.has(key), `<${name} ${key}>`)
      if (key === 'href') assert.match(value, /^#kpki-[a-z]+$/)
      if (key === 'id') {
        assert.not.ok(ids.has(value), `two elements have the id ${value}`)
        ids.add(value)
      }
      assert.not.match(value, /NaN|undefined|Infinity/, `<${name} ${key}>`)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.not.match(value, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/)
    }
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  assert.not.match(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/)
  return text
}

const style = (picture: string) => /<style>([^<]*)<\/style>/.exec(picture)?.[1] ?? ''

for (const [name, inspection] of Object.entries(INSPECTIONS)) {
  for (const format of PICTURE_FORMATS) {
    test(`${name} as ${format}: well-formed, and nothing in it but a picture`, () => {
      const picture = formatPicture(inspection, { format })
      checkPicture(picture, format)
      assert.not.match(style(picture), /@import|@font-face|url\((?!#)|expression|javascript|http/)
      assert.ok(picture.endsWith('>\n'))
    })
  }
}

test('the only address in a picture of our own names is that of the SVG namespace', () => {
  const plain: Inspection = { ...fresh, kubeconfigs: [] }
  for (const format of PICTURE_FORMATS) {
    const picture = formatPicture(plain, { format })
    assert.equal(
      [...new Set(picture.match(/\b(https?|ftp|file|data|blob):[^\s"<)]*/g))],
      format === 'svg' ? ['http://www.w3.org/2000/svg'] : [],
    )
  }
})

test('the policy of the HTML allows its own style sheet and nothing else', () => {
  const picture = formatPicture(fresh, { format: 'html' })
  const digest = createHash('sha256').update(style(picture)).digest('base64')
  assert.is(HTML_STYLE_HASH, `sha256-${digest}`)
  assert.is(style(picture), HTML_STYLE)
  const policy = parseXml(picture).elements.find(
    ({ attributes }) => attributes.get('http-equiv') === 'Content-Security-Policy',
  )
  assert.is(
    policy?.attributes.get('content'),
    `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`,
  )
})

test('names, files, keys, ends, kubeconfigs and remarks are told', () => {
  for (const [name, expected] of [
    [
      'fresh',
      `kubernetes|front-proxy-ca|etcd-ca|kube-apiserver|kubernetes-admin|system:node:cp-1|pki/apiserver.crt, .key|ECDSA-P256|
      until 2036-05-29|until 2027-06-01|365 days|9 years 11 months|admin.conf|kubernetes-admin@kubernetes (current)|
      https://api.example.org:6443|trusts kubernetes|pki/sa.key|15 certificates, 3 of them CAs|2026-06-01 12:00 UTC|now`,
    ],
    ['soon', 'ends soon|20 days|in 20 days, on 2027-06-01'],
    ['expired', 'expired 610 days ago|12 of 15 have expired|What does not fit'],
    ['future', 'not yet valid|starts in 31 days|No certificate is valid now.'],
    ['broken', 'issuer, not among these files|error|is not the key of'],
    ['kubeadm', 'RSA-2048|kube-etcd-healthcheck-client|cluster.yaml'],
    ['empty', 'There is no certificate.'],
  ] as const) {
    const inspection = INSPECTIONS[name] ?? fresh
    for (const format of PICTURE_FORMATS) {
      const { text } = parseXml(formatPicture(inspection, { format }))
      for (const part of expected.split('|')) assert.ok(text.includes(part.trim()), `${name} as ${format}: ${part}`)
    }
  }
})

test('no picture holds a byte of a private key', () => {
  const secrets = treeFiles.flatMap(({ bytes }) =>
    [
      ...new TextDecoder()
        .decode(bytes)
        .matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----([^-]+)-----|client-key-data: (\S+)/g),
    ].map(([, pem, data]) => (pem ?? data ?? '').replace(/\s/g, '')),
  )
  assert.ok(secrets.length > 15)
  for (const format of PICTURE_FORMATS) {
    const picture = formatPicture(fresh, { format })
    for (const secret of secrets)
      for (let start = 40; start + 16 < secret.length; start += 16)
        assert.not.ok(picture.includes(secret.slice(start, start + 16)))
  }
})

test('a title is shortened and escaped; without one there is one', () => {
  for (const format of PICTURE_FORMATS) {
    const title = (text?: string) => {
      const picture = formatPicture(fresh, text === undefined ? { format } : { format, title: text })
      checkPicture(picture, format)
      return /<title[^>]*>([^<]*)<\/title>/.exec(picture)?.[1] ?? ''
    }
    assert.is(title(), 'Certificates and their lifetimes')
    assert.is(title('cp-1 <b>'), 'cp-1 &#60;b&#62;')
    assert.is([...title('x'.repeat(500))].length, 120)
    assert.is(title('a\u202Eb'), 'a[U+202E]b')
  }
})

test('whatever names are, they are text', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 300 }),
          fc.string({
            unit: fc.constantFrom('<', '>', '&', '"', "'", '/', '=', ';', ' ', 'a', '\n', '\u0000'),
            maxLength: 60,
          }),
          fc.constantFrom(...NASTY),
        ),
        { minLength: 4, maxLength: 8 },
      ),
      names => {
        const inspection = hostileInspection(text => text, names)
        for (const format of PICTURE_FORMATS) checkPicture(formatPicture(inspection, { format }), format)
      },
    ),
    { numRuns: 30 },
  )
})

test('what is hostile is told as text that says so', () => {
  for (const format of PICTURE_FORMATS) {
    const { text } = parseXml(formatPicture(INSPECTIONS['hostile'] ?? fresh, { format }))
    for (const part of [
      '"><script>alert(1)</script>',
      'safe[U+202E]gnp.exe',
      '[U+0000][U+0007][U+001B][31m',
      '[U+D800] alone',
    ])
      assert.ok(text.includes(part), `${format}: ${part}`)
    assert.not.ok(text.includes('x'.repeat(500)))
  }
})

test('ten thousand certificates make a longer picture, at the pace of one', () => {
  const [ca, leaf] = fresh.certificates
  if (!ca || !leaf) throw new Error('the tree has no certificates')
  const chain = Array.from(
    { length: 10_000 },
    (_, index): InspectedCertificate => ({ ...(index === 0 ? ca : leaf), issuer: Math.max(0, index - 1) }),
  )
  for (const format of PICTURE_FORMATS) {
    const picture = formatPicture({ ...fresh, certificates: chain }, { format })
    assert.is(
      parseXml(picture).elements.filter(({ attributes }) => /^(listitem|row)$/.test(attributes.get('role') ?? ''))
        .length > 10_000,
      true,
    )
    assert.ok(picture.length < 10_000 * 2500, `${picture.length} characters`)
  }
})

test('dates that are none do not stop the picture', () => {
  const [one] = fresh.certificates
  if (!one) throw new Error('the tree has no certificates')
  const none = new Date(Number.NaN)
  const odd: readonly (readonly [Date, Date, string])[] = [
    [none, none, 'no readable dates'],
    [new Date('2027-01-01'), new Date('2020-01-01'), 'expired'],
    [new Date(-62_167_219_200_000), new Date('9999-12-31T23:59:59Z'), 'no end'],
    [new Date(-8.64e15), new Date(8.64e15), 'years'],
  ]
  for (const [notBefore, notAfter, expected] of odd) {
    const certificate = { ...one.certificate, notBefore, notAfter }
    for (const format of PICTURE_FORMATS) {
      const picture = formatPicture({ ...fresh, certificates: [{ ...one, certificate }] }, { format })
      assert.ok(checkPicture(picture, format).includes(expected), expected)
    }
  }
})

test('names that nobody sees, and a single one that has expired', async () => {
  const { certificates } = await inspect({ a: vector('x509/root.crt'), b: vector('x509/leaf-expired.crt') })
  const [found, expired] = certificates
  if (!found || !expired) throw new Error('no certificates')
  const nameless = {
    ...found,
    certificate: { ...found.certificate, subject: { ...found.certificate.subject, commonName: ' \u3164 ' } },
  }
  const picture = formatPicture({ ...fresh, certificates: [nameless, expired] }, { format: 'html' })
  assert.match(picture, `<bdi>${found.certificate.subject.text}</bdi>`)
  assert.match(picture, '1 of 2 has expired.')
})

test.run()
