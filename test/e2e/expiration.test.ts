/** What ends when: side by side with kubeadm v1.20.2 on trees of both, on a real terminal, and drawn in a browser. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inChromium, withPage } from '../support/chromium.js'
import { testWith } from '../support/skip.js'
import { Host, KPKI, must, run, scratch } from './host.js'
import { coloursOf, contrast, outside, overlaps, textsOf } from './layout.js'
import { kube, testWithAll } from './programs.js'
import { Terminal } from './terminal.js'

const test = suite('expiration')
const ADDRESS = '10.77.1.10'
const CONFIG = `apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
nodeRegistration: {name: cp-1, criSocket: /run/containerd/containerd.sock}
localAPIEndpoint: {advertiseAddress: ${ADDRESS}}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: api.example.org:6443
`

/** Lines of a table, each in its cells. */
const cellsOf = (table: string) =>
  table
    .trimEnd()
    .split('\n')
    .map(line => line.split(/ {2,}/).map(cell => cell.trim()))

async function withHost(work: (host: Host, config: string) => Promise<void>): Promise<void> {
  const host = await Host.create('cp-1')
  try {
    const config = join(host.data, 'kubeadm.yaml')
    writeFileSync(config, CONFIG)
    await work(host, config)
  } finally {
    await host.close()
  }
}

/** kubeadm's table, as it would be if that version named the CA of kubeconfigs, as later ones do. */
async function theirs(host: Host, config: string): Promise<string[][]> {
  const said = await must(host.run(kube('kubeadm'), ['certs', 'check-expiration', '--config', config]))
  return cellsOf(said).map(cells =>
    /\.conf$/.test(cells[0] ?? '') && cells.length > 3 ? [...cells.slice(0, 3), 'ca', ...cells.slice(3)] : cells,
  )
}

async function ours(host: Host, ...more: string[]): Promise<string[][]> {
  return cellsOf(await must(host.kpki('expiration', '-q', ...more)))
}

for (const [maker, make] of [
  [
    'kubeadm',
    async (host: Host, config: string) => {
      for (const phase of ['certs', 'kubeconfig'])
        await must(host.run(kube('kubeadm'), ['init', 'phase', phase, 'all', '--config', config]))
    },
  ],
  ['kpki', (host: Host, config: string) => must(host.kpki('gen', 'all', '--config', config))],
  [
    'kpki, of which everything has ended',
    async (host: Host, config: string) => {
      const short = ['--certificate-validity-period', '1h', '--ca-certificate-validity-period', '876000h']
      await must(host.kpki('gen', 'all', '--config', config, ...short, '--now', '2024-01-01T00:00:00Z'))
    },
  ],
] as const)
  testWithAll(['kubeadm'], test, `a tree made by ${maker}: kubeadm's rows, dates and residual times`, () =>
    withHost(async (host, config) => {
      await make(host, config)
      const [expected, found] = [await theirs(host, config), await ours(host)]
      assert.equal(
        found.filter(([name]) => name !== 'kubelet.conf'),
        expected,
      )
      assert.ok(found.some(([name]) => name === 'kubelet.conf'))
      // kubeadm reads what is in its own places, and so do we.
      assert.equal(await ours(host, '--cert-dir', '/etc/kubernetes/pki'), found)
      for (const path of ['pki/apiserver.crt', 'pki/etcd/peer.crt', 'controller-manager.conf'])
        rmSync(join(host.tree, path))
      const without = await ours(host)
      assert.equal(
        without.filter(([name]) => name !== 'kubelet.conf'),
        await theirs(host, config),
      )
      assert.is(without.filter(([name]) => name?.startsWith('!MISSING!')).length, 3)
    }),
  )

