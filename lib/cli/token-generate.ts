import { createContext, formatBootstrapToken, generateBootstrapToken } from '../index.js'
import type { Run } from './command.js'
import { text } from './flags.js'
import { EXIT } from './io.js'
import { writeSecret } from './secrets.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

/** `kpki token generate`: one token, which nobody knows yet. */
export const runTokenGenerate: Run = async (invocation, io) => {
  // The platform's randomness is all that it takes.
  const token = formatBootstrapToken(generateBootstrapToken(createContext()))
  const output = text(invocation.flags, 'output')
  const content = isStructured(output)
    ? formatStructured({ apiVersion: OUTPUT_VERSION, kind: 'GeneratedToken', token }, output)
    : `${token}\n`
  await writeSecret(content, invocation, io)
  return EXIT.done
}
