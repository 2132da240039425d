/**
 * What must hold of a tree that was made of DESCRIPTION at MADE, whoever made it and whichever way it came: the same checks
 * for every version and algorithm, for trees in memory and for archives that were unpacked.
 */
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import {
  type AlgorithmFacts,
  type CertificateFact,
  expectedAsn1,
  expectedKubeconfig,
  MADE,
  type VersionFacts,
} from './facts.js'
import { asn1Of, derOf, openssl, scratch, shownOf } from './openssl.js'
import { type Files, fieldOf, fileOf, spread } from './trees.js'

const root = scratch()

/** A tree, and what it is to be. */
export interface JudgedTree {
  readonly files: Files
  readonly facts: VersionFacts
  readonly algorithm: AlgorithmFacts
}

/** One of the {@link CHECKS}. */
export interface Check {
  readonly name: string
  /** What it needs on PATH. Default: nothing. */
  readonly tool?: string
  readonly check: (tree: JudgedTree) => void | Promise<void>
}

/** All checks; each throws where a tree is not as kubeadm's would be. */
export const CHECKS: readonly Check[] = [
  {
    name: "the files are kubeadm's and the ledger, no more and no fewer",
    check({ files, facts }) {
      const wanted = [
        ...facts.certificates.flatMap(({ file }) => [file, file.replace('.crt', '.key')]),
        'pki/sa.key',
        'pki/sa.pub',
        'pki/issued.jsonl',
        ...facts.kubeconfigs.map(({ file }) => file),
      ]
      assert.equal([...files.keys()].sort(), wanted.sort())
    },
  },
  {
    name: "openssl reads in every certificate what kubeadm's source says",
    tool: 'openssl',
    async check(tree) {
      const dir = mkdtempSync(join(root, 'tree-'))
      const { facts, algorithm } = tree
      const all = everyCertificate(tree)
      const base = join(dir, 'all')
      writeFileSync(`${base}.der`, Buffer.concat(all.map(({ pem }) => derOf(pem))))
      writeFileSync(`${base}.pem`, all.map(({ pem }) => pem).join(''))
      const [dumps, shown] = await Promise.all([asn1Of(`${base}.der`), shownOf(`${base}.pem`)])
      assert.is(dumps.length, all.length)
      assert.is(shown.length, all.length)
      const identifiers = new Map(all.map(({ fact, pem }) => [fact.file, keyIdentifier(pem)]))
      const serials = new Set<string>()
      for (const [index, { fact }] of all.entries()) {
        const { lines, serial, own, issuer } = withPlaceholders(dumps[index] ?? [])
        const issuerFact = facts.certificates.find(({ file }) => file === fact.signedBy)
        assert.equal(lines, expectedAsn1(fact, issuerFact?.subject ?? [], algorithm), fact.file)
        // 15 octets hold 120 bits, 20 is the most (RFC 5280 section 4.1.2.2); a minus would mean a negative one.
        assert.match(serial, /^[0-7][0-9A-F]{29,39}$/, `${fact.file}: serial ${serial}`)
        serials.add(serial)
        assert.is(own, `0414${identifiers.get(fact.file)}`, `${fact.file}: subject key identifier`)
        if (fact.purpose !== 'ca')
          assert.is(issuer, `30168014${identifiers.get(fact.signedBy)}`, `${fact.file}: authority key identifier`)
        assert.is(shown[index]?.names, fact.names, `${fact.file}: names`)
        assert.ok(shown[index]?.text.includes(algorithm.shown), `${fact.file}: ${algorithm.shown}`)
      }
      assert.is(serials.size, all.length, 'serial numbers differ')
    },
  },
  {
    name: 'openssl verifies every chain for its purpose and for no other',
    tool: 'openssl',
    async check(tree) {
      const dir = mkdtempSync(join(root, 'tree-'))
      const { files, facts, algorithm } = tree
      const spreadTree = spread(files, join(dir, 'tree'))
      const at = String(MADE.getTime() / 1000)
      for (const { fact, pem } of everyCertificate(tree))
        if (fact.file.endsWith('.conf')) writeFileSync(join(spreadTree, `${fact.file}.crt`), pem)
      const leaves = [
        ...facts.certificates.filter(({ purpose }) => purpose !== 'ca'),
        ...facts.kubeconfigs.map(({ file }) => ({
          file: `${file}.crt`,
          signedBy: 'pki/ca.crt',
          purpose: 'client' as const,
        })),
      ]
      const verify = (ca: string, purpose: string, files: readonly string[], ...more: readonly string[]) =>
        openssl(
          ...['verify', '-x509_strict', '-check_ss_sig', '-no-CApath', '-no-CAstore', '-attime', at, ...more],
          ...['-purpose', purpose, '-CAfile', join(spreadTree, ca), ...files.map(file => join(spreadTree, file))],
        )
      const cas = facts.certificates.filter(({ purpose }) => purpose === 'ca').map(({ file }) => file)
      await Promise.all(
        cas.flatMap(ca =>
          (['sslserver', 'sslclient'] as const).map(async purpose => {
            const fits = leaves.filter(
              leaf =>
                leaf.signedBy === ca &&
                (leaf.purpose === 'both' || leaf.purpose === (purpose === 'sslserver' ? 'server' : 'client')),
            )
            if (fits.length > 0) {
              const files = [ca, ...fits.map(({ file }) => file)]
              const { status, stdout, stderr } = await verify(ca, purpose, files)
              assert.is(stdout, files.map(file => `${join(spreadTree, file)}: OK\n`).join(''))
              assert.is(status, 0, stderr)
            }
            // What is refused does not depend on the kind of key.
            if (algorithm.name !== 'ECDSA-P256') return
            const others = leaves.filter(leaf => !fits.includes(leaf)).map(({ file }) => file)
            const { stdout, stderr } = await verify(ca, purpose, others)
            assert.is(stdout, '', `${ca} vouches for none of the others as ${purpose}`)
            assert.is(stderr.match(/verification failed/g)?.length, others.length)
          }),
        ),
      )
    },
  },
  {
    name: 'node:crypto agrees about names, issuers, signatures and keys',
    check(tree) {
      const all = everyCertificate(tree)
      const parsed = new Map(all.map(({ fact, pem }) => [fact.file, new X509Certificate(pem)]))
      for (const { fact, key } of all) {
        const certificate = parsed.get(fact.file)
        const issuer = parsed.get(fact.signedBy)
        if (!certificate || !issuer) throw new Error(fact.file)
        assert.is(certificate.subject, fact.subject.map(([type, value]) => `${type}=${value}`).join('\n'), fact.file)
        assert.is(certificate.issuer, issuer.subject)
        assert.is(certificate.ca, fact.purpose === 'ca')
        assert.equal(certificate.keyUsage, usagesOf(fact))
        assert.is(new Date(certificate.validFrom).toISOString(), '2026-06-01T11:55:00.000Z')
        assert.is(
          new Date(certificate.validTo).toISOString(),
          fact.purpose === 'ca' ? '2036-05-29T12:00:00.000Z' : '2027-06-01T12:00:00.000Z',
        )
        assert.ok(certificate.checkIssued(issuer), `${fact.file} is issued by ${fact.signedBy}`)
        assert.ok(certificate.verify(issuer.publicKey), `${fact.file} is signed by ${fact.signedBy}`)
        assert.ok(certificate.checkPrivateKey(createPrivateKey(key)), `${fact.file} and its key`)
      }
      const server = parsed.get('pki/apiserver.crt')
      for (const host of ['cp-1', 'api.example.org', 'x.apps.example.org', 'kubernetes.default.svc.corp.internal'])
        assert.ok(server?.checkHost(host), host)
      for (const host of ['apps.example.org', 'a.b.apps.example.org', 'cp-2']) assert.not(server?.checkHost(host), host)
      for (const address of ['10.200.0.1', '10.0.0.10', '192.0.2.7', '2001:db8::7'])
        assert.ok(server?.checkIP(address), address)
      assert.not(server?.checkIP('10.0.0.11'))
    },
  },
  {
    name: 'keys and certificates stand in the PEM types that kubeadm writes',
    check(tree) {
      const { files, algorithm } = tree
      for (const { fact, pem, key } of everyCertificate(tree)) {
        assert.match(pem, pemOf('CERTIFICATE'), fact.file)
        assert.match(key, pemOf(algorithm.keyLabel), fact.file)
        checkKey(key, algorithm)
      }
      const [privateKey, publicKey] = [fileOf(files, 'pki/sa.key'), fileOf(files, 'pki/sa.pub')]
      assert.match(privateKey, pemOf(algorithm.keyLabel))
      assert.match(publicKey, pemOf('PUBLIC KEY'))
      assert.is(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }), publicKey)
    },
  },
  {
    name: "kubeconfigs are kubeadm's byte for byte",
    check({ files, facts }) {
      for (const fact of facts.kubeconfigs) {
        const text = fileOf(files, fact.file)
        assert.is(
          text
            .replace(/(certificate-authority-data: )[A-Za-z0-9+/]+=*\n/, '$1CA\n')
            .replace(/(client-certificate-data: )[A-Za-z0-9+/]+=*\n/, '$1CERTIFICATE\n')
            .replace(/(client-key-data: )[A-Za-z0-9+/]+=*\n/, '$1KEY\n'),
          expectedKubeconfig(fact, facts.preferences),
        )
        assert.is(fieldOf(text, 'certificate-authority-data'), fileOf(files, 'pki/ca.crt'))
      }
    },
  },
]

