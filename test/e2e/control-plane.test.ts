/**
 * Three hosts, each with a tree made by kpki, run the real etcd, kube-apiserver, kube-controller-manager and kube-scheduler
 * with the very arguments that kubeadm writes into its manifests.
 */
import { createPublicKey, verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { auditedUser, auditLog, commandOf, startApiServer, writeManifests } from './cluster.js'
import { Host, must, type Said, Switch, until } from './host.js'
import { kube, missing, testWithAll } from './programs.js'

const PROGRAMS = [
  'kubeadm',
  'kubectl',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'etcd',
  'etcdctl',
]
const MEMBERS = ['cp-1', 'cp-2', 'cp-3'] as const
const addressOf = (member: string) => `10.77.2.1${member.slice(-1)}`
const ADMIN_CONF = '/etc/kubernetes/admin.conf'

/** One identity: how it logs in, and who the API server takes it for. */
type Identity = readonly [what: string, login: readonly string[], user: string, groups: readonly string[]]

interface Generation {
  readonly version: string
  readonly algorithm: string
  readonly adminGroup: string
  readonly hasSuperAdmin: boolean
}

const GENERATIONS: readonly Generation[] = [
  { version: 'v1.20.2', algorithm: 'RSA-2048', adminGroup: 'system:masters', hasSuperAdmin: false },
  { version: 'v1.36.0', algorithm: 'ECDSA-P256', adminGroup: 'kubeadm:cluster-admins', hasSuperAdmin: true },
]

for (const generation of GENERATIONS) {
  const { version, algorithm, adminGroup, hasSuperAdmin } = generation
  const test = suite(`control plane, tree of ${version}, ${algorithm}`)
  const hosts = new Map<string, Host>()
  let net: Switch | undefined
  const host = (name: (typeof MEMBERS)[number] = 'cp-1'): Host => {
    const found = hosts.get(name)
    if (!found) throw new Error(`no host ${name}`)
    return found
  }
  const kubectl = (...args: readonly string[]) => host().run(kube('kubectl'), args)
  const withConfig = (file: string, ...args: readonly string[]) =>
    kubectl('--kubeconfig', `/etc/kubernetes/${file}`, ...args)
  const boss = hasSuperAdmin ? 'super-admin.conf' : 'admin.conf'
  const withText = (file: string, text: string, ...args: readonly string[]): Promise<Said> =>
    host().run(kube('kubectl'), ['--kubeconfig', `/etc/kubernetes/${file}`, ...args, '-f', '-'], { input: text })

  test.before(async () => {
    if (missing(PROGRAMS)) return
    net = await Switch.create()
    for (const member of MEMBERS) {
      const made = await Host.create(member)
      hosts.set(member, made)
      await net.plug(made, addressOf(member))
    }
  })
  test.after(async () => {
    await Promise.all([...hosts.values()].map(made => made.close()))
    net?.close()
  })

  testWithAll(PROGRAMS, test, 'three hosts get their trees, the second and third with --ca-from', async () => {
    const shared = ['--kubernetes-version', version, '--encryption-algorithm', algorithm]
    const endpoint = ['--control-plane-endpoint', `${addressOf('cp-1')}:6443`]
    // The node's name and address are what the host says.
    await must(host().kpki('gen', 'all', ...shared, ...endpoint))
    for (const member of ['cp-2', 'cp-3'] as const)
      await must(host(member).kpki('gen', 'all', '--ca-from', host().tree, ...shared, ...endpoint))
    const read = (member: (typeof MEMBERS)[number], path: string) => readFileSync(join(host(member).tree, path), 'utf8')
    for (const path of ['ca', 'front-proxy-ca', 'etcd/ca', 'sa'].flatMap(base =>
      base === 'sa' ? ['pki/sa.key', 'pki/sa.pub'] : [`pki/${base}.crt`, `pki/${base}.key`],
    ))
      for (const member of MEMBERS) assert.is(read(member, path), read('cp-1', path), `${member} ${path}`)
    for (const member of MEMBERS) {
      const server = new X509Certificate(read(member, 'pki/apiserver.crt'))
      assert.ok(server.checkIP(addressOf(member)) && server.checkIP(addressOf('cp-1')) && server.checkHost(member))
    }
  })

  testWithAll(PROGRAMS, test, 'three members of etcd find each other over TLS', async () => {
    for (const member of MEMBERS) {
      await writeManifests(host(member), addressOf(member), addressOf('cp-1'))
      const [program = '', ...args] = commandOf(host(member), 'etcd')
      const cluster = MEMBERS.map(name => `${name}=https://${addressOf(name)}:2380`).join(',')
      host(member).daemon('etcd', program, [
        ...args.filter(arg => !arg.startsWith('--initial-cluster=')),
        `--initial-cluster=${cluster}`,
        '--initial-cluster-state=new',
      ])
    }
    await until('etcd is healthy', 60, async () => {
      const said = await etcdctl(host(), 'etcd/healthcheck-client', ['endpoint', 'health', '--cluster'])
      assert.is(said.stderr.match(/is healthy/g)?.length ?? said.stdout.match(/is healthy/g)?.length, 3, logs())
    })
    const members = await must(etcdctl(host('cp-3'), 'etcd/healthcheck-client', ['member', 'list']))
    for (const member of MEMBERS)
      assert.match(members, new RegExp(`started, ${member}, https://${addressOf(member)}:2380`))
  })

  testWithAll(PROGRAMS, test, 'etcd lets in who is of its CA, and nobody else', async () => {
    const everywhere = MEMBERS.map(member => `https://${addressOf(member)}:2379`)
    await must(etcdctl(host('cp-2'), 'apiserver-etcd-client', ['put', 'kpki', algorithm], everywhere[0]))
    for (const endpoint of everywhere)
      assert.match(await must(etcdctl(host(), 'apiserver-etcd-client', ['get', 'kpki'], endpoint)), algorithm)
    // Also by name and by loopback address, as the probe does it.
    for (const endpoint of ['https://localhost:2379', 'https://127.0.0.1:2379'])
      await must(etcdctl(host(), 'etcd/healthcheck-client', ['endpoint', 'health'], endpoint))
    for (const base of [undefined, 'apiserver-kubelet-client', 'front-proxy-client', 'apiserver']) {
      const said = await etcdctl(host(), base, ['get', 'kpki'], everywhere[0])
      assert.is.not(said.status, 0, `${base ?? 'no certificate'} was let in`)
      assert.not.match(said.stdout, algorithm)
    }
    const stranger = await host().run('etcdctl', [
      ...['--endpoints', everywhere[0] ?? '', '--cacert', '/etc/kubernetes/pki/ca.crt', '--dial-timeout=2s'],
      ...pairFlags('apiserver-etcd-client'),
      ...['--command-timeout=3s', 'get', 'kpki'],
    ])
    assert.is.not(stranger.status, 0, 'a client that trusts another CA talked to etcd')
  })

  testWithAll(PROGRAMS, test, 'two API servers run on the trees and on etcd', async () => {
    for (const member of ['cp-1', 'cp-2'] as const) {
      startApiServer(host(member))
    }
    await until('the API servers are ready', 90, async () => {
      for (const member of ['cp-1', 'cp-2'] as const) {
        const server = ['--server', `https://${addressOf(member)}:6443`]
        const said = await kubectl('--kubeconfig', `/etc/kubernetes/${boss}`, ...server, 'get', '--raw', '/readyz')
        if (said.stdout !== 'ok') throw new Error(`${member}: ${said.stderr}\n${host(member).log('kube-apiserver')}`)
      }
    })
  })

  const groupsOf = (...groups: readonly string[]) => [...groups, 'system:authenticated'].sort()
  const IDENTITIES: readonly Identity[] = [
    ['admin.conf', ['--kubeconfig', ADMIN_CONF], 'kubernetes-admin', groupsOf(adminGroup)],
    ...(hasSuperAdmin
      ? ([
          [
            'super-admin.conf',
            ['--kubeconfig', '/etc/kubernetes/super-admin.conf'],
            'kubernetes-super-admin',
            groupsOf('system:masters'),
          ],
        ] as const)
      : []),
    ['kubelet.conf', ['--kubeconfig', '/etc/kubernetes/kubelet.conf'], 'system:node:cp-1', groupsOf('system:nodes')],
    [
      'controller-manager.conf',
      ['--kubeconfig', '/etc/kubernetes/controller-manager.conf'],
      'system:kube-controller-manager',
      groupsOf(),
    ],
    ['scheduler.conf', ['--kubeconfig', '/etc/kubernetes/scheduler.conf'], 'system:kube-scheduler', groupsOf()],
    [
      'apiserver-kubelet-client',
      [
        ...['--kubeconfig', '/dev/null', '--server', `https://${addressOf('cp-1')}:6443`],
        ...['--certificate-authority', '/etc/kubernetes/pki/ca.crt'],
        ...['--client-certificate', '/etc/kubernetes/pki/apiserver-kubelet-client.crt'],
        ...['--client-key', '/etc/kubernetes/pki/apiserver-kubelet-client.key'],
      ],
      'kube-apiserver-kubelet-client',
      groupsOf(adminGroup),
    ],
  ]
  for (const [what, login, user, groups] of IDENTITIES) {
    testWithAll(PROGRAMS, test, `${what} is ${user} in ${groups.join(', ')}`, async () => {
      const mark = `/version?kpki=${what}`
      await must(kubectl(...login, 'get', '--raw', mark))
      const seen = await until('it is in the audit log', 10, () => auditedUser(host(), mark))
      assert.equal({ user: seen.username, groups: [...(seen.groups ?? [])].sort() }, { user, groups })
    })
  }

  testWithAll(PROGRAMS, test, 'who has no certificate, or one of another CA, is nobody', async () => {
    const server = ['--kubeconfig', '/dev/null', '--server', `https://${addressOf('cp-1')}:6443`]
    const trusting = [...server, '--certificate-authority', '/etc/kubernetes/pki/ca.crt']
    for (const base of ['apiserver-etcd-client', 'front-proxy-client']) {
      const pki = '/etc/kubernetes/pki'
      const pair = ['--client-certificate', `${pki}/${base}.crt`, '--client-key', `${pki}/${base}.key`]
      const said = await kubectl(...trusting, ...pair, 'get', 'nodes')
      assert.is.not(said.status, 0, base)
      assert.match(said.stderr, /Unauthorized|You must be logged in|provide credentials/)
    }
    const anonymous = await kubectl(...trusting, 'get', 'nodes', '--username', '', '--password', '')
    assert.is.not(anonymous.status, 0)
    const distrusting = await withConfig(
      boss,
      '--certificate-authority',
      '/etc/kubernetes/pki/etcd/ca.crt',
      'get',
      'nodes',
    )
    assert.match(distrusting.stderr, /x509: certificate signed by unknown authority/)
  })

  testWithAll(PROGRAMS, test, 'the API server answers to every name in its certificate', async () => {
    const certificate = new X509Certificate(readFileSync(join(host().tree, 'pki/apiserver.crt')))
    const names = (certificate.subjectAltName ?? '').split(', ').map(name => name.replace(/^(DNS|IP Address):/, ''))
    assert.ok(names.length >= 7, names.join())
    for (const name of [...names, 'wrong.example.org']) {
      const said = await withConfig(boss, 'get', '--raw', '/version', `--tls-server-name=${name}`)
      assert.is(said.status === 0, name !== 'wrong.example.org', `${name}: ${said.stderr}`)
    }
  })

  testWithAll(
    PROGRAMS,
    test,
    `admin.conf may do everything${hasSuperAdmin ? ' once its group is bound' : ''}`,
    async () => {
      const may = async (file: string) =>
        (await withConfig(file, 'auth', 'can-i', '*', '*', '-A')).stdout.trim().split('\n').at(-1)
      if (hasSuperAdmin) {
        assert.is(await may('admin.conf'), 'no')
        const refused = await withConfig('admin.conf', 'get', 'nodes')
        assert.match(refused.stderr, /User "kubernetes-admin" cannot list resource "nodes"/)
        const group = ['--clusterrole', 'cluster-admin', '--group', 'kubeadm:cluster-admins']
        assert.is.not((await withConfig('admin.conf', 'create', 'clusterrolebinding', 'x', ...group)).status, 0)
        await must(withConfig('super-admin.conf', 'create', 'clusterrolebinding', 'kubeadm:cluster-admins', ...group))
      }
      await until('the right is there', 10, async () => assert.is(await may('admin.conf'), 'yes'))
      await must(withConfig('admin.conf', 'get', 'nodes'))
      assert.is(await may('kubelet.conf'), 'no')
      assert.is(await may('scheduler.conf'), 'no')
    },
  )

  testWithAll(PROGRAMS, test, 'kubelet.conf may make its own node and no other', async () => {
    const node = (name: string) => `{"apiVersion":"v1","kind":"Node","metadata":{"name":"${name}"}}`
    const other = await withText('kubelet.conf', node('cp-9'), 'create', '--validate=false')
    assert.is.not(other.status, 0)
    assert.match(other.stderr, /node "cp-1" is not allowed to modify node "cp-9"/)
    await must(withText('kubelet.conf', node('cp-1'), 'create', '--validate=false'))
    assert.is((await must(withConfig('kubelet.conf', 'get', 'nodes', '-o', 'name'))).trim(), 'node/cp-1')
  })

  testWithAll(PROGRAMS, test, 'controller manager and scheduler hold their leases with their kubeconfigs', async () => {
    for (const program of ['kube-controller-manager', 'kube-scheduler']) {
      const [, ...args] = commandOf(host(), program)
      host().daemon(program, kube(program), args)
    }
    for (const program of ['kube-controller-manager', 'kube-scheduler']) {
      const holder = await until(`${program} leads`, 60, async () => {
        const path = ['-n', 'kube-system', 'get', 'lease', program, '-o', 'jsonpath={.spec.holderIdentity}']
        const said = await withConfig(boss, ...path)
        if (said.stdout === '') throw new Error(`${said.stderr}\n${host().log(program)}`)
        return said.stdout
      })
      assert.match(holder, /^cp-1_/)
      const user = `system:${program}`
      const seen = auditLog(host()).filter(event => event.user.username === user)
      assert.ok(seen.length > 0, `${user} is in the audit log`)
    }
  })

  testWithAll(PROGRAMS, test, "the controllers' own accounts and their tokens work", async () => {
    // The controller manager signs tokens with sa.key, logs in with them, and makes default accounts with them.
    const secret = await until('the default account has a token', 60, async () => {
      const path = ['-n', 'kube-public', 'get', 'serviceaccount', 'default', '-o', 'jsonpath={.secrets[0].name}']
      const name = await must(withConfig(boss, ...path))
      if (name === '') throw new Error(host().log('kube-controller-manager'))
      return name
    })
    const encoded = await must(
      withConfig(boss, '-n', 'kube-public', 'get', 'secret', secret, '-o', 'jsonpath={.data.token}'),
    )
    await checkToken(Buffer.from(encoded, 'base64').toString(), 'system:serviceaccount:kube-public:default')
    const events = auditLog(host()).filter(({ user }) =>
      user.username?.startsWith('system:serviceaccount:kube-system:'),
    )
    assert.ok(events.length > 0, 'controllers log in with tokens of their own')
    // The root CA that it hands out is ours.
    const published = ['-n', 'kube-public', 'get', 'configmap', 'kube-root-ca.crt', '-o', 'jsonpath={.data.ca\\.crt}']
    const ca = await until('the root CA is published', 30, () => must(withConfig(boss, ...published)))
    assert.is(ca.trim(), readFileSync(join(host().tree, 'pki/ca.crt'), 'utf8').trim())
  })

  testWithAll(PROGRAMS, test, 'a token that one API server issues is good at the other', async () => {
    const request = '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":600}}'
    const path = '/api/v1/namespaces/kube-public/serviceaccounts/default/token'
    const answer = JSON.parse(await must(withText(boss, request, 'create', '--raw', path))) as {
      status: { token: string }
    }
    await checkToken(answer.status.token, 'system:serviceaccount:kube-public:default')
  })

  testWithAll(
    PROGRAMS,
    test,
    'a certificate that the controller manager signs for a kubelet is of our CA',
    async () => {
      const request = await host().run('openssl', [
        ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'],
        ...['-subj', '/O=system:nodes/CN=system:node:cp-1'],
      ])
      const csr = {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: 'cp-1' },
        spec: {
          request: Buffer.from(request.stdout).toString('base64'),
          signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
          usages: ['digital signature', 'key encipherment', 'client auth'],
        },
      }
      await must(withText('kubelet.conf', JSON.stringify(csr), 'create', '--validate=false'))
      await must(withConfig('admin.conf', 'certificate', 'approve', 'cp-1'))
      const path = ['get', 'csr', 'cp-1', '-o', 'jsonpath={.status.certificate}']
      const pem = await until('it is signed', 30, async () => {
        const text = await must(withConfig('admin.conf', ...path))
        if (text === '') throw new Error('not yet')
        return Buffer.from(text, 'base64').toString()
      })
      const ca = new X509Certificate(readFileSync(join(host().tree, 'pki/ca.crt')))
      const signed = new X509Certificate(pem)
      assert.ok(signed.checkIssued(ca) && signed.verify(ca.publicKey))
      assert.is(signed.subject, 'O=system:nodes\nCN=system:node:cp-1')
    },
  )

  testWithAll(PROGRAMS, test, 'the front proxy speaks for others, and only it', async () => {
    const ask = (base: string, path: string) =>
      host().run(process.execPath, ['-e', PROXY_REQUEST, `https://${addressOf('cp-1')}:6443${path}`, base])
    const mark = '/version?kpki=proxied'
    assert.match(await must(ask('front-proxy-client', mark)), /^200 /)
    const seen = await until('it is in the audit log', 10, () => auditedUser(host(), mark))
    assert.equal(
      { user: seen.username, groups: [...(seen.groups ?? [])].sort() },
      { user: 'jane', groups: groupsOf('crew') },
    )
    const other = '/version?kpki=not-proxied'
    assert.match(await must(ask('apiserver-kubelet-client', other)), /^200 /)
    const kept = await until('it is in the audit log', 10, () => auditedUser(host(), other))
    assert.is(kept.username, 'kube-apiserver-kubelet-client')
  })

  test.run()

  function logs(): string {
    return MEMBERS.map(member => `${member}:\n${host(member).log('etcd')}`).join('\n')
  }

  /** A token is signed by sa.key, and both API servers take it for the account. */
  async function checkToken(token: string, user: string): Promise<void> {
    const [header = '', payload = '', signature = ''] = token.split('.')
    const isRsa = algorithm.startsWith('RSA')
    assert.is(
      (JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string }).alg,
      isRsa ? 'RS256' : 'ES256',
    )
    const key = createPublicKey(readFileSync(join(host().tree, 'pki/sa.pub')))
    const signed = Buffer.from(`${header}.${payload}`)
    assert.ok(verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
    for (const member of ['cp-1', 'cp-2'] as const) {
      const mark = `/version?kpki=${member}-${Buffer.from(signature).toString('hex').slice(0, 32)}`
      const login = ['--kubeconfig', '/dev/null', '--server', `https://${addressOf(member)}:6443`, '--token', token]
      await must(kubectl(...login, '--certificate-authority', '/etc/kubernetes/pki/ca.crt', 'get', '--raw', mark))
      const seen = await until('it is in the audit log', 10, () => auditedUser(host(member), mark))
      assert.is(seen.username, user)
    }
  }
}

