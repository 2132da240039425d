import { availableParallelism } from 'node:os'
import { type Context, createContext, type KeyParameters, type RawKeyPair } from '../context.js'

const ENCODING = {
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
} as const

// Files are read and signatures made on the same threads as keys. One key more at work than there are cores keeps them all busy
// while the main thread has no time to hand out the next one; the threads beyond that are for the rest.
let freeSlots = availableParallelism() + 1
const waiting: (() => void)[] = []

/**
 * Makes a key pair off the main thread with `node:crypto`, so that several at once use several cores: as many as there are,
 * and as libuv's pool has threads (`UV_THREADPOOL_SIZE`, 4 unless set before the process starts). `@peculiar/webcrypto`
 * makes them one after the other on the main thread.
 */
export async function generateNodeKeyPair(parameters: KeyParameters): Promise<RawKeyPair> {
  if (freeSlots === 0) await new Promise<void>(resolve => waiting.push(resolve))
  else freeSlots--
  try {
    return await makeKeyPair(parameters)
  } finally {
    const next = waiting.shift()
    if (next) next()
    else freeSlots++
  }
}

async function makeKeyPair(parameters: KeyParameters): Promise<RawKeyPair> {
  // Loaded here, since it takes a while and most commands make no key.
  const { generateKeyPair } = await import('node:crypto')
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, spki: Uint8Array, pkcs8: Uint8Array) =>
      error ? reject(error) : resolve({ pkcs8, spki })
    if (parameters.name === 'RSA') {
      generateKeyPair('rsa', { modulusLength: parameters.modulusLength, publicExponent: 65537, ...ENCODING }, done)
    } else {
      generateKeyPair('ec', { namedCurve: parameters.namedCurve, ...ENCODING }, done)
    }
  })
}

/** Node's own WebCrypto. */
const platform = createContext().crypto

let provider: Promise<Crypto> | undefined

/** `@peculiar/webcrypto`. Loading it takes longer than Node's own start, so that only what is not below loads it. */
function loadProvider(): Promise<Crypto> {
  provider ??= import('@peculiar/webcrypto').then(module => new module.Crypto() as Crypto)
  return provider
}

// The hot path of issuing and of reading trees, which Node's own WebCrypto does several times faster: digests, and RSA and
// ECDSA signatures with keys from DER.
const HOT_ALGORITHMS = ['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'ECDSA']
const HOT_DIGESTS = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']
const nameOf = (algorithm: unknown): string =>
  typeof algorithm === 'object' && algorithm !== null && 'name' in algorithm
    ? String(algorithm.name)
    : String(algorithm)
const isOwnKey = ([, key]: readonly unknown[]) => key instanceof CryptoKey

/** Methods of SubtleCrypto, and when Node's own does them. */
const SUBTLE = {
  digest: ([algorithm]: readonly unknown[]) => HOT_DIGESTS.includes(nameOf(algorithm)),
  importKey: ([format, , algorithm]: readonly unknown[]) =>
    (format === 'pkcs8' || format === 'spki') && HOT_ALGORITHMS.includes(nameOf(algorithm)),
  sign: isOwnKey,
  verify: isOwnKey,
  exportKey: isOwnKey,
  ...Object.fromEntries(
    ['decrypt', 'deriveBits', 'deriveKey', 'encrypt', 'generateKey', 'unwrapKey', 'wrapKey'].map(name => [
      name,
      () => false,
    ]),
  ),
} as const satisfies Readonly<Record<string, (args: readonly unknown[]) => boolean>>

const nodeCrypto: Pick<Crypto, 'subtle' | 'getRandomValues' | 'randomUUID'> = {
  subtle: new Proxy({} as SubtleCrypto, {
    get: (_, name) => {
      if (!Object.hasOwn(SUBTLE, name)) return undefined
      return async (...args: readonly unknown[]) => {
        const isHot = Reflect.get(SUBTLE, name)(args)
        const { subtle } = isHot ? platform : await loadProvider()
        return Reflect.apply(Reflect.get(subtle, name), subtle, args)
      }
    },
  }),
  getRandomValues: array => platform.getRandomValues(array),
  randomUUID: () => platform.randomUUID(),
}

/**
 * The Context of a Node process: keys made on all cores, the system's clock; digests, and RSA and ECDSA signatures with keys
 * from DER, by Node's own WebCrypto, everything else by `@peculiar/webcrypto`.
 *
 * @param overrides - what to have differently
 */
export function createNodeContext(overrides: Partial<Context> = {}): Context {
  return createContext({ crypto: nodeCrypto as Crypto, generateKeyPair: generateNodeKeyPair, ...overrides })
}
