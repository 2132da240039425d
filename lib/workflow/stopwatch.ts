import type { Context } from '../context.js'

/** Measures how long something is waited for. */
export interface Stopwatch {
  /** Since it was started. By the clock, and at least what was paused: a clock may be set, or stand still in a test. */
  elapsedMs(): number
  pause(ms: number): Promise<void>
}

/** Starts one. */
export function startStopwatch({ clock, sleep }: Pick<Context, 'clock' | 'sleep'>): Stopwatch {
  const start = clock().getTime()
  let pausedMs = 0
  return {
    elapsedMs: () => Math.max(clock().getTime() - start, pausedMs),
    async pause(ms) {
      await sleep(ms)
      pausedMs += ms
    },
  }
}
