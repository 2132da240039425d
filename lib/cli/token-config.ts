import { type ParsedConfiguration, parseConfiguration } from '../index.js'
import { readInput } from './input.js'
import type { Io } from './io.js'

/** A kubeadm configuration, right or wrong. A file of its own, since tokens by flags need no reader to be loaded. */
export async function readConfiguration(file: string, io: Io): Promise<ParsedConfiguration> {
  const { text, name } = await readInput(file, io, true)
  return parseConfiguration(text, name)
}
