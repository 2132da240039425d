/**
 * A plugin of typedoc: a document is called as its first heading says, and stands among the guides or the reference.
 * (typedoc takes a title from front matter, which GitHub shows as a table above the text.)
 */
import { Converter } from 'typedoc'

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const [, title] = /^# +(.+)$/m.exec(document.content[0]?.text ?? '') ?? []
    if (title === undefined) app.logger.error(`${document.name} has no heading`)
    // Titles become file names, in which typedoc leaves little as it is.
    else document.name = title.replaceAll('`', '')
    document.frontmatter['group'] = GROUPS.find(([names]) => names.test(document.name))?.[1] ?? 'Guides'
  })
}

/** @type {readonly (readonly [RegExp, string])[]} */
const GROUPS = [
  [
    /^(Commands and flags|Configuration|The catalogue|Codes|Output for programs|What there is|Stricter|Comparison|Performance)/,
    'Reference',
  ],
  [/^(Changelog|Contributing|Security)/, 'Project'],
]
