import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { caPin, parsePin, verifyCaPin } from '../../lib/access/pins.js'
import { EncodingError, VerifyError } from '../../lib/errors.js'
import { parseCertificates } from '../../lib/x509/certificate.js'
import { rejects, testContext } from '../support/context.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'
import { vector } from '../vectors/read.js'

const context = testContext()
const get = (file: string) => parseCertificates(vector(`x509/${file}`))[0]

// openssl x509 -in FILE -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 (OpenSSL 3.0.19): RSA-2048, P-384,
// Ed25519, P-256; the pipeline is the one of kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-join/.
const PINS = vector('x509/pins.txt')
  .trim()
  .split('\n')
  .map(line => line.split(' ') as [string, string])

test('there are four pins', () => assert.is(PINS.length, 4))
for (const [file, pin] of PINS) {
  test(`pin of ${file}`, async () => {
    assert.is(await caPin(get(file), context), pin)
    const spki = new X509Certificate(vector(`x509/${file}`)).publicKey.export({ type: 'spki', format: 'der' })
    assert.is(`sha256:${createHash('sha256').update(spki).digest('hex')}`, pin)
  })
}

// CAs that openssl makes, by the pipeline of kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-join/.
for (const [name, ...options] of [
  ['RSA-2048', '-newkey', 'rsa:2048'],
  ['RSA-3072', '-newkey', 'rsa:3072'],
  ['RSA-4096', '-newkey', 'rsa:4096'],
  ['P-256', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ['P-384', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ['P-521', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ['Ed25519', '-newkey', 'ed25519'],
] as const) {
  testWith(
    'openssl',
    test,
    `pin of a CA with an ${name} key is what openssl computes`,
    inTempDir(async dir => {
      const [cert, key] = [join(dir, 'ca.crt'), join(dir, 'ca.key')]
      const about = ['-subj', '/CN=kubernetes', '-days', '1', '-nodes', '-keyout', key, '-out', cert]
      execFileSync('openssl', ['req', '-x509', ...options, ...about], { stdio: 'ignore' })
      const pipeline =
        'openssl x509 -pubkey -noout -in "$1" | openssl pkey -pubin -outform der | openssl dgst -sha256 -hex -r'
      const digest = execFileSync('sh', ['-c', pipeline, 'sh', cert], { encoding: 'utf8' }).slice(0, 64)
      const [certificate] = parseCertificates(readFileSync(cert, 'utf8'))
      assert.is(certificate.isCa, true)
      assert.is(await caPin(certificate, context), `sha256:${digest}`)
    }),
  )
}

test('a new certificate for the same key has the same pin, the same name with another key has not', async () => {
  const pin = await caPin(get('root.crt'), context)
  assert.is(await caPin(get('root-renewed.crt'), context), pin)
  assert.is.not(await caPin(get('root-other.crt'), context), pin)
})

const PIN = `sha256:${'0123456789abcdef'.repeat(4)}`
// kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/pubkeypin/pubkeypin.go: format and digits in either case.
for (const text of [PIN, PIN.toUpperCase(), `SHA256:${PIN.slice(7)}`, `sha256:${PIN.slice(7).toUpperCase()}`])
  test(`a pin: ${text.slice(0, 20)}…`, () => assert.is(parsePin(text), PIN))

for (const [name, text] of [
  ['nothing', ''],
  ['no format', PIN.slice(7)],
  ['no value', 'sha256:'],
  ['another format', `sha512:${'0'.repeat(128)}`],
  ['an empty format', `:${PIN.slice(7)}`],
  ['63 digits', PIN.slice(0, -1)],
  ['65 digits', `${PIN}0`],
  ['62 digits', PIN.slice(0, -2)],
  ['no hex digits', `sha256:${'g'.repeat(64)}`],
  ['colons between the octets', `sha256:${'01:'.repeat(31)}01`],
  ['two values', `${PIN}:${PIN}`],
  ['two pins', `${PIN},${PIN}`],
  ['a space before', ` ${PIN}`],
  ['a space behind', `${PIN} `],
  ['a line break behind', `${PIN}\n`],
  ['base64', 'sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
  ['0x', `sha256:0x${'0'.repeat(62)}`],
] as const) {
  test(`no pin: ${name}`, async () => {
    const error = await rejects(() => parsePin(text))
    assert.is(error.code, 'KPKI_PIN_INVALID')
    assert.instance(error, EncodingError)
    assert.ok(error.hint)
  })
}

test('pins are read in any case, and in no other form', () =>
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.infiniteStream(fc.boolean()), (bytes, flips) => {
      const text = `sha256:${Buffer.from(bytes).toString('hex')}`
      const mixed = [...text].map(character => (flips.next().value ? character.toUpperCase() : character)).join('')
      assert.is(parsePin(mixed), text)
    }),
  ))

test('one of several pins is enough, and so is one of several certificates', async () => {
  const [root, other] = [get('root.crt'), get('root-other.crt')]
  const pin = await caPin(root, context)
  assert.is(await verifyCaPin([pin], [root], context), root)
  assert.is(await verifyCaPin([PIN, pin.toUpperCase()], [root], context), root)
  assert.is(await verifyCaPin([pin], [other, root], context), root)
})

test('another CA, no CA and no pin do not match', async () => {
  const [root, other] = [get('root.crt'), get('root-other.crt')]
  const pin = await caPin(root, context)
  for (const [pins, certificates] of [
    [[pin], [other]],
    [[pin], []],
    [[], [root]],
    [[PIN], [root, other]],
  ] as const) {
    const error = await rejects(verifyCaPin(pins, certificates, context))
    assert.is(error.code, 'KPKI_PIN_MISMATCH')
    assert.instance(error, VerifyError)
    assert.is((error.details['actual'] as readonly string[]).length, certificates.length)
  }
})

test('a malformed pin beside a good one is refused', async () => {
  const root = get('root.crt')
  assert.is((await rejects(verifyCaPin([await caPin(root, context), 'x'], [root], context))).code, 'KPKI_PIN_INVALID')
})

test.run()
