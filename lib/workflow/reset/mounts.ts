import { decodeUtf8 } from '../../crypto/bytes.js'
import { StoreError } from '../../errors.js'
import type { Host } from '../host.js'

const MOUNTINFO = '/proc/self/mountinfo'

/**
 * What is mounted, in the order in which it was.
 *
 * @throws `StoreError` `KPKI_FILE_NOT_FOUND` where the host cannot say; `EncodingError` `KPKI_INPUT_TOO_LARGE`
 */
export async function readMounts(host: Host): Promise<readonly string[]> {
  const bytes = await host.read(MOUNTINFO)
  const text = bytes && decodeUtf8(bytes)
  if (text === undefined)
    throw new StoreError('KPKI_FILE_NOT_FOUND', `${MOUNTINFO} cannot be read: nobody knows what is mounted`, {
      details: { path: MOUNTINFO },
    })
  return parseMounts(text)
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

/** Whether something is mounted at a path or below it. */
export function holdsMount(path: string, mounts: readonly string[]): boolean {
  return mounts.some(point => point === path || point.startsWith(`${path}/`))
}
