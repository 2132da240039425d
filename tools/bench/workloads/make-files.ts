// Makes a directory of certificates and kubeconfigs, of which every fourth is one: node make-files.mjs URL-OF-KPKI URL-OF-KPKI-NODE DIR COUNT
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [pure = '', node = '', dir = '', count] = process.argv.slice(2)
const { formatCertificate, formatKubeconfig, generateKey, issueCertificate } = (await import(
  pure
)) as typeof import('../../../lib/index.js')
const { createNodeContext } = (await import(node)) as typeof import('../../../lib/node.js')

const context = createNodeContext()
const notBefore = new Date()
const inYears = (years: number) => new Date(+notBefore + years * 365 * 86_400_000)
const newKey = () => generateKey('RSA-2048', context)
// Keys are what takes long to make and says nothing here.
const [caKey, key] = [await newKey(), await newKey()]
const ca = await issueCertificate(
  {
    commonName: 'kubernetes',
    spki: caKey.spki,
    isCa: true,
    keyUsages: ['digitalSignature', 'keyCertSign'],
    notBefore,
    notAfter: inYears(10),
  },
  { key: caKey },
  context,
)
mkdirSync(dir)
writeFileSync(join(dir, 'ca.crt'), formatCertificate(ca))
for (let index = 1; index < Number(count); index++) {
  const name = `node-${index}`
  const certificate = await issueCertificate(
    {
      commonName: `system:node:${name}`,
      organizations: ['system:nodes'],
      spki: key.spki,
      isCa: false,
      keyUsages: ['digitalSignature'],
      extKeyUsages: ['clientAuth'],
      notBefore,
      notAfter: inYears(1),
    },
    { certificate: ca, key: caKey },
    context,
  )
  const file = join(dir, name)
  if (index % 4 > 0) writeFileSync(`${file}.crt`, formatCertificate(certificate))
  else {
    const server = 'https://10.0.0.10:6443'
    const spec = { clusterName: 'kubernetes', userName: name, server, caCertificates: [ca], certificate, key }
    writeFileSync(`${file}.kubeconfig`, formatKubeconfig(spec), { mode: 0o600 })
  }
}
