// Snippets are held to the types of the built package, as strictly as its own source.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { documentPaths, ROOT, readDocument } from '../../tools/docs/documents.js'
import { provider } from '../support/context.js'
import { blocksOf } from './blocks.js'

// Types know nothing of providers: once is enough.
if (provider === 'platform') test('every snippet has the right types', checkSnippets)

function checkSnippets(): void {
  const dir = join(ROOT, 'test/.snippets', `types-${process.pid}`)
  mkdirSync(dir, { recursive: true })
  try {
    const places = new Map<string, string>()
    for (const path of documentPaths()) {
      for (const { language, code, line } of blocksOf(readDocument(path))) {
        if (language !== 'ts') continue
        const file = join(dir, `${places.size + 1}.ts`)
        writeFileSync(file, code)
        places.set(file, `${path}:${line}`)
      }
    }
    assert.ok(places.size > 8)
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), name => ts.sys.readFile(name))
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT)
    const program = ts.createProgram([...places.keys()], { ...options, noEmit: true, declaration: false })
    const found = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
      const line = file?.getLineAndCharacterOfPosition(start).line ?? 0
      const place = places.get(file?.fileName ?? '') ?? file?.fileName
      return `${place}, line ${line + 1} of it: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
    assert.equal(found, [])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

test.run()
