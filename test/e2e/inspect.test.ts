/** What `kpki inspect` says of trees that others made, held to what openssl reads in the same files. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { skipped, testWith } from '../support/skip.js'
import { hardWayTree, makeCfssl } from './foreign.js'
import { KPKI, scratch } from './host.js'
import { kube } from './programs.js'

const test = suite('inspect')

interface Place {
  readonly file: string
  readonly part?: string
}
interface Found {
  readonly certificates: readonly {
    readonly index: number
    readonly role: string
    readonly signedBy?: number
    readonly subject: { readonly commonName: string; readonly organizations: readonly string[] }
    readonly isCA: boolean
    readonly serialNumber: string
    readonly notBefore: string
    readonly notAfter: string
    readonly fingerprint: string
    readonly dnsNames: readonly string[]
    readonly ipAddresses: readonly string[]
    readonly places: readonly Place[]
    readonly keyPlaces: readonly Place[]
  }[]
  readonly keys: readonly { readonly certificates: readonly number[] }[]
  readonly requests: readonly { readonly signatureValid: boolean; readonly certificates: readonly number[] }[]
  readonly kubeconfigs: readonly { readonly clusters: readonly unknown[]; readonly contexts: readonly unknown[] }[]
  readonly remarks: readonly { readonly code: string; readonly file: string }[]
}

function kpki(...argv: readonly string[]) {
  const env = { ...process.env, LANG: 'C.UTF-8' }
  return spawnSync(process.execPath, [KPKI, 'inspect', ...argv], {
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 28,
    timeout: 60_000,
  })
}

function inspect(...argv: readonly string[]): Found {
  const { status, stdout, stderr } = kpki(...argv, '-o', 'json')
  assert.equal([status, stderr], [0, ''])
  const text = kpki(...argv)
  assert.is(text.status, 0)
  for (const line of text.stdout.split('\n')) assert.ok([...line].length <= 80 || !line.trim().includes(' '), line)
  return JSON.parse(stdout) as Found
}

const openssl = (...args: readonly string[]) =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** The certificate of a place as a file of its own; bundles are told apart by openssl. */
function pemOf({ file, part }: Place): string {
  const text = readFileSync(file, 'utf8')
  if (part === undefined) return text
  const [, list = '', name = '', field = ''] = /^(clusters|users)\[(.*)\]\.([a-z-]+)$/.exec(part) ?? []
  const entry = list === 'users' ? 'user' : 'cluster'
  const config = JSON.parse(
    execFileSync(kubectl(), ['config', 'view', '--raw', '-o', 'json', '--kubeconfig', file], { encoding: 'utf8' }),
  )
  const found = config[list].find((item: { name: string }) => item.name === name)
  return Buffer.from(found[entry][field], 'base64').toString()
}

const kubectl = () => (process.env['KUBE_BINARIES'] ? kube('kubectl') : 'kubectl')

/** Holds every fact of every certificate to openssl's reading. */
function judge(found: Found): void {
  const dir = scratch('pem')
  const files = found.certificates.map(({ index, places }) => {
    const file = join(dir, `${index}.pem`)
    const [place = { file: '' }] = places
    writeFileSync(file, pemOf(place))
    return file
  })
  for (const { index, signedBy, ...facts } of found.certificates) {
    const file = files[index] ?? ''
    const said = openssl(
      'x509',
      '-in',
      file,
      '-noout',
      '-serial',
      '-fingerprint',
      '-sha256',
      '-dates',
      '-dateopt',
      'iso_8601',
      '-subject',
      '-nameopt',
      'multiline,utf8,-esc_msb',
    )
    const line = (pattern: RegExp) => pattern.exec(said)?.[1] ?? ''
    assert.is(facts.serialNumber.replace(/^00(?=.)/, '').toUpperCase(), line(/^serial=(.*)$/m))
    assert.is(
      facts.fingerprint,
      line(/Fingerprint=(.*)$/m)
        .replaceAll(':', '')
        .toLowerCase(),
    )
    assert.is(facts.notBefore, line(/^notBefore=(.*)$/m).replace(' ', 'T'))
    assert.is(facts.notAfter, line(/^notAfter=(.*)$/m).replace(' ', 'T'))
    assert.is(facts.subject.commonName, line(/^ +commonName += (.*)$/m))
    assert.equal(
      facts.subject.organizations,
      [...said.matchAll(/^ +organizationName += (.*)$/gm)].map(match => match[1]),
    )
    const text = openssl('x509', '-in', file, '-noout', '-text')
    assert.is(facts.isCA, text.includes('CA:TRUE'))
    const names = /Subject Alternative Name: *\n *(.*)\n/.exec(text)?.[1]?.split(', ') ?? []
    assert.equal(
      facts.dnsNames,
      names.filter(name => name.startsWith('DNS:')).map(name => name.slice(4)),
    )
    assert.is(facts.ipAddresses.length, names.filter(name => name.startsWith('IP')).length)
    // OpenSSL is asked about every other certificate: whoever has signed it is told, and nobody else.
    const signers = files.flatMap((issuer, at) => {
      const args = [
        'verify',
        '-partial_chain',
        '-no_check_time',
        '-check_ss_sig',
        '-trusted',
        issuer,
        '-no-CApath',
        '-no-CAfile',
        file,
      ]
      const isItself = at === index
      const { status } = spawnSync('openssl', args)
      // A certificate that is trusted is not looked at further, whoever has signed it; names are compared as they are written.
      const name = (flag: string) => openssl('x509', '-in', file, '-noout', flag).replace(/^[a-z]+=/, '')
      const isSelfSigned = isItself && name('-subject') === name('-issuer')
      return status === 0 && (!isItself || isSelfSigned) ? [at] : []
    })
    assert.equal(signedBy === undefined ? [] : [signedBy], signers, file)
  }
}

