import { type DifferenceName, has } from '../../kubernetes/differences.js'
import { oldestKubelet, parseVersion } from '../../kubernetes/versions.js'
import { error, PREFLIGHT_ROLES, type PreflightCheck, warning, well } from './check.js'

/** A program that has to be in PATH. */
export interface WantedProgram {
  readonly name: string
  readonly severity: 'error' | 'warning'
  /** Default: all */
  readonly versions?: DifferenceName
  /** Package of Debian that has it. */
  readonly package: string
}

/**
 * In kubeadm's order, with its severities. crictl is an error with kubeadm up to 1.30, since it runs that program itself; kpki talks
 * to the container runtime without it.
 */
export const PREFLIGHT_PROGRAMS: readonly WantedProgram[] = [
  { name: 'crictl', severity: 'warning', versions: 'preflightCrictl', package: 'cri-tools' },
  { name: 'conntrack', severity: 'error', versions: 'preflightConntrack', package: 'conntrack' },
  { name: 'ip', severity: 'error', versions: 'preflightIpTools', package: 'iproute2' },
  { name: 'iptables', severity: 'error', versions: 'preflightIpTools', package: 'iptables' },
  { name: 'mount', severity: 'error', package: 'mount' },
  { name: 'cp', severity: 'error', versions: 'preflightLosetup', package: 'coreutils' },
  { name: 'losetup', severity: 'error', versions: 'preflightLosetup', package: 'mount' },
  { name: 'nsenter', severity: 'error', versions: 'preflightNsenter', package: 'util-linux' },
  { name: 'ebtables', severity: 'warning', versions: 'preflightSocat', package: 'ebtables' },
  { name: 'ethtool', severity: 'warning', versions: 'preflightIpTools', package: 'ethtool' },
  { name: 'socat', severity: 'warning', versions: 'preflightSocat', package: 'socat' },
  { name: 'tc', severity: 'warning', versions: 'preflightIpTools', package: 'iproute2' },
  { name: 'touch', severity: 'warning', package: 'coreutils' },
]

/** Programs in PATH. */
export const IN_PATH: PreflightCheck = {
  name: 'FileExisting-PROGRAM',
  about: 'programs that the kubelet and kube-proxy run are in PATH',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'install the package that has it',
  roles: PREFLIGHT_ROLES,
  probes: ({ version }) =>
    PREFLIGHT_PROGRAMS.filter(({ versions }) => versions === undefined || has(version, versions)).map(program => ({
      name: `FileExisting-${program.name}`,
      look: async ({ system }) => {
        if ((await system.which(program.name)) !== undefined) return well()
        const judge = program.severity === 'error' ? error : warning
        return judge(
          `${program.name} not found in system path`,
          `install it (Debian: apt-get install ${program.package}), or put its directory into PATH`,
        )
      },
    })),
}

const KUBELET_VERSION: PreflightCheck = {
  name: 'KubeletVersion',
  about: 'the kubelet is not newer than the control plane, and at most three minors older (up to 1.28: one)',
  severity: 'error',
  origin: 'kubeadm',
  mend: 'install the kubelet of the version that the control plane is to have',
  roles: PREFLIGHT_ROLES,
  probes: ({ version }) => [
    {
      name: 'KubeletVersion',
      look: async ({ system }) => {
        const hint = `install kubelet ${version.text}`
        if ((await system.which('kubelet')) === undefined)
          return error("couldn't get kubelet version: kubelet not found in system path", hint)
        const { stdout, status } = await system.run('kubelet', ['--version'], { timeoutMs: 10_000 })
        const text = /^Kubernetes (v[0-9][^\s]{0,60})\s*$/.exec(stdout)?.[1]
        const kubelet = text === undefined ? undefined : parseVersion(text)
        if (status !== 0 || text === undefined)
          return error("couldn't get kubelet version: kubelet --version does not say it", hint)
        const oldest = oldestKubelet(version)
        if (!kubelet || kubelet.minor < oldest)
          return error(
            `the kubelet is ${text}, and older than 1.${oldest}, which a control plane of ${version.text} takes`,
            hint,
          )
        if (kubelet.minor > version.minor) {
          return error(
            `the kubelet version is higher than the control plane version: ${text}, and ${version.text}`,
            `${hint}, or have a newer control plane (--kubernetes-version)`,
          )
        }
        return well(`the kubelet is ${text}`)
      },
    },
  ],
}

const KUBELET_SERVICE: PreflightCheck = {
  name: 'Service-Kubelet',
  about: 'the kubelet is a service of systemd or OpenRC that starts with the host',
  severity: 'warning',
  origin: 'kubeadm',
  mend: 'systemctl enable kubelet.service; without such a manager init says which command to start',
  roles: PREFLIGHT_ROLES,
  probes: () => [
    {
      name: 'Service-Kubelet',
      look: async ({ system }) => {
        const services = await system.services()
        if (!services) {
          return warning(
            'no supported init system detected, skipping checking for services',
            'have whatever starts the services of this host start the kubelet, too; init says with which command',
          )
        }
        if (!(await services.isInstalled('kubelet')))
          return warning('kubelet service does not exist', 'install the package kubelet, which brings its unit')
        if (await services.isEnabled('kubelet')) return well()
        const command =
          services.name === 'systemd' ? 'systemctl enable kubelet.service' : 'rc-update add kubelet default'
        return warning('kubelet service is not enabled: it does not start with the host', command)
      },
    },
  ],
}

/** The kubelet's version and service. */
export const KUBELET_CHECKS: readonly PreflightCheck[] = [KUBELET_VERSION, KUBELET_SERVICE]
