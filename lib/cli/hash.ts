import {
  type Certificate,
  type Context,
  caPin,
  PolicyError,
  parseCertificates,
  parsePin,
  UsageError,
  VerifyError,
  verifyCaPin,
} from '../index.js'
import { createNodeContext, DiskStore } from '../node.js'
import type { Run } from './command.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

/** `kpki hash`: prints pins, one line each. */
export const runHash: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const context = createNodeContext({ log: createLog(invocation, io) })
  const certDir = text(flags, 'cert-dir')
  const store = new DiskStore(text(flags, 'dir') ?? '/etc/kubernetes', certDir === undefined ? {} : { certDir })
  const items = []
  for (const file of args.length > 0 ? args : [store.locate('pki/ca.crt')]) {
    for (const certificate of await readCas(file, context, io))
      items.push({ file, pin: await caPin(certificate, context), certificate })
  }
  const output = text(flags, 'output')
  if (isStructured(output)) {
    const list = items.map(({ file, pin, certificate }) => ({
      pin,
      file,
      subject: certificate.subject.text,
      notAfter: certificate.notAfter.toISOString(),
    }))
    io.stdout(formatStructured({ apiVersion: OUTPUT_VERSION, kind: 'CAPinList', items: list }, output))
  } else {
    io.stdout(items.map(({ pin }) => `${pin}\n`).join(''))
  }
  return EXIT.done
}

/** `kpki hash verify`: status 3 when no certificate has one of the pins. */
export const runHashVerify: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const context = createNodeContext({ log: createLog(invocation, io) })
  const pins = args.map(parsePin)
  const files = [text(flags, 'ca-cert'), text(flags, 'kubeconfig')].filter(file => file !== undefined)
  const [file] = files
  if (file === undefined || files.length > 1) {
    throw new UsageError('KPKI_USAGE', 'name what to check: --ca-cert FILE or --kubeconfig FILE', {
      hint: 'see kpki hash verify --help',
    })
  }
  const certificates = await readCas(file, context, io)
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

/** The CA certificates in a certificate file, or of the cluster that a kubeconfig goes to. */
async function readCas(path: string, context: Context, io: Io): Promise<readonly Certificate[]> {
  const { text: content, name } = await readInput(path, io)
  const certificates = content.includes('-----BEGIN ')
    ? parseCertificates(content, name)
    : await (await import('./hash-kubeconfig.js')).readKubeconfigCas(content, context, name)
  const cas = certificates.filter(({ isCa }) => isCa)
  if (cas.length > 0) return cas
  throw new PolicyError(
    'KPKI_ISSUER_NOT_CA',
    `${name} holds no CA certificate${certificates[0] ? `, but one of ${certificates[0].subject.text}` : ''}`,
    {
      details: { what: name },
      hint: 'the pin is made of the cluster CA: pki/ca.crt, or the certificate-authority-data of a kubeconfig',
    },
  )
}
