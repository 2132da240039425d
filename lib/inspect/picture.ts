import { formatHtml } from './picture-html.js'
import { describePicture } from './picture-model.js'
import { describeSections } from './picture-sections.js'
import { formatSvg } from './picture-svg.js'
import type { Inspection } from './types.js'

/** The forms in which a picture is written. */
export const PICTURE_FORMATS = ['html', 'svg'] as const
/** One of {@link PICTURE_FORMATS}. */
export type PictureFormat = (typeof PICTURE_FORMATS)[number]

/** How a picture is drawn. */
export interface PictureOptions {
  /**
   * `html` is for reading, on a telephone, a screen or paper, and by a screen reader; `svg` has a fixed width and is for
   * embedding, e.g. in a README.
   */
  readonly format: PictureFormat
  /** Shown on top; the first 120 characters. Default: `Certificates and their lifetimes`. */
  readonly title?: string
}

/**
 * Draws what an inspection found: issuers as a tree, lifetimes on a time line, what does not fit below.
 *
 * The file stands alone: no script, no reference to anything outside of it. Texts of others are escaped, shortened, and
 * shown without what cannot be seen. There is no secret in an inspection, and so none in its picture.
 *
 * @returns the text of a file in UTF-8, with a final newline
 * @example await writeFile('pki.svg', formatPicture(inspection, { format: 'svg' }))
 */
export function formatPicture(inspection: Inspection, options: PictureOptions): string {
  const picture = describePicture(inspection, options.title || 'Certificates and their lifetimes')
  const sections = describeSections(inspection)
  return options.format === 'html' ? formatHtml(picture, sections) : formatSvg(picture, sections)
}
