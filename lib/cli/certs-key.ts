import { createContext, formatCertificateKey, generateCertificateKey } from '../index.js'
import type { Run } from './command.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { writeSecret } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

/** `kpki certs key`. */
export const runCertsKey: Run = async (invocation, io) => {
  // The platform's own randomness: there is nothing else to load for it.
  const certificateKey = formatCertificateKey(generateCertificateKey(createContext()))
  const output = text(invocation.flags, 'output')
  const content = isStructured(output)
    ? formatStructured({ apiVersion: OUTPUT_VERSION, kind: 'CertificateKey', certificateKey }, output)
    : `${certificateKey}\n`
  await writeSecret(content, invocation, io)
  return EXIT.done
}
