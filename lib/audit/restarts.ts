import type { TreeItemId } from './rules.js'
import type { ActualTree, Change, Restart } from './types.js'

/** One component that reads an item. */
interface Reader {
  readonly component: Restart['component']
  readonly how: Restart['how']
  /** What goes on until then while the old certificate is good. A sentence without its end. */
  readonly stillGood: string
  /** What goes on until then when the old certificate has ended. */
  readonly ended: string
}

const inAMinute = 'takes it up within a minute'

/**
 * Who reads what, and whether it reads it again while it runs.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/apiserver/pkg/server/options/serving.go and authentication.go,
 *   staging/src/k8s.io/kube-aggregator/pkg/apiserver/apiserver.go (files that are read every minute:
 *   dynamiccertificates.FileRefreshDuration); staging/src/k8s.io/client-go/transport/transport.go (client certificates of files,
 *   read again for new connections; those out of a kubeconfig's data are not); pkg/kubelet/certificate/transport.go and
 *   staging/src/k8s.io/client-go/util/certificate/certificate_store.go (the kubelet looks at its PEM when it starts);
 *   cmd/kube-controller-manager/app/controllermanager.go (--root-ca-file), pkg/controller/certificates/signer/ca_provider.go;
 *   etcd v3.4, pkg/transport/listener.go (GetCertificate and GetClientCertificate read the files, CA pools are read once)
 */
const READERS: Partial<Record<TreeItemId, readonly Reader[]>> = {
  'etcd-ca': [
    {
      component: 'etcd',
      how: 'restart',
      stillGood: 'etcd goes on with the CA certificate that it has read',
      ended: 'etcd refuses the API server and its other members',
    },
    {
      component: 'kube-apiserver',
      how: 'restart',
      stillGood: 'kube-apiserver goes on with the CA certificate of etcd that it has read',
      ended: 'kube-apiserver refuses etcd',
    },
  ],
  'etcd-server': [
    {
      component: 'etcd',
      how: 'reloads',
      stillGood: 'etcd shows it to every new connection',
      ended: 'The API server refuses etcd until its next attempt to connect',
    },
  ],
  'etcd-peer': [
    {
      component: 'etcd',
      how: 'reloads',
      stillGood: 'etcd shows it to other members with every new connection',
      ended: 'Members of etcd refuse each other until their next attempt to connect',
    },
  ],
  'apiserver-etcd-client': [
    {
      component: 'kube-apiserver',
      how: 'reloads',
      stillGood: 'kube-apiserver shows it to etcd with every new connection',
      ended: 'etcd refuses kube-apiserver until its next attempt to connect',
    },
  ],
  ca: [
    {
      component: 'kube-apiserver',
      how: 'reloads',
      stillGood: `kube-apiserver ${inAMinute}`,
      ended: `kube-apiserver refuses every client certificate until it ${inAMinute.replace('takes', 'has taken')}`,
    },
    {
      component: 'kube-controller-manager',
      how: 'restart',
      stillGood: 'kube-controller-manager goes on giving Pods the CA certificate that it has read',
      ended: 'Pods get the old CA certificate, and refuse the API server',
    },
    {
      component: 'kubelet',
      how: 'reloads',
      stillGood: `The kubelet ${inAMinute}`,
      ended: 'The kubelet refuses kube-apiserver, e.g. for kubectl logs and exec, for up to a minute',
    },
  ],
  apiserver: [
    {
      component: 'kube-apiserver',
      how: 'reloads',
      stillGood: `kube-apiserver ${inAMinute}`,
      ended: 'Every client refuses kube-apiserver, for up to a minute',
    },
  ],
  'apiserver-kubelet-client': [
    {
      component: 'kube-apiserver',
      how: 'reloads',
      stillGood: 'kube-apiserver shows it to kubelets with every new connection',
      ended: 'Kubelets refuse kube-apiserver, e.g. for kubectl logs and exec, until it connects anew',
    },
  ],
  'front-proxy-ca': [
    {
      component: 'kube-apiserver',
      how: 'reloads',
      stillGood: `kube-apiserver ${inAMinute}, and publishes it for extension API servers`,
      ended: 'Extension API servers refuse what kube-apiserver passes on, until it has published it',
    },
  ],
  'front-proxy-client': [
    {
      component: 'kube-apiserver',
      how: 'reloads',
      stillGood: `kube-apiserver ${inAMinute}`,
      ended: 'Extension API servers, e.g. metrics-server, refuse what kube-apiserver passes on, for up to a minute',
    },
  ],
  sa: [
    {
      component: 'kube-apiserver',
      how: 'restart',
      stillGood: 'kube-apiserver goes on judging tokens by the public key that it has read',
      ended: 'kube-apiserver goes on judging tokens by the public key that it has read',
    },
  ],
  'controller-manager.conf': [
    {
      component: 'kube-controller-manager',
      how: 'restart',
      stillGood: 'kube-controller-manager goes on with what it has read',
      ended: 'The API server refuses kube-controller-manager',
    },
  ],
  'scheduler.conf': [
    {
      component: 'kube-scheduler',
      how: 'restart',
      stillGood: 'kube-scheduler goes on with what it has read',
      ended: 'The API server refuses kube-scheduler: no new Pod gets a node',
    },
  ],
  'kubelet.conf': [
    {
      component: 'kubelet',
      how: 'restart',
      stillGood: 'The kubelet goes on with what it has read',
      ended: 'The API server refuses the kubelet: its node is NotReady',
    },
  ],
  'kubelet-client': [
    {
      component: 'kubelet',
      how: 'restart',
      stillGood: 'The kubelet goes on with what it has read',
      ended: 'The API server refuses the kubelet: its node is NotReady',
    },
  ],
}

