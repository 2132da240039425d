/** The page: describe a cluster, get its PKI, look at it, take it along. Nothing leaves the page, and nothing stays in it. */
import { FACT_FLAGS, type FlagName, KpkiError } from 'kpki'
import { CONTROLS, factOf, fillChoices, openFile, type Read, readForm } from './description.js'
import { announce, byId } from './dom.js'
import { type Made, makePki, wipe } from './make.js'
import { showPreview } from './preview.js'
import { goToSummary, hasSummary, showProblems, showSummary } from './problems.js'
import { clearResult, showResult } from './result.js'

const form = byId('description', HTMLFormElement)
const makeButton = byId('make', HTMLButtonElement)
const work = byId('work', HTMLElement)
const bar = byId('progress', HTMLProgressElement)
const said = byId('said', HTMLElement)

/** Controls that somebody has been at: problems of the others are not shown yet. */
const touched = new Set<Element>()
let made: Made | undefined
let run: AbortController | undefined
let reading = 0
let timer: ReturnType<typeof setTimeout> | undefined
let isPointerDown = false

/** Reads the form and shows what comes of it, unless it has been read again meanwhile. */
async function look(): Promise<Read> {
  clearTimeout(timer)
  const turn = ++reading
  const read = await readForm()
  if (turn === reading) {
    showPreview(read)
    showProblems(read.problems, touched)
    if (hasSummary()) showSummary(read.problems)
  }
  return read
}

/** Looks when there is a pause. Not while a button is held down, which would move away from under the pointer. */
function lookSoon(): void {
  clearTimeout(timer)
  timer = setTimeout(() => (isPointerDown ? lookSoon() : void look()), 200)
}

async function make(): Promise<void> {
  if (run) return
  run = new AbortController()
  const { signal } = run
  try {
    for (const control of CONTROLS) touched.add(control)
    const read = await look()
    showSummary(read.problems)
    if (!read.cluster) return goToSummary()
    forget()
    setBusy(true)
    made = await makePki(read.cluster, signal, showProgress)
    setBusy(false)
    showResult(made, commandOf(read), forgetAndSay)
    announce(`Done: the PKI of ${made.cluster.nodeName} is made`)
  } catch (error) {
    say(signal.aborted ? 'Cancelled; nothing was made.' : `Nothing was made: ${reasonOf(error)}.`)
    makeButton.focus()
  } finally {
    run = undefined
    setBusy(false)
  }
}

function showProgress(done: number, total: number): void {
  const text = `${done} of ${total} keys`
  byId('progress-text', HTMLElement).textContent = `Making ${text}`
  bar.max = total
  bar.value = done
  // Not every key: whoever listens has other things to hear.
  if (done === 0 || done === Math.ceil(total / 2)) announce(`${text} made`)
}

function setBusy(isBusy: boolean): void {
  work.hidden = !isBusy
  // Not disabled, which would take the focus away from whoever is on it.
  makeButton.setAttribute('aria-disabled', String(isBusy))
  form.setAttribute('aria-busy', String(isBusy))
  if (isBusy) say('')
}

function say(text: string): void {
  said.hidden = text === ''
  said.textContent = text
  if (text !== '') announce(text)
}

function reasonOf(error: unknown): string {
  if (error instanceof KpkiError) return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`
  return error instanceof Error ? `${error.name}: ${error.message}` : 'for no reason that the page knows'
}

/** Ends the keys, on the page and in memory. */
function forget(): void {
  if (made) wipe(made.store)
  made = undefined
  clearResult()
}

function forgetAndSay(): void {
  forget()
  say('Forgotten: the keys are nowhere but where you took them.')
  makeButton.focus()
}

/** The command line that says the same; a pasted configuration becomes the file that it names. */
function commandOf({ flags, description }: Read): string {
  const words = (Object.entries(flags) as [FlagName, string][]).map(
    ([name, value]) => `${FACT_FLAGS[name]} ${quote(value)}`,
  )
  const hasFile = Object.values(description?.origins ?? {}).some(({ kind }) => kind === 'file')
  return ['sudo kpki gen all', ...(hasFile ? ['--config kubeadm.yaml'] : []), ...words].join(' ')
}

/** A word as a shell takes it for itself. */
function quote(text: string): string {
  return /^[A-Za-z0-9_.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function start(): void {
  fillChoices()
  if (globalThis.crypto?.subtle === undefined) {
    const unusable = byId('unusable', HTMLElement)
    unusable.hidden = false
    unusable.textContent =
      'Browsers make keys only in pages that came by HTTPS, from localhost, or from a disk. This one came in another way.'
    makeButton.disabled = true
    return
  }
  form.addEventListener('input', lookSoon)
  form.addEventListener('change', event => {
    if (event.target instanceof Element) touched.add(event.target)
    lookSoon()
  })
  for (const type of ['pointerdown', 'pointerup', 'pointercancel']) {
    addEventListener(type, () => {
      isPointerDown = type === 'pointerdown'
    })
  }
  form.addEventListener('submit', event => {
    event.preventDefault()
    void make()
  })
  byId('cancel', HTMLButtonElement).addEventListener('click', () => run?.abort())
  byId('example', HTMLButtonElement).addEventListener('click', () => {
    for (const control of CONTROLS) {
      const name = factOf(control)
      control.value = (name && EXAMPLE[name]) ?? control.value
    }
    void look()
  })
  const open = byId('open', HTMLInputElement)
  open.addEventListener('change', async () => {
    const [file] = open.files ?? []
    if (!file) return
    await openFile(file)
    open.value = ''
    touched.add(byId('configuration', HTMLTextAreaElement))
    await look()
  })
  // Also when the page is only put aside, to come back with the browser's back button.
  addEventListener('pagehide', () => {
    run?.abort()
    forget()
  })
  void look()
}

const EXAMPLE: Readonly<Partial<Record<FlagName, string>>> = {
  nodeName: 'cp-1',
  advertiseAddress: '10.0.0.10',
  controlPlaneEndpoint: 'api.example.org:6443',
  apiServerCertSans: 'k8s.example.org, 192.0.2.7',
  encryptionAlgorithm: 'ECDSA-P256',
}

start()
