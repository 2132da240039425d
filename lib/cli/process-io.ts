import { MAX_INPUT_BYTES, StoreError } from '../index.js'
import type { Io, Screen } from './io.js'

// An import of node:fs would load all of its parts, promises, streams and readline among them, and nothing else may need them.
const { fstatSync, writeSync } = process.getBuiltinModule('node:fs')

/** The Io of this process. A first interrupt lets the run take back what it wrote; a second one ends it at once. */
export function processIo(): Io {
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort())
  // A terminal that goes away says so twice, by itself and through its shell: the second time nobody is impatient.
  process.on('SIGHUP', () => {
    if (!interrupt.signal.aborted) process.once('exit', endByHangup)
    interrupt.abort()
  })
  return {
    stdout: (text, mustArrive) => write(1, text, mustArrive),
    stderr: text => write(2, text),
    // Asked for when they are wanted: Node makes a stream to answer.
    get stdoutIsTerminal() {
      return process.stdout.isTTY === true
    },
    get stderrIsTerminal() {
      return process.stderr.isTTY === true
    },
    get stdoutIsExposed() {
      return isExposed(1)
    },
    get columns() {
      return process.stdout.columns ?? 80
    },
    env: process.env,
    readStdin: async (maxBytes = MAX_INPUT_BYTES) => {
      const chunks: Uint8Array[] = []
      let size = 0
      // Nothing is at work yet that would have to be taken back; later there may be.
      const end = () => process.exit(130)
      interrupt.signal.addEventListener('abort', end)
      try {
        for await (const chunk of process.stdin) {
          chunks.push(chunk as Uint8Array)
          size += (chunk as Uint8Array).length
          if (size > maxBytes) break
        }
      } finally {
        interrupt.signal.removeEventListener('abort', end)
      }
      return Buffer.concat(chunks)
    },
    ask: question => ask(question, interrupt.signal),
    signal: interrupt.signal,
    openScreen,
  }
}

function openScreen(): Screen {
  const { stdin, stdout } = process
  // Where something is piped in, there is nobody to type.
  const isTyped = stdin.isTTY === true
  const ends: (() => void)[] = []
  if (isTyped) {
    stdin.setRawMode(true)
    stdin.setEncoding('utf8')
    ends.push(() => stdin.setRawMode(false).pause())
  }
  return {
    size: () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }),
    onKey: listener => {
      if (!isTyped) return
      stdin.on('data', listener)
      ends.push(() => stdin.off('data', listener))
    },
    onResize: listener => {
      stdout.on('resize', listener)
      ends.push(() => stdout.off('resize', listener))
    },
    close: () => {
      for (const end of ends.splice(0).reverse()) end()
    },
  }
}

/** The terminal gives whole lines by itself. */
async function ask(question: string, signal: AbortSignal): Promise<string | undefined> {
  const { stdin, stderr } = process
  if (stdin.isTTY !== true || stderr.isTTY !== true || signal.aborted) return undefined
  write(2, question)
  return new Promise(resolve => {
    const answer = (line: string | undefined) => {
      stdin.removeAllListeners('data').removeAllListeners('end').pause()
      signal.removeEventListener('abort', stop)
      resolve(line)
    }
    const stop = () => {
      write(2, '\n')
      answer(undefined)
    }
    stdin.once('data', (chunk: Buffer) => answer(chunk.toString().trim()))
    // Ctrl-D: nothing is an answer, too.
    stdin.once('end', () => {
      write(2, '\n')
      answer('')
    })
    signal.addEventListener('abort', stop)
  })
}

function isExposed(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor)
    return stats.isFile() && (stats.mode & 0o044) !== 0
  } catch {
    return false
  }
}

/** Node's own end wants to reset the terminal, aborts when that has gone, and may leave a core file with keys in it. */
function endByHangup(): void {
  process.removeAllListeners('SIGHUP')
  process.kill(process.pid, 'SIGHUP')
}

/** Whether it is a terminal, or was one: of one that has gone away nothing else can be asked. */
function isTerminal(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice()
  } catch {
    return false
  }
}

/** Writes synchronously, so that nothing is lost when the process ends; a reader that went away is no error, unless all must arrive. */
function write(descriptor: number, text: string, mustArrive = false): void {
  const bytes = Buffer.from(text)
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += writeSync(descriptor, bytes, offset)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : ''
      if (!mustArrive && (code === 'EPIPE' || (code === 'EIO' && isTerminal(descriptor)))) return
      if (code !== 'EAGAIN') {
        throw new StoreError('KPKI_WRITE_FAILED', `the output cannot be written (${code})`, { cause: error })
      }
    }
  }
}
