import { type Certificate, caPin, parsePin, UsageError, VerifyError, verifyCaPin } from '../index.js'
import { createNodeContext } from '../node.js'
import type { Run } from './command.js'
import { text } from './flags.js'
import { readCas } from './hash.js'
import { EXIT } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

const SOURCES = ['ca-cert', 'kubeconfig', 'server'] as const
const SERVER_ONLY = ['token', 'token-file', 'timeout'] as const

/** `kpki hash verify`: status 3 when no certificate has one of the pins. */
export const runHashVerify: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const pins = args.map(parsePin)
  const sources = SOURCES.filter(name => flags[name] !== undefined)
  const [source] = sources
  if (source === undefined || sources.length > 1) {
    throw new UsageError(
      'KPKI_USAGE',
      'name one thing to check: --ca-cert FILE, --kubeconfig FILE or --server HOST:PORT',
      {
        hint: 'see kpki hash verify --help',
      },
    )
  }
  // Loaded there: a file needs no network.
  if (source === 'server') return (await import('./discover.js')).verifyServer(invocation, pins, io)
  const stray = SERVER_ONLY.find(name => flags[name] !== undefined)
  if (stray !== undefined) {
    throw new UsageError('KPKI_USAGE', `--${stray} is for --server: a file is checked against the pins alone`, {
      hint: 'see kpki hash verify --help',
    })
  }
  const context = createNodeContext({ log: createLog(invocation, io) })
  const file = text(flags, source) ?? ''
  const certificates = (await readCas(file, io)).map(({ certificate }) => certificate)
  const output = text(flags, 'output')
  const actual = await Promise.all(certificates.map(certificate => caPin(certificate, context)))
  let match: Certificate | undefined
  let problem = ''
  try {
    match = await verifyCaPin(pins, certificates, context)
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error
    problem = `kpki: ${error.message}\nkpki: hint: ${error.hint}\n`
  }
  if (isStructured(output)) {
    io.stdout(
      formatStructured(
        { apiVersion: OUTPUT_VERSION, kind: 'CAPinVerification', matches: match !== undefined, pins, actual, file },
        output,
      ),
    )
  } else if (match) {
    if (flags['quiet'] !== true) io.stdout(`${file}: the pin matches ${match.subject.text}\n`)
  } else {
    io.stderr(problem)
  }
  return match ? EXIT.done : EXIT.findings
}
