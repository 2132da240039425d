import { parseDuration } from '../kubernetes/duration.js'
import { splitHostPort } from '../kubernetes/net.js'
import type { YamlPath } from '../yaml.js'
import type { YamlObject, YamlValue } from '../yaml-scalars.js'
import { isYamlObject } from '../yaml-scalars.js'
import type { Report } from './problems.js'
import type { StructName } from './schema.js'

const oneOf =
  (...words: readonly string[]) =>
  (text: string): string | undefined =>
    words.includes(text) ? undefined : `is not one of ${words.join(', ')}`

const matches =
  (pattern: RegExp, expectation: string) =>
  (text: string): string | undefined =>
    pattern.test(text) ? undefined : expectation

/**
 * What a string has to be beyond a string, by the name that rows of the schema give it; answers with what is wrong, never
 * with the text itself. An empty string is an unset one and is not asked about.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/apis/kubeadm/validation/validation.go;
 *   staging/src/k8s.io/cluster-bootstrap/token/api/types.go
 */
export const CHECKS: Readonly<Record<string, (text: string) => string | undefined>> = {
  token: matches(
    /^[a-z0-9]{6}\.[a-z0-9]{16}$/,
    'is not a bootstrap token: six characters, a dot and sixteen characters of a-z and 0-9',
  ),
  'certificate-key': matches(/^[0-9a-fA-F]{64}$/, 'is not a certificate key: 32 bytes as 64 hex digits'),
  'token-usage': oneOf('signing', 'authentication'),
  'token-group': matches(
    /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/,
    'is not a group of bootstrap tokens: system:bootstrappers: and then a-z, 0-9, : and -',
  ),
  'ca-cert-hash': matches(/^sha256:[0-9a-fA-F]{64}$/i, 'is not a CA pin: sha256: and 64 hex digits'),
  'ca-cert-path': matches(/^\/.*\.crt$/, 'is not an absolute path that ends in .crt'),
  'absolute-path': matches(/^\//, 'is not an absolute path'),
  'host-port': text => (splitHostPort(text)?.port ? undefined : 'is not host:port'),
  'pull-policy': oneOf('Always', 'IfNotPresent', 'Never'),
  'taint-effect': oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
  'host-path-type': oneOf(
    'DirectoryOrCreate',
    'Directory',
    'FileOrCreate',
    'File',
    'Socket',
    'CharDevice',
    'BlockDevice',
  ),
  'unmount-flag': oneOf('MNT_FORCE', 'MNT_DETACH', 'MNT_EXPIRE', 'UMOUNT_NOFOLLOW'),
  'dns-type': text =>
    text === 'kube-dns' ? 'is no longer possible: CoreDNS is what there is' : oneOf('CoreDNS', 'kube-dns')(text),
}

/** What fields of one struct mean for each other. */
export const STRUCT_CHECKS: Readonly<
  Partial<Record<StructName, (value: YamlObject, path: YamlPath, report: Report) => void>>
> = {
  Etcd: (etcd, path, report) => {
    if (isSet(etcd['local']) && isSet(etcd['external']))
      report([...path, 'external'], 'KPKI_FIELD_CONFLICT', 'etcd.local and etcd.external exclude each other')
  },
  InitConfiguration: ({ bootstrapTokens }, path, report) => {
    const tokens = Array.isArray(bootstrapTokens) ? (bootstrapTokens as readonly YamlValue[]) : []
    const ids = tokens.map(token => (isYamlObject(token) ? String(token['token'] ?? '').split('.')[0] : ''))
    for (const [index, id] of ids.entries())
      if (id !== '' && ids.indexOf(id ?? '') < index)
        report(
          [...path, 'bootstrapTokens', index, 'token'],
          'KPKI_FIELD_CONFLICT',
          'another token of the list has its id',
        )
  },
  BootstrapToken: (token, path, report) => {
    if (isSet(token['ttl']) && isSet(token['expires']))
      report([...path, 'expires'], 'KPKI_FIELD_CONFLICT', 'ttl and expires exclude each other')
    // kubeadm takes it for a token that never ends.
    if (typeof token['ttl'] === 'string' && (parseDuration(token['ttl']) ?? 0) < 0)
      report([...path, 'ttl'], 'KPKI_FIELD_VALUE', 'is negative; 0 means that the token never ends')
    const { usages, groups } = token
    if (isSet(usages) && isSet(groups) && !(usages as readonly YamlValue[]).includes('authentication'))
      report([...path, 'groups'], 'KPKI_FIELD_CONFLICT', 'groups need the usage authentication')
  },
  Discovery: (discovery, path, report) => {
    const [token, file] = [isYamlObject(discovery['bootstrapToken']), isYamlObject(discovery['file'])]
    if (token && file) report([...path, 'file'], 'KPKI_FIELD_CONFLICT', 'bootstrapToken and file exclude each other')
    if (!token && !file) report(path, 'KPKI_FIELD_VALUE', 'one of bootstrapToken and file is needed')
  },
  BootstrapTokenDiscovery: (discovery, path, report) => {
    if (!isSet(discovery['apiServerEndpoint']))
      report([...path, 'apiServerEndpoint'], 'KPKI_FIELD_VALUE', 'is needed: host:port of the API server')
    if (!isSet(discovery['token'])) report([...path, 'token'], 'KPKI_FIELD_VALUE', 'is needed')
    if (!isSet(discovery['caCertHashes']) && discovery['unsafeSkipCAVerification'] !== true)
      report([...path, 'caCertHashes'], 'KPKI_FIELD_VALUE', 'is needed: a CA pin, sha256: and 64 hex digits', {
        hint: 'kpki hash ca.crt prints the pin; unsafeSkipCAVerification: true goes without',
      })
  },
  NodeRegistrationOptions: (node, path, report) => {
    const ignored = node['ignorePreflightErrors']
    if (Array.isArray(ignored) && ignored.length > 1 && ignored.some(name => /^all$/i.test(String(name))))
      report([...path, 'ignorePreflightErrors'], 'KPKI_FIELD_VALUE', 'all stands alone or not at all')
  },
}

/** Whether a field says anything; empty means unset, as for Go's omitempty. */
function isSet(value: YamlValue | undefined): boolean {
  if (typeof value === 'object' && value !== null) return isYamlObject(value) || value.length > 0
  return value !== undefined && value !== null && value !== ''
}
