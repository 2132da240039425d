/** Trees with one certificate that breaks one rule of a certificate, and nothing else. */
import { Buffer } from 'node:buffer'
import { generateKeyPairSync } from 'node:crypto'
import type { RuleId } from '../../../lib/audit/rules.js'
import { element, extension, nameOf, oid, pem, sequence } from '../../inspect/der.js'
import { type Remake, remake, versionField, withExtension, without } from '../../support/remake.js'
import { certificateIn, put, read } from '../tree.js'
import type { Break } from './break.js'

const KU = '2.5.29.15'
const SKI = '2.5.29.14'
const SAN = '2.5.29.17'
const BC = '2.5.29.19'
const AKI = '2.5.29.35'
const EKU = '2.5.29.37'

/** Key usage bits, given as octets. */
const keyUsage = (unused: number, ...octets: readonly number[]) => element(3, Buffer.from([unused, ...octets]))
const SIGNS = keyUsage(7, 0x80)
const SIGNS_CERTIFICATES = keyUsage(2, 0x84)
const NOTHING = keyUsage(0)
const CA = sequence(element(1, Buffer.from([0xff])))
const dns = (name: string) => element(0x82, name)
const names = (...list: readonly Uint8Array[]) => extension(SAN, sequence(...list))
const at = (tag: number, text: string) => element(tag, text)
const integer = (...octets: readonly number[]) => element(2, Buffer.from(octets))
const attribute = (type: string, tag: number, value: Uint8Array | string) =>
  element(0x31, sequence(oid(type), element(tag, value)))
const spkiOf = (pair: { publicKey: { export(options: { type: 'spki'; format: 'der' }): Buffer } }) =>
  pair.publicKey.export({ type: 'spki', format: 'der' })
/** An SPKI of a named type and of any octets. */
const keyOf = (type: string, octets = 32) => sequence(sequence(oid(type)), element(3, Buffer.alloc(1 + octets, 0)))
const rsaSpki = (modulus: Uint8Array, exponent: Buffer) =>
  sequence(
    sequence(oid('1.2.840.113549.1.1.1'), element(5, Buffer.alloc(0))),
    element(3, Buffer.concat([Buffer.from([0]), sequence(element(2, modulus), exponent)])),
  )

/** A certificate that breaks one rule, as what is different about a well one. */
export interface Broken {
  readonly rule: RuleId
  readonly about: string
  /** `leaf`: front-proxy-client, which is a client; `ca`: front-proxy-ca, a root. */
  readonly of: 'leaf' | 'ca'
  readonly changes: Remake
  /** The rules that a tree with it cannot but break, too. Default: none */
  readonly also?: readonly RuleId[]
  /** What `openssl verify -x509_strict` says of a chain with it, where it refuses it; of `ca` with a well leaf below. */
  readonly strict?: RegExp
  /** Whether openssl refuses it without being strict, too. */
  readonly always?: boolean
}

const long = 'x'.repeat(65)

