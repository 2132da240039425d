import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a run of openssl said. */
export interface Said {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs openssl; a refusal is an answer, not an error. */
export function openssl(...args: readonly string[]): Promise<Said> {
  return new Promise(resolve => {
    const options = { timeout: 20_000, maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: 'C' } }
    execFile('openssl', [...args], options, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr })
    })
  })
}

/** A directory of one's own, gone at the end of the process. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kpki-second-opinion-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Bytes of the certificates in a PEM text. */
export function derOf(pem: string): Buffer {
  const blocks = [...pem.matchAll(/-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n/g)]
  return Buffer.concat(blocks.map(([, base64]) => Buffer.from(base64 ?? '', 'base64')))
}

/**
 * The ASN.1 of concatenated DER values as openssl reads it, one list of lines per value: depth, type and, of what can be
 * printed, the value, e.g. `5 PRINTABLESTRING kube-apiserver`.
 */
export async function asn1Of(file: string): Promise<readonly (readonly string[])[]> {
  const { status, stdout, stderr } = await openssl('asn1parse', '-inform', 'DER', '-in', file)
  if (status !== 0) throw new Error(stderr)
  const values: string[][] = []
  for (const line of stdout.split('\n').filter(Boolean)) {
    const [, depth, type = '', value = ''] = /^ *[0-9]+:d=([0-9]+) .*(?:prim|cons): (.{1,18})(.*)$/.exec(line) ?? []
    if (depth === undefined) throw new Error(`openssl asn1parse said: ${line}`)
    if (depth === '0') values.push([])
    values.at(-1)?.push(`${depth} ${type.trim()} ${value.replace(/^(\[HEX DUMP\])?:/, '')}`.trim())
  }
  return values
}

/** One certificate as `openssl storeutl -text` shows it. */
export interface Shown {
  /** e.g. `DNS:cp-1, DNS:localhost, IP Address:10.0.0.10`; empty without the extension. */
  readonly names: string
  readonly text: string
}

/** All certificates of a PEM file, in order. */
export async function shownOf(file: string): Promise<readonly Shown[]> {
  const { status, stdout, stderr } = await openssl('storeutl', '-noout', '-certs', '-text', file)
  if (status !== 0) throw new Error(stderr)
  return stdout
    .split(/^[0-9]+: Certificate$/m)
    .slice(1)
    .map(text => ({ text, names: /X509v3 Subject Alternative Name: *\n *(.*)\n/.exec(text)?.[1] ?? '' }))
}
