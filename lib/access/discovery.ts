import type { Context } from '../context.js'
import { KpkiError, NetworkError, UsageError, VerifyError } from '../errors.js'
import { requireTime } from '../kubernetes/waiting.js'
import type { Certificate } from '../x509/certificate.js'
import type { BootstrapToken } from './bootstrap-token.js'
import { type ClusterInfo, type DiscoveredCluster, parseDiscoveredCluster } from './cluster-info.js'
import { verifyDetached } from './detached-jws.js'
import { type Fetched, type Fetching, fetchClusterInfo, parseHttpDate } from './discovery-fetch.js'
import { type DiscoveryStepName, StepRecord } from './discovery-steps.js'
import { dateText, describeHandshake, explainRefusal, handshakeDetails } from './discovery-tls.js'
import type { Discovery, DiscoveryOptions, DiscoveryRequest, DiscoveryTransport } from './discovery-types.js'
import { caPin, parsePin, verifyCaPin } from './pins.js'
import { parseServerEndpoint } from './server-endpoint.js'

const TIMEOUT_SECONDS = 300
const REQUEST_TIMEOUT_SECONDS = 10
/** Clocks that differ by less are not worth a word. */
const SKEW_SECONDS = 60

/**
 * Finds a cluster as `kubeadm join` does with a token: `cluster-info` is fetched from whoever answers, its signature is
 * compared with the token's, the CA in it with the pins; then it is fetched again from a server with a certificate of that CA,
 * and must be the same to the byte. Nothing of the token is sent.
 *
 * Stricter than kubeadm: the second connection trusts the certificates that a pin is of, and none that stands beside them,
 * since whoever is in between could have put his own there.
 *
 * What may come up is asked for again every second: an API server that is not there yet, a signature that is still missing.
 *
 * @throws the error of the first step that failed: `UsageError` `KPKI_FIELD_VALUE`, also for times that are none;
 *   `EncodingError` `KPKI_PIN_INVALID`, `KPKI_CLUSTER_INFO_INVALID`; `ApiError` `KPKI_API_UNAUTHORIZED`, `KPKI_API_FORBIDDEN`, `KPKI_CLUSTER_INFO_MISSING`;
 *   `VerifyError` `KPKI_TOKEN_UNKNOWN`, `KPKI_JWS_MISMATCH`, `KPKI_PIN_MISMATCH`, `KPKI_CLUSTER_INFO_CHANGED`;
 *   `NetworkError` `KPKI_NET_*`, `KPKI_TLS_*`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/discovery/token/token.go (retrieveValidatedConfigInfo)
 */
export async function discoverWith(
  transport: DiscoveryTransport,
  request: DiscoveryRequest,
  context: Context,
  options: DiscoveryOptions = {},
): Promise<Discovery> {
  const { token, pins } = checkRequest(request)
  const timeoutSeconds = requireTime(options.timeoutSeconds ?? TIMEOUT_SECONDS, 'timeoutSeconds', 1000)
  const requestTimeout = options.requestTimeoutSeconds ?? REQUEST_TIMEOUT_SECONDS
  const record = new StepRecord(options.onStep)
  const fetching: Fetching = {
    transport,
    endpoint: parseServerEndpoint(request.server),
    token,
    endSeconds: transport.elapsedSeconds() + timeoutSeconds,
    requestTimeoutSeconds: requireTime(requestTimeout, 'requestTimeoutSeconds', 1000),
    signal: options.signal,
  }
  try {
    const first = await fetchFromAnybody(fetching, record, context)
    const found = await checkSignatureAndPins(first, { token, pins, server: fetching.endpoint.url }, record, context)
    await fetchVerified(fetching, first, found, record, context)
    return { ...found.cluster, kubeconfig: found.info.kubeconfig, steps: record.steps }
  } catch (error) {
    record.finish()
    throw record.failure ?? error
  }
}

function checkRequest({ token, pins = [], unsafeSkipCaVerification = false }: DiscoveryRequest) {
  if (pins.length > 0 || (unsafeSkipCaVerification && token)) return { token, pins: pins.map(parsePin) }
  const problem = token ? 'no CA pin is given' : 'neither a CA pin nor a token is given'
  throw new UsageError('KPKI_FIELD_VALUE', `${problem}: anybody could pretend to be the cluster`, {
    details: { field: 'pins' },
    hint: 'kpki hash prints the pin on a control plane; to go without, a token and unsafeSkipCaVerification are needed',
  })
}

