export const runKubeconfigVerify = async () => 0
