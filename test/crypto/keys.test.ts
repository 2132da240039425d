import { createECDH, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../lib/crypto/algorithms.js'
import { formatBase64, formatHex } from '../../lib/crypto/bytes.js'
import { der } from '../../lib/crypto/der-write.js'
import { formatPrivateKey, formatPublicKey, parsePrivateKey } from '../../lib/crypto/key-files.js'
import { describePublicKey, generateKey, type PrivateKey } from '../../lib/crypto/keys.js'
import { formatPem } from '../../lib/crypto/pem.js'
import { KpkiError } from '../../lib/errors.js'
import { provider, rejects, testContext } from '../support/context.js'
import { vector, vectorDer } from '../vectors/read.js'

const context = testContext()
const parse = (pem: string) => parsePrivateKey(pem, context, 'x.key')

/** What Node says about a PEM key: the public half and the private one, in DER. */
function asNode(pem: string) {
  const key = createPrivateKey(pem)
  return {
    spki: formatHex(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    pkcs8: formatHex(key.export({ type: 'pkcs8', format: 'der' })),
  }
}

// Every form that OpenSSL writes, and what the key is.
for (const [file, name] of [
  ['rsa-1024.pkcs1', 'RSA-1024'],
  ['rsa-1024.pkcs8', 'RSA-1024'],
  ['rsa-2048.pkcs1', 'RSA-2048'],
  ['rsa-2048.pkcs8', 'RSA-2048'],
  ['rsa-4096.pkcs1', 'RSA-4096'],
  ['rsa-4096.pkcs8', 'RSA-4096'],
  ...['256', '384', '521'].flatMap(bits =>
    ['sec1', 'pkcs8', 'parameters'].map(form => [`p${bits}.${form}`, `ECDSA-P${bits}`] as const),
  ),
] as const) {
  test(`${file} is read as OpenSSL and Node read it`, async () => {
    const pem = vector(`keys/${file}.pem`)
    const key = await parse(pem)
    assert.is(key.type.name, name)
    const others = asNode(pem.slice(pem.lastIndexOf('-----BEGIN')))
    assert.is(formatHex(key.spki), others.spki)
    assert.is(formatHex(key.exportPkcs8()), others.pkcs8)
    const publicPem = vector(`keys/${file.split('.')[0]}.pub.pem`)
    assert.is(formatPublicKey(key.spki), publicPem)
    assert.ok(key.isKeyOf(vectorDer(`keys/${file.split('.')[0]}.pub.pem`)))
  })
}

for (const name of ['rsa-1024', 'rsa-2048', 'rsa-4096', 'p256', 'p384', 'p521']) {
  test(`${name} is written as kubeadm writes it: PKCS #1 or SEC 1, byte for byte OpenSSL's`, async () => {
    const traditional = vector(`keys/${name}.${name.startsWith('rsa') ? 'pkcs1' : 'sec1'}.pem`)
    assert.is(formatPrivateKey(await parse(vector(`keys/${name}.pkcs8.pem`))), traditional)
    assert.is(formatPrivateKey(await parse(traditional)), traditional)
  })
}

for (const name of ['p256', 'p384', 'p521']) {
  test(`${name} without its public point: computed where the platform does, else refused with the way out`, async () => {
    const pem = vector(`keys/${name}.nopublic.pem`)
    if (provider === 'peculiar') {
      const error = await rejects(parse(pem))
      assert.is(error.code, 'KPKI_KEY_INVALID')
      assert.match(error.hint ?? '', 'openssl ec')
    } else assert.is(formatHex((await parse(pem)).spki), asNode(vector(`keys/${name}.sec1.pem`)).spki)
  })

  // Go computes the point and never looks at the stored one (crypto/x509 parseECPrivateKey), so that kubeadm reads this file.
  test(`${name} with a compressed point is the same key, or refused`, async () => {
    try {
      const key = await parse(vector(`keys/${name}.compressed.pem`))
      assert.is(formatHex(key.spki), asNode(vector(`keys/${name}.sec1.pem`)).spki)
      assert.is(formatPrivateKey(key), vector(`keys/${name}.sec1.pem`))
    } catch (error) {
      assert.is((error as KpkiError).code, 'KPKI_KEY_INVALID')
    }
  })
}

for (const [file, code] of [
  ['ed25519.pkcs8', 'KPKI_KEY_TYPE'],
  ['x25519.pkcs8', 'KPKI_KEY_TYPE'],
  ['ed448.pkcs8', 'KPKI_KEY_TYPE'],
  ['dsa.pkcs8', 'KPKI_KEY_TYPE'],
  ['dsa.traditional', 'KPKI_KEY_TYPE'],
  ['rsa-pss.pkcs8', 'KPKI_KEY_TYPE'],
  ['secp256k1.sec1', 'KPKI_KEY_TYPE'],
  ['p256.explicit', 'KPKI_KEY_TYPE'],
  ['p384.explicit', 'KPKI_KEY_TYPE'],
  ['p521.explicit', 'KPKI_KEY_TYPE'],
  // Not DER at all, so that the label has to decide.
  ['openssh', 'KPKI_KEY_TYPE'],
  ['encrypted.pkcs8', 'KPKI_KEY_ENCRYPTED'],
  ['encrypted.rsa', 'KPKI_KEY_ENCRYPTED'],
  ['encrypted.sec1', 'KPKI_KEY_ENCRYPTED'],
  ['rsa-2048.pub', 'KPKI_PEM_LABEL'],
] as const) {
  test(`${file} is refused: ${code}`, async () => {
    const error = await rejects(parse(vector(`keys/${file}.pem`)))
    assert.is(error.code, code)
    assert.is(error.details['what'], 'x.key')
  })
}

test('a file without a key, and one that is no PEM', async () => {
  assert.is((await rejects(parse(vector('x509/leaf.crt')))).code, 'KPKI_PEM_LABEL')
  assert.is((await rejects(parse('hello'))).code, 'KPKI_PEM_LABEL')
  assert.is((await rejects(parse('-----BEGIN PRIVATE KEY-----\n'))).code, 'KPKI_PEM_INVALID')
})

test('a certificate before its key is passed over (as client-go does), the first of two keys counts', async () => {
  const [first, second] = [vector('keys/p256.sec1.pem'), vector('keys/p384.sec1.pem')]
  assert.is((await parse(vector('x509/leaf.crt') + first)).type.name, 'ECDSA-P256')
  assert.is((await parse(second + first)).type.name, 'ECDSA-P384')
})

// The scalars below are public: small numbers. The points come from Node.
const ORDER_P256 = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551' // FIPS 186-4 D.1.2.3
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const P256_OID = der.oid('1.2.840.10045.3.1.7')
const point = (scalar: string) => {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(scalar.padStart(64, '0'), 'hex')
  return new Uint8Array(ecdh.getPublicKey())
}
const sec1 = (scalar: Uint8Array, publicPoint?: Uint8Array, version = 1) =>
  formatPem(
    'EC PRIVATE KEY',
    der.sequence(
      der.integer(version),
      der.octetString(scalar),
      der.explicit(0, P256_OID),
      ...(publicPoint ? [der.explicit(1, der.bitString(publicPoint))] : []),
    ),
  )

// Some writers drop leading zeros of the scalar (Go bug 13699 reads them, crypto/x509 sec1.go pads); some add them.
for (const [name, scalar] of [
  ['one octet', '02'],
  ['31 octets', `01${'00'.repeat(30)}`],
  ['32 octets', `${'00'.repeat(31)}02`],
  ['33 octets', `${'00'.repeat(32)}02`],
] as const) {
  test(`a scalar of ${name} is written back with 32`, async () => {
    const key = await parse(sec1(hex(scalar), point(scalar.slice(-64))))
    const others = asNode(formatPrivateKey(key))
    assert.is(formatHex(key.spki), others.spki)
    assert.ok(formatHex(key.exportPkcs8()).includes(`0420${scalar.slice(-64).padStart(64, '0')}`))
  })
}

for (const [name, pem] of [
  ['a scalar that is too long', sec1(hex(`01${'00'.repeat(32)}`), point('02'))],
  ['an empty scalar', sec1(hex(''), point('02'))],
  ['the scalar 0', sec1(hex('00'.repeat(32)), point('02'))],
  ['the scalar 0 without a point', sec1(hex('00'.repeat(32)))],
  ['the order as scalar', sec1(hex(ORDER_P256), point('02'))],
  ['the order as scalar without a point', sec1(hex(ORDER_P256))],
  ['one over the order', sec1(hex(ORDER_P256.replace(/51$/, '52')), point('01'))],
  ['one over the order without a point', sec1(hex(ORDER_P256.replace(/51$/, '52')))],
  ['the point of another scalar', sec1(hex('02'), point('03'))],
  ['a point that is none', sec1(hex('02'), new Uint8Array([4, ...new Uint8Array(64)]))],
  ['a point of the wrong size', sec1(hex('02'), point('02').slice(0, 40))],
  ['an empty point', sec1(hex('02'), new Uint8Array())],
  ['version 0', sec1(hex('02'), point('02'), 0)],
  ['version 2', sec1(hex('02'), point('02'), 2)],
  ['an integer in place of the scalar', formatPem('EC PRIVATE KEY', der.sequence(der.integer(1), der.integer(2)))],
  ['an empty sequence', formatPem('EC PRIVATE KEY', der.sequence())],
  ['an empty PKCS #8', formatPem('PRIVATE KEY', der.sequence())],
  ['an empty PKCS #1', formatPem('RSA PRIVATE KEY', der.sequence())],
  ['PKCS #1 of one prime', formatPem('RSA PRIVATE KEY', der.sequence(der.integer(0), der.integer(15), der.integer(3)))],
  [
    'PKCS #1 that is all ones',
    formatPem('RSA PRIVATE KEY', der.sequence(der.integer(0), ...new Array<Uint8Array>(8).fill(der.integer(1)))),
  ],
  ['SEC 1 under the label of PKCS #1', vector('keys/p256.sec1.pem').replaceAll('EC PRIVATE', 'RSA PRIVATE')],
  ['PKCS #1 under the label of PKCS #8', vector('keys/rsa-1024.pkcs1.pem').replaceAll('RSA PRIVATE', 'PRIVATE')],
] as const) {
  test(`refused: ${name}`, async () => assert.is((await rejects(parse(pem))).code, 'KPKI_KEY_INVALID'))
}

test('SEC 1 without a curve is refused as a key of unknown type', async () =>
  assert.is(
    (await rejects(parse(formatPem('EC PRIVATE KEY', der.sequence(der.integer(1), der.octetString(hex('02'))))))).code,
    'KPKI_KEY_TYPE',
  ))

// RFC 8017 section 3.2: each number of an RSA key is bound to the others; one that is not makes another key, or none.
test('PKCS #1 whose numbers do not go together is refused', async () => {
  const jwk = createPrivateKey(vector('keys/rsa-1024.pkcs1.pem')).export({ format: 'jwk' })
  const number = (field: unknown) => BigInt(`0x${Buffer.from(String(field), 'base64url').toString('hex')}`)
  const [n, e, d, p, q] = [number(jwk.n), number(jwk.e), number(jwk.d), number(jwk.p), number(jwk.q)]
  const [dp, dq, qinv] = [number(jwk.dp), number(jwk.dq), number(jwk.qi)]
  const integer = (value: bigint): Uint8Array => {
    const digits = value.toString(16)
    const content = Buffer.from(`${digits.length % 2 ? '0' : /^[89a-f]/.test(digits) ? '00' : ''}${digits}`, 'hex')
    const { length } = content
    return new Uint8Array([2, ...(length < 128 ? [length] : [0x81, length]), ...content])
  }
  const write = (...numbers: readonly bigint[]) => formatPem('RSA PRIVATE KEY', der.sequence(...numbers.map(integer)))
  assert.is(write(0n, n, e, d, p, q, dp, dq, qinv), vector('keys/rsa-1024.pkcs1.pem'))
  for (const [name, numbers] of [
    ['another exponent', [0n, n, e + 2n, d, p, q, dp, dq, qinv]],
    ['another modulus', [0n, n + 2n, e, d, p, q, dp, dq, qinv]],
    ['a secret exponent that fits q alone', [0n, n, e, d + (q - 1n), p, q, dp, dq, qinv]],
    ['a secret exponent that fits p alone', [0n, n, e, d + (p - 1n), p, q, dp, dq, qinv]],
    ['primes exchanged', [0n, n, e, d, q, p, dp, dq, qinv]],
    ['exponents exchanged', [0n, n, e, d, p, q, dq, dp, qinv]],
    ['another coefficient', [0n, n, e, d, p, q, dp, dq, qinv + 1n]],
    ['one prime for both', [0n, p * p, e, d, p, p, dp, dp, 1n]],
    ['a prime of one', [0n, n, e, d, n, 1n, dp, 0n, 1n]],
    ['a second version', [1n, n, e, d, p, q, dp, dq, qinv]],
    ['one number too few', [0n, n, e, d, p, q, dp, dq]],
    ['one number too many', [0n, n, e, d, p, q, dp, dq, qinv, 1n]],
    ['zero for a modulus', [0n, 0n, e, d, p, q, dp, dq, qinv]],
  ] as const)
    assert.is((await rejects(parse(write(...numbers)))).code, 'KPKI_KEY_INVALID', name)
})

/** Whether Node can read what we write, and its signatures verify under the public half. */
function isPair(key: PrivateKey): boolean {
  try {
    const data = Buffer.from('data')
    const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
    return verify('sha256', data, publicKey, sign('sha256', data, createPrivateKey(formatPrivateKey(key))))
  } catch {
    return false
  }
}

// A file that lost a bit must never pass for the same pair: neither accepted with the old public half and another secret,
// nor with a public half that does not go with its secret.
for (const [file, label, step] of [
  ['keys/p256.sec1.pem', 'EC PRIVATE KEY', 1],
  ['keys/p256.pkcs8.pem', 'PRIVATE KEY', 5],
  ['keys/rsa-1024.pkcs1.pem', 'RSA PRIVATE KEY', 11],
  ['keys/rsa-1024.pkcs8.pem', 'PRIVATE KEY', 23],
] as const) {
  test(`one flipped bit anywhere in ${file} is noticed`, async () => {
    const good = vectorDer(file)
    const original = await parse(formatPem(label, good))
    for (let bit = 0; bit < good.length * 8; bit += step) {
      const bytes = good.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      let key: PrivateKey
      try {
        key = await parse(formatPem(label, bytes))
      } catch (error) {
        assert.instance(error, KpkiError, `bit ${bit}: ${error}`)
        continue
      }
      // What is accepted is a working pair, by the word of somebody else …
      assert.ok(isPair(key), `bit ${bit}: not a pair`)
      // … and if it has the old public half, then the old secret.
      if (key.isKeyOf(original.spki)) assert.is(formatPrivateKey(key), formatPrivateKey(original), `bit ${bit}`)
    }
  })
}

test('every key of every kind cut off at any place is refused', async () => {
  for (const [file, label] of [
    ['keys/p256.pkcs8.pem', 'PRIVATE KEY'],
    ['keys/rsa-1024.pkcs1.pem', 'RSA PRIVATE KEY'],
  ] as const) {
    const bytes = vectorDer(file)
    for (let length = 1; length < bytes.length; length += 3)
      assert.is((await rejects(parse(formatPem(label, bytes.slice(0, length))))).code, 'KPKI_DER_INVALID')
  }
})

for (const algorithm of Object.keys(KEY_ALGORITHMS) as KeyAlgorithm[]) {
  if (provider === 'peculiar' && algorithm === 'RSA-4096') continue // slow on one thread, and like RSA-3072
  test(`${algorithm}: made, written, read by Node, read back`, async () => {
    const key = await generateKey(algorithm, context)
    assert.is(key.type.name, algorithm)
    const others = asNode(formatPrivateKey(key))
    assert.is(formatHex(key.spki), others.spki)
    const details = createPublicKey(formatPublicKey(key.spki)).asymmetricKeyDetails
    if (algorithm.startsWith('RSA')) assert.is(details?.publicExponent, 65537n)
    else assert.is(details?.namedCurve, { 'ECDSA-P256': 'prime256v1', 'ECDSA-P384': 'secp384r1' }[algorithm as string])
    const again = await parse(formatPrivateKey(key))
    assert.ok(again.isKeyOf(key.spki))
    assert.is(formatPrivateKey(again), formatPrivateKey(key))
  })
}

test('keys are made by the context when it can', async () => {
  const asked: unknown[] = []
  const known = await parse(vector('keys/p256.sec1.pem'))
  const key = await generateKey('ECDSA-P256', {
    ...context,
    generateKeyPair: async parameters => {
      asked.push(parameters)
      return { pkcs8: known.exportPkcs8(), spki: known.spki }
    },
  })
  assert.equal(asked, [{ name: 'ECDSA', namedCurve: 'P-256' }])
  assert.ok(key.isKeyOf(known.spki))
})

test('no two keys are the same', async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, () => generateKey('ECDSA-P256', context)))
  assert.is(new Set(keys.map(({ spki }) => formatHex(spki))).size, 8)
})