/** The first fetch: whatever comes, comes from somebody unknown. */
async function fetchFromAnybody(fetching: Fetching, record: StepRecord, context: Context): Promise<Fetched> {
  const { endpoint, token } = fetching
  const fetched = await fetchClusterInfo(
    fetching,
    {
      roots: undefined,
      onConnect: address => record.ok('connect', `${address} takes connections`, { address }),
      onHandshake: (handshake, leaf) =>
        record.ok('tls', describeHandshake(handshake, leaf), handshakeDetails(handshake, leaf)),
      onInfo: ({ signatures }, { date }) => {
        const serverDate = parseHttpDate(date)
        const skew = serverDate === undefined ? 0 : Math.round((+serverDate - +context.clock()) / 1000)
        const clock =
          serverDate !== undefined && Math.abs(skew) > SKEW_SECONDS
            ? `; but the server's clock says ${dateText(serverDate)}, this machine's ${dateText(context.clock())}`
            : ''
        record.ok('cluster-info', `${endpoint.url} gives it to anybody${clock}`, {
          signedWith: [...signatures.keys()].slice(0, 100),
          ...(serverDate === undefined ? {} : { clockSkewSeconds: skew }),
        })
      },
    },
    context,
  )
  if (fetched.failure) record.failFirstOf(['connect', 'tls', 'cluster-info', 'token'], fetched.failure)
  if (!token) for (const name of ['token', 'signature'] as const) record.skip(name, 'no token is given')
  return fetched
}

interface Found {
  readonly info: ClusterInfo
  readonly cluster: DiscoveredCluster
  /** Those that a pin is of; `undefined` when no pin is given. */
  readonly roots: readonly Certificate[] | undefined
}

/**
 * What is here already is looked at to the end: that the pin matches is good to know when the token does not.
 *
 * @throws of the first step that failed
 */
async function checkSignatureAndPins(
  { info, failure }: Fetched,
  expected: { readonly token: BootstrapToken | undefined; readonly pins: readonly string[]; readonly server: string },
  record: StepRecord,
  context: Context,
): Promise<Found> {
  if (!info) throw failure ?? new NetworkError('KPKI_NET_RESPONSE', 'the server gave no cluster-info')
  const { token, pins, server } = expected
  const { kubeconfig, signatures } = info
  if (token && !failure) {
    record.ok('token', `cluster-info is signed with token ${token.id}`, { tokenId: token.id })
    await attempt(record, 'signature', async () => {
      await verifyDetached(signatures.get(token.id) ?? '', kubeconfig, token, context)
      record.ok('signature', `it is what the secret of token ${token.id} makes`, { tokenId: token.id })
    })
  }
  const cluster = await attempt(record, 'kubeconfig', async () => {
    const cluster = await parseDiscoveredCluster(kubeconfig)
    const subjects = cluster.caCertificates.map(({ subject }) => subject.text)
    const whose = cluster.server === server ? '' : ', which is whom a host that joins talks to'
    const details = { server: cluster.server, subjects }
    record.ok('kubeconfig', `it names ${cluster.server}${whose}, with the CA ${subjects.join(', ')}`, details)
    return cluster
  })
  let roots: readonly Certificate[] | undefined
  if (pins.length === 0) {
    for (const name of ['pin', 'verified-tls', 'unchanged'] as const) record.skip(name, 'no CA pin is given')
  } else if (cluster) {
    roots = await attempt(record, 'pin', async () => {
      const { caCertificates } = cluster
      await verifyCaPin(pins, caCertificates, context)
      const actual = await Promise.all(caCertificates.map(certificate => caPin(certificate, context)))
      const matching = actual.filter(pin => pins.includes(pin))
      record.ok('pin', `${[...new Set(matching)].join(', ')} is the CA's`, { actual })
      return caCertificates.filter((_, index) => pins.includes(actual[index] ?? ''))
    })
  }
  if (record.failure || !cluster) throw record.failure ?? failure
  return { info, cluster, roots }
}

/** The second fetch: from a server that has a certificate of a pinned CA. */
async function fetchVerified(
  fetching: Fetching,
  { serverDate }: Fetched,
  { info, cluster, roots }: Found,
  record: StepRecord,
  context: Context,
): Promise<void> {
  if (!roots) return
  const { host } = fetching.endpoint
  const onTrusted = () => {
    const subjects = roots.map(({ subject }) => subject.text)
    record.ok('verified-tls', `its certificate is of ${subjects.join(', ')}, and for ${host}`, { subjects, host })
  }
  const second = await fetchClusterInfo(fetching, { roots, onTrusted }, context)
  if (second.failure) {
    const { caCertificates } = cluster
    const refused = { host, leaf: second.leaf, roots, caCertificates, serverDate }
    const failure = await explainRefusal(second.failure, refused, context)
    record.failFirstOf(['verified-tls', 'unchanged'], failure)
    throw failure
  }
  if (second.info?.kubeconfig !== info.kubeconfig) {
    const failure = new VerifyError(
      'KPKI_CLUSTER_INFO_CHANGED',
      'cluster-info is another one over the verified connection than it was before',
      {
        hint:
          'try again: it may just have been changed; if it stays so, do not join: somebody in between shows a cluster-info ' +
          'of his own',
      },
    )
    record.fail('unchanged', failure)
    throw failure
  }
  record.ok('unchanged', 'it is the same to the byte')
}

/** Does a step; what goes wrong in it is taken down and goes no further. */
async function attempt<T>(record: StepRecord, name: DiscoveryStepName, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof KpkiError)) throw error
    record.fail(name, error)
    return undefined
  }
}
