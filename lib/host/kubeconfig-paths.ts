import { delimiter, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { exists } from './files.js'

/**
 * The kubeconfigs that kubectl works with: those of `KUBECONFIG`, in their order and each once, else `~/.kube/config`. They
 * need not exist.
 *
 * @param env - environment; `HOME`, or `USERPROFILE` on Windows, says where the user's files are
 * @returns empty when there is neither
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/loader.go (NewDefaultClientConfigLoadingRules)
 */
export function kubeconfigPaths(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter(path => path !== '')
  if (listed.length > 0) return [...new Set(listed)]
  const home = env['HOME'] ?? env['USERPROFILE']
  return home === undefined || home === '' ? [] : [join(home, '.kube', 'config')]
}

/**
 * The kubeconfig that kubectl puts new entries into: of several in `KUBECONFIG` the first that is there, else the last.
 *
 * @param env - as for {@link kubeconfigPaths}
 * @returns `undefined` when nothing says where
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/config.go (PathOptions.GetDefaultFilename)
 */
export async function defaultKubeconfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const paths = kubeconfigPaths(env)
  for (const path of paths) if (await exists(path)) return path
  return paths.at(-1)
}

/**
 * Which other kubeconfigs kubectl reads together with one: those that stand before and behind it in `KUBECONFIG`; none where it
 * is not among them.
 */
export function kubeconfigsBeside(
  target: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const paths = kubeconfigPaths(env)
  const at = paths.findIndex(path => resolve(path) === resolve(target))
  return at < 0 ? { before: [], after: [] } : { before: paths.slice(0, at), after: paths.slice(at + 1) }
}

/** A path that stands in a file, as it is found from here: relative ones start at the folder of the file. */
export function pathBeside(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path)
}

/**
 * A path that stands in one file, as it is to stand in another one to lead to the same place: relative where that lies below the
 * other file's folder, else absolute.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/loader.go (ResolveLocalPaths,
 *   RelativizePathWithNoBacksteps)
 */
export function movedPath(path: string, from: string, to: string): string {
  const absolute = resolve(dirname(resolve(from)), path)
  const short = relative(dirname(resolve(to)), absolute)
  return short === '' || short === '..' || short.startsWith(`..${sep}`) || isAbsolute(short) ? absolute : short
}
