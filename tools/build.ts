/**
 * Builds dist/: the library as it is, file by file, and the command line as one bundle with a chunk for what only some
 * commands need. Node reads a few small files instead of several hundred, which is most of the time that a command takes.
 *
 * node --import tsx tools/build.ts
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

rmSync('dist', { recursive: true, force: true })
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
// What the bundle holds; nobody can import it, and it would be read in its place by mistake.
for (const path of ['dist/lib/cli', 'dist/bin']) rmSync(path, { recursive: true, force: true })

// Of yargs/helpers only the parser is used, which is a package of its own. Its edition for browsers parses the same, and does not
// ask for node:util and node:module, all of whose parts an import loads: that takes longer than all our own code.
const parserOnly: Plugin = {
  name: 'parser-only',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^yargs\/helpers$/ }, ({ path }) => ({ path, namespace: 'parser-only' }))
    onLoad({ filter: /.*/, namespace: 'parser-only' }, () => ({
      contents: "export { default as Parser } from 'yargs-parser/browser'",
      resolveDir: root,
    }))
  },
}

// esbuild makes a chunk for each set of files that need the same, and the smallest command is in two dozen sets: Node would look
// for, read and link as many files. What is there before any command, since it has parsed the words, is made a part of all that
// is loaded by itself, and so is all in one set; with it go small files that most commands need.
const START = join(root, 'lib/cli/start.ts')
const WITH_START = ['lib/context.ts', 'lib/cli/secrets.ts'].map(path => join(root, path))
const loadedAlone = new Set(
  readdirSync('lib', { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .flatMap(file => {
      const imports = readFileSync(join('lib', file), 'utf8').matchAll(/\bimport\('(\.[^']+)\.js'\)/g)
      return [...imports].map(([, path = '']) => join(root, 'lib', dirname(file), `${path}.ts`))
    }),
)
const preloaded: Plugin = {
  name: 'preloaded',
  setup({ onResolve }) {
    onResolve({ filter: /^preloaded:/ }, ({ path }) => ({ path: path.slice('preloaded:'.length), sideEffects: true }))
    // An import of nothing is left out unless the file has side effects, which esbuild believes whoever names the file first.
    onResolve({ filter: /^\..*\.js$/ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path.replace(/\.js$/, '.ts'))
      return [START, ...WITH_START].includes(file) ? { path: file, sideEffects: true } : undefined
    })
  },
}

// The command line imports the library's two doors only. esbuild splits by files, and behind a door stands everything, so
// that each name is taken from the file that the door has it from.
const throughDoors: Plugin = {
  name: 'through-doors',
  setup({ onLoad }) {
    const doors = new Map(['index', 'node'].map(door => [`../${door}.js`, sourcesOf(`lib/${door}.ts`)]))
    onLoad({ filter: /\/lib\/.+\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: `${preloadsOf(path)}${readFileSync(path, 'utf8')}`.replace(
        /^import \{([^}]*)\} from '(\.\.\/(?:index|node)\.js)'$/gm,
        (_, names: string, door: string) =>
          namesOf(names)
            .map(name => {
              const [, exported = '', local = exported] = /^(\w+)(?: as (\w+))?$/.exec(name) ?? []
              const origin = doors.get(door)?.get(exported)
              if (!origin) throw new Error(`${path}: ${name} is not exported by ${door}`)
              return `import { ${origin.name} as ${local} } from '.${origin.source}'`
            })
            .join('; '),
      ),
    }))
  },
}

/** Imports that put a file into the set of the start. */
function preloadsOf(path: string): string {
  const wanted = path === START ? WITH_START : loadedAlone.has(path) ? [START] : []
  return wanted.map(each => `import ${JSON.stringify(`preloaded:${each}`)}\n`).join('')
}

/** The names in the braces of an import or export, without the types. */
function namesOf(list: string): string[] {
  return list
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '' && !name.startsWith('type '))
}

/** Which file a door has each of its values from, and what it is called there. */
function sourcesOf(door: string): ReadonlyMap<string, { readonly name: string; readonly source: string }> {
  const exports = readFileSync(door, 'utf8').matchAll(/^export \{([^}]*)\} from '([^']+)'/gm)
  return new Map(
    [...exports].flatMap(([, names = '', source = '']) =>
      namesOf(names).map(entry => {
        const [name = '', alias = name] = entry.split(' as ')
        return [alias, { name, source }]
      }),
    ),
  )
}

const { metafile } = await build({
  entryPoints: ['bin/kpki.ts'],
  outdir: 'dist/bin',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Modules can be shaken, CommonJS cannot; yaml offers its modules to browsers only.
  mainFields: ['module', 'main'],
  alias: { yaml: fileURLToPath(new URL('browser/index.js', import.meta.resolve('yaml/package.json'))) },
  // Said whole in a file of its own, below.
  legalComments: 'none',
  metafile: true,
  plugins: [parserOnly, preloaded, throughDoors],
  logLevel: 'warning',
})
chmodSync('dist/bin/kpki.js', 0o755)
writeFileSync('dist/bin/THIRD-PARTY-LICENSES.txt', licences(Object.keys(metafile.inputs)))

/** The licences of the packages that are in the bundle, which ask to go wherever their code goes. */
function licences(inputs: readonly string[]): string {
  const packages = inputs.flatMap(path => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
  const texts = [...new Set(packages)].sort().map(path => {
    const { name, version, license } = JSON.parse(readFileSync(`${path}/package.json`, 'utf8')) as Record<
      string,
      string
    >
    const file = readdirSync(path).find(entry => /^(licen[cs]e|copying)/i.test(entry))
    return `${name} ${version} (${license})\n\n${file ? readFileSync(`${path}/${file}`, 'utf8').trim() : 'No licence file.'}\n`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
