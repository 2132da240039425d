/** The example page in a real browser: what it makes is judged as all trees are; nothing leaves it, and nothing stays. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildPage, PAGE_FILES } from '../../examples/browser/build.js'
import { FACT_FLAGS } from '../../lib/index.js'
import { filesBelow, importsOf } from '../contract/source.js'
import { CHECKS, PAIR_CHECK } from '../second-opinion/checks.js'
import { ALGORITHMS, DESCRIPTION, MADE, VERSIONS } from '../second-opinion/facts.js'
import { openssl } from '../second-opinion/openssl.js'
import { fieldOf, fileOf, readTree } from '../second-opinion/trees.js'
import { inChromium, type WatchedPage, withPage } from '../support/chromium.js'
import { hasTool, testWith } from '../support/skip.js'
import { snapshot } from '../support/temp.js'

const page = suite('browser page')
const work = mkdtempSync(join(tmpdir(), 'kpki-page-'))
process.once('exit', () => rmSync(work, { recursive: true, force: true }))
const site = join(work, 'site')
let count = 0

const TYPES: Readonly<Record<string, string>> = { html: 'text/html', js: 'text/javascript', css: 'text/css' }

interface Visit extends WatchedPage {
  /** Of the server that the page came from. */
  readonly url: string
  /** What the server was asked for. */
  readonly asked: readonly string[]
}

let browser: Browser | undefined
let endBrowser = () => {}

/** Runs work with a page of the one browser that all tests share. */
async function withWatchedPage(options: BrowserContextOptions, work: (watched: WatchedPage) => Promise<void>) {
  browser ??= await new Promise<Browser>((ready, fail) => {
    inChromium(started => {
      ready(started)
      return new Promise<void>(end => {
        endBrowser = end
      })
    }).catch(fail)
  })
  await withPage(browser, options, work)
}
page.after(() => endBrowser())

