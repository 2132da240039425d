/** `cluster-info` as upstream writes and signs it, by hand. */
import { createHash, createHmac } from 'node:crypto'
import { parseCertificates } from '../../lib/x509/certificate.js'

/** A bootstrap token. */
export const TOKEN = { id: 'abcdef', secret: '0123456789abcdef' }

/** The pin of a CA, PEM. */
export function pinOf(pem: string): string {
  return `sha256:${createHash('sha256').update(parseCertificates(pem)[0].spki).digest('hex')}`
}

/** Its kubeconfig. @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/phases/bootstraptoken/clusterinfo/clusterinfo.go */
export function kubeconfigOf(caPem: string, server: string, names: readonly string[] = ['']): string {
  const ca = Buffer.from(caPem).toString('base64')
  const clusters = names.map(
    name =>
      `- cluster:\n    certificate-authority-data: ${ca}\n    server: ${server}\n  name: ${JSON.stringify(name)}\n`,
  )
  return `apiVersion: v1\nclusters:\n${clusters.join('')}contexts: null\ncurrent-context: ""\nkind: Config\npreferences: {}\nusers: null\n`
}

/** A detached JWS. @see RFC 7515 section 5.1 and appendix F */
export function sign(payload: string, { id, secret } = TOKEN): string {
  const url = (text: string) => Buffer.from(text).toString('base64url')
  const header = url(`{"alg":"HS256","kid":"${id}"}`)
  return `${header}..${createHmac('sha256', secret)
    .update(`${header}.${url(payload)}`)
    .digest('base64url')}`
}

/** Its data, with the signatures of some tokens. */
export function signed(kubeconfig: string, tokens = [TOKEN]): Readonly<Record<string, unknown>> {
  const signatures = tokens.map(token => [`jws-kubeconfig-${token.id}`, sign(kubeconfig, token)])
  return { kubeconfig, ...Object.fromEntries(signatures) }
}

/** The object. */
export function configMap(data: unknown): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cluster-info', namespace: 'kube-public' },
    ...(data === undefined ? {} : { data }),
  }
}
