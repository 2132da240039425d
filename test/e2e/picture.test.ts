import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPicture, PICTURE_FORMATS, type PictureFormat } from '../../lib/inspect/picture.js'
import { fresh, INSPECTIONS } from '../inspect/pictures.js'
import { inChromium, type WatchedPage, withPage } from '../support/chromium.js'
import { testWith } from '../support/skip.js'
import { inTempDir } from '../support/temp.js'
import { coloursOf, contrast, outside, overlaps, textsOf } from './layout.js'

const WIDTHS = [360, 800, 1600]

/** Opens a picture as people do: a file on a disk. */
async function open(
  browser: Browser,
  {
    name,
    format,
    dir,
    ...look
  }: { name: string; format: PictureFormat; dir: string; width?: number; scheme?: 'light' | 'dark' },
  work: (watched: WatchedPage) => Promise<void>,
): Promise<void> {
  const path = join(dir, `${name}.${format}`)
  writeFileSync(path, formatPicture(INSPECTIONS[name] ?? fresh, { format }))
  const { width = 800, scheme = 'light' } = look
  await withPage(browser, { viewport: { width, height: 900 }, colorScheme: scheme }, async watched => {
    await watched.page.goto(pathToFileURL(path).href)
    await work(watched)
    // The document and nothing else: no font, no picture, no script; and nothing that its policy had to forbid.
    assert.equal(watched.requests, [pathToFileURL(path).href])
    assert.equal(watched.complaints, [])
  })
}

for (const format of PICTURE_FORMATS) {
  testWith('chromium', test, `${format}: texts neither overlap nor leave the picture, narrow and wide`, () =>
    inTempDir(dir =>
      inChromium(async browser => {
        for (const name of Object.keys(INSPECTIONS)) {
          await open(browser, { name, format, dir }, async ({ page }) => {
            for (const width of WIDTHS) {
              await page.setViewportSize({ width, height: 900 })
              const texts = await textsOf(page)
              const what = `${name} at ${width}`
              assert.ok(texts.length >= (name === 'empty' ? 3 : 40), what)
              assert.equal(overlaps(texts, format === 'svg' ? 0.5 : 1), [], what)
              assert.equal(outside(texts, width), [], what)
              assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width, `${what} scrolls`)
            }
          })
        }
      }),
    )(),
  )

  testWith('chromium', test, `${format}: light and dark can be told apart by those who see little`, () =>
    inTempDir(dir =>
      inChromium(async browser => {
        const grounds = new Set<string>()
        for (const name of ['fresh', 'soon', 'expired', 'future', 'odd']) {
          for (const scheme of ['light', 'dark'] as const) {
            await open(browser, { name, format, dir, scheme }, async ({ page }) => {
              const colours = await coloursOf(page)
              assert.ok(colours.length > 6)
              for (const seen of colours) {
                grounds.add(`${scheme} ${seen.ground}`)
                // WCAG 2.2, 1.4.3 and 1.4.11.
                const ratio = contrast(seen)
                assert.ok(
                  ratio >= (seen.what === 'text' ? 4.5 : 3),
                  `${scheme}: ${JSON.stringify(seen)} ${ratio.toFixed(2)}`,
                )
              }
            })
          }
        }
        assert.ok(grounds.has('light rgb(255, 255, 255)'))
        assert.not.ok(grounds.has('dark rgb(255, 255, 255)'))
      }),
    )(),
  )

  testWith('chromium', test, `${format}: paper is white, in the dark too, and long pictures have many pages`, () =>
    inTempDir(dir =>
      inChromium(async browser => {
        for (const [name, least] of [
          ['fresh', 1],
          ['odd', format === 'html' ? 4 : 1],
        ] as const) {
          await open(browser, { name, format, dir, scheme: 'dark' }, async ({ page }) => {
            await page.emulateMedia({ media: 'print' })
            for (const seen of await coloursOf(page))
              assert.match(seen.ground, /^rgb\((255, 255, 255|243, 245, 247)\)$/)
            // A4 less its margins.
            await page.setViewportSize({ width: 703, height: 1000 })
            const texts = await textsOf(page)
            assert.equal(overlaps(texts), [])
            assert.equal(outside(texts, 703), [])
            const pdf = join(dir, `${name}.pdf`)
            await page.pdf({ path: pdf, format: 'A4', preferCSSPageSize: true })
            assert.ok(statSync(pdf).size > 5000)
            const bytes = readFileSync(pdf, 'latin1')
            assert.is(bytes.slice(0, 5), '%PDF-')
            assert.ok((bytes.match(/\/Type\s*\/Page\b/g) ?? []).length >= least)
          })
        }
      }),
    )(),
  )
}