/** Slow, and the same for every version. */
export const PAIR_CHECK: Check = {
  name: 'openssl finds in every key file the key of its certificate',
  tool: 'openssl',
  async check(tree) {
    const dir = mkdtempSync(join(root, 'tree-'))
    await Promise.all(
      everyCertificate(tree).map(async ({ fact, pem, key }, index) => {
        writeFileSync(join(dir, `${index}.crt`), pem)
        writeFileSync(join(dir, `${index}.key`), key)
        const [ofKey, ofCertificate] = await Promise.all([
          openssl('pkey', '-in', join(dir, `${index}.key`), '-pubout'),
          openssl('x509', '-in', join(dir, `${index}.crt`), '-noout', '-pubkey'),
        ])
        assert.is(ofKey.status, 0, ofKey.stderr)
        assert.match(ofKey.stdout, pemOf('PUBLIC KEY'))
        assert.is(ofKey.stdout, ofCertificate.stdout, fact.file)
      }),
    )
    const consistent = await openssl('pkey', '-in', join(dir, '0.key'), '-check', '-noout')
    assert.is(consistent.stdout, 'Key is valid\n', consistent.stderr)
  },
}

/** Certificates on their own and those inside kubeconfigs, with their keys. */
function everyCertificate({ files, facts }: JudgedTree) {
  return [
    ...facts.certificates.map(fact => ({
      fact,
      pem: fileOf(files, fact.file),
      key: fileOf(files, fact.file.replace('.crt', '.key')),
    })),
    ...facts.kubeconfigs.map(({ file, subject }) => {
      const fact: CertificateFact = { file, subject, signedBy: 'pki/ca.crt', purpose: 'client', names: '' }
      const text = fileOf(files, file)
      return { fact, pem: fieldOf(text, 'client-certificate-data'), key: fieldOf(text, 'client-key-data') }
    }),
  ]
}

