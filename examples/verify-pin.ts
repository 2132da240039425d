// Before joining: is this CA the one that the pin on the join command line was made of?
import { readFile } from 'node:fs/promises'
import { caPin, createContext, generateKey, issueCertificate, parseCertificates, VerifyError, verifyCaPin } from 'kpki'

const context = createContext()
const [file, ...pins] = process.argv.slice(2)

if (file === undefined) {
  // Without arguments: a CA of its own, and a pin with one digit changed.
  const key = await generateKey('ECDSA-P256', context)
  const ca = await issueCertificate(
    {
      commonName: 'kubernetes',
      spki: key.spki,
      isCa: true,
      keyUsages: ['digitalSignature', 'keyCertSign'],
      notBefore: context.clock(),
      notAfter: new Date(context.clock().getTime() + 3600_000),
    },
    { key },
    context,
  )
  const pin = await caPin(ca, context)
  await verifyCaPin([pin], [ca], context)
  process.stdout.write(`${pin} matches\n`)
  const wrong = pin.replace(/.$/, digit => (digit === '0' ? '1' : '0'))
  try {
    await verifyCaPin([wrong], [ca], context)
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error
    process.stdout.write(`${wrong} is refused: ${error.code}\n`)
  }
} else {
  const match = await verifyCaPin(pins, parseCertificates(await readFile(file, 'utf8'), file), context)
  process.stdout.write(`the pin matches ${match.subject.text}\n`)
}