testWith('chromium', test, 'html: a table for those who listen, with a name for every bar', () =>
  inTempDir(dir =>
    inChromium(async browser => {
      await open(browser, { name: 'fresh', format: 'html', dir, width: 360 }, async ({ page }) => {
        assert.is(await page.getByRole('table', { name: 'Certificates by issuer, with their lifetimes' }).count(), 1)
        assert.is(await page.getByRole('row').count(), 16)
        assert.is(await page.getByRole('rowheader', { name: /kube-apiserver.*signed by kubernetes/ }).count(), 2)
        assert.is(
          await page.getByRole('img', { name: /kube-scheduler.*2026-06-01 11:55 UTC to 2027-06-01/ }).count(),
          1,
        )
        assert.is(await page.getByRole('heading', { name: 'Kubeconfigs' }).count(), 1)
        assert.is(await page.getByRole('listitem').filter({ hasText: 'pki/sa.key' }).count(), 1)
      })
    }),
  )(),
)

testWith('chromium', test, 'svg: a list for those who listen; XML as a browser reads it', () =>
  inTempDir(dir =>
    inChromium(async browser => {
      await open(browser, { name: 'fresh', format: 'svg', dir }, async ({ page }) => {
        assert.is(await page.evaluate('document.contentType'), 'image/svg+xml')
        assert.is(await page.evaluate(`document.querySelectorAll('parsererror').length`), 0)
        assert.is(await page.getByRole('listitem', { name: /^kube-scheduler|^system:kube-scheduler/ }).count(), 1)
      })
      for (const format of PICTURE_FORMATS)
        await open(browser, { name: 'hostile', format, dir }, async ({ page }) => {
          assert.is(
            await page.evaluate(`document.querySelectorAll('script, img, a, iframe, object, parsererror').length`),
            0,
          )
        })
    }),
  )(),
)

testWith('chromium', test, 'html: a row is not cut by the end of a page, and the axis stands on every one', () =>
  inTempDir(dir =>
    inChromium(async browser => {
      await open(browser, { name: 'odd', format: 'html', dir }, async ({ page }) => {
        await page.emulateMedia({ media: 'print' })
        const styleOf = (selector: string, property: string) =>
          page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`)
        assert.is(await styleOf('tbody tr', 'breakInside'), 'avoid')
        assert.is(await styleOf('thead', 'display'), 'table-header-group')
      })
    }),
  )(),
)

// Who watches the watchers: a layout that is broken has to be seen as one.
testWith('chromium', test, 'a broken layout is seen', () =>
  inTempDir(dir =>
    inChromium(async browser => {
      await open(browser, { name: 'fresh', format: 'html', dir }, async ({ page }) => {
        await page.evaluate(`document.querySelectorAll('tbody tr')[2].style.cssText = 'position: relative; top: -30px'`)
        assert.ok(overlaps(await textsOf(page)).length > 0)
        await page.evaluate(`document.querySelector('h1').style.marginLeft = '-60px'`)
        assert.equal(outside(await textsOf(page), 800), ['Certificates and their lifetimes'])
      })
    }),
  )(),
)

test.run()
