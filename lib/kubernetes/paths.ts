/** Where the kubelet looks for static Pods. */
export const MANIFESTS_DIR = '/etc/kubernetes/manifests'

/** Joins an absolute path as Go's `filepath.Join` does: no empty and no dotted parts are left. */
export function joinPath(...parts: readonly string[]): string {
  const kept: string[] = []
  for (const part of parts.join('/').split('/')) {
    if (part === '..') kept.pop()
    else if (part !== '' && part !== '.') kept.push(part)
  }
  return `/${kept.join('/')}`
}

/** Whether a path is a directory or something in it. */
export function isWithin(path: string, directory: string): boolean {
  const [inner, outer] = [joinPath(path), joinPath(directory)]
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`)
}
