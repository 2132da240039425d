/** Every table that stands between marks in a document, by the name in the mark. */
import { formatResults, savedResults } from '../bench/saved.js'
import * as catalogue from './catalogue.js'
import * as codes from './codes.js'
import { commands } from './commands.js'
import * as components from './components.js'
import * as configuration from './configuration.js'
import { preflightChecks, preflightPrograms } from './preflight.js'
import { benchmark, rules } from './rules.js'
import { departures, stricter } from './stricter.js'
import { features, notYet } from './support.js'

export const TABLES: Readonly<Record<string, () => string>> = {
  certificates: catalogue.certificates,
  kubeconfigs: catalogue.kubeconfigs,
  'san-sources': catalogue.sanSources,
  files: catalogue.files,
  roles: catalogue.roles,
  'version-changes': catalogue.versionChanges,
  validity: catalogue.validity,
  'kubernetes-versions': configuration.kubernetesVersions,
  'key-algorithms': configuration.keyAlgorithms,
  facts: configuration.facts,
  'host-flags': configuration.hostFlags,
  kinds: configuration.kinds,
  'feature-gates': configuration.featureGates,
  errors: codes.errors,
  'error-classes': codes.errorClasses,
  'rules-files': () => rules('files'),
  'rules-certificates': () => rules('certificates'),
  'rules-pairs': () => rules('pairs'),
  'rules-roles': () => rules('roles'),
  'rules-kubeconfigs': () => rules('kubeconfigs'),
  'rules-lifetimes': () => rules('lifetimes'),
  'rules-drift': () => rules('drift'),
  'rules-live': () => rules('live'),
  'rules-cis': benchmark,
  'exit-statuses': codes.exitStatuses,
  commands,
  features,
  'not-yet': notYet,
  stricter,
  departures,
  'arguments-etcd': () => components.componentArguments('etcd'),
  'arguments-kube-apiserver': () => components.componentArguments('kube-apiserver'),
  'arguments-kube-controller-manager': () => components.componentArguments('kube-controller-manager'),
  'arguments-kube-scheduler': () => components.componentArguments('kube-scheduler'),
  probes: components.probes,
  images: components.images,
  differences: components.differences,
  'preflight-kubeadm': () => preflightChecks('kubeadm'),
  'preflight-kpki': () => preflightChecks('kpki'),
  'preflight-programs': preflightPrograms,
  performance: () => formatResults(savedResults()),
}
