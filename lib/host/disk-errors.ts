import { type CodeOf, KpkiError, StoreError } from '../errors.js'
import { looksSecret } from '../kubernetes/secret-shapes.js'

/** A system error's code, e.g. `ENOENT`; `''` for anything else. */
export type Failure = string

/** The code of a system error. */
export function failureCode(error: unknown): Failure {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

const NOT_WRITABLE: readonly Failure[] = ['EACCES', 'EPERM']
const NO_SPACE: readonly Failure[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

/**
 * What is said where no file is. What somebody gave for its name may be a secret, and is not shown then.
 *
 * @param hint - what else to do where it is a name
 */
export function fileNotFound(path: string, hint?: string): StoreError {
  if (looksSecret(path)) return noName('KPKI_FILE_NOT_FOUND', 'and there is no such file')
  return new StoreError('KPKI_FILE_NOT_FOUND', `${path} does not exist`, {
    details: { path },
    ...(hint === undefined ? {} : { hint }),
  })
}

function noName(code: CodeOf<'store'>, end: string): StoreError {
  return new StoreError(
    code,
    `a file is wanted, and what was given for its name looks like a secret or like contents, not shown here, ${end}`,
    { hint: 'name a file that holds it, or give it by standard input, whose name is -' },
  )
}

/** What a system error means for a path; kpki's own errors pass through. */
export function toStoreError(error: unknown, path: string, doing: 'read' | 'write'): unknown {
  if (error instanceof KpkiError) return error
  const failure = failureCode(error)
  if (failure === '') return error
  // Its own text quotes the path, and so it is no cause to keep.
  if (looksSecret(path))
    return noName(doing === 'read' ? 'KPKI_FILE_UNREADABLE' : 'KPKI_WRITE_FAILED', `and the system says ${failure}`)
  const options = { details: { path, errno: failure }, cause: error }
  if (failure === 'ENOTDIR')
    return new StoreError('KPKI_FILE_NOT_REGULAR', `${path} lies below something that is not a directory`, options)
  if (failure === 'ELOOP')
    return new StoreError('KPKI_FILE_NOT_REGULAR', `${path} is a link that leads in a circle`, options)
  if (doing === 'read') {
    const hint = failure === 'EACCES' ? { hint: 'run as the user that it belongs to, or with sudo' } : {}
    return new StoreError('KPKI_FILE_UNREADABLE', `${path} cannot be read (${failure})`, { ...options, ...hint })
  }
  if (failure === 'EEXIST') {
    return new StoreError('KPKI_FILE_EXISTS', `${path} exists already`, {
      ...options,
      hint: 'somebody made it meanwhile; run again',
    })
  }
  if (failure === 'EROFS') {
    return new StoreError('KPKI_DIR_NOT_WRITABLE', `${path} cannot be written to (${failure})`, {
      ...options,
      hint: 'it is mounted to be read only: mount it to be written to, or name another directory',
    })
  }
  if (NOT_WRITABLE.includes(failure)) {
    return new StoreError('KPKI_DIR_NOT_WRITABLE', `${path} cannot be written to (${failure})`, {
      ...options,
      hint: 'name another directory, or run as a user who may write there (sudo)',
    })
  }
  if (NO_SPACE.includes(failure)) {
    return new StoreError('KPKI_DISK_FULL', `no space is left for ${path}`, {
      ...options,
      hint: 'make room and run again',
    })
  }
  return new StoreError('KPKI_WRITE_FAILED', `${path} cannot be written (${failure})`, options)
}
