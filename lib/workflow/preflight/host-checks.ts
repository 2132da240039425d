import { parseIp } from '../../crypto/ip.js'
import { has } from '../../kubernetes/differences.js'
import { addressAt, formatHostPort } from '../../kubernetes/net.js'
import { checkOnHost } from '../check-on-host.js'
import {
  CONTROL_PLANE_ROLES,
  dashed,
  error,
  PREFLIGHT_ROLES,
  type PreflightCheck,
  together,
  warning,
  well,
} from './check.js'

/** @see kubernetes/kubernetes v1.20.2, cmd/kubeadm/app/constants/constants.go (ControlPlaneNumCPU, ControlPlaneMem) */
const [MIN_CPUS, MIN_MEMORY_MB] = [2, 1700]
const KUBELET_PORT = 10250

/** What is looked at first, and alone: the other checks ask what only root is told. */
export const PRIVILEGED: PreflightCheck = {
  name: 'IsPrivilegedUser',
  about: 'the user is root; looked at first, and alone',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'run it with sudo',
  roles: PREFLIGHT_ROLES,
  probes: () => [
    {
      name: 'IsPrivilegedUser',
      look: ({ system: { uid } }) =>
        uid === 0 ? well() : error('user is not running as root', 'run it as root, e.g. with sudo'),
    },
  ],
}

const CPUS: PreflightCheck = {
  name: 'NumCPU',
  about: `at least ${MIN_CPUS} CPUs`,
  severity: 'error',
  origin: 'kubeadm',
  mend: 'give the machine more CPUs; a cluster to play with comes up on one, slowly',
  roles: CONTROL_PLANE_ROLES,
  probes: () => [
    {
      name: 'NumCPU',
      look: ({ system: { cpus } }) =>
        cpus >= MIN_CPUS
          ? well()
          : error(
              `the number of available CPUs ${cpus} is less than the required ${MIN_CPUS}`,
              'give the machine more CPUs, or go on without with --ignore-preflight-errors=NumCPU',
            ),
    },
  ],
}

const MEMORY: PreflightCheck = {
  name: 'Mem',
  about: `at least ${MIN_MEMORY_MB} MB of memory`,
  severity: 'error',
  origin: 'kubeadm',
  mend: 'give the machine more memory',
  roles: CONTROL_PLANE_ROLES,
  probes: () => [
    {
      name: 'Mem',
      look: ({ system: { memoryBytes } }) => {
        const actual = Math.floor(memoryBytes / 1024 / 1024)
        if (actual >= MIN_MEMORY_MB) return well()
        return error(
          `the system RAM (${actual} MB) is less than the minimum ${MIN_MEMORY_MB} MB`,
          'give the machine more memory, or go on without with --ignore-preflight-errors=Mem',
        )
      },
    },
  ],
}

const FIREWALL: PreflightCheck = {
  name: 'Firewalld',
  about: 'firewalld does not run, or lets the ports through',
  severity: 'warning',
  origin: 'kubeadm',
  mend: 'firewall-cmd --permanent --add-port=6443/tcp --add-port=10250/tcp && firewall-cmd --reload',
  roles: CONTROL_PLANE_ROLES,
  probes: ({ api }) => [
    {
      name: 'Firewalld',
      look: async ({ system }) => {
        const services = await system.services()
        // kubeadm says here, too, that it knows no init system; Service-Kubelet says it once.
        if (!services || !(await services.isInstalled('firewalld')) || !(await services.isActive('firewalld')))
          return well()
        const ports = [...(api ? [api.port] : []), KUBELET_PORT]
        return warning(
          `firewalld is active, please ensure ports [${ports.join(' ')}] are open or your cluster may not function correctly`,
          `firewall-cmd --permanent ${ports.map(port => `--add-port=${port}/tcp`).join(' ')} && firewall-cmd --reload`,
        )
      },
    },
  ],
}

