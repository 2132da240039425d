/** Gives names that nobody has yet: the second of one name has a number. Takes time in proportion to how many there are. */
export class UniqueNames {
  readonly #taken = new Set<string>()
  /** The number that comes next, by name. */
  readonly #next = new Map<string, number>()
  readonly #numbered: (name: string, number: number) => string

  /** @param numbered - a name with its number, from 2 on */
  constructor(numbered: (name: string, number: number) => string) {
    this.#numbered = numbered
  }

  /** @returns the name, or the name with the first number that is free */
  take(name: string): string {
    let unique = name
    let number = this.#next.get(name) ?? 2
    while (this.#taken.has(unique)) unique = this.#numbered(name, number++)
    this.#next.set(name, number)
    this.#taken.add(unique)
    return unique
  }
}
