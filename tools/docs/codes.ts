/** What can go wrong, by its stable names. */
import { EXIT } from '../../lib/cli/io.js'
import { ERRORS, type ErrorKind } from '../../lib/index.js'
import { code, table } from './markdown.js'

/** Class of each kind, and what its reader can do. */
const CLASSES: Readonly<Record<ErrorKind, readonly [name: string, remedy: string]>> = {
  usage: ['UsageError', 'change what was asked'],
  encoding: ['EncodingError', 'look at the file'],
  policy: ['PolicyError', 'ask for something else'],
  verify: ['VerifyError', 'do not trust it'],
  store: ['StoreError', 'look at the place'],
  api: ['ApiError', 'ask for what the API server allows, or as somebody else'],
  network: ['NetworkError', 'look at the way to the server'],
  workflow: ['WorkflowError', 'run again'],
}

const EXIT_ABOUT: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done',
  failed: 'failed; what was written is taken back',
  usage: 'the command line or the description is wrong; nothing was done',
  findings:
    'the command did its work, and what it looked for is so that somebody should act (`check`: findings, `plan`: changes, `expiration --within`: an end, `hash verify`: no match)',
  interrupted: 'interrupted; what was written is taken back',
}

/** Every error code. */
export function errors(): string {
  return table(
    ['code', 'class', 'what happened'],
    Object.entries(ERRORS).map(([name, { kind, about }]) => [code(name), code(CLASSES[kind][0]), about]),
  )
}

/** Every class of errors. */
export function errorClasses(): string {
  return table(
    ['class', 'what to do', 'codes'],
    (Object.keys(CLASSES) as ErrorKind[]).map(kind => [
      code(CLASSES[kind][0]),
      CLASSES[kind][1],
      String(Object.values(ERRORS).filter(row => row.kind === kind).length),
    ]),
  )
}

/** Every exit status. */
export function exitStatuses(): string {
  return table(
    ['status', 'meaning'],
    Object.entries(EXIT).map(([name, status]) => [String(status), EXIT_ABOUT[name as keyof typeof EXIT]]),
  )
}
