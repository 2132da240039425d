/** What holds certificates or keys and is not opened, with how to have that checked. */
export interface ClosedForm {
  /** What it is, with its article. */
  readonly what: string
  readonly hint: string
}

const ARCHIVE = 'the tree in an archive is checked with: kpki check --dir FILE'
const TAR_ONLY = 'have it checked as a directory, or as a tar archive: kpki check --dir FILE'
const KEY_STORE = 'keytool -exportcert -rfc writes out its certificates'
const DECRYPTED = 'have it checked without its password, outside of the disk: openssl pkey -in FILE | kpki check -'

/** By the octets at their place. */
const SIGNATURES: readonly (readonly [offset: number, octets: readonly number[], form: ClosedForm])[] = [
  // RFC 1952 section 2.3.1.
  [0, [0x1f, 0x8b], { what: 'a gzip archive', hint: ARCHIVE }],
  // POSIX.1-2008, pax, ustar Interchange Format: magic.
  [257, [0x75, 0x73, 0x74, 0x61, 0x72], { what: 'a tar archive', hint: ARCHIVE }],
  [0, [0x50, 0x4b, 0x03, 0x04], { what: 'a zip archive', hint: TAR_ONLY }],
  [0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], { what: 'an xz archive', hint: TAR_ONLY }],
  // RFC 8878 section 3.1.1.
  [0, [0x28, 0xb5, 0x2f, 0xfd], { what: 'a Zstandard archive', hint: TAR_ONLY }],
  [0, [0x42, 0x5a, 0x68], { what: 'a bzip2 archive', hint: TAR_ONLY }],
  [0, [0xfe, 0xed, 0xfe, 0xed], { what: 'a Java key store', hint: KEY_STORE }],
  [0, [0xce, 0xce, 0xce, 0xce], { what: 'a Java key store', hint: KEY_STORE }],
]

/** The form of a whole file by its first octets; `undefined` for one that is read. */
export function closedForm(bytes: Uint8Array): ClosedForm | undefined {
  return SIGNATURES.find(([offset, octets]) => octets.every((octet, index) => bytes[offset + index] === octet))?.[2]
}

const PKCS7: ClosedForm = {
  what: 'a PKCS #7 bundle',
  hint: 'have what is in it checked: openssl pkcs7 -in FILE -print_certs | kpki check - (-inform DER where it is no text)',
}

/** By the label of a PEM block, or what it would be for DER. */
const LABELS: Readonly<Record<string, ClosedForm>> = {
  PKCS7,
  CMS: PKCS7,
  PKCS12: {
    what: 'a PKCS #12 key store',
    hint: 'have its certificates checked: openssl pkcs12 -in FILE -nokeys | kpki check -',
  },
  'OPENSSH PRIVATE KEY': { what: 'a key in the form of OpenSSH', hint: 'leave it out: nothing of Kubernetes reads it' },
}

/** The form of a PEM block by its label; `undefined` for what is read, and for what holds neither certificates nor keys. */
export function closedBlock(label: string): ClosedForm | undefined {
  return Object.hasOwn(LABELS, label) ? LABELS[label] : undefined
}

/** A private key under a password. */
export const ENCRYPTED_KEY: ClosedForm = { what: 'an encrypted private key', hint: DECRYPTED }