/** One row and more for every rule that `checkCertificate` finds, and for what the parser refuses. */
export const BROKEN: readonly Broken[] = [
  { rule: 'serial-zero', about: 'zero', of: 'leaf', changes: { serial: integer(0) } },
  { rule: 'serial-zero', about: 'of a root, as kubeadm before 1.31', of: 'ca', changes: { serial: integer(0) } },
  {
    rule: 'serial-negative',
    about: 'below zero',
    of: 'leaf',
    changes: { serial: integer(0xff, 1, 2, 3, 4, 5, 6, 7, 8) },
  },
  { rule: 'serial-long', about: '21 octets', of: 'leaf', changes: { serial: integer(...Buffer.alloc(21, 0x5a)) } },
  {
    rule: 'serial-long',
    about: 'a high bit in 20 octets',
    of: 'leaf',
    changes: { serial: integer(0, ...Buffer.alloc(20, 0xda)) },
  },
  { rule: 'serial-short', about: '63 bits', of: 'leaf', changes: { serial: integer(0x5a, 1, 2, 3, 4, 5, 6, 7) } },
  {
    rule: 'version',
    about: 'version 1',
    of: 'leaf',
    also: ['usages-extra'],
    changes: { version: undefined, extensions: () => [] },
  },
  {
    rule: 'version',
    about: 'a root of version 1',
    of: 'ca',
    also: ['not-a-ca'],
    changes: { version: undefined, extensions: () => [] },
    strict: /invalid CA certificate/,
  },
  {
    rule: 'version-extensions',
    about: 'extensions in version 2',
    of: 'leaf',
    changes: { version: versionField(2) },
    strict: /requires at least X509v3/,
  },
  {
    rule: 'unique-identifier',
    about: 'issuerUniqueID',
    of: 'leaf',
    changes: { uniqueIdentifier: element(0x81, Buffer.from([0, 1])) },
  },
  {
    rule: 'time-format',
    about: 'UTCTime without seconds',
    of: 'leaf',
    changes: { notAfter: at(23, '2701010000Z') },
    strict: /format error in certificate's notAfter field/,
    always: true,
  },
  {
    rule: 'time-format',
    about: 'another time zone',
    of: 'leaf',
    changes: { notAfter: at(23, '270101000000+0100') },
    strict: /format error in certificate's notAfter field/,
    always: true,
  },
  { rule: 'time-type', about: 'GeneralizedTime of 2027', of: 'leaf', changes: { notAfter: at(24, '20270101000000Z') } },
  {
    rule: 'time-malformed',
    about: 'fractions of a second',
    of: 'leaf',
    changes: { notAfter: at(24, '20500101000000.5Z') },
    strict: /format error in certificate's notAfter field/,
    always: true,
  },
  {
    rule: 'time-malformed',
    about: '30 February',
    of: 'leaf',
    changes: { notAfter: at(23, '360230000000Z') },
  },
  {
    rule: 'never-valid',
    about: 'ends before it begins',
    of: 'leaf',
    changes: { notBefore: at(23, '360101000000Z'), notAfter: at(23, '350101000000Z') },
    strict: /not yet valid|expired/,
    always: true,
  },
  {
    rule: 'issuer-empty',
    about: 'no issuer',
    of: 'leaf',
    also: ['issuer-name'],
    changes: { issuer: sequence() },
    // Which is found to be no issuer's before anything else.
    strict: /unable to get local issuer certificate/,
    always: true,
  },
  {
    rule: 'subject-empty',
    about: 'a leaf without any name',
    of: 'leaf',
    changes: { subject: sequence() },
    strict: /Subject name empty/,
  },
  {
    rule: 'names-not-critical',
    about: 'no subject, and names that may be passed over',
    of: 'leaf',
    changes: { subject: sequence(), extensions: withExtension(names(dns('a.example.org'))) },
    strict: /Subject empty and Subject Alt Name extension not critical/,
  },
  { rule: 'subject-long', about: 'a common name of 65 characters', of: 'leaf', changes: { subject: nameOf(long) } },
  {
    rule: 'subject-long',
    about: 'an organization of 65 characters',
    of: 'leaf',
    changes: { subject: sequence(attribute('2.5.4.10', 12, long), attribute('2.5.4.3', 12, 'front-proxy-client')) },
  },
  {
    rule: 'string-type',
    about: 'BMPString',
    of: 'leaf',
    changes: { subject: nameOf(Buffer.from('\0f\0r\0o\0n\0t\0-\0p\0r\0o\0x\0y\0-\0c\0l\0i\0e\0n\0t'), 30) },
  },
  { rule: 'string-type', about: 'T61String', of: 'leaf', changes: { subject: nameOf('front-proxy-client', 20) } },
  {
    rule: 'subject-malformed',
    about: 'UniversalString',
    of: 'leaf',
    changes: { subject: nameOf(Buffer.from('\0\0\0a'), 28) },
  },
  {
    rule: 'extension-twice',
    about: 'subjectKeyIdentifier twice',
    of: 'leaf',
    changes: {
      extensions: list => [...list, ...list.filter(each => each.oid === SKI)].map(({ bytes }) => bytes),
    },
  },
  {
    rule: 'extension-malformed',
    about: 'an address of five octets',
    of: 'leaf',
    changes: { extensions: withExtension(names(element(0x87, Buffer.alloc(5, 1)))) },
  },
  {
    rule: 'extension-malformed',
    about: 'key usage that is no BIT STRING',
    of: 'leaf',
    changes: { extensions: withExtension(extension(KU, element(5, Buffer.alloc(0)), true)) },
  },
  {
    rule: 'extension-unknown',
    about: 'a critical one of nobody',
    of: 'leaf',
    changes: { extensions: withExtension(extension('1.3.6.1.4.1.99999.1', element(5, Buffer.alloc(0)), true)) },
    strict: /unhandled critical extension/,
    always: true,
  },
  {
    // Go: without a name that it reads the extension counts as unknown (parser.go, processExtensions).
    rule: 'extension-unknown',
    about: 'critical names of a kind that Go passes over',
    of: 'leaf',
    changes: { extensions: withExtension(extension(SAN, sequence(element(0xa4, nameOf('a'))), true)) },
  },
  {
    rule: 'extension-critical',
    about: 'subjectKeyIdentifier',
    of: 'leaf',
    changes: {
      extensions: withExtension(extension(SKI, element(4, Buffer.alloc(20, 1)), true)),
    },
    strict: /unhandled critical extension/,
    always: true,
  },
  {
    rule: 'extension-critical',
    about: 'authorityKeyIdentifier',
    of: 'leaf',
    changes: {
      extensions: list =>
        list.map(({ oid: type, bytes }) => {
          if (type !== AKI) return bytes
          // SEQUENCE, length, OID of 5 octets, then the value; nothing here is longer than 127 octets.
          return element(
            0x30,
            Buffer.concat([bytes.subarray(2, 7), element(1, Buffer.from([0xff])), bytes.subarray(7)]),
          )
        }),
    },
    strict: /unhandled critical extension/,
    always: true,
  },
  {
    rule: 'extension-netscape',
    about: 'netscape-cert-type',
    of: 'leaf',
    changes: { extensions: withExtension(extension('2.16.840.1.113730.1.1', keyUsage(7, 0x80))) },
  },
  {
    rule: 'netscape-purpose',
    about: 'a client whose netscape-cert-type is that of a server',
    of: 'leaf',
    changes: { extensions: withExtension(extension('2.16.840.1.113730.1.1', keyUsage(6, 0x40))) },
    strict: /unsuitable certificate purpose/,
    always: true,
  },
  {
    rule: 'cert-sign-without-ca',
    about: 'keyCertSign in a leaf',
    of: 'leaf',
    changes: { extensions: withExtension(extension(KU, SIGNS_CERTIFICATES, true)) },
    strict: /keyCertSign invalid for non-CA cert/,
  },
  {
    rule: 'path-length-without-ca',
    about: 'pathLenConstraint in a leaf',
    of: 'leaf',
    changes: { extensions: withExtension(extension(BC, sequence(integer(0)), true)) },
    strict: /Path length invalid for non-CA cert/,
  },
  {
    rule: 'ca-profile',
    about: 'no key usage',
    of: 'ca',
    changes: { extensions: without(KU) },
    strict: /CA cert does not include key usage/,
  },
  {
    rule: 'ca-profile',
    about: 'basic constraints that are not critical',
    of: 'ca',
    changes: { extensions: withExtension(extension(BC, CA)) },
    strict: /Basic Constraints of CA cert not marked critical/,
  },
  {
    rule: 'ca-profile',
    about: 'no subject key identifier',
    of: 'ca',
    changes: { extensions: without(SKI) },
    strict: /Missing Subject Key Identifier/,
  },
  {
    rule: 'not-a-ca',
    about: 'a CA that may not sign certificates',
    of: 'ca',
    changes: { extensions: withExtension(extension(KU, SIGNS, true)) },
    strict: /key usage does not include certificate signing/,
    always: true,
  },
  {
    rule: 'key-usage-not-critical',
    about: 'a CA',
    of: 'ca',
    changes: { extensions: withExtension(extension(KU, SIGNS_CERTIFICATES)) },
  },
  {
    rule: 'key-usage-empty',
    about: 'not one bit',
    of: 'leaf',
    also: ['usage-missing'],
    changes: { extensions: withExtension(extension(KU, NOTHING, true)) },
    strict: /./,
    always: true,
  },
  {
    rule: 'key-usage-undefined',
    about: 'encipherOnly without keyAgreement',
    of: 'leaf',
    changes: { extensions: withExtension(extension(KU, keyUsage(0, 0x81), true)) },
  },
  {
    rule: 'key-usage-unfit',
    about: 'keyEncipherment with Ed25519',
    of: 'leaf',
    changes: {
      spki: spkiOf(generateKeyPairSync('ed25519')),
      extensions: withExtension(extension(KU, keyUsage(5, 0xa0), true)),
    },
  },
  {
    rule: 'key-usage-unfit',
    about: 'keyAgreement with RSA',
    of: 'leaf',
    changes: {
      spki: spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
      extensions: withExtension(extension(KU, keyUsage(3, 0x88), true)),
    },
  },
  {
    rule: 'ec-key-encipherment',
    about: 'as kubeadm sets it',
    of: 'leaf',
    changes: { extensions: withExtension(extension(KU, keyUsage(5, 0xa0), true)) },
  },
  {
    rule: 'ec-key-encipherment',
    about: 'dataEncipherment',
    of: 'leaf',
    changes: { extensions: withExtension(extension(KU, keyUsage(4, 0x90), true)) },
  },
  {
    rule: 'ext-usage-empty',
    about: 'not one usage',
    of: 'leaf',
    also: ['usage-missing'],
    changes: { extensions: withExtension(extension(EKU, sequence())) },
    strict: /unsuitable certificate purpose/,
    always: true,
  },
  {
    rule: 'ext-usage-any',
    about: 'a leaf for anything',
    of: 'leaf',
    also: ['usages-extra'],
    changes: { extensions: withExtension(extension(EKU, sequence(oid('2.5.29.37.0')))) },
    strict: /unsuitable certificate purpose/,
    always: true,
  },
  {
    rule: 'ext-usage-any',
    about: 'a CA for anything',
    of: 'ca',
    changes: { extensions: withExtension(extension(EKU, sequence(oid('2.5.29.37.0')))) },
    strict: /unsuitable certificate purpose/,
    always: true,
  },
  {
    rule: 'ext-usage-critical',
    about: 'clientAuth, critical',
    of: 'leaf',
    changes: { extensions: withExtension(extension(EKU, sequence(oid('1.3.6.1.5.5.7.3.2')), true)) },
  },
  {
    rule: 'ext-usage-critical',
    about: 'any usage, critical',
    of: 'leaf',
    also: ['usages-extra'],
    changes: {
      extensions: withExtension(extension(EKU, sequence(oid('1.3.6.1.5.5.7.3.2'), oid('2.5.29.37.0')), true)),
    },
  },
  { rule: 'no-key-identifier', about: 'a leaf', of: 'leaf', changes: { extensions: without(SKI) } },
  {
    rule: 'no-authority-identifier',
    about: 'a leaf',
    of: 'leaf',
    changes: { extensions: without(AKI) },
    strict: /Missing Authority Key Identifier/,
  },
  {
    rule: 'no-authority-identifier',
    about: 'issuer and serial number in its place',
    of: 'leaf',
    changes: { extensions: withExtension(extension(AKI, sequence())) },
    strict: /Missing Authority Key Identifier/,
  },
  {
    rule: 'names-empty',
    about: 'a list of none',
    of: 'leaf',
    changes: { extensions: withExtension(names()) },
    strict: /Empty Subject Alternative Name extension/,
  },
  {
    rule: 'names-twice',
    about: 'in capitals, too',
    of: 'leaf',
    changes: { extensions: withExtension(names(dns('a.example.org'), dns('A.example.org'))) },
  },
  {
    rule: 'name-empty',
    about: 'a DNS name',
    of: 'leaf',
    changes: { extensions: withExtension(names(dns('a.example.org'), dns(''))) },
  },
  {
    rule: 'name-empty',
    about: 'an address of mail',
    of: 'leaf',
    changes: { extensions: withExtension(names(dns('a.example.org'), element(0x81, ''))) },
  },
  ...[
    'a..b',
    '.a',
    'a.',
    ' ',
    'a b',
    `${'x'.repeat(64)}.a`,
    `${'x.'.repeat(127)}x`,
    'a*.b',
    'a.*.b',
    '*',
    '-a.b',
    'a/b',
  ].map(
    name =>
      ({
        rule: 'name-malformed',
        about: JSON.stringify(name.slice(0, 20)),
        of: 'leaf',
        changes: { extensions: withExtension(names(dns(name))) },
      }) as const,
  ),
  ...['10.0.0.1', 'fd00::1'].map(
    name =>
      ({
        rule: 'name-address',
        about: name,
        of: 'leaf',
        // Wanted as an address, and so the next certificate has it as one.
        also: ['names-missing'],
        changes: { extensions: withExtension(names(dns(name))) },
      }) as const,
  ),
  {
    rule: 'address-mapped',
    about: '::ffff:10.0.0.1',
    of: 'leaf',
    changes: {
      extensions: withExtension(names(element(0x87, Buffer.from('00000000000000000000ffff0a000001', 'hex')))),
    },
  },
  {
    rule: 'signature-weak',
    about: 'SHA-1',
    of: 'leaf',
    changes: { algorithm: 'SHA-1' },
    strict: /signature digest algorithm too weak/,
    always: true,
  },
  {
    rule: 'key-weak',
    about: 'RSA-1024',
    of: 'leaf',
    changes: { spki: spkiOf(generateKeyPairSync('rsa', { modulusLength: 1024 })) },
    strict: /key too weak/,
    always: true,
  },
  {
    rule: 'key-long',
    about: 'RSA-8193',
    of: 'leaf',
    changes: { spki: rsaSpki(Buffer.from([1, ...Buffer.alloc(1024, 0xab)]), integer(1, 0, 1)) },
  },
  {
    rule: 'key-unusable',
    about: 'an even exponent',
    of: 'leaf',
    changes: { spki: rsaSpki(Buffer.from([0, ...Buffer.alloc(256, 0xab)]), integer(1, 0, 0)) },
  },
  {
    rule: 'key-unusable',
    about: 'an exponent of 1, with which anybody signs',
    of: 'leaf',
    changes: { spki: rsaSpki(Buffer.from([0, ...Buffer.alloc(256, 0xab)]), integer(1)) },
  },
  {
    rule: 'key-unusable',
    about: 'secp256k1',
    of: 'leaf',
    changes: { spki: spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })) },
  },
  { rule: 'key-unusable', about: 'Ed448', of: 'leaf', changes: { spki: spkiOf(generateKeyPairSync('ed448')) } },
  { rule: 'key-unusable', about: 'ML-DSA-65', of: 'leaf', changes: { spki: keyOf('2.16.840.1.101.3.4.3.18', 1952) } },
  { rule: 'key-unusable', about: 'a type of nobody', of: 'leaf', changes: { spki: keyOf('1.3.6.1.4.1.99999.2') } },
  {
    rule: 'key-unusable',
    about: 'a modulus that is no number',
    of: 'leaf',
    changes: {
      spki: sequence(
        sequence(oid('1.2.840.113549.1.1.1'), element(5, Buffer.alloc(0))),
        element(3, Buffer.concat([Buffer.from([0]), sequence(element(4, 'x'))])),
      ),
    },
  },
]

