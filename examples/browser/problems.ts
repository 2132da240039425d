/** Shows problems at the controls that they are about, and all errors together above the form. */
import { CONTROLS, labelOf, type Problem } from './description.js'
import { byId, element } from './dom.js'

const summary = byId('summary', HTMLElement)
/** What the page says of each control without problems. */
const hints = new Map(CONTROLS.map(control => [control, control.getAttribute('aria-describedby')]))

/** Shows at each control what is wrong with it; controls that are not among `shown` are left alone for now. */
export function showProblems(problems: readonly Problem[], shown: ReadonlySet<Element>): void {
  for (const control of CONTROLS) {
    const own = shown.has(control) ? problems.filter(problem => problem.control === control) : []
    const id = `${control.id}-problems`
    document.getElementById(id)?.remove()
    const described = [hints.get(control), own.length > 0 ? id : undefined].filter(Boolean).join(' ')
    if (described === '') control.removeAttribute('aria-describedby')
    else control.setAttribute('aria-describedby', described)
    control.setAttribute('aria-invalid', String(own.some(({ severity }) => severity === 'error')))
    if (own.length === 0) continue
    const lines = own.map(({ severity, text }) => element('li', { class: severity }, text))
    control.after(element('ul', { id, class: 'problems' }, ...lines))
  }
}

/** Lists all errors above the form, with links to where they are. */
export function showSummary(problems: readonly Problem[]): void {
  const errors = problems.filter(({ severity }) => severity === 'error')
  summary.hidden = errors.length === 0
  summary.replaceChildren()
  if (errors.length === 0) return
  const count = errors.length === 1 ? 'One thing has' : `${errors.length} things have`
  const items = errors.map(problem => {
    const link = element('a', { href: `#${problem.control.id}` }, `${labelOf(problem.control)}: ${problem.text}`)
    link.addEventListener('click', event => {
      event.preventDefault()
      goTo(problem)
    })
    return element('li', {}, link)
  })
  summary.append(element('h3', {}, `${count} to be corrected; nothing was made`), element('ul', {}, ...items))
}

/** Takes the reader to the list of errors. */
export function goToSummary(): void {
  summary.focus()
  summary.scrollIntoView({ block: 'nearest' })
}

/** Whether errors are listed above the form at the moment. */
export const hasSummary = (): boolean => !summary.hidden

/** Leads to a control, in a configuration to the line. */
function goTo({ control, line }: Problem): void {
  const details = control.closest('details')
  if (details) details.open = true
  control.focus()
  if (line === undefined || !(control instanceof HTMLTextAreaElement)) return
  const lines = control.value.split('\n')
  const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0)
  control.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0))
  // A textarea does not scroll to what is selected in it.
  control.scrollTop = (control.scrollHeight / lines.length) * Math.max(0, line - 4)
}
