import { ManifestReader, manifestPath } from '../../audit/manifests.js'
import type { Argument } from '../../config/control-plane.js'
import { decodeUtf8 } from '../../crypto/bytes.js'
import { has } from '../../kubernetes/differences.js'
import { formatHostPort } from '../../kubernetes/net.js'
import { certificatePath } from '../../tree/layout.js'
import { isYamlObject } from '../../yaml-scalars.js'
import type { Host } from '../host.js'
import { type HealthTarget, waitUntilHealthy } from '../wait.js'
import type { InitRun } from './init-run.js'
import type { Action, Hands, Outcome, Phase } from './phase.js'

const KUBERNETES_DIR = '/etc/kubernetes'
const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml'
/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (KubeletHealthzPort). */
const KUBELET_HEALTHZ = { address: '127.0.0.1', port: 10248 } as const

/** Where a component is asked, and for what. */
const COMPONENTS = [
  { name: 'kube-apiserver', options: 'apiServer', port: '6443', path: 'livez' },
  { name: 'kube-controller-manager', options: 'controllerManager', port: '10257', path: 'healthz' },
  { name: 'kube-scheduler', options: 'scheduler', port: '10259', path: 'livez' },
] as const

/**
 * Waits for the kubelet and the control plane.
 *
 * Stricter than kubeadm: the API server must show a certificate of the tree's CA. The controller manager and the scheduler make
 * theirs themselves, so that nothing could be verified there; nothing secret is sent.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/waitcontrolplane.go, cmd/kubeadm/app/util/apiclient/wait.go
 */
export const WAIT_CONTROL_PLANE: Phase<InitRun> = {
  name: 'wait-control-plane',
  about: 'wait for the kubelet and for the components of the control plane to be well',
  plan: run => [waitForKubelet(run), waitForComponents(run)],
}

function waitForKubelet({ controlPlane: { timeoutSeconds } }: InitRun): Action {
  return {
    kind: 'wait',
    about: 'wait for the kubelet',
    async apply(hands) {
      const { host } = hands
      if (host.system === undefined) return NOBODY
      const config = await host.read(KUBELET_CONFIG)
      if (config === undefined) return told(`there is no ${host.locate(KUBELET_CONFIG)}: no kubelet is waited for`)
      const { address, port } = await kubeletHealthz(config)
      if (port === 0) return told('the kubelet serves no healthz (healthzPort 0): it is not waited for')
      const target = { name: 'kubelet', url: `http://${formatHostPort(address, port)}/healthz` }
      await waitUntilHealthy([target], host.system, hands.context, {
        timeoutSeconds: timeoutSeconds.kubeletHealthCheck,
        hint: 'is the kubelet running? systemctl status kubelet, journalctl -xeu kubelet; without systemd, start it as init said',
        signal: hands.signal,
      })
      return WELL
    },
  }
}

/** The kubelet's own file, patches and all, says where it answers. */
async function kubeletHealthz(config: Uint8Array): Promise<{ readonly address: string; readonly port: number }> {
  const { parseYaml } = await import('../../yaml.js')
  const { value } = parseYaml(decodeUtf8(config) ?? '', KUBELET_CONFIG)
  const { healthzBindAddress: address, healthzPort: port } = isYamlObject(value) ? value : {}
  return {
    // All addresses are asked at the first one.
    address: typeof address !== 'string' || address === '' || address === '0.0.0.0' ? KUBELET_HEALTHZ.address : address,
    port: typeof port === 'number' ? port : KUBELET_HEALTHZ.port,
  }
}

function waitForComponents(run: InitRun): Action {
  return {
    kind: 'wait',
    about: 'wait for the control plane',
    async apply(hands) {
      const { system } = hands.host
      if (system === undefined) return NOBODY
      const { controlPlane } = run
      await waitUntilHealthy(await healthTargets(run, hands), system, hands.context, {
        timeoutSeconds: controlPlane.timeoutSeconds.controlPlaneComponentHealthCheck,
        hint: whatToLookAt(run),
        signal: hands.signal,
      })
      return WELL
    },
  }
}

/**
 * Where the components of the control plane on a host answer: by their manifests, else by the description.
 */
export async function healthTargets(
  { controlPlane }: Pick<InitRun, 'controlPlane'>,
  { host, store }: Pick<Hands, 'host' | 'store'>,
): Promise<readonly HealthTarget[]> {
  const { cluster } = controlPlane
  const isWhole = has(cluster.kubernetesVersion, 'waitsForAllComponents')
  const file = await store.read(certificatePath('ca'))
  const ca = file && decodeUtf8(file.bytes)
  const targets: HealthTarget[] = []
  for (const { name, options, port, path } of COMPONENTS) {
    if (!isWhole && name !== 'kube-apiserver') continue
    const flags = (await manifestFlags(name, host)) ?? argumentMap(controlPlane[options].extraArgs)
    const isApiServer = name === 'kube-apiserver'
    const address = isApiServer
      ? (flags.get('advertise-address') ?? cluster.advertiseAddress.text)
      : (flags.get('bind-address') ?? '127.0.0.1')
    const number = Number(flags.get('secure-port') ?? (isApiServer ? cluster.bindPort : port))
    const url = `https://${formatHostPort(toReach(address), number)}/${isWhole ? path : 'healthz'}`
    targets.push({ name, url, ...(isApiServer && ca !== undefined ? { ca } : {}) })
  }
  return targets
}

/** Who listens at all addresses is asked at the first one. */
function toReach(address: string): string {
  return address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
}

async function manifestFlags(component: string, host: Host): Promise<ReadonlyMap<string, string> | undefined> {
  const path = `${KUBERNETES_DIR}/${manifestPath(component)}`
  const text = decodeUtf8((await host.read(path)) ?? new Uint8Array())
  if (text === undefined || text === '') return undefined
  const reader = new ManifestReader()
  await reader.read(component, text, host.locate(path))
  return reader.facts.flags.get(component)
}

/** The last one of a name counts. */
function argumentMap(args: readonly Argument[]): ReadonlyMap<string, string> {
  return new Map(args.map(({ name, value }) => [name, value]))
}

function whatToLookAt({ as, controlPlane: { node } }: InitRun): string {
  return as === 'systemd'
    ? 'systemctl status etcd kube-apiserver kube-controller-manager kube-scheduler; journalctl -xeu kube-apiserver'
    : `is the kubelet running, and can it pull the images? crictl --runtime-endpoint ${node.criSocket} ps -a, then crictl logs CONTAINER; an API server that ends again and again often has no etcd`
}

const WELL: Outcome = { state: 'unchanged', made: [] }
const NOBODY: Outcome = told('a directory that stands for a host runs nothing: nothing is waited for')

function told(note: string): Outcome {
  return { state: 'unchanged', made: [], notes: [note] }
}
