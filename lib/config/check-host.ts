import { hasControlCharacter, quote } from '../kubernetes/cluster-fields.js'
import { parseDuration } from '../kubernetes/duration.js'
import { CHECKS } from './checks.js'
import { type ControlPlaneSubject, hostKind, type ReportAt } from './control-plane-subject.js'
import { flagText } from './host-flags.js'

/** Names that a reference to an image has before the name: registry, port, folders. @see github.com/distribution/reference regexp.go */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const DOMAIN =
  '(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?'
const REPOSITORY = new RegExp(`^${DOMAIN}(?:/${COMPONENT})*$`)
const TAG = /^[\w][\w.-]{0,127}$/

const QUALIFIED = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/

/** What is said about the host and about images: socket, taints, tokens, timeouts, repositories. */
export function checkHost(subject: ControlPlaneSubject, report: ReportAt): void {
  const kind = hostKind(subject)
  const { configuration, stated, flags } = subject
  const host = configuration[kind] ?? {}
  const { nodeRegistration: node = {} } = host
  const at = (...path: (string | number)[]) => ({ kind, path })

  const socket = node.criSocket ?? ''
  if (!/^unix:\/\/\/[^/]/.test(socket) || hasControlCharacter(socket) || /[\s"'\\]/.test(socket))
    report('error', at('nodeRegistration', 'criSocket'), `${quote(socket)} is not a Unix socket`, {
      hint: 'write unix:// and an absolute path, e.g. unix:///run/containerd/containerd.sock',
    })

  const seen = new Set<string>()
  for (const [index, { key = '', value = '', effect = '' }] of (node.taints ?? []).entries()) {
    const place = at('nodeRegistration', 'taints', index)
    if (!QUALIFIED.test(key))
      report('error', place, `${quote(key)} is not the key of a taint`, {
        hint: 'e.g. node-role.kubernetes.io/control-plane',
      })
    if (!LABEL_VALUE.test(value))
      report('error', place, `${quote(value)} is not the value of a taint: at most 63 letters, digits, - _ and .`)
    if (effect === '') report('error', place, 'a taint needs an effect: NoSchedule, PreferNoSchedule or NoExecute')
    if (seen.has(`${key}:${effect}`))
      report('error', place, `there is a taint ${key}:${effect} already`, { code: 'KPKI_FIELD_CONFLICT' })
    seen.add(`${key}:${effect}`)
  }

  const ignored = (node.ignorePreflightErrors ?? []).map(name => name.toLowerCase())
  if (ignored.length > 1 && ignored.includes('all'))
    report('error', at('nodeRegistration', 'ignorePreflightErrors'), 'all stands alone or not at all')

  const directory = host.patches?.directory ?? ''
  if (directory !== '' && !directory.startsWith('/') && flagText(flags, 'patchesDir') === undefined)
    report('error', at('patches', 'directory'), `${quote(directory)} is not an absolute path`)

  // Up to v1beta3 one of them stands elsewhere: a place that is there is another one than what it stands in.
  const older = { kind: 'ClusterConfiguration', path: ['apiServer', 'timeoutForControlPlane'] } as const
  const [found, above] = [older.path, older.path.slice(0, 1)].map(path => subject.description.locate(older.kind, path))
  const isOlder = found !== undefined && (found.line !== above?.line || found.column !== above.column)
  const placeOfTimeout = (name: string) =>
    name === 'controlPlaneComponentHealthCheck' && isOlder ? older : at('timeouts', name)
  for (const [name, text] of Object.entries(host.timeouts ?? {})) {
    const seconds = parseDuration(text)
    // What is no duration at all was refused when it was read.
    if (seconds !== undefined && seconds <= 0) report('error', placeOfTimeout(name), 'nothing ends within that time')
  }

  // What files say of these was checked when they were read; flags are read nowhere else.
  const token = flagText(flags, 'token')
  const key = flagText(flags, 'certificateKey')
  const ttl = flagText(flags, 'tokenTtl')
  if (token !== undefined) secret(CHECKS['token']?.(token), at('bootstrapTokens', 0, 'token'))
  if (key !== undefined)
    secret(
      CHECKS['certificate-key']?.(key),
      kind === 'InitConfiguration' ? at('certificateKey') : at('controlPlane', 'certificateKey'),
    )
  const ttlSeconds = ttl === undefined ? 0 : parseDuration(ttl)
  if (ttlSeconds === undefined || ttlSeconds < 0)
    report(
      'error',
      at('bootstrapTokens', 0, 'ttl'),
      `${quote(ttl ?? '')} is not a duration, e.g. 24h0m0s, or 0 for ever`,
    )
  const ids = (stated.InitConfiguration?.bootstrapTokens ?? []).map(each => each.token?.split('.')[0])
  if (token !== undefined && ids.lastIndexOf(ids[0]) > 0)
    report('error', at('bootstrapTokens', 0, 'token'), 'another token of the list has its id', {
      code: 'KPKI_FIELD_CONFLICT',
    })

  checkImages(subject, report)

  function secret(
    problem: string | undefined,
    place: { readonly kind: typeof kind; readonly path: (string | number)[] },
  ) {
    // Never the text itself.
    if (problem !== undefined) report('error', place, `what was given ${problem}`)
  }
}

function checkImages({ configuration }: ControlPlaneSubject, report: ReportAt): void {
  const { imageRepository, dns, etcd } = configuration.ClusterConfiguration ?? {}
  const rows = [
    [['imageRepository'], imageRepository, REPOSITORY],
    [['dns', 'imageRepository'], dns?.imageRepository, REPOSITORY],
    [['dns', 'imageTag'], dns?.imageTag, TAG],
    [['etcd', 'local', 'imageRepository'], etcd?.local?.imageRepository, REPOSITORY],
    [['etcd', 'local', 'imageTag'], etcd?.local?.imageTag, TAG],
  ] as const
  for (const [path, value = '', pattern] of rows) {
    if (value === '' || (value.length <= 255 && pattern.test(value))) continue
    const is = pattern === TAG ? 'is not a tag of an image' : 'is not where images come from'
    report('error', { kind: 'ClusterConfiguration', path: [...path] }, `${quote(value)} ${is}`, {
      hint:
        pattern === TAG
          ? 'letters, digits, . _ and -, at most 128, e.g. v1.11.3'
          : 'a registry, and folders in lower case, without scheme and tag, e.g. registry.example.org:5000/k8s',
    })
  }
}
