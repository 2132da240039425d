/** Lines for `kpki check` over a directory of very many files. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compile, execute, find, processes } from './run.js'
import type { Line, Place, Side } from './types.js'

/** Files for the openssl line, of which every one takes a process, and for the others. */
const [FEW, MANY, TENTH] = [500, 10_000, 1000]

const door = (name: string) => new URL(`../../dist/lib/${name}.js`, import.meta.url).href

/** A directory of certificates and kubeconfigs, made once. */
function filesOf({ dir }: Place, count: number): string {
  const files = join(dir, `files-${count}`)
  if (!existsSync(files)) {
    const made = compile(dir, 'make-files')
    execute(dir, [process.execPath, made, door('index'), door('node'), files, String(count)])
  }
  return files
}

const check = (place: Place, count: number) => [process.execPath, place.kpki, 'check', filesOf(place, count)]

/** What somebody writes who has no kpki: subject, issuer and dates of every certificate, one after the other. */
const LOOP = `
for file in "$1"/*.crt; do "$2" x509 -in "$file" -noout -subject -issuer -dates >/dev/null; done
for file in "$1"/*.kubeconfig; do
  sed -n 's/.*client-certificate-data: //p' "$file" | base64 -d | "$2" x509 -noout -subject -issuer -dates >/dev/null
done
`

async function againstOpenssl(place: Place) {
  const openssl = find('openssl')
  if (!openssl) return 'openssl is not on PATH'
  const script = join(place.dir, 'openssl-loop.sh')
  writeFileSync(script, LOOP)
  return {
    a: processes(place.dir, () => [check(place, FEW)]),
    b: processes(place.dir, () => [['sh', script, filesOf(place, FEW), openssl]]),
  }
}

async function againstNode(place: Place) {
  const reader = compile(place.dir, 'read-files')
  return {
    a: processes(place.dir, () => [check(place, MANY)]),
    b: processes(place.dir, () => [[process.execPath, reader, filesOf(place, MANY)]]),
  }
}

/** The most memory that a check takes, in MiB. */
function peakOf(place: Place, count: number): Side {
  const hook = pathToFileURL(compile(place.dir, 'peak')).href
  const file = join(place.dir, 'peak')
  return () => {
    execute(place.dir, check(place, count), { NODE_OPTIONS: `--import=${hook}`, PEAK_FILE: file })
    return Number(readFileSync(file, 'utf8')) / 1024
  }
}

const CHECKING =
  'kpki check: the whole process, every certificate linted and held against its CA, every kubeconfig read,'

/** A directory of certificates and kubeconfigs, three to one, RSA-2048. */
export const CHECK_LINES: readonly Line[] = [
  {
    name: 'check-openssl',
    part: 'check',
    a: `${CHECKING} ${FEW} files`,
    b: 'openssl x509 -noout -subject -issuer -dates in a loop of sh',
    note: 'which looks at the client certificates alone',
    items: FEW,
    aim: 1,
    pairs: 9,
    prepare: againstOpenssl,
  },
  {
    name: 'check-node',
    part: 'check',
    a: `${CHECKING} ${MANY} files`,
    b: 'parsing the client certificates with X509Certificate of node:crypto, subject, issuer and end asked for',
    note: 'which looks at nothing else',
    items: MANY,
    pairs: 9,
    prepare: againstNode,
  },
  {
    name: 'check-memory',
    part: 'check',
    a: `peak memory of kpki check over ${MANY} files`,
    b: `the same over ${TENTH}`,
    unit: 'MiB',
    limit: 1.5,
    aim: 1.25,
    pairs: 9,
    prepare: async place => ({ a: peakOf(place, MANY), b: peakOf(place, TENTH) }),
  },
]