/** Opens the page, from a server of its own, at the moment of the facts. */
async function visit(options: BrowserContextOptions, work: (visit: Visit) => Promise<void>): Promise<void> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const file = request.url === '/' ? 'index.html' : request.url?.slice(1)
    if (!PAGE_FILES.some(name => name === file)) {
      response.writeHead(404).end()
      return
    }
    response.setHeader('content-type', `${TYPES[String(file).split('.').at(-1) ?? '']}; charset=utf-8`)
    response.end(readFileSync(join(site, String(file))))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  try {
    await withWatchedPage(options, async watched => {
      await watched.page.clock.setFixedTime(MADE)
      await watched.page.goto(url)
      await work({ ...watched, url, asked })
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

/** Nothing was asked for but the page's own files, once each, and nobody complained. */
function assertQuiet({ url, asked, requests, complaints }: Visit): void {
  assert.equal(complaints, [])
  assert.equal([...asked].sort(), ['GET /', 'GET /page.js', 'GET /style.css'])
  assert.equal(requests.filter(request => !request.startsWith('data:') && !request.startsWith('blob:')).sort(), [
    url,
    `${url}page.js`,
    `${url}style.css`,
  ])
}

/** Fields of the form by name; `configuration` is what is pasted. */
type Fields = Readonly<Record<string, string>>

/** Where a field is: its id is its flag. */
const idOf = (name: string) => `#${(FACT_FLAGS as Readonly<Record<string, string>>)[name]?.slice(2) ?? name}`

async function fill(at: Page, fields: Fields): Promise<void> {
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'configuration' && !(await at.locator('#configuration').isVisible())) await at.click('#pasted summary')
    if (name === 'encryptionAlgorithm') await at.selectOption(idOf(name), value)
    else await at.fill(idOf(name), value)
  }
}

async function make(at: Page, fields: Fields): Promise<void> {
  await fill(at, fields)
  await at.click('#make')
  await at.waitForSelector('#download', { timeout: 120_000 })
}

/** Downloads the archive and unpacks it with tar. */
async function takeAlong(at: Page): Promise<{ readonly dir: string; readonly name: string }> {
  const [download] = await Promise.all([at.waitForEvent('download'), at.click('#download')])
  const dir = join(work, `tree-${count++}`)
  mkdirSync(dir)
  await download.saveAs(`${dir}.tar`)
  const { status, stderr } = spawnSync('tar', ['-xpf', `${dir}.tar`, '-C', dir], { encoding: 'utf8' })
  assert.is(`${status} ${stderr}`, '0 ')
  return { dir, name: download.suggestedFilename() }
}

const ETCD_NAMES = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
etcd:
  local:
    serverCertSANs: ${JSON.stringify(DESCRIPTION.etcdServerCertSans)}
    peerCertSANs: ${JSON.stringify(DESCRIPTION.etcdPeerCertSans)}
`

/** The description of the facts, as far as there are fields for it. */
const IN_FIELDS: Fields = {
  nodeName: DESCRIPTION.nodeName,
  advertiseAddress: DESCRIPTION.advertiseAddress,
  controlPlaneEndpoint: DESCRIPTION.controlPlaneEndpoint,
  serviceSubnet: DESCRIPTION.serviceSubnet,
  dnsDomain: DESCRIPTION.dnsDomain,
  clusterName: DESCRIPTION.clusterName,
  apiServerCertSans: DESCRIPTION.apiServerCertSans.join('\n'),
  configuration: ETCD_NAMES,
}

/** The same, all of it as kubeadm has it. */
const inYaml = (version: string, algorithm: string): string => `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: ${DESCRIPTION.advertiseAddress}}
nodeRegistration: {name: ${DESCRIPTION.nodeName}}
---
${ETCD_NAMES}apiServer: {certSANs: ${JSON.stringify(DESCRIPTION.apiServerCertSans)}}
clusterName: ${DESCRIPTION.clusterName}
controlPlaneEndpoint: ${DESCRIPTION.controlPlaneEndpoint}
encryptionAlgorithm: ${algorithm}
kubernetesVersion: ${version}
networking: {dnsDomain: ${DESCRIPTION.dnsDomain}, serviceSubnet: "${DESCRIPTION.serviceSubnet}"}
`

const NEWEST = VERSIONS.at(-1)?.version ?? ''
type Way = 'fields' | 'pasted' | 'file'
const TREES: readonly (readonly [version: string, algorithm: string, way: Way])[] = [
  ...VERSIONS.map(({ version }) => [version, 'ECDSA-P256', 'fields'] as const),
  [NEWEST, 'RSA-2048', 'fields'],
  [NEWEST, 'RSA-2048', 'pasted'],
  [NEWEST, 'ECDSA-P384', 'file'],
]

page.before(() => buildPage(site).then(() => {}))

for (const [version, algorithm, way] of TREES) {
  testWith('chromium', page, `${version}, ${algorithm}, from ${way}: the archive holds what gen all makes`, () =>
    visit({}, async visited => {
      const { page: at } = visited
      const yaml = inYaml(version, algorithm)
      if (way === 'fields') {
        await make(at, { ...IN_FIELDS, kubernetesVersion: version, encryptionAlgorithm: algorithm })
      } else if (way === 'pasted') {
        await make(at, { configuration: yaml })
      } else {
        writeFileSync(join(work, 'kubeadm.yaml'), yaml)
        await at.setInputFiles('#open', join(work, 'kubeadm.yaml'))
        await make(at, {})
      }
      const { dir, name } = await takeAlong(at)
      assert.is(name, 'kpki-cp-1.tar')
      const facts = VERSIONS.find(each => each.version === version)
      const algorithmFacts = ALGORITHMS.find(each => each.name === algorithm)
      if (!facts || !algorithmFacts) throw new Error('no facts')
      const tree = { files: readTree(dir), facts, algorithm: algorithmFacts }
      for (const { tool, check } of [...CHECKS, PAIR_CHECK]) {
        if (tool === undefined || hasTool(tool)) await check(tree)
      }
      for (const [path, { content, mode }] of snapshot(dir)) {
        const wanted = content === undefined ? 0o755 : /\.(key|conf|jsonl)$/.test(path) ? 0o600 : 0o644
        assert.is(mode.toString(8), wanted.toString(8), path)
      }
      // The page says what is in the archive.
      const shown = await at.locator('#result').innerText()
      for (const path of tree.files.keys()) assert.ok(shown.includes(path), `${path} is shown`)
      assert.is(shown.match(/until 2036-05-29/g)?.length, 3)
      assert.is(shown.match(/until 2027-06-01/g)?.length, facts.certificates.length - 3 + facts.kubeconfigs.length)
      assertQuiet(visited)
    }),
  )
}

testWith('chromium', page, 'the pin is that of the CA in the archive, and can be copied', () =>
  visit({ permissions: ['clipboard-read', 'clipboard-write'] }, async visited => {
    const { page: at } = visited
    await make(at, { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' })
    const { dir } = await takeAlong(at)
    const publicKey = await openssl('x509', '-in', join(dir, 'pki/ca.crt'), '-noout', '-pubkey')
    const der = Buffer.from(publicKey.stdout.replace(/-----.*-----|\n/g, ''), 'base64')
    const pin = `sha256:${createHash('sha256').update(der).digest('hex')}`
    assert.is(await at.locator('#pin').innerText(), pin)
    await at.getByRole('button', { name: 'Copy the CA pin' }).click()
    await at.getByText('Copied', { exact: true }).waitFor()
    assert.is(await at.evaluate('navigator.clipboard.readText()'), pin)
    assertQuiet(visited)
  }),
)

testWith('chromium', page, 'the picture is drawn, can be saved, and like all that is shown holds no secret', () =>
  visit({}, async visited => {
    const { page: at } = visited
    await make(at, { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'RSA-2048' })
    const decode = `(image => image.decode().then(() => image.naturalWidth))(document.getElementById('picture'))`
    assert.ok(Number(await at.evaluate(decode)) > 500)
    const [saved] = await Promise.all([at.waitForEvent('download'), at.click('#save-picture')])
    assert.is(saved.suggestedFilename(), 'kpki-cp-1.html')
    await saved.saveAs(join(work, 'picture.html'))
    const shown = [readFileSync(join(work, 'picture.html'), 'utf8'), await at.content()].map(decodeURIComponentSafely)
    for (const text of shown) {
      assert.ok(text.includes('kube-apiserver') && text.includes('system:node:cp-1'))
      assert.not.match(text, /PRIVATE KEY|client-key-data/)
    }
    const { dir } = await takeAlong(at)
    for (const [path, text] of readTree(dir)) {
      if (!/\.(key|conf)$/.test(path)) continue
      const secret = path.endsWith('.key') ? text : fieldOf(text, 'client-key-data')
      for (const line of secret.split('\n').filter(line => line.length === 64 && !line.startsWith('-----')))
        assert.not.ok(
          shown.some(each => each.includes(line)),
          path,
        )
    }
    assertQuiet(visited)
  }),
)

/** With what data: addresses hold; a page may hold a percent sign by itself. */
function decodeURIComponentSafely(text: string): string {
  return text.replace(/(%[0-9A-F]{2})+/g, escapes => {
    try {
      return decodeURIComponent(escapes)
    } catch {
      return escapes
    }
  })
}

testWith('chromium', page, 'the command line that is shown makes the same', () =>
  visit({}, async ({ page: at }) => {
    const clusterName = "it's $HOME"
    await make(at, { ...IN_FIELDS, clusterName, configuration: '', encryptionAlgorithm: 'ECDSA-P256' })
    const command = (await at.locator('#command').innerText()).replace(/^sudo kpki /, '')
    const dir = join(work, `tree-${count++}`)
    const cli = join(import.meta.dirname, '../../dist/bin/kpki.js')
    const run = `"$NODE" "$CLI" ${command} --dir "$DIR"`
    const env = { ...process.env, NODE: process.execPath, CLI: cli, DIR: dir }
    const { status, stderr } = spawnSync('sh', ['-c', run], { encoding: 'utf8', env })
    assert.is(status, 0, stderr)
    const [theirs, ours] = [readTree(dir), readTree((await takeAlong(at)).dir)]
    const shape = (text: string) => text.replace(/-data: .*/g, '-data')
    assert.equal([...ours.keys()].sort(), [...theirs.keys()].sort())
    for (const [path, text] of ours) if (path.endsWith('.conf')) assert.is(shape(text), shape(fileOf(theirs, path)))
    assert.ok(fileOf(ours, 'admin.conf').includes(clusterName))
    const names = async (file: string) =>
      (await openssl('x509', '-in', file, '-noout', '-ext', 'subjectAltName')).stdout
    const path = 'pki/apiserver.crt'
    const inPage = join(work, 'apiserver.crt')
    writeFileSync(inPage, fileOf(ours, path))
    assert.is(await names(inPage), await names(join(dir, path)))
  }),
)

/** Fields, and where something is wrong with them: the control, the line of the configuration, and how often. */
const WRONG: readonly (readonly [what: string, fields: Fields, control: string, says: RegExp])[] = [
  ['no node name', { advertiseAddress: '10.0.0.10' }, 'nodeName', /needed/i],
  ['no address', { nodeName: 'cp-1' }, 'advertiseAddress', /needed/i],
  ['a name that is none', { nodeName: 'cp_1', advertiseAddress: '10.0.0.10' }, 'nodeName', /cp_1/],
  ['an address that is none', { nodeName: 'cp-1', advertiseAddress: '10.0.0' }, 'advertiseAddress', /10\.0\.0/],
  ['one of several names', { apiServerCertSans: 'a.example.org, b..example.org' }, 'apiServerCertSans', /b\.\.example/],
  ['an endpoint', { controlPlaneEndpoint: 'https://api' }, 'controlPlaneEndpoint', /https:\/\/api/],
  ['an old version', { kubernetesVersion: '1.19' }, 'kubernetesVersion', /1\.19/],
  ['a subnet', { serviceSubnet: '10.96.0.0/33' }, 'serviceSubnet', /10\.96\.0\.0\/33/],
  ['the other subnet', { podSubnet: 'x' }, 'podSubnet', /"x"/],
  ['a port', { bindPort: '70000' }, 'bindPort', /70000/],
  ['days', { certificateValidityPeriod: '365d' }, 'certificateValidityPeriod', /365d/],
  ['no time at all', { caCertificateValidityPeriod: '0h' }, 'caCertificateValidityPeriod', /0h/],
  ['markup', { nodeName: '<img src=x onerror=alert(1)>' }, 'nodeName', /<img src=x/],
  ['what is no YAML', { configuration: 'a: [' }, 'configuration', /line 1/i],
  [
    'an unknown field',
    { configuration: `${ETCD_NAMES}podSubnet: 10.0.0.0/8\n` },
    'configuration',
    /line 7, column 1: /i,
  ],
  ['an unusable value', { configuration: `${ETCD_NAMES}certificatesDir: pki\n` }, 'configuration', /line 7, column /i],
  ['nothing of kubeadm', { configuration: 'kind: Pod\napiVersion: v1\n' }, 'configuration', /./],
  ['too much of it', { configuration: `#${'x'.repeat(1024 * 1024)}` }, 'configuration', /./],
  [
    'a host that joins',
    { configuration: 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n' },
    'configuration',
    /--ca-from/,
  ],
]

