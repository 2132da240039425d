import type { Contents } from './draft.js'
import type { InspectedKubeconfig, InspectInput } from './types.js'

/** A file and what it holds. */
export interface FileContents {
  readonly input: InspectInput
  readonly contents: Contents
}

/** Fills in the certificates of kubeconfigs that name files which are among those inspected. */
export function linkFiles(
  kubeconfigs: readonly InspectedKubeconfig[],
  files: readonly FileContents[],
): readonly InspectedKubeconfig[] {
  const byName = new Map(files.map(({ input, contents }) => [normalize(input.name), contents.certificates]))
  return kubeconfigs.map(kubeconfig => {
    // A relative path starts at the kubeconfig (kubernetes/kubernetes v1.20.2, client-go/tools/clientcmd/loader.go, ResolveLocalPaths).
    const find = (path: string | undefined) =>
      path === undefined ? [] : (byName.get(resolve(directoryOf(kubeconfig.place.file), path)) ?? [])
    return {
      ...kubeconfig,
      clusters: kubeconfig.clusters.map(cluster =>
        cluster.caCertificates.length > 0 ? cluster : { ...cluster, caCertificates: find(cluster.caFile) },
      ),
      users: kubeconfig.users.map(user =>
        user.certificate !== undefined ? user : { ...user, certificate: find(user.certificateFile)[0] },
      ),
    }
  })
}

/** Everything before the last slash, with it; empty for a bare name. */
export function directoryOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1)
}

function resolve(directory: string, path: string): string {
  return normalize(path.startsWith('/') ? path : `${directory}${path}`)
}

/** A path without `.` and `..` as far as they can be taken out. */
function normalize(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..' && parts.length > 0 && !['', '..'].includes(parts.at(-1) ?? '')) parts.pop()
    else if (part !== '.' && (part !== '' || parts.length === 0)) parts.push(part)
  }
  return parts.join('/')
}
