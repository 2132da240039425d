import { encodeUtf8, formatBase64 } from '../crypto/bytes.js'
import { EncodingError } from '../errors.js'
import { parseYaml, type YamlPath } from '../yaml.js'
import { editYaml } from '../yaml-edit.js'
import { isYamlObject, type YamlValue } from '../yaml-scalars.js'
import { readCurrentEntries } from './kubeconfig-current.js'

/** What becomes different in a context of a kubeconfig. */
export interface KubeconfigEdits {
  /** Default: the current one */
  readonly contextName?: string
  /** CA certificates, PEM. Default: they stay */
  readonly caPem?: string
  /** Default: it stays */
  readonly server?: string
  /** Client certificate with its private key, PEM: a secret. Default: they stay */
  readonly client?: { readonly certificatePem: string; readonly keyPem: string }
}

/**
 * Changes the cluster and the user of a context of a kubeconfig; everything else stays as it is, comments included.
 *
 * @param text - YAML or JSON, at most 1 MiB
 * @param what - named in errors
 * @returns the new text, a secret
 * @throws {@link EncodingError} as `parseKubeconfig`; `KPKI_YAML_UNEDITABLE` where anchors, aliases or merge keys stand in the way
 */
export async function editKubeconfig(text: string, edits: KubeconfigEdits, what: string): Promise<string> {
  const { cluster, user } = await readCurrentEntries([{ text, what }], edits.contextName)
  const root = parseYaml(text, what).value
  const base64 = (pem: string) => formatBase64(encodeUtf8(pem))
  const clusterPath = pathOf(root, 'clusters', cluster.entry.name, what)
  const userPath = pathOf(root, 'users', user.entry.name, what)
  const set = (path: YamlPath, key: string, value: string | undefined) =>
    value === undefined ? [] : [{ path: [...path, key], text: value }]
  return editYaml(
    text,
    {
      setIn: [
        ...set(clusterPath, 'certificate-authority-data', edits.caPem === undefined ? undefined : base64(edits.caPem)),
        ...set(clusterPath, 'server', edits.server),
        ...set(userPath, 'client-certificate-data', edits.client && base64(edits.client.certificatePem)),
        ...set(userPath, 'client-key-data', edits.client && base64(edits.client.keyPem)),
      ],
    },
    what,
  )
}

/** Where the first entry of a name says what it says; of each name the first one counts. */
function pathOf(root: YamlValue, list: 'clusters' | 'users', name: string, what: string): YamlPath {
  const entries = isYamlObject(root) && Object.hasOwn(root, list) ? root[list] : undefined
  const items = Array.isArray(entries) ? (entries as readonly YamlValue[]) : []
  const index = items.findIndex(item => isYamlObject(item) && item['name'] === name)
  if (index >= 0) return [list, index, list.slice(0, -1)]
  throw new EncodingError('KPKI_KUBECONFIG_INVALID', `${what} has no entry of that name in ${list}`, {
    details: { what },
  })
}
