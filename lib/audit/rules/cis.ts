import type { Rule } from '../rule.js'

/** A rule about who may read and write a file. */
function mode(what: string, why: string): Rule {
  return {
    group: 'cis',
    severity: 'warning',
    about: `the mode of ${what} is wider than the benchmark allows`,
    why,
    fix: 'chmod it to the mode that the finding names.',
    source: SOURCE,
  }
}

/** A rule about whose a file is. */
function owner(what: string): Rule {
  return {
    group: 'cis',
    severity: 'warning',
    about: `${what} does not belong to root:root`,
    why: 'Its owner can change it, whatever its mode says.',
    fix: 'chown root:root it.',
    source: SOURCE,
  }
}

/** A rule about what a component is started with, or configured to. */
function setting(about: string, why: string, fix: string, severity: Rule['severity'] = 'warning'): Rule {
  return { group: 'cis', severity, about, why, fix, source: SOURCE }
}

const SOURCE = 'CIS Kubernetes Benchmark, the edition that is named with --cis'
const STARTS =
  'Whoever writes to it decides what the kubelet starts as root; whoever reads it learns how the cluster is kept.'
const IDENTITY = 'Whoever reads it can do what its user can do.'
const IN_MANIFEST = "Set it in the component's manifest; the kubelet then restarts it."
const IN_KUBELET = "Set it in the kubelet's config.yaml, and restart the kubelet."

/**
 * What the CIS Kubernetes Benchmark asks of files that a tree holds, by what is asked: the number of an item changes from edition to
 * edition. Looked at only with an edition.
 */
