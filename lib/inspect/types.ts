import type { FindingCode } from '../audit/findings.js'
import type { KeyType } from '../crypto/keys.js'
import type { Certificate } from '../x509/certificate.js'
import type { CertificateRequest } from '../x509/request.js'

/** A file, or what stands for one, as it was found. */
export interface InspectInput {
  /** How people find it, e.g. `pki/ca.crt` or `standard input`. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Permission bits, where they are known. */
  readonly mode?: number
}

/** A certificate, once, however many files hold it. */
export interface InspectedCertificate {
  readonly certificate: Certificate
  /** Where it stands: files, places inside of them; at least one. */
  readonly places: readonly Place[]
  /** Index of the certificate that signed it, verified, among those inspected; its own for a self-signed one. */
  readonly issuer: number | undefined
  /** Where its private key stands. */
  readonly keyPlaces: readonly Place[]
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
}

/** A request to have a certificate signed. */
export interface InspectedRequest {
  readonly request: CertificateRequest
  readonly places: readonly Place[]
  /** Whether it is signed with its own key. */
  readonly isSignatureValid: boolean
  readonly keyPlaces: readonly Place[]
}

/** A kubeconfig with all its clusters, users and contexts. */
export interface InspectedKubeconfig {
  readonly place: Place
  readonly currentContext: string | undefined
  readonly contexts: readonly { readonly name: string; readonly cluster: string; readonly user: string }[]
  readonly clusters: readonly {
    readonly name: string
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

/** Something that does not fit, or could not be read. */
export interface InspectRemark {
  readonly code: FindingCode
  readonly severity: 'error' | 'warning'
  readonly place: Place
  /** One sentence without the place, lower case, no final period. */
  readonly message: string
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
  readonly remarks: readonly InspectRemark[]
  /** Names of inputs that hold nothing of the kind. */
  readonly others: readonly string[]
}
