import dns from 'node:dns'
import { readFile } from 'node:fs/promises'
import type net from 'node:net'
import { hostname } from 'node:os'

/** Where names are looked up. */
export interface NameSources {
  /** Name servers, e.g. `10.0.0.2` or `10.0.0.2:53`. Default: those of the system */
  readonly servers?: readonly string[]
  /** What an answer is asked of. Default: the system */
  readonly lookup?: net.LookupFunction
  /** Default: `/etc/hosts` */
  readonly hostsFile?: string
  /** Default: `/etc/nsswitch.conf` */
  readonly nsswitchFile?: string
}

/** c-ares doubles it with each try. */
const FIRST_TIMEOUT_MS = 2000
const TRIES = 3

/**
 * Looks names up as the system does, but not before a name server has answered something.
 *
 * The system's `getaddrinfo` cannot be stopped, and a process does not end before it does: where no name server answers, that is
 * half a minute after everybody was told that time is up. So one is asked first in a way that can be stopped; whatever it says,
 * the system's own answer counts. Names that the system finds without a name server are not asked for.
 *
 * @param signal - ends it
 * @see getaddrinfo(3), resolv.conf(5), nsswitch.conf(5); Node.js documentation, "Implementation considerations" of dns
 */
export function boundedLookup(signal: AbortSignal, sources: NameSources = {}): net.LookupFunction {
  return (name, options, callback) => {
    const lookup = sources.lookup ?? systemLookup
    untilAnswered(name, signal, sources).then(
      () => {
        // Nobody waits for it any more, and it could not be stopped.
        if (!signal.aborted) lookup(name, options, callback)
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    )
  }
}

const systemLookup: net.LookupFunction = (name, options, callback) => {
  dns.lookup(name, options, callback)
}

/** @throws an error of c-ares, `ETIMEOUT`, when no name server answers */
async function untilAnswered(name: string, signal: AbortSignal, sources: NameSources): Promise<void> {
  if (!(await needsNameServer(name, sources))) return
  const resolver = new dns.promises.Resolver({ timeout: FIRST_TIMEOUT_MS, tries: TRIES })
  if (sources.servers) resolver.setServers(sources.servers)
  const stop = () => resolver.cancel()
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (!signal.aborted) await resolver.resolve4(name)
  } catch (error) {
    // That there is no such name, or no such server, is an answer.
    if (error instanceof Error && 'code' in error && error.code === dns.TIMEOUT) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function needsNameServer(name: string, sources: NameSources): Promise<boolean> {
  const wanted = name.toLowerCase().replace(/\.$/, '')
  if (process.platform === 'win32' || wanted === 'localhost' || wanted === hostname().toLowerCase()) return false
  const [hosts, nsswitch] = await Promise.all([
    readText(sources.hostsFile ?? '/etc/hosts'),
    readText(sources.nsswitchFile ?? '/etc/nsswitch.conf'),
  ])
  const named = hosts.split('\n').flatMap(line => line.replace(/#.*/, '').trim().split(/\s+/).slice(1))
  if (named.some(each => each.toLowerCase() === wanted)) return false
  const order = /^\s*hosts:(.*)$/m.exec(nsswitch)?.[1]
  return order === undefined || /\bdns\b/.test(order.replace(/#.*/, ''))
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
