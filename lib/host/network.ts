import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { parseIp } from '../crypto/ip.js'

/** An address and the interface that has it. */
export interface DetectedAddress {
  readonly address: string
  readonly interface: string
}

/** This host's name, as the kernel has it. */
export function detectHostName(): string {
  return hostname()
}

/**
 * The address that other hosts reach this one at: the first global unicast address of the interface with the default route,
 * IPv4 before IPv6, as kubeadm and the API server choose it. Where there is no /proc, the system is asked which address
 * it would send from (no packet is sent).
 *
 * @returns `undefined` when there is no default route
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apimachinery/pkg/util/net/interface.go (ChooseHostInterface)
 */
export async function detectDefaultAddress(): Promise<DetectedAddress | undefined> {
  const [v4, v6] = await Promise.all([readRoutes('/proc/net/route'), readRoutes('/proc/net/ipv6_route')])
  if (v4 === undefined && v6 === undefined) return askSystem()
  const v4Default = v4
    ?.map(line => line.split(/\s+/))
    .find(([, destination, , flags]) => destination === '00000000' && isUp(flags))
  const v6Default = v6
    ?.map(line => line.trim().split(/\s+/))
    // The kernel's own "unreachable" default routes go to lo.
    .find(fields => fields[0] === '0'.repeat(32) && fields[1] === '00' && fields[9] !== 'lo')
  return addressOn(v4Default?.[0], 4) ?? addressOn(v6Default?.[9], 6)
}

async function readRoutes(path: string): Promise<string[] | undefined> {
  return readFile(path, 'utf8').then(
    text => text.split('\n'),
    () => undefined,
  )
}

/** RTF_UP (linux/route.h). */
function isUp(flags: string | undefined): boolean {
  return (Number.parseInt(flags ?? '0', 16) & 1) === 1
}

function addressOn(name: string | undefined, family: 4 | 6): DetectedAddress | undefined {
  const found = (name === undefined ? undefined : networkInterfaces()[name])?.find(
    ({ address, internal }) =>
      !internal && parseIp(address)?.family === family && !/^(fe[89ab]|169\.254\.)/i.test(address),
  )
  return found && name !== undefined ? { address: found.address, interface: name } : undefined
}

function askSystem(): Promise<DetectedAddress | undefined> {
  return new Promise(resolve => {
    const socket = createSocket('udp4')
    const finish = (address?: string) => {
      socket.close()
      const entry = Object.entries(networkInterfaces()).find(([, list]) => list?.some(item => item.address === address))
      resolve(address === undefined || !entry ? undefined : { address, interface: entry[0] })
    }
    socket.once('error', () => finish())
    // 192.0.2.1 is a documentation address (RFC 5737); connecting a datagram socket only looks up the route to it.
    socket.connect(9, '192.0.2.1', () => finish(socket.address().address))
  })
}
