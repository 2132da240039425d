/** Preflight checks, and the programs that they look for. */
import { DIFFERENCES } from '../../lib/kubernetes/differences.js'
import { PREFLIGHT_ROLES, type PreflightCheck } from '../../lib/workflow/preflight/check.js'
import { PREFLIGHT_CHECKS } from '../../lib/workflow/preflight/checks.js'
import { PREFLIGHT_PROGRAMS } from '../../lib/workflow/preflight/program-checks.js'
import { spanOf } from './components.js'
import { code, table } from './markdown.js'

const versionsOf = ({ versions }: Pick<PreflightCheck, 'versions'>) =>
  versions ? spanOf(DIFFERENCES[versions]) : 'all'
const rolesOf = ({ roles }: PreflightCheck) => (roles.length === PREFLIGHT_ROLES.length ? 'all' : roles.join(', '))

/** The checks of one origin. */
export function preflightChecks(origin: PreflightCheck['origin']): string {
  return table(
    ['name', 'looks whether', 'at worst', 'roles', 'versions', 'how to mend it'],
    PREFLIGHT_CHECKS.filter(check => check.origin === origin).map(check => [
      code(check.name),
      check.about,
      check.severity,
      rolesOf(check),
      versionsOf(check),
      check.mend,
    ]),
  )
}

/** Programs in PATH. */
export function preflightPrograms(): string {
  return table(
    ['program', 'without it', 'versions', 'package of Debian'],
    PREFLIGHT_PROGRAMS.map(program => [
      code(program.name),
      program.severity,
      program.versions ? spanOf(DIFFERENCES[program.versions]) : 'all',
      code(program.package),
    ]),
  )
}
