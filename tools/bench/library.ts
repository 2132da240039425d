/** Lines for the library within one process. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compile, execute, find, goFolders, onOneCore, processes, selfTimed } from './run.js'
import { treeOf } from './start.js'
import type { Line, Place, Side } from './types.js'

const WARM_UPS = 200
const ONE_CORE = { UV_THREADPOOL_SIZE: '1' }
/** Start-up is part of it, so that fewer say enough. */
const BY_PROCESS = 25

const door = (name: string) => new URL(`../../dist/lib/${name}.js`, import.meta.url).href

/** A process that issues leaves with kpki. */
function leaves({ dir }: Place, count: number, warmUps: number): readonly string[] {
  const file = compile(dir, 'leaves')
  return [...onOneCore(), process.execPath, file, door('index'), door('node'), String(count), String(warmUps)]
}

/** Where Go is; Debian's versioned packages put it on nobody's PATH. */
export const findGo = () => find('go', goFolders())

async function againstGo(place: Place) {
  const go = findGo()
  if (!go) return 'go is not installed'
  const { dir, count } = place
  const program = join(dir, 'leaves-go')
  const source = fileURLToPath(new URL('workloads/leaves.go', import.meta.url))
  execute(dir, [go, 'build', '-o', program, source], { GOCACHE: join(dir, 'gocache'), GOFLAGS: '', GO111MODULE: 'off' })
  const warmUps = Math.min(count, WARM_UPS)
  return {
    a: selfTimed(dir, leaves(place, count, warmUps), ONE_CORE),
    b: selfTimed(dir, [...onOneCore(), program, String(count), String(warmUps)], { GOMAXPROCS: '1' }),
  }
}

/** Both issue as many leaves; the programs need a process or two for each. */
function byProcess(place: Place, commands: (fresh: string) => readonly (readonly string[])[]) {
  const count = Math.min(place.count, BY_PROCESS)
  const repeat = (fresh: string) => Array.from({ length: count }, () => commands(fresh)).flat()
  return {
    a: processes(place.dir, () => [leaves(place, count, 0)], ONE_CORE),
    b: processes(place.dir, fresh => repeat(fresh).map(command => [...onOneCore(), ...command])),
  }
}

async function againstOpenssl(place: Place) {
  const openssl = find('openssl')
  if (!openssl) return 'openssl is not on PATH'
  const ca = join(place.dir, 'openssl-ca')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execute(place.dir, [
    ...[openssl, 'req', '-x509', ...newKey, '-subj', '/CN=kubernetes', '-days', '3650'],
    ...['-keyout', `${ca}.key`, '-out', `${ca}.crt`],
  ])
  const extensions = join(place.dir, 'leaf.cnf')
  writeFileSync(
    extensions,
    'keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\nbasicConstraints=critical,CA:FALSE\n',
  )
  const subject = '/O=system:nodes/CN=system:node:node-1'
  return byProcess(place, fresh => [
    [openssl, 'req', '-new', ...newKey, '-subj', subject, '-keyout', `${fresh}/leaf.key`, '-out', `${fresh}/leaf.csr`],
    [
      ...[openssl, 'x509', '-req', '-in', `${fresh}/leaf.csr`, '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`],
      ...['-days', '365', '-extfile', extensions, '-out', `${fresh}/leaf.crt`],
    ],
  ])
}

async function againstCfssl(place: Place) {
  const cfssl = find('cfssl')
  if (!cfssl) return 'cfssl is not on PATH'
  const { dir } = place
  const write = (name: string, value: unknown) => {
    const file = join(dir, name)
    writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
    return file
  }
  const key = { algo: 'ecdsa', size: 256 }
  const caRequest = write('cfssl-ca.json', { CN: 'kubernetes', key })
  const ca = JSON.parse(execute(dir, [cfssl, 'gencert', '-initca', caRequest])) as Record<'cert' | 'key', string>
  const [certificate, caKey] = [write('cfssl-ca.pem', ca.cert), write('cfssl-ca-key.pem', ca.key)]
  const usages = ['digital signature', 'client auth']
  const config = write('cfssl-config.json', { signing: { default: { usages, expiry: '8760h' } } })
  const request = write('cfssl-leaf.json', { CN: 'system:node:node-1', names: [{ O: 'system:nodes' }], key })
  const wishes = ['-ca', certificate, '-ca-key', caKey, '-config', config]
  return byProcess(place, () => [[cfssl, 'gencert', ...wishes, request]])
}

function parsing(place: Place, reader: string, url: string): Side {
  const warmUps = String(Math.min(place.count, WARM_UPS))
  const args = [url, treeFile(place), String(place.count), warmUps]
  return selfTimed(place.dir, [...onOneCore(), process.execPath, compile(place.dir, 'parse'), reader, ...args])
}

const treeFile = (place: Place) => join(treeOf(place).TREE, 'pki/apiserver.crt')

const ISSUING = 'issuing ECDSA-P256 client leaves with kpki, key and certificate as PEM, one after the other'
const PARSING =
  'reading the certificate of an API server with kpki: names, number, dates, alternative names, usages, key'

/** The library. */
export const LIBRARY_LINES: readonly Line[] = [
  {
    name: 'issue-go',
    part: 'library',
    a: `${ISSUING}, within a process`,
    b: "the same with Go's ecdsa.GenerateKey, x509.CreateCertificate and PEM, GOMAXPROCS=1, within a process",
    note: 'both on one core, start-up and the first leaves not counted',
    aim: 1,
    pairs: 21,
    prepare: againstGo,
  },
  {
    name: 'issue-openssl',
    part: 'library',
    a: `${ISSUING}: one whole process for ${BY_PROCESS}`,
    b: 'openssl req and openssl x509: two whole processes for each',
    note: 'starting its processes is most of what openssl is measured at here',
    pairs: 9,
    prepare: againstOpenssl,
  },
  {
    name: 'issue-cfssl',
    part: 'library',
    a: `${ISSUING}: one whole process for ${BY_PROCESS}`,
    b: 'cfssl gencert: a whole process for each',
    note: 'starting its processes is part of what cfssl is measured at here',
    pairs: 9,
    prepare: againstCfssl,
  },
  {
    name: 'parse-node',
    part: 'library',
    a: `${PARSING}, within a process`,
    b: 'the same facts from X509Certificate of node:crypto, which is OpenSSL, within a process',
    note: 'both on one core, start-up and the first readings not counted',
    pairs: 9,
    prepare: async place => ({ a: parsing(place, 'kpki', door('index')), b: parsing(place, 'node', '') }),
  },
  {
    name: 'parse-peculiar',
    part: 'library',
    a: `${PARSING}, within a process`,
    b: 'the same facts from X509Certificate of @peculiar/x509, within a process',
    note: 'both on one core, start-up and the first readings not counted',
    pairs: 9,
    prepare: async place => {
      // The package wants its polyfill of Reflect first.
      const file = join(place.dir, 'peculiar.mjs')
      const [polyfill, x509] = ['reflect-metadata', '@peculiar/x509'].map(name => import.meta.resolve(name))
      writeFileSync(file, `import ${JSON.stringify(polyfill)}\nexport * from ${JSON.stringify(x509)}\n`)
      return {
        a: parsing(place, 'kpki', door('index')),
        b: parsing(place, 'peculiar', pathToFileURL(file).href),
      }
    },
  },
]
