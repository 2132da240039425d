import {
  type Certificate,
  type Context,
  caPin,
  type PlacedCertificate,
  PolicyError,
  readCaCertificates,
  type ServerCas,
} from '../index.js'
import { createNodeContext, DiskStore } from '../node.js'
import type { Run } from './command.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

interface Item {
  readonly file: string
  readonly pin: string
  readonly certificate: Certificate
  readonly part?: string | undefined
  readonly said?: ServerCas
}

/** `kpki hash`: prints pins, one line each. */
export const runHash: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const log = createLog(invocation, io)
  const context = createNodeContext({ log })
  const certDir = text(flags, 'cert-dir')
  const store = new DiskStore(text(flags, 'dir') ?? '/etc/kubernetes', certDir === undefined ? {} : { certDir })
  const items: Item[] = []
  for (const file of args.length > 0 ? args : [store.locate('pki/ca.crt')]) {
    items.push(...(isServer(file) ? await askServer(file, context, io) : await readPins(file, context, io)))
  }
  for (const { said } of items.filter(({ said }, index) => said && said !== items[index - 1]?.said)) {
    const where = said?.from === 'tls' ? 'sends with its certificate' : 'publishes in cluster-info'
    log({
      level: 'warning',
      message:
        `${said?.server} is not verified: this is the pin of the CA that it ${where}, and whoever is in between can say ` +
        'anything; compare it with what kpki hash prints on a control plane',
    })
  }
  const output = text(flags, 'output')
  if (isStructured(output)) {
    const list = items.map(({ file, pin, certificate, part, said }) => ({
      pin,
      file,
      ...(part === undefined ? {} : { part }),
      ...(said ? { server: said.server, from: said.from } : {}),
      subject: certificate.subject.text,
      notAfter: certificate.notAfter.toISOString(),
    }))
    io.stdout(formatStructured({ apiVersion: OUTPUT_VERSION, kind: 'CAPinList', items: list }, output))
  } else {
    io.stdout(items.map(({ pin }) => `${pin}\n`).join(''))
  }
  return EXIT.done
}

/** `HOST:PORT`, `[v6]:PORT` and `https://…` are servers; a file of such a name is `./HOST:PORT`. */
function isServer(argument: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(argument) || /^(\[[^\]/]*\]|[^:/]+):[0-9]{1,5}$/.test(argument)
}

async function askServer(file: string, context: Context, io: Io): Promise<readonly Item[]> {
  // Loaded here: a certificate's pin needs no network.
  const { askServerCas } = await import('./hash-server.js')
  const said = await askServerCas(file, io)
  const cas = said.caCertificates.filter(({ isCa }) => isCa)
  return Promise.all(
    cas.map(async certificate => ({ file, certificate, pin: await caPin(certificate, context), said })),
  )
}

async function readPins(file: string, context: Context, io: Io): Promise<readonly Item[]> {
  const cas = await readCas(file, io)
  return Promise.all(
    cas.map(async ({ certificate, part }) => ({ file, part, certificate, pin: await caPin(certificate, context) })),
  )
}

/**
 * The CA certificates in a certificate file, in manifests, or of the cluster that a kubeconfig goes to.
 *
 * @throws {@link PolicyError} `KPKI_ISSUER_NOT_CA` when there are none, and as {@link readInput} and {@link readCaCertificates}
 */
export async function readCas(path: string, io: Io): Promise<readonly PlacedCertificate[]> {
  const { text: content, name } = await readInput(path, io)
  const found = await readCaCertificates(content, name)
  const cas = found.filter(({ certificate }) => certificate.isCa)
  if (cas.length > 0) return cas
  const [other] = found
  throw new PolicyError(
    'KPKI_ISSUER_NOT_CA',
    `${name} holds no CA certificate${other ? `, but one of ${other.certificate.subject.text}` : ''}`,
    {
      details: { what: name },
      hint: 'the pin is made of the cluster CA: pki/ca.crt, or the certificate-authority-data of a kubeconfig',
    },
  )
}
