import type { Argument, ControlPlane } from '../config/control-plane.js'
import { has } from '../kubernetes/differences.js'
import { formatArguments, lastArgument, mergeArguments } from './arguments.js'
import { isGateOn } from './component-config.js'
import type { HostTraits } from './host-file.js'
import { imageOf } from './images.js'

/** Where the kubelet keeps its things; only root may look. */
export const KUBELET_DIR = '/var/lib/kubelet'
export const KUBELET_DIR_MODE = 0o700

/** The files that kubeadm's package starts a kubelet with. */
export const KUBELET_PATHS = {
  config: `${KUBELET_DIR}/config.yaml`,
  instanceConfig: `${KUBELET_DIR}/instance-config.yaml`,
  flags: `${KUBELET_DIR}/kubeadm-flags.env`,
  kubeconfig: '/etc/kubernetes/kubelet.conf',
  bootstrapKubeconfig: '/etc/kubernetes/bootstrap-kubelet.conf',
} as const

const DOCKERSHIM = '/var/run/dockershim.sock'

/**
 * The arguments that a control plane's kubelet is given beside its configuration file. Taints are none of them: they come with
 * the phase `mark-control-plane`.
 *
 * @see kubernetes/kubernetes v1.20.2 and later, cmd/kubeadm/app/phases/kubelet/flags.go
 */
function kubeletArguments(controlPlane: ControlPlane, traits: HostTraits): readonly string[] {
  const { node, cluster } = controlPlane
  const version = cluster.kubernetesVersion
  const isDocker = has(version, 'dockershim') && node.criSocket.replace(/^unix:\/\//, '') === DOCKERSHIM
  const namesPause = has(version, 'pauseImageFlag') && (isDocker || has(version, 'pauseImageFlagForAll'))
  const nodeName = lastArgument(node.kubeletExtraArgs, 'hostname-override') ?? cluster.nodeName
  const defaults: Argument[] = []
  const add = (name: string, value: string) => void defaults.push({ name, value })
  if (isDocker) add('network-plugin', 'cni')
  if (!isDocker && has(version, 'containerRuntimeFlag')) add('container-runtime', 'remote')
  if (!isDocker && !isGateOn(cluster, 'NodeLocalCRISocket')) add('container-runtime-endpoint', node.criSocket)
  if (namesPause) add('pod-infra-container-image', imageOf('pause', controlPlane))
  if (nodeName !== (traits.hostname ?? cluster.nodeName)) add('hostname-override', nodeName)
  return formatArguments(mergeArguments(defaults, node.kubeletExtraArgs, version))
}

/**
 * The text of `kubeadm-flags.env`, which systemd reads as variables of the kubelet's unit.
 *
 * @returns one line
 */
export function kubeletFlags(controlPlane: ControlPlane, traits: HostTraits): string {
  return `KUBELET_KUBEADM_ARGS=${quoteGo(kubeletArguments(controlPlane, traits).join(' '))}\n`
}

/**
 * How a kubelet is started with these files, as the unit of kubeadm's package does: for hosts without systemd.
 *
 * @returns the program and its arguments
 */
export function kubeletCommand(controlPlane: ControlPlane, traits: HostTraits): readonly string[] {
  return [
    'kubelet',
    `--bootstrap-kubeconfig=${KUBELET_PATHS.bootstrapKubeconfig}`,
    `--kubeconfig=${KUBELET_PATHS.kubeconfig}`,
    `--config=${KUBELET_PATHS.config}`,
    ...kubeletArguments(controlPlane, traits),
  ]
}

/** A command as it is typed into a shell. */
export function formatCommand(words: readonly string[]): string {
  return words.map(word => (/^[-\w@%+=:,./]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}

const GO_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
}

/**
 * A text as Go's `%q` has it.
 *
 * @see Go strconv.Quote
 */
export function quoteGo(text: string): string {
  return `"${[...text].map(quoteCharacter).join('')}"`
}

function quoteCharacter(character: string): string {
  const known = GO_ESCAPES[character]
  if (known !== undefined) return known
  // strconv.IsPrint: letters, marks, numbers, punctuation, symbols, and of spaces the ASCII one.
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) return character
  const point = character.codePointAt(0) ?? 0
  // Half of a surrogate pair is no character, and Go has no strings of such.
  if (point >= 0xd800 && point <= 0xdfff) return '\\ufffd'
  const hex = point.toString(16)
  if (point < 0x80) return `\\x${hex.padStart(2, '0')}`
  return point < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
