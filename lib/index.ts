/**
 * Everything pure: no disks, no sockets, no `node:` module. Runs on Node, in browsers, Deno and Bun.
 *
 * @module kpki
 */
export type {
  ApplyOptions,
  ClusterApi,
  ListOptions,
  ObjectName,
  WatchEvent,
  WatchOptions,
} from './access/api.js'
export { BOOTSTRAP_RBAC, KUBELET_API_RBAC, type RbacRow, rbacObjects } from './access/bootstrap-rbac.js'
export {
  type BootstrapToken,
  formatBootstrapToken,
  generateBootstrapToken,
  isBootstrapTokenId,
  parseBootstrapToken,
} from './access/bootstrap-token.js'
export { bootstrapTokensOf, type ConfiguredTokens } from './access/bootstrap-token-config.js'
export {
  type BootstrapTokenState,
  bootstrapTokenStateOf,
  formatBootstrapTokenSecret,
  isBootstrapTokenSecret,
  parseBootstrapTokenSecret,
  type StoredBootstrapToken,
  secretNameOf,
  TOKEN_SECRETS,
  type TokenAbility,
} from './access/bootstrap-token-secret.js'
export {
  type BootstrapTokenOptions,
  type BootstrapTokenSpec,
  isBootstrapTokenGroup,
  resolveBootstrapToken,
  TOKEN_DEFAULTS,
  TOKEN_USAGES,
} from './access/bootstrap-token-spec.js'
export { type PlacedCertificate, readCaCertificates } from './access/ca-documents.js'
export {
  CertificateKey,
  formatCertificateKey,
  generateCertificateKey,
  parseCertificateKey,
} from './access/certificate-key.js'
export {
  CLUSTER_INFO,
  type ClusterInfo,
  type DiscoveredCluster,
  parseClusterInfo,
  parseDiscoveredCluster,
} from './access/cluster-info.js'
export { type ClusterInfoSpec, formatClusterInfo } from './access/cluster-info-format.js'
export { signDetached, verifyDetached } from './access/detached-jws.js'
export { DISCOVERY_STEPS, type DiscoveryStep, type DiscoveryStepName } from './access/discovery-steps.js'
export type { Discovery, DiscoveryOptions, DiscoveryRequest } from './access/discovery-types.js'
export { formatJoinCommand, type JoinCommandOptions, type JoinCommandSpec } from './access/join-command.js'
export {
  type JsonWebKey,
  type JsonWebKeySet,
  JWKS_PATH,
  type OpenIdConfiguration,
  openIdConfiguration,
  serviceAccountJwks,
} from './access/jwks.js'
export { type JwtClaims, readJwtClaims } from './access/jwt-claims.js'
export {
  decryptKubeadmCerts,
  type EncryptOptions,
  encryptKubeadmCerts,
  findKubeadmCerts,
  hasExternalEtcd,
  KUBEADM_CERTS,
  KUBEADM_CERTS_RBAC,
  type SharedContents,
  type SharedFile,
  type SharedFilesOptions,
  sharedFiles,
} from './access/kubeadm-certs.js'
export {
  formatKubeconfig,
  type Kubeconfig,
  type KubeconfigCredential,
  type KubeconfigSpec,
  parseKubeconfig,
} from './access/kubeconfig.js'
export { type ClusterConnection, type KubeconfigSource, readClusterConnection } from './access/kubeconfig-connection.js'
export type { DuplicateField } from './access/kubeconfig-duplicates.js'
export type { EntryList, Impersonation } from './access/kubeconfig-entries.js'
export {
  type MergeChange,
  type MergeFile,
  type MergeOptions,
  type MergeResult,
  mergeKubeconfigs,
} from './access/kubeconfig-merge.js'
export { caPin, parsePin, verifyCaPin } from './access/pins.js'
export type { ServerCas } from './access/server-cas.js'
export { parseServerEndpoint, type ServerEndpoint } from './access/server-endpoint.js'
export { parseServiceAccountKeys } from './access/service-account-key-files.js'
export {
  describeServiceAccountKey,
  type JwtAlgorithm,
  type ServiceAccountKey,
  uniqueKeys,
} from './access/service-account-keys.js'
export {
  type BoundObject,
  DEFAULT_ISSUER,
  type ServiceAccountTokenSpec,
  signServiceAccountToken,
} from './access/service-account-token.js'
export {
  type VerifiedServiceAccountToken,
  type VerifyTokenOptions,
  verifyServiceAccountToken,
} from './access/service-account-verify.js'
export {
  type SharedFacts,
  type VerifySharedOptions,
  verifyClusterCa,
  verifySharedContents,
} from './access/shared-contents.js'
export { checkUserIdentity, type IdentityProblem } from './access/user-identity.js'
export { type RbacGrant, type RbacSubject, userRbac } from './access/user-rbac.js'
export type { FindingPlace } from './audit/about.js'
export type { ActualRow } from './audit/actual.js'
export {
  type Baseline,
  type BaselineEntry,
  baselineOf,
  formatBaseline,
  type OpenBaseline,
  openBaseline,
  parseBaseline,
} from './audit/baseline.js'
export { planChanges } from './audit/changes.js'
export { checkCertificate } from './audit/check-certificate.js'
export { type CisLooked, type CisResult, checkCis } from './audit/check-cis.js'
export { checkIssued } from './audit/check-issued.js'
export { CIS_EDITIONS, type CisEdition, type CisItem, type CisLook, cisItems } from './audit/cis-items.js'
export { compareTree } from './audit/compare.js'
export { formatInference, type InferredValue, inferredConfiguration, inferredValues } from './audit/describe-tree.js'
export { fingerprintOf } from './audit/fingerprint.js'
export { formatJunit } from './audit/format-junit.js'
export { formatSarif } from './audit/format-sarif.js'
export { inferDescription } from './audit/infer.js'
export type { LifeOptions } from './audit/lifetimes.js'
export { type ParsedPlan, parsePlan } from './audit/parse-plan.js'
export { type PlanOptions, planTree, type RowPlan, type TreePlan } from './audit/plan.js'
export type { ChangeOptions } from './audit/planning.js'
export {
  adviceOf,
  isAtLeast,
  isFailure,
  type Report,
  type ReportedFinding,
  SEVERITIES,
  sentenceOf,
} from './audit/report.js'
export type { Rule, RuleGroup, Severity } from './audit/rule.js'
export { type BenchmarkItem, type Finding, RULES, type RuleId, type TreeItemId } from './audit/rules.js'
export {
  type PlanInputs,
  planInputs,
  type SavedChange,
  type SavedIdentity,
  type SavedPlan,
  saveChange,
  savePlan,
} from './audit/saved-plan.js'
export { readTree } from './audit/tree.js'
export type {
  ActualKubeletPair,
  ActualTree,
  Asked,
  Change,
  ChangeAction,
  ChangePlan,
  ComparedItem,
  Inference,
  ManifestFacts,
  NameAdds,
  Restart,
  TreeComparison,
  WantedIdentity,
} from './audit/types.js'
export { type FormattedConfiguration, formatClusterConfiguration } from './config/cluster-configuration.js'
export {
  type Argument,
  type ComponentOptions,
  type ControlPlane,
  type ImageOverride,
  parseControlPlane,
  type ResolvedControlPlane,
  resolveControlPlane,
  type TimeoutSeconds,
} from './config/control-plane.js'
export type { DefaultsOptions } from './config/defaults.js'
export { describeEffective, type EffectiveValue, formatOrigin } from './config/describe.js'
export { describeControlPlane } from './config/describe-control-plane.js'
export { FACT_FLAGS, type FactName, type FlagFacts, type FlagName } from './config/facts.js'
export {
  formatConfiguration,
  initDefaults,
  joinDefaults,
  migrateConfiguration,
  type PrintOptions,
} from './config/format.js'
export { HOST_FLAG_ROWS, type HostFlagName, type HostFlagRow, type HostFlags } from './config/host-flags.js'
export { type ParsedConfiguration, parseConfiguration } from './config/parse.js'
export { type ConfigCode, type ConfigProblem, formatProblem, nearestName } from './config/problems.js'
export {
  type Description,
  type DescriptionSources,
  type FilePlace,
  type HostFacts,
  type Lazy,
  type Origin,
  parseDescription,
  resolveDescription,
} from './config/resolve.js'
export type { ControlPlaneOptions } from './config/resolve-configuration.js'
export { API_VERSIONS, type ApiVersion, KINDS, type KubeadmKind } from './config/schema.js'
export type { Configuration } from './config/types.js'
export { type Context, createContext, type KeyParameters, type LogEvent, type RawKeyPair } from './context.js'
export { KEY_ALGORITHMS, type KeyAlgorithm } from './crypto/algorithms.js'
export type { Bytes } from './crypto/bytes.js'
export type { IpAddress } from './crypto/ip.js'
export { formatPrivateKey, formatPublicKey, parsePrivateKey } from './crypto/key-files.js'
export { generateKey, type KeyType, PrivateKey } from './crypto/keys.js'
export { formatPem, type PemBlock, parsePem } from './crypto/pem.js'
export {
  ApiError,
  type CodeOf,
  EncodingError,
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  type ErrorKind,
  KpkiError,
  type KpkiErrorOptions,
  NetworkError,
  PolicyError,
  StoreError,
  UsageError,
  VerifyError,
  WorkflowError,
} from './errors.js'
export { type CheckedFiles, type CheckFilesOptions, checkFiles } from './inspect/check-files.js'
export { type CheckKubeconfigOptions, checkKubeconfig, type KubeconfigCheck } from './inspect/check-kubeconfig.js'
export { judgeLive } from './inspect/check-live.js'
export { type CheckOptions, type CheckResult, checkTree } from './inspect/check-tree.js'
export {
  type ExpirationEntry,
  type ExpirationReport,
  type ExpirationState,
  endingWithin,
  readExpiration,
} from './inspect/expiration.js'
export { type ExpirationCalendarOptions, formatExpirationCalendar } from './inspect/expiration-calendar.js'
export { type ExpirationMetricsOptions, formatExpirationMetrics } from './inspect/expiration-metrics.js'
export {
  type ExpirationRow,
  type ExpirationTables,
  expirationTables,
  formatExpirationTable,
  layOutRows,
} from './inspect/expiration-table.js'
export { inspectFiles } from './inspect/inspect.js'
export { DOORS, type Door, type JudgedEntry, judgeIssued, readTrustedKeys, type TrustedKeys } from './inspect/issued.js'
export type { KubeconfigProblem } from './inspect/kubeconfig-problem.js'
export type { KubeconfigRefusal } from './inspect/kubeconfig-refusals.js'
export {
  type KubeconfigView,
  type ViewedCluster,
  type ViewedContext,
  type ViewedCredential,
  type ViewedReference,
  type ViewedUser,
  type ViewOptions,
  viewKubeconfigs,
} from './inspect/kubeconfig-view.js'
export { askIdentity, type LiveIdentity } from './inspect/live-identity.js'
export { formatPicture, PICTURE_FORMATS, type PictureFormat, type PictureOptions } from './inspect/picture.js'
export { type CertificateRole, roleOf } from './inspect/role.js'
export { storeInputs } from './inspect/store-inputs.js'
export type {
  InputProblem,
  InspectedBlock,
  InspectedCertificate,
  InspectedKey,
  InspectedKubeconfig,
  InspectedManifest,
  InspectedRequest,
  InspectInput,
  Inspection,
  InspectRemark,
  Place,
} from './inspect/types.js'
export { formatJson } from './json.js'
export { rowsOf, SAN_SOURCES, serverOf, type WantedCertificate, wantedCertificate } from './kubernetes/catalogue.js'
export {
  type Cluster,
  type ClusterFacts,
  checkCluster,
  DEFAULT_VALIDITY_SECONDS,
  FACT_FIELDS,
  parseCluster,
} from './kubernetes/cluster.js'
export type { ExternalEtcd, FieldProblem } from './kubernetes/cluster-fields.js'
export { formatDuration, humanDuration, parseDuration, parsePeriod } from './kubernetes/duration.js'
export { parseManifests } from './kubernetes/manifests.js'
export type { Cidr, SubjectAltName } from './kubernetes/net.js'
export {
  formatManifests,
  type KubernetesObject,
  type ObjectMeta,
  RESOURCES,
  type ResourceKind,
  type ResourceRow,
} from './kubernetes/objects.js'
export {
  CATALOGUE,
  CERTIFICATE_IDS,
  type CertificateId,
  type CertificateRow,
  type GroupSource,
  issuerOf,
  KUBECONFIG_IDS,
  KUBECONFIGS,
  type KubeconfigId,
  type KubeconfigRow,
  PROFILES,
  type Profile,
  type ProfileName,
  ROW_IDS,
  type Role,
  type RowId,
  type SanSource,
} from './kubernetes/rows.js'
export { looksSecret } from './kubernetes/secret-shapes.js'
export { formatTime, parseTime } from './kubernetes/time.js'
export { defaultVersion, type KubernetesVersion, MINORS, parseVersion } from './kubernetes/versions.js'
export { MAX_INPUT_BYTES, MAX_INSPECT_BYTES } from './limits.js'
export { adminBinding } from './render/admin-binding.js'
export { checkComponents, checkDescription } from './render/check-description.js'
export { componentCommand } from './render/component-args.js'
export { COMPONENT_CONFIG_HASH, type ComponentConfiguration, componentConfigHash } from './render/component-config.js'
export { type AddonObjects, corednsAddon } from './render/coredns.js'
export type { HostFile, HostTraits } from './render/host-file.js'
export { IMAGE_NAMES, IMAGE_TAGS, type ImageName, type ImageTags, imageOf, pullList } from './render/images.js'
export { kubeProxyConfigMapData, kubeProxyConfiguration } from './render/kube-proxy.js'
export { kubeProxyAddon } from './render/kube-proxy-addon.js'
export { kubeletConfigMapData, kubeletConfigMapName, kubeletConfiguration } from './render/kubelet.js'
export { kubeletFiles } from './render/kubelet-files.js'
export { formatCommand, kubeletCommand } from './render/kubelet-flags.js'
export { PATCH_TARGETS, type Patch, type PatchTarget, type PatchType } from './render/patch.js'
export {
  applyPatches,
  type ParsedPatchFile,
  type PatchedObject,
  parsePatchFile,
  patchObject,
} from './render/patches.js'
export {
  OPTIONAL_CA_DIRS,
  STATIC_POD_COMPONENTS,
  type StaticPodComponent,
  staticPod,
  staticPodFile,
} from './render/static-pods.js'
export { systemdFiles, type UnitFiles, type UnitOptions } from './render/units.js'
export { kubeadmConfigObjects, kubeletConfigObjects } from './render/upload-config.js'
export { formatTar } from './tree/archive.js'
export { type BackedUpFile, type Backup, type Backups, type FileFacts, listBackups } from './tree/backup.js'
export { type HeldStore, holdStore, withoutLock } from './tree/hold.js'
export { FILE_MODES, type FileKind, type FileSpec, filesOf, type TreePath } from './tree/layout.js'
export {
  appendToLedger,
  formatLedgerEntry,
  type IssuedCertificate,
  LEDGER_PATH,
  type Ledger,
  type LedgerEntry,
  type LedgerProblem,
  parseLedger,
} from './tree/ledger.js'
export type { FinishedChange, UndoOptions } from './tree/put-back.js'
export {
  type AppendedFile,
  type FileProblem,
  type ListedFile,
  type MemoryFile,
  MemoryStore,
  type StagedFile,
  type StagedReplacement,
  type Store,
  type StoredFile,
  type WantedFile,
} from './tree/store.js'
export { type ArchiveOptions, ArchiveStore, readTreeArchive } from './tree/tar.js'
export type { NewFile } from './tree/write-all.js'
export { type ApplyPlanOptions, applyPlan, assertSamePlan } from './workflow/apply.js'
export {
  type ChangedTree,
  type ChangeTreeOptions,
  changeTree,
  describeChange,
  expectedEnd,
  type PlannedChanges,
  planStore,
} from './workflow/change-tree.js'
export { checkOnHost } from './workflow/check-on-host.js'
export {
  type CreateTokensOptions,
  createBootstrapTokens,
  tokenObjectName,
  withdrawBootstrapTokens,
} from './workflow/create-tokens.js'
export { findCriSocket } from './workflow/find-cri-socket.js'
export {
  type GenerateOptions,
  type GenerateResult,
  generateTree,
  placeOf,
  type RowResult,
} from './workflow/generate.js'
export type {
  ContainerRuntime,
  Host,
  HostEntry,
  HostSystem,
  PodSandbox,
  ProgramResult,
  RemoveAllOptions,
  ServiceManager,
  ServiceManagerName,
  WebAnswer,
  WebOptions,
} from './workflow/host.js'
export {
  type InitOptions,
  type InitResult,
  type InitRunOptions,
  initCluster,
  prepareInit,
} from './workflow/init-cluster.js'
export { type MadeChanges, type MakeChangesOptions, makeChanges } from './workflow/make-changes.js'
export { type ManifestOptions, type WrittenManifests, writeManifests } from './workflow/manifest-files.js'
export {
  applyObject,
  applyObjects,
  describeObject,
  type MakeRowsOptions,
  makeDirectory,
  makeRows,
  type WriteFilesOptions,
  writeFiles,
} from './workflow/phases/actions.js'
export { insertPhase, type PhasePlace, removePhase, replacePhase } from './workflow/phases/edit.js'
export { INIT_PHASES } from './workflow/phases/init.js'
export { INIT_PHASE_ROWS, type PhaseRow } from './workflow/phases/init-rows.js'
export type { InitRun, InitToken } from './workflow/phases/init-run.js'
export { findPhases, listPhases, type PhaseAt } from './workflow/phases/paths.js'
export type { Action, Handed, Hands, Outcome, Phase } from './workflow/phases/phase.js'
export { initSubject } from './workflow/phases/preflight.js'
export { RESET_PHASES } from './workflow/phases/reset.js'
export {
  type PhaseEvent,
  type PhaseResult,
  type PhaseSelection,
  type PlannedPhase,
  planPhases,
  type RunOptions,
  runPhases,
} from './workflow/phases/runner.js'
export { JOIN_CONTROL_PLANE, JOIN_WORKER } from './workflow/phases/show-join-command.js'
export {
  PREFLIGHT_ROLES,
  type PreflightCheck,
  type PreflightCheckOfFiles,
  type PreflightCheckOfSystem,
  type PreflightFacts,
  type PreflightFiles,
  type PreflightFinding,
  type PreflightProbe,
  type PreflightRole,
  type PreflightSurroundings,
  type PreflightVerdict,
} from './workflow/preflight/check.js'
export { PREFLIGHT_CHECKS } from './workflow/preflight/checks.js'
export {
  assertPreflight,
  type PreflightOptions,
  type PreflightReport,
  type PreflightResult,
  type PreflightState,
  runPreflight,
} from './workflow/preflight/run.js'
export { type PreflightSubject, type PreflightSubjectOptions, preflightSubject } from './workflow/preflight/subject.js'
export { type ReadPatches, readPatches } from './workflow/read-patches.js'
export { readTraits } from './workflow/read-traits.js'
export { type HostRecord, type MadeEntry, RECORD_PATH, readRecord } from './workflow/record.js'
export {
  type Rehearsal,
  type RehearsedFile,
  type RehearsedPhase,
  type RehearsedRow,
  type RehearsedStep,
  type RehearseHands,
  rehearsePhases,
} from './workflow/rehearse.js'
export {
  clusterObjects,
  HOST_PHASES,
  OBJECT_PHASES,
  type PhaseObjects,
  prepareRender,
  type RenderOptions,
  renderHost,
} from './workflow/render-host.js'
export { type RenewOptions, renew } from './workflow/renew.js'
export type { EtcdHere } from './workflow/reset/etcd-here.js'
export { type Kept, type Removal, type ResetOptions, type ResetRun, surveyReset } from './workflow/reset/survey.js'
export {
  readSharedFiles,
  type SharedFilesResult,
  type SharedResult,
  type SharedTree,
  type WriteSharedOptions,
  writeSharedFiles,
} from './workflow/shared-files.js'
export { finishChanges, type UndoneFile, type UndoResult, undoLast } from './workflow/undo.js'
export {
  fetchKubeadmCerts,
  type UploadOptions,
  type UploadResult,
  uploadKubeadmCerts,
} from './workflow/upload-certs.js'
export {
  issueUserKubeconfig,
  USER_VALIDITY_SECONDS,
  type UserKubeconfig,
  type UserKubeconfigOptions,
  type UserKubeconfigSpec,
} from './workflow/user-kubeconfig.js'
export {
  type Certificate,
  type EncodedDate,
  formatCertificate,
  parseCertificate,
  parseCertificates,
} from './x509/certificate.js'
export { EXT_KEY_USAGES, type ExtensionFacts, type ExtKeyUsage, KEY_USAGES, type KeyUsage } from './x509/extensions.js'
export { describeFurtherExtensions, type FurtherExtension } from './x509/further.js'
export { type CertificateSpec, type Issuer, issueCertificate } from './x509/issue.js'
export { type Life, type LifeState, lifeStateOf } from './x509/life.js'
export type { DistinguishedName } from './x509/name.js'
export { type CertificateRequest, parseCertificateRequest, verifyRequestSignature } from './x509/request.js'
export { type VerifyOptions, verifyCertificate } from './x509/verify.js'
export { type DuplicateKey, parseYamlStream, type YamlDocument, type YamlPath, type YamlPosition } from './yaml.js'
export { formatYaml, type YamlInput } from './yaml-format.js'
export type { YamlObject, YamlValue } from './yaml-scalars.js'
