import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createNodeContext, generateNodeKeyPair } from '../../lib/host/context.js'

const { crypto } = createNodeContext()
const { subtle } = crypto
const data = new TextEncoder().encode('kpki')

for (const name of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']) {
  test(`${name} is what node:crypto says`, async () => {
    const expected = createHash(name.replace('-', '')).update(data).digest('hex')
    assert.is(Buffer.from(await subtle.digest(name, data)).toString('hex'), expected)
    assert.is(Buffer.from(await subtle.digest({ name }, data)).toString('hex'), expected)
  })
}

const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
for (const [name, algorithm, make] of [
  ['RSA', RSA, () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ECDSA', { ...EC, hash: 'SHA-256' }, () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
] as const) {
  test(`a signature with an ${name} key from DER verifies elsewhere and here`, async () => {
    const { privateKey, publicKey } = make()
    const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
    const signer = await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign'])
    const signature = new Uint8Array(await subtle.sign(algorithm, signer, data))
    const theirs = {
      key: createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' }),
      dsaEncoding: 'ieee-p1363',
    } as const
    assert.ok(verify('sha256', data, theirs, signature))
    const verifier = await subtle.importKey('spki', spki, algorithm, true, ['verify'])
    assert.ok(await subtle.verify(algorithm, verifier, signature, data))
    signature[20] = (signature[20] ?? 0) ^ 1
    assert.not.ok(await subtle.verify(algorithm, verifier, signature, data))
    assert.equal(new Uint8Array(await subtle.exportKey('pkcs8', signer)), pkcs8)
  })
}

test('what is off the hot path goes to @peculiar/webcrypto, keys and all', async () => {
  const { privateKey, publicKey } = await subtle.generateKey(EC, true, ['sign', 'verify'])
  const hashed = { ...EC, hash: 'SHA-256' }
  const point = await subtle.exportKey('raw', publicKey)
  const verifier = await subtle.importKey('raw', point, EC, false, ['verify'])
  assert.ok(await subtle.verify(hashed, verifier, await subtle.sign(hashed, privateKey, data), data))
  assert.is((await subtle.exportKey('jwk', privateKey)).kty, 'EC')
})

test('it is an object like any other: no name that is none of its own', async () => {
  assert.is(Reflect.get(subtle, 'then'), undefined)
  assert.is(await Promise.resolve(subtle), subtle)
  assert.match(crypto.randomUUID(), /^[0-9a-f-]{36}$/)
  const [first, second] = [new Uint16Array(8), new Uint16Array(8)].map(array => crypto.getRandomValues(array))
  assert.not.equal(first, second)
})

test('many keys at once are all made, and a failure keeps none of them waiting', async () => {
  const keys = await Promise.all(
    Array.from({ length: 40 }, () => generateNodeKeyPair({ name: 'ECDSA', namedCurve: 'P-256' })),
  )
  assert.is(new Set(keys.map(({ spki }) => Buffer.from(spki).toString('hex'))).size, 40)
  const bad = Array.from({ length: 40 }, () =>
    generateNodeKeyPair({ name: 'RSA', modulusLength: -1 }).catch(() => 'refused'),
  )
  assert.equal(await Promise.all(bad), Array(40).fill('refused'))
  assert.ok(await generateNodeKeyPair({ name: 'ECDSA', namedCurve: 'P-384' }))
})

test.run()
