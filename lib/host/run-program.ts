import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { WorkflowError } from '../errors.js'
import type { ProgramResult } from '../workflow/host.js'
import { failureCode } from './disk-errors.js'
import type { Environment } from './proxy.js'

/** How to run a program. */
export interface RunProgramOptions {
  readonly env: Environment
  /** It is killed afterwards, with all that it has started. Default: 30 000 */
  readonly timeoutMs?: number | undefined
  /** Of standard output and of standard error; what is beyond is dropped. Default: 1 MiB */
  readonly maxBytes?: number
}

/**
 * Runs a program to its end: without a shell, without input or a terminal, in the language C.
 *
 * @param path - absolute
 * @param args - shown to everybody who lists processes: never a secret
 * @returns what it says, whatever its status; 128 and the signal's number where it was killed, as shells have it
 * @throws {@link WorkflowError} `KPKI_PROGRAM_FAILED` when it cannot be started or does not end in time
 */
export function runProgram(path: string, args: readonly string[], options: RunProgramOptions): Promise<ProgramResult> {
  const { env, timeoutMs = 30_000, maxBytes = 1024 * 1024 } = options
  return new Promise((resolve, reject) => {
    const failed = (problem: string, cause?: unknown) =>
      new WorkflowError('KPKI_PROGRAM_FAILED', `${path} ${problem}`, {
        details: { path },
        hint: `run it by hand to see what it says: ${path}`,
        ...(cause === undefined ? {} : { cause }),
      })
    // A group of its own, so that what it has started ends with it, and nothing keeps the pipes open.
    const child = spawn(path, args, {
      env: { ...env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    })
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        child.kill('SIGKILL')
      }
      child.stdout.destroy()
      child.stderr.destroy()
    }
    const timer = setTimeout(() => {
      kill()
      reject(failed(`does not end: it was stopped after ${timeoutMs / 1000} s`))
    }, timeoutMs)
    const [stdout, stderr] = [child.stdout, child.stderr].map(stream => {
      const chunks: Buffer[] = []
      let length = 0
      stream.on('data', (chunk: Buffer) => {
        if (length < maxBytes) chunks.push(chunk.subarray(0, maxBytes - length))
        length += chunk.length
      })
      return () => Buffer.concat(chunks).toString('utf8')
    })
    child.once('error', error => {
      clearTimeout(timer)
      reject(failed(`cannot be run (${failureCode(error)})`, error))
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ status: code ?? 128 + signalNumber(signal), stdout: stdout?.() ?? '', stderr: stderr?.() ?? '' })
    })
  })
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal]
}
