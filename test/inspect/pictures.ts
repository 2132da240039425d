/** Inspections worth a picture: real ones, and one of hostile facts that no parser need let through. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { inspectFiles } from '../../lib/inspect/inspect.js'
import type { InspectedCertificate, InspectInput, Inspection } from '../../lib/inspect/types.js'
import { wellTree } from '../audit/tree.js'
import { NOW, testContext } from '../support/context.js'

const at = (now: string) => testContext({ clock: () => new Date(now) })
const store = wellTree()

/** The files of a tree as kpki makes it. */
export const treeFiles: readonly InspectInput[] = [...store.files].map(([name, { bytes, mode }]) => ({
  name,
  bytes,
  mode,
}))

const ROOTS = '/etc/ssl/certs/ca-certificates.crt'

function vectorFiles(directory: string): InspectInput[] {
  const url = new URL(`../vectors/${directory}/`, import.meta.url)
  return readdirSync(url, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`)
    .sort()
    .map(path => ({ name: path.slice(path.indexOf(directory) + directory.length + 1), bytes: readFileSync(path) }))
}

/** The tree without a CA, with a key of another certificate and a kubeconfig that ends in the middle. */
function brokenFiles(): InspectInput[] {
  const caKey = treeFiles.find(({ name }) => name === 'pki/ca.key')?.bytes
  return treeFiles
    .filter(({ name }) => name !== 'pki/etcd/ca.crt')
    .map(file => {
      if (file.name === 'pki/apiserver.key' && caKey) return { ...file, bytes: caKey }
      return file.name === 'scheduler.conf' ? { ...file, bytes: file.bytes.slice(0, 700) } : file
    })
}

/** What breaks markup, lines, directions, and layouts. */
export const NASTY: readonly string[] = [
  `"><script>alert(1)</script><img src=x onerror=alert(1)>`,
  `' onload='alert(1)`,
  ']]></title></style></svg><!--',
  '&lt;b&gt; &amp;amp; &#60;script&#62;',
  'javascript:alert(1)//https://evil.example/x.png',
  'url(https://evil.example/x)',
  '\u0000\u0007\u001b[31mred\u001b[0m\r\nnext\u0085line\u2028and\u2029more',
  'safe\u202Egnp.exe\u2066\u2069\u200F\u200B\uFEFF',
  '\uD800 alone \uDFFF and \uFFFF',
  `Z${'\u0301\u0489'.repeat(200)}algo`,
  'Ω漢字かな עברית عربى \u{1F469}\u200D\u{1F4BB} \uFDFD \u{1242B}',
  'W'.repeat(300),
  'word '.repeat(300),
  `${'x'.repeat(100_000)}end`,
  'long/'.repeat(60),
  '',
]

export const fresh = await inspectFiles(treeFiles, at(NOW.toISOString()))

/** By name; `roots` is there only where the system has a bundle of roots. */
export const INSPECTIONS: Readonly<Record<string, Inspection>> = {
  fresh,
  soon: await inspectFiles(treeFiles, at('2027-05-12T08:00:00Z')),
  expired: await inspectFiles(treeFiles, at('2029-02-01T08:00:00Z')),
  future: await inspectFiles(treeFiles, at('2026-05-01T08:00:00Z')),
  broken: await inspectFiles(brokenFiles(), at(NOW.toISOString())),
  kubeadm: await inspectFiles(vectorFiles('kubeadm/v1.20.2'), at('2027-03-01T12:00:00Z')),
  odd: await inspectFiles(vectorFiles('x509'), at(NOW.toISOString())),
  empty: await inspectFiles([], at(NOW.toISOString())),
  ...(existsSync(ROOTS)
    ? { roots: await inspectFiles([{ name: ROOTS, bytes: readFileSync(ROOTS) }], at(NOW.toISOString())) }
    : {}),
  hostile: hostileInspection(text => text),
}

/** The fresh tree with other people's texts changed, certificate by certificate. */
export function hostileInspection(
  change: (text: string, index: number) => string,
  nasty: readonly string[] = NASTY,
): Inspection {
  const text = (index: number) => change(nasty[index % nasty.length] ?? '', index)
  const place = (index: number) => ({ file: text(index), part: index % 2 === 0 ? text(index + 1) : undefined })
  const [ca] = fresh.certificates
  if (!ca) throw new Error('the tree has no certificate')
  const certificates = nasty.map((_, index): InspectedCertificate => {
    const base = fresh.certificates[index % fresh.certificates.length] ?? ca
    const name = { ...base.certificate.subject, commonName: text(index), text: text(index + 1) }
    return {
      ...base,
      certificate: {
        ...base.certificate,
        subject: { ...name, organizations: [text(index + 2), text(index + 3), text(index + 4)] },
        issuer: { ...name, commonName: text(index + 5), text: `${index}${text(index + 5)}` },
        serialNumber: text(index + 6),
        dnsNames: Array.from({ length: index === 0 ? 10_000 : 5 }, (_, n) => text(index + n)),
        ipAddresses: [text(index + 7)],
        publicKey: { kind: 'other', oid: text(index), name: text(index) },
        isCa: index % 3 === 0,
      },
      places: [place(index), place(index + 1), place(index + 2)],
      keyPlaces: index % 2 === 0 ? [place(index + 3)] : [],
      issuer: index % 4 === 0 ? undefined : index - 1,
      uncheckedIssuer: undefined,
      fingerprint: text(index),
    }
  })
  return {
    ...fresh,
    certificates,
    keys: nasty.map((_, index) => ({
      kind: 'private',
      type: { kind: 'other', oid: '', name: text(index) },
      isEncrypted: true,
      places: [place(index)],
      certificates: [],
      publicKeyHash: undefined,
    })),
    requests: nasty.map((_, index) => ({
      request: {
        ...(certificates[index] ?? ca).certificate,
        otherNames: [text(index)],
      },
      places: [place(index)],
      isSignatureValid: false,
      keyPlaces: [],
      certificates: [],
      publicKeyHash: '',
    })),
    kubeconfigs: nasty.map((_, index) => ({
      place: place(index),
      currentContext: text(index),
      contexts: [{ name: text(index), cluster: text(index), user: text(index), namespace: text(index) }],
      clusters: [
        {
          name: text(index),
          server: text(index + 1),
          caCertificates: [index, 99],
          caFile: text(index),
          isInsecure: false,
        },
        { name: `free ${index}`, server: text(index), caCertificates: [], caFile: text(index), isInsecure: true },
      ],
      users: [
        {
          name: text(index),
          certificate: index,
          certificateFile: text(index),
          keyFile: text(index),
          methods: [text(index)],
        },
      ],
    })),
    manifests: nasty.map((_, index) => ({
      kind: 'Secret',
      place: place(index),
      namespace: text(index),
      name: text(index + 1),
      type: text(index + 2),
      entries: Array.from({ length: 20 }, (_, n) => text(index + n)),
    })),
    blocks: nasty.map((_, index) => ({ label: text(index), place: place(index) })),
    remarks: nasty.map((_, index) => ({
      code: 'expired',
      severity: index % 2 === 0 ? 'warning' : 'error',
      place: place(index),
      message: text(index),
      hint: text(index + 1),
    })),
    others: nasty.map((_, index) => text(index)),
  }
}