testWith('openssl', test, 'our own tree', async () => {
  const dir = join(scratch('own'), 'demo')
  execFileSync(process.execPath, [
    KPKI,
    'gen',
    'all',
    '-q',
    '--dir',
    dir,
    '--node-name',
    'cp-1',
    '--apiserver-advertise-address',
    '10.0.0.10',
  ])
  const found = inspect(dir)
  assert.equal([found.certificates.length, found.kubeconfigs.length, found.remarks], [15, 5, []])
  judge(found)
})

const KUBEADM = process.env['KUBE_BINARIES'] && existsSync(kube('kubeadm')) ? kube('kubeadm') : undefined
if (KUBEADM === undefined) {
  skipped.push("kubeadm's tree (needs kubeadm in KUBE_BINARIES)")
  test.skip()
} else {
  test("kubeadm's tree", async () => {
    const dir = scratch('kubeadm')
    writeFileSync(
      join(dir, 'kubeadm.yaml'),
      `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration: {name: cp-1}
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
certificatesDir: ${dir}/k/pki
`,
    )
    const config = ['--config', join(dir, 'kubeadm.yaml')]
    execFileSync(KUBEADM, ['init', 'phase', 'certs', 'all', ...config], { stdio: 'ignore' })
    execFileSync(KUBEADM, ['init', 'phase', 'kubeconfig', 'all', ...config, '--kubeconfig-dir', join(dir, 'k')], {
      stdio: 'ignore',
    })
    const found = inspect(join(dir, 'k'))
    assert.equal(
      [found.certificates.length, found.keys.length, found.kubeconfigs.length, found.remarks],
      [14, 16, 4, []],
    )
    judge(found)
  })
}

testWith('openssl', test, 'a tree of the Hard Way', async () => {
  const found = inspect(hardWayTree())
  assert.equal([found.certificates.length, found.keys.length, found.requests.length, found.remarks], [6, 6, 5, []])
  assert.ok(found.requests.every(({ signatureValid, certificates }) => signatureValid && certificates.length === 1))
  judge(found)
})

testWith('cfssl', test, 'a tree of cfssl', async () => {
  const dir = scratch('cfssl')
  makeCfssl(dir)
  const found = inspect(dir)
  assert.equal([found.certificates.length, found.keys.length, found.requests.length, found.remarks], [4, 4, 4, []])
  assert.ok(found.certificates.every(({ keyPlaces }) => keyPlaces.length === 1))
  judge(found)
})

const hasKubectl = spawnSync(kubectl(), ['version', '--client']).status === 0
if (!hasKubectl) {
  skipped.push('a kubeconfig of five clusters (needs kubectl)')
  test.skip()
} else {
  testWith('openssl', test, 'a kubeconfig of five clusters', async () => {
    const dir = scratch('five')
    const file = join(dir, 'config')
    const config = (...args: readonly string[]) =>
      execFileSync(kubectl(), ['config', ...args, '--kubeconfig', file], { cwd: dir, stdio: 'ignore' })
    for (const name of ['prod', 'staging', 'dev']) {
      openssl(
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        join(dir, `${name}.key`),
        '-out',
        join(dir, `${name}.crt`),
        '-subj',
        '/CN=kubernetes',
        '-days',
        '3650',
      )
      config(
        'set-cluster',
        name,
        '--server',
        `https://${name}:6443`,
        '--certificate-authority',
        `${name}.crt`,
        '--embed-certs',
      )
    }
    config('set-cluster', 'kind', '--server', 'https://127.0.0.1:44321', '--insecure-skip-tls-verify=true')
    config(
      'set-cluster',
      'arn:aws:eks:eu-central-1:123456789012:cluster/shop',
      '--server',
      'https://0123.gr7.eu-central-1.eks.amazonaws.com',
    )
    openssl(
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      join(dir, 'u.key'),
      '-out',
      join(dir, 'u.csr'),
      '-subj',
      '/O=dev-team/CN=jane',
    )
    openssl(
      'x509',
      '-req',
      '-in',
      join(dir, 'u.csr'),
      '-CA',
      join(dir, 'prod.crt'),
      '-CAkey',
      join(dir, 'prod.key'),
      '-CAcreateserial',
      '-days',
      '20',
      '-out',
      join(dir, 'u.crt'),
    )
    config('set-credentials', 'jane', '--client-certificate', 'u.crt', '--client-key', 'u.key', '--embed-certs')
    config('set-credentials', 'bot', '--token', 'SECRET-TOKEN')
    config('set-context', 'prod', '--cluster', 'prod', '--user', 'jane')
    config('set-context', 'wrong', '--cluster', 'staging', '--user', 'jane')
    config('set-context', 'kind', '--cluster', 'kind', '--user', 'bot')
    config('set-context', 'gone', '--cluster', 'nowhere', '--user', 'bot')
    config('use-context', 'prod')
    const found = inspect(file)
    assert.equal(
      [found.certificates.length, found.kubeconfigs[0]?.clusters.length, found.kubeconfigs[0]?.contexts.length],
      [4, 5, 4],
    )
    assert.equal(found.remarks.map(({ code }) => code).sort(), ['ca-data', 'entry-missing', 'kubeconfig-extra'])
    assert.not.match(kpki(file).stdout + kpki(file, '-o', 'yaml').stdout, 'SECRET')
    judge(found)
  })
}

