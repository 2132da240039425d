import type { Argument } from '../config/control-plane.js'
import { has } from '../kubernetes/differences.js'
import type { KubernetesVersion } from '../kubernetes/versions.js'

/**
 * A component's arguments: one that the description gives takes the place of all defaults of its name.
 *
 * Defaults are sorted by name and value. What the description gives stands behind them in its own order, which counts for
 * some flags (the first `service-account-issuer` signs); older versions sort the whole.
 *
 * @see kubernetes/kubernetes v1.20.2 and v1.36, cmd/kubeadm/app/util/arguments.go
 */
export function mergeArguments(
  defaults: readonly Argument[],
  extra: readonly Argument[],
  version: KubernetesVersion,
): readonly Argument[] {
  const given = new Set(extra.map(({ name }) => name))
  const kept = defaults.filter(({ name }) => !given.has(name))
  return has(version, 'argumentsKeepOrder')
    ? [...kept.toSorted(compareArguments), ...extra]
    : [...kept, ...extra].toSorted(compareArguments)
}

function compareArguments(a: Argument, b: Argument): number {
  return compareText(a.name, b.name) || compareText(a.value, b.value)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Arguments as a program takes them, e.g. `--secure-port=6443`. */
export function formatArguments(args: readonly Argument[]): readonly string[] {
  return args.map(({ name, value }) => `--${name}=${value}`)
}

/** The value that a program ends with where a flag is given more than once: the last one. */
export function lastArgument(args: readonly Argument[], name: string): string | undefined {
  return args.findLast(argument => argument.name === name)?.value
}