test('what is exported is a copy', async () => {
  const key = await parse(vector('keys/p256.sec1.pem'))
  key.exportPkcs8().fill(0)
  assert.is(formatPrivateKey(key), vector('keys/p256.sec1.pem'))
})

/** The secret of a key in every writing in which it could slip out. */
function traces(pem: string): string[] {
  const secret = createPrivateKey(pem).export({ format: 'jwk' })
  return ['d', 'p', 'q'].flatMap(field => {
    const value = secret[field]
    if (typeof value !== 'string') return []
    const bytes = new Uint8Array(Buffer.from(value, 'base64url'))
    const inner = formatBase64(bytes.subarray(3, 18)).slice(1, 18)
    return [
      value.slice(2, 22),
      formatHex(bytes).slice(4, 24),
      [...bytes.subarray(2, 9)].join(','),
      [...bytes.subarray(2, 9)].join(', '),
      inner,
    ]
  })
}

for (const file of ['rsa-2048.pkcs1', 'p256.sec1', 'p384.pkcs8']) {
  test(`neither JSON nor an inspector nor text shows the secret of ${file}`, async () => {
    const pem = vector(`keys/${file}.pem`)
    const key = await parse(pem)
    const shown = [
      JSON.stringify(key),
      JSON.stringify({ key }),
      String(key),
      inspect(key, { depth: null, showHidden: true, getters: true, maxArrayLength: null }),
      inspect({ ...key }, { depth: null, maxArrayLength: null }),
      Object.getOwnPropertyNames(key).join(),
    ].join('\n')
    for (const trace of traces(pem)) assert.not.ok(shown.includes(trace), trace)
    assert.is(JSON.stringify(key), JSON.stringify({ type: key.type.name }))
  })
}

