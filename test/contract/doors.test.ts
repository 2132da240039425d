import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as pure from '../../lib/index.js'
import * as node from '../../lib/node.js'
import { codeOf } from './source.js'

// The public names, which are a promise: one that goes is a breaking change, one that comes is a line in CHANGELOG.md.
const DOORS = [
  {
    path: 'lib/index.ts',
    module: pure as object,
    values: `
    initCluster prepareInit findCriSocket applyObject applyObjects describeObject makeDirectory makeRows writeFiles insertPhase removePhase replacePhase INIT_PHASES INIT_PHASE_ROWS findPhases listPhases planPhases runPhases JOIN_CONTROL_PLANE JOIN_WORKER readTraits
    COMPONENT_CONFIG_HASH componentConfigHash formatCommand kubeProxyConfigMapData kubeProxyConfiguration kubeletCommand kubeletConfigMapData kubeletConfigMapName kubeletConfiguration kubeletFiles
    PREFLIGHT_CHECKS PREFLIGHT_ROLES assertPreflight initSubject preflightSubject runPreflight
    adminBinding corednsAddon formatClusterConfiguration kubeProxyAddon kubeadmConfigObjects kubeletConfigObjects
    IMAGE_NAMES IMAGE_TAGS OPTIONAL_CA_DIRS STATIC_POD_COMPONENTS componentCommand imageOf pullList staticPod staticPodFile systemdFiles
    PATCH_TARGETS applyPatches checkOnHost parsePatchFile patchObject readPatches
    HOST_FLAG_ROWS checkComponents checkDescription describeControlPlane parseControlPlane resolveControlPlane
    API_VERSIONS CATALOGUE CERTIFICATE_IDS DEFAULT_VALIDITY_SECONDS ERRORS EXT_KEY_USAGES EncodingError FACT_FIELDS
    FACT_FLAGS FILE_MODES RULES KEY_ALGORITHMS KEY_USAGES KINDS KUBECONFIGS KUBECONFIG_IDS KpkiError
    MAX_INPUT_BYTES MAX_INSPECT_BYTES MINORS MemoryStore PICTURE_FORMATS PROFILES PolicyError PrivateKey ROW_IDS SAN_SOURCES StoreError UsageError
    VerifyError WorkflowError caPin checkCluster createContext describeEffective describeFurtherExtensions filesOf formatCertificate
    formatConfiguration formatKubeconfig formatOrigin formatPem formatPicture formatPrivateKey formatProblem formatPublicKey
    ArchiveStore readTreeArchive checkFiles storeInputs formatTar formatYaml generateKey generateTree initDefaults inspectFiles issueCertificate issuerOf joinDefaults lifeStateOf migrateConfiguration
    looksSecret nearestName parseCertificate parseCertificateRequest parseCertificates parseCluster parseConfiguration parseDescription parseKubeconfig
    parsePem parsePin parsePrivateKey parseVersion parseYamlStream placeOf planTree resolveDescription roleOf rowsOf serverOf
    CLUSTER_INFO DISCOVERY_STEPS parseClusterInfo parseDiscoveredCluster parseServerEndpoint readCaCertificates
    ApiError NetworkError RESOURCES readClusterConnection verifyCaPin verifyCertificate USER_VALIDITY_SECONDS checkUserIdentity issueUserKubeconfig mergeKubeconfigs readJwtClaims userRbac askIdentity judgeLive checkKubeconfig viewKubeconfigs verifyRequestSignature wantedCertificate
    DEFAULT_ISSUER JWKS_PATH describeServiceAccountKey openIdConfiguration parseServiceAccountKeys serviceAccountJwks signServiceAccountToken
    uniqueKeys verifyServiceAccountToken
    DOORS LEDGER_PATH appendToLedger formatLedgerEntry judgeIssued parseLedger readTrustedKeys
    CertificateKey KUBEADM_CERTS KUBEADM_CERTS_RBAC decryptKubeadmCerts encryptKubeadmCerts fetchKubeadmCerts findKubeadmCerts formatCertificateKey
    generateCertificateKey hasExternalEtcd parseCertificateKey readSharedFiles sharedFiles uploadKubeadmCerts verifyClusterCa verifySharedContents writeSharedFiles
    BOOTSTRAP_RBAC KUBELET_API_RBAC TOKEN_DEFAULTS TOKEN_SECRETS TOKEN_USAGES bootstrapTokenStateOf bootstrapTokensOf createBootstrapTokens defaultVersion
    formatBootstrapToken formatBootstrapTokenSecret formatClusterInfo formatDuration formatJoinCommand formatManifests formatTime
    generateBootstrapToken isBootstrapTokenGroup isBootstrapTokenId isBootstrapTokenSecret parseBootstrapToken parseBootstrapTokenSecret
    endingWithin expirationTables formatExpirationCalendar formatExpirationMetrics formatExpirationTable layOutRows readExpiration
    humanDuration parseDuration parseManifests parsePeriod parseTime rbacObjects resolveBootstrapToken secretNameOf signDetached tokenObjectName verifyDetached
    withdrawBootstrapTokens applyPlan assertSamePlan finishChanges listBackups parsePlan undoLast
    checkCertificate checkIssued checkTree compareTree formatInference inferDescription inferredConfiguration inferredValues readTree
    changeTree describeChange expectedEnd makeChanges planChanges planInputs planStore renew saveChange savePlan
    CIS_EDITIONS SEVERITIES adviceOf baselineOf checkCis cisItems fingerprintOf formatBaseline formatJson formatJunit formatSarif isAtLeast isFailure
    openBaseline parseBaseline sentenceOf rehearsePhases
    HOST_PHASES OBJECT_PHASES RECORD_PATH RESET_PHASES holdStore withoutLock clusterObjects prepareRender readRecord renderHost surveyReset writeManifests
    `,
    types: `
    PreflightCheck PreflightCheckOfFiles PreflightCheckOfSystem PreflightFacts PreflightFiles PreflightFinding PreflightOptions PreflightProbe PreflightReport PreflightResult PreflightRole PreflightState PreflightSubject PreflightSubjectOptions PreflightSurroundings PreflightVerdict
    ContainerRuntime Host HostEntry HostSystem PodSandbox ProgramResult ServiceManager ServiceManagerName WebAnswer WebOptions InitOptions InitResult InitRunOptions MakeRowsOptions ManifestOptions WrittenManifests WriteFilesOptions PhasePlace PhaseRow InitRun InitToken PhaseAt Action Handed Hands Outcome Phase PhaseEvent PhaseResult PhaseSelection PlannedPhase RunOptions HostFile HostTraits
    ImageName ImageTags StaticPodComponent UnitFiles UnitOptions
    AddonObjects FormattedConfiguration ComponentConfiguration ParsedPatchFile Patch PatchTarget PatchType PatchedObject ReadPatches
    EtcdHere HostRecord Kept MadeEntry PhaseObjects Removal RenderOptions ResetOptions ResetRun HeldStore RemoveAllOptions
    Rehearsal RehearsedFile RehearsedPhase RehearsedRow RehearsedStep RehearseHands
    Argument ComponentOptions ControlPlane ControlPlaneOptions FilePlace HostFlagName HostFlagRow HostFlags ImageOverride ResolvedControlPlane TimeoutSeconds
    Baseline BaselineEntry BenchmarkItem CisEdition CisItem CisLook CisLooked CisResult OpenBaseline Report ReportedFinding
    ArchiveOptions CheckFilesOptions CheckedFiles FileProblem ListedFile MemoryFile ActualRow ApiVersion AppendedFile Bytes Certificate CertificateId CertificateRequest CertificateRole CertificateRow CertificateSpec Cidr Cluster ClusterFacts
    CodeOf ConfigCode ConfigProblem Configuration Context DefaultsOptions Description DescriptionSources
    DistinguishedName DuplicateField DuplicateKey EffectiveValue KubeconfigRefusal ErrorCode ErrorDetails ErrorKind ExtKeyUsage ExtensionFacts ExternalEtcd FactName
    FieldProblem FileKind FileSpec Finding RuleId FlagFacts FlagName FurtherExtension GenerateOptions GenerateResult GroupSource
    HostFacts InputProblem InspectInput InspectRemark InspectedBlock InspectedCertificate InspectedKey
    InspectedKubeconfig InspectedManifest InspectedRequest Inspection IpAddress Issuer KeyAlgorithm KeyParameters KeyType KeyUsage KpkiErrorOptions KubeadmKind Kubeconfig
    KubeconfigId KubeconfigRow KubeconfigSpec KubernetesVersion Lazy Life LifeState LogEvent Origin ParsedConfiguration PemBlock Place
    PictureFormat PictureOptions PlanOptions PrintOptions Profile ProfileName RawKeyPair Role RowId RowPlan RowResult SanSource StagedFile StagedReplacement Store StoredFile WantedFile
    ChangeOptions ChangeTreeOptions ChangedTree MadeChanges MakeChangesOptions NewFile PlanInputs PlannedChanges RenewOptions SavedChange SavedIdentity SavedPlan
    ApplyPlanOptions BackedUpFile Backup Backups FileFacts FinishedChange ParsedPlan UndoOptions UndoResult UndoneFile
    SubjectAltName TreePath TreePlan VerifyOptions WantedCertificate YamlDocument YamlInput YamlObject YamlPath
    YamlPosition YamlValue EntryList IdentityProblem JwtClaims KubeconfigCredential MergeChange MergeFile MergeOptions MergeResult RbacGrant RbacSubject
    ApplyOptions ClusterApi ListOptions ObjectName WatchEvent WatchOptions ClusterConnection Impersonation KubeconfigSource ClusterInfo DiscoveredCluster Discovery DiscoveryOptions DiscoveryRequest DiscoveryStep DiscoveryStepName PlacedCertificate ServerCas ServerEndpoint
    UserKubeconfig UserKubeconfigOptions UserKubeconfigSpec CheckKubeconfigOptions KubeconfigCheck LiveIdentity KubeconfigProblem KubeconfigView ViewOptions
    ViewedCluster ViewedContext ViewedCredential ViewedReference ViewedUser
    BoundObject JsonWebKey JsonWebKeySet JwtAlgorithm OpenIdConfiguration ServiceAccountKey ServiceAccountTokenSpec VerifiedServiceAccountToken VerifyTokenOptions
    Door IssuedCertificate JudgedEntry Ledger LedgerEntry LedgerProblem TrustedKeys
    EncryptOptions SharedContents SharedFacts SharedFile SharedFilesOptions SharedFilesResult SharedResult SharedTree UploadOptions UploadResult VerifySharedOptions WriteSharedOptions
    BootstrapToken BootstrapTokenOptions BootstrapTokenSpec BootstrapTokenState ClusterInfoSpec ConfiguredTokens CreateTokensOptions
    ExpirationCalendarOptions ExpirationEntry ExpirationMetricsOptions ExpirationReport ExpirationRow ExpirationState ExpirationTables
    EncodedDate FindingPlace CheckOptions CheckResult InferredValue LifeOptions Rule RuleGroup Severity TreeItemId ActualKubeletPair ActualTree Asked Change ChangeAction ChangePlan ComparedItem Inference ManifestFacts NameAdds Restart TreeComparison WantedIdentity
    JoinCommandOptions JoinCommandSpec KubernetesObject ObjectMeta RbacRow ResourceKind ResourceRow StoredBootstrapToken TokenAbility
    `,
  },
  {
    path: 'lib/node.ts',
    module: node as object,
    values: `
    connectAdministrator nodeHost
    directoryHost directoryStore
    ApiError NetworkError DiskStore VerifyError WorkflowError connectCluster discoverCluster fetchServerCas findTree EncodingError StoreError UsageError createFile fileNotFound createNodeContext detectDefaultAddress detectHostName
    generateNodeKeyPair fileExists defaultKubeconfig kubeconfigPaths kubeconfigsBeside movedPath pathBeside placeFile programExists updateFile readDirectory readRegularFile isRegularFile readPieces streamFiles
    `,
    types: `
    NodeHostOptions
    DirectoryStoreOptions
    ConnectOptions DetectedAddress DiscoverClusterOptions Environment FoundTree PlacedFile RetryOptions FetchServerCasOptions DiskStoreOptions WalkLimits WalkedFile UpdateFileOptions
    `,
  },
]

const words = (text: string) => text.trim().split(/\s+/).sort()

for (const { path, module, values, types } of DOORS) {
  test(`values of ${path}`, () => assert.equal(Object.keys(module).sort(), words(values)))

  test(`types of ${path}`, () => {
    const lists = [...codeOf(path).matchAll(/export (type )?\{([^}]*)\}/g)]
    const found = lists.flatMap(([, all, list = '']) =>
      list
        .split(',')
        .map(name => name.trim())
        .filter(name => name !== '' && (all !== undefined || name.startsWith('type ')))
        .map(name => name.replace(/^type /, '')),
    )
    assert.equal(found.sort(), words(types))
  })
}

test('a name that is in both doors is the same thing', () => {
  for (const [name, value] of Object.entries(node)) {
    if (name in pure) assert.is(value, (pure as Record<string, unknown>)[name], name)
  }
})

test.run()
