/** What runs on a control plane: arguments, probes and images of the components, and what changed between versions. */
import { DIFFERENCES, type Difference, type DifferenceName } from '../../lib/kubernetes/differences.js'
import { MINORS } from '../../lib/kubernetes/versions.js'
import { COMPONENT_ARGUMENTS, CONDITIONS } from '../../lib/render/component-args.js'
import { IMAGE_TAGS } from '../../lib/render/images.js'
import { PROBES } from '../../lib/render/probes.js'
import { STATIC_POD_COMPONENTS, type StaticPodComponent } from '../../lib/render/static-pods.js'
import { code, table } from './markdown.js'

/** The versions of a difference, in words. */
export function spanOf({ since, until, patches = {} }: Difference): string {
  const some = Object.entries(patches).map(([minor, patch]) => `1.${minor}.${patch}`)
  if (since === undefined) {
    if (until === undefined) return 'all'
    // Of a minor that is too old the patches that came later are told alone.
    return `up to ${[...(until < MINORS.oldest ? [] : [`1.${until}`]), ...some].join(', ')}`
  }
  if (until !== undefined) return `1.${since} to 1.${until}`
  return `from ${[...some, `1.${since}`].join(', ')}`
}

const isDifference = (name: string): name is DifferenceName => Object.hasOwn(DIFFERENCES, name)

/** A condition in words, versions as they are counted. */
function conditionOf(name: keyof typeof CONDITIONS | DifferenceName): string {
  if (isDifference(name)) return spanOf(DIFFERENCES[name])
  return CONDITIONS[name].about.replace(/\{(\w+)\}/g, (_, row: string) => {
    if (!isDifference(row)) throw new RangeError(`{${row}} is no row of DIFFERENCES`)
    return spanOf(DIFFERENCES[row])
  })
}

/** Default arguments of one component. */
export function componentArguments(component: StaticPodComponent): string {
  return table(
    ['flag', 'value', 'when'],
    COMPONENT_ARGUMENTS[component]
      .toSorted((a, b) => (a.flag < b.flag ? -1 : 1))
      .map(({ flag, value, when = [] }) => [code(flag), code(value) || 'empty', when.map(conditionOf).join('; ')]),
  )
}

/** Where the kubelet asks, by component and version. */
export function probes(): string {
  const kinds = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const
  const groups = STATIC_POD_COMPONENTS.flatMap(component =>
    [...new Set(PROBES.filter(row => row.component === component).map(({ when }) => when))].map(when => ({
      component,
      when,
      path: (kind: (typeof kinds)[number]) =>
        PROBES.find(row => row.component === component && row.when === when && row.probe === kind)?.path ?? '',
    })),
  )
  return table(
    ['component', 'versions', 'liveness', 'readiness', 'startup'],
    groups.map(({ component, when, path }) => [
      code(component),
      when === undefined ? 'all' : spanOf(DIFFERENCES[when]),
      ...kinds.map(kind => code(path(kind)) || '-'),
    ]),
  )
}

/** Tags of images that are not Kubernetes' own. */
export function images(): string {
  return table(
    ['Kubernetes', 'etcd', 'CoreDNS', 'pause'],
    Object.entries(IMAGE_TAGS)
      .toReversed()
      .map(([minor, { etcd, coredns, pause }]) => [`1.${minor}`, code(etcd), code(coredns), code(pause)]),
  )
}

/** Everything that is not the same in every version, the newest first. */
export function differences(): string {
  const rows: readonly Difference[] = Object.values(DIFFERENCES)
  const at = ({ since, until = 0 }: Difference) => since ?? until + 1
  return table(
    ['versions', 'what', 'source'],
    rows.toSorted((a, b) => at(b) - at(a)).map(row => [spanOf(row), row.about, row.source]),
  )
}
