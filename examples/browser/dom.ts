/** What is needed of the document, in few words; text is only ever set as text. */

/** A new element with attributes and content; `false` leaves an attribute out, `true` is an empty one. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...content: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? '' : value)
  }
  made.append(...content)
  return made
}

/** The element of the page that has this id, which must be there and of this type. */
export function byId<T extends HTMLElement>(id: string, type: abstract new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new TypeError(`index.html has no ${type.name} #${id}`)
  return found
}

/** A button that copies a text, and says so; where the browser forbids it, the text is selected instead. */
export function copyButton(source: HTMLElement, what: string): HTMLButtonElement {
  const button = element('button', { type: 'button', class: 'quiet small', 'aria-label': `Copy the ${what}` }, 'Copy')
  const say = (text: string) => {
    button.textContent = text
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2500)
  }
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(source.textContent ?? '')
      say('Copied')
      announce(`${what} copied`)
    } catch {
      getSelection()?.selectAllChildren(source)
      say('Selected')
      announce(`${what} selected: copy it with the keyboard`)
    }
  })
  return button
}

/** Tells those who do not see the page. */
export function announce(text: string): void {
  byId('live', HTMLElement).textContent = text
}
