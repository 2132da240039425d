import {
  formatManifests,
  type Handed,
  type Hands,
  type InitRun,
  JOIN_CONTROL_PLANE,
  JOIN_WORKER,
  type KubernetesObject,
  type PhaseResult,
  type PlannedPhase,
  UsageError,
} from '../index.js'
import type { FlagValues } from './flags.js'
import { describePhases } from './phase-results.js'
import { formatStructured, OUTPUT_VERSION, type Structured } from './structured.js'

/** What kubeadm prints in place of a secret. kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/util/join.go */
const WITHHELD = '<value withheld>'

/** The commands that join hosts, as they may be shown. */
export interface JoinCommands {
  readonly worker: string | undefined
  readonly controlPlane: string | undefined
}

/** What the phases have handed over, without what is not to be printed. */
export function joinCommands(results: readonly PhaseResult[], flags: FlagValues): JoinCommands {
  const handed = results.flatMap(result => result.handed)
  const shown = (name: Handed['name']) => {
    let text = handed.find(each => each.name === name)?.text
    if (flags['skip-token-print'] === true) text = text?.replace(/--token \S+/, `--token ${WITHHELD}`)
    if (flags['skip-certificate-key-print'] === true)
      text = text?.replace(/--certificate-key \S+/, `--certificate-key ${WITHHELD}`)
    return text
  }
  return { worker: shown(JOIN_WORKER), controlPlane: shown(JOIN_CONTROL_PLANE) }
}

/** The shape of `-o json|yaml`. */
export function initResult(
  results: readonly PhaseResult[],
  { commands: { worker, controlPlane }, key }: { readonly commands: JoinCommands; readonly key: string | undefined },
  run: InitRun,
  server: string,
) {
  const { nodeName, kubernetesVersion } = run.controlPlane.cluster
  const oneLine = (command: string) => command.replaceAll(/\s*\\\n\s*/g, ' ').trim()
  return {
    apiVersion: OUTPUT_VERSION,
    kind: 'InitResult',
    nodeName,
    kubernetesVersion: kubernetesVersion.text,
    server,
    phases: describePhases(results),
    joinCommands: {
      ...(worker === undefined ? {} : { worker: oneLine(worker) }),
      ...(controlPlane === undefined ? {} : { controlPlane: oneLine(controlPlane) }),
    },
    ...(key === undefined ? {} : { certificateKey: key }),
  }
}

/**
 * The objects that phases put into the cluster, and what of these phases is not among them.
 *
 * @throws {@link UsageError} `KPKI_USAGE` where a phase does what no object says
 */
export async function objectsOf(
  planned: readonly PlannedPhase[],
  hands: Hands,
): Promise<{ readonly objects: readonly KubernetesObject[]; readonly notes: readonly string[] }> {
  const objects: KubernetesObject[] = []
  const notes: string[] = []
  for (const { path, skipped, actions } of planned) {
    if (skipped !== undefined) notes.push(`${path} is skipped: ${skipped}`)
    for (const { about, objects: known, readObjects } of actions) {
      if (known === undefined && readObjects === undefined) throw notPrintable(path)
      const found = [...(known ?? []), ...((await readObjects?.(hands)) ?? [])]
      if (found.length === 0) notes.push(`not among the objects: ${about}`)
      objects.push(...found)
    }
  }
  return { objects, notes }
}

function notPrintable(path: string): UsageError {
  const printing = path === 'upload-certs' ? '; to print the Secret, encrypted: kpki certs upload -o yaml' : ''
  return new UsageError('KPKI_USAGE', `phase ${path}: it has no objects that could be printed, and nothing was done`, {
    hint: `to have it done, name the cluster: --kubeconfig /etc/kubernetes/admin.conf${printing}`,
  })
}

/** Objects as `kubectl apply -f` takes them. */
export function formatObjects(items: readonly KubernetesObject[], output: Structured): string {
  return output === 'json'
    ? formatStructured({ apiVersion: 'v1', kind: 'List', items }, 'json')
    : formatManifests(items)
}
