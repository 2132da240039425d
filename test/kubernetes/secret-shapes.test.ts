import { randomBytes, randomInt } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { looksSecret } from '../../lib/kubernetes/secret-shapes.js'

const SECRETS = [
  // RFC 7515 appendix A.1, and its head alone.
  'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODB9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9',
  '--token=eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.x.y',
  './eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.x.y',
  '-----BEGIN EC PRIVATE KEY-----',
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==',
  'abcdef.0123456789abcdef',
  '--tokn=abcdef.0123456789abcdef',
  'kind: Config\nusers: []',
  '{"kind":"Config"}',
  '{ "kind": "Config" }',
  'a'.repeat(256),
  `x/${'é'.repeat(128)}`,
  'a/'.repeat(2048),
  'nul\0',
]
const NAMES = [
  '',
  '-',
  'ca.crt',
  '/etc/kubernetes/pki/apiserver-kubelet-client.crt',
  '/var/lib/kubelet/pods/8a7b6c5d-1234-4321-abcd-0123456789ab/volumes/kubernetes.io~secret/ca.crt',
  'C:\\Users\\Jane Doe\\.kube\\config',
  'Projects/k8s/clusters/production-europe-west1/admin',
  'jane-doe-kubeconfig-for-production-cluster-2026-11-21.yaml',
  'bench/kpki-e2e-cp-1-h3ApLD/kpki-e2e-cp-2-8wbGK4',
  'arn:aws:eks:eu-west-1:123456789012:cluster/prod-cluster',
  `sha256:${'0123456789abcdef'.repeat(4)}`,
  `./${'0123456789abcdef'.repeat(4)}`,
  'system:serviceaccount:kube-system:default',
  'system:bootstrappers:kubeadm:default-node-token',
  'ip-10-0-0-10.eu-west-1.compute.internal',
  'a'.repeat(255),
]

test('what may be a secret, and what is a name', () => {
  for (const text of SECRETS) assert.ok(looksSecret(text), text)
  for (const text of NAMES) assert.not(looksSecret(text), text)
})

test('what is random is told by its letters', () => {
  const missed = { base64: 0, base64url: 0, hex: 0 }
  for (let run = 0; run < 500; run++)
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const text = randomBytes(encoding === 'hex' ? 32 : randomInt(30, 90)).toString(encoding)
      if (!text.startsWith('/') && !looksSecret(text)) missed[encoding]++
    }
  // By chance: less than one in a thousand.
  for (const [encoding, count] of Object.entries(missed)) assert.ok(count <= 5, `${encoding}: ${count}`)
})

test.run()
