import { spawnSync } from 'node:child_process'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Nothing but the page: no sandbox (tests run as root in containers), no GPU, nothing that Chromium asks the network for by itself. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A page, and all that it asked for and complained about since it was opened. */
export interface WatchedPage {
  readonly page: Page
  /** Addresses of every request, that of the document among them. */
  readonly requests: readonly string[]
  /** Messages of the console (violations of the content security policy are among them) and uncaught errors. */
  readonly complaints: readonly string[]
}

/** Runs work with Debian's Chromium, headless; the browser ends with the work. Register the test by `testWith('chromium', …)`. */
export async function inChromium<T>(work: (browser: Browser) => Promise<T>): Promise<T> {
  const executablePath = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim()
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS })
  try {
    return await work(browser)
  } finally {
    await browser.close()
  }
}

/** Runs work with a new page in a browser context of its own, e.g. `{ viewport: { width: 360, height: 800 }, colorScheme: 'dark' }`. */
export async function withPage<T>(
  browser: Browser,
  options: BrowserContextOptions,
  work: (watched: WatchedPage) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext(options)
  const requests: string[] = []
  const complaints: string[] = []
  try {
    const page = await context.newPage()
    page.on('request', request => requests.push(request.url()))
    page.on('console', message => complaints.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', error => complaints.push(`uncaught: ${error.message}`))
    return await work({ page, requests, complaints })
  } finally {
    await context.close()
  }
}
