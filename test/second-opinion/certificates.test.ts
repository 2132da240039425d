/** Every certificate of every version and algorithm against the facts, as openssl and node:crypto read it. */
import { test } from 'uvu'
import { testWith } from '../support/skip.js'
import { CHECKS, type Check, type JudgedTree, PAIR_CHECK } from './checks.js'
import { ALGORITHMS, type AlgorithmFacts, DESCRIPTION, MADE, VERSIONS, type VersionFacts } from './facts.js'
import { type Files, makeTree, pooledKeyPair } from './trees.js'

const trees = new Map<string, Promise<Files>>()

async function treeOf(facts: VersionFacts, algorithm: AlgorithmFacts): Promise<JudgedTree> {
  const name = `${facts.version} ${algorithm.name}`
  const tree =
    trees.get(name) ??
    makeTree(
      { ...DESCRIPTION, kubernetesVersion: facts.version, encryptionAlgorithm: algorithm.name },
      { clock: () => MADE, generateKeyPair: pooledKeyPair },
    )
  trees.set(name, tree)
  return { files: await tree, facts, algorithm }
}

function testTree({ name, tool, check }: Check, facts: VersionFacts, algorithm: AlgorithmFacts): void {
  const title = `${facts.version} ${algorithm.name}: ${name}`
  const run = async () => check(await treeOf(facts, algorithm))
  if (tool === undefined) test(title, run)
  else testWith(tool, test, title, run)
}

for (const facts of VERSIONS) {
  for (const algorithm of ALGORITHMS) for (const check of CHECKS) testTree(check, facts, algorithm)
}
const newest = VERSIONS.at(-1)
if (newest) for (const algorithm of ALGORITHMS) testTree(PAIR_CHECK, newest, algorithm)

test.run()
