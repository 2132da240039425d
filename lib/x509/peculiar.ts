// The one border to @peculiar/x509, which encodes and signs what we issue. Loading it takes longer than anything else here,
// so that only what issues loads it, when it does. Its dependency injection reads decorator metadata when it loads, so the
// polyfill has to be there first; nothing else in kpki uses it.
import 'reflect-metadata'

export { Extension, Name, X509CertificateGenerator } from '@peculiar/x509'
