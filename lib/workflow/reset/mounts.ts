import { StoreError } from '../../errors.js'
import type { Host } from '../host.js'

const MOUNTINFO = '/proc/self/mountinfo'
/** 100 000 mounts of Linux (fs.mount-max) with some 600 bytes each. */
const MAX_BYTES = 64 * 1024 * 1024

/**
 * What is mounted, in the order in which it was.
 *
 * @throws `StoreError` `KPKI_FILE_NOT_FOUND` where the host cannot say; `EncodingError` `KPKI_INPUT_TOO_LARGE`
 */
export async function readMounts(host: Host): Promise<readonly string[]> {
  const bytes = await host.read(MOUNTINFO, MAX_BYTES)
  if (bytes === undefined)
    throw new StoreError('KPKI_FILE_NOT_FOUND', `${MOUNTINFO} cannot be read: nobody knows what is mounted`, {
      details: { path: MOUNTINFO },
    })
  // What is no UTF-8 is no place that anybody asks for, and is no reason to know nothing of the others.
  return parseMounts(new TextDecoder().decode(bytes))
}

/** Mount points, the fifth field of a line; spaces and the like are octal there (proc(5)). */
export function parseMounts(text: string): readonly string[] {
  return text.split('\n').flatMap(line => {
    const point = line.split(' ')[4]
    return point?.startsWith('/') ? [point.replace(/\\([0-7]{3})/g, (_, octal) => byteOf(octal))] : []
  })
}

function byteOf(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8))
}
