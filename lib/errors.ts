/**
 * What can go wrong, as data: a code per *what happened*, a kind (and so a class) per *what the caller can do about it*.
 *
 * Codes are API: added, never reused or renamed within a major version. Messages may change any day.
 */
export const ERRORS = {
  KPKI_USAGE: {
    kind: 'usage',
    about: 'the command line asks for something that does not exist or does not go together',
  },
  KPKI_CONFIG_SYNTAX: { kind: 'usage', about: 'the configuration is not YAML' },
  KPKI_CONFIG_API_VERSION: { kind: 'usage', about: 'a document has no apiVersion, or one that is not read' },
  KPKI_CONFIG_KIND: { kind: 'usage', about: 'a document has no kind, an unknown one, or one given twice' },
  KPKI_FIELD_UNKNOWN: { kind: 'usage', about: 'a field does not exist' },
  KPKI_FIELD_DUPLICATE: { kind: 'usage', about: 'a field is given twice' },
  KPKI_FIELD_TYPE: { kind: 'usage', about: 'a field has a value of the wrong type' },
  KPKI_FIELD_VALUE: { kind: 'usage', about: 'a field has a value that is not allowed' },
  KPKI_FIELD_CONFLICT: { kind: 'usage', about: 'two fields exclude each other' },
  KPKI_ADDRESS_UNKNOWN: { kind: 'usage', about: 'no address to advertise was given and none could be found' },
  KPKI_PHASE_UNKNOWN: { kind: 'usage', about: 'there is no phase of that name' },
  KPKI_VERSION_UNSUPPORTED: { kind: 'usage', about: 'kpki does not know what that Kubernetes version wants on a host' },
  KPKI_PATCH_INVALID: {
    kind: 'usage',
    about: 'a patch file is badly named, does not apply, or breaks what it is applied to',
  },
  KPKI_PLAN_INVALID: { kind: 'encoding', about: 'the file is no saved plan, or one that was changed' },
  KPKI_BASELINE_INVALID: { kind: 'encoding', about: 'the file is no baseline of kpki check' },
  KPKI_BACKUP_INVALID: {
    kind: 'encoding',
    about: 'a backup that kpki apply or renew has made cannot be read, or was changed',
  },
  KPKI_ARCHIVE_INVALID: { kind: 'encoding', about: 'the archive is no tar, is cut off, or holds more than is read' },
  KPKI_INPUT_TOO_LARGE: { kind: 'encoding', about: 'the input is larger than anything of its kind can be' },
  KPKI_YAML_INVALID: { kind: 'encoding', about: 'the text is not YAML, or YAML made to exhaust its reader' },
  KPKI_YAML_UNEDITABLE: {
    kind: 'encoding',
    about: 'the file is written in a way that kpki does not change in place: anchors, aliases, merge keys',
  },
  KPKI_PEM_INVALID: { kind: 'encoding', about: 'the text holds no well-formed PEM block' },
  KPKI_PEM_LABEL: { kind: 'encoding', about: 'a PEM block has another label than expected' },
  KPKI_DER_INVALID: { kind: 'encoding', about: 'the bytes are not the DER they should be' },
  KPKI_CERT_INVALID: { kind: 'encoding', about: 'the bytes are not an X.509 certificate' },
  KPKI_KEY_INVALID: { kind: 'encoding', about: 'the bytes are not a private or public key' },
  KPKI_KEY_ENCRYPTED: { kind: 'encoding', about: 'the private key is encrypted' },
  KPKI_KEY_TYPE: { kind: 'encoding', about: 'the key is of a type that Kubernetes does not use here' },
  KPKI_KUBECONFIG_INVALID: { kind: 'encoding', about: 'the text is not a usable kubeconfig' },
  KPKI_NOTHING_FOUND: { kind: 'encoding', about: 'the input holds nothing that can be inspected' },
  KPKI_PIN_INVALID: { kind: 'encoding', about: 'the CA pin has not the form sha256:<64 hex digits>' },
  KPKI_TOKEN_INVALID: { kind: 'encoding', about: 'the bootstrap token has not the form abcdef.0123456789abcdef' },
  KPKI_CERTIFICATE_KEY_INVALID: { kind: 'encoding', about: 'the certificate key is not 64 hex digits (32 bytes)' },
  KPKI_CERTS_INVALID: { kind: 'encoding', about: 'a kubeadm-certs Secret is not there, or lacks what belongs in one' },
  KPKI_CLUSTER_INFO_INVALID: {
    kind: 'encoding',
    about: 'cluster-info, or the kubeconfig in it, is not what a cluster publishes',
  },
  KPKI_MANIFEST_INVALID: { kind: 'encoding', about: 'the text holds something else than objects of Kubernetes' },
  KPKI_TOKEN_SECRET_INVALID: { kind: 'encoding', about: 'the Secret is not that of a bootstrap token' },
  KPKI_JWT_INVALID: { kind: 'encoding', about: 'the text is no JSON Web Token in compact form' },
  KPKI_CERT_SPEC: { kind: 'policy', about: 'the wanted certificate breaks RFC 5280' },
  KPKI_ISSUER_NOT_CA: { kind: 'policy', about: 'the signing certificate is not a CA' },
  KPKI_ISSUER_EXPIRED: { kind: 'policy', about: 'the signing certificate is not valid at this moment' },
  KPKI_ISSUER_KEY_MISMATCH: { kind: 'policy', about: 'the signing key does not belong to the signing certificate' },
  KPKI_ISSUER_MISSING: {
    kind: 'policy',
    about: 'the row needs an issuer that is not there, or whose key is elsewhere',
  },
  KPKI_JOIN_SERVER: { kind: 'policy', about: 'hosts cannot join by that URL: kubeadm join takes host:port' },
  KPKI_KUBECONFIG_PLUGIN: {
    kind: 'policy',
    about: 'the user of the kubeconfig logs in with a program, which is not run',
  },
  KPKI_ISSUER_URL: { kind: 'policy', about: 'no API server serves discovery documents for that issuer' },
  KPKI_JWT_SPEC: { kind: 'policy', about: 'no API server would take the service-account token that is wanted' },
  KPKI_CHAIN_INVALID: { kind: 'verify', about: 'the certificate does not chain to the given CA' },
  KPKI_PIN_MISMATCH: { kind: 'verify', about: 'no CA certificate has one of the given pins' },
  KPKI_JWS_MISMATCH: { kind: 'verify', about: 'cluster-info is not signed with the secret of this bootstrap token' },
  KPKI_DECRYPT_FAILED: {
    kind: 'verify',
    about: 'the certificate key is not the one of this value, or the value was changed',
  },
  KPKI_CERTS_MISMATCH: { kind: 'verify', about: 'files of control planes that belong together do not fit each other' },
  KPKI_TOKEN_UNKNOWN: {
    kind: 'verify',
    about: 'cluster-info is not signed with this bootstrap token: unknown or expired',
  },
  KPKI_CLUSTER_INFO_CHANGED: { kind: 'verify', about: 'cluster-info was another one over the verified connection' },
  KPKI_JWT_ALGORITHM: { kind: 'verify', about: 'the token names an algorithm that is not that of a key here' },
  KPKI_JWT_KEY_UNKNOWN: { kind: 'verify', about: 'the token is signed with a key that is not among those given' },
  KPKI_JWT_SIGNATURE: { kind: 'verify', about: 'the signature of the token does not verify' },
  KPKI_JWT_ISSUER: { kind: 'verify', about: 'the token is of another issuer' },
  KPKI_JWT_AUDIENCE: { kind: 'verify', about: 'the token is for another audience' },
  KPKI_JWT_EXPIRED: { kind: 'verify', about: 'the token has ended, or never does' },
  KPKI_JWT_NOT_YET: { kind: 'verify', about: 'the token is not valid yet' },
  KPKI_JWT_SUBJECT: { kind: 'verify', about: 'the token is not that of one ServiceAccount' },
  KPKI_TREE_MISMATCH: { kind: 'store', about: 'files that exist do not fit the description' },
  KPKI_FILE_EXISTS: { kind: 'store', about: 'refusing to overwrite' },
  KPKI_FILE_NOT_FOUND: { kind: 'store', about: 'the file does not exist' },
  KPKI_FILE_UNREADABLE: { kind: 'store', about: 'the file exists but cannot be read' },
  KPKI_FILE_NOT_REGULAR: { kind: 'store', about: 'the path is a directory, a device or a link to nothing' },
  KPKI_FILE_OUTSIDE: { kind: 'store', about: 'the path is a link to a file outside of the tree' },
  KPKI_FILE_FOREIGN: { kind: 'store', about: 'the file belongs to somebody else, or others may write to it' },
  KPKI_DIR_FOREIGN: { kind: 'store', about: 'the directory belongs to somebody else, or others may write to it' },
  KPKI_DIR_NOT_WRITABLE: { kind: 'store', about: 'the directory cannot be written to' },
  KPKI_DISK_FULL: { kind: 'store', about: 'no space is left for the file' },
  KPKI_WRITE_FAILED: { kind: 'store', about: 'the file could not be written' },
  KPKI_MERGE_CONFLICT: { kind: 'store', about: 'both kubeconfigs have an entry of one name that is not the same' },
  KPKI_FILE_CHANGED: { kind: 'store', about: 'the file was changed by somebody else meanwhile' },
  KPKI_LOCKED: { kind: 'store', about: 'another run is at work on the same tree' },
  KPKI_API_EXISTS: { kind: 'api', about: 'the object that was to be made is there already' },
  KPKI_API_NOT_FOUND: { kind: 'api', about: 'the API server has no such object, or no such kind' },
  KPKI_API_UNAUTHORIZED: { kind: 'api', about: 'the API server does not know who is asking (401)' },
  KPKI_API_FORBIDDEN: { kind: 'api', about: 'the API server knows who is asking and does not let them (403)' },
  KPKI_API_CONFLICT: { kind: 'api', about: 'the object was changed by somebody else meanwhile (409)' },
  KPKI_API_REFUSED: { kind: 'api', about: 'the API server refused the request for another reason, named in the text' },
  KPKI_CLUSTER_INFO_MISSING: { kind: 'api', about: 'the cluster publishes no cluster-info, or an empty one' },
  KPKI_NET_UNREACHABLE: { kind: 'network', about: 'no connection: unknown name, no route, refused or cut' },
  KPKI_NET_TIMEOUT: { kind: 'network', about: 'the server did not answer in time' },
  KPKI_NET_PROXY: { kind: 'network', about: 'the proxy did not let the connection through' },
  KPKI_NET_RESPONSE: {
    kind: 'network',
    about: 'the answer is cut off, endless, a redirect, an error of the server, or not what an API server says',
  },
  KPKI_TLS_UNTRUSTED: { kind: 'network', about: "the server's certificate is not of the CA that is trusted" },
  KPKI_TLS_NAME: { kind: 'network', about: "the server's certificate is for other names" },
  KPKI_TLS_EXPIRED: { kind: 'network', about: "the server's certificate is not valid now, by this machine's clock" },
  KPKI_TLS_FAILED: { kind: 'network', about: 'the TLS handshake failed' },
  KPKI_PLAN_STALE: { kind: 'workflow', about: 'the tree is no longer the one that the plan was made for' },
  KPKI_PLAN_BLOCKED: {
    kind: 'workflow',
    about: 'something that should change cannot be changed here, e.g. its CA key is elsewhere',
  },
  KPKI_NOT_CONFIRMED: { kind: 'workflow', about: 'nobody has agreed to the changes; nothing was written' },
  KPKI_CHANGE_UNFINISHED: {
    kind: 'workflow',
    about: 'a run was killed while it changed files of the tree, and what it left is to be taken back first',
  },
  KPKI_NOTHING_TO_UNDO: { kind: 'workflow', about: 'no backup is left that could be put back' },
  KPKI_UNDO_CONFLICT: { kind: 'workflow', about: 'files were changed since the change that is to be taken back' },
  KPKI_PREFLIGHT_FAILED: { kind: 'workflow', about: 'the host is not ready: preflight checks found errors' },
  KPKI_PHASE_FAILED: { kind: 'workflow', about: 'a phase failed; what was done before it stays' },
  KPKI_WAIT_TIMEOUT: { kind: 'workflow', about: 'something that was waited for did not come up in time' },
  KPKI_SERVICE_FAILED: { kind: 'workflow', about: 'the service manager did not do what it was asked' },
  KPKI_PROGRAM_FAILED: { kind: 'workflow', about: 'a program of the host could not be run, or did not end' },
  KPKI_CRI_FAILED: { kind: 'workflow', about: 'the container runtime did not do what it was asked' },
  KPKI_INTERRUPTED: { kind: 'workflow', about: 'the run was interrupted and has taken back what it had written' },
  KPKI_INTERNAL: { kind: 'workflow', about: 'a defect in kpki' },
} as const satisfies Record<string, { readonly kind: string; readonly about: string }>

