/** Every table that stands between marks in a document, by the name in the mark. */
import { formatResults, savedResults } from '../bench/saved.js'
import * as catalogue from './catalogue.js'
import * as codes from './codes.js'
import { commands } from './commands.js'
import * as configuration from './configuration.js'
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
  kinds: configuration.kinds,
  'feature-gates': configuration.featureGates,
  errors: codes.errors,
  'error-classes': codes.errorClasses,
  findings: codes.findings,
  'exit-statuses': codes.exitStatuses,
  commands,
  features,
  'not-yet': notYet,
  stricter,
  departures,
  performance: () => formatResults(savedResults()),
}
