/** The form: what it says about a cluster, and what is wrong with that, shown where it is. */
import {
  type Cluster,
  type ConfigProblem,
  createContext,
  type Description,
  FACT_FIELDS,
  FACT_FLAGS,
  type FlagFacts,
  type FlagName,
  KEY_ALGORITHMS,
  KpkiError,
  MAX_INPUT_BYTES,
  MINORS,
  parseVersion,
  resolveDescription,
} from 'kpki'
import { byId, element } from './dom.js'

/** What the configuration is called in messages. */
const FILE = 'configuration'

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

/** The form, read. */
export interface Read {
  /** `undefined` when something has to be corrected first. */
  readonly cluster: Cluster | undefined
  /** `undefined` when the configuration cannot be read at all. */
  readonly description: Description | undefined
  /** What the fields say, those left empty aside. */
  readonly flags: Readonly<Partial<Record<FlagName, string>>>
  readonly problems: readonly Problem[]
}

/** Something to correct or to know, and the control that it is about. */
export interface Problem {
  readonly severity: 'error' | 'warning'
  readonly control: Control
  /** One or two sentences. */
  readonly text: string
  /** Where in the configuration, counted from 1. */
  readonly line: number | undefined
}

const NAMES = Object.keys(FACT_FLAGS) as readonly FlagName[]
const configuration = byId('configuration', HTMLTextAreaElement)
const form = byId('description', HTMLFormElement)

/** The fact that a control gives: its id is the flag's name; `undefined` for the configuration. */
export const factOf = ({ id }: Element): FlagName | undefined => NAMES.find(name => FACT_FLAGS[name] === `--${id}`)

/** All controls that describe the cluster, in the order of the page. */
export const CONTROLS: readonly Control[] = [...form.elements].filter(
  (control): control is Control => control === configuration || factOf(control) !== undefined,
)

/** Fills in what the library knows: algorithms and versions. */
export function fillChoices(): void {
  const algorithms = byId('encryption-algorithm', HTMLSelectElement)
  algorithms.append(...Object.keys(KEY_ALGORITHMS).map(name => element('option', { value: name }, name)))
  const minors = Array.from({ length: MINORS.newest - MINORS.oldest + 1 }, (_, index) => MINORS.newest - index)
  const versions = minors.flatMap(minor => parseVersion(`stable-1.${minor}`)?.text ?? [])
  byId('versions', HTMLDataListElement).append(...versions.map(value => element('option', { value })))
  byId('kubernetes-version', HTMLInputElement).placeholder = parseVersion('stable')?.text ?? ''
}

/** Reads the form. Never throws for what is written in it. */
export async function readForm(): Promise<Read> {
  const flags: Partial<Record<FlagName, string>> = {}
  for (const control of CONTROLS) {
    const [name, value] = [factOf(control), control.value.trim()]
    // Lines separate names as well as commas do.
    if (name !== undefined && value !== '') flags[name] = value.replace(/\s*[\n,]\s*/g, ',')
  }
  const text = configuration.value
  try {
    const description = await resolveDescription(
      { flags: flags satisfies FlagFacts, ...(text.trim() === '' ? {} : { file: { text, name: FILE } }) },
      createContext(),
    )
    const problems = [...description.problems.map(problem => placed(problem, description)), ...joining(description)]
    const isBroken = problems.some(({ severity }) => severity === 'error')
    return { cluster: isBroken ? undefined : description.cluster, description, flags, problems: inOrder(problems) }
  } catch (error) {
    // What is over the limit is not looked into.
    if (!(error instanceof KpkiError)) throw error
    const problem: Problem = {
      severity: 'error',
      control: configuration,
      text: sentence(error.message),
      line: undefined,
    }
    return { cluster: undefined, description: undefined, flags, problems: [problem] }
  }
}

/** Reads a file of the visitor's disk into the form; of one that is too large, as much as it takes to say so. */
export async function openFile(file: File): Promise<void> {
  configuration.value = await file.slice(0, MAX_INPUT_BYTES + 1).text()
}

/** A host that joins gets its CAs from one that is there. */
function joining({ role }: Description): readonly Problem[] {
  if (role === undefined) return []
  const text =
    'This describes a host that joins a cluster, whose CAs exist already. This page makes the first control plane: ' +
    'take an InitConfiguration, or use kpki gen all --ca-from.'
  return [{ severity: 'error', control: configuration, text, line: undefined }]
}

function placed(problem: ConfigProblem, { facts }: Description): Problem {
  const { severity, field, message, hint, file, line, column } = problem
  const name = nameOf(field)
  const own = CONTROLS.find(control => name !== undefined && factOf(control) === name)
  const control = file !== undefined || !own ? configuration : own
  const isMissing = name !== undefined && control === own && facts[name] === undefined
  if (isMissing && own.value.trim() === '') {
    return { severity, control, text: 'Needed: there is no default for it.', line: undefined }
  }
  const place = line === undefined ? '' : `Line ${line}, column ${column}: `
  const subject = control === configuration && field !== '' ? `${field}: ` : ''
  const said = place + subject === '' ? sentence(message) : `${place}${subject}${message}.`
  // Who is told about a field need not be told where it is.
  const isCircular = control === own && name !== undefined && hint?.includes(FACT_FLAGS[name])
  const advice = hint === undefined || isCircular ? '' : ` ${sentence(inWordsOfThePage(hint))}`
  return { severity, control, text: said + advice, line }
}

/** The fact that a kubeadm field belongs to; items of a list belong to the list. */
function nameOf(field: string): FlagName | undefined {
  return NAMES.find(name => field === FACT_FIELDS[name] || field.startsWith(`${FACT_FIELDS[name]}[`))
}

/** Hints name flags; here they are fields. */
function inWordsOfThePage(hint: string): string {
  return hint.replace(/--[a-z-]+/g, flag => {
    const control = CONTROLS.find(({ id }) => flag === `--${id}`)
    return control ? `“${labelOf(control)}”` : flag
  })
}

/** A control's label without what is beside it. */
export function labelOf(control: Control): string {
  return control.labels?.[0]?.firstChild?.textContent?.trim() ?? control.id
}

/** Upper case at its start, unless that is a name or a value, and a full stop at its end. */
function sentence(message: string): string {
  const text = message.replace(/^[a-z]+(?= )/, word => word.charAt(0).toUpperCase() + word.slice(1))
  return /[.?!]$/.test(text) ? text : `${text}.`
}

/** In the order of the page, errors before warnings of the same control. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ control, severity }: Problem) => CONTROLS.indexOf(control) * 2 + (severity === 'error' ? 0 : 1)
  return [...problems].sort((a, b) => rank(a) - rank(b))
}
