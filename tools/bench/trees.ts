/** Lines that make whole trees. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, execute, find, POOL, processes } from './run.js'
import type { Line, Place } from './types.js'

// An address of the documentation's (RFC 5737): nobody's, and kubeadm takes no loopback one.
const ADDRESS = '192.0.2.10'
const ALGORITHMS = {
  'RSA-2048': { raw: ['rsa'], gate: '' },
  'ECDSA-P256': { raw: ['ec'], gate: 'featureGates: {PublicKeysECDSA: true}\n' },
} as const
type Algorithm = keyof typeof ALGORITHMS

/** What a bare first control plane is described by, without a look at this host. */
const FACTS = ['--node-name', 'cp-1', '--apiserver-advertise-address', ADDRESS]

/** The command line that makes a tree. */
export function genAll({ kpki }: Place, tree: string, algorithm: Algorithm): readonly string[] {
  const wishes = ['--encryption-algorithm', algorithm, ...FACTS]
  return [process.execPath, kpki, 'gen', 'all', '--dir', tree, ...wishes, '--quiet']
}

/** The same number of key pairs as `gen all` makes, in a process of its own. */
async function againstRawKeys(place: Place, algorithm: Algorithm) {
  const { dir, kpki } = place
  const dryRun = execute(dir, [process.execPath, kpki, 'gen', 'all', '--dir', dir, ...FACTS, '--dry-run', '-o', 'json'])
  const { items } = JSON.parse(dryRun) as { readonly items: readonly unknown[] }
  const rawKeys = compile(dir, 'raw-keys')
  return {
    a: processes(dir, fresh => [genAll(place, fresh, algorithm)]),
    b: processes(dir, () => [[process.execPath, rawKeys, ...ALGORITHMS[algorithm].raw, String(items.length)]]),
  }
}

/** The real kubeadm, from KUBE_BINARIES or PATH. */
export const findKubeadm = () => find('kubeadm', [process.env['KUBE_BINARIES'] ?? ''].filter(Boolean))

/** kubeadm's version, e.g. `v1.20.2`. */
export const kubeadmVersion = (dir: string, kubeadm: string) =>
  execute(dir, [kubeadm, 'version', '--output', 'short']).trim()

/** kubeadm's phases for certificates and kubeconfigs, and kpki with the same configuration of kubeadm's version. */
async function againstKubeadm({ dir, kpki }: Place, algorithm: Algorithm) {
  const kubeadm = findKubeadm()
  if (!kubeadm) return 'kubeadm is neither in KUBE_BINARIES nor on PATH'
  const version = kubeadmVersion(dir, kubeadm)
  const minor = Number(/^v1\.(\d+)/.exec(version)?.[1])
  const { gate } = ALGORITHMS[algorithm]
  // Its own words for the algorithm came with v1beta4 in 1.31; before that a feature gate.
  const apiVersion = `kubeadm.k8s.io/${minor >= 31 ? 'v1beta4' : minor >= 22 ? 'v1beta3' : 'v1beta2'}`
  const wish = minor >= 31 ? `encryptionAlgorithm: ${algorithm}\n` : gate
  const describe = (fresh: string) => {
    const file = join(fresh, 'kubeadm.yaml')
    writeFileSync(
      file,
      `apiVersion: ${apiVersion}
kind: InitConfiguration
nodeRegistration: {name: cp-1, criSocket: /run/containerd/containerd.sock}
localAPIEndpoint: {advertiseAddress: ${ADDRESS}}
---
apiVersion: ${apiVersion}
kind: ClusterConfiguration
kubernetesVersion: ${version}
certificatesDir: ${fresh}/pki
${wish}`,
    )
    return ['--config', file]
  }
  return {
    a: processes(dir, fresh => [[process.execPath, kpki, 'gen', 'all', '--dir', fresh, ...describe(fresh), '--quiet']]),
    b: processes(dir, fresh => {
      const config = describe(fresh)
      return [
        [kubeadm, 'init', 'phase', 'certs', 'all', ...config],
        [kubeadm, 'init', 'phase', 'kubeconfig', 'all', '--kubeconfig-dir', fresh, ...config],
      ]
    }),
  }
}

const KUBEADM = 'kubeadm init phase certs all and kubeconfig all, with the same configuration: two whole processes'

/** Whole trees. */
export const TREE_LINES: readonly Line[] = [
  {
    name: 'gen-all-rsa-raw-keys',
    part: 'rsa',
    a: 'kpki gen all, RSA-2048, into an empty folder: the whole process',
    b: `as many RSA-2048 key pairs by generateKeyPair of node:crypto, all cores: the whole process`,
    note: `a pool of ${POOL} threads in both`,
    limit: 1.35,
    aim: 1.25,
    pairs: 41,
    prepare: place => againstRawKeys(place, 'RSA-2048'),
  },
  {
    name: 'gen-all-rsa-kubeadm',
    part: 'rsa',
    a: 'kpki gen all, RSA-2048, into an empty folder: the whole process',
    b: KUBEADM,
    limit: 0.5,
    aim: 0.5,
    pairs: 21,
    prepare: place => againstKubeadm(place, 'RSA-2048'),
  },
  {
    name: 'gen-all-ecdsa-node',
    part: 'ecdsa',
    a: 'kpki gen all, ECDSA-P256, into an empty folder: the whole process',
    b: 'node -e 0',
    limit: 7,
    aim: 3,
    pairs: 21,
    prepare: async place => ({
      a: processes(place.dir, fresh => [genAll(place, fresh, 'ECDSA-P256')]),
      b: processes(place.dir, () => [[process.execPath, '-e', '0']]),
    }),
  },
  {
    name: 'gen-all-ecdsa-kubeadm',
    part: 'ecdsa',
    a: 'kpki gen all, ECDSA-P256, into an empty folder: the whole process',
    b: KUBEADM,
    note: 'kubeadm before 1.31 makes the keys of kubeconfigs with RSA-2048 all the same',
    pairs: 21,
    prepare: place => againstKubeadm(place, 'ECDSA-P256'),
  },
]
