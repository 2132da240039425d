import type { ClusterApi } from '../access/api.js'
import type { Context } from '../context.js'
import { ApiError, type KpkiError, WorkflowError } from '../errors.js'
import { formatDuration } from '../kubernetes/duration.js'
import type { KubernetesObject } from '../kubernetes/objects.js'
import { stopIfInterrupted, unlessInterrupted } from './interruption.js'
import { startStopwatch } from './stopwatch.js'
import { isUncertain } from './uncertain.js'

/** Options of {@link patchNode}. */
export interface PatchNodeOptions {
  /** How long to wait for the Node, and to try. */
  readonly timeoutSeconds: number
  readonly signal?: AbortSignal | undefined
}

/** kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (PatchNodeTimeout's interval). */
const INTERVAL_MS = 500
const PROGRESS_MS = 3000
/** The kubelet has said what it is: before, its Node may be an empty one of somebody else's making. */
const HOSTNAME_LABEL = 'kubernetes.io/hostname'

/**
 * Changes a Node once its kubelet has registered it: reads it, computes what is to change, and patches it as it was read, again
 * where somebody else was faster, or nobody knows what came of it. A merge patch and not server-side apply: taints are one list, which kpki shares with the
 * controllers, and a Node that is gone must not be made anew.
 *
 * @param change - the merge patch; `undefined`: there is nothing to change
 * @returns whether it was changed
 * @throws {@link WorkflowError} `KPKI_WAIT_TIMEOUT` where there is no such Node in time, or others change it all the time;
 *   `KPKI_INTERRUPTED`; {@link ApiError}, `NetworkError`
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/apiclient/idempotency.go (PatchNode), which tries again after a conflict
 *   and a timeout; later ones after every error
 */
export async function patchNode(
  name: string,
  change: (node: KubernetesObject) => Readonly<Record<string, unknown>> | undefined,
  api: ClusterApi,
  context: Pick<Context, 'clock' | 'log' | 'sleep'>,
  { timeoutSeconds, signal }: PatchNodeOptions,
): Promise<boolean> {
  const target = { kind: 'Node', name } as const
  const watch = startStopwatch(context)
  const end = timeoutSeconds * 1000
  let told = 0
  let problem: typeof CONTENDED = NOT_REGISTERED
  let failure: KpkiError | undefined
  for (;;) {
    const node = await unlessInterrupted(api.get(target), signal)
    if (node && HOSTNAME_LABEL in mappingOf(node.metadata['labels'])) {
      const patch = change(node)
      // What nobody answered was done nevertheless.
      if (patch === undefined) return failure !== undefined
      stopIfInterrupted(signal, `Node ${name} was not changed`)
      const metadata = { ...mappingOf(patch['metadata']), resourceVersion: node.metadata.resourceVersion }
      try {
        await api.patch(target, { ...patch, metadata })
        return true
      } catch (error) {
        const isConflict = error instanceof ApiError && error.code === 'KPKI_API_CONFLICT'
        // As the Node was read, so it is changed at most once.
        if (!isConflict && !(isUncertain(error) && error.code !== 'KPKI_INTERRUPTED')) throw error
        failure = isConflict ? undefined : error
        problem = CONTENDED
      }
    }
    const now = watch.elapsedMs()
    if (now >= end) throw failure ?? timeout(name, problem, timeoutSeconds)
    if (now - told >= PROGRESS_MS) {
      told = now
      context.log({ level: 'progress', message: `waiting for Node ${name}: ${problem.message}` })
    }
    await unlessInterrupted(watch.pause(Math.min(INTERVAL_MS, end - now)), signal)
  }
}

const NOT_REGISTERED = {
  message: 'its kubelet has not registered it',
  hint: 'is the kubelet running, and with this node name? journalctl -xeu kubelet, kubectl get nodes; without systemd, start it as init said',
} as const
const CONTENDED: { readonly message: string; readonly hint: string } = {
  message: 'somebody else changes it all the time',
  hint: 'look at who does: kubectl get node -o yaml --show-managed-fields',
}

function timeout(name: string, { message, hint }: typeof CONTENDED, timeoutSeconds: number): WorkflowError {
  return new WorkflowError('KPKI_WAIT_TIMEOUT', `Node ${name}: ${message} within ${formatDuration(timeoutSeconds)}`, {
    details: { missing: [name], timeoutSeconds },
    hint,
  })
}

/** A mapping of an object, or an empty one. */
export function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
