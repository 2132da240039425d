/** Runs every unit test, once with each crypto provider, and says at the end what was passed over. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const only = process.argv[2]
const files = (readdirSync(here, { recursive: true }) as string[])
  .filter(file => file.endsWith('.test.ts') && !file.startsWith('e2e') && (!only || file.includes(only)))
  .sort()
for (const file of files) await import(join(here, file))