testWith('chromium', page, 'what is wrong is said where it is, and nothing is made', () =>
  visit({}, async visited => {
    const { page: at, url } = visited
    for (const [what, fields, name, says] of WRONG) {
      const id = idOf(name).slice(1)
      await at.goto('about:blank')
      await at.goto(url)
      const base: Fields = /^no (node|address)/.test(what) ? {} : { nodeName: 'cp-1', advertiseAddress: '10.0.0.10' }
      await fill(at, { ...base, ...fields })
      await at.click('#make')
      const summary = at.locator('#summary')
      await summary.waitFor()
      assert.is(await at.evaluate('document.activeElement.id'), 'summary', what)
      assert.is(await at.locator('[aria-invalid=true]').count(), 1, what)
      const control = at.locator(`#${id}`)
      assert.is(await control.getAttribute('aria-invalid'), 'true', what)
      // What is said of a control is tied to it.
      const described = (await control.getAttribute('aria-describedby'))?.split(' ') ?? []
      assert.ok(described.includes(`${id}-problems`), what)
      assert.match(await at.locator(`#${id}-problems`).innerText(), says, what)
      // The list leads there.
      await at.click('#pasted summary')
      await summary.getByRole('link').first().click()
      assert.is(await at.evaluate('document.activeElement.id'), id, what)
      assert.is(await at.locator('#result').isVisible(), false, what)
      assert.is(await at.locator('#work').isVisible(), false, what)
      // Nothing that was typed has become a part of the page.
      assert.is(await at.locator('img, script:not([src="page.js"])').count(), 0, what)
    }
    assert.equal(visited.complaints, [])
  }),
)

