import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CertificateKey,
  decryptValue,
  encryptValue,
  formatCertificateKey,
  generateCertificateKey,
  parseCertificateKey,
} from '../../lib/access/certificate-key.js'
import { rejects, testContext } from '../support/context.js'

const context = testContext()
const KEY = new CertificateKey(Uint8Array.from({ length: 32 }, (_, index) => index))

/** As kubeadm has it, by Node's OpenSSL: nonce, ciphertext, tag. */
function nodeEncrypt(value: Uint8Array, key: Uint8Array, nonce: Uint8Array = randomBytes(12)): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()])
}

function nodeDecrypt(encrypted: Uint8Array, key: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, encrypted.subarray(0, 12))
  decipher.setAuthTag(encrypted.subarray(-16))
  return Buffer.concat([decipher.update(encrypted.subarray(12, -16)), decipher.final()])
}

test('any bytes, any key: what we encrypt Node decrypts, and the other way round', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 5000 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      async (value, bytes) => {
        const key = new CertificateKey(bytes)
        const encrypted = await encryptValue(value, key, context)
        assert.is(encrypted.length, 12 + value.length + 16)
        assert.equal([...nodeDecrypt(encrypted, bytes)], [...value])
        assert.equal([...(await decryptValue(encrypted, key, context))], [...value])
        assert.equal([...(await decryptValue(nodeEncrypt(value, bytes), key, context))], [...value])
      },
    ),
    { numRuns: 50 },
  )
})

test('a vector of the GCM specification', async () => {
  const nonce = Buffer.from('cafebabefacedbaddecaf888', 'hex')
  const key = Buffer.from('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308', 'hex')
  // McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case 15.
  const plain = Buffer.from(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
    'hex',
  )
  const cipher =
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad'
  const tag = 'b094dac5d93471bdec1a502270e3cc6c'
  const encrypted = Buffer.concat([nonce, Buffer.from(cipher + tag, 'hex')])
  assert.equal([...(await decryptValue(encrypted, new CertificateKey(key), context))], [...plain])
})

test('every encryption has a nonce of its own', async () => {
  const value = new Uint8Array(10)
  const nonces = new Set<string>()
  for (let count = 0; count < 100; count++)
    nonces.add(Buffer.from((await encryptValue(value, KEY, context)).subarray(0, 12)).toString('hex'))
  assert.is(nonces.size, 100)
})

test('the nonce comes from the context', async () => {
  const crypto = Object.create(context.crypto, {
    subtle: { value: context.crypto.subtle },
    getRandomValues: { value: (array: Uint8Array) => array.fill(7) },
  }) as Crypto
  const encrypted = await encryptValue(new Uint8Array([1]), KEY, { ...context, crypto })
  assert.equal([...encrypted], [...nodeEncrypt(new Uint8Array([1]), KEY.exportBytes(), new Uint8Array(12).fill(7))])
})

test('every changed bit is refused, wherever it is', async () => {
  const encrypted = await encryptValue(new TextEncoder().encode('a key of some kind'), KEY, context)
  for (let bit = 0; bit < encrypted.length * 8; bit++) {
    const changed = new Uint8Array(encrypted)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.is((await rejects(decryptValue(changed, KEY, context))).code, 'KPKI_DECRYPT_FAILED', `bit ${bit}`)
  }
})

test('another key, and a value that is cut off, are refused; neither says anything of what is secret', async () => {
  const encrypted = await encryptValue(new TextEncoder().encode('plain'), KEY, context)
  const wrong = await rejects(decryptValue(encrypted, generateCertificateKey(context), context, 'ca.key'))
  assert.equal([wrong.code, wrong.name, wrong.details], ['KPKI_DECRYPT_FAILED', 'VerifyError', { what: 'ca.key' }])
  assert.match(wrong.message, /^ca\.key .* not the one it was encrypted with, or the value was changed$/)
  for (let length = 0; length < encrypted.length; length++) {
    const { code } = await rejects(decryptValue(encrypted.subarray(0, length), KEY, context))
    assert.is(code, length < 28 ? 'KPKI_CERTS_INVALID' : 'KPKI_DECRYPT_FAILED', `${length} bytes`)
  }
})

test('a key and its 64 digits, both ways; upper case is read, lower case written', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), bytes => {
      const digits = Buffer.from(bytes).toString('hex')
      assert.is(formatCertificateKey(new CertificateKey(bytes)), digits)
      for (const text of [digits, digits.toUpperCase()])
        assert.equal([...parseCertificateKey(text).exportBytes()], [...bytes])
    }),
  )
})

const DIGITS = 'c0ffee'.repeat(11).slice(0, 64)
for (const [name, text, problem] of [
  ['empty', '', 'has 0 hex digits'],
  ['63 digits', DIGITS.slice(1), 'has 63 hex digits'],
  ['65 digits', `${DIGITS}0`, 'has 65 hex digits'],
  ['the 32 digits of AES-128', DIGITS.slice(32), 'has 32 hex digits'],
  ['a newline', `${DIGITS}\n`, 'has white space'],
  ['a blank inside', `${DIGITS.slice(0, 32)} ${DIGITS.slice(33)}`, 'has white space'],
  ['a 0x', `0x${DIGITS.slice(2)}`, 'no hex digits'],
  ['other letters', `g${DIGITS.slice(1)}`, 'no hex digits'],
  ['digits of another script', `\u0661${DIGITS.slice(1)}`, 'no hex digits'],
] as const) {
  test(`no certificate key: ${name}`, async () => {
    const error = await rejects(() => parseCertificateKey(text, '--certificate-key'))
    assert.is(error.code, 'KPKI_CERTIFICATE_KEY_INVALID')
    assert.ok(error.message.startsWith(`--certificate-key `) && error.message.includes(problem), error.message)
    assert.not.ok(inspect(error).includes(DIGITS.slice(2, 30)))
  })
}

test('32 bytes and no others', async () => {
  for (const length of [0, 16, 24, 31, 33, 64])
    assert.is((await rejects(() => new CertificateKey(new Uint8Array(length)))).code, 'KPKI_CERTIFICATE_KEY_INVALID')
})

test('new keys differ, and are nowhere to be seen', () => {
  const [one, two] = [generateCertificateKey(context), generateCertificateKey(context)]
  assert.is.not(formatCertificateKey(one), formatCertificateKey(two))
  assert.is(JSON.stringify({ one }), '{"one":{}}')
  for (const shown of [inspect(one, { showHidden: true, depth: 9 }), String(one)])
    assert.not.ok(shown.includes(formatCertificateKey(one).slice(0, 8)))
  const bytes = one.exportBytes()
  bytes.fill(0)
  assert.is.not(formatCertificateKey(one), '0'.repeat(64))
})

test.run()
