import { KpkiError, type LogEvent, UsageError } from '../index.js'
import type { Invocation } from './command.js'
import { COMMANDS } from './commands.js'
import { findCommand, formatHelp } from './help.js'
import { EXIT, type Io } from './io.js'
import { parseArguments } from './parse.js'
import { formatStructured, isStructured, type Structured } from './structured.js'
import { printable } from './terminal.js'
import { VERSION } from './version.js'
import { withholder } from './withhold.js'

/**
 * Runs one command line.
 *
 * @param argv - without node and script, e.g. `['gen', 'all', '--dir', 'demo']`
 * @returns exit status: 0 done, 1 failed, 2 usage, 3 findings to act on. Never throws, never exits.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let invocation: Invocation | undefined
  try {
    const end = argv.indexOf('--')
    const words = end < 0 ? argv : argv.slice(0, end)
    if (words[0] === '--version' || (words[0] === 'version' && words.length === 1)) {
      io.stdout(`kpki ${VERSION}\n`)
      return EXIT.done
    }
    if (argv.length === 0 || words[0] === 'help' || words.includes('--help') || words.includes('-h')) {
      const { path, rest } = findCommand(words[0] === 'help' ? words.slice(1) : words)
      if (path !== '' || (rest[0] ?? '-').startsWith('-')) {
        io.stdout(formatHelp(path, io.columns))
        return EXIT.done
      }
    }
    invocation = parseArguments(argv)
    refuseTwoInputs(invocation)
    const command = COMMANDS[invocation.path]
    const run = await command?.load?.()
    if (!run) return EXIT.usage
    const work = run(invocation, io)
    return await (command?.endsItself ? work : Promise.race([work, interruption(io.signal)]))
  } catch (error) {
    reportError(error, outputOf(invocation, argv), io, argv)
    if (error instanceof KpkiError && error.code === 'KPKI_INTERRUPTED') return EXIT.interrupted
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  }
}

/** What is read from standard input is gone for the next one who reads. */
function refuseTwoInputs({ flags, args }: Invocation): void {
  const named = Object.entries(flags).flatMap(([name, value]) =>
    [value].flat().includes('-') && !/(^|-)out$/.test(name) ? [`--${name}`] : [],
  )
  const inputs = [...args.filter(word => word === '-'), ...named]
  if (inputs.length < 2) return
  throw new UsageError('KPKI_USAGE', `standard input can be one thing only: ${inputs.join(' or ')}`, {
    hint: 'put the other one into a file',
  })
}

/** Ends when the person interrupts. */
function interruption(signal: AbortSignal): Promise<number> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(EXIT.interrupted)
    signal.addEventListener('abort', () => resolve(EXIT.interrupted), { once: true })
  })
}

/** Errors in the shape that was asked for, on stderr: stdout holds data or nothing. */
function reportError(error: unknown, output: 'text' | Structured, io: Io, argv: readonly string[]): void {
  const known = error instanceof KpkiError
  const code = known ? error.code : 'KPKI_INTERNAL'
  const withhold = withholder(argv)
  const message = withhold(
    known ? error.message : `a defect in kpki: ${error instanceof Error ? error.message : String(error)}`,
  )
  const hint = known ? error.hint && withhold(error.hint) : 'run again with KPKI_DEBUG=1 and report what it prints'
  const stack = io.env['KPKI_DEBUG'] === '1' && error instanceof Error ? withhold(error.stack ?? '') : undefined
  const details = Object.entries(known ? error.details : {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? withhold(value) : typeof value === 'number' ? value : value.map(withhold),
  ])
  if (output !== 'text') {
    io.stderr(
      formatStructured(
        {
          error: {
            code,
            message,
            details: Object.fromEntries(details),
            ...(hint === undefined ? {} : { hint }),
            ...(stack === undefined ? {} : { stack }),
          },
        },
        output,
      ),
    )
  } else {
    const findings = known ? error.details['findings'] : undefined
    if (Array.isArray(findings) && findings.length > 1)
      for (const line of findings) io.stderr(`kpki: error: ${printable(withhold(line))}\n`)
    else io.stderr(`kpki: error: ${printable(message)}\n`)
    if (Array.isArray(findings) && findings.length > 1)
      io.stderr(`kpki: error: ${findings.length} problems; nothing was written\n`)
    if (hint !== undefined) io.stderr(`kpki: hint: ${printable(hint)}\n`)
    if (stack !== undefined) io.stderr(`${stack}\n`)
  }
}

function outputOf(invocation: Invocation | undefined, argv: readonly string[]): 'text' | Structured {
  const wanted =
    invocation?.flags['output'] ?? argv.find((_, index) => argv[index - 1] === '-o' || argv[index - 1] === '--output')
  return isStructured(wanted) ? wanted : 'text'
}

/** A log for a run: warnings and notes as lines, progress as one line that is drawn over; nothing when structured or quiet. */
export function createLog({ flags }: Invocation, io: Io): (event: LogEvent) => void {
  if (flags['quiet'] === true || (flags['output'] ?? 'text') !== 'text') return () => {}
  return ({ level, message, done = 0, total = 0 }) => {
    if (level === 'progress') {
      if (!io.stderrIsTerminal || total === 0) return
      io.stderr(done < total ? `\r\x1b[Kkpki: ${message} ${done}/${total}` : '\r\x1b[K')
    } else {
      io.stderr(level === 'warning' ? `kpki: warning: ${message}\n` : `kpki: ${message}\n`)
    }
  }
}
