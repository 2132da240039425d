// Issues leaves and prints milliseconds: node leaves.mjs URL-OF-KPKI URL-OF-KPKI-NODE COUNT WARM-UPS
const [pure = '', node = '', count, warmUps] = process.argv.slice(2)
const { formatCertificate, formatPrivateKey, generateKey, issueCertificate } = (await import(
  pure
)) as typeof import('../../../lib/index.js')
const { createNodeContext } = (await import(node)) as typeof import('../../../lib/node.js')

const context = createNodeContext()
const notBefore = new Date('2026-01-01T00:00:00Z')
const notAfter = new Date('2027-01-01T00:00:00Z')
const caKey = await generateKey('ECDSA-P256', context)
const ca = await issueCertificate(
  {
    commonName: 'kubernetes',
    spki: caKey.spki,
    isCa: true,
    keyUsages: ['digitalSignature', 'keyCertSign'],
    notBefore,
    notAfter,
  },
  { key: caKey },
  context,
)

async function issue(index: number): Promise<string> {
  const key = await generateKey('ECDSA-P256', context)
  const certificate = await issueCertificate(
    {
      commonName: `system:node:node-${index}`,
      organizations: ['system:nodes'],
      spki: key.spki,
      isCa: false,
      keyUsages: ['digitalSignature'],
      extKeyUsages: ['clientAuth'],
      notBefore,
      notAfter,
    },
    { certificate: ca, key: caKey },
    context,
  )
  return formatCertificate(certificate) + formatPrivateKey(key)
}

for (let index = 0; index < Number(warmUps); index++) await issue(index)
const begun = performance.now()
for (let index = 0; index < Number(count); index++) await issue(index)
process.stdout.write(String(performance.now() - begun))
