/** The cluster that the tables are filled in for, and how an answer depends on the version. */
import { type Cluster, type ClusterFacts, createContext, MINORS, parseCluster } from '../../lib/index.js'

const context = createContext()

/** Every minor that kpki knows, oldest first. */
export const ALL_MINORS: readonly number[] = Array.from(
  { length: MINORS.newest - MINORS.oldest + 1 },
  (_, index) => MINORS.oldest + index,
)

/** A first control plane behind a load balancer. */
export function exampleCluster(facts: Partial<ClusterFacts> = {}): Cluster {
  return parseCluster(
    { nodeName: 'cp-1', advertiseAddress: '10.0.0.10', controlPlaneEndpoint: 'api.example.org', ...facts },
    context,
  )
}

/** The example in the newest known patch of a minor. */
export const inMinor = (minor: number, facts: Partial<ClusterFacts> = {}): Cluster =>
  exampleCluster({ kubernetesVersion: `1.${minor}`, ...facts })

/** Consecutive minors with one answer. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly answer: string
}

/** An answer in every minor, equal neighbours taken together. */
export function spansOf(answer: (minor: number) => string): readonly Span[] {
  const spans: Span[] = []
  for (const minor of ALL_MINORS) {
    const text = answer(minor)
    const last = spans.at(-1)
    if (last?.answer === text) spans[spans.length - 1] = { ...last, to: minor }
    else spans.push({ from: minor, to: minor, answer: text })
  }
  return spans
}

/** An answer in every minor in one cell, e.g. `` `a` up to 1.28, `b` from 1.29 ``. */
export function byVersion(answer: (minor: number) => string): string {
  const spans = spansOf(answer)
  if (spans.length === 1) return spans[0]?.answer ?? ''
  return spans
    .map(({ from, to, answer: text }) => {
      if (from === MINORS.oldest) return `${text} up to 1.${to}`
      return to === MINORS.newest ? `${text} from 1.${from}` : `${text} from 1.${from} to 1.${to}`
    })
    .join(', ')
}
