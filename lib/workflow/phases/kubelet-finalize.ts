import { decodeUtf8, encodeUtf8 } from '../../crypto/bytes.js'
import { EncodingError, StoreError } from '../../errors.js'
import { lastArgument } from '../../render/arguments.js'
import { KUBELET_DIR, KUBELET_PATHS } from '../../render/kubelet-flags.js'
import { formatYaml } from '../../yaml-format.js'
import { isYamlObject } from '../../yaml-scalars.js'
import { record } from '../record.js'
import { outcomeOf } from './actions.js'
import type { InitRun } from './init-run.js'
import { findKubelet, KUBELET_SERVICE, tryService } from './kubelet-service.js'
import type { Action, Hands, Outcome, Phase } from './phase.js'

/** The kubelet's link to the client certificate that it uses now, with its key. */
const CURRENT_PEM = 'kubelet-client-current.pem'

/**
 * Leaves the kubelet to renew its client certificate itself, once it has one of its own.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/phases/init/kubeletfinalize.go
 */
export const KUBELET_FINALIZE: Phase<InitRun> = {
  name: 'kubelet-finalize',
  about: 'leave the kubelet to renew its own client certificate',
  phases: [
    {
      name: 'enable-client-cert-rotation',
      about: `let ${KUBELET_PATHS.kubeconfig} name the certificate that the kubelet renews`,
      // kubeadm's name until 1.31.
      aliases: ['experimental-cert-rotation'],
      plan: run => [enableRotation(run)],
    },
  ],
}

/** Lets the kubelet's kubeconfig name the certificate that it has got, where it has got one, and restarts it. */
function enableRotation({ controlPlane }: Pick<InitRun, 'controlPlane'>): Action {
  const dir = lastArgument(controlPlane.node.kubeletExtraArgs, 'cert-dir') ?? `${KUBELET_DIR}/pki`
  const pem = `${dir}/${CURRENT_PEM}`
  return {
    kind: 'kubelet-client',
    about: `let ${KUBELET_PATHS.kubeconfig} name ${pem}, where the kubelet has one`,
    isAlone: true,
    apply: hands => applyRotation(pem, `system:node:${controlPlane.cluster.nodeName}`, hands),
  }
}

async function applyRotation(pem: string, userName: string, hands: Hands): Promise<Outcome> {
  const { host } = hands
  if ((await host.look(pem)) === undefined) return outcomeOf([])
  const path = KUBELET_PATHS.kubeconfig
  const place = host.locate(path)
  const before = await host.read(path)
  if (before === undefined) {
    throw new StoreError('KPKI_FILE_NOT_FOUND', `${place} is not there, and the kubelet has a certificate for it`, {
      details: { path: place },
      hint: 'have it made again: kpki init phase kubeconfig/kubelet',
    })
  }
  const after = await nameCertificate(decodeUtf8(before), userName, pem, place)
  if (after === undefined) return outcomeOf([])
  const mode = ((await host.look(path))?.mode ?? 0o600) & 0o777
  const file = { path, mode, bytes: encodeUtf8(after), isSecret: true }
  await record([file], hands)
  await host.replace(file, before)
  const services = await findKubelet(host)
  if (!services) {
    const note = host.system
      ? ['the kubelet is no service of this host: restart it, so that it reads its kubeconfig']
      : []
    return outcomeOf([place], note)
  }
  return outcomeOf([place], await tryService(() => services.restart(KUBELET_SERVICE)))
}

/**
 * A kubeconfig in which a user has certificate and key in a file; `undefined` where that is so already. Written anew as client-go
 * would: comments get lost.
 *
 * @throws {@link EncodingError} `KPKI_YAML_INVALID`, `KPKI_KUBECONFIG_INVALID`
 */
async function nameCertificate(
  text: string | undefined,
  userName: string,
  pem: string,
  what: string,
): Promise<string | undefined> {
  const { parseYaml } = await import('../../yaml.js')
  const root = parseYaml(text ?? '', what).value
  const list = isYamlObject(root) ? root['users'] : undefined
  const users = Array.isArray(list) ? list : []
  const index = users.findIndex(entry => isYamlObject(entry) && entry['name'] === userName)
  const entry = users[index]
  if (!isYamlObject(root) || !isYamlObject(entry) || !isYamlObject(entry['user'])) {
    throw new EncodingError('KPKI_KUBECONFIG_INVALID', `${what} has no user ${userName}`, {
      details: { what },
      hint: 'have it made again: kpki init phase kubeconfig/kubelet',
    })
  }
  const { 'client-certificate-data': certificate, 'client-key-data': key, ...user } = entry['user']
  const isDone = certificate === undefined && key === undefined
  if (isDone && user['client-certificate'] === pem && user['client-key'] === pem) return undefined
  const changed = { ...entry, user: { ...user, 'client-certificate': pem, 'client-key': pem } }
  return formatYaml({ ...root, users: users.with(index, changed) })
}
