import type { Context } from '../context.js'
import { PolicyError } from '../errors.js'
import type { KubernetesVersion } from '../kubernetes/versions.js'
import type { Certificate } from '../x509/certificate.js'
import { type BootstrapToken, formatBootstrapToken } from './bootstrap-token.js'
import { CertificateKey, formatCertificateKey } from './certificate-key.js'
import { caPin } from './pins.js'
import { showUrl } from './server-url.js'

/** What a command that joins a host has to say. */
export interface JoinCommandSpec {
  /** e.g. `https://api.example.org:6443` */
  readonly server: string
  /** The CA bundle; a host takes any of them. */
  readonly caCertificates: readonly Certificate[]
  readonly token: BootstrapToken
  /** The host becomes a control plane: `true`, or the key of the `kubeadm-certs` Secret. Default: a worker. */
  readonly controlPlane?: true | CertificateKey
  /** Whose kubeadm writes it so. */
  readonly kubernetesVersion: KubernetesVersion
}

/** How the command is laid out. */
export interface JoinCommandOptions {
  /** `one`: for a shell; `several`: with backslashes at the ends, as at the end of kubeadm init. Default: `one`. */
  readonly lines?: 'one' | 'several'
}

/**
 * The `kubeadm join …` that brings a host into the cluster, to the byte as kubeadm of that version prints it, spaces at the end
 * included. Holds secrets: the token, and the certificate key.
 *
 * @throws {@link PolicyError} `KPKI_JOIN_SERVER` when the server is no https URL of a host and a port that kubeadm could take;
 *   `KPKI_ISSUER_NOT_CA` when there is no CA certificate to pin
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/cmd/util/join.go, cmd/token.go; tabs for spaces: PR 97413, v1.21
 */
export async function formatJoinCommand(
  { server, caCertificates, token, controlPlane, kubernetesVersion }: JoinCommandSpec,
  context: Context,
  { lines = 'one' }: JoinCommandOptions = {},
): Promise<string> {
  // It goes to a shell: nothing in it may mean anything there. kubeadm join takes host:port only, so a port is named always.
  const [, host, port = ':443'] = /^https:\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?\/?$/.exec(server) ?? []
  if (host === undefined) {
    throw new PolicyError('KPKI_JOIN_SERVER', `a host cannot join by the server ${showUrl(server).text}`, {
      hint: 'kubeadm join takes host:port; take a kubeconfig whose server is https://host:port',
    })
  }
  if (caCertificates.length === 0)
    throw new PolicyError('KPKI_ISSUER_NOT_CA', 'the kubeconfig has no CA certificate whose pin a host could check', {
      hint: 'take a kubeconfig with certificate-authority-data, e.g. /etc/kubernetes/admin.conf',
    })
  const pins = await Promise.all(caCertificates.map(certificate => caPin(certificate, context)))
  const newline = `\\\n${kubernetesVersion.minor >= 21 ? '\t' : '    '}`
  const hashes = pins.map(pin => `--discovery-token-ca-cert-hash ${pin} `).join('')
  const key = controlPlane instanceof CertificateKey ? `--certificate-key ${formatCertificateKey(controlPlane)}` : ''
  const role = controlPlane === undefined ? '' : `${newline}--control-plane ${key}`
  const command = `kubeadm join ${host}${port} --token ${formatBootstrapToken(token)} ${newline}${hashes}${role}`
  // As kubeadm takes the line ends out again, which leaves the four spaces of older ones.
  return lines === 'several' ? command : command.replaceAll('\\\n', '').replaceAll('\t', '')
}
