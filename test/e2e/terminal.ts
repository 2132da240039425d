/** A program on a terminal of its own, by `script` of util-linux: what is typed goes in, what is shown comes out. */
import type { ChildProcess } from 'node:child_process'
import { type RunOptions, start } from './host.js'

/** An interactive program. */
export class Terminal {
  readonly #child: ChildProcess
  #shown = ''
  #wake: () => void = () => {}

  /** @param command - for `sh -c` */
  constructor(command: string, options: RunOptions = {}) {
    this.#child = start('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], options)
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#shown += chunk.toString()
      this.#wake()
    })
    this.#child.once('close', () => this.#wake())
  }

  /**
   * Types text and waits until something new is shown.
   *
   * @returns all that was shown meanwhile, to the end of the match
   * @throws when it is not shown within 20 seconds
   */
  async type(text: string, until: RegExp): Promise<{ readonly shown: string; readonly match: RegExpExecArray }> {
    this.#shown = ''
    this.#child.stdin?.write(text)
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#wake()
    }, 20_000)
    try {
      for (;;) {
        const match = until.exec(this.#shown)
        if (match) return { shown: this.#shown.slice(0, match.index + match[0].length), match }
        if (isLate || this.#child.exitCode !== null)
          throw new Error(`${JSON.stringify(text)}: not shown: ${until}, but ${JSON.stringify(this.#shown)}`)
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }
}
