import { Crypto as PeculiarCrypto } from '@peculiar/webcrypto'
import { type Context, createContext } from '../../lib/context.js'
import { KpkiError } from '../../lib/errors.js'

/** The moment of every test that needs none of its own. */
export const NOW = new Date('2026-06-01T12:00:00Z')

/** `KPKI_TEST_PROVIDER=peculiar` runs the suite on @peculiar/webcrypto, else the platform's WebCrypto is used. */
export const provider = process.env['KPKI_TEST_PROVIDER'] === 'peculiar' ? 'peculiar' : 'platform'
const crypto: Crypto = provider === 'peculiar' ? (new PeculiarCrypto() as Crypto) : globalThis.crypto

/** A context with a fixed clock and the provider under test; `overrides` as for createContext. */
export function testContext(overrides: Partial<Context> = {}): Context {
  return createContext({ clock: () => NOW, crypto, ...overrides })
}

/** The error that a promise or function rejects with; fails when it is no KpkiError. */
export async function rejects(work: Promise<unknown> | (() => unknown)): Promise<KpkiError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof KpkiError) return error
    throw error
  }
  throw new Error('expected an error, got none')
}
