import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCertificates } from '../../lib/x509/certificate.js'
import { describeFurtherExtensions } from '../../lib/x509/further.js'
import { vector } from '../vectors/read.js'

const further = (file: string) => describeFurtherExtensions(parseCertificates(vector(file))[0])

test('a certificate of Kubernetes has none', async () => {
  assert.equal(await further('x509/leaf.crt'), [])
  assert.equal(await further('x509/root.crt'), [])
})

// The command that made it is in test/vectors/requests/make.sh; openssl x509 -text prints the same facts.
test('policies, where the revocation list is and who answers for it, constraints, and what nobody knows', async () => {
  assert.equal(await further('requests/further.crt'), [
    { oid: '2.5.29.32', name: 'Certificate Policies', isCritical: false, text: 'Policy: 1.3.6.1.4.1.99999.1' },
    {
      oid: '2.5.29.31',
      name: 'CRL Distribution Points',
      isCritical: false,
      text: 'Distribution Point: URL: http://crl.example.org/ca.crl',
    },
    {
      oid: '1.3.6.1.5.5.7.1.1',
      name: 'Authority Info Access',
      isCritical: false,
      text: 'OCSP: http://ocsp.example.org',
    },
    { oid: '1.2.3.4', name: '1.2.3.4', isCritical: true, text: '0c 02 68 69' },
  ])
})

test.run()
