import type { Io, OpenedHost, Screen } from '../../lib/cli/io.js'
import { main } from '../../lib/cli/main.js'
import { StoreError } from '../../lib/errors.js'

/** What a command line did. */
export interface Transcript {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line in process, on a terminal or not, with text as standard input. */
export async function run(
  argv: readonly string[],
  {
    stdin = '',
    terminal = false,
    exposed = false,
    full = false,
    columns = 80,
    env = {},
    signal = new AbortController().signal,
    answer,
    screen,
    host,
  }: {
    stdin?: string | (() => string)
    terminal?: boolean
    exposed?: boolean
    /** Standard output takes nothing, as /dev/full. */
    full?: boolean
    columns?: number
    env?: Record<string, string>
    signal?: AbortSignal
    /** What the person at the terminal says. Default: there is none */
    answer?: string | ((question: string) => string | undefined)
    /** For commands that draw on all of the terminal. */
    screen?: Screen
    /** The host that `init` and its kin work on. */
    host?: OpenedHost
  } = {},
): Promise<Transcript> {
  let stdout = ''
  let stderr = ''
  const io: Io = {
    stdout: text => {
      if (full) throw new StoreError('KPKI_WRITE_FAILED', 'the output cannot be written (ENOSPC)')
      stdout += text
    },
    stderr: text => {
      stderr += text
    },
    stdoutIsTerminal: terminal,
    stderrIsTerminal: terminal,
    stdoutIsExposed: exposed,
    columns,
    env,
    readStdin: async () => new TextEncoder().encode(typeof stdin === 'string' ? stdin : stdin()),
    ask: async question => {
      if (answer === undefined) return undefined
      stderr += question
      return typeof answer === 'string' ? answer : answer(question)
    },
    signal,
    ...(screen ? { openScreen: () => screen } : {}),
    ...(host ? { host } : {}),
  }
  const status = await main(argv, io)
  return { status, stdout, stderr }
}
