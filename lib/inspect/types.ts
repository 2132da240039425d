import type { Severity } from '../audit/rule.js'
import type { RuleId } from '../audit/rules.js'
import type { KeyType } from '../crypto/keys.js'
import type { ErrorCode } from '../errors.js'
import type { FileProblem } from '../tree/store.js'
import type { Certificate } from '../x509/certificate.js'
import type { CertificateRequest } from '../x509/request.js'

/** Why bytes could not be had. */
export type InputProblem = FileProblem

/** A file, or what stands for one, as it was found. */
export interface InspectInput {
  /** How people find it, e.g. `pki/ca.crt` or `standard input`. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Permission bits, where they are known. */
  readonly mode?: number
  /** Why its bytes could not be had, as the end of a sentence; it is then remarked on, and `bytes` are not looked at. */
  readonly problem?: string
  /** What kind of problem it is, which decides the advice. Default: `other` */
  readonly problemKind?: InputProblem
  /**
   * What somebody has named to have this looked at: the file itself, or a directory above it. That nothing of it can be checked
   * is then a finding. Default: nobody named it
   */
  readonly named?: string
}

/** A certificate, once, however many files hold it. */
export interface InspectedCertificate {
  readonly certificate: Certificate
  /** Where it stands: files, places inside of them; at least one. */
  readonly places: readonly Place[]
  /** Index of the certificate that signed it, verified, among those inspected; its own for a self-signed one. */
  readonly issuer: number | undefined
  /**
   * Index of the certificate that is its issuer by name and key identifier, where its signature is of a kind that cannot be
   * checked here (e.g. Ed25519 on a platform without it); its own for a self-issued one.
   */
  readonly uncheckedIssuer: number | undefined
  /** Where its private key stands. */
  readonly keyPlaces: readonly Place[]
  /** SHA-256 of the whole certificate, 64 lower-case hex digits. */
  readonly fingerprint: string
  /** SHA-256 of its public key as in a CA pin: `sha256:` and 64 lower-case hex digits. */
  readonly publicKeyHash: string
}

/** Where something stands. */
export interface Place {
  /** Name of the {@link InspectInput}. */
  readonly file: string
  /** The part of the file, e.g. `2nd certificate`, `clusters[prod].certificate-authority-data`, `data[tls.crt]`. */
  readonly part: string | undefined
}

/** A private or public key; public facts only. */
export interface InspectedKey {
  readonly kind: 'private' | 'public'
  /** `undefined` for a private key that is encrypted. */
  readonly type: KeyType | undefined
  readonly isEncrypted: boolean
  readonly places: readonly Place[]
  /** Indexes of the certificates that it belongs to. */
  readonly certificates: readonly number[]
  /** SHA-256 of the public half, as a CA pin is written; `undefined` where that is not known: encrypted, or of an unusual type. */
  readonly publicKeyHash: string | undefined
}

/** A request to have a certificate signed. */
export interface InspectedRequest {
  readonly request: CertificateRequest
  readonly places: readonly Place[]
  /** Whether it is signed with its own key. */
  readonly isSignatureValid: boolean
  readonly keyPlaces: readonly Place[]
  /** Indexes of the certificates that have its key: what was made of it. */
  readonly certificates: readonly number[]
  /** SHA-256 of its public key, as a CA pin is written. */
  readonly publicKeyHash: string
}

/** A kubeconfig with all its clusters, users and contexts. */
export interface InspectedKubeconfig {
  readonly place: Place
  readonly currentContext: string | undefined
  readonly contexts: readonly {
    readonly name: string
    readonly cluster: string
    readonly user: string
    readonly namespace: string | undefined
  }[]
  readonly clusters: readonly {
    readonly name: string
    /** Without user name, password, query and fragment: `***` stands in their place. */
    readonly server: string
    /** Indexes of certificates. */
    readonly caCertificates: readonly number[]
    readonly caFile: string | undefined
    /** Server certificates are not verified. */
    readonly isInsecure: boolean
  }[]
  readonly users: readonly {
    readonly name: string
    /** Index of the client certificate. */
    readonly certificate: number | undefined
    readonly certificateFile: string | undefined
    readonly keyFile: string | undefined
    /** How it authenticates, names only: `certificate`, `token`, `exec`, `basic`, … */
    readonly methods: readonly string[]
  }[]
}

/** A Secret or ConfigMap of a manifest; values that are no certificates or keys are named and never shown. */
export interface InspectedManifest {
  readonly kind: 'Secret' | 'ConfigMap'
  readonly place: Place
  readonly namespace: string | undefined
  readonly name: string
  /** The Secret's type, e.g. `kubernetes.io/tls`. */
  readonly type: string | undefined
  /** Names of all entries. */
  readonly entries: readonly string[]
}

/** A PEM block of a kind that is not read, e.g. `X509 CRL`. */
export interface InspectedBlock {
  readonly label: string
  readonly place: Place
}

/** Something that does not fit, or could not be read. */
export interface InspectRemark {
  readonly code: RuleId
  readonly severity: Severity
  readonly place: Place
  /** One sentence without the place, lower case, no final period. */
  readonly message: string
  /** What to do, one sentence. */
  readonly hint?: string
  /** What reading failed with, beside the code `unreadable`. */
  readonly error?: ErrorCode
}

/** What a set of files holds, and how it hangs together. */
export interface Inspection {
  /** The moment that lifetimes are measured at. */
  readonly now: Date
  readonly certificates: readonly InspectedCertificate[]
  readonly keys: readonly InspectedKey[]
  readonly requests: readonly InspectedRequest[]
  readonly kubeconfigs: readonly InspectedKubeconfig[]
  readonly manifests: readonly InspectedManifest[]
  /** PEM blocks of other kinds. */
  readonly blocks: readonly InspectedBlock[]
  readonly remarks: readonly InspectRemark[]
  /** Names of inputs that hold nothing of the kind. */
  readonly others: readonly string[]
}
