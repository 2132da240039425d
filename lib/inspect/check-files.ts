import { ahead } from '../ahead.js'
import { checkCertificate } from '../audit/check-certificate.js'
import { checkIssued } from '../audit/check-issued.js'
import type { LifeOptions } from '../audit/lifetimes.js'
import type { Finding } from '../audit/rules.js'
import type { Context } from '../context.js'
import type { Certificate } from '../x509/certificate.js'
import { FileCheck } from './check-file.js'
import { IssuerSearch } from './check-issuers.js'
import { LinkCount } from './check-links.js'
import { NamedCheck } from './check-named.js'
import { PairSearch } from './check-pairs.js'
import type { InspectInput } from './types.js'

/** Options of {@link checkFiles}. */
export interface CheckFilesOptions extends LifeOptions {
  /** Certificates that were judged elsewhere, with their files: they are issuers, and are not judged again. Default: none */
  readonly known?: readonly { readonly certificate: Certificate; readonly path: string }[]
}

/** What was looked at, each thing once however many files hold it, except that keys are counted where they stand. */
export interface CheckedFiles {
  /** All files, also those that hold nothing of the kind. */
  readonly files: number
  readonly certificates: number
  /** Private keys. */
  readonly keys: number
  readonly kubeconfigs: number
  /** Files that hold nothing of the kind. */
  readonly others: number
  /** Names behind which nothing could be looked at. */
  readonly unread: number
}

/**
 * Checks files of any mix, in any layout: every certificate for itself and against its issuer, which is found by content; keys
 * beside certificates; kubeconfigs with all their entries; what certificates of Kubernetes' own components must say, whatever
 * their files are called; who else can read or change a secret.
 *
 * Findings come while files are read, and next to nothing is kept of a file that was. What is about two files comes with the
 * second one, what would be settled by a file that never came at the end. A certificate that stands in several files is judged
 * where it comes first. Nothing fails: what cannot be read is a finding.
 *
 * @param inputs - files with the names under which people know them, one directory after the other
 * @returns how much was looked at
 * @example for await (const { path, code, message } of checkFiles(inputs, createContext())) console.log(path, code, message)
 */
export async function* checkFiles(
  inputs: Iterable<InspectInput> | AsyncIterable<InspectInput>,
  context: Context,
  options: CheckFilesOptions = {},
): AsyncGenerator<Finding, CheckedFiles> {
  const now = context.clock()
  const frozen = { ...context, clock: () => now }
  const issuers = new IssuerSearch(frozen, (certificate, issuer, { file, part }) =>
    checkIssued(certificate, issuer, { path: file, part }),
  )
  const files = new FileCheck(frozen, options, (certificate, { file, part }) =>
    checkCertificate(certificate, { path: file, part }),
  )
  for (const { certificate, path } of options.known ?? []) {
    await files.know(certificate)
    issuers.know(certificate, { file: path, part: undefined })
  }
  const pairs = new PairSearch()
  const links = new LinkCount()
  const named = new NamedCheck()
  for await (const read of ahead(inputs, input => files.read(input))) {
    const { input } = read
    // Directories are full of links; what is said of them is said once.
    if (input.problemKind === 'outside') {
      yield* links.take(input)
      named.pass(input)
      continue
    }
    yield* links.enter(input.name)
    const checked = files.judge(read)
    yield* named.take(input, checked)
    yield* checked.findings
    for (const { certificate, place } of checked.certificates) yield* await issuers.take(certificate, place)
    yield* pairs.take(input.name, checked.keys)
  }
  yield* links.rest()
  yield* named.rest()
  yield* files.rest()
  yield* issuers.rest()
  const { counts } = files
  return { ...counts, files: counts.files + links.total, unread: counts.unread + links.total }
}