const AT = {
  leaf: { path: 'pki/front-proxy-client.crt', row: 'front-proxy-client' },
  ca: { path: 'pki/front-proxy-ca.crt', row: 'front-proxy-ca' },
} as const
/** Where a certificate stands whose key is not that of any file: beside the others, and no row's. */
const ELSEWHERE = 'pki/other.crt'

/** Puts a certificate of the tree made over into its place, or beside it. */
const madeOver =
  (of: Broken['of'], changes: Remake, to: string = AT[of].path): Break['spoil'] =>
  store => {
    const der = remake(certificateIn(store, AT[of].path).der, read(store, 'pki/front-proxy-ca.key'), changes)
    put(store, to, pem(der))
  }

/** Trees that break one rule of a certificate. */
export const CERTIFICATE_BREAKS: readonly Break[] = [
  ...BROKEN.map(({ rule, about, of, changes, also = [] }) => {
    const to = changes.spki ? ELSEWHERE : AT[of].path
    return {
      rule,
      about,
      spoil: madeOver(of, changes, to),
      findings: [rule, ...also].map(code => `${code} ${changes.spki ? to : AT[of].row}`),
    }
  }),
  {
    rule: 'authority-identifier',
    about: 'the key identifier of another CA',
    spoil: madeOver('leaf', {
      extensions: withExtension(extension(AKI, sequence(element(0x80, Buffer.alloc(20, 7))))),
    }),
  },
  {
    rule: 'authority-identifier',
    about: 'the serial number of the CA before it was renewed',
    spoil: madeOver('leaf', {
      extensions: list => {
        const own = list.find(each => each.oid === AKI)?.bytes ?? Buffer.alloc(0)
        // SEQUENCE, OID of 5 octets, OCTET STRING, SEQUENCE of [0], each with a header of 2.
        const identifier = own.subarray(11)
        const named = sequence(
          identifier,
          element(0xa1, [element(0xa4, nameOf('front-proxy-ca'))]),
          element(0x82, Buffer.from([1])),
        )
        return withExtension(extension(AKI, named))(list)
      },
    }),
  },
  {
    rule: 'issuer-name',
    about: 'the name of its CA in another string type',
    spoil: madeOver('leaf', { issuer: nameOf('front-proxy-ca', 12) }),
  },
  {
    rule: 'path-length',
    about: 'a CA below one that allows none',
    spoil: async store => {
      madeOver('ca', {
        extensions: withExtension(extension(BC, sequence(element(1, Buffer.from([0xff])), integer(0)), true)),
      })(store)
      const signs = withExtension(extension(KU, SIGNS_CERTIFICATES, true))
      const isCa = withExtension(extension(BC, CA, true))
      const list = (bytes: readonly Buffer[]) => bytes.map(each => ({ oid: '', bytes: each }))
      madeOver(
        'leaf',
        {
          subject: nameOf('below'),
          extensions: old => [...without(KU, BC, EKU)(old), ...signs(list([])), ...isCa(list([]))],
        },
        ELSEWHERE,
      )(store)
    },
    findings: [`path-length ${ELSEWHERE}`],
  },
  {
    rule: 'ca-restricted',
    about: 'a CA for servers, and a client below it',
    spoil: madeOver('ca', { extensions: withExtension(extension(EKU, sequence(oid('1.3.6.1.5.5.7.3.1')))) }),
    findings: ['ca-restricted front-proxy-client'],
  },
]