export const CIS_RULES = {
  'cis-apiserver-manifest-mode': mode("the API server's manifest", STARTS),
  'cis-apiserver-manifest-owner': owner("the API server's manifest"),
  'cis-controller-manager-manifest-mode': mode("the controller manager's manifest", STARTS),
  'cis-controller-manager-manifest-owner': owner("the controller manager's manifest"),
  'cis-scheduler-manifest-mode': mode("the scheduler's manifest", STARTS),
  'cis-scheduler-manifest-owner': owner("the scheduler's manifest"),
  'cis-etcd-manifest-mode': mode("etcd's manifest", STARTS),
  'cis-etcd-manifest-owner': owner("etcd's manifest"),
  'cis-admin-conf-mode': mode("an administrator's kubeconfig", IDENTITY),
  'cis-admin-conf-owner': owner("an administrator's kubeconfig"),
  'cis-scheduler-conf-mode': mode("the scheduler's kubeconfig", IDENTITY),
  'cis-scheduler-conf-owner': owner("the scheduler's kubeconfig"),
  'cis-controller-manager-conf-mode': mode("the controller manager's kubeconfig", IDENTITY),
  'cis-controller-manager-conf-owner': owner("the controller manager's kubeconfig"),
  'cis-pki-owner': owner('a file of the PKI'),
  'cis-certificate-mode': mode(
    'a certificate',
    'Whoever writes to it decides whom the cluster trusts. Certificates are public: editions that ask for 600 ask for more ' +
      'than secrecy needs.',
  ),
  'cis-key-mode': mode(
    'a private key',
    'Whoever reads a private key is who it belongs to, until its certificate ends.',
  ),
  'cis-kubelet-conf-mode': mode("the kubelet's kubeconfig", IDENTITY),
  'cis-kubelet-conf-owner': owner("the kubelet's kubeconfig"),
  'cis-client-ca-mode': mode(
    "the CA that the kubelet's clients are verified with",
    'Whoever writes to it decides who may command the kubelet.',
  ),
  'cis-client-ca-owner': owner("the CA that the kubelet's clients are verified with"),
  'cis-kubelet-config-mode': mode(
    "the kubelet's config.yaml",
    'Whoever writes to it decides who may command the kubelet.',
  ),
  'cis-kubelet-config-owner': owner("the kubelet's config.yaml"),
  'cis-kubelet-client': setting(
    'the API server has no client certificate for kubelets',
    'Kubelets answer whoever is anonymous, or do not answer the API server.',
    IN_MANIFEST,
  ),
  'cis-kubelet-ca': setting(
    'the API server does not verify the serving certificates of kubelets',
    'Whoever is in between can read logs and what is typed into containers. It can be set only when kubelets have serving ' +
      'certificates of a CA, which kubeadm does not give them.',
    'Have kubelets get serving certificates of a CA first (serverTLSBootstrap), then set it.',
    'info',
  ),
  'cis-token-lookup': setting(
    'the API server takes tokens of service accounts that were deleted',
    'A token that was taken away still opens the door.',
    'Remove the flag: true is the default.',
  ),
  'cis-token-key': setting(
    'the API server is not told which key verifies tokens',
    'It takes its own serving key instead, which other API servers do not have.',
    IN_MANIFEST,
  ),
  'cis-token-extension': setting(
    'the API server makes service-account tokens valid for a year that were asked for an hour',
    'A token that is taken can be used for a year. Old clients that do not read their token again need the extension.',
    'Make sure that no client uses an extended token (the metric serviceaccount_stale_tokens_total), then set it to false.',
    'info',
  ),
  'cis-etcd-client': setting(
    'the API server has no client certificate for etcd',
    'etcd answers anybody who reaches it, or does not answer the API server.',
    IN_MANIFEST,
  ),
  'cis-serving-pair': setting(
    'the API server has no serving certificate',
    'It makes one of its own that nobody trusts.',
    IN_MANIFEST,
  ),
  'cis-client-ca': setting(
    'the API server verifies no client certificates',
    'Nobody can log in with one.',
    IN_MANIFEST,
  ),
  'cis-etcd-ca': setting(
    "the API server does not verify etcd's certificate with its CA",
    'Whoever is in between can read and write everything that the cluster knows.',
    IN_MANIFEST,
  ),
  'cis-encryption': setting(
    'Secrets are not encrypted in etcd',
    'Whoever reads a backup of etcd has every Secret.',
    'Write an EncryptionConfiguration, set the flag, and have Secrets written anew.',
    'info',
  ),
  'cis-ciphers': setting(
    'the API server is not limited to the cipher suites that the benchmark lists',
    "Go's own choice is good; auditors want it written down.",
    IN_MANIFEST,
    'info',
  ),
  'cis-token-signing-key': setting(
    'the controller manager has no key to sign tokens with',
    'Nobody makes tokens for service accounts that have a Secret for it.',
    IN_MANIFEST,
  ),
  'cis-root-ca': setting(
    'the controller manager does not hand out the CA',
    'Pods do not find a CA to verify the API server with.',
    IN_MANIFEST,
  ),
  'cis-kubelet-server-rotation': setting(
    'the rotation of serving certificates of kubelets is switched off',
    'They end, and nobody makes new ones.',
    'Remove RotateKubeletServerCertificate=false from the feature gates.',
  ),
  'cis-etcd-serving-pair': setting(
    'etcd has no serving certificate',
    'What goes to and from it can be read on the way.',
    IN_MANIFEST,
  ),
  'cis-etcd-client-auth': setting(
    'etcd does not ask clients for certificates',
    'Whoever reaches it can read and write everything that the cluster knows.',
    IN_MANIFEST,
  ),
  'cis-etcd-auto-tls': setting(
    'etcd signs its serving certificate itself',
    'Nobody can tell it from who is in between.',
    'Remove the flag, and give etcd a certificate of its CA.',
  ),
  'cis-etcd-peer-pair': setting(
    'etcd has no certificate for its peers',
    'What members tell each other can be read on the way.',
    IN_MANIFEST,
  ),
  'cis-etcd-peer-auth': setting(
    'etcd does not ask peers for certificates',
    'Whoever reaches it can become a member.',
    IN_MANIFEST,
  ),
  'cis-etcd-peer-auto-tls': setting(
    'etcd signs its certificate for peers itself',
    'Nobody can tell it from who is in between.',
    'Remove the flag, and give etcd a certificate of its CA.',
  ),
  'cis-etcd-own-ca': setting(
    'etcd trusts the CA of the cluster, or none at all',
    'Whoever has a client certificate of the cluster, each kubelet, can read and write everything that the cluster knows.',
    'Give etcd a CA of its own: kpki gen etcd-ca, and what it signs.',
  ),
  'cis-kubelet-client-ca': setting(
    'the kubelet verifies no client certificates',
    'Who commands it does so anonymously, or with tokens alone.',
    IN_KUBELET,
  ),
  'cis-kubelet-serving-pair': setting(
    'the kubelet is not told which serving certificate to use',
    'It makes one of its own, or has one signed where serverTLSBootstrap is on; the benchmark wants it written down.',
    IN_KUBELET,
    'info',
  ),
  'cis-kubelet-rotation': setting(
    'the kubelet does not renew its client certificate',
    'It ends, and the node with it.',
    'Set rotateCertificates to true in config.yaml, and restart the kubelet.',
  ),
} as const satisfies Record<string, Rule>

/** Rules of the benchmark. */
export type CisRuleId = keyof typeof CIS_RULES
