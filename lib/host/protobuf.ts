import { type Bytes, concatBytes, encodeUtf8 } from '../crypto/bytes.js'

/** A field of a message that is to be sent: its number, and a text, a flag or a message's bytes. */
export type ProtoField = readonly [number: number, value: string | boolean | Uint8Array]

/** Fields of a message that has come, by number; a value that came several times is there several times. */
export type ProtoFields = ReadonlyMap<number, readonly (bigint | Bytes)[]>

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const

/**
 * Writes a Protocol Buffers message; what has its type's default (empty, false) is left out, as proto3 has it.
 *
 * @see protobuf.dev/programming-guides/encoding
 */
export function formatProto(fields: readonly ProtoField[]): Bytes {
  return concatBytes(
    fields.flatMap(([number, value]) => {
      if (value === false || value === '') return []
      if (value === true) return [varint(tag(number, VARINT)), varint(1)]
      const bytes = typeof value === 'string' ? encodeUtf8(value) : value
      return [varint(tag(number, BYTES)), varint(bytes.length), bytes]
    }),
  )
}

/**
 * Reads a Protocol Buffers message; fields of any number are taken, messages below it stay bytes.
 *
 * @returns `undefined` for what is none: cut off, of a wire type that proto3 does not have, a number beyond 64 bits
 */
export function parseProto(bytes: Uint8Array): ProtoFields | undefined {
  const fields = new Map<number, (bigint | Bytes)[]>()
  let at = 0
  const readVarint = (): bigint | undefined => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) return undefined
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value < 1n << 64n ? value : undefined
    }
    return undefined
  }
  const readBytes = (length: bigint | undefined): Bytes | undefined => {
    if (length === undefined || length > BigInt(bytes.length - at)) return undefined
    const value = bytes.slice(at, at + Number(length))
    at += value.length
    return value
  }
  while (at < bytes.length) {
    const key = readVarint()
    if (key === undefined || key >> 3n === 0n || key >= 1n << 32n) return undefined
    const value = READERS[Number(key & 7n)]?.(readVarint, readBytes)
    if (value === undefined) return undefined
    const number = Number(key >> 3n)
    const values = fields.get(number)
    if (values) values.push(value)
    else fields.set(number, [value])
  }
  return fields
}

type Reader = (
  readVarint: () => bigint | undefined,
  readBytes: (length: bigint | undefined) => Bytes | undefined,
) => bigint | Bytes | undefined

const READERS: Readonly<Record<number, Reader>> = {
  [VARINT]: readVarint => readVarint(),
  [FIXED64]: (_, readBytes) => readBytes(8n),
  [BYTES]: (readVarint, readBytes) => readBytes(readVarint()),
  [FIXED32]: (_, readBytes) => readBytes(4n),
}

function tag(number: number, type: number): number {
  return number * 8 + type
}

function varint(value: number): Bytes {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return new Uint8Array([...bytes, rest])
    bytes.push((rest % 128) | 0x80)
  }
}
