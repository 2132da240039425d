import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHex } from '../../lib/crypto/bytes.js'
import { formatPem, parsePem } from '../../lib/crypto/pem.js'
import { MAX_INPUT_BYTES } from '../../lib/limits.js'
import { rejects } from '../support/context.js'
import { vector } from '../vectors/read.js'

const block = (label: string, body = 'Zm9v') => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`

// Each row is one block with label A and the three bytes of `foo`. RFC 7468 section 2 (explanatory text, white space) and
// section 3 (laxtextualmsg); Go's encoding/pem reads them alike.
for (const [name, text] of [
  ['as it is written', block('A')],
  ['CRLF', block('A').replaceAll('\n', '\r\n')],
  ['trailing spaces and tabs', block('A').replaceAll('\n', ' \t\n')],
  ['no newline at the end', block('A').trimEnd()],
  ['text before and behind', `Subject: CN=a\n\n${block('A')}\nthe end\n`],
  ['blank lines in the block', '-----BEGIN A-----\n\nZm\n\n9v\n\n-----END A-----\n'],
  ['columns of another width', '-----BEGIN A-----\nZ\nm\n9\nv\n-----END A-----\n'],
] as const) {
  test(`one block: ${name}`, () => {
    const blocks = parsePem(text)
    assert.equal(
      blocks.map(({ label, bytes, hasHeaders }) => [label, formatHex(bytes), hasHeaders]),
      [['A', '666f6f', false]],
    )
  })
}

for (const [name, text, expected] of [
  ['nothing', '', []],
  ['text alone', 'no block\nhere\n', []],
  [
    'a certificate request of other dashes',
    '---- BEGIN SSH2 PUBLIC KEY ----\nZm9v\n---- END SSH2 PUBLIC KEY ----\n',
    [],
  ],
  ['two blocks', block('A') + block('B'), ['A', 'B']],
  ['two blocks in one line break', `${block('A').trimEnd()}\n${block('B')}`, ['A', 'B']],
  ['text between', `${block('A')}subject=a\nissuer=b\n${block('A')}`, ['A', 'A']],
  ['labels of several words', block('EC PRIVATE KEY') + block('X509 CRL'), ['EC PRIVATE KEY', 'X509 CRL']],
] as const) {
  test(`the blocks of: ${name}`, () =>
    assert.equal(
      parsePem(text).map(({ label }) => label),
      [...expected],
    ))
}

test('RFC 1421 headers are passed over and told of', () => {
  const [first] = parsePem(block('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nZm9v'))
  assert.is(first?.hasHeaders, true)
  assert.is(formatHex(first?.bytes ?? new Uint8Array()), '666f6f')
  const [openssl] = parsePem(vector('keys/encrypted.rsa.pem'))
  assert.is(openssl?.hasHeaders, true)
  assert.is((openssl?.bytes.length ?? 0) % 16, 0, 'AES blocks')
})

for (const [name, text] of [
  ['cut off in the middle', block('A').slice(0, 20)],
  ['cut off before the end line', '-----BEGIN A-----\nZm9v\n'],
  ['cut off in the end line', block('A').slice(0, -4)],
  ['ends that differ', '-----BEGIN A-----\nZm9v\n-----END B-----\n'],
  ['one block inside the other', `-----BEGIN A-----\n${block('B')}-----END A-----\n`],
  ['a second block begun in the first', `-----BEGIN A-----\nZm9v\n${block('A')}`],
  ['no base64', block('A', 'Zm9v!')],
  ['base64 of the wrong length', block('A', 'Zm9vZ')],
  ['base64 after its padding', block('A', 'Zg==\nZm9v')],
  ['nothing inside', block('A', '')],
  ['headers and nothing else', block('A', 'Proc-Type: 4,ENCRYPTED\n')],
  ['headers without an empty line', block('A', 'Proc-Type: 4,ENCRYPTED\nZm9v')],
  ['a good block and a broken one', `${block('A')}-----BEGIN A-----\nZm9v\n`],
  ['a broken block and a good one', `-----BEGIN A-----\n????\n-----END A-----\n${block('A')}`],
  // Go 1.19 finds no block in any of these (encoding/pem wants both lines to begin and end as lines), so that Kubernetes would
  // find the file empty: reading it here would only hide that.
  ['a block that begins in the middle of a line', `x${block('A')}`],
  ['a block that is indented', block('A').replace(/^(?=.)/gm, '  ')],
  ['an end in the middle of a line', '-----BEGIN A-----\nZm9v-----END A-----\n'],
  ['an end that is indented', '-----BEGIN A-----\nZm9v\n -----END A-----\n'],
  ['text behind the end', '-----BEGIN A-----\nZm9v\n-----END A-----x\n'],
  ['a byte order mark', `\ufeff${block('A')}`],
  ['a body on the first line', '-----BEGIN A-----Zm9v-----END A-----\n'],
] as const) {
  test(`refused: ${name}`, async () =>
    assert.is((await rejects(() => parsePem(text, 'x.pem'))).code, 'KPKI_PEM_INVALID'))
}

test('every prefix of a real file is read whole, as nothing, or refused', async () => {
  const text = vector('x509/leaf.crt')
  const end = text.trimEnd().length
  for (let length = 0; length < text.length; length++) {
    const prefix = text.slice(0, length)
    if (length < '-----BEGIN '.length) assert.is(parsePem(prefix).length, 0)
    else if (length < end) assert.is((await rejects(() => parsePem(prefix))).code, 'KPKI_PEM_INVALID')
    else assert.is(parsePem(prefix).length, 1)
  }
})

test('1 MiB is read, one byte more is refused', async () => {
  const filled = block('A').padEnd(MAX_INPUT_BYTES, ' ')
  assert.is(parsePem(filled).length, 1)
  assert.is((await rejects(() => parsePem(`${filled} `))).code, 'KPKI_INPUT_TOO_LARGE')
})

// "Bounded" means time, too: none of these may take more than a moment; what is quadratic takes seconds.
for (const [name, unit, tail] of [
  ['block starts without an end', '-----BEGIN A-----\n', ''],
  ['block starts, one end', '-----BEGIN A-----\n', '-----END A-----\n'],
  ['ends without a start', '-----END A-----\n', ''],
  ['dashes', '-', ''],
  ['a label without an end', '-----BEGIN A', ''],
  ['an endless label', 'A', ''],
  ['empty lines in a block', '\n', '-----END A-----\n'],
  ['header-like lines', 'A: b\n', '-----END A-----\n'],
  ['white space', '\n\t ', ''],
] as const) {
  test(`a quarter of a megabyte of ${name} is dealt with at once`, () => {
    const text = `-----BEGIN A-----\n${unit.repeat(MAX_INPUT_BYTES / 4 / unit.length)}${tail}`
    const start = performance.now()
    try {
      parsePem(text)
    } catch {}
    const took = performance.now() - start
    assert.ok(took < 500, `took ${Math.round(took)} ms`)
  })
}

test('what is written is read back, in 64 columns', () =>
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.constantFrom('CERTIFICATE', 'EC PRIVATE KEY', 'X509 CRL'),
          fc.uint8Array({ minLength: 1, maxLength: 200 }),
        ),
        { maxLength: 4 },
      ),
      blocks => {
        const text = blocks.map(([label, bytes]) => formatPem(label, bytes)).join('')
        assert.equal(
          parsePem(text).map(({ label, bytes }) => [label, [...bytes]]),
          blocks.map(([label, bytes]) => [label, [...bytes]]),
        )
        for (const line of text.split('\n')) assert.ok(line.length <= 64)
      },
    ),
  ))

test('what is written is what OpenSSL writes', () => {
  for (const path of ['keys/p256.sec1.pem', 'keys/rsa-4096.pkcs1.pem', 'x509/leaf.crt', 'keys/p521.pub.pem']) {
    const [first] = parsePem(vector(path))
    assert.is(formatPem(first?.label ?? '', first?.bytes ?? new Uint8Array()), vector(path))
  }
})

test('errors name what was read and hold nothing of it', async () => {
  const error = await rejects(() => parsePem(block('A', 'c2VjcmV0c2VjcmV0!'), 'demo/pki/ca.key'))
  assert.is(error.details['what'], 'demo/pki/ca.key')
  assert.not.match(error.message, 'c2VjcmV0')
})

// openssl dhparam -dsaparam -outform PEM writes the first; RFC 7468 section 3 allows the others.
for (const label of ['X9.42 DH PARAMETERS', 'A-B', 'x509 crl', 'A_B+C']) {
  test(`a block labelled ${label} is one`, () => {
    assert.equal(parsePem(`-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`)[0]?.label, label)
  })
}

test.run()
