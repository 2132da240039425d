// The one border to @peculiar/x509, which reads the extensions that Kubernetes has no use for. It takes longer to load than
// Node to start, so that it is loaded where somebody looks at such a certificate. Its dependency injection reads decorator
// metadata when it loads, so the polyfill has to be there first; nothing else in kpki uses it.
import 'reflect-metadata'
import { Extension, ExtensionFactory } from '@peculiar/x509'
import { toBytes } from '../crypto/bytes.js'

/** Text of one extension, e.g. `Certificate Policies: Policy: 1.3.6.1.4.1.8024.0.3`; of one that is not known its octets in hex. */
export function describeExtension(der: Uint8Array): string {
  const generic = new Extension(toBytes(der))
  // Its factory throws on what is malformed, and it may quote it.
  try {
    return ExtensionFactory.create(toBytes(der)).toString('text')
  } catch {
    return generic.toString('text')
  }
}
