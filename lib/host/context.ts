import { createHash, generateKeyPair, randomFillSync, randomUUID } from 'node:crypto'
import { type Context, createContext, type KeyParameters, type RawKeyPair } from '../context.js'

const ENCODING = {
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
} as const

/**
 * Makes a key pair off the main thread with `node:crypto`, so that several at once use several cores: as many as libuv's
 * pool has threads (`UV_THREADPOOL_SIZE`, 4 unless set before the process starts). `@peculiar/webcrypto` makes them one
 * after the other on the main thread.
 */
export function generateNodeKeyPair(parameters: KeyParameters): Promise<RawKeyPair> {
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

let provider: Promise<Crypto> | undefined

/** `@peculiar/webcrypto`. Loading it takes longer than Node's own start, so that only what signs or reads keys loads it. */
function loadProvider(): Promise<Crypto> {
  provider ??= import('@peculiar/webcrypto').then(module => new module.Crypto() as Crypto)
  return provider
}

const SUBTLE: readonly PropertyKey[] = [
  ...(['decrypt', 'deriveBits', 'deriveKey', 'encrypt', 'exportKey', 'generateKey', 'importKey'] as const),
  ...(['sign', 'unwrapKey', 'verify', 'wrapKey'] as const),
] satisfies readonly (keyof SubtleCrypto)[]

/** Digests need no provider: both it and this ask OpenSSL. */
async function digest(algorithm: AlgorithmIdentifier, data: BufferSource): Promise<ArrayBuffer> {
  const name = typeof algorithm === 'string' ? algorithm : algorithm.name
  if (!/^SHA-(1|256|384|512)$/i.test(name)) return (await loadProvider()).subtle.digest(algorithm, data)
  const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data
  const hash = createHash(name.replace('-', '')).update(new Uint8Array(bytes)).digest()
  return new Uint8Array(hash).buffer
}

const lazyCrypto: Pick<Crypto, 'subtle' | 'getRandomValues' | 'randomUUID'> = {
  subtle: new Proxy({} as SubtleCrypto, {
    get: (_, name) => {
      if (name === 'digest') return digest
      if (!SUBTLE.includes(name)) return undefined
      return async (...args: readonly unknown[]) => {
        const { subtle } = await loadProvider()
        const method: unknown = Reflect.get(subtle, name)
        return typeof method === 'function' ? Reflect.apply(method, subtle, args) : undefined
      }
    },
  }),
  // As @peculiar/webcrypto does it.
  getRandomValues: array => {
    randomFillSync(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    return array
  },
  randomUUID: () => randomUUID(),
}

/**
 * The Context of a Node process: `@peculiar/webcrypto`, RSA keys on all cores, the system's clock.
 *
 * @param overrides - what to have differently
 */
export function createNodeContext(overrides: Partial<Context> = {}): Context {
  return createContext({ crypto: lazyCrypto as Crypto, generateKeyPair: generateNodeKeyPair, ...overrides })
}
