import type { Command } from './command.js'
import { CLOCK_FLAGS, COMMON_FLAGS, DESCRIPTION_FLAGS, type Flag, SECRET_OUTPUT_FLAGS, TREE_FLAGS } from './flags.js'

const PLACE_FLAGS = { dir: TREE_FLAGS.dir, 'cert-dir': TREE_FLAGS['cert-dir'] }
const ISSUER_FLAG = {
  type: 'string',
  value: 'URL',
  about: '--service-account-issuer of the API server (default https://kubernetes.default.svc.cluster.local)',
} as const satisfies Flag

/** Service-account tokens and what is needed to verify them. */
export const SA_COMMANDS = {
  sa: {
    about: 'sign and verify service-account tokens offline, publish the keys that verify them',
    examples: [
      ['kpki sa token builder --namespace ci --uid 3a0e… --out token', 'a token for one hour'],
      ['kpki sa jwks', 'the key set, as the API server serves it'],
    ],
  },
  'sa token': {
    about: 'sign a token for a ServiceAccount with pki/sa.key, as the API server would',
    args: { name: 'service-account', least: 1, most: 1, about: 'name of the ServiceAccount' },
    flags: {
      ...PLACE_FLAGS,
      key: { type: 'string', value: 'FILE', about: 'private key to sign with (default pki/sa.key of the tree)' },
      namespace: { type: 'string', alias: 'n', value: 'NAME', about: 'of the ServiceAccount (default: default)' },
      uid: { type: 'string', value: 'UID', about: 'metadata.uid of the ServiceAccount, which the API server compares' },
      kubeconfig: { type: 'string', value: 'FILE', about: 'look the uid up in this cluster, if --uid does not say it' },
      audience: {
        type: 'list',
        value: 'NAMES',
        about: 'who is to take the token, comma-separated (default: the issuer)',
      },
      duration: { type: 'string', value: 'DURATION', about: 'how long it is valid (default 1h)' },
      issuer: ISSUER_FLAG,
      'bound-object-kind': {
        type: 'string',
        choices: ['Pod', 'Secret', 'Node'],
        about: 'the token ends with an object of this kind',
      },
      'bound-object-name': { type: 'string', value: 'NAME', about: 'its name' },
      'bound-object-uid': { type: 'string', value: 'UID', about: 'its metadata.uid' },
      'kubernetes-version': DESCRIPTION_FLAGS['kubernetes-version'],
      ...SECRET_OUTPUT_FLAGS,
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    endsItself: true,
    load: async () => (await import('./sa-token.js')).runSaToken,
    notes: [
      'The token is a secret, and nobody can take it back: it ends with its time, with the ServiceAccount (a new one of the ' +
        'same name has another uid) or with the object that it is bound to. The API server does not know of it, and neither ' +
        'does the ledger.',
    ],
    examples: [
      [
        'kpki sa token builder -n ci --uid "$(kubectl -n ci get sa builder -o jsonpath={.metadata.uid})" --out token',
        'without asking the API server to sign',
      ],
      ['kpki sa token builder -n ci --kubeconfig admin.conf --duration 10m', 'the uid is looked up'],
      ['kpki sa token vault-auth --uid 3a0e… --audience vault', 'for somebody else than the API server'],
    ],
  },
  'sa verify': {
    about: 'check the signature, issuer, audience and time of a service-account token, and print what it says',
    args: {
      name: 'file',
      value: 'FILE',
      least: 0,
      most: 1,
      about: 'file with the token; - for standard input (default)',
    },
    flags: {
      ...PLACE_FLAGS,
      key: {
        type: 'list',
        value: 'FILE',
        about: 'public keys or certificates, comma-separated (default pki/sa.pub of the tree)',
      },
      issuer: ISSUER_FLAG,
      audience: { type: 'string', value: 'NAME', about: 'the token must be for this audience (default: the issuer)' },
      ...CLOCK_FLAGS,
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./sa-verify.js')).runSaVerify,
    notes: ['Whether the ServiceAccount still exists only the API server knows; ask it with a TokenReview.'],
    examples: [
      ['kpki sa verify token', 'with pki/sa.pub'],
      ['kubectl create token builder | kpki sa verify --key new.pub,old.pub', 'during a rotation of the keys'],
    ],
  },
  'sa jwks': {
    about: 'print the key set that verifies service-account tokens, as the API server serves it at /openid/v1/jwks',
    args: {
      name: 'files',
      value: 'FILE',
      least: 0,
      most: 100,
      about: 'public keys or certificates, the newest first (default pki/sa.pub of the tree)',
    },
    flags: { ...PLACE_FLAGS, ...COMMON_FLAGS },
    load: async () => (await import('./sa-keys.js')).runSaJwks,
    examples: [
      ['kpki sa jwks > jwks.json', 'to publish it elsewhere'],
      ['kpki sa jwks new.pub old.pub', 'while the keys are rotated: verifiers need both'],
    ],
  },
  'sa openid-configuration': {
    about: 'print the discovery document of the issuer, as the API server serves it',
    args: {
      name: 'files',
      value: 'FILE',
      least: 0,
      most: 100,
      about: 'public keys or certificates (default pki/sa.pub of the tree)',
    },
    flags: {
      ...PLACE_FLAGS,
      issuer: ISSUER_FLAG,
      'jwks-uri': { type: 'string', value: 'URL', about: 'where the key set is (default ISSUER/openid/v1/jwks)' },
      ...COMMON_FLAGS,
    },
    load: async () => (await import('./sa-keys.js')).runSaOpenIdConfiguration,
    examples: [
      [
        'kpki sa openid-configuration --issuer https://oidc.example.org > openid-configuration',
        'to serve at https://oidc.example.org/.well-known/',
      ],
    ],
  },
} as const satisfies Readonly<Record<string, Command>>