/** What a component needs stands before it. */
const ORDER = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet'] as const

/** A change as far as those who read the item are concerned. */
export interface ReadChange extends Pick<Change, 'id'> {
  /** When the certificate ends that is replaced; `undefined` where none is. */
  readonly oldEnd: Date | undefined
  /** Names that the old certificate of a server lacks. */
  readonly newNames: readonly string[]
}

/**
 * Which components of a node must be restarted after changes, in the order in which to do it, and which take them up by themselves.
 *
 * @param node - the node's name, where it is known
 * @param tree - who is told to read more than kubeadm tells them
 */
export function restartsOf(
  changes: readonly ReadChange[],
  node: string | undefined,
  now: Date,
  tree: ToldReaders,
): readonly Restart[] {
  const told = readersOfCa(tree)
  const readersOf = (id: TreeItemId) => [...(READERS[id] ?? []), ...(id === 'ca' ? told : [])]
  return ORDER.flatMap(component => {
    const concerned = changes.flatMap(change =>
      readersOf(change.id)
        .filter(reader => reader.component === component)
        .map(reader => ({ change, reader })),
    )
    if (concerned.length === 0) return []
    const how = concerned.some(({ reader }) => reader.how === 'restart') ? 'restart' : 'reloads'
    return {
      component,
      node,
      how,
      because: [...new Set(concerned.map(({ change }) => change.id))],
      until: [...new Set(concerned.flatMap(({ change, reader }) => untilOf(change, reader, how, now)))],
    } satisfies Restart
  })
}

/** What of a tree says who reads `pki/ca.crt` itself. */
export type ToldReaders = Pick<ActualTree, 'rows' | 'manifests'>

/**
 * Who is told to read `pki/ca.crt` as a client: a client reads its CA once, when it starts.
 *
 * @see kubernetes/kubernetes v1.20.2, staging/src/k8s.io/client-go/transport/transport.go (TLSConfigFor, loadTLSFiles),
 *   pkg/kubelet/client/kubelet_client.go (MakeTransport)
 */
function readersOfCa({ rows, manifests }: ToldReaders): readonly Reader[] {
  const isCa = (path: string | undefined) =>
    path !== undefined && /\/ca\.crt$/.test(path) && !/\/etcd\/ca\.crt$/.test(path)
  const ofKubelets = manifests.flags.get('kube-apiserver')?.get('kubelet-certificate-authority')
  const users = [
    ['controller-manager.conf', 'kube-controller-manager'],
    ['scheduler.conf', 'kube-scheduler'],
    ['kubelet.conf', 'kubelet'],
  ] as const
  return [
    ...(isCa(ofKubelets)
      ? [
          {
            component: 'kube-apiserver',
            how: 'restart',
            stillGood: 'kube-apiserver goes on judging kubelets by the CA certificate that it has read',
            ended: 'kube-apiserver refuses kubelets, e.g. for kubectl logs and exec',
          } as const,
        ]
      : []),
    ...users.flatMap(([id, component]): Reader[] => {
      if (!isCa(rows.get(id)?.kubeconfig?.caFile)) return []
      const who = component === 'kubelet' ? 'The kubelet' : component
      return [
        {
          component,
          how: 'restart',
          stillGood: `${who} goes on with the CA certificate that it has read`,
          ended: `${who} refuses kube-apiserver`,
        },
      ]
    }),
  ]
}

/** What goes on until then; that something is taken up by itself does not matter to who restarts it anyway. */
function untilOf(
  { oldEnd, newNames }: ReadChange,
  { stillGood, ended, how }: Reader,
  whole: Restart['how'],
  now: Date,
): readonly string[] {
  const isOver = oldEnd !== undefined && oldEnd < now
  if (whole === 'restart' && how === 'reloads' && !isOver && newNames.length === 0) return []
  const end = !isOver && how === 'restart' && oldEnd ? `, and its old certificate ends on ${day(oldEnd)}` : ''
  return [
    `${isOver ? ended : stillGood}${end}.`,
    ...(newNames.length > 0 ? [`Clients that dial ${newNames.join(', ')} refuse it until then.`] : []),
  ]
}

function day(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}
