#!/bin/sh
# What kubeadm v1.20.2 writes for the kubelet of each description in kubelet/*.in.yaml, on a host named host-1, and the
# KubeProxyConfiguration that it prints. Needs root, and kubeadm in $KUBE_BINARIES.
set -eu
cd "$(dirname "$0")/kubelet"
kubeadm=$KUBE_BINARIES/kubeadm
"$kubeadm" version -o short
for input in *.in.yaml; do
  name=${input%.in.yaml}
  # Its own /var/lib/kubelet and hostname; nothing in PATH, so that it finds neither Docker nor systemd.
  unshare --mount --uts sh -ec "
    hostname host-1
    mkdir -p /var/lib/kubelet && mount -t tmpfs none /var/lib/kubelet
    cp=\$(command -v cp)
    PATH=/nonexistent '$kubeadm' init phase kubelet-start --config $input >/dev/null 2>&1
    \$cp --no-preserve=mode /var/lib/kubelet/config.yaml $name.config.yaml
    \$cp --no-preserve=mode /var/lib/kubelet/kubeadm-flags.env $name.flags.env
  "
done
"$kubeadm" config print init-defaults --component-configs KubeProxyConfiguration 2>/dev/null |
  sed -n '/^apiVersion: kubeproxy/,$p' >proxy-defaults.yaml