testWith('chromium', page, 'a correction takes the complaint away, and remarks keep nobody from going on', () =>
  visit({}, async visited => {
    const { page: at } = visited
    await fill(at, { nodeName: 'cp 1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' })
    await at.click('#make')
    await at.locator('#summary').waitFor()
    await at.fill('#node-name', 'cp-1')
    await at.locator('#summary').waitFor({ state: 'hidden' })
    assert.is(await at.locator('[aria-invalid=true]').count(), 0)
    await fill(at, {
      certificateValidityPeriod: '17520h',
      bindPort: '7443',
      controlPlaneEndpoint: 'api.example.org:6443',
    })
    await at.locator('#certificate-validity-period-problems .warning').waitFor()
    await make(at, {})
    assertQuiet(visited)
  }),
)

testWith('chromium', page, 'each run makes other keys; what is forgotten is gone', () =>
  visit({}, async visited => {
    const { page: at } = visited
    const fields = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' }
    await make(at, fields)
    const first = readTree((await takeAlong(at)).dir)
    await at.click('#forget')
    await at.locator('#result').waitFor({ state: 'hidden' })
    assert.is(await at.locator('#result').innerHTML(), '')
    assert.is(await at.evaluate('document.activeElement.id'), 'make')
    await make(at, {})
    const second = readTree((await takeAlong(at)).dir)
    assert.equal([...first.keys()], [...second.keys()])
    for (const [path, text] of first) assert.is.not(text, second.get(path), path)
    // Within a run no two files share anything but the CA that kubeconfigs embed.
    assert.is(new Set(second.values()).size, second.size)
    assertQuiet(visited)
  }),
)

