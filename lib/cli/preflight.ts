import { initSubject, PREFLIGHT_CHECKS, PREFLIGHT_ROLES, prepareInit, runPreflight } from '../index.js'
import type { Run } from './command.js'
import { listeningContext } from './description.js'
import { list, text } from './flags.js'
import { describeForHost, hostInWork } from './init-host.js'
import { EXIT } from './io.js'
import { describePreflight, formatPreflight } from './preflight-text.js'
import { formatStructured, isStructured } from './structured.js'
import { terminalOf } from './terminal.js'

/** `kpki preflight`: status 1 when a check has found an error. */
export const runPreflightCommand: Run = async (invocation, io) => {
  const { flags } = invocation
  const { context, warnings } = listeningContext(invocation, io)
  const inWork = await hostInWork(io, context)
  const controlPlane = await describeForHost(invocation, io, context, inWork.host)
  const { host, store } = await inWork.open(controlPlane)
  const { patchesDir } = controlPlane
  // A directory that is not there is a finding among others; what would be patched is looked at without.
  const hasPatches = patchesDir === undefined || (await host.look(patchesDir))?.type === 'directory'
  const run = await prepareInit(
    hasPatches ? controlPlane : { ...controlPlane, patchesDir: undefined },
    { host, store, context },
    {
      as: text(flags, 'as') === 'systemd' ? 'systemd' : 'static-pods',
    },
  )
  const role = PREFLIGHT_ROLES.find(name => name === text(flags, 'role')) ?? 'init'
  const subject = { ...initSubject(run, role), patchesDir }
  const only = list(flags, 'only')
  const report = await runPreflight(PREFLIGHT_CHECKS, host, subject, context, {
    ignore: controlPlane.ignorePreflightErrors,
    ...(only.length === 0 ? {} : { only }),
    signal: io.signal,
  })
  const output = text(flags, 'output')
  if (isStructured(output)) io.stdout(formatStructured(describePreflight(report, subject, warnings), output))
  else io.stdout(formatPreflight(report, terminalOf(io), flags['quiet'] === true))
  return report.results.some(({ state }) => state === 'error') ? EXIT.failed : EXIT.done
}
