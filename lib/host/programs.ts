import fs from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/**
 * Whether a program can be run by this name: one with a slash is a path, any other is looked for in PATH.
 *
 * @param env - `PATH`; `PATHEXT` on Windows
 */
export async function programExists(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  return (await findProgram(command, env)) !== undefined
}

/** As {@link programExists}; where it is. */
export async function findProgram(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const endings = process.platform === 'win32' ? ['', ...(env['PATHEXT'] ?? '.EXE;.CMD;.BAT').split(';')] : ['']
  const isPath = process.platform === 'win32' ? /[\\/]/.test(command) : command.includes('/')
  // An empty entry is the current directory to shells, and nothing to Go since 1.19.
  const folders = isPath ? [undefined] : (env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '')
  for (const folder of folders) {
    for (const ending of endings) {
      const path = (folder === undefined ? command : join(folder, command)) + ending
      if (await isProgram(path)) return path
    }
  }
  return undefined
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await fs.access(path, fs.constants.X_OK)
    return (await fs.stat(path)).isFile()
  } catch {
    return false
  }
}