test('errors hold nothing of the key that they refuse', async () => {
  const pems = ['rsa-1024.pkcs1', 'p256.sec1', 'p256.pkcs8'].map(file => vector(`keys/${file}.pem`))
  for (const pem of pems) {
    const lines = pem.trimEnd().split('\n')
    const secrets = [...traces(pem), ...lines.slice(1, -1).map(line => line.slice(0, 16))]
    const broken = [
      lines.slice(0, -1).join('\n'),
      pem.replace(/-----END .*/, '-----END X-----'),
      pem.replaceAll('PRIVATE KEY', 'CERTIFICATE'),
      pem.replace(lines[1] ?? '', `${lines[1]}!`),
      pem.replace(lines[1] ?? '', (lines[1] ?? '').slice(4)),
      pem.replace(lines[2] ?? '', (lines[2] ?? '').split('').reverse().join('')),
      pem
        .replace(/BEGIN [A-Z ]*PRIVATE/, 'BEGIN ENCRYPTED PRIVATE')
        .replace(/END [A-Z ]*PRIVATE/, 'END ENCRYPTED PRIVATE'),
      pem.replace(/BEGIN [A-Z ]*PRIVATE/, 'BEGIN DSA PRIVATE').replace(/END [A-Z ]*PRIVATE/, 'END DSA PRIVATE'),
    ]
    for (const text of broken) {
      const error = await rejects(parse(text))
      const shown = [
        inspect(error, { depth: null, showHidden: true }),
        JSON.stringify(error),
        error.stack,
        error.message,
      ].join('\n')
      for (const secret of secrets) assert.not.ok(shown.includes(secret), `${error.code} shows ${secret}`)
    }
  }
})

test('public keys are described', async () => {
  for (const [file, name] of [
    ['rsa-1024', 'RSA-1024'],
    ['rsa-4096', 'RSA-4096'],
    ['p521', 'ECDSA-P521'],
  ] as const)
    assert.is(describePublicKey(vectorDer(`keys/${file}.pub.pem`)).name, name)
  assert.is((await rejects(() => describePublicKey(der.sequence()))).code, 'KPKI_KEY_INVALID')
  assert.is((await rejects(() => describePublicKey(hex('3003')))).code, 'KPKI_DER_INVALID')
})

test('EC keys of any scalar go through PKCS #8, SEC 1 and back', () =>
  fc.assert(
    fc.asyncProperty(fc.bigInt({ min: 1n, max: BigInt(`0x${ORDER_P256}`) - 1n }), async scalar => {
      const text = scalar.toString(16).padStart(64, '0')
      const pem = formatPrivateKey(await parse(sec1(hex(text), point(text))))
      assert.is(formatPrivateKey(await parse(pem)), pem)
      assert.is(Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d ?? '', 'base64url').toString('hex'), text)
    }),
    { numRuns: 12 },
  ))

test.run()
