/** A folder to run the blocks of a document in: `kpki` is on the PATH, and nothing of it reaches the host's own files. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMMANDS } from '../../lib/cli/commands.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a block did. */
export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder, and how to run what a document shows in it. */
export interface Sandbox {
  readonly dir: string
  readonly sh: (code: string) => Ran
  readonly ts: (code: string) => Ran
  readonly close: () => void
}

/** Commands that write into a tree, which is /etc/kubernetes when nothing else is said, or that look at nothing but a tree. */
const OF_TREES = Object.entries(COMMANDS).flatMap(([path, { flags = {}, args }]) =>
  'dir' in flags && ('dry-run' in flags || !args) ? [path] : [],
)
/** By how many words they have. */
const [ONE_WORD, TWO_WORDS] = [1, 2].map(count => OF_TREES.filter(path => path.split(' ').length === count))

/**
 * The program as people call it, except that a tree which is not named is below the sandbox instead of in /etc.
 *
 * What is written in a block as /etc/kubernetes is rewritten too: no test may touch a host's own PKI.
 */
function shim(etc: string): string {
  return `#!/bin/sh
kpki() { exec "${process.execPath}" "${join(root, 'dist/bin/kpki.js')}" "$@"; }
case " $* " in
  *" --dir "* | *" --dir="* | *" --cert-dir "* | *" --cert-dir="*) kpki "$@" ;;
esac
case "$1 \${2-}" in
  ${TWO_WORDS?.map(path => `'${path}'`).join(' | ')})
    first=$1 second=$2
    shift 2
    kpki "$first" "$second" --dir '${etc}' "$@" ;;
  ${ONE_WORD?.map(path => `'${path} '*`).join(' | ')})
    first=$1
    shift
    kpki "$first" --dir '${etc}' "$@" ;;
esac
kpki "$@"
`
}

/** Makes a sandbox. */
export function openSandbox(): Sandbox {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'kpki-docs-')))
  const [dir, bin, etc] = [join(base, 'work'), join(base, 'bin'), join(base, 'etc/kubernetes')]
  for (const path of [dir, bin]) mkdirSync(path, { recursive: true })
  writeFileSync(join(bin, 'kpki'), shim(etc), { mode: 0o755 })
  // Snippets must lie inside of the package to be able to import it by its name.
  const snippets = join(root, 'test/.snippets', `docs-${process.pid}-${Math.random().toString(36).slice(2)}`)
  mkdirSync(snippets, { recursive: true })
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: base,
    TMPDIR: base,
    LC_ALL: 'C.UTF-8',
    NO_COLOR: '1',
  }
  const run = (program: string, args: readonly string[], input = ''): Ran => {
    const { status, stdout, stderr, error } = spawnSync(program, [...args], {
      cwd: dir,
      env,
      input,
      encoding: 'utf8',
      timeout: 120_000,
    })
    return { status, stdout: stdout ?? '', stderr: `${stderr ?? ''}${error?.message ?? ''}` }
  }
  let count = 0
  return {
    dir,
    sh: code => run('sh', ['-eu', '-c', code.replace(/(?<![\w.-])\/etc\/kubernetes/g, etc)]),
    ts: code => {
      const file = join(snippets, `${++count}.ts`)
      writeFileSync(file, code)
      return run(process.execPath, ['--import', new URL(import.meta.resolve('tsx')).href, file])
    },
    close: () => {
      rmSync(base, { recursive: true, force: true })
      rmSync(snippets, { recursive: true, force: true })
    },
  }
}
