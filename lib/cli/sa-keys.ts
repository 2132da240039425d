import {
  type Context,
  DEFAULT_ISSUER,
  openIdConfiguration,
  parseServiceAccountKeys,
  type ServiceAccountKey,
  StoreError,
  serviceAccountJwks,
  uniqueKeys,
} from '../index.js'
import { createNodeContext, DiskStore } from '../node.js'
import type { Invocation, Run } from './command.js'
import { text } from './flags.js'
import { readInput } from './input.js'
import { EXIT, type Io } from './io.js'
import { createLog } from './main.js'
import { formatStructured, isStructured, OUTPUT_VERSION } from './structured.js'

/** The tree that `--dir` and `--cert-dir` name. */
export function treeOf({ flags }: Invocation): DiskStore {
  const certDir = text(flags, 'cert-dir')
  return new DiskStore(text(flags, 'dir') ?? '/etc/kubernetes', certDir === undefined ? {} : { certDir })
}

/** The public keys in files, or in `pki/sa.pub` of the tree. */
export async function readKeys(
  files: readonly string[],
  invocation: Invocation,
  context: Context,
  io: Io,
): Promise<readonly ServiceAccountKey[]> {
  const keys: ServiceAccountKey[] = []
  for (const file of files.length > 0 ? files : [treeOf(invocation).locate('pki/sa.pub')]) {
    const { text: content, name } = await readInput(file, io).catch(error => Promise.reject(withCommaHint(error, file)))
    keys.push(...(await parseServiceAccountKeys(content, context, name)))
  }
  return uniqueKeys(keys)
}

/** `--key` takes a list, arguments are one already. */
function withCommaHint(error: unknown, file: string): unknown {
  const isList =
    error instanceof StoreError && error.code === 'KPKI_FILE_NOT_FOUND' && !error.hint && file.includes(',')
  if (!isList) return error
  const { code, message, details } = error
  return new StoreError(code, message, {
    details,
    hint: 'files that are arguments have spaces between them, no commas',
  })
}

/** As the API server serves it: one line. With `-o` it has our two fields in front, which readers of such documents pass over. */
function printDocument(document: object, kind: string, { flags }: Invocation, io: Io): number {
  const output = text(flags, 'output')
  io.stdout(
    isStructured(output)
      ? formatStructured({ apiVersion: OUTPUT_VERSION, kind, ...document }, output)
      : `${JSON.stringify(document)}\n`,
  )
  return EXIT.done
}

/** `kpki sa jwks`: the key set of the issuer. */
export const runSaJwks: Run = async (invocation, io) => {
  const context = createNodeContext({ log: createLog(invocation, io) })
  const keys = await readKeys(invocation.args, invocation, context, io)
  return printDocument(serviceAccountJwks(keys), 'JSONWebKeySet', invocation, io)
}

/** `kpki sa openid-configuration`: the discovery document of the issuer. */
export const runSaOpenIdConfiguration: Run = async (invocation, io) => {
  const { flags, args } = invocation
  const context = createNodeContext({ log: createLog(invocation, io) })
  const keys = await readKeys(args, invocation, context, io)
  const document = openIdConfiguration(text(flags, 'issuer') ?? DEFAULT_ISSUER, keys, text(flags, 'jwks-uri'))
  return printDocument(document, 'OpenIDConfiguration', invocation, io)
}
