/** What there is, by the names that it has: a row whose name is gone does not compile, or fails the test of these tables. */
import { COMMANDS } from '../../lib/cli/commands.js'
import type * as Pure from '../../lib/index.js'
import type * as Node from '../../lib/node.js'
import { codes, table } from './markdown.js'

interface Feature {
  readonly about: string
  readonly pure?: readonly (keyof typeof Pure)[]
  readonly node?: readonly (keyof typeof Node)[]
  readonly commands?: readonly string[]
}

const FEATURES: readonly Feature[] = [
  {
    about: "make a host's whole PKI, or what is missing of it",
    pure: ['generateTree', 'rowsOf'],
    commands: ['gen all'],
  },
  { about: 'make one row of it', pure: ['generateTree'], commands: ['gen apiserver', 'gen sa', 'gen kubeconfig'] },
  { about: 'say beforehand what would be done', pure: ['planTree'], commands: ['gen all'] },
  {
    about: "further hosts, with another host's CAs and service-account keys",
    pure: ['generateTree'],
    commands: ['gen all'],
  },
  { about: 'keep a tree in memory, and pack it', pure: ['MemoryStore', 'formatTar'] },
  { about: 'keep a tree on disk', node: ['DiskStore'], commands: ['gen all'] },
  { about: 'make RSA keys on all cores', node: ['createNodeContext'], commands: ['gen all'] },
  {
    about: "read, check and convert kubeadm's configuration",
    pure: ['parseConfiguration', 'resolveDescription', 'migrateConfiguration'],
    commands: ['config validate', 'config migrate'],
  },
  {
    about: 'show every value in effect and its origin',
    pure: ['describeEffective', 'describeControlPlane'],
    commands: ['config show'],
  },
  {
    about:
      'find what is wrong with a control plane before there is one: what kubeadm refuses, and what contradicts itself',
    pure: ['resolveControlPlane', 'checkDescription', 'checkOnHost'],
    commands: ['config validate'],
  },
  {
    about: 'patch what is written: strategic merge, RFC 7386, RFC 6902',
    pure: ['parsePatchFile', 'applyPatches', 'readPatches'],
    commands: ['init', 'render'],
  },
  {
    about: 'say what a tree says of itself, and which file says it',
    pure: ['inferDescription', 'inferredValues', 'formatInference'],
    commands: ['config show'],
  },
  { about: "print kubeadm's defaults", pure: ['initDefaults', 'joinDefaults'], commands: ['config print'] },
  {
    about: 'read certificates, keys, requests, kubeconfigs and manifests of any maker',
    pure: ['inspectFiles'],
    commands: ['inspect'],
  },
  { about: 'draw them: issuers and lifetimes', pure: ['formatPicture'], commands: ['inspect'] },
  {
    about: 'hand the CAs to further control planes, encrypted (`kubeadm-certs`)',
    pure: ['encryptKubeadmCerts', 'decryptKubeadmCerts', 'uploadKubeadmCerts'],
    commands: ['certs key', 'certs upload', 'certs download'],
  },
  {
    about: 'CA pins, of files, manifests and servers',
    pure: ['caPin', 'verifyCaPin', 'readCaCertificates'],
    node: ['fetchServerCas'],
    commands: ['hash', 'hash verify'],
  },
  {
    about: 'find a cluster by token and pin, and say why a join fails',
    node: ['discoverCluster'],
    commands: ['hash verify'],
  },
  {
    about: 'bootstrap tokens: make, list, delete, say what they are good for, alone or in a cluster',
    pure: ['generateBootstrapToken', 'formatBootstrapTokenSecret', 'bootstrapTokenStateOf'],
    commands: ['token generate', 'token create', 'token list', 'token delete', 'token inspect'],
  },
  {
    about: 'what hosts find: cluster-info, its signatures, the RBAC objects, the join command',
    pure: ['formatClusterInfo', 'signDetached', 'rbacObjects', 'formatJoinCommand'],
    commands: ['token create'],
  },
  {
    about: 'say what ends when: tables, metrics, a calendar, an exit status',
    pure: ['readExpiration', 'endingWithin', 'formatExpirationMetrics', 'formatExpirationCalendar'],
    commands: ['expiration'],
  },
  {
    about: 'say who can still get in: the ledger of what was signed',
    pure: ['parseLedger', 'judgeIssued', 'appendToLedger'],
    commands: ['issued'],
  },
  {
    about: 'sign and verify service-account tokens offline',
    pure: ['signServiceAccountToken', 'verifyServiceAccountToken', 'parseServiceAccountKeys'],
    commands: ['sa token', 'sa verify'],
  },
  {
    about: "publish the keys that verify them: the issuer's two documents",
    pure: ['serviceAccountJwks', 'openIdConfiguration'],
    commands: ['sa jwks', 'sa openid-configuration'],
  },
  {
    about: "a new cluster's own objects: kubeadm-config, kubelet-config, CoreDNS, kube-proxy, by version",
    pure: [
      'kubeadmConfigObjects',
      'kubeletConfigObjects',
      'formatClusterConfiguration',
      'corednsAddon',
      'kubeProxyAddon',
      'adminBinding',
    ],
    commands: ['init phase'],
  },
  {
    about: 'talk to a cluster with a kubeconfig: list, apply, patch, watch',
    pure: ['readClusterConnection'],
    node: ['connectCluster'],
    commands: ['token list', 'certs upload'],
  },
  {
    about: 'find what is wrong with a tree, against what it says itself or a description; accept what is known',
    pure: ['checkTree', 'openBaseline', 'formatSarif', 'formatJunit'],
    commands: ['check'],
  },
  {
    about: 'say what the smallest change is, why, and what must restart after it',
    pure: ['planChanges', 'planStore', 'savePlan'],
    commands: ['plan'],
  },
  {
    about: 'do what is planned, all or nothing, with a backup; take it back byte for byte',
    pure: ['applyPlan', 'parsePlan', 'undoLast', 'finishChanges', 'listBackups'],
    commands: ['apply', 'undo'],
  },
  {
    about: 'renew certificates, also of a cluster whose every certificate has ended; give a CA a later end',
    pure: ['renew', 'makeChanges', 'changeTree'],
    commands: ['renew', 'certs renew'],
  },
  {
    about: 'find what is wrong with certificates, keys and kubeconfigs of any layout, as they are read',
    pure: ['checkFiles'],
    node: ['streamFiles'],
    commands: ['check'],
  },
  {
    about: 'look at the items of the CIS Kubernetes Benchmark that files show',
    pure: ['checkCis'],
    commands: ['check'],
  },
  { about: 'issue one certificate', pure: ['issueCertificate', 'generateKey'] },
  { about: 'verify one certificate', pure: ['verifyCertificate'] },
  {
    about: 'read a certification request',
    pure: ['parseCertificateRequest', 'verifyRequestSignature'],
    commands: ['inspect'],
  },
  { about: 'complete command lines in bash, zsh and fish', commands: ['completion'] },
  { about: 'read and write kubeconfigs', pure: ['parseKubeconfig', 'formatKubeconfig'] },
  {
    about: 'kubeconfigs for people and programs, with their RBAC manifest',
    pure: ['issueUserKubeconfig', 'userRbac', 'checkUserIdentity'],
    commands: ['kubeconfig user'],
  },
  {
    about: 'show and check kubeconfigs, their certificates and tokens decoded',
    pure: ['viewKubeconfigs', 'checkKubeconfig', 'readJwtClaims'],
    commands: ['kubeconfig show', 'kubeconfig verify'],
  },
  { about: 'ask a server who one is', pure: ['askIdentity', 'judgeLive'], commands: ['kubeconfig verify'] },
  {
    about: 'merge kubeconfigs, the rest of the file as it was',
    pure: ['mergeKubeconfigs'],
    node: ['updateFile'],
    commands: ['kubeconfig merge'],
  },
  {
    about: 'make a control plane from one description, by phases that others insert, replace and observe',
    pure: ['initCluster', 'INIT_PHASES', 'insertPhase', 'replacePhase', 'planPhases', 'runPhases'],
    node: ['nodeHost', 'connectAdministrator'],
    commands: ['init', 'init phase'],
  },
  {
    about: 'write a host below a directory, on any machine, with the objects of its cluster',
    pure: ['prepareRender', 'renderHost', 'clusterObjects', 'rehearsePhases'],
    node: ['directoryHost', 'directoryStore'],
    commands: ['render'],
  },
  {
    about: 'take back what was made on a host, and say before what that is',
    pure: ['surveyReset', 'RESET_PHASES', 'readRecord', 'holdStore', 'withoutLock'],
    node: ['nodeHost'],
    commands: ['reset', 'reset phase'],
  },
  {
    about: 'look whether a host can become a control plane, and say how to mend what is in the way',
    pure: ['runPreflight', 'PREFLIGHT_CHECKS', 'preflightSubject', 'assertPreflight'],
    node: ['nodeHost'],
    commands: ['preflight'],
  },
  {
    about: "write the kubelet's files, and start it; configure kube-proxy",
    pure: ['kubeletFiles', 'kubeletConfiguration', 'kubeletCommand', 'kubeProxyConfiguration'],
    commands: ['init phase'],
  },
  {
    about: 'write static Pods of a control plane, or units of systemd in their place; name the images',
    pure: ['staticPod', 'staticPodFile', 'systemdFiles', 'componentCommand', 'pullList'],
    commands: ['init phase'],
  },
]

/** Work that people look for here, and which is not there. */
const MISSING: readonly (readonly [work: string, instead: string])[] = [
  ['make certification requests, and sign them', '`openssl req`, `kubeadm certs generate-csr`'],
  ['`join`', '`kubeadm`'],
]

/** What kpki does, by library and command line. */
export function features(): string {
  for (const path of FEATURES.flatMap(({ commands = [] }) => commands))
    if (!COMMANDS[path]?.load) throw new Error(`there is no command ${path}`)
  return table(
    ['work', '`kpki` (also in browsers)', '`kpki/node`', 'command line'],
    FEATURES.map(({ about, pure = [], node = [], commands = [] }) => [
      about,
      codes(pure),
      codes(node),
      codes(commands.map(path => `kpki ${path}`)),
    ]),
  )
}

/** What it does not, and what does. */
export function notYet(): string {
  return table(['not there yet', 'until then'], MISSING)
}