/** RFC 7093 section 2 method 1: the leftmost 160 bits of SHA-256 over the public key's bits. */
function keyIdentifier(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  // The BIT STRING is the last element: after its header and one octet of unused bits.
  const header = spki.subarray(spki[1] === 0x82 ? 4 : spki[1] === 0x81 ? 3 : 2)
  const rest = header.subarray((header[1] ?? 0) + 2)
  const start = rest[1] === 0x82 ? 5 : rest[1] === 0x81 ? 4 : 3
  return createHash('sha256').update(rest.subarray(start)).digest('hex').slice(0, 40).toUpperCase()
}

/** Replaces what is random; all of it is looked at elsewhere. */
function withPlaceholders(dump: readonly string[]) {
  let [serial, own, issuer, object] = ['', '', '', '']
  const lines = dump.map((line, index) => {
    if (line.startsWith('5 OBJECT ')) object = line.slice('5 OBJECT X509v3 '.length)
    if (index === 4) {
      serial = line.slice('2 INTEGER '.length)
      return '2 INTEGER SERIAL'
    }
    const [, value] = /^5 OCTET STRING (.*)$/.exec(line) ?? []
    if (value === undefined) return line
    if (object === 'Subject Key Identifier') {
      own = value
      return '5 OCTET STRING OWN'
    }
    if (object === 'Authority Key Identifier') {
      issuer = value
      return '5 OCTET STRING ISSUER'
    }
    return object === 'Subject Alternative Name' ? '5 OCTET STRING NAMES' : line
  })
  return { lines, serial, own, issuer }
}

function usagesOf({ purpose }: CertificateFact): readonly string[] | undefined {
  const [server, client] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']
  return { ca: undefined, server: [server], client: [client], both: [server, client] }[purpose]
}

/** One block, 64 columns, a final newline, nothing else. */
function pemOf(label: string): RegExp {
  return new RegExp(
    `^-----BEGIN ${label}-----\n([A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n-----END ${label}-----\n$`,
  )
}

function checkKey(pem: string, { name, keyLabel }: AlgorithmFacts): void {
  const key = createPrivateKey(pem)
  if (keyLabel === 'RSA PRIVATE KEY') {
    assert.is(key.asymmetricKeyType, 'rsa')
    assert.is(`RSA-${key.asymmetricKeyDetails?.modulusLength}`, name)
    assert.is(key.asymmetricKeyDetails?.publicExponent, 65537n)
    assert.is(key.export({ type: 'pkcs1', format: 'pem' }), pem)
  } else {
    assert.is(key.asymmetricKeyType, 'ec')
    const curves: Readonly<Record<string, string>> = { prime256v1: 'ECDSA-P256', secp384r1: 'ECDSA-P384' }
    assert.is(curves[key.asymmetricKeyDetails?.namedCurve ?? ''], name)
    assert.is(key.export({ type: 'sec1', format: 'pem' }), pem)
  }
}