const SWAP: PreflightCheck = {
  name: 'Swap',
  about: 'no swap is in use, or the kubelet is told to run with it (failSwapOn: false); up to 1.27 an error',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'swapoff -a, and take the swap out of /etc/fstab; or configure the kubelet for it',
  roles: PREFLIGHT_ROLES,
  probes: ({ version, allowsSwap }) => [
    {
      name: 'Swap',
      look: async ({ host }) => {
        const lines = (await readText(host.read('/proc/swaps'))).split('\n').filter(line => line !== '')
        if (lines.length <= 1) return well()
        if (allowsSwap) return well('swap is on, and the KubeletConfiguration says failSwapOn: false')
        const judge = has(version, 'preflightSwapError') ? error : warning
        return judge(
          'swap is on, and the kubelet does not start with it unless it is told to',
          'swapoff -a, and take the swap out of /etc/fstab; or say failSwapOn: false in a KubeletConfiguration',
        )
      },
    },
  ],
}

const NODE_NAME: PreflightCheck = {
  name: 'Hostname',
  about: 'the node name is a name that labels may have, and resolves',
  severity: 'warning',
  origin: 'kubeadm',
  mend: 'put the name into DNS or /etc/hosts',
  roles: PREFLIGHT_ROLES,
  probes: ({ nodeName }) => [
    {
      name: 'Hostname',
      look: async ({ system }) => {
        // The last part of a qualified name (k8s.io/apimachinery, util/validation IsQualifiedName): it becomes a label's value.
        if (nodeName.length > 63)
          return warning(
            `the node name ${nodeName} is longer than 63 characters, and cannot be the value of a label`,
            'give a shorter name (--node-name)',
          )
        if ((await system.resolve(nodeName)).length > 0) return well()
        return warning(
          `hostname "${nodeName}" could not be reached: it does not resolve on this host`,
          `put ${nodeName} into DNS, or into /etc/hosts of the control planes`,
        )
      },
    },
  ],
}

/** A host or address that is reached directly, as the API server will. */
function directly(name: string, url: string, what: string) {
  return {
    name,
    look: ({ system }: { readonly system: { proxyFor(url: string): string | undefined } }) => {
      const proxy = system.proxyFor(url)
      if (proxy === undefined) return well()
      return warning(
        `connections to ${what} (${url}) use the proxy ${proxy}, which the environment names`,
        `add ${what} to NO_PROXY; components of the control plane are given the same variables`,
      )
    },
  }
}

const PROXY: PreflightCheck = {
  name: 'HTTPProxy',
  about: 'the API server is reached without a proxy',
  severity: 'warning',
  origin: 'kubeadm',
  mend: 'add its address to NO_PROXY',
  roles: PREFLIGHT_ROLES,
  probes: ({ api, endpoint, role }) => {
    const host = role === 'join-worker' ? endpoint?.host : api?.address.text
    return host === undefined ? [] : [directly('HTTPProxy', `https://${formatHostPort(host, 443)}`, host)]
  },
}

const PROXY_SUBNETS: PreflightCheck = {
  name: 'HTTPProxyCIDR',
  about: 'the first address of each service and Pod network is reached without a proxy',
  severity: 'warning',
  origin: 'kubeadm',
  mend: 'add the networks to NO_PROXY',
  roles: CONTROL_PLANE_ROLES,
  probes: ({ serviceSubnets, podSubnets }) =>
    [...serviceSubnets, ...podSubnets].flatMap(cidr => {
      const address = addressAt(cidr, 1)
      return address ? [directly('HTTPProxyCIDR', `https://${formatHostPort(address.text, 1234)}`, cidr.text)] : []
    }),
}

/** What a description says and this host does not bear out, by its field. */
const onHost = (name: string, field: string, about: string, mend: string): PreflightCheck => ({
  name,
  about,
  severity: 'warning',
  origin: 'kpki',
  mend,
  roles: CONTROL_PLANE_ROLES,
  isOfFiles: true,
  probes: ({ controlPlane }) =>
    controlPlane === undefined
      ? []
      : [
          {
            name,
            look: async ({ host }) => {
              const problems = (await checkOnHost(controlPlane, host)).filter(problem => problem.field === field)
              return together(problems.map(problem => warning(`${field}: ${problem.message}`, problem.hint ?? mend)))
            },
          },
        ],
})

