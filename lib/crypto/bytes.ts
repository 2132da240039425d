/** Bytes in memory of their own, which is what WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>

/** Copies anything byte-like into memory of its own. */
export function toBytes(source: ArrayBuffer | ArrayBufferView): Bytes {
  return source instanceof ArrayBuffer
    ? new Uint8Array(source.slice(0))
    : new Uint8Array(new Uint8Array(source.buffer, source.byteOffset, source.byteLength))
}

/** Whether two byte strings are the same. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** All parts in a row. */
export function concatBytes(parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

/** Lower-case hex, two digits a byte. */
export function formatHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** Bytes of hex text, two digits a byte, which is not checked. */
export function parseHex(text: string): Bytes {
  return new Uint8Array((text.match(/../g) ?? []).map(pair => Number.parseInt(pair, 16)))
}

/** Standard base64 with padding, one line (RFC 4648 section 4). */
export function formatBase64(bytes: Uint8Array): string {
  let binary = ''
  // In slices: spreading a whole file into the argument list would overflow the stack.
  for (let start = 0; start < bytes.length; start += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 0x8000))
  }
  return btoa(binary)
}

/** Reads standard base64, white space ignored; `undefined` when it is none. */
export function parseBase64(text: string): Bytes | undefined {
  const compact = text.replace(/[ \t\r\n]+/g, '')
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined
  const binary = atob(compact)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}

/** Base64 for URLs, without padding (RFC 4648 section 5; RFC 7515 section 2). */
export function formatBase64Url(bytes: Uint8Array): string {
  return formatBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Reads base64 for URLs without padding, no white space; `undefined` when it is none, or has bits beyond its last byte. */
export function parseBase64Url(text: string): Bytes | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const padding = '='.repeat((4 - (text.length % 4)) % 4)
  const bytes = parseBase64(text.replaceAll('-', '+').replaceAll('_', '/') + padding)
  return bytes && formatBase64Url(bytes) === text ? bytes : undefined
}

/** UTF-8 bytes of a text. */
export function encodeUtf8(text: string): Bytes {
  return new TextEncoder().encode(text)
}

/** Text of UTF-8 bytes; `undefined` when they are not UTF-8. A leading byte order mark stays: to Go it is a character. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
