import type { KubernetesObject } from '../../kubernetes/objects.js'
import { stopIfInterrupted } from '../interruption.js'
import { describeObject, objectName, outcomeOf } from './actions.js'
import type { Action } from './phase.js'

/** What becomes of an object where the cluster has one already. */
export interface Adjusted {
  /** What is applied; `undefined`: the cluster's stays as it is. */
  readonly object: KubernetesObject | undefined
  /** What a person should know. Default: nothing */
  readonly note?: string
}

/**
 * Looks at an object that the cluster has, before another one is applied to it.
 *
 * @throws `ApiError` where that cannot be applied
 */
export type Adjust = (object: KubernetesObject, existing: KubernetesObject) => Adjusted | Promise<Adjusted>

/** As `applyObjects`, where something of the cluster's own is kept. Notes come at the end of all that was done. */
export function applyAdjusted(
  objects: readonly KubernetesObject[],
  adjust: Adjust,
  notes: readonly string[] = [],
): Action {
  return {
    kind: 'objects',
    about: `apply ${objects.map(describeObject).join(', ')}`,
    objects,
    notes,
    async apply({ connect, signal }) {
      const api = await connect()
      const made: string[] = []
      const told = [...notes]
      for (const object of objects) {
        stopIfInterrupted(signal, made.length === 0 ? 'nothing was applied' : `${made.join(', ')} stays`)
        const existing = await api.get(objectName(object))
        const adjusted: Adjusted = existing ? await adjust(object, existing) : { object }
        if (adjusted.note !== undefined) told.push(adjusted.note)
        if (!adjusted.object || (existing && isBare(adjusted.object))) continue
        const after = await api.apply(adjusted.object)
        if (existing?.metadata.resourceVersion !== after.metadata.resourceVersion) made.push(describeObject(object))
      }
      return outcomeOf(made, told)
    },
  }
}

/** It says nothing but that it is there; an API server of v1.20 takes that for a change, each time it is applied. */
function isBare({ apiVersion: _apiVersion, kind: _kind, metadata, ...rest }: KubernetesObject): boolean {
  const { name: _name, namespace: _namespace, ...own } = metadata
  return Object.keys(rest).length === 0 && Object.keys(own).length === 0
}