/** A stable error code, e.g. `'KPKI_PEM_LABEL'`. */
export type ErrorCode = keyof typeof ERRORS
/** What the caller can do about an error: one of the classes below. */
export type ErrorKind = (typeof ERRORS)[ErrorCode]['kind']
/** Codes of one kind. */
export type CodeOf<K extends ErrorKind> = {
  [C in ErrorCode]: (typeof ERRORS)[C]['kind'] extends K ? C : never
}[ErrorCode]

/** Names and numbers that say what an error is about; never key bytes, tokens or whole PEM. */
export type ErrorDetails = Readonly<Record<string, string | number | readonly string[]>>

/** Options of every error. */
export interface KpkiErrorOptions {
  /** What the error is about. Default: nothing. */
  readonly details?: ErrorDetails
  /** What to do next, one sentence. Default: none. */
  readonly hint?: string
  /** The foreign error behind it. Default: none. */
  readonly cause?: unknown
}

/** Base of all errors that kpki throws; read `code` and `details`, never the message. */
export class KpkiError<C extends ErrorCode = ErrorCode> extends Error {
  /** Stable code, a key of {@link ERRORS}. */
  readonly code: C
  /** What the error is about. */
  readonly details: ErrorDetails
  /** What to do next, where kpki knows. */
  readonly hint: string | undefined

  constructor(code: C, message: string, options: KpkiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.details = options.details ?? {}
    this.hint = options.hint
  }
}
/** The description or the command line is wrong: change what was asked. */
export class UsageError extends KpkiError<CodeOf<'usage'>> {}
/** Some input is not what it claims to be: look at the file. */
export class EncodingError extends KpkiError<CodeOf<'encoding'>> {}
/** What was asked would break a rule of X.509 or Kubernetes: ask for something else. */
export class PolicyError extends KpkiError<CodeOf<'policy'>> {}
/** Something may not be trusted. */
export class VerifyError extends KpkiError<CodeOf<'verify'>> {}
/** Files, directories, disks: look at the place. */
export class StoreError extends KpkiError<CodeOf<'store'>> {}
/** The API server was asked and said no; `details` has `status`, and `reason` of its Status object. */
export class ApiError extends KpkiError<CodeOf<'api'>> {}
/** The server could not be asked, or is not the one it should be: look at the way to it. */
export class NetworkError extends KpkiError<CodeOf<'network'>> {}
/** The run as a whole did not finish. */
export class WorkflowError extends KpkiError<CodeOf<'workflow'>> {}
