import { UsageError } from '../errors.js'

/** Nothing that ends a line, and nothing that a terminal or systemd would take for something else. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u

/**
 * One word of a command line in a unit: systemd replaces `%` and `$`, and takes quotes and backslashes for its own.
 *
 * @param field - named in the error, e.g. `apiServer.extraArgs`
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` for control characters: no argument of these programs has any
 * @see systemd.service(5) "Command lines", systemd.syntax(7) "Quoting", systemd.unit(5) "Specifiers"
 */
export function unitWord(text: string, field: string): string {
  refuseControl(text, field)
  return quoted(text.replaceAll('%', '%%').replaceAll('$', '$$$$'))
}

/** The program that a command line begins with: there, systemd takes a `$` for what it is. */
export function unitProgram(path: string, field: string): string {
  refuseControl(path, field)
  if (!path.startsWith('/')) {
    const details = { field }
    throw new UsageError('KPKI_FIELD_VALUE', `${field}: ${JSON.stringify(path)} is not an absolute path`, { details })
  }
  return quoted(path.replaceAll('%', '%%'))
}

function quoted(text: string): string {
  return /^[-=:,./@_+*a-zA-Z0-9%$[\]]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`
}

/**
 * One line of an environment file; nothing is replaced in it.
 *
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` for control characters, and names that systemd would pass over
 * @see systemd.exec(5) "EnvironmentFile="
 */
export function environmentLine(name: string, value: string, field: string): string {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
    throw new UsageError('KPKI_FIELD_VALUE', `${field}: systemd takes no environment variable of that name`, {
      details: { field },
      hint: 'letters, digits and _, no digit first; or run the component as a static Pod',
    })
  }
  refuseControl(value, field)
  return `${name}="${value.replace(/[\\"`$]/g, '\\$&')}"`
}

function refuseControl(text: string, field: string): void {
  if (!CONTROL.test(text)) return
  throw new UsageError('KPKI_FIELD_VALUE', `${field}: there are control characters in it, which no unit can hold`, {
    details: { field },
    hint: 'take them out; or run the component as a static Pod',
  })
}
