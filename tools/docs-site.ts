/**
 * Checks the site that typedoc made: every link in it leads to a page and a place that are there.
 *
 * node --import tsx tools/docs-site.ts [folder, default docs/api]; exit status 1 when one does not.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { ROOT } from './docs/documents.js'

const site = resolve(process.argv[2] ?? `${ROOT}docs/api`)
const decode = (text: string) =>
  decodeURIComponent(text.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"'))
const pages = new Map(
  readdirSync(site, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.html'))
    .map(path => {
      const html = readFileSync(`${site}/${path}`, 'utf8')
      const values = (name: string) =>
        [...html.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value = '']) => decode(value))
      return [path, { ids: new Set(values('id')), links: [...values('href'), ...values('src')] }] as const
    }),
)

const broken: string[] = []
let count = 0
for (const [page, { links }] of pages) {
  for (const link of new Set(links)) {
    if (/^[a-z]+:/i.test(link)) continue
    count++
    const [file = '', anchor = ''] = link.split('#')
    const target = file === '' ? page : posix.join(posix.dirname(page), file)
    // Documents that are pages must not be linked to as files.
    const isThere = existsSync(`${site}/${target}`) && statSync(`${site}/${target}`).isFile() && !target.endsWith('.md')
    const ids = pages.get(target)?.ids
    if (!isThere || (anchor !== '' && ids && !ids.has(anchor))) broken.push(`${page}: ${link}`)
  }
}

for (const line of broken) process.stderr.write(`${line}\n`)
process.stdout.write(`${pages.size} pages, ${count} links, ${broken.length} broken\n`)
process.exitCode = broken.length > 0 || pages.size === 0 ? 1 : 0
