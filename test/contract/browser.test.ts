import { webcrypto, X509Certificate } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { createContext as createVmContext, Script } from 'node:vm'
import { build } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

// The library as a web page would load it: one bundle, nothing but the platform's WebCrypto.
const entry = fileURLToPath(new URL('../../lib/index.ts', import.meta.url))
const { outputFiles, metafile } = await build({
  entryPoints: [entry],
  bundle: true,
  platform: 'browser',
  format: 'iife',
  globalName: 'kpki',
  target: 'es2022',
  write: false,
  metafile: true,
  logLevel: 'silent',
})
const [bundle] = outputFiles
const text = bundle?.text ?? ''

test('the bundle holds no Node module and asks for none', () => {
  const inputs = Object.keys(metafile.inputs)
  assert.ok(inputs.length > 20)
  assert.equal(
    inputs.filter(path => /^node:|lib\/(host|cli)\/|@peculiar\/webcrypto|yargs/.test(path)),
    [],
  )
  const imports = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path))
  assert.equal(
    imports.filter(path => /^node:/.test(path)),
    [],
  )
  assert.not.match(text, /["']node:/)
  assert.not.match(text, /\brequire\(["']/)
})

/** Globals that every browser has, and no others. */
const page = (): Record<string, unknown> => {
  const globals: Record<string, unknown> = {
    crypto: webcrypto,
    TextEncoder,
    TextDecoder,
    atob,
    btoa,
    URL,
    structuredClone,
    performance,
    setTimeout,
    queueMicrotask,
    // Byte arrays of the page and of its WebCrypto have to be of one kind, as they are in a browser.
    Uint8Array,
    ArrayBuffer,
    DataView,
  }
  globals['globalThis'] = globals
  return globals
}

test('a whole tree is made in a page, and Node verifies it', async () => {
  const context = createVmContext(page())
  new Script(text).runInContext(context)
  const program = new Script(`(async () => {
    const missing = ['process', 'Buffer', 'require', 'module', 'global'].filter(name => name in globalThis)
    const context = kpki.createContext({ clock: () => new Date('2026-06-01T12:00:00Z') })
    const cluster = kpki.parseCluster({ nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' }, context)
    const store = new kpki.MemoryStore()
    const rows = kpki.rowsOf(cluster, 'init')
    await kpki.generateTree(rows, cluster, store, context)
    const again = await kpki.generateTree(rows, cluster, store, context)
    const files = [...store.files].map(([path, { bytes }]) => [path, new TextDecoder().decode(bytes)])
    const [ca] = kpki.parseCertificates(new TextDecoder().decode(store.files.get('pki/ca.crt').bytes))
    return JSON.stringify({ missing, files, actions: again.rows.map(({ action }) => action), pin: await kpki.caPin(ca, context) })
  })()`)
  const { missing, files, actions, pin } = JSON.parse(String(await program.runInContext(context)))
  assert.equal(missing, [])
  const tree = new Map<string, string>(files)
  assert.is(tree.size, 28)
  assert.equal(new Set(actions), new Set(['reuse']))
  const ca = new X509Certificate(tree.get('pki/ca.crt') ?? '')
  const apiserver = new X509Certificate(tree.get('pki/apiserver.crt') ?? '')
  assert.ok(apiserver.verify(ca.publicKey))
  assert.ok(apiserver.checkIP('10.96.0.1'))
  assert.match(pin, /^sha256:[0-9a-f]{64}$/)
})

test('RSA keys, read and written in a page', async () => {
  const context = createVmContext(page())
  new Script(text).runInContext(context)
  const { readFileSync } = await import('node:fs')
  const pem = readFileSync(new URL('../vectors/keys/rsa-2048.pkcs1.pem', import.meta.url), 'utf8')
  const program = new Script(
    `kpki.parsePrivateKey(${JSON.stringify(pem)}, kpki.createContext()).then(kpki.formatPrivateKey)`,
  )
  assert.is(await program.runInContext(context), pem)
})

test.run()