testWith('chromium', page, 'who leaves and comes back finds neither keys nor what was typed', () =>
  visit({}, async ({ page: at, url }) => {
    const fields = { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' }
    await make(at, fields)
    await at.goto('about:blank')
    await at.goBack()
    assert.is(at.url(), url)
    assert.is(await at.locator('#result').isVisible(), false)
    assert.is(await at.locator('#result').innerHTML(), '')
    await make(at, fields)
    await at.reload()
    assert.is(await at.locator('#result').isVisible(), false)
    assert.is(await at.inputValue('#node-name'), '')
    const kept = await at.evaluate(`(async () => [
      localStorage.length, sessionStorage.length, document.cookie.length,
      (await indexedDB.databases()).length, (await caches.keys()).length,
      (await navigator.serviceWorker.getRegistrations()).length,
    ])()`)
    assert.equal(kept, [0, 0, 0, 0, 0, 0])
  }),
)

testWith('chromium', page, 'the page stays responsive while large keys are made, and they can be cancelled', () =>
  visit({}, async visited => {
    const { page: at } = visited
    await fill(at, { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'RSA-4096' })
    await at.click('#make')
    await at.locator('#progress').waitFor()
    assert.is(await at.locator('#progress').getAttribute('max'), '16')
    assert.is(await at.locator('#description').getAttribute('aria-busy'), 'true')
    // A second click starts nothing, and a field can be written in. Forced, or it would wait for the button to be ready.
    await at.click('#make', { force: true })
    await at.fill('#pod-network-cidr', '10.244.0.0/16')
    await at.click('#cancel')
    await at.getByText('Cancelled; nothing was made.').first().waitFor()
    assert.is(await at.locator('#work').isVisible(), false)
    assert.is(await at.locator('#result').isVisible(), false)
    await make(at, { encryptionAlgorithm: 'ECDSA-P256' })
    assertQuiet(visited)
  }),
)

testWith('chromium', page, 'by keyboard alone, and heard as well as seen', () =>
  visit({}, async visited => {
    const { page: at } = visited
    await at.focus('#node-name')
    await at.keyboard.type('cp-1')
    await at.keyboard.press('Tab')
    await at.keyboard.type('fd00::10')
    await at.selectOption('#encryption-algorithm', 'ECDSA-P256')
    await at.focus('#apiserver-advertise-address')
    await at.keyboard.press('Enter')
    await at.waitForSelector('#download')
    assert.is(await at.evaluate('document.activeElement.id'), 'result-title')
    assert.match((await at.locator('#live').textContent()) ?? '', /cp-1/)
    await at.keyboard.press('Tab')
    assert.is(await at.evaluate('document.activeElement.id'), 'download')
    // Everything that one can act on has a name.
    const nameless =
      await at.evaluate(`[...document.querySelectorAll('input, select, textarea, button, progress, a, summary')]
      .filter(item => !(item.labels?.[0]?.textContent || item.textContent || item.getAttribute('aria-label')).trim())
      .map(item => item.outerHTML)`)
    assert.equal(nameless, [])
    assertQuiet(visited)
  }),
)

testWith('chromium', page, 'whatever would leave the page is stopped by its policy', () =>
  visit({}, async ({ page: at, url, asked, complaints }) => {
    const before = asked.length
    const outcome = await at.evaluate(`(async () => {
      const tried = {}
      tried.fetch = await fetch('${url}leak').then(() => 'sent', () => 'stopped')
      tried.beacon = navigator.sendBeacon('${url}leak', 'x') ? 'queued' : 'stopped'
      const settle = element => new Promise(resolve => {
        element.onload = () => resolve('loaded')
        element.onerror = () => resolve('stopped')
        document.body.append(element)
      })
      tried.image = await settle(Object.assign(new Image(), { src: '${url}leak.png' }))
      tried.style = await settle(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: 'http://127.0.0.2/x.css' }))
      try { document.body.innerHTML = '<b>x</b>'; tried.markup = 'taken' } catch { tried.markup = 'stopped' }
      try { new Function('return 1')(); tried.eval = 'run' } catch { tried.eval = 'stopped' }
      const form = document.createElement('form')
      form.action = '${url}leak'
      document.body.append(form)
      form.submit()
      await new Promise(resolve => setTimeout(resolve, 300))
      return tried
    })()`)
    const { beacon, ...others } = outcome as Record<string, string>
    assert.equal(others, { fetch: 'stopped', image: 'stopped', style: 'stopped', markup: 'stopped', eval: 'stopped' })
    assert.ok(beacon)
    assert.is(asked.length, before, asked.join(', '))
    assert.ok(complaints.length > 0)
  }),
)

testWith('chromium', page, 'it opens from a disk as well', () =>
  withWatchedPage({}, async ({ page: at, requests, complaints }) => {
    await at.goto(pathToFileURL(join(site, 'index.html')).href)
    await make(at, { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', encryptionAlgorithm: 'ECDSA-P256' })
    const { dir } = await takeAlong(at)
    assert.is(readTree(dir).size, 28)
    assert.equal(complaints, [])
    assert.ok(
      requests.every(request => /^(file|data|blob):/.test(request)),
      requests.join(', '),
    )
  }),
)

testWith('chromium', page, 'where the browser makes no keys, the page says why', () =>
  withWatchedPage({}, async ({ page: at, complaints }) => {
    // Neither HTTPS nor this machine.
    await at.route('http://page.test/**', route => {
      const file = new URL(route.request().url()).pathname.slice(1) || 'index.html'
      return route.fulfill({ path: join(site, file) })
    })
    await at.goto('http://page.test/')
    assert.is(await at.evaluate('isSecureContext'), false)
    await at.locator('#unusable').waitFor()
    assert.match(await at.locator('#unusable').innerText(), /HTTPS/)
    assert.is(await at.locator('#make').isDisabled(), true)
    assert.equal(complaints, [])
  }),
)

/** Contrast of every text with what it stands on (WCAG 2.2, 1.4.3: 4.5), and what sticks out at the side. */
const LOOK = `(() => {
  const channel = value => { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 }
  const parse = text => /^rgba?\\(([^)]*)\\)$/.exec(text)?.[1].split(',').map(Number) ?? []
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor)
      if (a === 1) return [r, g, b]
    }
    return [255, 255, 255]
  }
  const poor = [], wide = []
  for (const element of document.body.querySelectorAll('*')) {
    if (!element.checkVisibility() || element.closest('.covert')) continue
    const box = element.getBoundingClientRect()
    if (!element.closest('.scroll, textarea') && box.right > innerWidth + 0.5) wide.push(element.outerHTML.slice(0, 80))
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
    if (!own) continue
    const [one, other] = [luminance(parse(getComputedStyle(element).color)), luminance(ground(element))].sort((a, b) => b - a)
    const ratio = (one + 0.05) / (other + 0.05)
    if (!(ratio >= 4.5)) poor.push(ratio.toFixed(2) + ' ' + element.outerHTML.slice(0, 80))
  }
  // Nothing lies over what was made, wherever one has scrolled to.
  document.querySelector('#result .group')?.scrollIntoView()
  const [over, under] = ['aside', '#result'].map(name => document.querySelector(name).getBoundingClientRect())
  const covered = under.height > 0 && over.bottom > under.top && over.top < under.bottom
  return { poor, wide, covered }
})()`

for (const width of [360, 1280]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    testWith('chromium', page, `${width} pixels, ${colorScheme}: every text can be read, nothing sticks out`, () =>
      visit({ viewport: { width, height: 800 }, colorScheme }, async ({ page: at }) => {
        const look = async (state: string) =>
          assert.equal(await at.evaluate(LOOK), { poor: [], wide: [], covered: false }, state)
        await at.click('.limits summary')
        await look('empty')
        await fill(at, { nodeName: 'x'.repeat(300), serviceSubnet: 'y', configuration: `a: ${'z'.repeat(500)}` })
        await fill(at, { certificateValidityPeriod: '9000h' })
        await at.click('#make')
        await at.locator('#summary').waitFor()
        await look('with errors')
        await fill(at, { serviceSubnet: '', configuration: '', nodeName: `${'n'.repeat(60)}.example.org` })
        await make(at, { advertiseAddress: '2001:db8::1', encryptionAlgorithm: 'ECDSA-P256' })
        await look('made')
      }),
    )
  }
}

page('it is built from kpki alone', async () => {
  for (const path of filesBelow('examples/browser/').filter(path => !path.endsWith('/build.ts'))) {
    for (const name of importsOf(path)) assert.match(name, /^(kpki|examples\/browser\/.*)$/, path)
  }
  const inputs = await buildPage(join(work, 'again'))
  assert.ok(inputs.some(path => path.endsWith('dist/lib/index.js')))
  const others = inputs.filter(path => !/(^|\/)(examples\/browser|dist\/lib)\//.test(path))
  const packages = new Set(others.map(path => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]))
  const allowed = ['yaml', 'asn1js', 'reflect-metadata', 'pvtsutils', 'pvutils', 'tslib', 'tsyringe', 'bytestreamjs']
  for (const name of packages) assert.ok(name?.startsWith('@peculiar/') || allowed.includes(name ?? ''), name)
  assert.not.ok(inputs.some(path => /dist\/lib\/(host|cli|node)/.test(path)))
})

page.run()