test('an expired tree, a broken one, one that this user may not read, an empty folder', async () => {
  const dir = scratch('broken')
  const tree = join(dir, 'demo')
  execFileSync(process.execPath, [
    KPKI,
    'gen',
    'all',
    '-q',
    '--dir',
    tree,
    '--node-name',
    'cp-1',
    '--apiserver-advertise-address',
    '10.0.0.10',
    '--encryption-algorithm',
    'ECDSA-P256',
  ])
  const expired = inspect(tree, '--now', '2099-01-01T00:00:00Z')
  assert.equal(new Set(expired.remarks.map(({ code }) => code)), new Set(['expired']))
  assert.is(expired.remarks.length, 15)
  assert.match(kpki(tree, '--now', '2099-01-01T00:00:00Z').stdout, /all expired/)

  const broken = join(dir, 'broken')
  cpSync(tree, broken, { recursive: true })
  rmSync(join(broken, 'pki/etcd/ca.crt'))
  cpSync(join(tree, 'pki/sa.key'), join(broken, 'pki/apiserver.key'))
  writeFileSync(
    join(broken, 'pki/front-proxy-client.crt'),
    readFileSync(join(tree, 'pki/front-proxy-client.crt')).subarray(0, 400),
  )
  writeFileSync(join(broken, 'kubelet.conf'), Buffer.from([0xff, 0xfe, 0, 1]))
  chmodSync(join(broken, 'admin.conf'), 0o644)
  const codes = inspect(broken).remarks.map(({ code, file }) => `${code} ${file.slice(broken.length + 1)}`)
  assert.equal(codes.sort(), [
    'key-mismatch pki/apiserver.key',
    'mode-open admin.conf',
    'unreadable pki/front-proxy-client.crt',
  ])
  assert.match(kpki(broken).stdout, /^issuer not here: CN=etcd-ca$/m)

  if (process.geteuid?.() === 0) {
    // Nobody may read keys, kubeconfigs and the ledger, and is told so once.
    chmodSync(dir, 0o755)
    const env = { ...process.env, LANG: 'C.UTF-8' }
    const { status, stdout } = spawnSync(process.execPath, [KPKI, 'inspect', tree], {
      encoding: 'utf8',
      uid: 65534,
      gid: 65534,
      env,
    })
    assert.is(status, 0)
    assert.match(stdout, /cannot be read \(EACCES\) \(17\)/)
  }

  const empty = join(dir, 'empty')
  mkdirSync(empty)
  const { status, stdout, stderr } = kpki(empty)
  assert.equal([status, stdout, stderr], [1, '', `kpki: error: ${empty} is empty\n`])
})

const ROOTS = '/etc/ssl/certs'
testWith('openssl', test, `the roots of this system (${ROOTS})`, async () => {
  if (!existsSync(join(ROOTS, 'ca-certificates.crt'))) return
  const found = inspect(ROOTS)
  const text = readFileSync(join(ROOTS, 'ca-certificates.crt'), 'utf8')
  assert.ok(found.certificates.length >= (text.match(/BEGIN CERTIFICATE/g) ?? []).length)
  const roots = readdirSync(ROOTS).filter(file => file.endsWith('.pem'))
  for (const file of roots.slice(0, 40)) {
    const said = openssl(
      'x509',
      '-in',
      join(ROOTS, file),
      '-noout',
      '-fingerprint',
      '-sha256',
      '-enddate',
      '-dateopt',
      'iso_8601',
    )
    const fingerprint = (/=(.*)/.exec(said)?.[1] ?? '').replaceAll(':', '').toLowerCase()
    const own = found.certificates.find(certificate => certificate.fingerprint === fingerprint)
    assert.is(own?.notAfter, /notAfter=(.*)/.exec(said)?.[1]?.replace(' ', 'T'), file)
    assert.is(own?.signedBy, own?.index, file)
  }
  // Hundreds of roots are not hundreds of remarks; of some the end has come, or comes.
  assert.ok(found.remarks.length < 15, JSON.stringify(found.remarks))
  assert.equal(
    [...new Set(found.remarks.map(({ code }) => code))].filter(code => code !== 'expired' && code !== 'ends-soon'),
    [],
  )
})

test.run()
