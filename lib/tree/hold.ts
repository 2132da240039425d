import type { Store } from './store.js'

/** A store whose lock a run has for several steps that take it themselves. */
export interface HeldStore {
  /** The same store; to take its lock is nothing. */
  readonly store: Store
  /** Gives the lock free. */
  readonly release: () => Promise<void>
}

/**
 * Takes the lock of a store for more than one step.
 *
 * @throws as `Store.lock`
 */
export async function holdStore(store: Store): Promise<HeldStore> {
  const release = await store.lock()
  return { store: withoutLock(store), release }
}

/** For whoever has the lock already: a store has methods that it may lack, and private fields, which a copy would not have. */
export function withoutLock(store: Store): Store {
  const lock: Store['lock'] = async () => async () => {}
  return new Proxy(store, {
    get(target, name): unknown {
      if (name === 'lock') return lock
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
