import type { KeyParameters } from '../context.js'

/**
 * The key algorithms that kpki makes, under the names of kubeadm's `encryptionAlgorithm`.
 *
 * @see kubernetes/kubernetes v1.34, cmd/kubeadm/app/apis/kubeadm/types.go (EncryptionAlgorithmType)
 */
export const KEY_ALGORITHMS = {
  'RSA-2048': { name: 'RSA', modulusLength: 2048 },
  'RSA-3072': { name: 'RSA', modulusLength: 3072 },
  'RSA-4096': { name: 'RSA', modulusLength: 4096 },
  'ECDSA-P256': { name: 'ECDSA', namedCurve: 'P-256' },
  'ECDSA-P384': { name: 'ECDSA', namedCurve: 'P-384' },
} as const satisfies Record<string, KeyParameters>
/** One of kubeadm's `encryptionAlgorithm` values. */
export type KeyAlgorithm = keyof typeof KEY_ALGORITHMS

/** Object identifiers of key algorithms (RFC 8017 appendix A.1, RFC 5480 section 2.1.1, RFC 8410 section 3). */
export const KEY_OIDS = { rsa: '1.2.840.113549.1.1.1', ec: '1.2.840.10045.2.1', ed25519: '1.3.101.112' } as const

/** Names of keys that Kubernetes has no use for (RFC 3279 section 2.3, RFC 4055 section 1.2, RFC 8410 section 3, RFC 9881 section 2). */
export const OTHER_KEYS: Readonly<Record<string, string>> = {
  [KEY_OIDS.ed25519]: 'Ed25519',
  '1.3.101.113': 'Ed448',
  '1.3.101.110': 'X25519',
  '1.3.101.111': 'X448',
  '1.2.840.10040.4.1': 'DSA',
  '1.2.840.10046.2.1': 'DH',
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
  '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
  '2.16.840.1.101.3.4.3.19': 'ML-DSA-87',
}
