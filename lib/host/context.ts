import { generateKeyPair } from 'node:crypto'
import { Crypto as PeculiarCrypto } from '@peculiar/webcrypto'
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

/**
 * The Context of a Node process: `@peculiar/webcrypto`, RSA keys on all cores, the system's clock.
 *
 * @param overrides - what to have differently
 */
export function createNodeContext(overrides: Partial<Context> = {}): Context {
  return createContext({ crypto: new PeculiarCrypto() as Crypto, generateKeyPair: generateNodeKeyPair, ...overrides })
}
