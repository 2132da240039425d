import { nearestName } from '../config/problems.js'
import { UsageError } from '../errors.js'
import { PATCH_TARGETS, type PatchTarget, type PatchType } from './patch.js'

const TYPES = ['strategic', 'merge', 'json'] as const satisfies readonly PatchType[]
const NAME = new RegExp(`^(${PATCH_TARGETS.join('|')})([^.+\\n]*)(\\+[^.\\n]*)?(\\..*)?\\.(?:yaml|json)$`)

/** What the name of a patch file says; `note` where the file is none, or may not be meant as it is read. */
export interface PatchName {
  readonly target?: PatchTarget
  readonly type: PatchType
  readonly note?: string
}

/**
 * Reads the name of a patch file, `target[suffix][+type].extension`, e.g. `kube-apiserver0+merge.yaml`.
 *
 * Stricter than kubeadm: what follows the type is refused, where kubeadm passes it over.
 *
 * @param name - without its directory
 * @throws {@link UsageError} `KPKI_PATCH_INVALID` for an unknown type
 * @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/util/patches/patches.go (parseFilename)
 */
export function parsePatchName(name: string, file: string): PatchName {
  const [, target, , plus, more] = NAME.exec(name) ?? []
  if (target === undefined) return { type: 'strategic', note: noPatch(name, file) }
  const type = plus === undefined ? 'strategic' : TYPES.find(each => plus === `+${each}`)
  if (type === undefined) {
    const nearest = plus === undefined ? undefined : nearestName(plus.slice(1), TYPES)
    throw new UsageError('KPKI_PATCH_INVALID', `${file}: after + stands the type of the patch: ${TYPES.join(', ')}`, {
      details: { file },
      hint: nearest
        ? `did you mean ${name.replace(plus ?? '', `+${nearest}`)}?`
        : `rename it, e.g. ${target}+merge.yaml`,
    })
  }
  const known = PATCH_TARGETS.find(each => each === target)
  const meant = TYPES.find(each => more === `.${each}`)
  return {
    ...(known ? { target: known } : {}),
    type,
    ...(meant && plus === undefined
      ? { note: `${file}: is read as a strategic patch; the type stands behind a +: ${target}+${meant}.yaml` }
      : {}),
  }
}

/** Why a file is no patch, and what its name should have been. */
function noPatch(name: string, file: string): string {
  if (!/.\.(?:yaml|json)$/.test(name)) {
    const hint = /\.yml$/i.test(name) ? `; did you mean ${name.replace(/yml$/i, 'yaml')}?` : ''
    return `${file}: is not read: names of patches end in .yaml or .json${hint}`
  }
  const stem = name
    .replace(/[.+].*$/, '')
    .replace(/[-_]?[0-9]*$/, '')
    .toLowerCase()
  const meant =
    PATCH_TARGETS.find(target => target === `kube-${stem}` || (stem.length > 3 && target.startsWith(stem))) ??
    nearestName(stem, PATCH_TARGETS)
  return `${file}: is not read: its name begins with none of ${PATCH_TARGETS.join(', ')}${meant ? `; did you mean ${meant}?` : ''}`
}