const ENDPOINT = onHost(
  'ControlPlaneEndpoint',
  'controlPlaneEndpoint',
  'controlPlaneEndpoint resolves on this host',
  'put the name into DNS, or into /etc/hosts of every host of the cluster',
)

const CERT_SANS = onHost(
  'CertSANs',
  'apiServer.certSANs',
  'further names of the API server can still be put into its certificate',
  'kpki plan and kpki apply issue a certificate anew; where another CA signs, ask there for the names',
)

const KERNEL_SETTINGS = {
  ipv4: '/proc/sys/net/ipv4/ip_forward',
  ipv6: '/proc/sys/net/ipv6/conf/default/forwarding',
  bridge: '/proc/sys/net/bridge/bridge-nf-call-iptables',
  bridge6: '/proc/sys/net/bridge/bridge-nf-call-ip6tables',
} as const

const FILE_CONTENT: PreflightCheck = {
  name: 'FileContent-PATH',
  about: 'the kernel forwards packets of the families in use; up to 1.29 it shows bridged packets to iptables, too',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'write net.ipv4.ip_forward = 1 (net.ipv6.conf.default.forwarding = 1) into /etc/sysctl.d/k8s.conf, and sysctl --system',
  roles: PREFLIGHT_ROLES,
  probes: subject => {
    const { api, endpoint, serviceSubnets, podSubnets, version, role } = subject
    const joined = role === 'init' ? undefined : endpoint && parseIp(endpoint.host)
    const addresses = role === 'init' ? [api?.address] : [joined]
    const subnets = role === 'init' ? [...serviceSubnets, ...podSubnets].map(cidr => cidr.address) : []
    const families = new Set([...addresses, ...subnets].flatMap(address => address?.family ?? []))
    const isOfIpv6 = addresses.some(address => address?.family === 6)
    const hasBridge = has(version, 'preflightBridgeNetfilter')
    const paths = [
      ...(hasBridge ? [KERNEL_SETTINGS.bridge] : []),
      ...(families.has(4) || !has(version, 'preflightForwardingByFamily') ? [KERNEL_SETTINGS.ipv4] : []),
      ...(hasBridge && isOfIpv6 ? [KERNEL_SETTINGS.bridge6] : []),
      ...(families.has(6) ? [KERNEL_SETTINGS.ipv6] : []),
    ]
    return paths.map(path => ({
      name: `FileContent-${dashed(path)}`,
      look: async ({ host }) => {
        const text = await readText(host.read(path))
        if (text.startsWith('1')) return well()
        const setting = path.slice('/proc/sys/'.length).replaceAll('/', '.')
        const isBridge = path.startsWith('/proc/sys/net/bridge/')
        const load = isBridge && text === '' ? 'modprobe br_netfilter; ' : ''
        return error(
          text === '' ? `${path} does not exist` : `${path} contents are not set to 1`,
          `${load}sysctl -w ${setting}=1, and write "${setting} = 1" into /etc/sysctl.d/k8s.conf so that it stays`,
        )
      },
    }))
  },
}

async function readText(reading: Promise<Uint8Array | undefined>): Promise<string> {
  return new TextDecoder().decode((await reading) ?? new Uint8Array())
}

/** Checks of the machine and its network. */
export const HOST_CHECKS: readonly PreflightCheck[] = [CPUS, MEMORY, FIREWALL]
export const NETWORK_CHECKS: readonly PreflightCheck[] = [PROXY, PROXY_SUBNETS, ENDPOINT, CERT_SANS]
export const NODE_CHECKS: readonly PreflightCheck[] = [SWAP, FILE_CONTENT, NODE_NAME]
