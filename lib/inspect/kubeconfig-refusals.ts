import type { ClusterEntry, UserEntry } from '../access/kubeconfig-entries.js'
import { nearestName } from '../config/problems.js'

/** Why clients do not connect with an entry, or pass something of it over; without a secret. */
export interface KubeconfigRefusal {
  readonly severity: 'error' | 'warning'
  /** What it is about: how one shows who one is, or anything else. */
  readonly about: 'credentials' | 'connection'
  /** End of a sentence whose subject is the entry. */
  readonly problem: string
  readonly hint?: string
}

const error = (about: KubeconfigRefusal['about'], problem: string, hint?: string): KubeconfigRefusal => ({
  severity: 'error',
  about,
  problem,
  ...(hint === undefined ? {} : { hint }),
})
const warning = (about: KubeconfigRefusal['about'], problem: string, hint?: string): KubeconfigRefusal => ({
  ...error(about, problem, hint),
  severity: 'warning',
})

/**
 * What client-go has against a cluster before it connects.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/tools/clientcmd/validation.go (validateClusterInfo),
 *   helpers.go (parseProxyURL), client_config.go (ClientConfig)
 */
export function clusterRefusals({ server, proxyUrl, unknown }: ClusterEntry): readonly KubeconfigRefusal[] {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(server)
  const isUrl = URL.canParse(hasScheme ? server : `https://${server}`)
  return [
    ...(server !== '' && !isUrl ? [error('connection', 'names a server that is not a URL', URL_HINT)] : []),
    ...(server !== '' && isUrl && !hasScheme
      ? [error('connection', 'names its server without https://: kubectl speaks to it without TLS', URL_HINT)]
      : []),
    ...(proxyUrl === undefined || /^(?:https?|socks5):\/\//i.test(proxyUrl)
      ? []
      : [
          error(
            'connection',
            'has a proxy-url of a scheme that no client speaks',
            'write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT',
          ),
        ]),
    ...unknownFields(unknown, ['server', 'certificate-authority', 'certificate-authority-data', 'proxy-url']),
  ]
}

const URL_HINT = 'write it as https://HOST:PORT'

/**
 * What client-go has against a user before it connects.
 *
 * @param fileToken - contents of `tokenFile`; `undefined` where there is none, or it cannot be read
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go: tools/clientcmd/validation.go (validateAuthInfo),
 *   client_config.go (getUserIdentificationPartialConfig), transport/round_trippers.go (HTTPWrappersForConfig),
 *   transport/token_source.go (fileTokenSource)
 */
export function userRefusals(user: UserEntry, fileToken: string | undefined): readonly KubeconfigRefusal[] {
  const { token, tokenFile, username, password, unknown } = user
  const hasToken = token !== undefined || tokenFile !== undefined
  return [
    ...(hasToken && (username !== undefined || password !== undefined)
      ? [
          error(
            'credentials',
            'has both a token and a user name or password',
            'kubectl refuses to choose: take one of them out',
          ),
        ]
      : []),
    ...(password !== undefined && username === undefined
      ? [error('credentials', 'has a password without a user name', 'kubectl asks for one: write it into username')]
      : []),
    ...(username !== undefined && password === undefined
      ? [warning('credentials', 'has a user name without a password')]
      : []),
    ...(token === undefined || isHeader(token) ? [] : [badToken('token')]),
    ...(fileToken === undefined || isHeader(fileToken.trim()) ? [] : [badToken('tokenFile')]),
    ...execRefusals(user),
    ...authProviderRefusals(user),
    ...unknownFields(unknown, [
      'client-certificate-data',
      'client-key-data',
      'token',
      'tokenFile',
      'exec',
      'username',
      'password',
    ]),
  ]
}

/** RFC 6750 section 2.1: what of a bearer token may stand in a header. */
function isHeader(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token)
}

function badToken(field: string): KubeconfigRefusal {
  return error(
    'credentials',
    `has a ${field} that ${field === 'token' ? 'has' : 'names a file which is empty, or has'} white space or other characters in it that cannot stand in a header`,
    'write the token alone, on one line',
  )
}

const EXEC_VERSION = /^client\.authentication\.k8s\.io\/v1(?:alpha1|beta1)?$/

/**
 * What newer versions say as well: v1 asks for interactiveMode, and v1alpha1 is gone; seen of kubectl v1.32.4.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/plugin/pkg/client/auth/exec/exec.go (newAuthenticator);
 *   Kubernetes documentation, "Authenticating" (client-go credential plugins)
 */
function execRefusals({ exec, authProvider }: UserEntry): readonly KubeconfigRefusal[] {
  if (!exec) return []
  const { command, apiVersion, interactiveMode, hasUnnamedVariable } = exec
  const isOld = apiVersion.endsWith('/v1alpha1')
  return [
    ...(authProvider === undefined
      ? []
      : [error('credentials', 'has both exec and auth-provider', 'kubectl refuses to choose: take one of them out')]),
    ...(command === '' ? [error('credentials', 'has an exec without a command')] : []),
    ...(/\s/.test(command)
      ? [
          warning(
            'credentials',
            'has an exec whose command has a blank in it',
            'arguments belong into args, one by one',
          ),
        ]
      : []),
    ...(EXEC_VERSION.test(apiVersion)
      ? []
      : [
          error(
            'credentials',
            apiVersion === '' ? 'has an exec without apiVersion' : 'has an exec of an apiVersion that no client knows',
            'write what its program speaks, e.g. client.authentication.k8s.io/v1',
          ),
        ]),
    ...(isOld ? [warning('credentials', 'has an exec of v1alpha1, which newer versions of kubectl refuse')] : []),
    ...(apiVersion.endsWith('/v1') && !/^(?:Never|IfAvailable|Always)$/.test(interactiveMode)
      ? [
          error(
            'credentials',
            `has an exec ${interactiveMode === '' ? 'without' : 'with an unknown'} interactiveMode, which its apiVersion v1 asks for`,
            'write Never, IfAvailable or Always',
          ),
        ]
      : []),
    ...(hasUnnamedVariable ? [error('credentials', 'has an exec with an environment variable without a name')] : []),
  ]
}

/** @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/plugin/pkg/client/auth/plugins.go */
function authProviderRefusals({ authProvider }: UserEntry): readonly KubeconfigRefusal[] {
  if (authProvider === undefined || authProvider === 'oidc') return []
  if (['azure', 'gcp', 'openstack'].includes(authProvider))
    return [
      warning(
        'credentials',
        `has the auth-provider ${authProvider}, which newer versions of kubectl do not have`,
        'use exec',
      ),
    ]
  return [
    error(
      'credentials',
      authProvider === '' ? 'has an auth-provider without a name' : 'has an auth-provider that no client knows',
      'use exec with the program of your provider',
    ),
  ]
}

function unknownFields(fields: readonly string[], known: readonly string[]): readonly KubeconfigRefusal[] {
  return fields.map(field => {
    const nearest = nearestName(field, known)
    return warning(
      'connection',
      `has the field ${field}, which no client knows`,
      nearest === undefined ? 'it is passed over' : `it is passed over: did you mean ${nearest}?`,
    )
  })
}
