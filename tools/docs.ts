/**
 * Writes the tables of the documentation, between `<!-- generated: NAME -->` and `<!-- end -->`, from the rows that the code
 * works with.
 *
 * node --import tsx tools/docs.ts (npm run docs:tables)
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, staleDocuments } from './docs/documents.js'

for (const [path, text] of staleDocuments()) {
  writeFileSync(join(ROOT, path), text)
  process.stdout.write(`${path}\n`)
}
