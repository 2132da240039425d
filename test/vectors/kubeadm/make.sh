#!/bin/sh
# Made once with kubeadm v1.20.2; the files are kept, not made anew. Valid from 2026-11-21 on.
set -eu
cd "$(dirname "$0")"
rm -rf v1.20.2 && mkdir v1.20.2 && cd v1.20.2
cat > cluster.yaml <<YAML
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
certificatesDir: $PWD/pki
controlPlaneEndpoint: api.example.org:6443
apiServer: {certSANs: [extra.example.org, 192.0.2.7]}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
nodeRegistration: {name: cp-1}
YAML
kubeadm=${KUBEADM:-kubeadm}
$kubeadm init phase certs all --config cluster.yaml
$kubeadm init phase kubeconfig all --config cluster.yaml --kubeconfig-dir .
sed -i "s|$PWD|/etc/kubernetes|" cluster.yaml
