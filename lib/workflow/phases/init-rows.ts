/** A phase as help, completion and docs name it. */
export interface PhaseRow {
  /** e.g. `certs/apiserver` */
  readonly path: string
  readonly about: string
}

/**
 * The phases of `init`, for who only names them: what `INIT_PHASES` holds, a test says so. By itself, because the command line's
 * help is not to load everything that renders a control plane.
 */
export const INIT_PHASE_ROWS: readonly PhaseRow[] = [
  { path: 'preflight', about: 'look at the host, and fetch the images that are wanted' },
  { path: 'certs', about: 'make certificates and keys, or verify those that are there' },
  { path: 'certs/ca', about: 'the cluster CA: components, kubelets and users' },
  { path: 'certs/apiserver', about: 'what the API server shows its clients' },
  { path: 'certs/apiserver-kubelet-client', about: 'the API server as a client of kubelets' },
  { path: 'certs/front-proxy-ca', about: 'the CA of the aggregation layer' },
  { path: 'certs/front-proxy-client', about: 'the API server as a client of extension API servers' },
  { path: 'certs/etcd-ca', about: 'the CA of etcd: whoever it signs may read all' },
  { path: 'certs/etcd-server', about: 'what etcd shows its clients' },
  { path: 'certs/etcd-peer', about: 'what etcd members show each other' },
  { path: 'certs/etcd-healthcheck-client', about: "the liveness probe's client certificate for etcd" },
  { path: 'certs/apiserver-etcd-client', about: 'the API server as a client of etcd' },
  { path: 'certs/sa', about: 'the key pair that service-account tokens are signed with' },
  {
    path: 'kubeconfig',
    about: 'make the kubeconfigs of administrators, the kubelet and the components, or verify those that are there',
  },
  { path: 'kubeconfig/admin', about: 'for administrators' },
  { path: 'kubeconfig/super-admin', about: 'for emergencies: no authorizer can refuse it' },
  { path: 'kubeconfig/kubelet', about: "the node's kubelet" },
  { path: 'kubeconfig/controller-manager', about: 'the controller manager' },
  { path: 'kubeconfig/scheduler', about: 'the scheduler' },
  { path: 'etcd', about: 'put etcd on this host' },
  { path: 'etcd/local', about: 'make the data directory, and the static Pod, or unit, of a single member' },
  { path: 'control-plane', about: 'put the components of the control plane on this host' },
  { path: 'control-plane/apiserver', about: 'the API server: its static Pod, or its unit' },
  { path: 'control-plane/controller-manager', about: 'the controller manager: its static Pod, or its unit' },
  { path: 'control-plane/scheduler', about: 'the scheduler: its static Pod, or its unit' },
  { path: 'kubelet-start', about: "write the kubelet's settings, and start it with them" },
  { path: 'wait-control-plane', about: 'wait for the kubelet and for the components of the control plane to be well' },
  { path: 'upload-config', about: 'put into the cluster what it is: kubeadm-config, kubelet-config' },
  { path: 'upload-config/kubeadm', about: 'the ClusterConfiguration, as the ConfigMap kubeadm-config' },
  {
    path: 'upload-config/kubelet',
    about:
      'the KubeletConfiguration, as a ConfigMap; up to v1.33 also the socket of the container runtime, on the Node',
  },
  { path: 'upload-certs', about: 'put the files that control planes share into the cluster, encrypted, for two hours' },
  { path: 'mark-control-plane', about: 'label the node as one of the control plane, and taint it' },
  { path: 'bootstrap-token', about: 'make bootstrap tokens, allow hosts to join with them, and publish cluster-info' },
  { path: 'kubelet-finalize', about: 'leave the kubelet to renew its own client certificate' },
  {
    path: 'kubelet-finalize/enable-client-cert-rotation',
    about: 'let /etc/kubernetes/kubelet.conf name the certificate that the kubelet renews',
  },
  { path: 'addon', about: 'put CoreDNS and kube-proxy into the cluster' },
  {
    path: 'addon/coredns',
    about: "CoreDNS, the cluster's DNS server; how many there are and a Corefile that somebody changed stay",
  },
  { path: 'addon/kube-proxy', about: 'kube-proxy, which makes Services reachable, on every node' },
  { path: 'show-join-command', about: 'say how workers and further control planes join' },
]
