import type { ControlPlane } from '../config/control-plane.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { formatHostPort } from '../kubernetes/net.js'
import { formatYaml } from '../yaml-format.js'
import type { YamlObject } from '../yaml-scalars.js'
import { isGateOn, valueAt, withValueAt } from './component-config.js'
import type { HostFile, HostTraits } from './host-file.js'
import { healthPort, kubeletConfiguration } from './kubelet.js'
import { KUBELET_PATHS, kubeletFlags, quoteGo } from './kubelet-flags.js'
import type { Patch } from './patch.js'
import { type PatchedObject, patchObject } from './patches.js'

/**
 * The files that a kubelet is started with: `kubeadm-flags.env`, `instance-config.yaml` where that version has one, and
 * `config.yaml`, which is the cluster's KubeletConfiguration with patches and with what is this host's own.
 *
 * @param patches - in the order in which they apply; those for other targets are passed over. kubeadm has them since 1.25
 * @throws `UsageError` `KPKI_PATCH_INVALID`
 * @see kubernetes/kubernetes v1.20.2 and v1.34, cmd/kubeadm/app/phases/kubelet/{config,flags}.go
 */
export function kubeletFiles(
  controlPlane: ControlPlane,
  traits: HostTraits,
  patches: readonly Patch[],
): readonly HostFile[] {
  const { cluster, node } = controlPlane
  const isLocal = isGateOn(cluster, 'NodeLocalCRISocket')
  const patched = patchConfiguration(controlPlane, traits, patches).object
  const own = isLocal ? withValueAt(patched, 'containerRuntimeEndpoint', node.criSocket) : patched
  return [
    file(KUBELET_PATHS.flags, kubeletFlags(controlPlane, traits)),
    // kubeadm's own words: it is read as a patch, and so it has neither apiVersion nor kind.
    ...(isLocal ? [file(KUBELET_PATHS.instanceConfig, `containerRuntimeEndpoint: ${quoteGo(node.criSocket)}\n`)] : []),
    file(KUBELET_PATHS.config, formatYaml(own)),
  ]
}

/**
 * Where the kubelet says how it is, by what its `config.yaml` will say.
 *
 * @returns e.g. `http://127.0.0.1:10248/healthz`; `undefined` where it was told not to
 * @throws `UsageError` `KPKI_PATCH_INVALID`, and `KPKI_FIELD_VALUE` where the port is none
 * @see kubernetes/kubernetes v1.33, cmd/kubeadm/app/util/apiclient/wait.go (WaitForKubelet)
 */
export function kubeletHealthUrl(
  controlPlane: ControlPlane,
  traits: HostTraits,
  patches: readonly Patch[],
): string | undefined {
  const configuration = patchConfiguration(controlPlane, traits, patches).object
  const address = String(valueAt(configuration, 'healthzBindAddress') ?? '')
  const port = healthPort(configuration)
  return port === 0 ? undefined : `http://${formatHostPort(address, port)}/healthz`
}

/** What may not be meant so in patches for the kubelet: those that change nothing, items that are new in a list. */
export function kubeletPatchNotes(
  controlPlane: ControlPlane,
  traits: HostTraits,
  patches: readonly Patch[],
): readonly string[] {
  return patchConfiguration(controlPlane, traits, patches).notes
}

function patchConfiguration(
  controlPlane: ControlPlane,
  traits: HostTraits,
  patches: readonly Patch[],
): PatchedObject<YamlObject> {
  return patchObject(kubeletConfiguration(controlPlane, traits).configuration, 'kubeletconfiguration', patches)
}

function file(path: string, text: string): HostFile {
  return { path, mode: 0o644, bytes: encodeUtf8(text) }
}
