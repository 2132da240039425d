/** What is seen of a document: measured by the browser itself, for HTML and SVG alike. */

import type { Page } from 'playwright-core'

/** A piece of text in one line, in pixels of the page. */
export interface SeenText {
  readonly text: string
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** A colour on another, `rgb(…)`. */
export interface SeenColour {
  readonly what: string
  readonly colour: string
  readonly ground: string
}

/** Run in the page, so as text. Text is what has a box: not titles of tooltips, not what is for screen readers alone. */
const TEXTS = `(() => {
  const seen = []
  const hidden = 'style, title, desc, head, .sr, caption'
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement
    if (!node.data.trim() || parent.closest(hidden)) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    // What a nested drawing cuts off is not seen.
    const clip = parent.closest('svg svg')
    const frame = clip && clip.getAttribute('overflow') !== 'visible' && parent.tagName === 'text' ? clip : undefined
    const bounds = frame && frame.getBoundingClientRect()
    const { width, height, x, y } = frame ? { width: frame.width.baseVal.value, height: frame.height.baseVal.value, x: 0, y: 0 } : {}
    const matrix = frame && frame.getScreenCTM()
    const box = matrix && { left: matrix.e, top: matrix.f, right: matrix.e + width * matrix.a, bottom: matrix.f + height * matrix.d }
    for (const rect of range.getClientRects()) {
      const cut = box
        ? { left: Math.max(rect.left, box.left), top: Math.max(rect.top, box.top), right: Math.min(rect.right, box.right), bottom: Math.min(rect.bottom, box.bottom) }
        : rect
      if (cut.right - cut.left < 0.5 || cut.bottom - cut.top < 0.5) continue
      seen.push({ text: node.data.trim().slice(0, 60), left: cut.left + scrollX, top: cut.top + scrollY, right: cut.right + scrollX, bottom: cut.bottom + scrollY })
    }
  }
  return seen
})()`

const COLOURS = `(() => {
  const seen = new Map()
  const add = (what, colour, ground) => seen.set(what + colour + ground, { what, colour, ground })
  const page = document.querySelector('svg > rect.page')
  const groundOf = element => {
    for (let at = element; at; at = at.parentElement) {
      if (at instanceof HTMLElement) {
        const { backgroundColor } = getComputedStyle(at)
        if (!/rgba\\(.*, 0\\)|transparent/.test(backgroundColor)) return backgroundColor
      }
    }
    return page ? getComputedStyle(page).fill : 'rgb(255, 255, 255)'
  }
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement
    if (!node.data.trim() || parent.closest('style, title, desc, head')) continue
    const style = getComputedStyle(parent)
    const colour = parent.tagName === 'text' ? style.fill : style.color
    const shade = parent.classList.contains('tick') && document.querySelector('.shade')
    add('text', colour, groundOf(parent))
    if (shade) add('text', colour, getComputedStyle(shade).fill)
  }
  const grounds = [groundOf(document.body ?? document.documentElement), ...[...document.querySelectorAll('.shade')].slice(0, 1).map(shade => getComputedStyle(shade).fill)]
  for (const shape of document.querySelectorAll('.life, .now, .guide, .node')) {
    for (const ground of grounds) add('shape', getComputedStyle(shape).stroke, ground)
  }
  for (const shape of document.querySelectorAll('.rest')) {
    const { fill } = getComputedStyle(shape)
    if (fill.startsWith('rgb')) for (const ground of grounds) add('shape', fill, ground)
  }
  return [...seen.values()]
})()`

/** Every piece of text that can be seen, line by line. */
export async function textsOf(page: Page): Promise<SeenText[]> {
  return (await page.evaluate(TEXTS)) as SeenText[]
}

/** Every pair of colours that has to be told apart, once. */
export async function coloursOf(page: Page): Promise<SeenColour[]> {
  return (await page.evaluate(COLOURS)) as SeenColour[]
}

/** Pairs of texts that lie upon each other by more than `tolerance` pixels in both directions. */
export function overlaps(texts: readonly SeenText[], tolerance = 1): string[] {
  const sorted = [...texts].sort((a, b) => a.top - b.top)
  const found: string[] = []
  for (const [index, one] of sorted.entries()) {
    for (let next = index + 1; next < sorted.length; next++) {
      const other = sorted[next]
      if (!other || other.top > one.bottom) break
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left)
      const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top)
      // Lines of a paragraph may be closer than their letters are high; half a letter is where they touch.
      const room = Math.min(one.bottom - one.top, other.bottom - other.top) / 4
      if (width > tolerance && height > Math.max(tolerance, room)) found.push(`${one.text} | ${other.text}`)
    }
  }
  return found
}

/** Texts that reach over the left or the right edge. */
export function outside(texts: readonly SeenText[], width: number): string[] {
  return texts
    .filter(({ left, right, top }) => left < -0.5 || right > width + 0.5 || top < -0.5)
    .map(({ text }) => text)
}

/** Contrast of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio). */
export function contrast({ colour, ground }: SeenColour): number {
  const luminance = (text: string) => {
    const [red = 0, green = 0, blue = 0] = (text.match(/[\d.]+/g) ?? []).slice(0, 3).map(part => {
      const share = Number(part) / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const [one, other] = [luminance(colour), luminance(ground)]
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
}