testWithAll(['kubeadm'], test, "kubeadm's renewal is seen, and moves the calendar's events", () =>
  withHost(async (host, config) => {
    await must(host.kpki('gen', 'all', '--config', config, '--certificate-validity-period', '1000h'))
    const near = await host.kpki('expiration', '--within', '60d', '-q')
    assert.is(near.status, 3, near.stderr)
    const uids = async () => {
      const text = await must(host.kpki('expiration', '-o', 'ical'))
      return [...text.matchAll(/^UID:(.*)\r$/gm)].map(([, uid]) => uid).sort()
    }
    const before = await uids()
    await must(host.run(kube('kubeadm'), ['certs', 'renew', 'all', '--config', config]))
    const after = await host.kpki('expiration', '--within', '60d', '-q')
    // What kubeadm leaves alone.
    assert.is(after.status, 3)
    assert.equal(
      cellsOf(after.stdout).map(([name]) => name),
      ['CERTIFICATE', 'kubelet.conf'],
    )
    assert.equal(await uids(), before)
  }),
)

/** A tree on this machine. */
async function tree(): Promise<string> {
  const dir = scratch('expiration')
  const facts = ['--node-name', 'cp-1', '--apiserver-advertise-address', ADDRESS]
  await must(
    run(process.execPath, [KPKI, 'gen', 'all', '-q', '--dir', dir, ...facts, '--encryption-algorithm', 'ECDSA-P256']),
  )
  return dir
}

testWith('script', test, 'a watch on a real terminal: counts, follows its size, gives the terminal back', async () => {
  const dir = await tree()
  const terminal = new Terminal(
    `stty rows 12 cols 70; LANG=C.UTF-8 "${process.execPath}" "${KPKI}" expiration --dir "${dir}" --watch; ` +
      `echo "ended $?"; stty -a | tr ' ' '\\n' | grep -E '^-?(icanon|echo);?$' | tr '\\n' ' '; echo over`,
  )
  try {
    const first = await terminal.type('', /q ends it[^\n]*of 15/)
    assert.match(first.shown, /admin\.conf +364d 23:/)
    const { shown } = await terminal.type('\x1b[B', /2 to \d+ of 15/)
    assert.not.match(shown, 'admin.conf')
    await terminal.type('', /364d 23:\d\d:\d\d/)
    const end = await terminal.type('q', /over\r?\n/)
    assert.match(end.shown, 'ended 0')
    // As it was: the terminal reads lines and echoes them.
    assert.match(end.shown, /(^|\s)icanon/)
    assert.match(end.shown, /(^|\s)echo\s/)
    assert.match(end.shown, '\x1b[?25h\x1b[?1049l')
  } finally {
    terminal.close()
  }
})

testWith('script', test, 'Ctrl-C ends a watch, too', async () => {
  const dir = await tree()
  const terminal = new Terminal(
    `stty rows 30 cols 100; "${process.execPath}" "${KPKI}" expiration --dir "${dir}" --watch; echo "ended $?"`,
  )
  try {
    await terminal.type('', /q ends it/)
    const { shown } = await terminal.type('\x03', /ended \d+/)
    assert.match(shown, 'ended 130')
    assert.match(shown, '\x1b[?1049l')
  } finally {
    terminal.close()
  }
})

for (const format of ['html', 'svg'] as const)
  testWith(
    'chromium',
    test,
    `${format}: one file that asks for nothing, readable in light and dark, narrow and wide`,
    async () => {
      const dir = await tree()
      const path = join(dir, `ends.${format}`)
      await must(run(process.execPath, [KPKI, 'expiration', '-q', '--dir', dir, '-o', format, '--out', path]))
      assert.ok(readFileSync(path, 'utf8').length > 5000)
      await inChromium(async browser => {
        for (const scheme of ['light', 'dark'] as const)
          await withPage(browser, { viewport: { width: 800, height: 900 }, colorScheme: scheme }, async watched => {
            const { page } = watched
            await page.goto(pathToFileURL(path).href)
            for (const width of [360, 1600]) {
              await page.setViewportSize({ width, height: 900 })
              const texts = await textsOf(page)
              assert.ok(texts.some(({ text }) => text === 'kube-apiserver'))
              assert.equal(overlaps(texts, format === 'svg' ? 0.5 : 1), [])
              assert.equal(outside(texts, width), [])
            }
            for (const seen of await coloursOf(page))
              assert.ok(contrast(seen) >= (seen.what === 'text' ? 4.5 : 3), JSON.stringify(seen))
            assert.equal([watched.requests, watched.complaints], [[pathToFileURL(path).href], []])
          })
      })
    },
  )

test.run()
