import type { Rule } from '../rule.js'

/** What can be wrong with a certificate or a key for itself, whatever it is for. */
export const CERTIFICATE_RULES = {
  'key-unusable': {
    group: 'certificates',
    severity: 'error',
    about: 'the key is of a type that no program of Kubernetes takes',
    why: "Go's TLS offers no signature that fits it.",
    fix: 'Have it made anew with RSA-2048 or more, or with ECDSA on P-256, P-384 or P-521.',
  },
  'key-weak': {
    group: 'certificates',
    severity: 'warning',
    about: 'the key is shorter than RSA-2048',
    why: 'Go refuses RSA keys below 1024 bits since 1.24, OpenSSL at its usual level those below 2048.',
    fix: 'Have it made anew: kpki apply --new-keys.',
  },
  'signature-weak': {
    group: 'certificates',
    severity: 'error',
    about: 'the certificate is signed with SHA-1 or MD5, which Go refuses',
    why: 'Go has taken no SHA-1 signature since 1.18, so that no component accepts it.',
    fix: 'Have it signed anew: kpki renew.',
  },
  'serial-short': {
    group: 'certificates',
    severity: 'info',
    about: 'the serial number has fewer than 64 bits',
    why: 'Kubernetes does not look at it; audits do, and two certificates of one CA with one number cannot be told apart.',
    fix: 'Nothing has to be done; the next renewal makes a long one.',
    source: 'RFC 5280 section 4.1.2.2',
  },
  'serial-negative': {
    group: 'certificates',
    severity: 'error',
    about: 'the serial number is negative, which Go refuses since 1.23',
    why: 'Components built with Go 1.23 or later cannot read the certificate at all.',
    fix: 'Have it made anew.',
    source: 'RFC 5280 section 4.1.2.2',
  },
  'extension-unknown': {
    group: 'certificates',
    severity: 'error',
    about: 'the certificate has a critical extension that Go does not know',
    why: 'A verifier must refuse what it is told not to ignore and does not understand.',
    fix: 'Have it made anew without that extension, or with one that is not critical.',
    source: 'RFC 5280 section 4.2',
  },
  'no-key-identifier': {
    group: 'certificates',
    severity: 'info',
    about: 'the certificate has no subject key identifier',
    why: 'It should have one; nobody refuses a leaf without it.',
    fix: 'Nothing has to be done; the next renewal makes one.',
    source: 'RFC 5280 section 4.2.1.2',
  },
  'ec-key-encipherment': {
    group: 'certificates',
    severity: 'warning',
    about: 'a certificate with an EC key claims keyEncipherment',
    why: 'An EC key can encipher nothing, and a certificate of one must not claim it; strict verifiers may refuse it.',
    fix: 'Have it made anew: kpki renew.',
    source: 'RFC 8813 section 3',
  },
} as const satisfies Record<string, Rule>
