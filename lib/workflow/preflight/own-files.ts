import { equalBytes } from '../../crypto/bytes.js'
import { MANIFESTS_DIR } from '../../kubernetes/paths.js'
import { KUBELET_PATHS } from '../../render/kubelet-flags.js'
import { isAsMade } from '../record.js'
import type { PreflightFiles } from './check.js'

/** What stands where a run would write a file. */
export type OwnFile =
  /** Nothing. */
  | 'none'
  /** What the run would write. */
  | 'same'
  /** What an earlier run has made, unchanged since, but not what this one would write. */
  | 'earlier'
  | 'foreign'

/** Whose file stands at a path. */
export async function whoseFile(path: string, { host, subject, context, made }: PreflightFiles): Promise<OwnFile> {
  const bytes = await host.read(path)
  if (bytes === undefined) return 'none'
  const planned = subject.files.find(file => file.path === path)
  if (planned && equalBytes(planned.bytes, bytes)) return 'same'
  return (await isAsMade(made, path, bytes, context)) ? 'earlier' : 'foreign'
}

/** Where the kubelet's and systemd's files of a component stand. */
export function manifestOf(component: string): string {
  return `${MANIFESTS_DIR}/${component}.yaml`
}

/** The file that says that a component of this host was set up by this run or an earlier one; `undefined`: it was not. */
export async function ownFileOf(component: string, surroundings: PreflightFiles): Promise<string | undefined> {
  const names = component === 'kubelet' ? [KUBELET_PATHS.config] : [manifestOf(component)]
  const units = surroundings.subject.files
    .map(({ path }) => path)
    .filter(path => path.endsWith(`/${component}.service`))
  for (const path of [...names, ...units])
    if (['same', 'earlier'].includes(await whoseFile(path, surroundings))) return path
  return undefined
}
