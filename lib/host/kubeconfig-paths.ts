import { delimiter, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'

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
