import { type ErrorCode, KpkiError } from '../errors.js'
import { type KubeconfigProblem, problem } from './kubeconfig-problem.js'
import type { KubeconfigView } from './kubeconfig-view.js'
import type { LiveIdentity } from './live-identity.js'

/**
 * What an API server's answer, or the lack of one, says about a context.
 *
 * @param answer - whom the server takes its user for, or what asking was refused with
 */
export function judgeLive(
  name: string,
  view: KubeconfigView,
  answer: LiveIdentity | KpkiError,
): readonly KubeconfigProblem[] {
  const entry = view.contexts.find(each => each.name === name)
  const place = { file: entry?.file ?? view.files[0] ?? '', part: `contexts[${name}]` }
  const nobody = (message: string, error?: ErrorCode) =>
    problem('live-identity', name, place, `is nobody to its server: ${message}`, {
      severity: 'error',
      hint: 'give the user a client certificate or a token that the server takes: kpki kubeconfig user',
      ...(error === undefined ? {} : { error }),
    })
  const user = view.users.find(each => each.name === entry?.user)
  if (answer instanceof KpkiError) {
    const { code: error, message, hint } = answer
    // Whom it knows it answers; who is named in its words is whom it takes the user for.
    if (error === 'KPKI_API_FORBIDDEN') return [nobody(`it refuses what all its users may ask (${message})`, error)]
    return [
      problem('live-failed', name, place, `does not work: ${message}`, {
        error,
        ...(hint === undefined ? {} : { hint }),
      }),
    ]
  }
  const index = user?.credentials.flatMap(each => (each.kind === 'certificate' ? (each.certificate ?? []) : []))[0]
  const expected = user?.impersonates ?? view.inspection.certificates[index ?? -1]?.certificate.subject.commonName
  if (answer.user === 'system:anonymous' && expected !== answer.user)
    return [nobody('to it this is system:anonymous, and what the user shows counts for nothing')]
  if (expected === undefined || answer.user === undefined || answer.user === expected) return []
  return [
    problem('live-identity', name, place, `is ${expected} by its certificate, and ${answer.user} to the server`, {
      hint: 'a proxy in front of the server may show a certificate of its own',
    }),
  ]
}
