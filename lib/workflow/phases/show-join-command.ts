import { TOKEN_USAGES } from '../../access/bootstrap-token-spec.js'
import { formatJoinCommand } from '../../access/join-command.js'
import { readRow } from '../../audit/actual.js'
import { serverOf } from '../../kubernetes/catalogue.js'
import type { InitRun } from './init-run.js'
import type { Action, Handed, Phase } from './phase.js'
import { tokensInForce } from './tokens-in-force.js'

/**
 * Hands over the commands that join workers and, where there is an endpoint in front of all control planes, further control
 * planes: `kubeadm join …`. They hold secrets.
 *
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/init.go (printJoinCommand)
 */
export const SHOW_JOIN_COMMAND: Phase<InitRun> = {
  name: 'show-join-command',
  about: 'say how workers and further control planes join',
  plan: run => [handJoinCommands(run)],
}

function handJoinCommands(run: InitRun): Action {
  const { controlPlane, uploadCerts } = run
  const { cluster } = controlPlane
  return {
    kind: 'hand-over',
    about: 'say how hosts join',
    async apply({ store, context, connect }) {
      // Those of a run whose tokens were not made let nobody in.
      const { tokens } = await tokensInForce(run, await connect())
      const first = tokens.find(({ usages }) => TOKEN_USAGES.every(usage => usages.includes(usage)))
      if (!first)
        return {
          state: 'unchanged',
          made: [],
          notes: ['there is no bootstrap token to join with: kpki token create makes one'],
        }
      const { certificates } = await readRow('ca', store, context)
      const spec = {
        server: serverOf('admin.conf', cluster, 'init'),
        caCertificates: certificates,
        token: first.token,
        kubernetesVersion: cluster.kubernetesVersion,
      }
      const handed: Handed[] = []
      if (cluster.controlPlaneEndpoint) {
        const text = await formatJoinCommand({ ...spec, controlPlane: uploadCerts ?? true }, context, {
          lines: 'several',
        })
        handed.push({ name: JOIN_CONTROL_PLANE, text })
      }
      handed.push({ name: JOIN_WORKER, text: await formatJoinCommand(spec, context, { lines: 'several' }) })
      return { state: 'unchanged', made: [], handed }
    },
  }
}

/** Name of what the phase hands over for workers. */
export const JOIN_WORKER = 'join-worker'
/** Name of what the phase hands over for further control planes. */
export const JOIN_CONTROL_PLANE = 'join-control-plane'
