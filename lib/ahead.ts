/** What is done while one result is looked at: disks answer, digests and keys are made on other cores meanwhile. */
const AHEAD = 8

/**
 * Does some work for a few at a time, and gives what comes of it in their order; waits for what has begun also where nobody wants
 * the rest.
 */
export async function* ahead<T, R>(
  inputs: Iterable<T> | AsyncIterable<T>,
  work: (input: T) => Promise<R>,
): AsyncGenerator<R> {
  const waiting: Promise<R>[] = []
  try {
    for await (const input of inputs) {
      const done = work(input)
      // Told when its turn comes.
      done.catch(() => {})
      waiting.push(done)
      const first = waiting.length > AHEAD ? waiting.shift() : undefined
      if (first) yield await first
    }
    for (let first = waiting.shift(); first; first = waiting.shift()) yield await first
  } finally {
    await Promise.allSettled(waiting)
  }
}
