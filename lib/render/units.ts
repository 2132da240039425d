import type { ControlPlane } from '../config/control-plane.js'
import { encodeUtf8 } from '../crypto/bytes.js'
import { UsageError } from '../errors.js'
import { componentArguments, type StaticPodComponent } from './component-args.js'
import { optionsOf } from './component-volumes.js'
import type { HostFile, HostTraits } from './host-file.js'
import type { Patch } from './patch.js'
import { componentEnv } from './static-pods.js'
import { environmentLine, unitProgram, unitWord } from './systemd-text.js'

/** Options of {@link systemdFiles}. */
export interface UnitOptions {
  /** Where the programs are; absolute. Default: `/usr/local/bin` */
  readonly binDir?: string
  /** Patches of the run; none is for a unit, and those for the static Pod in its place are told of. Default: none */
  readonly patches?: readonly Patch[]
}

/** The files of a unit, and what its static Pod would have that it has not. */
export interface UnitFiles {
  /** The unit first. */
  readonly files: readonly HostFile[]
  readonly notes: readonly string[]
}

/** Where systemd looks for units that an administrator has made. @see systemd.unit(5) */
export const UNITS_DIR = '/etc/systemd/system'
const ENVIRONMENT_DIR = '/etc/kubernetes/systemd'

/** What systemd is told of a component beside its command line. */
interface UnitRow {
  readonly about: string
  /** `notify`: it says itself when it serves. */
  readonly type: 'notify' | 'exec'
  readonly after: readonly string[]
  /** The part of the description that it is configured by. */
  readonly field: string
}

/**
 * The API server and etcd tell systemd when they serve; the other two do not.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apiserver/pkg/server/genericapiserver.go (SdNotify)
 */
const UNITS: Readonly<Record<StaticPodComponent, UnitRow>> = {
  etcd: { about: 'etcd of Kubernetes', type: 'notify', after: [], field: 'etcd.local' },
  'kube-apiserver': { about: 'Kubernetes API server', type: 'notify', after: ['etcd.service'], field: 'apiServer' },
  'kube-controller-manager': {
    about: 'Kubernetes controller manager',
    type: 'exec',
    after: ['kube-apiserver.service'],
    field: 'controllerManager',
  },
  'kube-scheduler': {
    about: 'Kubernetes scheduler',
    type: 'exec',
    after: ['kube-apiserver.service'],
    field: 'scheduler',
  },
}

/**
 * A unit of systemd that runs a component on the host itself, with the arguments that its static Pod would have, and its
 * environment in a file beside it, which only root reads: everybody may ask systemd for what stands in a unit.
 *
 * It is restarted whenever it ends; the kernel kills it as late as the kubelet has it for Pods of its priority. There are no
 * probes, no requests of resources and no image.
 *
 * @throws {@link UsageError} `KPKI_FIELD_VALUE` for what no unit can hold; `KPKI_FIELD_CONFLICT` for extraVolumes at another
 *   place than they have on the host, variables that are taken from a Pod, and etcd where that is elsewhere
 * @see systemd.service(5), systemd.exec(5); kubernetes/kubernetes v1.20.2, pkg/kubelet/qos/policy.go (-997)
 */
export function systemdFiles(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  traits: HostTraits = {},
  options: UnitOptions = {},
): UnitFiles {
  const { binDir = '/usr/local/bin', patches = [] } = options
  const { about, type, after, field } = UNITS[component]
  if (component === 'etcd' && !controlPlane.localEtcd) {
    throw conflict('etcd.external', 'etcd is elsewhere: this host has no unit of it')
  }
  refusePodsOnly(component, controlPlane, field)
  const args = componentArguments(component, controlPlane, traits).map(({ name, value }) =>
    unitWord(`--${name}=${value}`, `${field}.extraArgs`),
  )
  const env = componentEnv(component, controlPlane, traits).map(({ name = '', value = '' }) =>
    environmentLine(name, value, `${field}.extraEnvs`),
  )
  const environment = `${ENVIRONMENT_DIR}/${component}.env`
  const needed = after.filter(unit => unit !== 'etcd.service' || controlPlane.localEtcd !== undefined)
  const lines = [
    '# Written by kpki init --as systemd. Further settings go into a drop-in: systemctl edit.',
    '[Unit]',
    `Description=${about}`,
    'Documentation=https://kubernetes.io/docs/',
    `After=${['network-online.target', ...needed].join(' ')}`,
    `Wants=${['network-online.target', ...needed].join(' ')}`,
    // It is to come back however often it has ended: etcd may be long in coming.
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    `Type=${type}`,
    ...(env.length === 0 ? [] : [`EnvironmentFile=${environment}`]),
    `ExecStart=${[unitProgram(`${binDir}/${component}`, 'binDir'), ...args].join(' \\\n  ')}`,
    'Restart=always',
    'RestartSec=5',
    // As long as init waits for it, and a static Pod's startup probe.
    ...(type === 'notify'
      ? [`TimeoutStartSec=${Math.max(1, Math.ceil(controlPlane.timeoutSeconds.controlPlaneComponentHealthCheck))}`]
      : []),
    'LimitNOFILE=1048576',
    'OOMScoreAdjust=-997',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ]
  const unit: HostFile = { path: `${UNITS_DIR}/${component}.service`, mode: 0o644, bytes: encodeUtf8(lines.join('\n')) }
  const envFile: HostFile = { path: environment, mode: 0o600, bytes: encodeUtf8(`${env.join('\n')}\n`), isSecret: true }
  return {
    files: env.length === 0 ? [unit] : [unit, envFile],
    notes: notesOf(component, controlPlane, field, patches),
  }
}

/** What a Pod can do and a program on the host cannot: another run would not find what this one was told of. */
function refusePodsOnly(component: StaticPodComponent, controlPlane: ControlPlane, field: string): void {
  for (const [index, volume] of (optionsOf(component, controlPlane)?.extraVolumes ?? []).entries()) {
    if (volume.hostPath === volume.mountPath) continue
    throw conflict(
      `${field}.extraVolumes[${index}].mountPath`,
      'without a Pod nothing is mounted: the component sees the path that the host has',
      'give the volume the same hostPath and mountPath, and name that in extraArgs',
    )
  }
  for (const { name = '', valueFrom } of componentEnv(component, controlPlane)) {
    if (!valueFrom) continue
    throw conflict(
      `${field}.extraEnvs`,
      `without a Pod there is nothing that ${name} could be taken from`,
      'give it a value',
    )
  }
}

function conflict(field: string, message: string, hint?: string): UsageError {
  return new UsageError('KPKI_FIELD_CONFLICT', `${field}: ${message}`, {
    details: { field },
    ...(hint ? { hint } : {}),
  })
}

function notesOf(
  component: StaticPodComponent,
  controlPlane: ControlPlane,
  field: string,
  patches: readonly Patch[],
): readonly string[] {
  const volumes = optionsOf(component, controlPlane)?.extraVolumes ?? []
  const files = [...new Set(patches.filter(({ target }) => target === component).map(({ file }) => file))]
  const values = componentArguments(component, controlPlane).filter(({ value }) => value.includes('$('))
  return [
    ...(volumes.length === 0
      ? []
      : [`${field}.extraVolumes: ${component} sees the host's files, all of them writable; a unit mounts nothing`]),
    ...files.map(file => `${file} is a patch for a static Pod, and not applied to a unit`),
    ...values.map(({ name }) => `${field}.extraArgs: $(…) in --${name} stays as it is; only a Pod replaces it`),
  ]
}
