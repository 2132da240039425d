/** What was made: to look at, and to take along. */
import { formatPicture, formatTar, type RowResult } from 'kpki'
import { announce, byId, copyButton, element } from './dom.js'
import type { Made } from './make.js'
import { nameList } from './preview.js'
import { aboutOf, count, dayOf, fileOf, GROUPS, purposeOf, rowsOfGroup } from './words.js'

const section = byId('result', HTMLElement)

/**
 * Shows a PKI and leads the reader to it.
 *
 * @param command - the command line that makes the same
 * @param forget - called when it is to be forgotten
 */
export function showResult(made: Made, command: string, forget: () => void): void {
  const { cluster, store, warnings } = made
  const title = element('h2', { id: 'result-title', tabindex: '-1' }, `The PKI of ${cluster.nodeName}`)
  const forgetButton = element('button', { type: 'button', class: 'quiet', id: 'forget' }, 'Forget it')
  forgetButton.addEventListener('click', forget)
  section.replaceChildren(
    title,
    element(
      'p',
      { class: 'lead' },
      `${count(store.files.size, 'file')}, ${count(made.rows.length, 'private key')} (${cluster.encryptionAlgorithm}), Kubernetes ${cluster.kubernetesVersion.text}. pki/issued.jsonl says what was signed. All of it is in the memory of this page only.`,
    ),
    element('div', { class: 'actions' }, downloadButton(made), forgetButton),
    ...(warnings.length === 0
      ? []
      : [element('ul', { class: 'notice', id: 'warnings' }, ...warnings.map(text => element('li', {}, `${text}.`)))]),
    pinBlock(made),
    picture(made),
    ...GROUPS.flatMap(([issuer, name]) => {
      const rows = rowsOfGroup(made.rows, issuer)
      return rows.length === 0 ? [] : [group(name, rows)]
    }),
    nextSteps(made, command),
  )
  section.hidden = false
  title.focus()
}

/** Takes everything off the page again. */
export function clearResult(): void {
  section.hidden = true
  section.replaceChildren()
}

const archiveName = ({ cluster }: Made): string => `kpki-${cluster.nodeName}.tar`

function downloadButton(made: Made): HTMLElement {
  const button = element('button', { type: 'button', id: 'download' }, `Download ${archiveName(made)}`)
  button.addEventListener('click', () => {
    const bytes = formatTar(made.store.files, made.moment)
    save(bytes, archiveName(made), 'application/x-tar')
    bytes.fill(0)
  })
  return button
}

/** Hands a file to the browser, as if it had come from a server. */
function save(content: string | Uint8Array<ArrayBuffer>, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  element('a', { href: url, download: name }).click()
  // The browser has begun to read it by then; what is not revoked stays in memory as long as the page.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
  announce(`${name} is handed to the browser to save`)
}

function pinBlock({ pin }: Made): HTMLElement {
  const code = element('code', { id: 'pin' }, pin)
  return element(
    'div',
    { class: 'block' },
    element('h3', {}, 'CA pin'),
    element(
      'p',
      { class: 'hint' },
      'Hosts that join recognise the cluster by it: ',
      codeOf('--discovery-token-ca-cert-hash'),
      '.',
    ),
    element('div', { class: 'copyable' }, code, copyButton(code, 'CA pin')),
  )
}

/** An image rather than a part of the page: whatever stands in it, nothing of it runs or asks for anything. */
function picture({ cluster, inspection }: Made): HTMLElement {
  const title = `The PKI of ${cluster.nodeName}`
  const svg = formatPicture(inspection, { format: 'svg', title })
  const alt = 'Issuers as a tree, and the lifetime of every certificate on a time line. The list below says the same.'
  const button = element('button', { type: 'button', id: 'save-picture', class: 'quiet small' }, 'Save it as a page')
  button.addEventListener('click', () => {
    save(formatPicture(inspection, { format: 'html', title }), `kpki-${cluster.nodeName}.html`, 'text/html')
  })
  return element(
    'section',
    { class: 'block', 'aria-labelledby': 'picture-title' },
    element('h3', { id: 'picture-title' }, 'Who signs whom, and for how long'),
    element(
      'div',
      { class: 'scroll', tabindex: '0', role: 'group', 'aria-labelledby': 'picture-title' },
      element('img', { id: 'picture', alt, src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}` }),
    ),
    element('p', { class: 'hint' }, 'No secret is in the picture: it can be printed and passed on. ', button),
  )
}

function group(name: string, rows: readonly RowResult[]): HTMLElement {
  return element(
    'section',
    { class: 'group' },
    element('h3', {}, name),
    element('ul', { class: 'rows' }, ...rows.map(row => element('li', {}, ...card(row)))),
  )
}

function card({ id, certificate, wanted, server, written }: RowResult): readonly Node[] {
  const { commonName, organizations } = certificate?.subject ?? {}
  const facts: (Node | string)[][] = []
  if (commonName !== undefined) facts.push(['CN ', codeOf(commonName)])
  for (const name of organizations ?? []) facts.push(['O ', codeOf(name)])
  if (wanted) facts.push([purposeOf(wanted)])
  if (server !== undefined) facts.push(['to ', codeOf(server)])
  const others = written.filter(path => path !== fileOf(id))
  if (others.length > 0) facts.push(['with ', codeOf(others.join(', '))])
  const names = wanted?.profile.isCa ? [] : [...(certificate?.dnsNames ?? []), ...(certificate?.ipAddresses ?? [])]
  return [
    element('div', {}, codeOf(fileOf(id), 'file'), element('p', { class: 'hint' }, aboutOf(id))),
    element(
      'div',
      { class: 'said' },
      element('ul', { class: 'facts' }, ...facts.map(fact => element('li', {}, ...fact))),
      ...(names.length > 0 ? [nameList(names)] : []),
    ),
    ...(certificate ? [untilOf(certificate.notAfter)] : []),
  ]
}

function untilOf(moment: Date): HTMLElement {
  const time = element('time', { datetime: moment.toISOString(), title: moment.toISOString() }, dayOf(moment))
  return element('p', { class: 'until' }, 'until ', time)
}

function nextSteps(made: Made, command: string): HTMLElement {
  const unpack = element(
    'code',
    {},
    `sudo mkdir -p /etc/kubernetes && sudo tar -xpf ${archiveName(made)} -C /etc/kubernetes`,
  )
  const same = element('code', { id: 'command' }, command)
  return element(
    'section',
    { class: 'block' },
    element('h3', {}, 'On the host'),
    element(
      'p',
      {},
      'The directory is that of kubeadm, and must hold no other PKI. Modes are in the archive: keys and kubeconfigs are readable for root alone.',
    ),
    element('div', { class: 'copyable' }, unpack, copyButton(unpack, 'command')),
    element(
      'p',
      {},
      'Then ',
      codeOf('kubeadm init'),
      ', with the same description, uses what is there. Delete the archive on every machine that it passed.',
    ),
    element('h3', {}, 'The same without a browser'),
    element('p', {}, 'Other keys, of course, which then never leave the host:'),
    element('div', { class: 'copyable' }, same, copyButton(same, 'command')),
  )
}

const codeOf = (text: string, kind?: string): HTMLElement =>
  element('code', kind === undefined ? {} : { class: kind }, text)
