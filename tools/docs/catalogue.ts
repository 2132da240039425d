/** What a tree holds: the rows of the catalogue, resolved for an example and for every version. */
import {
  CATALOGUE,
  CERTIFICATE_IDS,
  type CertificateRow,
  DEFAULT_VALIDITY_SECONDS,
  filesOf,
  issuerOf,
  KUBECONFIG_IDS,
  KUBECONFIGS,
  PROFILES,
  type Profile,
  ROW_IDS,
  type Role,
  rowsOf,
  SAN_SOURCES,
  type SanSource,
  serverOf,
  wantedCertificate,
} from '../../lib/index.js'
import { ALL_MINORS, byVersion, exampleCluster, inMinor, spansOf } from './example.js'
import { code, codes, table } from './markdown.js'

const groupsOf = (id: Parameters<typeof wantedCertificate>[0]) =>
  byVersion(minor => codes(wantedCertificate(id, inMinor(minor)).organizations).replace(/^-$/, 'none'))

/** Every certificate with a file of its own. */
export function certificates(): string {
  return table(
    ['row', 'files', 'CN', 'O', 'extended key usages', 'names from', 'signed by', 'for'],
    CERTIFICATE_IDS.map(id => {
      const row: CertificateRow = CATALOGUE[id]
      const { isCa, extKeyUsages }: Profile = PROFILES[row.profile]
      return [
        code(id),
        codes(filesOf(id).map(({ path }) => path)),
        code(row.commonName),
        isCa ? '-' : groupsOf(id),
        isCa ? 'CA' : codes(extKeyUsages),
        codes(row.sans ?? []),
        issuerOf(id) === undefined ? 'itself' : code(issuerOf(id) ?? ''),
        row.about,
      ]
    }),
  )
}

/** Every kubeconfig. */
export function kubeconfigs(): string {
  const server = (id: (typeof KUBECONFIG_IDS)[number], role: Role) =>
    byVersion(minor => code(serverOf(id, inMinor(minor), role)))
  return table(
    ['file', 'CN', 'O', 'since', 'server on a control plane', 'server on a worker', 'for'],
    KUBECONFIG_IDS.map(id => [
      code(id),
      code(KUBECONFIGS[id].commonName),
      groupsOf(id),
      `1.${ALL_MINORS.find(minor => rowsOf(inMinor(minor), 'init').includes(id))}`,
      server(id, 'init'),
      rowsOf(exampleCluster(), 'worker').includes(id) ? server(id, 'worker') : '-',
      KUBECONFIGS[id].about,
    ]),
  )
}

const SOURCES_ABOUT: Readonly<Record<SanSource, string>> = {
  'common-name': 'its own common name',
  node: "the node's name",
  'service-names': "the names of the API server's Service",
  'service-ip': 'the first address of the Service network',
  advertise: 'the address that the API server advertises',
  localhost: 'the host itself, by name',
  loopback: 'the host itself, by address',
  endpoint: '`controlPlaneEndpoint`, without its port',
  'extra-apiserver': '`apiServer.certSANs`, `--apiserver-cert-extra-sans`',
  'extra-etcd-server': '`etcd.local.serverCertSANs`',
  'extra-etcd-peer': '`etcd.local.peerCertSANs`',
}

/** Where the names in certificates come from. */
export function sanSources(): string {
  const cluster = exampleCluster({ apiServerCertSans: ['lb.example.org', '192.0.2.7'] })
  return table(
    ['source', 'what', 'in the example'],
    (Object.keys(SOURCES_ABOUT) as SanSource[]).map(source => {
      const names = source === 'common-name' ? [] : SAN_SOURCES[source](cluster)
      const texts = names.map(name => (name.type === 'dns' ? name.name : name.address.text))
      return [code(source), SOURCES_ABOUT[source], source === 'common-name' ? '`kubernetes`' : codes(texts)]
    }),
  )
}

/** Every file of a tree, and its mode. */
export function files(): string {
  return table(
    ['row', 'file', 'what', 'mode'],
    ROW_IDS.flatMap(id =>
      filesOf(id).map(({ path, kind, mode }) => [
        code(id),
        code(path),
        kind.replace('-', ' '),
        `0${mode.toString(8).padStart(3, '0')}`,
      ]),
    ),
  )
}

/** Which host has which rows. */
export function roles(): string {
  const has = (role: Role, external = false) =>
    rowsOf(exampleCluster(external ? { externalEtcd: { endpoints: ['http://10.0.0.21:2379'] } } : {}), role)
  const columns = [has('init'), has('init', true), has('control-plane'), has('worker')]
  return table(
    ['row', '`init`', '`init`, external etcd', '`control-plane`', '`worker`'],
    ROW_IDS.map(id => [code(id), ...columns.map(rows => (rows.includes(id) ? 'yes' : '-'))]),
  )
}

/** What differs from one minor to the next, found by comparing every row in every version. */
export function versionChanges(): string {
  const questions = ROW_IDS.flatMap((id): readonly (readonly [string, string, (minor: number) => string])[] => {
    const isThere = (minor: number) => rowsOf(inMinor(minor), 'init').includes(id)
    const file = filesOf(id).at(-1)?.path ?? id
    const answers: [string, string, (minor: number) => string][] = [
      [file, 'is made', minor => (isThere(minor) ? 'yes' : 'no')],
    ]
    if (id === 'sa') return answers
    // What a row says before it exists is no change of it.
    const says = (what: string, answer: (minor: number) => string) =>
      answers.push([file, what, minor => (isThere(minor) ? answer(minor) : '')])
    const wanted = (minor: number) => wantedCertificate(id, inMinor(minor))
    says('CN', minor => code(wanted(minor).commonName))
    says('O', minor => codes(wanted(minor).organizations))
    says('extended key usages', minor => codes(wanted(minor).profile.extKeyUsages))
    says('DNS names', minor => codes(wanted(minor).dnsNames))
    says('addresses', minor => codes(wanted(minor).ipAddresses))
    const kubeconfig = KUBECONFIG_IDS.find(name => name === id)
    if (kubeconfig) {
      says('server', minor => code(serverOf(kubeconfig, inMinor(minor), 'init')))
      says('server with the gate `ControlPlaneKubeletLocalMode` on', minor =>
        code(serverOf(kubeconfig, inMinor(minor, { featureGates: { ControlPlaneKubeletLocalMode: true } }), 'init')),
      )
    }
    return answers
  })
  const changes = questions.flatMap(([file, what, answer]) => {
    const spans = spansOf(answer)
    return spans.slice(1).flatMap(({ from, answer: now }, index) => {
      const before = spans[index]?.answer ?? ''
      return before === '' ? [] : [{ from, cells: [`1.${from}`, code(file), what, before, now] }]
    })
  })
  return table(
    ['from', 'file', 'what', 'before', 'then'],
    changes.sort((a, b) => a.from - b.from).map(({ cells }) => cells),
  )
}

/** How long certificates live. */
export function validity(): string {
  const days = (seconds: number) => `${seconds / 86_400} days`
  return table(
    ['certificate', 'life', 'field', 'flag'],
    [
      ['CAs', days(DEFAULT_VALIDITY_SECONDS.ca), '`caCertificateValidityPeriod`', '`--ca-certificate-validity-period`'],
      [
        'all others',
        days(DEFAULT_VALIDITY_SECONDS.leaf),
        '`certificateValidityPeriod`',
        '`--certificate-validity-period`',
      ],
    ],
  )
}
