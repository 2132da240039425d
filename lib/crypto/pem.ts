import { EncodingError } from '../errors.js'
import { MAX_INPUT_BYTES } from '../limits.js'
import { type Bytes, formatBase64, parseBase64 } from './bytes.js'

/** One PEM block (RFC 7468). */
export interface PemBlock {
  /** Between the dashes, e.g. `CERTIFICATE`. */
  readonly label: string
  readonly bytes: Bytes
  /** RFC 1421 headers stood in the block: in practice an encrypted traditional key. */
  readonly hasHeaders: boolean
}

const BEGIN = '-----BEGIN '
const DASHES = '-----'

/** RFC 7468 section 3: printable characters, and between them single blanks and hyphens. */
const LABEL = /^[!-,.-~]+(?:[- ][!-,.-~]+)*$/

/**
 * Reads every PEM block of a text, in order; text around the blocks is passed over, as Go's `encoding/pem` does.
 *
 * @param text - PEM text, at most 1 MiB
 * @param what - named in errors, e.g. a file name. Default: `'the text'`
 * @returns the blocks; empty when there is none
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`, `KPKI_PEM_INVALID` for a block that is cut off, whose ends differ,
 *   or whose content is not base64
 * @see RFC 7468 section 2 and 3
 */
export function parsePem(text: string, what = 'the text'): PemBlock[] {
  const invalid = (problem: string) =>
    new EncodingError('KPKI_PEM_INVALID', `${what}: ${problem}`, { details: { what } })
  const blocks: PemBlock[] = []
  for (const found of scanPem(text, what)) {
    if ('problem' in found) throw invalid(found.problem)
    blocks.push(found)
  }
  return blocks
}

/** In place of a block that cannot be read. */
export interface PemFault {
  /** What is wrong, one sentence. */
  readonly problem: string
}

/**
 * Reads the PEM blocks of a text one after the other and goes on behind those that cannot be read; in linear time.
 *
 * @param maxBytes - Default: 1 MiB
 * @throws {@link EncodingError} `KPKI_INPUT_TOO_LARGE`
 */
export function* scanPem(text: string, what: string, maxBytes = MAX_INPUT_BYTES): Generator<PemBlock | PemFault, void> {
  if (text.length > maxBytes) {
    throw new EncodingError('KPKI_INPUT_TOO_LARGE', `${what} is larger than ${maxBytes / MAX_INPUT_BYTES} MiB`, {
      details: { what },
    })
  }
  // By searching forwards only: a pattern over the whole text would read a megabyte of block starts once for each of them.
  for (let at = text.indexOf(BEGIN); at >= 0; ) {
    const labelEnd = text.indexOf(DASHES, at + BEGIN.length)
    const label = text.slice(at + BEGIN.length, Math.max(labelEnd, 0))
    const end = text.indexOf(DASHES, labelEnd + DASHES.length)
    const isCutOff = labelEnd < 0 || end < 0 || label.length > 64 || !LABEL.test(label)
    const found = isCutOff ? { problem: 'a PEM block is cut off' } : readBlock(text, { at, labelEnd, end, label })
    yield found
    const next = 'problem' in found ? at + BEGIN.length : end + `-----END ${label}-----`.length
    at = text.indexOf(BEGIN, next)
  }
}

interface Frame {
  readonly label: string
  /** Where the block begins, where its label ends, and where the dashes behind its content begin. */
  readonly at: number
  readonly labelEnd: number
  readonly end: number
}

function readBlock(text: string, { label, at, labelEnd, end }: Frame): PemBlock | PemFault {
  const footer = `-----END ${label}-----`
  if (!text.startsWith(footer, end)) return { problem: `PEM block ${label} is not ended` }
  // Go's encoding/pem passes over what does not stand on lines of its own, and then a file that is fine here is empty there.
  const behind = /^[ \t\r]*(?:\n|$)/.test(text.slice(end + footer.length, end + footer.length + 100))
  if ((at > 0 && text[at - 1] !== '\n') || text[end - 1] !== '\n' || !behind) {
    const mark = text.startsWith('\ufeff') ? ' (a byte order mark is before it)' : ''
    return { problem: `PEM block ${label} does not stand on lines of its own${mark}` }
  }
  const body = text.slice(labelEnd + DASHES.length, end)
  const content = body.trimStart()
  // Headers end at an empty line (RFC 1421 section 4.4); a colon cannot stand in base64.
  const hasHeaders = /^[A-Za-z0-9-]{1,64}:/.test(content)
  const headersEnd = /\r?\n[ \t]*\r?\n/.exec(content)
  const base64 = !hasHeaders ? content : headersEnd ? content.slice(headersEnd.index + headersEnd[0].length) : ''
  const bytes = parseBase64(base64)
  if (!/^[ \t]*\r?\n/.test(body) || bytes === undefined || bytes.length === 0)
    return { problem: `PEM block ${label} does not hold base64` }
  return { label, bytes, hasHeaders }
}

/**
 * Writes one PEM block: 64 columns, LF, final newline, as Go's `encoding/pem` writes it.
 *
 * @see RFC 7468 section 2
 */
export function formatPem(label: string, bytes: Uint8Array): string {
  const lines = formatBase64(bytes).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** What a text holds in place of something wanted, as the end of a sentence. */
export function describeLabels(wanted: string, blocks: readonly PemBlock[]): string {
  const labels = [...new Set(blocks.map(({ label }) => label))].slice(0, 5).join(', ')
  return labels === '' ? `holds no PEM block, so no ${wanted}` : `holds no ${wanted}, but ${labels}`
}
