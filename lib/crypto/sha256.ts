import { type Bytes, formatHex } from './bytes.js'

// FIPS 180-4 section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes; section 5.3.3: of
// the square roots of the first eight.
const PRIMES = firstPrimes(64)
const ROUND_CONSTANTS = Uint32Array.from(PRIMES, prime => fraction(Math.cbrt(prime)))
const INITIAL = Uint32Array.from(PRIMES.slice(0, 8), prime => fraction(Math.sqrt(prime)))

const BLOCK = 64

/**
 * SHA-256 of some bytes, 64 lower-case hex digits, without waiting: for what is planned, which nothing may be waited for in.
 * WebCrypto is asked everywhere else (`digest.ts`); no secret goes in here.
 *
 * @see FIPS 180-4 sections 5.1.1, 6.2
 */
export function sha256Now(bytes: Uint8Array): string {
  const state = Uint32Array.from(INITIAL)
  const padded = pad(bytes)
  const view = new DataView(padded.buffer)
  for (let offset = 0; offset < padded.length; offset += BLOCK) compress(state, view, offset)
  const digest = new Uint8Array(32)
  const out = new DataView(digest.buffer)
  for (const [index, word] of state.entries()) out.setUint32(index * 4, word)
  return formatHex(digest)
}

function pad(bytes: Uint8Array): Bytes {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n)
  return padded
}

function compress(state: Uint32Array, view: DataView, offset: number): void {
  const words = new Uint32Array(64)
  const at = (index: number) => words[index] ?? 0
  for (let index = 0; index < 16; index++) words[index] = view.getUint32(offset + index * 4)
  for (let index = 16; index < 64; index++) {
    const [early, late] = [at(index - 15), at(index - 2)]
    const spread =
      (rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3)) + (rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10))
    words[index] = at(index - 16) + at(index - 7) + spread
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let round = 0; round < 64; round++) {
    const mix = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const one = (h + mix + ((e & f) ^ (~e & g)) + (ROUND_CONSTANTS[round] ?? 0) + at(round)) | 0
    const two = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0]
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] ?? 0) + word
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits))
}

function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32)
}

function firstPrimes(count: number): number[] {
  const primes: number[] = []
  for (let candidate = 2; primes.length < count; candidate++)
    if (primes.every(prime => candidate % prime !== 0)) primes.push(candidate)
  return primes
}
