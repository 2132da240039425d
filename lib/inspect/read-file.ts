import type { RuleId } from '../audit/rules.js'
import type { Context } from '../context.js'
import { decodeUtf8 } from '../crypto/bytes.js'
import type { ErrorCode } from '../errors.js'
import { MAX_INPUT_BYTES, MAX_INSPECT_BYTES } from '../limits.js'
import { closedForm } from './closed-forms.js'
import { type Contents, type Draft, noContents } from './draft.js'
import { looksLikeDer, readDer } from './read-der.js'
import { looksLikeDocument, readDocuments } from './read-manifest.js'
import { readPem } from './read-pem.js'
import type { InputProblem, InspectInput } from './types.js'

/** What is to be done where the bytes of a file could not be had. */
const PROBLEMS: Readonly<Record<InputProblem, readonly [RuleId, ErrorCode, hint: string]>> = {
  'too-large': ['unreadable', 'KPKI_INPUT_TOO_LARGE', 'name the file itself: PEM and JSON are then read up to 32 MiB'],
  'too-many': ['too-many', 'KPKI_INPUT_TOO_LARGE', 'name what is below it: kpki inspect DIR/BELOW'],
  'too-deep': ['too-many', 'KPKI_INPUT_TOO_LARGE', 'name what is below it'],
  'not-regular': ['not-regular', 'KPKI_FILE_NOT_REGULAR', 'put the file itself there, or remove it'],
  outside: ['link-outside', 'KPKI_FILE_OUTSIDE', 'name what it leads to, or the directory that this is in'],
  forbidden: ['unreadable', 'KPKI_FILE_UNREADABLE', 'run it as a user who may read it, e.g. with sudo'],
  other: ['unreadable', 'KPKI_FILE_UNREADABLE', 'see whether another program can open it'],
}

/** What else is to be done where somebody has named that very file. */
const OF_NAMED: Readonly<Partial<Record<InputProblem, string>>> = {
  'too-large': 'split it: PEM and JSON are read up to 32 MiB',
  'not-regular': 'what comes through a pipe is read with -',
}

/** Takes a file in, whatever it is; what cannot be read becomes a remark, what is of no interest is named. */
export async function readFile(input: InspectInput, draft: Draft, context: Context): Promise<Contents> {
  const place = { file: input.name, part: undefined }
  const none = noContents()
  if (input.problem !== undefined) {
    const kind = input.problemKind ?? 'other'
    const [code, error, hint] = PROBLEMS[kind]
    const own = input.named === input.name ? OF_NAMED[kind] : undefined
    draft.remark(code, place, input.problem, { error, hint: own ?? hint })
    return none
  }
  if (input.bytes.length > MAX_INSPECT_BYTES) {
    draft.remark('unreadable', place, 'is larger than 32 MiB', { error: 'KPKI_INPUT_TOO_LARGE' })
    return none
  }
  const form = closedForm(input.bytes)
  if (form) {
    // What is in an archive that is not compressed looks like a text with PEM blocks in it.
    draft.closed.set(input.name, form)
    draft.others.push(input.name)
    return none
  }
  if (input.bytes.length <= MAX_INPUT_BYTES && looksLikeDer(input.bytes)) {
    const contents = await readDer(input.bytes, place, draft, context)
    if (!contents.isAny) draft.others.push(input.name)
    return contents
  }
  const text = decodeUtf8(input.bytes)
  // A byte order mark hides the block behind it from Go, which the PEM reader says.
  if (text !== undefined && /^\ufeff?-----BEGIN /m.test(text)) return readPem(text, place, draft, context)
  let isAny = false
  if (text !== undefined && looksLikeDocument(text)) {
    try {
      isAny = await readDocuments(text, place, draft, context)
    } catch (error) {
      draft.refused(error, place)
      isAny = true
    }
  } else if (claimsToBeOurs(input, text)) {
    draft.remark('unreadable', place, 'holds neither a PEM block nor DER', { error: 'KPKI_PEM_INVALID' })
    isAny = true
  }
  if (!isAny) draft.others.push(input.name)
  return none
}

/** Whether a file that holds nothing should hold something by its name: a certificate that is empty is no side matter. */
function claimsToBeOurs({ name }: InspectInput, text: string | undefined): boolean {
  // Windows' and OpenSSH's tools use some of these names, too; their texts begin with other words.
  return /\.(crt|cer|pem|key|csr)$/i.test(name) && !/^(ssh-|ecdsa-|---- )/.test(text ?? '')
}