/** A request with the headers of a front proxy, since kubectl sends none: URL and the base name of the client's pair. */
const PROXY_REQUEST = `
const [url, base] = process.argv.slice(1)
const read = path => require('node:fs').readFileSync('/etc/kubernetes/pki/' + path)
const headers = { 'X-Remote-User': 'jane', 'X-Remote-Group': 'crew' }
const tls = { ca: read('ca.crt'), cert: read(base + '.crt'), key: read(base + '.key') }
require('node:https').get(url, { headers, timeout: 10000, ...tls }, answer => {
  answer.on('data', () => {})
  answer.on('end', () => console.log(answer.statusCode, answer.statusMessage))
})`

function pairFlags(base: string): readonly string[] {
  return ['--cert', `/etc/kubernetes/pki/${base}.crt`, '--key', `/etc/kubernetes/pki/${base}.key`]
}

function etcdctl(
  host: Host,
  base: string | undefined,
  args: readonly string[],
  endpoint = 'https://127.0.0.1:2379',
): Promise<Said> {
  const common = ['--endpoints', endpoint, '--cacert', '/etc/kubernetes/pki/etcd/ca.crt', '--dial-timeout=2s']
  return host.run('etcdctl', [...common, '--command-timeout=3s', ...(base ? pairFlags(base) : []), ...args], {
    env: { ETCDCTL_API: '3' },
  })
}
